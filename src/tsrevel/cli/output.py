"""What the insight commands share: settings without credentials, the ledger opened to look, rows, values for JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, date, datetime

from rich.text import Text

from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.maps.speak import lay_out
from tsrevel.config import Settings, load_settings
from tsrevel.ledger import SQLITE, LedgerView, OrderRecord, Resolution, RunRecord, open_view
from tsrevel.ledger.queries import Attempt, EventStatus
from tsrevel.planning.money import Cents, show
from tsrevel.planning.reasons import Reason, advise
from tsrevel.text import show_controls

_TABLE_INDENT = 2
_HANGING = 4
STYLES = {
    "injected": "green",
    "planned": "cyan",
    "skipped": "dim",
    "held": "yellow",
    "failed": "bold red",
    "missed": "magenta",
}


@contextmanager
def look(ctx: CliContext, flags: OutputOptions) -> Iterator[tuple[Settings, LedgerView | None, datetime]]:
    """The settings, the ledger to be looked at (None if there is none), and the time. No service, no lock."""
    settings = load_settings(config=flags.config, environ=ctx.environ, offline=True)
    database = ctx.runtime.database if ctx.runtime else SQLITE
    view = open_view(settings.ledger_path, settings.environment, database)
    with view or nullcontext():
        yield settings, view, now(ctx)


def now(ctx: CliContext) -> datetime:
    """The present instant; without the wiring, that a command which only looks need not load."""
    return ctx.runtime.clock() if ctx.runtime else datetime.now(UTC)


def shown_at(at: datetime | None) -> str:
    """An instant for people."""
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else ""


def encode_at(at: datetime | None) -> str | None:
    """An instant for --json."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z") if at else None


def encode_day(day: date | None) -> str | None:
    """A day for --json."""
    return day.isoformat() if day else None


def encode_cents(cents: Cents | None) -> str | None:
    """An amount for --json."""
    return None if cents is None else show(cents)


def category_of(reason: str | None) -> str | None:
    """The category of a reason code that was stored."""
    return Reason(reason).category if reason and reason in Reason.__members__ else None


def encode_standing(each: EventStatus) -> dict[str, object]:
    """An event as it stood when last seen."""
    return {
        "id": each.event_id,
        "date": encode_day(each.day),
        "location": each.location or None,
        "status": each.status,
        "reason": each.reason,
        "category": category_of(each.reason),
        "since": encode_at(each.since),
        "first_seen_at": encode_at(each.first_seen_at),
        "last_seen_at": encode_at(each.last_seen_at),
        "missed_at": encode_at(each.missed_at),
        "advice": advise(each.event_id, each.status, each.reason),
    }


def encode_run(run: RunRecord) -> dict[str, object]:
    """A run; without `finished_at` it is going on, or died."""
    return {
        "run_id": run.run_id,
        "correlation_id": run.correlation_id,
        "mode": run.mode,
        "dry_run": run.dry_run,
        "started_at": encode_at(run.started_at),
        "finished_at": encode_at(run.finished_at),
        "seconds": int((run.finished_at - run.started_at).total_seconds()) if run.finished_at else None,
        "exit_status": run.exit_status,
        "summary": dict(run.summary),
    }


def encode_attempt(each: Attempt) -> dict[str, object]:
    """What a run made of an event."""
    return {
        "event_id": each.event_id,
        "at": encode_at(each.at),
        "run_id": each.run_id,
        "correlation_id": each.correlation_id,
        "status": each.status,
        "reason": each.reason,
        "revel_order_id": each.order_id,
    }


def encode_resolution(each: Resolution | None) -> dict[str, object] | None:
    """What a person settled."""
    if each is None:
        return None
    return {
        "event_id": each.event_id,
        "verdict": each.verdict,
        "note": each.note,
        "revel_order_id": each.order_id,
        "revel_order_ids": list(each.orders),
        "resolved_at": encode_at(each.resolved_at),
    }


def encode_record(record: OrderRecord | None) -> dict[str, object] | None:
    """What the ledger knows of an event's order."""
    if record is None:
        return None
    return {
        "state": record.state,
        "revel_order_id": record.order_id,
        "local_id": record.plan.local_id if record.plan else record.local_id,
        "total": show(record.plan.final_total) if record.plan else None,
        "cancelled": record.cancelled,
        "text": record.dispute,
        "touched_at": encode_at(record.touched_at),
        "doubt_until_at": encode_at(record.pending_until),
    }


def run_line(run: RunRecord) -> str:
    """A run in one line."""
    dry = ", dry run" if run.dry_run else ""
    head = f"{run.correlation_id}  {shown_at(run.started_at)}  {run.mode}{dry}"
    if run.finished_at is None:
        return f"{head}, not finished: it is going on, or it died"
    counts = ", ".join(f"{number} {name}" for name, number in run.summary.items() if number and name != "queried")
    seconds = int((run.finished_at - run.started_at).total_seconds())
    queried = run.summary.get("queried", 0)
    return f"{head}, {seconds} s, exit {run.exit_status}: {queried} events" + (f" ({counts})" if counts else "")


class TextOutput:
    """Where a command writes what people read: styled and cut to the width on a terminal, whole lines off it."""

    def __init__(self, ctx: CliContext) -> None:
        self._out = ctx.stdout
        self._console = None
        if ctx.stdout.isatty():
            from tsrevel.cli.table import open_console

            self._console = open_console(ctx)

    @property
    def is_terminal(self) -> bool:
        """Whether a person looks on."""
        return self._console is not None

    def line(self, text: str = "", style: str = "", indent: int = 0) -> None:
        """One line; on a terminal it is wrapped, what follows the first part indented a little more."""
        if self._console is None:
            print(" " * indent + text, file=self._out)
            return
        width = max(self._console.width - indent - _HANGING, 20)
        for number, part in enumerate(Text(show_controls(text), style=style).wrap(self._console, width) or [Text("")]):
            part.rstrip()
            left = indent + (_HANGING if number else 0)
            self._console.print(Text(" " * left) + part, no_wrap=True, overflow="ellipsis")

    def rows(
        self,
        headings: Sequence[str],
        rows: Sequence[Sequence[str]],
        styles: Sequence[str] = (),
        notes: Sequence[str] = (),
    ) -> None:
        """A table in columns, on a terminal with a style and a note below for each row."""
        heading, *lines = lay_out([headings, *rows], indent=_TABLE_INDENT)
        self._cut(heading, "bold")
        for number, text in enumerate(lines):
            self._cut(text, styles[number] if styles else "")
            if notes:
                self.line(notes[number], "dim", indent=2 * _TABLE_INDENT + 2)

    def _cut(self, text: str, style: str) -> None:
        if self._console is None:
            print(text, file=self._out)
            return
        self._console.print(Text(show_controls(text), style=style), no_wrap=True, overflow="ellipsis")
