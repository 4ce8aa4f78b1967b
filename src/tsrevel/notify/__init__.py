"""Reports what a run did, by mails, monitor pings and hooks. Nothing here changes what it did.

Read `message` first (the text, pure), then `sendgrid` (mails), `healthchecks` (pings) and `hooks`. The command line
decides who gets which report, and when.
"""
