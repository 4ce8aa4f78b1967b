"""What commands that look into the ledger cost when it holds many events: none may load all of them."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from benchmarks.measure import HELD, KNOWN, Cost, meet, run_command, run_sync
from benchmarks.place import FIRST_EVENT, TSREVEL, Installation, install
from benchmarks.report import Goal, print_table, progress, show

EVENTS, LINES = 100_000, 2
DAYS, LATEST = 1_000, 30
"""The events are spread over so many days, the latest of them so many days ago: no run looks at them any more."""
MOST, SLOWEST = 120.0, 2.0
BY_EVENT = ("orders", "steps", "receipts", "sightings", "attempts")
"""The tables with rows of an event, each after those that it refers to."""


def measure_ledgers() -> list[Goal]:
    """Memory and time of each command by a ledger of `EVENTS` settled events."""
    with install() as place:
        meet(place)
        place.add_events(1, LINES)
        run_sync(place, injected=1)
        progress(f"a ledger of {EVENTS:,} events is made")
        grow(place.folder / "ledger.sqlite3", str(FIRST_EVENT), EVENTS)
        costs = dict(_measure(place))
    heads = (f"{EVENTS:,} settled events", "wall s", "CPU s", "peak MB")
    rows = [[name, *map(show, (cost.wall, cost.cpu, cost.peak))] for name, cost in costs.items()]
    print_table("Commands by a big ledger", heads, rows)
    memory = [Goal(f"peak memory of {name}", cost.peak, MOST, "MB") for name, cost in costs.items()]
    return [*memory, Goal("explain by a big ledger", costs["explain EVENT"].cpu, SLOWEST, "CPU s")]


def _measure(place: Installation) -> Iterator[tuple[str, Cost]]:
    event, day = str(FIRST_EVENT), _day(LATEST + 7)
    commands: dict[str, Sequence[str]] = {
        "explain EVENT": ["explain", event],
        "explain --offline EVENT": ["explain", "--offline", event],
        "history": ["history"],
        "history EVENT": ["history", event],
        "status": ["status"],
        "sync": ["sync"],
        "reconcile, a day": ["reconcile", "--from", day, "--to", day],
        "replay --held": ["replay", "--held"],
        "ledger check": ["ledger", "check"],
        "ledger export": ["ledger", "export", "--output", str(place.folder / "export.jsonl")],
        "ledger prune --dry-run": ["ledger", "prune", "--older-than", "400", "--dry-run"],
    }
    for name, words in commands.items():
        progress(name)
        yield name, run_command(place, [TSREVEL, *words, "--config", str(place.config)], statuses=(0, HELD))


def _day(ago: int) -> str:
    return (date.today() - timedelta(days=ago)).isoformat()  # noqa: DTZ011 (to the day is enough)


def grow(path: Path, like: str, count: int, *, numbered: int = KNOWN - EVENTS, day: str | None = None) -> None:
    """Give the ledger `count` more events, each like the event `like`: its order, receipts, and facts of the audit.

    Their ids begin at `numbered`. They are all of one `day`, or of many that have passed.
    """
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.row_factory = sqlite3.Row
        rows = {name: _rows_of(connection, name, like) for name in (*BY_EVENT, "audit")}
        seq, head = connection.execute("SELECT audit_count, audit_head FROM meta").fetchone()
        for n in range(count):
            number, at = str(numbered + n), day or _day(LATEST + n % DAYS)
            plan = _plan_of(rows["orders"][0]["plan"], like, number, at)
            changed: dict[str, object] = {"event_id": number, "plan": plan, "event_day": at}
            for name in BY_EVENT:
                for row in rows[name]:
                    _insert(connection, name, {key: changed.get(key, value) for key, value in row.items()})
            for row in rows["audit"]:
                seq += 1
                detail = row["detail"]
                if row["kind"] == "claimed":
                    detail = detail.replace(json.loads(detail)["plan_hash"], hashlib.sha256(plan.encode()).hexdigest())
                content = {**row, "seq": seq, "event_id": number, "detail": detail}
                head = _chain(connection, head, content)
        connection.execute("UPDATE meta SET audit_count = ?, audit_head = ?", (seq, head))


def _rows_of(connection: sqlite3.Connection, table: str, event: str) -> list[dict[str, Any]]:
    found = connection.execute(f"SELECT * FROM {table} WHERE event_id = ?", (event,))  # noqa: S608 (names of our own)
    return [dict(row) for row in found]


def _insert(connection: sqlite3.Connection, table: str, row: Mapping[str, object]) -> None:
    names, places = ", ".join(row), ", ".join(f":{name}" for name in row)
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", row)  # noqa: S608 (likewise)


def _plan_of(plan: str, like: str, number: str, day: str) -> str:
    """The plan of another event on another day."""
    return plan.replace(json.loads(plan)["day"], day).replace(like, number)


def _chain(connection: sqlite3.Connection, head: str, content: Mapping[str, Any]) -> str:
    """Add a fact to the audit, chained to the one before as tsrevel chains it; its hash."""
    hashed = [content[name] for name in ("seq", "at", "run_id", "kind", "event_id", "detail")]
    after = hashlib.sha256(json.dumps([head, *hashed], separators=(",", ":")).encode()).hexdigest()
    _insert(connection, "audit", {**content, "previous_hash": head, "hash": after})
    return after
