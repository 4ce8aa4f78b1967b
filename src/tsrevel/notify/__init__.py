"""Telling people and their machines what a run did: mails, monitor pings, hooks. Nothing here changes what it did.

Read `message` first (what is said, pure), then `sendgrid` (mails), `healthchecks` (pings) and `hooks`. Who is told
what, and when, is the command line's to say.
"""
