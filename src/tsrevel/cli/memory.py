"""When Python looks for garbage: not while a command starts, which makes much and drops little; then as it works."""

from __future__ import annotations

import gc

_STARTING = 200_000
"""New objects until it looks: more than any command makes before it begins its work."""
_AT_WORK = (5_000, 20, 20)


def begin_start() -> None:
    """The process has just begun."""
    gc.set_threshold(_STARTING)


def end_start() -> None:
    """All that the command needs is imported: garbage is what comes now. Does nothing where no start began."""
    if gc.get_threshold()[0] == _STARTING:
        gc.freeze()  # what is there stays, and isn't looked at again
        gc.set_threshold(*_AT_WORK)
