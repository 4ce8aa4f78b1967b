"""The ledger, tried through its public face; raw SQLite only to do harm from outside."""
