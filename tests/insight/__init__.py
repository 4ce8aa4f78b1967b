"""The answers of `status`, `history`, `explain` and `resolve`; how they are told is tried in tests/cli."""
