"""What is to be done with one event, case by case: a table of every task, status and reason that triage gives."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from tsrevel.engine.fetch import FoundEvent
from tsrevel.engine.triage import (
    CheckCancelled,
    CheckMissed,
    Compare,
    Leave,
    Prepare,
    Recheck,
    Recover,
    TriageRules,
    triage,
    triage_unlisted,
    uses_clock,
)
from tsrevel.ledger import PENDING, KnownEvents, LastResult, OrderRecord, Resolution
from tsrevel.planning.model import Event, Fault, OrderId, Policy, SiteId
from tsrevel.planning.reasons import Reason, Status
from tsrevel.transport.write_gate import WriteGate

from ..ledger.samples import make_plan
from ..planning.make import LOCATION, NOON, POLICY, make_event

DIGEST = "as it was"
EVENT = make_event()
LIVE, DRY = WriteGate(dry_run=False), WriteGate(dry_run=True)


def order(state: Any, **changes: Any) -> OrderRecord:
    plan = replace(make_plan(EVENT.id), location=LOCATION)
    record = OrderRecord(EVENT.id, state, plan, OrderId("5550101"), DIGEST, False, NOON, {})
    return replace(record, **changes)


AT_A_SITE = replace(
    make_plan(EVENT.id), location=replace(LOCATION, tripleseat_location=None, tripleseat_site=SiteId("30501"))
)


def resolution(verdict: Any, digest: str | None = DIGEST) -> Resolution:
    return Resolution(EVENT.id, verdict, "by hand", OrderId("5550101"), digest, NOON)


class Case(NamedTuple):
    """What is known, and what triage makes of it: the task, and for `Leave` its status and reason."""

    expected: str
    event: Event = EVENT
    digest: str | None = DIGEST
    record: OrderRecord | None = None
    resolution: Resolution | None = None
    policy: Policy = POLICY
    gate: WriteGate = LIVE
    ignore_time_gate: bool = False
    now: datetime = NOON
    last: LastResult | None = None
    reports: bool = False


YESTERDAY, TOMORROW = NOON - timedelta(days=1), NOON + timedelta(days=1)
OFF = LastResult(EVENT.id, EVENT.day, "skipped", "STATUS_NOT_ELIGIBLE", "", None, updated=NOON)
CASES = {
    # an event without an order
    "due": Case("Prepare"),
    "lost": Case("CheckCancelled", replace(EVENT, status="LOST")),
    "lost, and looked up": Case("skipped STATUS_NOT_ELIGIBLE", replace(EVENT, status="LOST"), last=OFF),
    "lost, looked up, and changed since": Case(
        "CheckCancelled", replace(EVENT, status="LOST", updated=NOON + timedelta(minutes=1)), last=OFF
    ),
    "lost, and waited before": Case(
        "CheckCancelled", replace(EVENT, status="LOST"), last=replace(OFF, reason="TOO_EARLY")
    ),
    "lost, and not looked up because Revel was down": Case(
        "CheckCancelled",
        replace(EVENT, status="LOST"),
        last=replace(OFF, status="failed", reason="UPSTREAM_UNAVAILABLE"),
    ),
    "lost and left out": Case(
        "CheckCancelled", replace(EVENT, status="LOST"), policy=replace(POLICY, only=frozenset({"1"}))
    ),
    "lost elsewhere": Case(
        "skipped STATUS_NOT_ELIGIBLE", replace(EVENT, status="LOST"), policy=replace(POLICY, allowed=frozenset({"1"}))
    ),
    "without a status": Case("held MISSING_DATA", replace(EVENT, status="")),
    "deleted": Case("CheckCancelled", replace(EVENT, deleted=True)),
    "deleted, its place forgotten": Case(
        "CheckCancelled",
        replace(EVENT, deleted=True, location_id=None, site_id=None),
        policy=replace(POLICY, allowed=frozenset({"1"})),
    ),
    "deleted, and looked up": Case("skipped EVENT_DELETED", replace(EVENT, deleted=True), last=OFF),
    "without a place": Case("held MISSING_DATA", replace(EVENT, location_id=None, site_id=None)),
    "elsewhere": Case("skipped LOCATION_NOT_ALLOWED", policy=replace(POLICY, allowed=frozenset({"1"}))),
    "left out": Case("skipped LOCATION_NOT_ALLOWED", policy=replace(POLICY, only=frozenset({"1"}))),
    "not mapped": Case("held LOCATION_NOT_MAPPED", policy=replace(POLICY, locations=())),
    "in no time zone": Case(
        "held UNKNOWN_TIMEZONE", policy=replace(POLICY, locations=(replace(LOCATION, timezone="Mars/Olympus"),))
    ),
    "without a day": Case("held MISSING_DATA", replace(EVENT, day=None, starts_at=None)),
    "unreadable date": Case(
        "held INVALID_DATE_FORMAT", replace(EVENT, faults=(Fault(Reason.INVALID_DATE_FORMAT, "12/2026"),))
    ),
    "too early": Case("skipped TOO_EARLY", now=YESTERDAY),
    "asked for by name": Case("Prepare", now=YESTERDAY, ignore_time_gate=True),
    "missed": Case("CheckMissed", now=TOMORROW + timedelta(days=1)),
    "missed and reported": Case(
        "skipped EVENT_DAY_PASSED",
        now=TOMORROW + timedelta(days=1),
        last=LastResult(EVENT.id, EVENT.day, "skipped", "EVENT_DAY_PASSED", "", missed_at=TOMORROW),
    ),
    "missed on an earlier day": Case(
        "CheckMissed",
        now=TOMORROW + timedelta(days=1),
        last=LastResult(EVENT.id, date(2026, 1, 1), "skipped", "EVENT_DAY_PASSED", "", missed_at=TOMORROW),
    ),
    # a person's word
    "resolved as done": Case("skipped ALREADY_INJECTED", resolution=resolution("done")),
    "resolved as ignored": Case("skipped STATUS_NOT_ELIGIBLE", resolution=resolution("ignored")),
    "resolved and changed": Case(
        "skipped CHANGED_AFTER_INJECTION", digest="changed", resolution=resolution("done"), reports=True
    ),
    "resolved, its order begun": Case(
        "skipped ALREADY_INJECTED", record=order("claimed"), resolution=resolution("done")
    ),
    # an order begun
    "claimed": Case("Recover", record=order("claimed")),
    "disputed": Case("Recover", record=order("disputed", reason=Reason.AMOUNT_MISMATCH)),
    "claimed without a plan": Case("Prepare", record=order("claimed", plan=None)),
    "claimed, in a dry run": Case("planned", record=order("claimed"), gate=DRY),
    "disputed, in a dry run": Case(
        "held AMOUNT_MISMATCH", record=order("disputed", reason=Reason.AMOUNT_MISMATCH), gate=DRY
    ),
    "disputed by an older version, in a dry run": Case("held ORDER_DIFFERS", record=order("disputed"), gate=DRY),
    "claimed, its place left out": Case(
        "skipped LOCATION_NOT_ALLOWED", record=order("claimed"), gate=replace(LIVE, only=frozenset({"1"}))
    ),
    "claimed, its place forbidden": Case(
        "held LOCATION_NOT_ALLOWED",
        record=order("claimed"),
        policy=replace(POLICY, allowed=frozenset({"1"})),
        gate=replace(LIVE, allowed=frozenset({"1"})),
    ),
    "claimed, its site forbidden, whose number is that of an allowed location": Case(
        "held LOCATION_NOT_ALLOWED",
        record=order("claimed", plan=AT_A_SITE),
        policy=replace(POLICY, allowed=frozenset({"30501"})),
        gate=replace(LIVE, allowed=frozenset({"30501"}), entries=POLICY.locations),
    ),
    # an order that is made
    "settled": Case("skipped ALREADY_INJECTED", record=order("settled")),
    "settled and resolved": Case("skipped ALREADY_INJECTED", record=order("settled"), resolution=resolution("ignored")),
    "settled and changed": Case("Compare", digest="changed", record=order("settled")),
    "settled and not listed": Case("Compare", digest=None, record=order("settled")),
    "settled and called off": Case(
        "skipped CANCELLED_AFTER_INJECTION", replace(EVENT, status="LOST"), "changed", order("settled"), reports=True
    ),
    "settled, called off and reported": Case(
        "skipped ALREADY_INJECTED",
        replace(EVENT, status="LOST"),
        "changed again",
        order("settled", cancelled=True),
        reports=True,
    ),
    "settled without a plan": Case("skipped ALREADY_INJECTED", record=order("settled", plan=None)),
    "settled without a plan and changed": Case(
        "skipped CHANGED_AFTER_INJECTION", digest="changed", record=order("settled", plan=None), reports=True
    ),
    "settled without a plan and taken up again": Case(
        "skipped CHANGED_AFTER_INJECTION",
        digest="changed",
        record=order("settled", plan=None, cancelled=True),
        reports=True,
    ),
    "settled, perhaps doubled since": Case("Recheck", record=order("settled", recheck_at=NOON)),
    "settled, perhaps doubled, too early to say": Case(
        "skipped ALREADY_INJECTED", record=order("settled", recheck_at=NOON + PENDING)
    ),
    "settled, perhaps doubled by a fast clock": Case("Recheck", record=order("settled", recheck_at=TOMORROW)),
    "settled, perhaps doubled, in a dry run": Case("Recheck", record=order("settled", recheck_at=NOON), gate=DRY),
    "somebody else's order": Case("skipped ORDER_EXISTS", record=order("foreign", plan=None, local_id="Triple Seat 1")),
}
GIVEN_ELSEWHERE = {
    "find": {Reason.MISSING_DATA},
    "fetch": {Reason.EVENT_DATA_UNAVAILABLE, Reason.AUTHORIZATION_DENIED, Reason.ALREADY_INJECTED},
    "plan": {
        Reason.NO_LINE_ITEMS, Reason.AMBIGUOUS_DOCUMENT, Reason.UNMAPPED_ITEMS, Reason.UNKNOWN_CHARGE,
        Reason.AMOUNT_MISMATCH, Reason.ORDER_TOO_LARGE,
    },
    "perform": {Reason.RUN_LIMIT_REACHED, Reason.OUTCOME_UNKNOWN, Reason.UPSTREAM_UNAVAILABLE},
    "recover": {Reason.DUPLICATE_ORDERS, Reason.ORDER_DIFFERS},
    "run": {Reason.CONNECTOR_DISABLED, Reason.LEDGER_LOST},
    "deliveries": {Reason.DUPLICATE_EVENT, Reason.TRIGGER_TYPE_NOT_ACTIONABLE},
    "resolve": {Reason.REOPENED},
}  # fmt: skip
"""The reasons that other modules of the engine, planning, or a command give."""


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_each_event_has_its_task(case: Case) -> None:
    known = KnownEvents(
        orders={EVENT.id: case.record} if case.record else {},
        results={EVENT.id: case.last} if case.last else {},
        resolutions={EVENT.id: case.resolution} if case.resolution else {},
    )
    rules = TriageRules(case.policy, case.gate, case.ignore_time_gate)
    task = triage(FoundEvent(case.event, case.digest), known, rules, case.now)
    assert describe(task) == case.expected
    assert (isinstance(task, Leave) and task.report is not None) is case.reports


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (order("claimed"), "Recover"),
        (order("disputed"), "Recover"),
        (order("claimed", plan=None), "None"),
        (order("settled"), "skipped ALREADY_INJECTED"),
        (order("settled", recheck_at=NOON), "Recheck"),
    ],
)
def test_an_order_begun_whose_event_is_not_listed_has_its_task_too(record: OrderRecord, expected: str) -> None:
    assert describe(triage_unlisted(record, TriageRules(POLICY, LIVE), NOON)) == expected


def test_every_reason_has_its_place() -> None:
    by_triage = {
        Reason(case.expected.split()[-1])
        for case in CASES.values()
        if case.expected[0].islower() and " " in case.expected
    }
    assert by_triage | set.union(*GIVEN_ELSEWHERE.values()) == set(Reason)


@pytest.mark.parametrize("name", ["due", "too early", "missed"])
def test_what_depends_on_the_clock_is_known(name: str) -> None:
    case = CASES[name]
    assert uses_clock(triage(FoundEvent(case.event, case.digest), KnownEvents(), TriageRules(POLICY, LIVE), case.now))
    lost = triage(FoundEvent(replace(EVENT, status="LOST")), KnownEvents(), TriageRules(POLICY, LIVE), case.now)
    assert not uses_clock(lost)


def describe(task: object) -> str:
    if isinstance(task, Leave):
        outcome = task.outcome
        assert outcome.status in Status
        return " ".join(str(word) for word in (outcome.status, outcome.reason) if word)
    assert task is None or isinstance(task, CheckCancelled | CheckMissed | Compare | Prepare | Recheck | Recover)
    return "None" if task is None else type(task).__name__
