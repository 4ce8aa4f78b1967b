"""The cost of commands that read a ledger with many events. None may load all events."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.measure import HELD, KNOWN, Cost, meet, run_command, run_sync
from benchmarks.place import FIRST_EVENT, TSREVEL, Installation, install
from benchmarks.report import Goal, print_table, progress, show

EVENTS, LINES = 100_000, 2
DAYS, LATEST = 1_000, 30
"""The events are on DAYS days. The last one was LATEST days ago, so no run checks them any more."""
MOST, SLOWEST = 120.0, 2.0
BY_EVENT = ("orders", "steps", "receipts", "sightings", "attempts", "event_contents")
"""The tables with rows of an event, each after those that it refers to."""
INSTANTS = ("touched_at", "sent_at", "recorded_at", "first_seen_at", "last_seen_at", "at")
EVERY = timedelta(minutes=45)
"""How often a run is started."""
MOST_WAITING = 50_000
_as_json = json.JSONEncoder(separators=(",", ":")).encode


def measure_ledgers() -> list[Goal]:
    """Measure memory and time of each command with a ledger of EVENTS settled events."""
    with install() as place:
        meet(place)
        place.add_events(1, LINES)
        run_sync(place, injected=1)
        progress(f"making a ledger of {EVENTS:,} events")
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
    return (date.today() - timedelta(days=ago)).isoformat()  # noqa: DTZ011 (the day is precise enough)


@dataclass(frozen=True, slots=True)
class Run:
    """A run of long ago: its id, when it began, and how many orders it made."""

    run_id: str
    began: datetime
    orders: int


def past_runs(days: int, orders: int) -> Iterator[Run]:
    """Every run of so many days, the latest of them `LATEST` days ago, with the orders spread evenly over them."""
    runs = days * 24 * 60 * 60 // round(EVERY.total_seconds())
    end = datetime.now(UTC) - timedelta(days=LATEST)
    for n in range(runs):
        share = orders * (n + 1) // runs - orders * n // runs
        yield Run(f"{n:08x}{0:024x}", end - (runs - n) * EVERY, share)


def grow(
    path: Path,
    like: str,
    count: int,
    *,
    numbered: int = KNOWN - EVENTS,
    day: str | None = None,
    runs: Iterable[Run] = (),
) -> None:
    """Give the ledger `count` more events, each like the event `like`: its order, receipts, and facts of the audit.

    Their ids begin at `numbered`. They are all of one `day`, or of many that have passed. With `runs`, each order is of
    a run of its own time, and each run has its row and its facts as well; else all are of the run that made `like`.
    """
    with closing(sqlite3.connect(path)) as connection, connection:
        copies = _Copies(connection, like)
        if not runs:
            for n in range(count):
                copies.add_event(str(numbered + n), day or _day(LATEST + n % DAYS))
        number = numbered
        for run in runs:
            copies.begin(run)
            for _ in range(run.orders):
                copies.add_event(str(number), run.began.date().isoformat(), run)
                number += 1
            copies.end(run)
        copies.close()


class _Copies:
    """Writes copies of an event and of its run, in batches."""

    def __init__(self, connection: sqlite3.Connection, like: str) -> None:
        self._connection = connection
        self._like = like
        connection.row_factory = sqlite3.Row
        self._rows = {name: _rows_of(connection, name, "event_id", like) for name in (*BY_EVENT, "audit")}
        run_id = self._rows["orders"][0]["run_id"]
        self._plan = self._rows["orders"][0]["plan"]
        self._plan_hash = hashlib.sha256(self._plan.encode()).hexdigest()
        self._event_day = json.loads(self._plan)["day"]
        [self._run] = _rows_of(connection, "runs", "run_id", run_id)
        facts = _rows_of(connection, "audit", "run_id", run_id)
        self._of_run = {row["kind"]: row for row in facts if row["event_id"] is None}
        self._seq, self._head = connection.execute("SELECT audit_count, audit_head FROM meta").fetchone()
        self._batches: defaultdict[str, list[Mapping[str, object]]] = defaultdict(list)

    def begin(self, run: Run) -> None:
        """The run's row, and its first fact."""
        ended = run.began + timedelta(seconds=20)
        changed = {
            "run_id": run.run_id,
            "correlation_id": f"sync-{run.run_id[:8]}",
            "started_at": run.began.isoformat(),
        }
        self._batches["runs"].append({**self._run, **changed, "finished_at": ended.isoformat()})
        self._add_run_fact(run, "run_begun")

    def end(self, run: Run) -> None:
        """The run's last fact."""
        self._add_run_fact(run, "run_finished")
        if len(self._batches["audit"]) > MOST_WAITING:
            self._write()

    def add_event(self, number: str, day: str, run: Run | None = None) -> None:
        """The rows of one more event."""
        plan = self._plan.replace(self._event_day, day).replace(self._like, number)
        changed: dict[str, object] = {"event_id": number, "plan": plan, "event_day": day}
        if run:
            at = run.began.isoformat()
            changed |= {"run_id": run.run_id, **dict.fromkeys(INSTANTS, at)}
        for name in BY_EVENT:
            for row in self._rows[name]:
                known = row.keys() & changed.keys()
                self._batches[name].append({**row, **{key: changed[key] for key in known if row[key] is not None}})
        plan_hash = hashlib.sha256(plan.encode()).hexdigest()
        for row in self._rows["audit"]:
            told = {"detail": row["detail"].replace(self._plan_hash, plan_hash), "event_id": number}
            self._add_fact({**row, **told}, run)
        if len(self._batches["audit"]) > MOST_WAITING:
            self._write()

    def close(self) -> None:
        """Write what waits, and the audit's new end."""
        self._write()
        self._connection.execute("UPDATE meta SET audit_count = ?, audit_head = ?", (self._seq, self._head))

    def _add_run_fact(self, run: Run, kind: str) -> None:
        row = self._of_run[kind]
        named = row["detail"].replace(self._run["correlation_id"], f"sync-{run.run_id[:8]}")
        self._add_fact({**row, "detail": named}, run)

    def _add_fact(self, row: Mapping[str, Any], run: Run | None) -> None:
        """Chained to the fact before as tsrevel chains it."""
        self._seq += 1
        fact = {**row, "seq": self._seq, "previous_hash": self._head}
        if run:
            fact |= {"run_id": run.run_id, "at": run.began.isoformat()}
        hashed = [fact[name] for name in ("seq", "at", "run_id", "kind", "event_id", "detail")]
        self._head = hashlib.sha256(_as_json([self._head, *hashed]).encode()).hexdigest()
        self._batches["audit"].append({**fact, "hash": self._head})

    def _write(self) -> None:
        for name in ("runs", *BY_EVENT, "audit"):
            rows = self._batches.pop(name, [])
            if rows:
                names, places = ", ".join(rows[0]), ", ".join(f":{each}" for each in rows[0])
                sql = f"INSERT INTO {name} ({names}) VALUES ({places})"  # noqa: S608 (names of our own)
                self._connection.executemany(sql, rows)


def _rows_of(connection: sqlite3.Connection, table: str, column: str, value: str) -> list[dict[str, Any]]:
    found = connection.execute(f"SELECT * FROM {table} WHERE {column} = ?", (value,))  # noqa: S608 (names of our own)
    return [dict(row) for row in found]
