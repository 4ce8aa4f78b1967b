"""What a machine of many days needs besides: drawn contents, a judge of days that pass, runs over one event."""

from __future__ import annotations

import dataclasses
import functools
import json
import pickle
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from tsrevel.engine.outcomes import Outcome, RunReport
from tsrevel.planning.reasons import Reason, Status
from tsrevel.sandbox import LAKESIDE_BAKERY, SPECIAL_EVENTS, RevelSandbox, TripleSeatSandbox, seed_day

from ..world import MORNING, Json
from .alphabet import Point
from .completeness import is_complete
from .happenings import ENDS
from .invariants import Judge, is_unmapped
from .kept import no_secret_is_told
from .play import Player, Run
from .rig import Rig
from .scenario import UNMAPPED, Content, Story

FOOD = ("Coffee Urn", "Taco Trio", "Agua Fresca", "Boxed Lunch Package")
TAMPERED = {"pos_touch", "order_removed"}
LOS_ANGELES, DENVER = ZoneInfo(SPECIAL_EVENTS.zone), ZoneInfo(LAKESIDE_BAKERY.zone)


@st.composite
def contents(draw: st.DrawFn) -> Content:
    """An event's content, small and readable. One in a while holds a line that no product is known for."""
    names = st.sampled_from((*FOOD * 3, UNMAPPED))
    cents = st.integers(100, 4000).map(lambda number: f"{number / 100:.2f}")
    lines = tuple(draw(st.lists(st.tuples(names, st.integers(1, 5), cents), min_size=1, max_size=3)))
    kinds = st.sampled_from(((), ("Sales Tax",), ("Service Charge",), ("Gratuity", "Sales Tax")))
    charges = tuple((name, draw(cents)) for name in draw(kinds))
    bare = Content(lines, charges, lakeside=draw(st.booleans()))
    off = draw(st.sampled_from((0, 0, 10, 25)))
    content = replace(bare, discount=_percent(off, Content(lines).subtotal) if off else "0")
    parts = draw(
        st.sampled_from(((), ((100, True),), ((40, True),), ((30, True), (70, True)), ((20, True), (50, False))))
    )
    return replace(content, payments=tuple((_percent(part, content.total), paid, None) for part, paid in parts))


def _percent(part: int, of: Decimal) -> str:
    return f"{of * part // 1 / 100:.2f}"


def all_products() -> dict[int, Json]:
    """The products that any event here may need: a scenario brings only those of its own events."""
    products: dict[int, Json] = pickle.loads(_catalogue())  # noqa: S301
    return products


@functools.cache
def _catalogue() -> bytes:
    revel = RevelSandbox(lambda: MORNING)
    seed_day(TripleSeatSandbox(lambda: MORNING), revel, MORNING)
    rows = revel.state.rows["Product"]
    return pickle.dumps({number: row for number, row in rows.items() if row["name"] in {*FOOD, "Service Charge"}})


class Dated(Judge):
    """Judges runs of which some come when an event's day is over: it is told as missed, and nobody injects it."""

    def __init__(self, rig: Rig, days: dict[int, date]) -> None:
        super().__init__(rig)
        self.days = days
        self.told_missed: set[int] = set()
        self._object_to = rig.on_send
        rig.on_send = self.watch_beginning

    def watch_beginning(self, point: Point) -> None:
        """A write goes out: it must not begin an order when the event's day has been over for an hour."""
        rig = self._rig
        self._object_to(point)
        if point.method == "POST" and point.path.startswith("/resources/Order/") and not rig.jumped:
            number = int(str(json.loads(point.body)["local_id"]).rpartition("_")[2])
            if (rig.time.now - timedelta(hours=1)).astimezone(LOS_ANGELES).date() > self.days[number]:
                rig.breaches.append(f"an order was begun for event {number}, whose day was over")

    def is_over(self, number: int) -> bool:
        """Whether the event's day is over at either location: its gate is closed, or closes within the hour."""
        return self._rig.time.now.astimezone(DENVER).date() > self.days[number]

    def after_run(self, run: Run) -> list[str]:
        """What the run has violated; verdicts on days that are over are judged here, all else as ever."""
        rig = self._rig
        for number in self.days:
            if self.is_over(number):
                rig.ended.setdefault(number, "day_over")
        found = list(no_secret_is_told(rig, run))
        report = run.report
        if report is None:
            return found + super().after_run(run)
        self.told_missed |= {int(each.event_id) for each in report.outcomes if each.missed}
        over = [each for each in report.outcomes if self._tells_day_over(each)]
        found += [text for each in over for text in self._judge_day_over(run, each)]
        rest = replace(report, outcomes=tuple(each for each in report.outcomes if each not in over))
        return found + super().after_run(dataclasses.replace(run, report=rest))

    def _tells_day_over(self, outcome: Outcome) -> bool:
        known = outcome.event_id.isdecimal() and int(outcome.event_id) in self.days
        return outcome.reason is Reason.EVENT_DAY_PASSED and known and self.is_over(int(outcome.event_id))

    def _judge_day_over(self, run: Run, outcome: Outcome) -> Iterator[str]:
        """An event is passed over only where it has no order, and never without having been told as missed."""
        number = int(outcome.event_id)
        if any(not row["deleted"] for row in self._rig.orders_for(number)):
            yield f"run {run.number} passes over event {number}, which has an order"
        if number not in self.told_missed:
            yield f"run {run.number} passes over event {number} as if it had been told as missed"

    def unsettled(self, run: Run) -> list[str]:
        """The events that the run left unsettled. Days of which TripleSeat has lost all events may be complained of."""
        report, rig = run.report, self._rig
        if report and report.exit_status == 13 and all(self.is_over(number) for number in rig.tripleseat.state.events):
            run = dataclasses.replace(run, report=replace(report, error=None))
        return super().unsettled(run)

    def _unsettled_event(self, story: Story, outcome: Outcome | None, run: Run) -> list[str]:
        found = super()._unsettled_event(story, outcome, run)
        failed = outcome is not None and outcome.status is Status.FAILED
        held = outcome is not None and outcome.status is Status.HELD
        if held and self._rig.ledger_lost and is_unmapped(self._rig, story.id):
            return []  # the new ledger doesn't know its order, and what TripleSeat tells of it now can't be planned
        if not found or failed or not self.is_over(story.id):
            return found
        rig, orders = self._rig, [row for row in self._rig.orders_for(story.id) if not row["deleted"]]
        done = not orders or any(is_complete(rig, row, story.id) for row in orders)
        return [] if done or rig.ledger_lost or rig.changes[story.id] & TAMPERED else found

    def unmissed(self) -> list[str]:
        """Events that nobody called off, whose day went by without an order, and of which nobody was told."""
        rig, today = self._rig, self._rig.time.now.astimezone(LOS_ANGELES).date()
        return [
            f"the day of event {number} went by without an order, and nobody was told"
            for number, day in self.days.items()
            if self.is_over(number) and today - day <= timedelta(days=2) and not rig.changes[number] & ENDS
            if not rig.orders_for(number) and number not in self.told_missed
        ]


class Operator(Player):
    """Makes runs over all events, or over a named one as `sync-event` does."""

    named: int | None = None
    ignores_gate = False

    def run_event(self, number: int, mode: str, *, ignores_gate: bool) -> list[str]:
        """One run over that event alone; what it violated."""
        self.named, self.ignores_gate = number, ignores_gate
        try:
            run = self.run(mode)
        finally:
            self.named = None
        self.rig.jumped = True  # it accounts for no other event
        found = self.judge.after_run(run)
        if run.report and not run.report.error and [each.event_id for each in run.report.outcomes] != [str(number)]:
            found.append(f"run {run.number} over event {number} tells of {len(run.report.outcomes)} events")
        return found

    def _sync(self, mode: str, run: Run) -> RunReport:
        if self.named is None:
            return super()._sync(mode, run)
        self.rig.jumped = self.ignores_gate  # what is begun too early or too late was asked for
        return self.rig.sync_event(self.named, ignore_time_gate=self.ignores_gate, dry_run=mode == "dry")
