"""A base for values that hold a secret: whoever prints one sees nothing of it."""

from __future__ import annotations


class Secret:
    """For a dataclass with `repr=False`: neither `repr` nor rich shows any of its fields."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"
