"""Answers what the status is, what happened to an event, and why. Nothing here writes.

`status` and `history` read only the ledger. `explain` also reads both services, and lets the engine decide.
"""
