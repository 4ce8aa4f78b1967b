"""Compares TripleSeat, ledger and Revel: `read` collects, `compare` judges each event, `summary` adds up the days.

Nothing here writes to a service or to the ledger, or takes a lock.
"""
