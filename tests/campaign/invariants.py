"""What must hold whatever goes wrong: after each run, at each finishing write, at the end. Sentences for what doesn't.

Judged by numbers of the campaign's own (`completeness`), never by what tsrevel planned.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import httpx

from tsrevel.engine.outcomes import Outcome
from tsrevel.planning.reasons import Category, Reason, Status
from tsrevel.sandbox.revel_tables import link_id

from ..world import Json
from .alphabet import Point
from .completeness import is_complete, items_on, linked, possible, shortcomings
from .happenings import ENDS
from .kept import (
    SECRETS,
    a_dead_token_calls_for_a_person,
    a_new_token_is_kept,
    every_row_has_its_audit,
    look_at_ledger,
    no_secret_is_told,
    the_ledger_is_whole,
)
from .licence import objections
from .scenario import NOON, UNMAPPED, Content, Story

if TYPE_CHECKING:
    from .play import Run
    from .rig import Rig

__all__ = [
    "ENDS",
    "INVARIANTS",
    "SECRETS",
    "Judge",
    "every_part_once",
    "no_payment_beyond_what_is_paid",
    "no_secret_is_told",
    "one_order_an_event",
]

DONE = {Reason.ALREADY_INJECTED, Reason.CHANGED_AFTER_INJECTION, Reason.CANCELLED_AFTER_INJECTION}
OF_CLOCK = {Reason.TOO_EARLY, Reason.EVENT_DAY_PASSED}
OF_END = {Reason.STATUS_NOT_ELIGIBLE, Reason.EVENT_DELETED}


# Invariants of what Revel holds


def one_order_an_event(rig: Rig, _run: Run) -> Iterator[str]:
    """There is never more than one order for an event, deleted ones and those of other machines not counted."""
    for number in rig.contents:
        standing = rig.own("Order", [row for row in rig.orders_for(number) if not row["deleted"]])
        if len(standing) > 1:
            yield f"event {number} has {len(standing)} orders"
    strange = [row["id"] for row in rig.standing_orders() if rig.event_of(row) is None]
    if strange:
        yield f"order {strange[0]} belongs to no event"


def every_part_once(rig: Rig, _run: Run) -> Iterator[str]:
    """No line, payment, discount or history row is on an order twice by us, and none that the event doesn't have."""
    for number in rig.contents:
        for order in rig.orders_for(number):
            for resource in ("OrderItem", "Payment", "OrderHistory"):
                uuids = [row["uuid"] for row in linked(rig, resource, order["id"], own=True)]
                if len(uuids) != len(set(uuids)):
                    yield f"event {number} has a {resource} twice"
            if len(linked(rig, "OrderHistory", order["id"], own=True)) > 1:
                yield f"event {number} has two history rows"
            if not any(_is_part_of(rig, order, content) for content in possible(rig, number)):
                yield f"the order of event {number} holds what none of its versions has"


def _is_part_of(rig: Rig, order: Json, content: Content) -> bool:
    amounts = Counter(Decimal(row["amount"]) for row in linked(rig, "Payment", order["id"], own=True))
    discounted = (order["discount_amount"] or 0) in (0, Decimal(content.discount))
    few = len(order["applied_discounts"]) <= 1
    return (
        discounted
        and few
        and amounts <= Counter(content.received)
        and items_on(rig, order["id"], own=True) <= content.items
    )


def no_payment_beyond_what_is_paid(rig: Rig, _run: Run) -> Iterator[str]:
    """The payments on an order are never above the most that TripleSeat ever said was paid since it was begun."""
    for number in rig.contents:
        most = max(content.paid for content in possible(rig, number))
        for order in rig.orders_for(number):
            paid = sum((Decimal(row["amount"]) for row in linked(rig, "Payment", order["id"], own=True)), Decimal(0))
            if paid > most:
                yield f"event {number}: {paid} paid at Revel, {most} at TripleSeat"


# Invariants of what the run said


def every_due_event_is_accounted_for(rig: Rig, run: Run) -> Iterator[str]:
    """A run that reaches its end names every due event once, with a reason where it didn't inject it."""
    report = run.report
    if report is None or run.mode == "disabled":
        return
    if report.error is not None:
        if report.exit_status == 0:
            yield f"run {run.number} ended early ({report.error}) with exit status 0"
        return
    told = Counter(str(each.event_id) for each in report.outcomes)
    for story in rig.scenario.stories:
        if told[str(story.id)] > 1:
            yield f"run {run.number} names event {story.id} {told[str(story.id)]} times"
        may_be_unheard_of = rig.jumped or story.id in rig.unheard
        if story.id not in rig.ended and not told[str(story.id)] and not may_be_unheard_of and is_due(rig, story, run):
            yield f"run {run.number} doesn't account for event {story.id}"
    for each in report.outcomes:
        yield from _judge_outcome(rig, run, each)
    if run.mode == "live":
        waiting = {Reason.TOO_EARLY, Reason.RUN_LIMIT_REACHED}
        due = [
            each for each in report.outcomes if each.status in {Status.HELD, Status.FAILED} or each.reason in waiting
        ]
        rig.known_due = {int(each.event_id) for each in due if each.event_id.isdecimal()}
    if any(each.status in {Status.HELD, Status.FAILED} for each in report.outcomes) and report.exit_status == 0:
        yield f"run {run.number} held or failed something, with exit status 0"


def is_due(rig: Rig, story: Story, run: Run) -> bool:
    """Whether the event's gate was open when the run began."""
    return story.fate != "later" or run.started_at >= NOON


def _judge_outcome(rig: Rig, run: Run, outcome: Outcome) -> Iterator[str]:
    number = int(outcome.event_id) if outcome.event_id.isdecimal() else 0
    if number not in rig.contents:
        yield f"run {run.number} speaks of event {outcome.event_id}, which doesn't exist"
        return
    said = f"run {run.number} says {outcome.status} {outcome.reason} of event {number}"
    if outcome.status in {Status.HELD, Status.FAILED} and not (outcome.reason or outcome.text):
        yield f"{said} without a reason"
    if outcome.category is Category.INTERNAL:
        yield f"{said}: {outcome.text}"
    if outcome.status is Status.SKIPPED and not _may_skip(rig, run, outcome, number):
        yield f"{said} for no reason"
    claims = outcome.status is Status.INJECTED or outcome.reason is Reason.ALREADY_INJECTED
    if claims and not _has_proof(rig, number):
        yield f"{said}, and its order isn't complete"
    if outcome.status is Status.PLANNED and run.mode != "dry":
        yield f"{said}, and it was no dry run"


def _may_skip(rig: Rig, run: Run, outcome: Outcome, number: int) -> bool:
    changes, reason = rig.changes[number], outcome.reason
    story = next(each for each in rig.scenario.stories if each.id == number)
    if reason is Reason.ALREADY_INJECTED:
        return True
    if reason is Reason.ORDER_EXISTS and number in rig.renamed:
        return rig.ledger_lost  # nobody can tell any more that it is ours
    if reason in DONE or reason in OF_END:
        return bool(changes)
    if reason in OF_CLOCK:
        return rig.jumped or (reason is Reason.TOO_EARLY and story.fate == "later")
    if reason is Reason.LOCATION_NOT_ALLOWED:
        return run.mode == "elsewhere"
    return reason is Reason.RUN_LIMIT_REACHED and (rig.jumped or (rig.time.now - run.started_at).total_seconds() > 1700)


def _has_proof(rig: Rig, number: int) -> bool:
    """Whether the event has its complete order, or had it when it was last looked at."""
    orders = rig.orders_for(number)
    if any(is_complete(rig, order, number) for order in orders if not order["deleted"]):
        return True
    changed = [max(rig.touched.get(row["id"], 0), rig.removed.get(row["id"], 0)) for row in orders]
    return any(changed)


def a_twin_that_was_shown_is_an_alarm(rig: Rig, run: Run) -> Iterator[str]:
    """A run that was shown two orders of an event holds it and ends with 14, whatever else it did."""
    if run.report is None or run.report.error is not None or run.mode == "dry":
        return
    for number, point in rig.seen_twice.items():
        if not run.first_point <= point <= run.last_point or not rig.doubled(number):
            continue
        reports = (*run.earlier, run.report)
        outcomes = [
            next((each for each in report.outcomes if each.event_id == str(number)), None) for report in reports
        ]
        alarms = [report.exit_status == 14 for report in reports]
        if not any(each and each.status is Status.HELD and alarm for each, alarm in zip(outcomes, alarms, strict=True)):
            said = ", ".join(f"{each.status} {each.reason}" if each else "nothing" for each in outcomes)
            yield f"run {run.number} was shown two orders of event {number} and says {said}"


def nothing_is_settled_without_evidence(rig: Rig, run: Run) -> Iterator[str]:
    """What the ledger calls settled is complete at Revel, or was when it was last looked at."""
    for event_id, state, order_id in run.kept.orders:
        if state != "settled":
            continue
        order = rig.revel.state.rows["Order"].get(int(order_id or 0))
        if order is None:
            yield f"the ledger settled event {event_id} with order {order_id}, which doesn't exist"
        elif not is_complete(rig, order, int(event_id)) and not _changed_unseen(rig, order["id"]):
            why = ", ".join(shortcomings(rig, order, int(event_id))) or "unfinished"
            yield f"the ledger settled event {event_id}, whose order isn't complete: {why}"


def _changed_unseen(rig: Rig, order_id: int) -> bool:
    """Whether somebody changed the settled order after it was last looked at; that look is remembered as its proof."""
    changed = max(rig.touched.get(order_id, 0), rig.removed.get(order_id, 0))
    return changed > rig.seen_complete.setdefault(order_id, rig.last_look(order_id))


INVARIANTS = (
    one_order_an_event,
    every_part_once,
    no_payment_beyond_what_is_paid,
    every_due_event_is_accounted_for,
    a_twin_that_was_shown_is_an_alarm,
    nothing_is_settled_without_evidence,
    the_ledger_is_whole,
    every_row_has_its_audit,
    no_secret_is_told,
    a_dead_token_calls_for_a_person,
    a_new_token_is_kept,
)


class Judge:
    """Judges one schedule. Looks on at every write, and keeps nothing but what the rig remembers."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        rig.on_send = self._before_write
        rig.on_write = self.watch

    def _before_write(self, point: Point) -> None:
        rig = self._rig
        rig.breaches.extend(objections(rig, point))
        if point.method == "POST" and point.path.startswith("/resources/Order/") and rig.skew < timedelta():
            rig.begun_slow.add(int(str(json.loads(point.body)["local_id"]).rpartition("_")[2]))

    def watch(self, point: Point, request: httpx.Request) -> None:
        """A write was just done: where it finishes an order, the order must be complete and add up to the cent.

        What a station or a person changed since the order was last looked at, before the write was sent, is nobody's
        fault; it must be told later.
        """
        rig = self._rig
        order_id = _finishes(point, request)
        order = rig.revel.state.rows["Order"].get(order_id) if order_id else None
        number = rig.event_of(order) if order else None
        if order is None or number is None:
            return
        lacking = shortcomings(rig, order, number)
        looked = request.extensions.get("looked", rig.looked).get(order_id, 0)
        unseen = max(rig.touched.get(order_id, 0), rig.removed.get(order_id, 0)) > looked
        if lacking and not unseen:
            what = f"the order of event {number} was finished ({point.method} {point.path.split('/')[2]})"
            rig.breaches.append(f"{what} although it is wrong in {', '.join(lacking)}")

    def after_run(self, run: Run) -> list[str]:
        """What the run that just ended has violated."""
        rig = self._rig
        run.kept = look_at_ledger(rig)
        found = [text for invariant in INVARIANTS for text in invariant(rig, run)]
        found += rig.breaches
        found += [f"run {run.number} crashed: {run.crash}"] if run.crash else []
        rig.breaches = []
        outcomes = run.report.outcomes if run.report else ()
        rig.told |= {int(each.event_id) for each in outcomes if each.status is not Status.SKIPPED}
        self._remember_complete()
        return found

    def after_part(self, run: Run) -> None:
        """Judge what is settled when one of several runs in a process ends: a later one may see what changed since."""
        run.kept = look_at_ledger(self._rig)
        self._rig.breaches.extend(nothing_is_settled_without_evidence(self._rig, run))
        self._remember_complete()

    def _remember_complete(self) -> None:
        rig = self._rig
        for order in rig.standing_orders():
            number = rig.event_of(order)
            if number and is_complete(rig, order, number):
                rig.seen_complete[order["id"]] = rig.count

    def unsettled(self, run: Run) -> list[str]:
        """The events that are due and that this run has left neither ordered nor held for a good reason.

        Where TripleSeat has no event left at all, every run complains of that, until the day is over.
        """
        rig = self._rig
        if run.report is None or (run.report.error and rig.tripleseat.state.events):
            return [f"run {run.number} could not be made: {run.error or (run.report and run.report.error)}"]
        outcomes = {str(each.event_id): each for each in run.report.outcomes}
        return [
            text
            for story in rig.scenario.stories
            for text in self._unsettled_event(story, outcomes.get(str(story.id)), run)
        ]

    def _unsettled_event(self, story: Story, outcome: Outcome | None, run: Run) -> list[str]:
        rig, number = self._rig, story.id
        standing = [row for row in rig.orders_for(number) if not row["deleted"]]
        said = f"{outcome.status} {outcome.reason}" if outcome else "nothing"
        if story.fate == "held" and not rig.changes[number]:
            fine = not standing and outcome is not None and outcome.status is Status.HELD
            return [] if fine else [f"event {number}, to be held for {UNMAPPED}: {said}, {len(standing)} orders"]
        if not is_due(rig, story, run) and not standing:
            return []
        if rig.doubled(number) or number in rig.renamed:
            held = outcome is not None and outcome.status is Status.HELD
            if held or rig.ledger_lost or rig.changes[number]:
                return []
            return [f"event {number} is doubled or renamed at Revel: {said}"]
        complete = [row for row in standing if is_complete(rig, row, number)]
        if len(complete) == 1 and outcome is not None and _is_done(outcome):
            return []
        if _is_excused(rig, number, outcome, standing):
            return []
        lacking = ", ".join(shortcomings(rig, standing[0], number)) if standing else ""
        return [
            f"event {number} isn't settled: {said}, {len(standing)} orders, {len(complete)} complete {lacking}".rstrip()
        ]


def _finishes(point: Point, request: httpx.Request) -> int:
    """The order that a write finishes; 0 where it doesn't."""
    if point.path.startswith("/resources/OrderHistory/"):
        return link_id(json.loads(request.content)["order"]) or 0
    if point.method == "PATCH" and b'"printed"' in request.content:
        return link_id(point.path) or 0
    return 0


def _is_done(outcome: Outcome) -> bool:
    return outcome.status is Status.INJECTED or outcome.reason in DONE


def _is_excused(rig: Rig, number: int, outcome: Outcome | None, standing: list[Json]) -> bool:
    """Whether what the world did to the event or its order explains that it has no complete order."""
    changes = rig.changes[number]
    held = outcome is not None and outcome.status is Status.HELD
    if changes & ENDS and not standing and (outcome is None or outcome.status is Status.SKIPPED):
        return True
    feigned = sum(name.startswith("not_applied") for _, name in rig.fired)
    if feigned > 1 and held and outcome is not None and outcome.reason is Reason.ORDER_DIFFERS:
        return True  # a write that Revel acknowledged twice and never stored isn't sent a third time
    if changes & {"pos_touch", "order_removed"}:
        once = number in rig.told or any(row["id"] in rig.seen_complete for row in rig.orders_for(number))
        return (
            held or (outcome is not None and _is_done(outcome)) or (bool(changes & ENDS) and (once or rig.ledger_lost))
        )
    if changes & ENDS:
        return rig.ledger_lost or any(is_complete(rig, order, number) for order in standing)
    if is_unmapped(rig, number):
        return held and not standing
    is_strange = bool(changes) or number in rig.begun_slow  # an order on another day may be of another version
    return is_strange and rig.ledger_lost and held


def is_unmapped(rig: Rig, number: int) -> bool:
    """Whether the event can't be planned at all, whatever its version."""
    return any(name == UNMAPPED for name, _, _ in rig.contents[number].lines)
