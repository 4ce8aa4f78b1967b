"""The checks of `doctor`, room by room; the whole command line is tried in tests/cli."""
