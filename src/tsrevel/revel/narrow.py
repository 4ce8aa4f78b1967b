"""Lists asked for with the needed fields alone (`fields=`, facts Revel 2.1, documented), and whole where that fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from tsrevel.errors import Refused
from tsrevel.revel.decode import Row

BAD_REQUEST = 400
T = TypeVar("T")
Read = Callable[[dict[str, str]], Iterable[Row]]
"""Reads a list with these parameters beside its filters. Must not leave out a row because a field is missing."""


class _FieldMissingError(Exception):
    """A row came without a field that was asked for."""


class FieldSelector:
    """Narrows the lists of one Revel account; it is asked once only for what it doesn't narrow."""

    def __init__(self) -> None:
        self._whole: set[str] = set()

    def rows(self, resource: str, fields: tuple[str, ...], read: Read, decode: Callable[[Row], T]) -> tuple[T, ...]:
        """Every row, decoded, each of them with all of `fields`. Asked for whole once more where one comes without.

        The same where `fields` is refused (400). What else `read` and `decode` raise is raised here. Rows that come
        whole are decoded as they are: what they lack, Revel doesn't tell.
        """
        if resource not in self._whole:
            try:
                return tuple(decode(_checked(row, fields)) for row in read({"fields": ",".join(fields)}))
            except _FieldMissingError:
                pass
            except Refused as refused:
                if refused.status != BAD_REQUEST:
                    raise
        found = tuple(map(decode, read({})))
        self._whole.add(resource)
        return found


def lacks(row: Row, asked: dict[str, str]) -> bool:
    """Whether the row comes without one of the fields that `asked` names, so that it can't be judged."""
    return any(name not in row for name in asked.get("fields", "").split(",") if name)


def _checked(row: Row, fields: tuple[str, ...]) -> Row:
    if any(name not in row for name in fields):
        raise _FieldMissingError
    return row
