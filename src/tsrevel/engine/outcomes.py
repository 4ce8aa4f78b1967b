"""The outcomes of events and of the run, as data, and the exit status that they call for (DESIGN 2). Pure.

The command line words them for terminals and JSON.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date

from tsrevel.errors import (
    USAGE,
    ConfigError,
    ConnectionMisconfigured,
    CredentialsRefused,
    LedgerDamaged,
    ServiceDown,
    StopRun,
    TsrevelError,
)
from tsrevel.ledger import FAILED_AGAIN, OrderRecord, Pause, Resolution
from tsrevel.planning.model import Event, EventId, Hold, OrderId, Plan, Policy, Skip
from tsrevel.planning.money import Cents
from tsrevel.planning.reasons import TROUBLE, Category, FailedWrite, Reason, Resolved, Status
from tsrevel.planning.screening import event_day, find_location, find_zone

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
"""Called with the number of finished events and the number of all events."""


MOST_FAILURES = 3
"""After so many failures in a row a service seems to be down."""
NOT_TRIED = ("not tried",)
"""The details of an event that the run didn't reach because it had ended."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run's result for one event. `text` is for people; `total` is in cents, and in `currency`.

    `news`: this run's report mentions it; every report mentions alarms. `fresh`: the run before had another one.
    `missed`: this run is the first to see that its day passed without an order. `alarm`: the run ends with exit status
    14, because a person must check it before more is written for it. `down`: it failed because a service was
    unavailable, or the answer to a write was lost. Not `looked_into`: the run didn't reach it, a service answered
    nothing, or a write is still in doubt, so a known hold or failure stays. `order_only`: its `text` says no more than
    `order_id`. `unknown`: neither TripleSeat nor the ledger has an event with this id. `failed_write`: a write of its
    order failed in earlier runs, too. `resolved`: a person resolved it, so runs leave it alone. `of_event`: what of
    `text` is about the event's change alone. `unshown`: the part of that which Revel's order can't show (such as the
    day): whether a person corrected it is unknown. `is_as_made`: it changed back, so that its order would be made now
    as it was.
    """

    event_id: EventId
    status: Status
    reason: Reason | None = None
    text: str = ""
    details: tuple[str, ...] = ()
    name: str = ""
    day: date | None = None
    location: str = ""
    establishment: int | None = None
    order_id: OrderId | None = None
    local_id: str | None = None
    total: Cents | None = None
    currency: str = ""
    news: bool = False
    fresh: bool = False
    missed: bool = False
    alarm: bool = False
    down: bool = False
    looked_into: bool = True
    order_only: bool = False
    unknown: bool = False
    failed_write: FailedWrite | None = None
    resolved: Resolved | None = None
    of_event: str = ""
    unshown: str = ""
    is_as_made: bool = False

    @property
    def shown_status(self) -> str:
        """The status for people, who must not mistake a missed event for a skipped one."""
        return "missed" if self.missed else self.status

    @property
    def repeated(self) -> bool:
        """Whether it failed in an earlier run, too, so that a person is needed."""
        return self.details[-1:] == FAILED_AGAIN

    @property
    def still_missed(self) -> bool:
        """Whether an earlier run reported it as missed, and it still has no order."""
        return self.status is Status.SKIPPED and self.reason is Reason.EVENT_DAY_PASSED and not self.missed

    @property
    def category(self) -> Category | None:
        """The reason's category. A failure without a reason is an internal error."""
        if self.reason:
            return self.reason.category
        return Category.INTERNAL if self.status is Status.FAILED else None


def describe(event: Event, policy: Policy) -> Outcome:
    """The event's name, day and location as an undecided Outcome. The functions below complete it."""
    location = find_location(event, policy)
    return Outcome(
        event_id=event.id,
        status=Status.SKIPPED,
        name=event.name,
        day=event_day(event, find_zone(location.timezone) if location else None),
        location=location.name if location else event.location_name,
        establishment=location.establishment if location else None,
    )


def describe_order(record: OrderRecord) -> Outcome:
    """The same for an event of which only its order is known."""
    return with_order(Outcome(record.event_id, Status.SKIPPED), record)


def with_order(about: Outcome, record: OrderRecord) -> Outcome:
    """`about` with the ledger's data about the event's order."""
    known = replace(about, order_id=record.order_id, local_id=record.local_id)
    return known if record.plan is None else replace(planned(known, record.plan), status=about.status)


def not_written(about: Outcome, verdict: Hold | Skip) -> Outcome:
    """`about` with the planner's verdict."""
    status = Status.HELD if isinstance(verdict, Hold) else Status.SKIPPED
    return replace(
        about, status=status, reason=verdict.reason, text=verdict.text, details=verdict.details, order_only=False
    )


def order_stands(about: Outcome, record: OrderRecord) -> Outcome:
    """`about`, with its order made, by us or by somebody else, and unchanged."""
    if record.state == "foreign":
        return not_written(about, Skip(Reason.ORDER_EXISTS, f"Revel order {record.order_id} was made by someone else"))
    verdict = Skip(Reason.ALREADY_INJECTED, f"Revel order {record.order_id}")
    return replace(not_written(about, verdict), order_only=True)


def is_half_written(record: OrderRecord) -> bool:
    """Whether a part of its order stands in Revel that a run must finish."""
    return record.state == "claimed" and bool(record.order_id or record.receipts)


def leave_to_next_run(about: Outcome, limit: str, begun: OrderRecord | None, *, looked_into: bool = False) -> Outcome:
    """`about`, left because of this run's own `limit`. That is no failure, unless its order is `begun`.

    A person is to know of a half-written order, and the next run finishes it before others.
    """
    left = replace(about, reason=Reason.RUN_LIMIT_REACHED, text=limit, details=(), order_only=False)
    if begun and is_half_written(begun):
        text = f"its order is half-written: {limit}"
        return replace(with_order(left, begun), status=Status.FAILED, text=text, looked_into=looked_into)
    return replace(left, status=Status.SKIPPED, looked_into=looked_into)


def fail_by_fault(about: Outcome, error: Exception) -> Outcome:
    """`about`, failed by a fault in tsrevel, which is logged without the exception's own text: that may quote data."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    text = f"a fault in tsrevel: {type(error).__name__} in {where.name}, line {where.lineno}; please report it"
    log.error("event %s: %s", about.event_id, text, extra={"event_id": about.event_id, "reason": None})
    return replace(about, status=Status.FAILED, reason=None, text=text)


def planned(about: Outcome, plan: Plan) -> Outcome:
    """`about` with the order that a live run would write."""
    done = replace(about, status=Status.PLANNED, local_id=plan.local_id, total=plan.final_total, day=plan.day)
    place = plan.location
    return replace(done, location=place.name, establishment=place.establishment, currency=place.currency)


def injected(about: Outcome, plan: Plan, order_id: OrderId) -> Outcome:
    """`about` with the finished order."""
    done = planned(about, plan)
    return replace(done, status=Status.INJECTED, order_id=order_id, news=True)


def describe_unknown_order(order_id: OrderId | None) -> Skip:
    """That an order of ours was made by another ledger than this one."""
    text = f"tsrevel made Revel order {order_id} with another ledger, whose pauses and resolutions this one lacks"
    return Skip(Reason.LEDGER_LOST, text)


@dataclass(frozen=True, slots=True)
class RunReport:
    """A whole run. `reason` and `error` say why it ended early, if it did. `paused`: a person paused all runs.

    `warnings`: problems that belong to no event, such as a service that ignores a filter, or a new ledger.
    """

    run_id: str
    correlation_id: str
    mode: str
    dry_run: bool
    outcomes: tuple[Outcome, ...] = ()
    reason: Reason | None = None
    error: str | None = None
    exit_status: int = 0
    paused: Pause | None = None
    warnings: tuple[str, ...] = ()

    @classmethod
    def of_disabled(cls, run_id: str, correlation_id: str, mode: str, dry_run: bool, pause: Pause | None) -> RunReport:
        """The report of a run that did nothing, because the kill switch is on in the settings or by `pause`."""
        return cls(run_id, correlation_id, mode, dry_run, reason=Reason.CONNECTOR_DISABLED, paused=pause)

    @property
    def success(self) -> bool:
        """Whether nothing was held, nothing failed, and the run reached its end."""
        return self.error is None and not any(outcome.status in TROUBLE for outcome in self.outcomes)

    @property
    def summary(self) -> dict[str, int]:
        """The number of events, in all and by status. Missed events also count as skipped."""
        counts = {"queried": len(self.outcomes)}
        counts |= {status.value: sum(each.status is status for each in self.outcomes) for status in Status}
        return {**counts, "missed": sum(each.missed for each in self.outcomes)}

    @property
    def changed(self) -> int:
        """The number of skipped events with a new report that they changed after their orders were made."""
        return sum(each.status is Status.SKIPPED and is_told_change(each) for each in self.outcomes)

    @property
    def still_missed(self) -> int:
        """The number of events that an earlier run reported as missed, and that still have no order."""
        return sum(each.still_missed for each in self.outcomes)

    @property
    def left(self) -> int:
        """The number of events that the order limit, the deadline or a pause left for the next run."""
        return sum(each.status is Status.SKIPPED and each.reason in LEFT for each in self.outcomes)

    @property
    def counts(self) -> dict[str, int]:
        """The summary, and the skipped events that a person should know of."""
        return {**self.summary, "changed": self.changed, "still_missed": self.still_missed, "left": self.left}


def describe_disabled(pause: Pause | None) -> str:
    """Why runs do nothing: a person's pause, else the kill switch in the settings."""
    return f"runs are {pause}" if pause else "the connector is disabled (safety.enable_connector)"


# The exit status


NEEDS_ATTENTION = 3
LEFT = frozenset({Reason.RUN_LIMIT_REACHED, Reason.CONNECTOR_DISABLED})
"""The reasons of events that a run left for a later one."""
CHANGES = frozenset({Reason.CHANGED_AFTER_INJECTION, Reason.CANCELLED_AFTER_INJECTION})
_SEVERITY = (14, 12, 10, 13, 1, 4, NEEDS_ATTENTION, USAGE, 0)
"""Exit statuses, the most urgent first."""


def end_reason(stop: StopRun) -> Reason | None:
    """The reason code for a run that ended early, and for the events it left; None if no code fits.

    No code is for this machine (its clock, its ledger) or for a fault in tsrevel.
    """
    match stop:
        case CredentialsRefused() | ConfigError():  # once a run has begun, only the token's file raises ConfigError
            return Reason.AUTHORIZATION_DENIED
        case ServiceDown() | ConnectionMisconfigured():
            return Reason.UPSTREAM_UNAVAILABLE
        case _:
            return None


def exit_status(outcomes: Sequence[Outcome], stop: StopRun | None, *, silent: bool = False) -> int:
    """The most severe status of what stopped the run and of each event's outcome.

    Events that failed because of a service don't show by themselves that it is down: it may fail for them alone. It
    counts as down if it gave no usable answer in this run (`silent`), or if MOST_FAILURES events failed and none was
    injected. One that failed before may be at fault itself, and doesn't count; `sync` stops for it if no other event's
    order was finished since it first failed.
    """
    statuses = {0, stop.exit_status if stop else 0, *(_status_of(each) for each in outcomes)}
    down, made = [each for each in outcomes if each.down], any(each.status is Status.INJECTED for each in outcomes)
    failures = sum(not each.repeated for each in down)
    if (down and silent) or (failures >= MOST_FAILURES and not made):
        statuses.add(ServiceDown.exit_status)
    return most_severe(statuses)


def most_severe(statuses: Collection[int]) -> int:
    """The most urgent of several exit statuses; 0 if there are none."""
    return next((status for status in _SEVERITY if status in statuses), 0)


def _status_of(outcome: Outcome) -> int:
    if outcome.alarm:
        return LedgerDamaged.exit_status
    if outcome.category is Category.INTERNAL:
        return TsrevelError.exit_status
    if outcome.unknown:
        return USAGE
    if outcome.missed or is_told_change(outcome) or outcome.status in TROUBLE:
        return NEEDS_ATTENTION
    return 0


def is_problem(outcome: Outcome) -> bool:
    """Whether the run doesn't end with exit status 0 because of it."""
    return _status_of(outcome) != 0


def is_told_change(outcome: Outcome) -> bool:
    """Whether this run is the first to report a change after the order was made."""
    return outcome.news and outcome.reason in CHANGES


# Events that a person has settled: runs leave them alone, and report once if such an event changes afterwards


REASONS = {"done": Reason.ALREADY_INJECTED, "ignored": Reason.STATUS_NOT_ELIGIBLE}
"""The reason code for each verdict of a person: the event has its order, or isn't eligible for one."""


def leave_resolved(about: Outcome, resolution: Resolution, change: Skip | None = None) -> Outcome:
    """Skipped, because a person resolved it. `change`: how it has changed since, if it has."""
    known = replace(about, order_id=resolution.order_id or about.order_id, resolved=recall_resolved(resolution))
    if change:
        return not_written(known, change)
    return not_written(known, Skip(REASONS[resolution.verdict], describe_resolution(resolution)))


def recall_resolved(resolution: Resolution) -> Resolved:
    """The resolution, as far as advice depends on it."""
    return Resolved(resolution.verdict, resolution.may_have_order)


def describe_change(
    resolution: Resolution, reason: Reason, digest: str = "", *, record: OrderRecord | None = None
) -> Skip:
    """That an event has changed, or was cancelled, since a person resolved it. `digest`: its state now.

    If its order was begun (`record`), it may have changed before it was resolved: the order's plan is compared with.
    """
    cancelled = reason is Reason.CANCELLED_AFTER_INJECTION
    what = "it was cancelled or deleted after" if cancelled else "it has changed since"
    text = f"{what} {'its order was planned; ' if record else ''}{_describe_verdict(resolution)}"
    if cancelled and (resolution.order_id or (record and record.order_id)):
        text += f"; {describe_standing(record, resolution)}"
    return Skip(reason, text, (digest,))


def recall_change(resolution: Resolution, reason: Reason, record: OrderRecord | None) -> Skip:
    """The reported change that nobody has settled: of a resolved event, or of the orders that a person named for it."""
    if resolution.named_gone and reason is not Reason.CANCELLED_AFTER_INJECTION:
        return Skip(reason, resolution.named_gone)
    return describe_change(resolution, reason, record=record)


def describe_standing(record: OrderRecord | None, resolution: Resolution | None) -> str:
    """The orders that stand, or may stand, although their event was cancelled, as far as the ledger knows."""
    named, own = resolution.order_id if resolution else None, record.order_id if record else None
    if resolution and named and own and named != own:
        text = f"Revel order {named}, which a person named, may still stand"
        return text if resolution.order_is_gone else f"{text}, and so may Revel order {own}"
    if own and resolution and resolution.may_replace:
        return f"Revel order {own} was gone, but one that replaced it may still stand"
    if own and record and record.plan and record.is_finished:
        return f"Revel order {own} still stands"
    if named is None and own is None:
        return "its order may stand"
    whose = ", which someone else made," if record and record.state == "foreign" else ""
    return f"Revel order {named or own}{whose} may still stand"  # no run looks at it once its event is cancelled


def describe_cancellation(of_event: str, standing: str) -> str:
    """Why the event needs no order, which orders stand or may stand, and what to do."""
    return f"{of_event}; {standing}; if nobody wants it, void it in Revel"


def describe_resolution(resolution: Resolution) -> str:
    """Who decided what, when, and how to undo it; without the note, which `history` shows."""
    undo = f"`tsrevel resolve {resolution.event_id} --as open --note reopened` undoes it"
    unless = ", or says what to check first" if resolution.may_have_order else ""
    return f"{_describe_verdict(resolution)}; {undo}{unless}"


def _describe_verdict(resolution: Resolution) -> str:
    order = f" with Revel order {resolution.order_id}" if resolution.order_id else ""
    return f"a person resolved it as {resolution.verdict}{order} on {resolution.resolved_at:%Y-%m-%d %H:%M} UTC"


def recall_dispute(record: OrderRecord) -> Hold:
    """The reason why the order was disputed, word for word, until all of the order is right."""
    return Hold(record.reason or Reason.ORDER_DIFFERS, record.text or "a person must check its order in Revel")
