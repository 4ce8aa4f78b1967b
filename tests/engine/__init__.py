"""The engine in a whole world: both pretend services, virtual time, a real ledger."""
