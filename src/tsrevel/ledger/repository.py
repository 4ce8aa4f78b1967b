"""The base of all repositories: they ask the ledger questions, and make records of the rows."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any, TypeVar, get_type_hints

from tsrevel.ledger.connection import Transactions, Values
from tsrevel.ledger.records import decode_instant
from tsrevel.planning.model import EventId

T = TypeVar("T")


class Repository:
    """Asks the ledger. Each question sees one state; inside `transactions.reading()` several see the same."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def _all(self, decode: Callable[[sqlite3.Row], T], sql: str, values: Values = ()) -> tuple[T, ...]:
        with self._transactions.reading() as connection:
            return tuple(map(decode, connection.execute(sql, values)))

    def _first(self, decode: Callable[[sqlite3.Row], T], sql: str, values: Values = ()) -> T | None:
        return next(iter(self._all(decode, sql, values)), None)

    def _by_ids(self, decode: Callable[[sqlite3.Row], T], sql: str, ids: Iterable[str]) -> tuple[T, ...]:
        """The statement's only parameter is a JSON list."""
        return self._all(decode, sql, (json.dumps(list(ids)),))

    def _is(self, sql: str, values: Values = ()) -> bool:
        """For a statement that selects one truth."""
        return bool(self._first(lambda row: row[0], sql, values))


def record_of(kind: Callable[..., T], row: sqlite3.Row, **decoded: object) -> T:
    """A record of the class `kind`: its fields are `decoded` and, for all others, the columns of their names.

    Days, instants, truths and JSON are decoded by the field's type; all else is as stored.
    """
    columns = {name: decode(row[name]) for name, decode in _decoders(kind).items() if name not in decoded}
    return kind(**columns, **decoded)


def reader_of(kind: Callable[..., T]) -> Callable[[sqlite3.Row], T]:
    """`record_of` for rows that have a column for each field."""
    return lambda row: record_of(kind, row)


def event_id_of(row: sqlite3.Row) -> EventId:
    return EventId(row["event_id"])


@cache
def _decoders(kind: Callable[..., object]) -> Mapping[str, Callable[[Any], object]]:
    return {name: _DECODERS.get(of_type, _as_stored) for name, of_type in get_type_hints(kind).items()}


_DECODERS: Mapping[object, Callable[[Any], object]] = {
    bool: bool,
    datetime: datetime.fromisoformat,
    datetime | None: decode_instant,
    date | None: lambda text: date.fromisoformat(text) if text else None,
    Mapping[str, str]: json.loads,
    Mapping[str, int]: json.loads,
    tuple[str, ...]: lambda text: tuple(json.loads(text or "[]")),
}


def _as_stored(value: object) -> object:
    return value
