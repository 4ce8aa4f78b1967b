"""A run: find events, decide on each, respect the limits, and report an outcome for every event.

    find_work → account_for (triage → prepare → perform → inject, recover → verify) → note_changed_orders → RunReport

Read `perform.py` next: it handles one event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from tsrevel.engine.after_injection import note_changed_orders, note_known_twins, note_named_orders
from tsrevel.engine.context import (
    NamedOrdersReported,
    OrderChangeReported,
    ResolvedSeen,
    RunContext,
    RunState,
    TwinGone,
)
from tsrevel.engine.fetch import NamedEvent, UnreadEvent
from tsrevel.engine.find import Window, WorkItem, find_work, warn
from tsrevel.engine.outcomes import (
    CHANGES,
    NEEDS_ATTENTION,
    NOT_TRIED,
    Outcome,
    RunReport,
    describe_order,
    describe_unknown_order,
    end_reason,
    exit_status,
    injected,
    is_told_change,
    most_severe,
    not_written,
)
from tsrevel.engine.perform import account_for
from tsrevel.engine.triage import NEEDS_NO_ORDER
from tsrevel.engine.work_queue import has_failed
from tsrevel.errors import (
    AssumptionFailed,
    ConfigError,
    ConnectionMisconfigured,
    CredentialsRefused,
    LedgerUnusable,
    ServiceDown,
    StopRun,
)
from tsrevel.ledger import FAILED_AGAIN, EventDrift, EventResult, RunMode, RunRecord
from tsrevel.planning.assumptions import advise_on, find_critical
from tsrevel.planning.model import Event, EventId
from tsrevel.planning.reasons import TROUBLE, Reason, Status
from tsrevel.planning.screening import covered_locations
from tsrevel.text import count_of

_LEDGER_WAS_LOST = (
    "the ledger {path} didn't know orders that tsrevel made: an earlier ledger is lost, or this one is an older copy, "
    "or another installation makes orders as well. tsrevel searches Revel before each order, so it makes none of them "
    "again. Only what was sent less than 15 minutes before this run, and whose answer was lost, can be doubled: then a "
    "later run reports DUPLICATE_ORDERS or, for a part of an order, AMOUNT_MISMATCH. Pauses and resolutions are lost: "
    "restore a newer backup if there is one; otherwise pause and resolve again"
)
_NO_LISTING = (ServiceDown, CredentialsRefused, ConfigError, ConnectionMisconfigured)
"""The errors that keep TripleSeat's events from being listed, but not the orders begun from being finished at Revel."""

_OF_SERVICE = frozenset({Reason.EVENT_DATA_UNAVAILABLE, Reason.OUTCOME_UNKNOWN})
_REPEATABLE = _OF_SERVICE | {Reason.UPSTREAM_UNAVAILABLE}
"""The reasons of failures that need a person if they repeat. Those of `_OF_SERVICE` are never a request that Revel
refused."""


def sync(ctx: RunContext, state: RunState, window: Window) -> RunReport:
    """List the events in the window, and inject those that are due. Raises LedgerUnusable if it can't begin."""
    covered = covered_locations(ctx.policy)
    is_whole = window.is_whole and bool(covered or not ctx.policy.only)  # else it may be over no location at all
    _begin(ctx, "bulk", whole=is_whole, locations=tuple(covered) if is_whole else ())
    outcomes: list[Outcome] = []
    try:
        items = find_work(ctx, state, window) if _may_begin(ctx, state) else []
        outcomes = account_for(ctx, state, items)
        state.stop = state.stop or _find_no_progress(ctx, outcomes) or state.incomplete
    except _NO_LISTING as stop:  # orders begun can still be finished
        outcomes = _finish_begun(ctx, state, stop)
    except StopRun as stop:
        state.stop = stop
    if _may_look_at_orders(ctx, state) and not _warn_if_down(ctx, state):
        try:
            outcomes = note_named_orders(ctx, state, note_changed_orders(ctx, state, outcomes))
        except LedgerUnusable as error:
            state.stop = error
    return _report(ctx, state, "bulk", outcomes)


def sync_events(
    ctx: RunContext, state: RunState, event_ids: Sequence[EventId], *, ignore_time_gate: bool = False
) -> RunReport:
    """The same for named events, fetched one by one."""
    named = [NamedEvent(each, typed=True) for each in dict.fromkeys(event_ids)]
    return take_up(ctx, state, named, ignore_time_gate=ignore_time_gate)


def take_up(
    ctx: RunContext,
    state: RunState,
    events: Sequence[UnreadEvent],
    *,
    ignore_time_gate: bool = False,
    began: datetime | None = None,
) -> RunReport:
    """The same for events from another source, read from `began` on. Raises LedgerUnusable if it can't begin."""
    _begin(ctx, "single", whole=False, began=began)
    outcomes: list[Outcome] = []
    try:
        items = events if _may_begin(ctx, state) else []
        outcomes = account_for(ctx, state, items, ignore_time_gate=ignore_time_gate)
        if any(isinstance(each, NamedEvent) and each.typed for each in events):  # a delivery waits for the next run
            state.stop = state.stop or _find_no_progress(ctx, outcomes)
    except StopRun as stop:
        state.stop = stop
    if _may_look_at_orders(ctx, state) and not ctx.revel.is_down:
        try:
            outcomes = note_known_twins(ctx, state, outcomes)
        except LedgerUnusable as error:
            state.stop = error
    return _report(ctx, state, "single", outcomes)


def _begin(
    ctx: RunContext, mode: RunMode, *, whole: bool, locations: tuple[str, ...] = (), began: datetime | None = None
) -> None:
    own, shared, start = ctx.run_id, ctx.system.correlation_id, began or ctx.now()
    ctx.ledger.runs.begin(RunRecord(own, shared, mode, ctx.dry_run, start, whole=whole, locations=locations))


def _may_begin(ctx: RunContext, state: RunState) -> bool:
    """Whether runs aren't paused. Raises AssumptionFailed if a live run's account isn't safe to write to."""
    if state.read_pause(ctx):
        return False
    failed = () if ctx.dry_run else find_critical(ctx.ledger.assumptions.answers(), ctx.policy.accepted_assumptions)
    if failed:
        codes = ", ".join(each.code for each in failed)
        first = failed[0]
        raise AssumptionFailed(
            f"this account differs from what tsrevel relies on ({codes}: {first.detail}). Nothing was written. "
            f"`tsrevel doctor --assumptions` tests it again; {advise_on(failed)}"
        )
    return True


def _finish_begun(ctx: RunContext, state: RunState, unlisted: StopRun) -> list[Outcome]:
    """The outcomes of the orders begun. `unlisted`: why TripleSeat lists no events."""
    state.lists_nothing = True
    try:
        begun: list[WorkItem] = list(ctx.ledger.orders.unfinished())
        if begun:
            state.clock_check.check()
        outcomes = account_for(ctx, state, begun)
    except StopRun as stop:
        state.stop = stop
        return []
    state.stop = state.stop or unlisted
    return outcomes


def _find_no_progress(ctx: RunContext, outcomes: Sequence[Outcome]) -> ServiceDown | None:
    """The error of a run whose time was up before it made any order, although events were left; else None.

    Without it, nobody learns that run after run makes none because a service is slow.
    """
    late = ctx.out_of_time()
    left = sum(each.reason is Reason.RUN_LIMIT_REACHED for each in outcomes)
    if not late or not left or ctx.limits.deadline.was_brought_forward:
        return None
    if any(
        each.status in {Status.INJECTED, Status.PLANNED} or each.missed or is_told_change(each) for each in outcomes
    ):
        return None
    return ServiceDown(
        f"{late}. This run made no order and left {count_of(left, 'event')}. If every run ends like this, a service is "
        "very slow, or sync.deadline_minutes is too low: `tsrevel sync -vv` logs each request"
    )


def _may_look_at_orders(ctx: RunContext, state: RunState) -> bool:
    """Whether there is time and runs aren't paused. A service may be down, or TripleSeat's login dead."""
    tolerated = _NO_LISTING if state.lists_nothing else ServiceDown
    may_go_on = state.stop is None or isinstance(state.stop, tolerated)
    return may_go_on and not state.pause and not ctx.out_of_time()


def _warn_if_down(ctx: RunContext, state: RunState) -> bool:
    """Whether Revel answered nothing. Then the report says that finished orders weren't checked."""
    if ctx.revel.is_down:
        warn(state, "Revel is unavailable, so finished orders weren't checked for changes; the next run checks them")
    return ctx.revel.is_down


def _report(ctx: RunContext, state: RunState, mode: RunMode, outcomes: list[Outcome]) -> RunReport:
    """The run's report, after the ledger has stored each event's outcome and how the run ended: all of it, or nothing.

    If the ledger fails now, the report still says what was written. The next run reports it again.
    """
    if not isinstance(state.stop, LedgerUnusable):
        try:
            with ctx.ledger.together():
                return _store_report(ctx, state, mode, outcomes)
        except LedgerUnusable as error:
            state.stop = error
    return _sum_up(ctx, state, mode, outcomes)


def _store_report(ctx: RunContext, state: RunState, mode: RunMode, outcomes: list[Outcome]) -> RunReport:
    if mode == "bulk" and not ctx.dry_run:
        outcomes = _add_unreported(ctx, outcomes)
    outcomes = _store_results(ctx, state, _mark_repeated(ctx, mode, outcomes))
    _report_lost_ledger(ctx, state, outcomes)
    if _left_out_events(ctx, state, outcomes):
        ctx.ledger.runs.mark_partial(ctx.run_id)
    if mode == "bulk" and not ctx.dry_run:  # it left nothing out for that
        state.stop = state.stop or _find_stuck(ctx, outcomes)
    report = _sum_up(ctx, state, mode, outcomes, still_held=_are_still_held(ctx, outcomes))
    ctx.ledger.runs.finish(ctx.run_id, exit_status=report.exit_status, summary=report.counts)
    if not ctx.dry_run:
        _store_change_reports(ctx, state)
    return report


def _sum_up(
    ctx: RunContext,
    state: RunState,
    mode: RunMode,
    outcomes: Sequence[Outcome],
    *,
    still_held: bool = False,
) -> RunReport:
    paused = Reason.CONNECTOR_DISABLED if state.pause else None
    status = exit_status(outcomes, state.stop, silent=_is_silent(ctx))
    return RunReport(
        ctx.run_id,
        ctx.system.correlation_id,
        mode,
        ctx.dry_run,
        tuple(outcomes),
        reason=end_reason(state.stop) if state.stop else paused,
        error=str(state.stop) if state.stop else None,
        exit_status=most_severe({status, NEEDS_ATTENTION if still_held else 0}),
        warnings=(*ctx.tripleseat.search_warnings.values(), *state.warnings),
        paused=state.pause,
    )


def _is_silent(ctx: RunContext) -> bool:
    return ctx.tripleseat.is_down or ctx.revel.is_down


def _mark_repeated(ctx: RunContext, mode: RunMode, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """`outcomes`, with those marked that failed before, too: they need a person until they don't fail.

    None is marked first while a whole service is down, while it only waits for an earlier write, or by a run of single
    events, which may be tried again within minutes. But a write that failed in several runs always shows it.
    """
    failed = [each for each in outcomes if each.status is Status.FAILED and each.reason in _REPEATABLE]
    if not failed:
        return list(outcomes)
    ids = [each.event_id for each in failed]
    writes, last = ctx.ledger.orders.failed_writes(ids), ctx.ledger.events.last_results(ids)
    is_next_try = mode == "bulk" and not _is_silent(ctx)

    def mark(each: Outcome) -> Outcome:
        write, before = writes.get(each.event_id), last.get(each.event_id)
        if write or (before and (before.repeated or (is_next_try and each.looked_into and has_failed(before)))):
            return replace(each, failed_write=write, details=(*each.details, *FAILED_AGAIN))
        return each

    return [mark(each) if each in failed else each for each in outcomes]


def _find_stuck(ctx: RunContext, outcomes: Sequence[Outcome]) -> ServiceDown | None:
    """The error of a run in which a service fails again for an event, and no other order was finished meanwhile.

    Such an order would show that the event itself is at fault. So does a request that Revel refuses. If TripleSeat
    refuses to return an event, it may refuse all of them.
    """
    failed = [each for each in outcomes if each.repeated and (each.down or each.reason in _OF_SERVICE)]
    stuck = sorted(ctx.ledger.orders.stuck(each.event_id for each in failed))
    if not stuck:
        return None
    return ServiceDown(
        f"a service failed again for {count_of(len(stuck), 'event')} ({', '.join(stuck[:3])}"
        f"{', …' if len(stuck) > 3 else ''}), and no other order was finished since it first did. Runs end with "
        "this until that succeeds, another order is finished, or a person resolves the event"
    )


def _add_unreported(ctx: RunContext, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """`outcomes` with the orders that a run made before a signal or a crash ended it: nobody has heard of them yet.

    One that is in trouble by now is told so first, and as made by a later run.
    """
    unreported = ctx.ledger.runs.unreported(ctx.run_id)
    records = ctx.ledger.orders.find(unreported)
    told = {each.event_id: each for each in outcomes}
    for event_id, made_by in unreported.items():
        record = records.get(event_id)
        about = told.get(event_id, describe_order(record) if record else None)
        if record and record.plan and record.order_id and about and about.status is Status.SKIPPED:
            done = replace(injected(about, record.plan, record.order_id), order_only=False)
            text = f"made by run {made_by}, which ended before it could report it"
            is_changed = about.reason in CHANGES
            told[event_id] = done if is_changed else replace(done, reason=None, text=text)
    return list(told.values())


def _left_out_events(ctx: RunContext, state: RunState, outcomes: Sequence[Outcome]) -> bool:
    """Whether this run left events that a later run finds only if it looks back to the last run that left none.

    Later runs find failed events by themselves, but a hold that this run didn't reach only if they list its day.
    """
    not_reached = [each.event_id for each in outcomes if each.details == NOT_TRIED]
    known = ctx.ledger.events.last_results(not_reached).values()
    ended_early = bool(state.stop or state.pause or ctx.out_of_time())
    return ended_early or any(each.status == Status.HELD for each in known)


def _store_change_reports(ctx: RunContext, state: RunState) -> None:
    ctx.store_assumptions()
    for each in state.reports:
        match each:
            case EventDrift():
                ctx.ledger.orders.note_drift(ctx.run_id, each)
            case OrderChangeReported(event_id, shown, report, agrees):
                ctx.ledger.orders.note_shown(ctx.run_id, event_id, shown, report, agrees=agrees)
            case NamedOrdersReported(event_id, report):
                ctx.ledger.events.note_named_orders(ctx.run_id, event_id, report)
            case ResolvedSeen(event_id, digest, changed):
                ctx.ledger.events.note_listed(ctx.run_id, event_id, digest, changed=changed)
            case TwinGone(event_id):
                ctx.ledger.events.note_twin_gone(ctx.run_id, event_id)


# What the ledger stores of each event, and what is news


def _store_results(ctx: RunContext, state: RunState, outcomes: list[Outcome]) -> list[Outcome]:
    """Store the outcomes, and return them with what no run has reported yet marked as news.

    A dry run stores its results separately.
    """
    outcomes = _leave_known_twins(ctx, state, outcomes)
    results = [_to_result(state, each) for each in outcomes if not _stays_as_it_is(ctx, each)]
    _warn_of_unlisted(ctx, state, results)
    store = ctx.ledger.events.store_dry_results if ctx.dry_run else ctx.ledger.events.store_results
    fresh = store(ctx.run_id, results)
    return [_mark_news(ctx, state, replace(each, fresh=each.event_id in fresh)) for each in outcomes]


def _leave_known_twins(ctx: RunContext, state: RunState, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """`outcomes`, without a word on those events whose known twin this run didn't check: their alarm stays."""
    finished = [each.event_id for each in outcomes if each.reason in {Reason.ALREADY_INJECTED, Reason.ORDER_EXISTS}]
    gone = {each.event_id for each in state.reports if isinstance(each, TwinGone)}
    unchecked = ctx.ledger.events.doubled(finished) - gone
    return [replace(each, looked_into=each.looked_into and each.event_id not in unchecked) for each in outcomes]


def _report_lost_ledger(ctx: RunContext, state: RunState, outcomes: Sequence[Outcome]) -> None:
    """Warn of orders that another ledger made. The first one's event reports that until a person settles it."""
    if not state.unknown_orders:
        return
    warn(state, _LEDGER_WAS_LOST.format(path=ctx.ledger.path))
    found = (each for each in outcomes if each.event_id in state.unknown_orders)
    first = next((each for each in found if each.reason in {None, Reason.ALREADY_INJECTED}), None)
    is_open = any(each.reason == Reason.LEDGER_LOST for each in ctx.ledger.queries.open_changes())
    if first and not is_open:
        lost = not_written(first, describe_unknown_order(first.order_id))
        ctx.ledger.events.report_lost_ledger(ctx.run_id, _to_result(state, lost))


def _are_still_held(ctx: RunContext, outcomes: Sequence[Outcome]) -> bool:
    """Whether an event was held or failed in an earlier run, and this one had no time or no order left for it."""
    left = [each.event_id for each in outcomes if each.reason is Reason.RUN_LIMIT_REACHED and not each.looked_into]
    return any(each.status in TROUBLE for each in ctx.ledger.events.last_results(left).values())


def _mark_news(ctx: RunContext, state: RunState, outcome: Outcome) -> Outcome:
    """The outcome, marked as news if it is. A dry run doesn't repeat what an earlier dry run has reported."""
    if ctx.dry_run:
        outcome = replace(outcome, news=outcome.news and outcome.fresh, missed=outcome.missed and outcome.fresh)
    return replace(outcome, news=outcome.news or _is_news(state, outcome))


def _to_result(state: RunState, outcome: Outcome) -> EventResult:
    """The outcome as the ledger stores it."""
    found, whole = state.found.get(outcome.event_id), state.whole.get(outcome.event_id)
    latest = whole or (found.event if found else None)
    return EventResult(
        outcome.event_id,
        outcome.day,
        outcome.status,
        outcome.reason,
        outcome.text,
        found.digest if found else None,
        outcome.missed,
        updated=latest.updated if latest else None,
        order_id=outcome.order_id,
        event=whole,
        location=outcome.location,
        news=outcome.news,
        unlisted=_is_lacking(state, latest),
        looked_into=outcome.looked_into,
        details=outcome.details,
    )


def _stays_as_it_is(ctx: RunContext, outcome: Outcome) -> bool:
    """Whether the ledger keeps what it has of the event: nothing, if no event has that id.

    Also if the event is outside this run's locations. Or if it needs no order, and Revel couldn't be searched for one:
    then a later run searches.
    """
    unsearched = outcome.reason in NEEDS_NO_ORDER and not outcome.looked_into
    return outcome.unknown or unsearched or _is_outside(ctx, outcome)


def _is_outside(ctx: RunContext, outcome: Outcome) -> bool:
    """Whether it is at a location that this run leaves out (`--location`)."""
    left_out = outcome.status is Status.SKIPPED and outcome.reason is Reason.LOCATION_NOT_ALLOWED
    return left_out and bool(ctx.policy.only)


def _is_news(state: RunState, outcome: Outcome) -> bool:
    """Failures and alarms are news in every run; held and planned events when they are new or changed.

    So is a deleted event that the listing lacked.
    """
    if outcome.status is Status.FAILED or outcome.alarm:
        return True
    is_gone = outcome.reason is Reason.EVENT_DELETED and outcome.event_id in state.unlisted
    return outcome.fresh and (is_gone or outcome.status in {Status.HELD, Status.PLANNED})


def _is_lacking(state: RunState, event: Event | None) -> bool:
    """Whether TripleSeat has the event on a day that was listed, but didn't list it."""
    if event is None or event.deleted or event.day is None or state.days is None:
        return False
    return event.id in state.unlisted and state.days[0] <= event.day <= state.days[1]


def _warn_of_unlisted(ctx: RunContext, state: RunState, results: Sequence[EventResult]) -> None:
    """Warn once of each event that TripleSeat's search doesn't list although it exists."""
    lacking = [each for each in results if each.unlisted]
    known = ctx.ledger.events.last_results(each.event_id for each in lacking)
    for each in lacking:
        if each.event_id not in known or known[each.event_id].unlisted_at is None:
            where = f"{each.location} {each.day or ''}".strip()
            lacks = f"the search doesn't list event {each.event_id} ({where})"
            warn(state, f"TripleSeat: {lacks}, but the event exists: it was read by its id")
