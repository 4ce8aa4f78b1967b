"""Previews what the next live run would do with an event: the same code, up to its first write.

The context's ledger is a copy that is thrown away, and its Revel refuses every write.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tsrevel.engine.after_injection import note_changed_order
from tsrevel.engine.catalogs import Catalogs
from tsrevel.engine.context import RunContext, RunState
from tsrevel.engine.fetch import NamedEvent
from tsrevel.engine.outcomes import Outcome, planned
from tsrevel.engine.perform import Work, about_item, guarded
from tsrevel.engine.triage import TriageRules
from tsrevel.errors import StopRun, WriteForbidden
from tsrevel.ledger import KnownEvents, OrderRecord, RunRecord
from tsrevel.planning.model import Event, EventId
from tsrevel.planning.reasons import Reason, Status


@dataclass(frozen=True, slots=True)
class Preview:
    """The outcome, the event as far as TripleSeat showed it, and what stopped the preview (service down, key refused).

    If something would be written, the outcome is `planned` and `record` has the claimed plan. `absent`: TripleSeat
    answered that it has no such event.
    """

    outcome: Outcome
    event: Event | None
    record: OrderRecord | None
    stop: StopRun | None
    absent: bool = False


def preview_event(ctx: RunContext, event_id: EventId, catalogs: Catalogs) -> Preview:
    """The event's result if a run handled it now, including changes that were reported and that nobody has settled.

    Waits for nothing, since a person waits for the answer.
    """
    known = ctx.ledger.known([event_id])
    settled = event_id in known.resolutions and not ctx.ledger.queries.open_changes(event_id)
    known = known if settled else _as_never_told(known)
    last = known.results.get(event_id)
    waits = last is not None and last.reason == Reason.RUN_LIMIT_REACHED  # until a run reaches it
    limits = replace(ctx.limits, look_pauses=(), max_orders=0 if waits else ctx.limits.max_orders)
    ctx = replace(ctx, limits=limits)
    state = RunState.begin(ctx, catalogs)
    ctx.ledger.runs.begin(
        RunRecord(ctx.run_id, ctx.system.correlation_id, "single", dry_run=False, started_at=ctx.now())
    )
    outcome = _look(ctx, state, Work(known, TriageRules(ctx.policy, ctx.write_gate)), NamedEvent(event_id))
    record = ctx.ledger.orders.get(event_id)
    if record and record.is_finished and outcome.status is Status.SKIPPED:
        before = ctx.ledger.orders.shown([event_id]).get(event_id) if settled else None
        outcome = note_changed_order(ctx, state, record, outcome, before)
    found = state.found.get(event_id)
    event = state.whole.get(event_id) or (found.event if found else None)
    return Preview(outcome, event, record, state.stop, event_id in state.absent)


def _look(ctx: RunContext, state: RunState, work: Work, named: NamedEvent) -> Outcome:
    """The outcome. `state.stop` says what stopped the preview."""
    outcome = guarded(ctx, state, work, named)
    if isinstance(state.stop, WriteForbidden):
        state.stop = None
        return _would_be_written(ctx, state, work.known, named.event_id)
    if outcome is None:
        about = about_item(ctx, work.known, named)
        return replace(about, status=Status.FAILED, text=f"a run stops here, and its other events wait: {state.stop}")
    if outcome.status is Status.INJECTED:  # nothing was missing, so nothing had to be written
        text = f"Revel order {outcome.order_id} is complete; the next run notes that"
        return replace(outcome, status=Status.PLANNED, text=text)
    return outcome


def _would_be_written(ctx: RunContext, state: RunState, known: KnownEvents, event_id: EventId) -> Outcome:
    record, found = ctx.ledger.orders.get(event_id), state.found.get(event_id)
    about = about_item(ctx, known, found) if found else Outcome(event_id, Status.PLANNED)
    if record is None or record.plan is None:
        return replace(about, status=Status.PLANNED)
    begun = f"its Revel order {record.order_id} was begun and would be finished" if record.order_id else ""
    return replace(planned(about, record.plan), order_id=record.order_id, text=begun)


def _as_never_told(known: KnownEvents) -> KnownEvents:
    """Let the event be compared with its order itself, not with the last report."""
    return replace(
        known,
        orders={
            event_id: replace(record, seen_plan=None, seen_trouble=None, cancelled=False, digest=None)
            for event_id, record in known.orders.items()
        },
        contents={event_id: replace(hashes, seen=None) for event_id, hashes in known.contents.items()},
    )
