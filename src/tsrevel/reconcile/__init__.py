"""TripleSeat, ledger and Revel side by side: `read` looks, `compare` judges one event, `summary` sums days up.

Nothing here writes to either service or to the ledger, and no lock is taken.
"""
