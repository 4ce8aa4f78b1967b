"""Days at random: events come, change and go, orders are touched, time passes, and runs go well or don't.

Where the campaign's schedules let everything go wrong within a few runs, this machine interleaves it over days:
hypothesis chooses the steps, the invariants are judged after each of them, and in the end the faults stop and all that
is due must be settled.

    python -m tests.campaign.test_machine                          what every test run plays
    python -m tests.campaign.test_machine --examples 5000 --seed 7

A failing sequence is printed, made as short as it gets, as the lines of a program, and the trace with it. To keep it,
make those lines between the first and `state.teardown()` a test of their own, as those at the end are.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from tsrevel.planning.reasons import Reason, Status
from tsrevel.revel.client import Revel
from tsrevel.sandbox import LAKESIDE_BAKERY, SPECIAL_EVENTS, make_event

from ..world import Json
from .alphabet import FAULTS, Point
from .days import LOS_ANGELES, Dated, Operator, all_products, contents
from .happenings import OF_THE_WORLD
from .invariants import every_part_once, no_payment_beyond_what_is_paid, one_order_an_event
from .play import CLEAN_GAP, usual_folder
from .rig import Planned, Rig
from .scenario import CONTACT, NOON, Content, Story, find_scenario
from .schedule import Schedule

ADDED_ID = 64000500
HAPPENINGS = {name: (fits, happen) for name, _, fits, happen in OF_THE_WORLD}
CRASHES = ("kill_before", "kill_after", "kill_in_flight")
LOST_ANSWERS = ("timeout_after", "reset_after", "truncated_after", "timeout_late", "reset_late", "not_applied")

ORDINARY = settings(
    max_examples=40,
    stateful_step_count=20,
    phases=(Phase.generate, Phase.shrink),
    derandomize=True,
    database=None,
    deadline=None,
    report_multiple_bugs=False,
    print_blob=False,
    suppress_health_check=list(HealthCheck),
)
"""What every test run plays: the same each time."""
MET: Counter[str] = Counter()
"""How often what was met: examples, runs, deaths, faults, and verdicts by their reason."""


PICKS = st.integers(0, 5)
POINTS = st.one_of(st.integers(1, 12), st.integers(1, 36))
MODES = st.sampled_from(("live", "live", "live", "dry", "elsewhere", "disabled"))


class Days(RuleBasedStateMachine):
    """One installation over some days. `which` counts through the events or orders there are, `at` through the points
    of a run: its requests and commits.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rig = Rig(usual_folder(), find_scenario("single"))
        self.rig.config["time_gate"] = {"days_before": 1, "opens_at": "12:00"}
        self.rig.revel.state.rows["Product"] = all_products()
        self.player = Operator(self.rig, Schedule("single"))
        self.days = {story.id: self.today for story in self.rig.scenario.stories}
        self.player.judge = self.judge = Dated(self.rig, self.days)
        self.failed = False

    # The events

    @rule(content=contents())
    def add_event(self, content: Content) -> None:
        """A customer orders something for today."""
        self._add(content, self.today)

    @precondition(lambda self: self.rig.time.now < NOON or self.local.hour >= 12)
    @rule(content=contents())
    def book_ahead(self, content: Content) -> None:
        """A customer orders something for tomorrow: due from noon on."""
        self._add(content, self.today + timedelta(days=1))

    @precondition(lambda self: self.rig.alive)
    @rule(which=PICKS, content=contents())
    def rewrite_event(self, which: int, content: Content) -> None:
        """The contract becomes another one."""
        number = self.rig.alive[which % len(self.rig.alive)]
        self.rig.rewrite(number, replace(content, lakeside=self.rig.contents[number].lakeside), "event_changed")

    @rule(which=PICKS, what=st.sampled_from(("event_changed", "event_paid_more", "event_refunded", "event_moved")))
    def change_event(self, which: int, what: str) -> None:
        """A line grows, a payment comes in or is given back, the event moves to the other location."""
        self._happen(what, which)

    @rule(which=PICKS, what=st.sampled_from(("event_lost", "event_deleted", "event_gone")))
    def end_event(self, which: int, what: str) -> None:
        """The event is called off, marked deleted, or vanishes."""
        self._happen(what, which)

    # The orders at Revel

    @precondition(lambda self: self.rig.standing_orders())
    @rule(which=PICKS)
    def touch_order(self, which: int) -> None:
        """A station opens the order, and takes its discount and printed mark off (facts Revel 3.7)."""
        order = self._order(which)
        self.rig.revel.pos_touch(order["id"])
        self.rig.touched[order["id"]] = self.rig.count
        self.rig.note_change(self.rig.event_of(order), "pos_touch")

    @precondition(lambda self: self.rig.standing_orders())
    @rule(which=PICKS)
    def remove_order(self, which: int) -> None:
        """A person deletes the order."""
        order = self._order(which)
        order["deleted"] = True
        self.rig.removed[order["id"]] = self.rig.count
        self.rig.note_change(self.rig.event_of(order), "order_removed")

    # Runs

    @rule()
    def sync(self) -> None:
        """Cron's run, and nothing goes wrong."""
        self._run()

    @rule(mode=MODES)
    def sync_in_mode(self, mode: str) -> None:
        """A run in dry run, switched off, or with the other location alone allowed."""
        self._run(mode)

    @rule(at=POINTS, how=st.sampled_from(CRASHES))
    def sync_and_crash(self, at: int, how: str) -> None:
        """The process dies at that point."""
        self._run(faults={at: how})

    @rule(at=POINTS, how=st.sampled_from(LOST_ANSWERS))
    def sync_and_lose_an_answer(self, at: int, how: str) -> None:
        """A write is applied and its answer lost, or the other way round."""
        self._run(faults={at: how})

    @rule(mode=MODES, faults=st.dictionaries(POINTS, st.sampled_from(tuple(FAULTS)), min_size=1, max_size=3))
    def sync_with_faults(self, mode: str, faults: dict[int, str]) -> None:
        """Whatever can go wrong, at those points."""
        self._run(mode, faults=faults)

    @rule(
        which=PICKS,
        mode=st.sampled_from(("live", "live", "dry", "elsewhere")),
        ignores_gate=st.booleans(),
        faults=st.dictionaries(POINTS, st.sampled_from(tuple(FAULTS)), max_size=1),
    )
    def sync_event(self, which: int, mode: str, ignores_gate: bool, faults: dict[int, str]) -> None:
        """A person has one event injected."""
        number = list(self.days)[which % len(self.days)]
        self._plan(faults)
        self._settle_run(self.player.run_event(number, mode, ignores_gate=ignores_gate))

    # Time and disk

    @rule(seconds=st.sampled_from((5, 15 * 60, CLEAN_GAP)))
    def wait(self, seconds: int) -> None:
        """Time passes."""
        self._pass_time(self.rig.time.now + timedelta(seconds=seconds))

    @rule()
    def sleep(self) -> None:
        """The night passes, and the morning after: gates close, others open."""
        tomorrow = datetime.combine(self.today + timedelta(days=1), NOON.time(), NOON.tzinfo)
        self._pass_time(tomorrow)

    @precondition(lambda self: not self.rig.ledger_lost)
    @rule()
    def lose_ledger(self) -> None:
        """The disk is lost and replaced, which takes longer than any write may be under way."""
        self._pass_time(self.rig.time.now + timedelta(seconds=CLEAN_GAP))
        self.rig.lose_ledger()
        self.rig.ledger_lost = True
        self.rig.trace.append("the ledger is lost")

    # The end

    def teardown(self) -> None:
        """The faults stop: what is due must be settled within three runs, what is over must have been told."""
        if not self.failed:
            self._fail_on(self.player.recover() or self.judge.unmissed())
        runs = self.player.runs
        MET.update(examples=1, runs=len(runs), deaths=sum(run.died for run in runs))
        MET.update(name for _, name in self.rig.fired)
        MET.update(each.reason or each.status for run in runs if run.report for each in run.report.outcomes)

    # Means

    @property
    def local(self) -> datetime:
        """The time at Special Events."""
        return self.rig.time.now.astimezone(LOS_ANGELES)

    @property
    def today(self) -> date:
        """The day at Special Events."""
        return self.local.date()

    def _pass_time(self, until: datetime) -> None:
        """Writes that were under way may arrive meanwhile."""
        self.rig.time.now = until
        self.rig.apply_late()
        run = self.player.runs[-1] if self.player.runs else None
        if run is not None:
            seen = (one_order_an_event, every_part_once, no_payment_beyond_what_is_paid)
            self._fail_on([text for each in seen for text in each(self.rig, run)])

    def _add(self, content: Content, day: date) -> None:
        rig = self.rig
        number = ADDED_ID + len(self.days)
        place = LAKESIDE_BAKERY if content.lakeside else SPECIAL_EVENTS
        early = day > self.today and rig.time.now < NOON
        rig.tripleseat.add_event(
            make_event(**{**content.as_arguments(), "id": number, "day": day, "location": place, "contact": CONTACT})
        )
        story = Story(number, content, "later" if early else "order")
        rig.scenario = replace(rig.scenario, stories=(*rig.scenario.stories, story))
        rig.contents[number], rig.versions[number] = content, [content]
        self.days[number] = day

    def _happen(self, what: str, which: int) -> None:
        fits, happen = HAPPENINGS[what]
        point = Point(which, "world", "", "")
        if fits(self.rig, point):
            happen(self.rig, point)

    def _order(self, which: int) -> Json:
        """The order that something happens to now, after all that was seen of it."""
        self.rig.count += 1
        orders = self.rig.standing_orders()
        return orders[which % len(orders)]

    def _plan(self, faults: dict[int, str]) -> None:
        planned = [Planned(self.rig.count + at, FAULTS[name]) for at, name in sorted(faults.items())]
        self.rig.waiting.extend(planned)

    def _run(self, mode: str = "live", faults: dict[int, str] | None = None) -> None:
        self._plan(faults or {})
        self._settle_run(self.player.run_once(mode))

    def _settle_run(self, violations: list[str]) -> None:
        """After a run: what didn't strike won't any more, and the operator logs in again where asked to."""
        self._fail_on(violations)
        self.rig.waiting.clear()
        if self.player.runs[-1].calls_a_person:
            self.rig.log_in_again()

    def _fail_on(self, violations: list[str]) -> None:
        if violations:
            self.failed = True
            error = AssertionError("\n".join(violations))
            error.add_note("\n".join(self.rig.trace))
            raise error


def test_whatever_happens_over_some_days_every_event_has_one_order_at_most_and_is_accounted_for() -> None:
    MET.clear()
    run_state_machine_as_test(Days, settings=ORDINARY)
    reasons = (Reason.EVENT_DAY_PASSED, Reason.CHANGED_AFTER_INJECTION, Reason.CANCELLED_AFTER_INJECTION)
    expected = {"deaths", Status.INJECTED, *reasons, Reason.UNMAPPED_ITEMS, Reason.OUTCOME_UNKNOWN}
    assert {each for each in expected if not MET[each]} == set()


def test_a_look_up_that_is_blind_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("find_orders", "find_by_uuid"):
        monkeypatch.setattr(Revel, name, lambda *_: ())
    with pytest.raises(AssertionError, match=r"has 2 orders|which has an order|REVEL_FINDS_BY_LOCAL_ID"):
        run_state_machine_as_test(Days, settings=settings(ORDINARY, phases=(Phase.generate,)))


@pytest.fixture
def state() -> Iterator[Days]:
    """A machine whose sequence is written down; what must hold in the end is judged after it."""
    machine = Days()
    yield machine
    machine.teardown()


def test_a_rerun_right_after_two_deaths_waits_for_what_is_minutes_late(state: Days) -> None:
    state.sync_and_crash(at=1, how="kill_in_flight")
    state.sync_with_faults(faults={1: "504_late", 26: "kill_before"}, mode="live")


def test_a_settling_look_that_fails_does_not_make_the_next_run_write_anew(state: Days) -> None:
    state.sync_with_faults(faults={10: "timeout_late", 11: "html_200"}, mode="live")
    state.wait(seconds=5)
    state.sync()


def test_an_order_found_by_a_new_ledger_after_its_day_stays_ours(state: Days) -> None:
    state.sync()
    state.lose_ledger()
    state.sleep()
    state.sync()


def main(arguments: list[str] | None = None) -> int:
    """Play as many examples as asked for; the exit status. What is violated is told as a test run tells it."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.test_machine", description="days at random")
    parser.add_argument("--examples", type=int, default=ORDINARY.max_examples, metavar="N")
    parser.add_argument("--steps", type=int, default=ORDINARY.stateful_step_count, metavar="N")
    parser.add_argument("--seed", type=int, metavar="S", help="other examples than those of every test run")
    asked = parser.parse_args(arguments)
    size = {"max_examples": asked.examples, "stateful_step_count": asked.steps}
    chosen = settings(ORDINARY, **size, derandomize=asked.seed is None)
    machine = Days if asked.seed is None else seed(asked.seed)(type("Days", (Days,), {}))
    MET.clear()
    run_state_machine_as_test(machine, settings=chosen)
    for name, number in sorted(MET.items()):
        print(f"{name:26} {number:>8,}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
