"""What must hold of what a run keeps and tells: ledger, audit, report, log, token. Sentences for what doesn't."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tsrevel.errors import TsrevelError
from tsrevel.ledger.connection import verify_chain

from .scenario import CONTACT

if TYPE_CHECKING:
    from .play import Run
    from .rig import Rig

SECRETS = ("sandbox-secret", "sandbox-key", "sandbox-access-", "sandbox-refresh-", *CONTACT)
"""What must never be told: by these beginnings the sandbox's keys and tokens are known."""
_OF_ORDERS = """
    SELECT kind, event_id, detail FROM audit WHERE event_id IS NOT NULL
    AND kind IN ('claimed', 'settled', 'disputed', 'foreign', 'released', 'recorded', 'receipt_replaced') ORDER BY seq
"""
_ORDERS = "SELECT event_id, state, order_id FROM orders"
_RECEIPTS = "SELECT event_id, uuid, revel_id FROM receipts"
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """What the ledger's file holds, and in words what is broken of it; nothing where there is no file."""

    broken: tuple[str, ...] = ()
    audit: list[Row] = field(default_factory=list)
    orders: list[Row] = field(default_factory=list)
    receipts: list[Row] = field(default_factory=list)


def look_at_ledger(rig: Rig) -> Kept:
    """All of it in one look: to open the file anew for each invariant would cost more than to judge it."""
    path = rig.folder / "ledger.sqlite3"
    if not path.exists():
        return Kept()
    with closing(sqlite3.connect(path)) as connection:
        audit, orders, receipts = (connection.execute(sql).fetchall() for sql in (_OF_ORDERS, _ORDERS, _RECEIPTS))
        return Kept(tuple(_find_broken(connection)), audit, orders, receipts)


def _find_broken(connection: sqlite3.Connection) -> Iterator[str]:
    connection.row_factory = sqlite3.Row
    finding = connection.execute("PRAGMA integrity_check").fetchone()[0]
    if finding != "ok":
        yield f"the ledger's file is broken: {finding}"
    try:
        verify_chain(connection)
    except TsrevelError as error:
        yield f"the audit is broken: {error}"


def the_ledger_is_whole(_rig: Rig, run: Run) -> Iterator[str]:
    """The database passes SQLite's own check, and the chain of the audit has no gap."""
    yield from run.kept.broken


def every_row_has_its_audit(_rig: Rig, run: Run) -> Iterator[str]:
    """What the ledger says of an order and of each of its steps, the audit says too."""
    states: dict[str, str] = {}
    recorded: set[tuple[str, str, str | None]] = set()
    for kind, event_id, detail in run.kept.audit:
        if kind in {"recorded", "receipt_replaced"}:
            told = json.loads(detail)
            recorded.add((event_id, told["uuid"], told.get("revel_id")))
        else:
            states[event_id] = kind
    for event_id, state, _ in run.kept.orders:
        if states.get(event_id) != state:
            yield f"the ledger calls event {event_id} {state}, its audit says {states.get(event_id, 'nothing')}"
    for event_id, uuid, _ in sorted(set(run.kept.receipts) - recorded, key=str):
        yield f"the receipt {uuid} of event {event_id} is not in the audit"


def no_secret_is_told(rig: Rig, run: Run) -> Iterator[str]:
    """No key, token or customer's name is in the report, the log or the ledger."""
    told = f"{run.report!r} {run.error!r} {run.log}"
    kept = b"".join(path.read_bytes() for path in rig.folder.glob("ledger.sqlite3*") if path.is_file())
    for secret in SECRETS:
        if secret in told or secret.encode() in kept:
            yield f"a secret is told: {secret}"


def a_dead_token_calls_for_a_person(rig: Rig, run: Run) -> Iterator[str]:
    """A refresh token that TripleSeat no longer takes ends the run with exit status 12 (facts TripleSeat 1.3).

    The run still looks after its orders at Revel. An alarm there is more severe: 14.
    """
    struck = any(run.first_point <= number <= run.last_point for number, _ in rig.fired)
    expected = 14 if run.report and any(each.alarm for each in run.report.outcomes) else 12
    if rig.asked_token and not rig.token_was_good and not struck and run.exit_status != expected:
        yield f"run {run.number} was refused its token and ended with exit status {run.exit_status}"


def a_new_token_is_kept(rig: Rig, run: Run) -> Iterator[str]:
    """A token that TripleSeat has renewed in a run that ended is on disk: the one before it is dead."""
    if rig.token_arrived and not run.died and not rig.token_is_good():
        yield f"run {run.number} renewed the token and did not keep it"
