"""A change of an event whose order is begun and in trouble is told beside that, and isn't lost by a resolution."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tsrevel.engine.outcomes import CHANGES, RunReport
from tsrevel.planning.model import EventId

from ..world import Died, World, find_outcome, verdict
from .conftest import FULL

TRIPLESEAT_READ = f"GET /v1/events/{FULL}"


def later(world: World) -> RunReport:
    """The next run, three quarters of an hour later."""
    world.time.move(minutes=45)
    world.forget_requests()
    return world.sync()


def resolve(world: World) -> None:
    with world.ledger() as ledger:
        ledger.events.resolve(EventId(str(FULL)), "done", "seen to by hand", None)


def have_disputed(world: World) -> None:
    world.revel.dropped_fields.add("tax")


def have_refused(world: World) -> None:
    world.revel.faults.add("status", "POST", "/OrderItem/", times=None, after=2, status=400)


def have_unanswered(world: World) -> None:
    world.revel.faults.add("status", "POST", "/OrderItem/", times=None, after=2, status=503)


def have_doubled(world: World) -> None:
    world.at("after POST /resources/Order/", lambda: world.add_order(FULL, "Triple Seat_{}"))


def have_deleted(world: World) -> None:
    """A half-written order is deleted in Revel."""
    world.at("after POST /resources/OrderItem/", world.die)
    with pytest.raises(Died):
        world.sync()
    world.revive()
    world.revel.state.rows["Order"][5550101]["deleted"] = True


TROUBLES = {
    "held AMOUNT_MISMATCH": have_disputed,
    "failed UPSTREAM_UNAVAILABLE": have_refused,
    "failed OUTCOME_UNKNOWN": have_unanswered,
    "held DUPLICATE_ORDERS": have_doubled,
    "held ORDER_EXISTS": have_deleted,
}
CHANGED: dict[str, tuple[Callable[[World], object], str]] = {
    "cancelled": (lambda world: world.tripleseat.cancel_event(FULL), "status LOST"),
    "grown": (lambda world: world.rewrite_event(FULL, lines=[("Agua Fresca", 50, "15.00")]), "total 837.72 → 750.00"),
    "guests": (lambda world: world.tripleseat.edit_event(FULL, guest_count=99), "→ 99"),
}


@pytest.fixture(params=list(TROUBLES))
def trouble(request: pytest.FixtureRequest, world: World) -> str:
    """The outcome of the event in each run."""
    TROUBLES[request.param](world)
    world.sync()
    found = verdict(later(world), FULL)
    assert found in TROUBLES
    return found


@pytest.mark.parametrize("change", CHANGED)
def test_a_change_is_told_beside_the_trouble_in_every_run_and_is_news_once(
    world: World, trouble: str, change: str
) -> None:
    do, what = CHANGED[change]
    do(world)
    fresh = []
    for _ in range(2):
        report = later(world)
        assert verdict(report, FULL) == trouble
        assert what in find_outcome(report, FULL).text
        fresh.append(find_outcome(report, FULL).fresh)
    assert fresh == [True, False]


@pytest.mark.parametrize("seen", [True, False], ids=["a run saw it", "no run saw it"])
@pytest.mark.parametrize("change", CHANGED)
def test_a_change_is_told_once_after_a_person_has_resolved_the_event(
    world: World, trouble: str, change: str, seen: bool
) -> None:
    CHANGED[change][0](world)
    if seen:
        assert verdict(later(world), FULL) == trouble
    resolve(world)
    report = later(world)
    outcome = find_outcome(report, FULL)
    assert (outcome.reason in CHANGES, report.exit_status) == (True, 3)
    assert "its order was planned; a person resolved it as done" in outcome.text
    assert later(world).exit_status == 0
    resolve(world)  # it has been seen to
    assert later(world).exit_status == 0


def test_a_correction_of_the_resolution_keeps_the_change_to_be_told(world: World, trouble: str) -> None:
    CHANGED["grown"][0](world)
    assert verdict(later(world), FULL) == trouble
    resolve(world)
    resolve(world)
    assert [later(world).exit_status for _ in range(2)] == [3, 0]


def test_an_unchanged_event_is_told_nothing_more_and_read_no_more(world: World, trouble: str) -> None:
    later(world)
    report = later(world)
    assert verdict(report, FULL) == trouble
    assert TRIPLESEAT_READ not in [f"{each.method} {each.path}" for each in world.tripleseat.requests]
    resolve(world)
    assert [later(world).exit_status for _ in range(2)] == [0, 0]


def test_a_change_that_can_not_be_read_now_leaves_the_trouble_told(world: World, trouble: str) -> None:
    CHANGED["grown"][0](world)
    world.tripleseat.faults.add("status", "GET", f"/v1/events/{FULL}", times=None, status=503)
    assert verdict(later(world), FULL) == trouble
    world.tripleseat.faults.clear()
    assert CHANGED["grown"][1] in find_outcome(later(world), FULL).text


def test_a_change_told_beside_a_dispute_is_told_once_more_when_the_order_is_right(world: World) -> None:
    have_disputed(world)
    world.sync()
    CHANGED["grown"][0](world)
    assert later(world).exit_status == 14
    world.revel.dropped_fields.clear()
    world.revel.state.rows["Order"][5550101]["tax"] = "53.24"
    report = later(world)
    assert (verdict(report, FULL), report.exit_status) == ("injected CHANGED_AFTER_INJECTION", 3)
    assert later(world).exit_status == 0
