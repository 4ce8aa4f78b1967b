"""The answers of runs: `sync`, `sync-event` and `demo`, the lines of `replay` and `serve`, and the input of a hook.

Also those of `pause`, `resume`, and of `ledger check`, `backup`, `export` and `prune`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import ConfigDict, Field

from tsrevel.cli.answers.model import Answer, Done, Id, IfAny, Instant, Money, OrderId, Text, fill
from tsrevel.engine.outcomes import CHANGES, Outcome, RunReport
from tsrevel.ledger import OrderState, Pause
from tsrevel.planning.reasons import Category, Reason, Status

if TYPE_CHECKING:
    from tsrevel.engine.deliveries import DeliveryAnswer

Hook = Literal["on_injected", "on_held", "on_failure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseJson:
    """Since when runs are paused, and why, in the words of the person who paused them."""

    since: Instant
    reason: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryJson:
    """How many events a run found, and how many had each result. Missed events are among the skipped."""

    queried: int
    injected: int
    skipped: int
    held: int
    failed: int
    planned: int
    missed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EventJson:
    """One event of a run. `error`: why it is not injected, unless it is skipped and that is no news."""

    event_id: Annotated[Id, Field(serialization_alias="id")]
    name: str
    day: Annotated[date | None, Field(serialization_alias="date")]
    location: str
    establishment: Id | None
    status: Status
    reason: Reason | None
    category: Category | None
    error: Text
    order_id: OrderId
    local_id: str | None
    total: Money | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReportAnswer(Answer):
    """A run. `success`: nothing is held or failed. `error` and `exit_status` are there if it ended early."""

    success: bool
    mode: str
    run_id: str
    correlation_id: str
    dry_run: bool
    reason: Reason | None
    summary: SummaryJson
    events: tuple[EventJson, ...]
    paused: PauseJson | None
    warnings: IfAny[tuple[str, ...]] = ()
    error: IfAny[str | None] = None
    exit_status: IfAny[int | None] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HookInput(RunReportAnswer):
    """The standard input of a hook: the run, with the events that the hook is for. `test`: all is invented."""

    hook: Hook
    test: IfAny[Literal[True] | None] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoAnswer(Answer):
    """The runs of the demo. `faults`: what did not end as it should."""

    success: bool
    faults: tuple[str, ...]
    runs: tuple[RunReportAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedEventJson:
    """The result for one event of a delivery."""

    ok: bool = True
    processed: bool
    reason: str | None
    event_id: Id | None
    order_id: OrderId
    status: Status | None
    error: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayLine(Answer):
    """A line of `replay`: a delivery, or an event that is tried again.

    `ok` false: the delivery is not trusted or not readable. `ok` true and `processed` false: it is understood, and
    nothing was done. `events` is there for a booking with several events, `file` for a captured delivery.
    """

    ok: bool
    processed: bool
    trigger: str | None = None
    reason: str | None
    event_id: Id | None = None
    order_id: OrderId = None
    status: Status | None = None
    error: Text
    events: IfAny[tuple[ReplayedEventJson, ...]] = ()
    file: IfAny[str | None] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeAnswer(Answer):
    """The first line of `serve`: where it listens, and where deliveries wait. Lines of `replay` and `sync` follow."""

    url: str
    spool: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDeliveryAnswer(Answer):
    """The answer of `serve` to /test/webhook: the result that a delivery would have."""

    dry_run: Literal[True] = True
    ok: bool
    processed: bool
    trigger: str | None
    reason: str | None
    event_id: Id | None
    order_id: OrderId
    status: Status | None
    error: Text
    events: tuple[EventJson, ...]
    exit_status: int


def answer_report(report: RunReport) -> RunReportAnswer:
    """The report as `--json` prints it."""
    return fill(
        RunReportAnswer,
        report,
        summary=SummaryJson(**report.summary),
        events=tuple(map(answer_outcome, report.outcomes)),
        paused=answer_pause(report.paused),
        exit_status=report.exit_status if report.error else None,
    )


def answer_hook(hook: Hook, report: RunReport, outcomes: Sequence[Outcome], *, test: bool = False) -> HookInput:
    """The report for a hook, with only these events; the summary is of the whole run."""
    events = tuple(map(answer_outcome, outcomes))
    return fill(HookInput, answer_report(report), hook=hook, test=True if test else None, events=events)


def answer_outcome(outcome: Outcome) -> EventJson:
    """One event of a run (DESIGN 4)."""
    told = outcome.status is not Status.SKIPPED or outcome.news
    return fill(EventJson, outcome, error=outcome.text if told else None)


def answer_pause(pause: Pause | None) -> PauseJson | None:
    """A pause, if there is one."""
    return fill(PauseJson, pause) if pause else None


def answer_delivery(answer: DeliveryAnswer, file: str | None = None) -> ReplayLine:
    """A delivery (DESIGN 4); of a booking with several events, each of them as well."""
    outcomes = answer.outcomes
    return fill(
        ReplayLine,
        answer,
        order_id=outcomes[0].order_id if len(outcomes) == 1 else None,
        status=outcomes[0].status if len(outcomes) == 1 else None,
        error=answer.text,
        events=tuple(map(answer_replayed, outcomes)) if len(outcomes) > 1 else (),
        file=file,
    )


def answer_replayed(outcome: Outcome) -> ReplayedEventJson:
    """The result for one event that was tried again."""
    processed = outcome.status is Status.INJECTED or outcome.reason in CHANGES
    return fill(ReplayedEventJson, outcome, processed=processed, error=outcome.text)


def answer_planned(answer: DeliveryAnswer) -> PlannedDeliveryAnswer:
    """A delivery that was only planned."""
    events = tuple(map(answer_outcome, answer.outcomes))
    return fill(PlannedDeliveryAnswer, answer_delivery(answer), events=events, exit_status=answer.exit_status)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSummaryAnswer(Done):
    """A sound ledger. `last_at`: the time of the last row of its audit."""

    path: str
    size: Annotated[int, Field(serialization_alias="bytes")]
    version: int
    newest: Annotated[int, Field(serialization_alias="newest_version")]
    facts: Annotated[int, Field(serialization_alias="audit_rows")]
    last_at: IfAny[Instant | None] = None
    tables: Mapping[str, int]
    orders: Mapping[OrderState, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerCheckAnswer(LedgerSummaryAnswer):
    """A sound ledger. `exists` is always true: if there is none, the command fails."""

    exists: Literal[True] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerBackupAnswer(LedgerSummaryAnswer):
    """A copy of the ledger, checked."""

    backup: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerExportAnswer(Done):
    """An export to a file. Without --output each row is printed as a JSON line."""

    output: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow(Answer):
    """A row of a table of the ledger, with its columns."""

    __pydantic_config__ = ConfigDict(extra="allow")
    table: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPruneAnswer(Done):
    """How many rows of each table are removed, or would be in a dry run."""

    dry_run: bool
    older_than_days: int
    dropped: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PausedAnswer(Done):
    """Whether runs are paused now, and whether this command changed that."""

    changed: bool
    paused: PauseJson | None
    text: str
    warnings: tuple[str, ...]
    settings: str | None
    ledger: str
