"""Answers to "how do things stand?", "what happened to this event?" and "why?". Nothing here writes anything anywhere.

`status` and `history` ask the ledger alone; `explain` also asks both services, and lets the engine itself decide.
"""
