"""Maintenance of the ledger's file: a check of everything, a copy, and its rows as data without free text."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from tsrevel.errors import LedgerCode, LedgerDamaged, LedgerUnusable
from tsrevel.files import real_path
from tsrevel.ledger.audit import check_audit
from tsrevel.ledger.connection import SQLITE, Connect, mapped, reachable
from tsrevel.ledger.database import Inspection, inspect_ledger
from tsrevel.ledger.migrations import back_up
from tsrevel.ledger.orders import count_by_state, count_old_details
from tsrevel.ledger.records import OrderState
from tsrevel.ledger.view import open_view

T = TypeVar("T")

REDACTED = "[redacted]"
"""Stands where an export leaves a text out."""

_BULK = "catalogues"
"""What Revel listed last, compressed: a copy, no fact of its own."""
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
_CODES = """
    environment audit_head run_id correlation_id mode started_at finished_at summary event_id state order_id
    local_id digest doubt_until_at look_again_at sent_at touched_at kind uuid revel_id recorded_at event_day status
    reason text_hash missed_at first_seen_at last_seen_at updated at previous_hash hash trigger subject stamp handled_at
    shown seen_at since_at seen_trouble verdict resolved_at location occasion made_at tried_at
"""
_OPEN = frozenset(_CODES.split())
"""The columns whose texts are codes, ids, days, instants and sums. Whatever text is in another is left out."""
_DETAILS = """
    correlation_id mode dry_run exit_status summary was plan_hash total step uuid revel_id order_id digest until
    at local_id cancelled day status reason text_hash trigger subject stamp body signed shown since verdict attempts
    receipts deliveries sightings shown_orders older_than change
"""
_OPEN_DETAILS = frozenset(_DETAILS.split())
"""The same of the audit's details."""
_OF_PLAN = frozenset({"line", "override", "note"})
"""What of a plan people have typed."""
_PAUSED_REASON = ("pause", "reason")


@dataclass(frozen=True, slots=True)
class Census:
    """A sound ledger: what the look at it found, the rows of each table, the orders in each state, its bytes."""

    inspection: Inspection
    tables: Mapping[str, int]
    orders: Mapping[OrderState, int]
    size: int


def check_ledger(path: Path, environment: str, opened_by: Connect = SQLITE) -> Census | None:
    """Everything that can be checked of the ledger at `path`; None if there is none. Changes nothing, takes no lock.

    Raises LedgerDamaged for whatever is broken, a file that isn't SQLite's included; LedgerUnusable for one that isn't
    ours, newer or of another environment.
    """
    inspection = inspect_ledger(path, environment=environment, opened_by=opened_by)
    if inspection is None:
        return None
    with _look(path, environment, opened_by) as connection:
        _check_references(connection, path)
        check_audit(connection, path)
        tables = {name: _count(connection, name) for name in _tables(connection)}
        with reachable(path):
            return Census(inspection, tables, count_by_state(connection), path.stat().st_size)


def back_up_ledger(path: Path, target: Path, environment: str, opened_by: Connect = SQLITE) -> Census:
    """Copies the ledger at `path` to the new file `target` (0600), also while a run writes, and checks the copy.

    Raises LedgerUnusable where there is none, or `target` exists.
    """
    with _look(path, environment, opened_by), reachable(target), mapped(path):
        if target.exists() or target.is_symlink():
            raise LedgerUnusable(LedgerCode.EXISTS, f"The backup {target} exists already: name a new file.")
        back_up(real_path(path), target)
    return _there(check_ledger(target, environment, opened_by), target)


def export_rows(path: Path, environment: str, opened_by: Connect = SQLITE) -> Iterator[dict[str, object]]:
    """Every row of every table but that of the catalogues, as {"table": ..., and its columns}, free text taken out.

    All rows are of one moment; a run may go on meanwhile. Raises LedgerUnusable where there is no ledger.
    """
    with _look(path, environment, opened_by) as connection:
        for table in filter(_BULK.__ne__, _tables(connection)):
            for row in connection.execute(f"SELECT * FROM {table} ORDER BY rowid"):  # noqa: S608 (names of our own)
                yield {"table": table, **{key: _redact(table, key, row[key]) for key in row.keys()}}  # noqa: SIM118


def count_prunable(path: Path, environment: str, before: datetime, opened_by: Connect = SQLITE) -> dict[str, int]:
    """How many rows of each table `Ledger.prune` would drop. Changes nothing. Raises LedgerUnusable for none."""
    with _look(path, environment, opened_by) as connection:
        return count_old_details(connection, before)


@contextmanager
def _look(path: Path, environment: str, opened_by: Connect) -> Iterator[sqlite3.Connection]:
    with _there(open_view(path, environment, opened_by), path) as view, view.reading() as connection:
        yield connection


def _there(what: T | None, path: Path) -> T:
    if what is None:
        text = f"There is no ledger at {path}: set [ledger] path to the right file; the first run makes it."
        raise LedgerUnusable(LedgerCode.ABSENT, text)
    return what


def _tables(connection: sqlite3.Connection) -> tuple[str, ...]:
    return tuple(row["name"] for row in connection.execute(_TABLES))


def _count(connection: sqlite3.Connection, table: str) -> int:
    number: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 (names of our own)
    return number


def _check_references(connection: sqlite3.Connection, path: Path) -> None:
    broken = connection.execute("PRAGMA foreign_key_check").fetchone()
    if broken:
        what = f"a row of {broken['table']} refers to one of {broken['parent']} that isn't there"
        raise LedgerDamaged(
            LedgerCode.BROKEN_REFERENCE, f"The ledger {path} is damaged ({what}): keep the file, and restore a backup."
        )


def _redact(table: str, column: str, value: object) -> object:
    if not isinstance(value, str):
        return value
    if column in {"plan", "seen_plan"}:
        return _redact_plan(json.loads(value))
    if column == "detail":
        return {key: text if key in _OPEN_DETAILS else REDACTED for key, text in json.loads(value).items()}
    if column in {"summary", "shown", "facts"}:
        return json.loads(value)
    return value if column in _OPEN and (table, column) != _PAUSED_REASON else REDACTED


def _redact_plan(part: object) -> object:
    if isinstance(part, list):
        return [_redact_plan(each) for each in part]
    if isinstance(part, dict):
        return {key: REDACTED if key in _OF_PLAN and each else _redact_plan(each) for key, each in part.items()}
    return part
