"""Maintenance of the ledger's file: inspect, check everything, back up, export without free text, prune."""

from __future__ import annotations

import errno
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from tsrevel.errors import RESTORE, LedgerCode, LedgerDamaged, LedgerUnusable
from tsrevel.files import DISK_FULL, real_path
from tsrevel.ledger.audit import check_tables
from tsrevel.ledger.connection import (
    SQLITE,
    Connect,
    Values,
    encode_instant,
    mapped,
    reachable,
    read_meta,
    verify_chain,
)
from tsrevel.ledger.database import examine_pages, refuse_leftovers
from tsrevel.ledger.ledger import Ledger, LedgerView
from tsrevel.ledger.migrations import back_up, logs_of, shipped_migrations, version_of
from tsrevel.ledger.reading import again_if_changed, can_lock
from tsrevel.ledger.records import AuditKind, OrderState
from tsrevel.ledger.view import copy_whole, open_view, read_ledger
from tsrevel.planning.assumptions import AssumptionCode

T = TypeVar("T")

REDACTED = "[redacted]"
"""An export has this in place of a text."""

_BULK = "catalogues"
"""The table of compressed products. An export leaves it out: it is only a copy of what Revel lists."""
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
_LAST_FACT = "SELECT at FROM audit ORDER BY seq DESC LIMIT 1"
_CODES = """
    environment audit_head run_id correlation_id mode started_at finished_at event_id state order_id
    locations local_id digest look_again_at doubt_until_at sent_at touched_at kind uuid revel_id recorded_at event_day
    status reason text_hash missed_at first_seen_at last_seen_at updated at previous_hash hash trigger subject stamp
    handled_at seen_at since_at seen_trouble verdict resolved_at location occasion made_at tried_at unlisted_at told_at
    code result tested_at untold
"""
_OPEN = frozenset(_CODES.split())
"""The columns whose texts are codes, ids, days, instants and sums. An export leaves out all other texts."""
_DETAILS = """
    correlation_id mode dry_run exit_status summary was plan_hash total step uuid revel_id order_id digest until
    at local_id cancelled day status reason text_hash trigger subject stamp body signed shown since verdict attempts
    receipts deliveries sightings shown_orders older_than change run_id
"""
_OPEN_DETAILS = frozenset({*_DETAILS.split(), *AssumptionCode})
"""The same for the audit's details."""
_OBJECTS = frozenset({("runs", "summary"), ("shown_orders", "shown"), ("receipts", "facts")})
"""The columns that are JSON objects of such values."""
_PLANS = frozenset({("orders", "plan"), ("orders", "seen_plan")})
_AUDIT_DETAIL = ("audit", "detail")
_OF_PLAN = frozenset({"line", "override", "note"})
"""The fields of a plan that people typed."""
_PAUSED_REASON = ("pause", "reason")
_LONG_SETTLED = """
    SELECT event_id FROM orders LEFT JOIN sightings USING (event_id)
    WHERE state = 'settled' AND plan IS NOT NULL AND look_again_at IS NULL
      AND event_id NOT IN (SELECT event_id FROM open_changes)
      AND orders.touched_at < :before AND coalesce(event_day, json_extract(plan, '$.day')) < :before
"""
_PRUNED: Mapping[str, str] = {
    "receipts": f"receipts WHERE event_id IN ({_LONG_SETTLED}) AND recorded_at < :before",
    "attempts": f"attempts WHERE event_id IN ({_LONG_SETTLED}) AND at < :before",
    "deliveries": "deliveries WHERE handled_at < :before AND subject IN "  # noqa: S608 (written here)
    f"(SELECT 'event ' || event_id FROM ({_LONG_SETTLED}))",
    "sightings": f"""
        sightings WHERE event_id IN ({_LONG_SETTLED}) AND last_seen_at < :before
        AND status IN ('injected', 'skipped') AND missed_at IS NULL
    """,
}
"""The rows to drop of events whose order was settled long ago. Sightings come last: the others need their days."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """A sound ledger: its version, this program's, the number of audit rows, and the time of the last one.

    `last_at` is None if the audit is empty.
    """

    version: int
    newest: int
    facts: int
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class LedgerSummary:
    """A sound ledger: its inspection, the number of rows in each table and of orders in each state, its bytes."""

    inspection: Inspection
    tables: Mapping[str, int]
    orders: Mapping[OrderState, int]
    size: int


@again_if_changed
def inspect_ledger(path: Path, *, environment: str, opened_by: Connect = SQLITE) -> Inspection | None:
    """Checks every page, index and audit row of the ledger at `path`; None if there is none.

    Raises LedgerUnusable (not ours, newer, of another environment, unreadable) and LedgerDamaged.
    """
    with reachable(path):
        real = real_path(path)
        refuse_leftovers(real)
        if not real.exists():
            return None
    with read_ledger(real, environment, opened_by) as connection:
        examine_pages(connection, real, indices=True)
        verify_chain(connection)
        last = connection.execute(_LAST_FACT).fetchone()
        last_at = datetime.fromisoformat(last["at"]) if last else None
        newest = shipped_migrations()[-1].version
        return Inspection(version_of(connection), newest, read_meta(connection).audit_count, last_at)


@again_if_changed
def check_ledger(path: Path, environment: str, opened_by: Connect = SQLITE) -> LedgerSummary | None:
    """Checks everything in the ledger at `path`; None if there is none. Changes nothing and takes no lock.

    Raises LedgerDamaged if anything is broken or the file isn't SQLite's, LedgerUnusable if it isn't ours, is newer or
    belongs to another environment.
    """
    inspection = inspect_ledger(path, environment=environment, opened_by=opened_by)
    if inspection is None:
        return None
    with _read_all(path, environment, opened_by) as (view, connection):
        _check_references(connection, path)
        check_tables(connection, path)
        tables = {name: _count(connection, name) for name in _tables(connection)}
        with reachable(path):
            return LedgerSummary(inspection, tables, view.orders.count_by_state(), path.stat().st_size)


def back_up_ledger(path: Path, target: Path, environment: str, opened_by: Connect = SQLITE) -> LedgerSummary:
    """Copies the ledger at `path` to the new file `target` (0600), even while a run writes, and checks the copy.

    Raises LedgerUnusable if there is no ledger, or if `target`, or a log of an earlier file of that name, exists, or if
    it can't be written.
    """
    real = _require(open_view(path, environment, opened_by), path).path
    try:
        if target.exists() or target.is_symlink():
            raise LedgerUnusable(LedgerCode.EXISTS, f"The backup {target} exists already. Name a new file.")
        if logs := logs_of(target):
            text = f"The log {logs[0]} is left of an earlier file of that name. Remove it, or name a new file."
            raise LedgerUnusable(LedgerCode.EXISTS, text)
        with mapped(path):
            again_if_changed(back_up)(real, target)
    except OSError as error:
        raise unwritable(target, error) from error
    except LedgerUnusable as error:
        if error.code not in {LedgerCode.DISK_FULL, LedgerCode.DISK_FAILED}:
            raise
        raise unwritable(target, OSError(errno.ENOSPC, "the disk is full or failed")) from error
    return _require(check_ledger(target, environment, opened_by), target)


def unwritable(path: Path, error: OSError) -> LedgerUnusable:
    """The error for a backup or an export that can't be written."""
    code, advice = LedgerCode.UNREACHABLE, "Name a file in a folder that exists and that this user may write to."
    if error.errno in DISK_FULL:
        code, advice = LedgerCode.DISK_FULL, "Make room, or name a file on another disk."
    return LedgerUnusable(code, f"The file {path} can't be written ({error.strerror}). {advice}")


def export_rows(path: Path, environment: str, opened_by: Connect = SQLITE) -> Iterator[dict[str, object]]:
    """Every row of every table except the catalogues, as {"table": ..., and its columns}, without free text.

    All rows are of one moment, even if a run writes meanwhile. Raises LedgerUnusable if there is no ledger.
    """
    view = _require(open_view(path, environment, opened_by), path)
    # Rows that were passed on can't be read again. So an unlocked file is copied first.
    steady = view.reading() if can_lock(view.path) else closing(_copy(view))
    with steady as connection:
        for table in filter(_BULK.__ne__, _tables(connection)):
            for row in connection.execute(f"SELECT * FROM {table} ORDER BY rowid"):  # noqa: S608 (names of our own)
                yield {"table": table, **{key: _redact(table, key, row[key]) for key in row.keys()}}  # noqa: SIM118


@again_if_changed
def count_prunable(path: Path, environment: str, before: datetime, opened_by: Connect = SQLITE) -> dict[str, int]:
    """How many rows of each table `prune_details` would drop. Changes nothing. LedgerUnusable if there is no ledger."""
    with _read_all(path, environment, opened_by) as (_, connection):
        bounds = {"before": encode_instant(before)}
        return {table: _count(connection, rows, bounds) for table, rows in _PRUNED.items()}


def prune_details(ledger: Ledger, before: datetime, older_than: int) -> dict[str, int]:
    """Drops the details of orders settled before `before` (`older_than` days ago), and counts the rows by table.

    These stay for ever: each event's order with its id, uuid, local_id and plan, everything held, disputed or foreign,
    all runs, and the whole audit, which records what was dropped.
    """
    with ledger.changing(None) as change:
        bounds = {"before": encode_instant(before)}
        dropped = {
            table: change.execute(f"DELETE FROM {rows}", bounds).rowcount  # noqa: S608
            for table, rows in _PRUNED.items()
        }
        if any(dropped.values()):
            told = {table: str(number) for table, number in dropped.items()}
            change.audit(AuditKind.PRUNED, None, older_than=str(older_than), **told)
        return dropped


@again_if_changed
def _copy(view: LedgerView) -> sqlite3.Connection:
    return copy_whole(view.reading())


@contextmanager
def _read_all(path: Path, environment: str, opened_by: Connect) -> Iterator[tuple[LedgerView, sqlite3.Connection]]:
    with _require(open_view(path, environment, opened_by), path) as view, view.reading() as connection:
        yield view, connection


def _require(what: T | None, path: Path) -> T:
    if what is None:
        text = f"There is no ledger at {path}. Set ledger.path to the right file; the first run creates it."
        raise LedgerUnusable(LedgerCode.ABSENT, text)
    return what


def _tables(connection: sqlite3.Connection) -> tuple[str, ...]:
    return tuple(row["name"] for row in connection.execute(_TABLES))


def _count(connection: sqlite3.Connection, rows: str, values: Values = ()) -> int:
    number: int = connection.execute(f"SELECT count(*) FROM {rows}", values).fetchone()[0]  # noqa: S608 (our own text)
    return number


def _check_references(connection: sqlite3.Connection, path: Path) -> None:
    broken = connection.execute("PRAGMA foreign_key_check").fetchone()
    if broken:
        what = f"a row of {broken['table']} refers to a missing row of {broken['parent']}"
        raise LedgerDamaged(LedgerCode.BROKEN_REFERENCE, f"The ledger {path} is damaged ({what}). {RESTORE}")


def _redact(table: str, column: str, value: object) -> object:
    if not isinstance(value, str):
        return value
    place = (table, column)
    if place in _PLANS:
        return _redact_plan(json.loads(value))
    if place == _AUDIT_DETAIL:
        return {key: text if key in _OPEN_DETAILS else REDACTED for key, text in json.loads(value).items()}
    if place in _OBJECTS:
        return json.loads(value)
    return value if column in _OPEN and place != _PAUSED_REASON else REDACTED


def _redact_plan(part: object) -> object:
    if isinstance(part, list):
        return [_redact_plan(each) for each in part]
    if isinstance(part, dict):
        return {key: REDACTED if key in _OF_PLAN and each else _redact_plan(each) for key, each in part.items()}
    return part
