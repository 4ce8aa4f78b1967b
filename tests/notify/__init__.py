"""Mails, monitor pings and hooks."""
