"""Does the work for a run's events: the soonest one first, several establishments in parallel.

`account_for` queues the events, and `perform_all` is one worker's loop. `perform` does for one event what triage
decided. `guarded` turns errors into outcomes, after `fetch.unless_refused` has handled TripleSeat's refusals.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from functools import partial

from tsrevel.engine.context import RunContext, RunState
from tsrevel.engine.event_drift import (
    compare_with_event,
    find_doubles,
    hold_doubled,
    note_content,
    tell_beside,
)
from tsrevel.engine.fetch import EventUnavailable, FoundEvent, NamedEvent, UnreadEvent, read_event
from tsrevel.engine.find import WorkItem, id_of, warn
from tsrevel.engine.inject import Writing, check_search, inject
from tsrevel.engine.outcomes import (
    NOT_TRIED,
    Outcome,
    describe,
    describe_disabled,
    describe_order,
    end_reason,
    fail_by_fault,
    leave_resolved,
    leave_to_next_run,
    not_written,
    order_stands,
    planned,
    with_order,
)
from tsrevel.engine.prepare import Prepared, find_absent, is_new_hold, prepare
from tsrevel.engine.recover import (
    Absent,
    Foreign,
    Ours,
    adopt,
    find_misplaced,
    find_order,
    hold_found,
    leave_foreign,
    preview_adoption,
    read_begun,
    recheck,
    recover,
    settle_found,
    take_in,
    with_row,
)
from tsrevel.engine.triage import (
    CheckCancelled,
    CheckMissed,
    Compare,
    Leave,
    Prepare,
    Recheck,
    Recover,
    Task,
    TriageRules,
    report_change,
    triage,
    triage_finished,
    triage_new,
    triage_unlisted,
    uses_clock,
)
from tsrevel.engine.work_queue import WorkQueue, make_entry
from tsrevel.engine.workers import in_parallel
from tsrevel.errors import (
    LedgerUnusable,
    NotShown,
    OutcomeUnknown,
    OutOfTime,
    Refused,
    StillPending,
    StopRun,
    TryNextRun,
    WrongClock,
)
from tsrevel.ledger import AuditKind, KnownEvents, OrderRecord, Resolution
from tsrevel.planning.identity import known_local_ids, order_uuid
from tsrevel.planning.model import Event, EventId, Hold, Plan, Skip
from tsrevel.planning.plan import label_order
from tsrevel.planning.reasons import TROUBLE, Reason, Status
from tsrevel.planning.screening import find_location

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Work:
    """A worker's data for the events that it has taken: the ledger's data about them, and the rules to judge them by.

    `due`: the events to prepare together. `ready`: those that are prepared. `cancelled`: the cancelled events whose
    orders to look for together. `without_order`: those of them that Revel has no order for.
    """

    known: KnownEvents
    rules: TriageRules
    due: dict[EventId, Prepare] = field(default_factory=dict)
    ready: dict[EventId, Prepared | EventUnavailable] = field(default_factory=dict)
    cancelled: list[EventId] = field(default_factory=list)
    without_order: set[EventId] = field(default_factory=set)

    def forget(self, event_id: EventId) -> None:
        """Drop the event, because its turn is over."""
        self.due.pop(event_id, None)
        self.ready.pop(event_id, None)


def account_for(
    ctx: RunContext, state: RunState, items: Sequence[WorkItem], *, ignore_time_gate: bool = False
) -> list[Outcome]:
    """An outcome for each of `items`, in their order. `state.stop` says what ended the run early.

    After WrongClock, events that the run hadn't decided on get no outcome, because no clock could decide them. Raises
    LedgerUnusable if the ledger's data about the events can't be read.
    """
    begun = [each.event_id for each in items if isinstance(each, OrderRecord)]
    known = ctx.ledger.known([id_of(each) for each in items if not isinstance(each, OrderRecord)])
    known |= KnownEvents(results=ctx.ledger.events.last_results(begun))
    rules = TriageRules(ctx.policy, ctx.write_gate, ignore_time_gate)
    state.found |= {each.event.id: each for each in items if isinstance(each, FoundEvent)}
    entries = [make_entry(ctx, known, rules, number, each) for number, each in enumerate(items)]
    queue = WorkQueue([each for each in entries if each.needs_requests], state.budget, ctx.limits.workers)
    outcomes: dict[int, Outcome] = {}

    def note(number: int, outcome: Outcome) -> None:
        outcomes[number] = outcome
        if outcome.status is Status.FAILED and outcome.looked_into and not ctx.dry_run:
            with suppress(LedgerUnusable):  # whatever needs the ledger next reports it
                ctx.ledger.audit.add(ctx.run_id, AuditKind.FAILED, outcome.event_id)
        about = {"event_id": outcome.event_id, "order_id": outcome.order_id, "reason": outcome.reason}
        told = (outcome.event_id, outcome.status, outcome.reason or "", outcome.text)
        log.info("event %s: %s %s %s", *told, extra=about)
        ctx.system.progress(len(outcomes), len(items))

    for entry in entries:
        outcome = None if entry.needs_requests or state.stop else guarded(ctx, state, Work(known, rules), entry.item)
        if outcome:
            note(entry.number, outcome)
    work = partial(perform_all, ctx, state, known, rules, queue)
    with in_parallel(work, queue.workers, stop=ctx.stop_requests) as results, closing(queue):
        for number, outcome in results:
            note(number, outcome)
    for entry in entries:
        stop = queue.why_left(entry) or state.stop
        if entry.number not in outcomes and stop and not isinstance(stop, WrongClock):
            note(entry.number, _left(ctx, known, entry.item, stop))
    return [outcomes[number] for number in sorted(outcomes)]


def perform_all(
    ctx: RunContext, state: RunState, known: KnownEvents, rules: TriageRules, queue: WorkQueue
) -> Iterator[tuple[int, Outcome]]:
    """One worker's loop: take events, handle them one after another, and yield each outcome at once."""
    while entries := queue.take():
        expected = [each.expected for each in entries]
        due = {each.found.event.id: each for each in expected if isinstance(each, Prepare)}
        cancelled = [each.found.event.id for each in expected if isinstance(each, CheckCancelled)]
        work = Work(known, rules, due, cancelled=cancelled)
        while entries:
            if state.stop:
                queue.close()
                return
            entry, began = entries.pop(0), ctx.system.monotonic()
            outcome = guarded(ctx, state, work, entry.item)
            down = queue.end(entry, outcome, ctx.system.monotonic() - began)
            state.stop = state.stop or down
            if outcome:
                yield entry.number, outcome
            entries = queue.go_on_with(entries)


def guarded(ctx: RunContext, state: RunState, work: Work, item: WorkItem) -> Outcome | None:
    """The outcome for one event, whatever goes wrong. `state.stop` receives the error that stops the run.

    If a person has paused all runs meanwhile, the event is left to a later run. None if the clock proves wrong here.
    """
    known, event_id = work.known, id_of(item)
    try:
        pause = state.read_pause(ctx)
        if pause and not isinstance(item, Outcome):
            left = not_written(about_item(ctx, known, item), Skip(Reason.CONNECTOR_DISABLED, describe_disabled(pause)))
            return replace(left, looked_into=False)
        return decide(ctx, state, work, item)
    except (OutcomeUnknown, TryNextRun, Refused) as error:
        return _failed_by(ctx, state, known, _as_read(state, item), error)
    except StopRun as stop:
        state.stop = state.stop or stop
        if isinstance(stop, WrongClock):
            return None
        if isinstance(stop, LedgerUnusable):
            return _left(ctx, known, _as_read(state, item), stop)
        text = f"a run stops here, and its other events wait: {stop}"
        return _failed(ctx, known, _as_read(state, item), end_reason(stop), text)
    except Exception as error:  # noqa: BLE001 (a fault of ours must not keep the other events waiting)
        return fail_by_fault(_with_record(ctx, known, _as_read(state, item)), error)
    finally:
        state.budget.release(event_id)
        work.forget(event_id)


def _as_read(state: RunState, item: WorkItem) -> WorkItem:
    """The item, with its event if this run has read it meanwhile."""
    return state.found.get(id_of(item), item)


def about_item(ctx: RunContext, known: KnownEvents, item: WorkItem) -> Outcome:
    """The event's name, day and location, as far as they are known."""
    if isinstance(item, FoundEvent):
        return describe(item.event, ctx.policy)
    last = known.results.get(item.event_id)
    day, location = (last.day, last.location) if last else (None, "")
    return Outcome(item.event_id, Status.SKIPPED, day=day, location=location)


# One event


def decide(ctx: RunContext, state: RunState, work: Work, item: WorkItem) -> Outcome:
    """The outcome for one event. Raises what `perform` raises."""
    if isinstance(item, Outcome):  # an event that couldn't be read; a person may have resolved it
        resolution = work.known.resolutions.get(item.event_id)
        return leave_resolved(item, resolution) if resolution else item
    if isinstance(item, FoundEvent):
        return perform(ctx, state, work, triage(item, work.known, work.rules, ctx.now()))
    late = ctx.out_of_time()
    if late:  # each of these costs requests: a booking may have thousands of events
        return _beyond(ctx, work.known, about_item(ctx, work.known, item), late)
    if isinstance(item, OrderRecord):
        task = triage_unlisted(item, work.rules, ctx.now())
        begun = NamedEvent(item.event_id, known_before=True)
        return perform(ctx, state, work, task) if task else _read(ctx, state, work, begun)
    return _read(ctx, state, work, item)


def _read(ctx: RunContext, state: RunState, work: Work, unread: UnreadEvent) -> Outcome:
    """Read the event, triage it, and do what triage decides."""
    found = read_event(ctx.tripleseat, ctx.ledger, ctx.policy, unread, ctx.now())
    if isinstance(found, EventUnavailable):
        if found.absent:
            state.absent.add(unread.event_id)
        outcome = _unavailable(ctx, work.known, unread, found)
        return replace(outcome, unknown=found.absent and isinstance(unread, NamedEvent) and unread.typed)
    state.found[unread.event_id] = found
    if ctx.tripleseat.answered:  # else `perform` checks it if anything depends on the clock
        state.clock_check.check()
    return perform(ctx, state, work, triage(found, work.known, work.rules, ctx.now()))


def perform(ctx: RunContext, state: RunState, work: Work, task: Task) -> Outcome:
    """Do what triage decided. Raises what `TripleSeat`, `Revel` and `Ledger` raise."""
    late = ctx.out_of_time()
    if late and isinstance(task, Compare | Recover | CheckMissed | CheckCancelled | Prepare):
        about = task.about if isinstance(task, Compare | Recover) else describe(task.found.event, ctx.policy)
        return _beyond(ctx, work.known, about, late)
    if uses_clock(task):
        state.clock_check.check()
    match task:
        case Leave(outcome, report):
            if report:
                state.reports.append(report)
            return outcome
        case Recheck():
            return _recheck(ctx, state, work, task)
        case Compare():
            compared = compare_with_event(ctx, state, work.known, task)
            return compared if isinstance(compared, Outcome) else _unavailable(ctx, work.known, task.found, compared)
        case Recover():
            return _recover(ctx, state, work, task)
        case CheckMissed():
            return _check_missed(ctx, state, task)
        case CheckCancelled():
            return _check_cancelled(ctx, state, work, task)
        case Prepare():
            return _make_order(ctx, state, work, task)


def _recheck(ctx: RunContext, state: RunState, work: Work, task: Recheck) -> Outcome:
    """Check again whether a late write doubled the order, and continue with its event.

    The order stands, whole and reported. So if Revel can't be asked now, that is a warning, unless the last run had the
    event in trouble, and the next run checks.
    """
    record, found = task.record, task.found
    last = work.known.results.get(record.event_id)
    doubled = None
    try:
        doubled = recheck(ctx, state, record, task.plan)
    except (TryNextRun, Refused) as error:
        if isinstance(error, OutOfTime) or (last and last.status in TROUBLE):
            raise
        text = f"Revel order {record.order_id} can't be checked for parts sent twice, and the next run tries again"
        warn(state, f"{text}: {error}")
    resolution = work.known.resolutions.get(record.event_id)
    if doubled:
        compared = _try_to_compare(ctx, state, work, record, found, resolution) if found else None
        return hold_doubled(state, record, doubled, compared)
    if found is None:
        return order_stands(describe_order(record), record)
    return perform(ctx, state, work, triage_finished(found, record, ctx.policy, resolution))


def _recover(ctx: RunContext, state: RunState, work: Work, task: Recover) -> Outcome:
    """Finish the order that was begun. If Revel has nothing of it, continue with its event as it is now."""
    try:
        outcome = recover(ctx, state, task.about, task.record, task.plan, task.found)
    except (OutcomeUnknown, TryNextRun, Refused) as error:
        outcome = _failed_by(ctx, state, work.known, task.found or task.record, error)
    if outcome:
        return _tell_changes(ctx, state, work, task, outcome)
    if task.found is None:
        return _read(ctx, state, work, NamedEvent(task.record.event_id, known_before=True))
    return perform(ctx, state, work, triage_new(task.found, work.known, work.rules, ctx.now()))


def _tell_changes(ctx: RunContext, state: RunState, work: Work, task: Recover, outcome: Outcome) -> Outcome:
    """The outcome of an order that was begun, with what has changed in its event since.

    A person may resolve an event that is held or failed, and then no run compares it any more.
    """
    record = ctx.ledger.orders.get(task.record.event_id)
    if record is None or outcome.status is Status.SKIPPED:
        return outcome
    compared = _try_to_compare(ctx, state, work, record, task.found)
    if outcome.status is not Status.INJECTED:
        return tell_beside(state, record, outcome, compared)
    if compared is None or not compared.news:
        return outcome
    return replace(outcome, reason=compared.reason, text=compared.text, details=compared.details)


def _try_to_compare(
    ctx: RunContext,
    state: RunState,
    work: Work,
    record: OrderRecord,
    found: FoundEvent | None,
    resolution: Resolution | None = None,
) -> Outcome | None:
    """The outcome of an event, compared with its order now. None if it can't be read now: the next run compares it."""
    try:
        event = found or read_begun(ctx, state, record)
        return _compare(ctx, state, work, event, record, resolution) if event else None
    except LedgerUnusable:
        raise
    except (StopRun, TryNextRun, Refused) as error:
        text = "event %s can't be compared with its order now; the next run compares it: %s"
        log.warning(text, record.event_id, error)
        return None


def _compare(
    ctx: RunContext, state: RunState, work: Work, found: FoundEvent, record: OrderRecord, resolution: Resolution | None
) -> Outcome | None:
    """The outcome of an event whose order was made or begun, compared with it now. None if there is no time for it."""
    known = KnownEvents(
        resolutions={record.event_id: resolution} if resolution else {},
        contents=ctx.ledger.orders.contents([record.event_id]),
    )
    task = triage_finished(found, record, ctx.policy, resolution)
    if isinstance(task, Compare) and ctx.out_of_time():
        return None
    return perform(ctx, state, replace(work, known=known), task)


def _make_order(ctx: RunContext, state: RunState, work: Work, task: Prepare) -> Outcome:
    """Make the order of a due event, unless it exists already or something prevents it."""
    event_id = task.found.event.id
    refusal = state.budget.refusal()
    if refusal:  # no request is needed
        return _beyond(ctx, work.known, describe(task.found.event, ctx.policy), refusal)
    ready = _prepared(ctx, state, work, task)
    if isinstance(ready, EventUnavailable):
        return _unavailable(ctx, work.known, task.found, ready)
    event, plan, about = ready.event, ready.result, describe(ready.event, ctx.policy)
    closed = _screen_again(ctx, state, work, task, event)  # the gate may have closed since it was planned
    if closed:
        return closed
    if isinstance(plan, Skip) or (isinstance(plan, Hold) and not is_new_hold(work.known, event_id, plan)):
        return not_written(about, plan)
    refusal = state.budget.reserve(event_id) if isinstance(plan, Plan) else None
    if refusal:
        return _beyond(ctx, work.known, about, refusal, looked_into=True)
    is_absent = ready.absent and ctx.revel.has_shown_batches  # an order read back since may have put that in doubt
    existing = Absent() if is_absent else find_order(ctx, event_id)
    match existing:
        case Hold():
            return hold_found(about, existing)
        case Foreign(row):
            return leave_foreign(ctx, about, row, find_location(event, ctx.policy), task.found.digest)
        case Ours(row) if isinstance(plan, Hold):
            what = "stands" if row.is_finished else "is unfinished"
            text = f"Revel order {row.id} is ours and {what}, but its event can't be planned now: {plan.text}"
            return not_written(with_row(about, row), Hold(Reason.ORDER_DIFFERS, text, (row.id, *plan.details)))
    if isinstance(plan, Hold):
        return not_written(about, plan)
    if isinstance(existing, Ours) and ctx.dry_run:
        return preview_adoption(ctx, state, about, plan, existing.row)
    if ctx.dry_run or not state.budget.covers(plan):
        state.budget.count(event_id)
        return planned(about, plan)
    with state.writing_at(plan.location.establishment):
        note_content(ctx, task.found, event, plan)
        labels = label_order(event, plan.location)
        if isinstance(existing, Ours):
            return adopt(ctx, state, about, plan, existing.row, labels, task.found.digest)
        check_search(ctx, state)
        closed = _screen_again(ctx, state, work, task, event)  # the searches, or another write, may have taken long
        if closed:
            return closed
        ignore, digest = work.rules.ignore_time_gate, task.found.digest
        return inject(ctx, state, Writing(about, plan, plan.steps, labels, digest=digest, ignore_gate=ignore))


def _screen_again(ctx: RunContext, state: RunState, work: Work, task: Prepare, event: Event) -> Outcome | None:
    """The outcome of an event that isn't due any more; None if it is. Its day may have ended since: it was missed."""
    now = triage_new(replace(task.found, event=event), work.known, work.rules, ctx.now())
    return None if isinstance(now, Prepare) else perform(ctx, state, work, now)


def _prepared(ctx: RunContext, state: RunState, work: Work, task: Prepare) -> Prepared | EventUnavailable:
    """The event, prepared. Unless that is fresh, it is prepared now, and with it the others that are due.

    If it is stale, its batch was too large for the time that an event takes now: half of the others is enough.
    """
    event_id = task.found.event.id
    ready = work.ready.get(event_id)
    is_stale = isinstance(ready, Prepared) and not ctx.is_fresh(ready.asked)
    if ready is None or is_stale:
        others = [each for other, each in work.due.items() if other != event_id]
        others = others[: len(others) // 2] if is_stale else others
        work.ready.update(prepare(ctx, state, work.known, work.rules, [task, *others]))
    return work.ready[event_id]


def _check_missed(ctx: RunContext, state: RunState, task: CheckMissed) -> Outcome:
    """The gate closed: Revel may have an order that this ledger doesn't know."""
    found, verdict = task.found, task.verdict
    event_id, about = found.event.id, describe(found.event, ctx.policy)
    existing = find_order(ctx, event_id)
    if isinstance(existing, Hold):
        return hold_found(about, existing)
    if isinstance(existing, Absent):
        missed = replace(not_written(about, verdict), missed=True, news=True)
        return replace(missed, failed_write=ctx.ledger.orders.failed_writes([event_id]).get(event_id))
    row, location = existing.row, find_location(found.event, ctx.policy)
    if isinstance(existing, Foreign):
        return leave_foreign(ctx, about, row, location, found.digest)
    about, elsewhere = with_row(about, row), find_misplaced(row, location)
    if elsewhere:
        return not_written(about, elsewhere)
    if not row.is_finished:
        command = f"tsrevel sync-event {event_id} --ignore-time-gate"
        text = f"Revel order {row.id} is ours and unfinished: finish it by `{command}`"
        return not_written(about, Hold(Reason.ORDER_DIFFERS, text))
    if not ctx.dry_run:
        take_in(ctx, state, found, row)
    text = f"Revel already had order {row.id}; the ledger didn't know it"
    return not_written(about, Skip(Reason.ALREADY_INJECTED, text))


def _check_cancelled(ctx: RunContext, state: RunState, work: Work, task: CheckCancelled) -> Outcome:
    """The event was cancelled: Revel may have an order of ours that this ledger doesn't know, and that still stands.

    Nothing waits for the answer, unless the event was in trouble. So if Revel can't be searched now, the event is
    skipped all the same, and the next run that finds it searches.
    """
    skipped = not_written(describe(task.found.event, ctx.policy), task.verdict)
    try:
        if task.in_trouble or not ctx.revel.is_down:
            return _find_standing(ctx, state, work, task, skipped)
    except (TryNextRun, Refused) as error:
        if task.in_trouble:
            raise
        log.info("event %s needs no order; Revel can't be searched for one now: %s", skipped.event_id, error)
    return replace(skipped, looked_into=False)


def _find_standing(ctx: RunContext, state: RunState, work: Work, task: CheckCancelled, skipped: Outcome) -> Outcome:
    """The outcome of a cancelled event: `skipped`, unless Revel has a standing order of it.

    If the event was in trouble, somebody else's order counts, too: it may have been held for that.
    """
    event_id, verdict = task.found.event.id, task.verdict
    if event_id in work.cancelled:
        work.without_order.update(find_absent(ctx, work.cancelled))
        work.cancelled.clear()
    if event_id in work.without_order:
        return skipped
    uuid = order_uuid(event_id)
    rows = [*ctx.revel.find_by_uuid(uuid)]
    if task.in_trouble:
        rows += ctx.revel.find_orders(uuid, known_local_ids(ctx.policy, event_id))
    doubles = find_doubles(ctx, event_id, rows)
    if doubles:
        return hold_found(skipped, doubles)
    standing = ctx.revel.standing(rows)
    if not standing:
        return skipped
    row = standing[0]
    is_finished = row.uuid != uuid or row.is_finished
    if is_finished and not ctx.dry_run and settle_found(ctx, state, task.found, row):
        state.reports.append(report_change(task.found, cancelled=True))
    how = "still stands" if is_finished else "is half-written and still stands"
    text = f"{verdict.text}; Revel order {row.id} {how}; if nobody wants it, void it in Revel"
    told = not_written(with_row(skipped, row), Skip(Reason.CANCELLED_AFTER_INJECTION, text))
    return replace(told, news=True)


# Outcomes of events that weren't decided on


def _with_record(ctx: RunContext, known: KnownEvents, item: WorkItem) -> Outcome:
    """The event with the ledger's current data about its order: some of it may be written."""
    about, record = about_item(ctx, known, item), ctx.ledger.orders.get(id_of(item))
    return with_order(about, record) if record else about


def _failed(ctx: RunContext, known: KnownEvents, item: WorkItem, reason: Reason | None, text: str) -> Outcome:
    return replace(_with_record(ctx, known, item), status=Status.FAILED, reason=reason, text=text)


def _failed_by(
    ctx: RunContext, state: RunState, known: KnownEvents, item: WorkItem, error: OutcomeUnknown | TryNextRun | Refused
) -> Outcome:
    """An event that failed because of a service, or that this run's time cut short. A later run tries it again."""
    match error:
        case OutOfTime() if id_of(item) not in state.in_doubt:
            left = _beyond(ctx, known, about_item(ctx, known, item), ctx.out_of_time() or str(error))
            return replace(left, looked_into=left.status is Status.FAILED)
        case OutOfTime():
            text = f"what was sent to Revel may still appear there: {error}"
            return _failed(ctx, known, item, Reason.OUTCOME_UNKNOWN, text)
        case OutcomeUnknown():
            state.in_doubt.add(id_of(item))
            was_tried, is_down = not isinstance(error, StillPending), not isinstance(error, StillPending | NotShown)
            failed = _failed(ctx, known, item, Reason.OUTCOME_UNKNOWN, str(error))
            return replace(failed, down=is_down, looked_into=was_tried)
        case TryNextRun():
            failed = _failed(ctx, known, item, Reason.UPSTREAM_UNAVAILABLE, str(error))
            last = known.results.get(id_of(item))
            is_held = last is not None and last.status == Status.HELD
            is_silent = ctx.tripleseat.is_down or ctx.revel.is_down  # so nothing shows that the hold is over
            return replace(failed, down=True, looked_into=not (is_held and is_silent))
        case Refused():
            return _failed(ctx, known, item, Reason.UPSTREAM_UNAVAILABLE, str(error))


def _unavailable(ctx: RunContext, known: KnownEvents, item: WorkItem, unavailable: EventUnavailable) -> Outcome:
    about = _with_record(ctx, known, item)
    return replace(about, status=unavailable.status, reason=unavailable.reason, text=unavailable.text)


def _beyond(ctx: RunContext, known: KnownEvents, about: Outcome, limit: str, *, looked_into: bool = False) -> Outcome:
    """An event that a limit of this run leaves to the next one."""
    begun = None if about.event_id in known.resolutions else ctx.ledger.orders.get(about.event_id)
    return leave_to_next_run(about, limit, begun, looked_into=looked_into)


def _left(ctx: RunContext, known: KnownEvents, item: WorkItem, stop: StopRun) -> Outcome:
    """An event that the run didn't reach. It fails with the run's reason, so that nobody thinks it is done.

    One that has its order stays as it is: nothing failed, and the next run looks for its changes.
    """
    if isinstance(item, Outcome):
        return item
    order = known.orders.get(id_of(item))
    if order and order.is_finished:
        return replace(order_stands(describe_order(order), order), looked_into=False)
    text = f"not tried: {stop}"
    failed = replace(about_item(ctx, known, item), status=Status.FAILED, reason=end_reason(stop), text=text)
    return replace(failed, details=NOT_TRIED, looked_into=False)
