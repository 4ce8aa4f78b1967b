"""Explains an event: the engine's decision, and the plan with the rule behind each part.

Live, it reads both services and works on a copy of the ledger, so it writes nothing. Offline, it reads only the ledger.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from tsrevel.config import Settings
from tsrevel.config.settings import build_policy
from tsrevel.engine.catalogs import Catalogs
from tsrevel.engine.context import Limits, RunContext, System
from tsrevel.engine.outcomes import (
    CHANGES,
    Outcome,
    describe_resolution,
    describe_unknown_order,
    leave_resolved,
    not_written,
    recall_change,
    recall_dispute,
    with_order,
)
from tsrevel.engine.preview import Preview, preview_event
from tsrevel.errors import Refused, ServiceDown, StopRun, TryNextRun
from tsrevel.insight.history import EventHistory, recall_drift, recount_event
from tsrevel.ledger import Ledger, copy_event
from tsrevel.planning.assumptions import advise_on, describe_failed, find_critical
from tsrevel.planning.explain import Rationale, give_reasons, give_rivals
from tsrevel.planning.model import Event, EventId, Hold, Location, Plan, Policy, Skip
from tsrevel.planning.plan import plan_order
from tsrevel.planning.products import Catalogue
from tsrevel.planning.reasons import TROUBLE, Reason, Status, advise
from tsrevel.planning.screening import find_location
from tsrevel.transport.write_gate import WriteGate
from tsrevel.wiring import Runtime, Services, correlate, open_services, read_capabilities, why_disabled

Source = Literal["live", "ledger"]
_WAITING = frozenset({
    Reason.TOO_EARLY, Reason.RUN_LIMIT_REACHED, Reason.EVENT_DAY_PASSED, Reason.LOCATION_NOT_ALLOWED,
    Reason.UPSTREAM_UNAVAILABLE, Reason.REOPENED,
})  # fmt: skip

_LEFT_TO_RUNS = frozenset({
    Reason.TOO_EARLY, Reason.RUN_LIMIT_REACHED, Reason.OUTCOME_UNKNOWN, Reason.UPSTREAM_UNAVAILABLE, Reason.REOPENED,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Explanation:
    """The decision and its reasons. `outcome` is None if nothing is known about the event.

    `plan` is the claimed plan, else the plan that would be made. `foretold` says why an event that still waits can't
    be planned now. `rivals` are documents between which a person must choose. `unknown`: neither TripleSeat nor the
    ledger knows the event. `switched_off`: why runs do nothing, or write nothing; `remedy` says what ends that.
    """

    source: Source
    outcome: Outcome | None
    history: EventHistory
    event: Event | None = None
    rationale: Rationale | None = None
    plan: Plan | None = None
    foretold: Hold | None = None
    catalogue: Catalogue | None = None
    rivals: tuple[Rationale, ...] = ()
    switched_off: str | None = None
    remedy: str = ""
    unknown: bool = False
    exit_status: int = 0

    @property
    def waits_for_runs(self) -> bool:
        """Whether a run would make the order, or try to, if runs did anything now."""
        return self.outcome is not None and (
            self.outcome.status is Status.PLANNED or self.outcome.reason in _LEFT_TO_RUNS
        )


def explain_live(settings: Settings, runtime: Runtime, event_id: EventId) -> Explanation:
    """Explain what the next live run would do with the event. Raises LedgerUnusable and LedgerDamaged."""
    policy = build_policy(settings)
    with _copy(settings, runtime, event_id) as ledger:
        history = recount_event(ledger, event_id)
        disabled = why_disabled(settings, runtime)
        if disabled:
            nothing = Skip(Reason.CONNECTOR_DISABLED, disabled)
            outcome = _last_outcome(history) or not_written(Outcome(event_id, Status.SKIPPED), nothing)
            remedy = advise(event_id, Status.SKIPPED, Reason.CONNECTOR_DISABLED)
            return replace(_explain_known(ledger, history, policy, outcome), switched_off=disabled, remedy=remedy)
        failed = find_critical(ledger.assumptions.answers(), policy.accepted_assumptions)
        with open_services(settings, runtime, capabilities=read_capabilities(ledger)) as services:
            catalogs = Catalogs(services.revel)
            preview = preview_event(_context(settings, runtime, services, ledger, policy), event_id, catalogs)
            location = find_location(preview.event, policy) if preview.event else None
            catalogue: Catalogue | None = None
            if location:
                with suppress(TryNextRun, Refused, StopRun):  # the decision doesn't need the products
                    catalogue = catalogs.of(location.establishment)
        told = _explain_seen(preview, history, policy, location, catalogue, runtime.clock())
    if not failed:
        return told
    remedy = f"{advise_on(failed)}; until then no run writes"
    why = "; ".join(map(describe_failed, failed))
    return replace(told, switched_off=f"an assumption doesn't hold in this account: {why}", remedy=remedy)


def explain_offline(settings: Settings, runtime: Runtime, event_id: EventId) -> Explanation:
    """Explain what the last run did with the event. Raises LedgerUnusable and LedgerDamaged."""
    policy = build_policy(settings)
    with _copy(settings, runtime, event_id) as ledger:
        history = recount_event(ledger, event_id)
        return _explain_known(ledger, history, policy, _last_outcome(history))


def is_known(settings: Settings, runtime: Runtime, event_id: EventId) -> bool:
    """Whether the ledger has anything about the event. Raises LedgerUnusable and LedgerDamaged."""
    with _copy(settings, runtime, event_id) as ledger:
        return recount_event(ledger, event_id).known


def _copy(settings: Settings, runtime: Runtime, event_id: EventId) -> Ledger:
    return copy_event(settings.ledger_path, event_id, settings.environment, runtime.clock, runtime.database)


def _context(settings: Settings, runtime: Runtime, services: Services, ledger: Ledger, policy: Policy) -> RunContext:
    """The context of a live run. The `services` refuse every write."""
    run_id = runtime.new_run_id()
    return RunContext(
        tripleseat=services.tripleseat,
        revel=services.revel,
        ledger=ledger,
        policy=policy,
        write_gate=WriteGate(dry_run=False, allowed=policy.allowed, only=policy.only, entries=policy.locations),
        limits=Limits(settings.safety.max_orders_per_run, services.deadline),
        system=System(runtime.clock, runtime.monotonic, runtime.sleep, runtime.new_run_id, correlate(run_id)),
        run_id=run_id,
    )


def _explain_seen(
    preview: Preview,
    history: EventHistory,
    policy: Policy,
    location: Location | None,
    catalogue: Catalogue | None,
    now: datetime,
) -> Explanation:
    event, outcome = preview.event, _with_open_change(preview.outcome, history)
    plan = preview.record.plan if preview.record else None
    foretold: Hold | None = None
    if event and location and catalogue and plan is None and _may_come(outcome):
        found = plan_order(event, location, catalogue, policy, now)
        if isinstance(found, Plan):
            plan = found
        elif found.reason is not outcome.reason:
            foretold = found
    exit_status = 0  # a held or failed event is an answer, too
    if preview.stop:
        exit_status = preview.stop.exit_status
    elif outcome.reason is Reason.UPSTREAM_UNAVAILABLE:
        exit_status = ServiceDown.exit_status
    return Explanation(
        source="live",
        outcome=outcome,
        history=history,
        event=event,
        rationale=give_reasons(event, location, catalogue, policy) if event else None,
        plan=plan,
        foretold=foretold,
        catalogue=catalogue,
        rivals=give_rivals(event, location, catalogue, policy) if event and _is_open(outcome) else (),
        unknown=preview.absent and not history.known,
        exit_status=exit_status,
    )


def _is_open(outcome: Outcome) -> bool:
    """Whether the order's document isn't chosen yet."""
    return outcome.reason is Reason.AMBIGUOUS_DOCUMENT or _may_come(outcome)


def _may_come(outcome: Outcome) -> bool:
    """Whether a run may still make an order."""
    return outcome.status is Status.PLANNED or outcome.reason in _WAITING


def _explain_known(ledger: Ledger, history: EventHistory, policy: Policy, outcome: Outcome | None) -> Explanation:
    snapshot = ledger.events.snapshot(history.event_id)
    location = find_location(snapshot, policy) if snapshot else None
    return Explanation(
        source="ledger",
        outcome=outcome,
        history=history,
        event=snapshot,
        rationale=give_reasons(snapshot, location, None, policy) if snapshot else None,
        plan=history.record.plan if history.record else None,
        rivals=give_rivals(snapshot, location, None, policy) if snapshot and outcome and _is_open(outcome) else (),
    )


def _last_outcome(history: EventHistory) -> Outcome | None:
    """The outcome of the last run that saw the event, and the resolution by a person since."""
    standing, record, resolution = history.standing, history.record, history.resolution
    about = Outcome(history.event_id, Status.SKIPPED)
    if standing:
        reason = Reason(standing.reason) if standing.reason else None
        day, location = standing.day, standing.location
        about = Outcome(history.event_id, Status(standing.status), reason, day=day, location=location)
    about = with_order(about, record) if record else about
    if resolution and not (record and record.is_finished):
        return _with_open_change(leave_resolved(about, resolution), history)
    if standing is None and record is None:
        return None
    known = record if about.status in {Status.SKIPPED, Status.INJECTED} else None
    is_settled = resolution is not None and history.open_change is None
    drift = recall_drift(known, history.facts, history.contents, resolution) if known and not is_settled else None
    if drift:
        return not_written(about, drift)
    if known and is_settled and about.reason in CHANGES:  # no run has seen it since
        about = replace(about, reason=Reason.ORDER_EXISTS if known.state == "foreign" else Reason.ALREADY_INJECTED)
    text = ""
    if record and record.order_id and record.state == "disputed":
        text = recall_dispute(record).text
    elif about.status in TROUBLE:
        text = f"the ledger doesn't store the reason in words; `tsrevel explain {about.event_id}` shows it"
    elif about.reason is Reason.REOPENED:
        text = "a person opened it again, and no run has read it since"
    elif record and record.order_id:
        text = f"Revel order {record.order_id}"
    return _with_open_change(replace(about, text=text), history)


def _with_open_change(outcome: Outcome, history: EventHistory) -> Outcome:
    """The outcome, with the open report of a lost ledger, or of a change after a person had resolved the event.

    If a person has settled all that was reported of a finished order, it says so.
    """
    resolution, change = history.resolution, history.open_change
    stands = outcome.status is Status.INJECTED or outcome.reason in {Reason.ALREADY_INJECTED, Reason.ORDER_EXISTS}
    if resolution and change is None and outcome.resolved is None and stands:
        return replace(outcome, text=f"{outcome.text}; {describe_resolution(resolution)}")
    if change and change.reason == Reason.LEDGER_LOST and stands:
        return not_written(outcome, describe_unknown_order(outcome.order_id))
    if resolution is None or change is None or outcome.resolved is None or outcome.reason == change.reason:
        return outcome
    return leave_resolved(outcome, resolution, recall_change(resolution, Reason(change.reason), history.record))
