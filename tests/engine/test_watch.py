"""Finished orders that a POS station changes: told once a state, never touched, at one request a run."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tsrevel.engine import after_injection, order_drift
from tsrevel.engine.outcomes import RunReport
from tsrevel.ledger import AuditKind, StationChange
from tsrevel.planning.model import EventId

from ..world import Died, World, find_outcome, verdict
from .conftest import FULL

ORDER = 5550101
WIPED = "Revel order 5550101 was changed in Revel: discount 9.60 → 0.00, total 837.72 → 847.32, balance 637.72 → 647.32"
ALREADY, CHANGED = "skipped ALREADY_INJECTED", "skipped CHANGED_AFTER_INJECTION"


def change(world: World, order: int = ORDER, /, **fields: Any) -> None:
    """Let a station write these fields of the order."""
    world.revel.state.rows["Order"][order].update(fields)


def reported(world: World) -> list[str]:
    """What the audit says was reported of it, in codes."""
    with world.ledger() as ledger:
        rows = [row.detail for row in ledger.audit.rows() if row.kind == AuditKind.ORDER_SHOWN]
    return [row["change"] for row in rows if "change" in row]


def is_there(world: World) -> str:
    with world.ledger() as ledger:
        return ledger.orders.shown([EventId(str(FULL))])[EventId(str(FULL))]["there"]


def next_run(world: World, **options: Any) -> RunReport:
    world.time.move(minutes=45)
    world.forget_requests()
    return world.sync(**options)


@pytest.fixture
def made(world: World) -> World:
    """A world whose order is made."""
    assert verdict(world.sync(), FULL) == "injected"
    return world


def test_what_an_older_version_stored_of_an_order_may_lack_an_amount(made: World) -> None:
    made.revel.pos_touch(ORDER)
    run_id = next_run(made).run_id
    with made.ledger() as ledger:
        shown = ledger.orders.shown([EventId(str(FULL))])[EventId(str(FULL))]
        fewer = {name: text for name, text in shown.items() if name != "gratuity"}
        ledger.orders.note_shown(run_id, EventId(str(FULL)), fewer, None)
    assert verdict(next_run(made), FULL) == ALREADY


def test_a_discount_that_a_station_wiped_is_told_once_and_the_order_left_as_it_is(made: World) -> None:
    made.revel.pos_touch(ORDER)
    touched = made.revel.order(ORDER)
    first, second = next_run(made), next_run(made)
    told = find_outcome(first, FULL)
    assert (verdict(first, FULL), told.news, first.exit_status) == (CHANGED, True, 3)
    assert told.text.startswith(WIPED)
    assert (told.order_id, told.local_id, told.total) == ("5550101", f"Triple Seat_{FULL}", 83772)
    assert (verdict(second, FULL), find_outcome(second, FULL).news) == (ALREADY, False)
    assert (made.revel.order(ORDER), made.writes) == (touched, [])


def test_a_run_in_which_nothing_changed_asks_revel_once(made: World) -> None:
    report = next_run(made)
    assert (verdict(report, FULL), len(made.revel.requests), made.looks) == (ALREADY, 1, 1)


def test_an_order_that_a_station_made_free_costs_no_more_than_another_once_it_was_told(made: World) -> None:
    change(made, final_total=Decimal(0), remaining_due=Decimal(0))
    assert verdict(next_run(made), FULL) == CHANGED
    assert [(verdict(next_run(made), FULL), len(made.revel.requests)) for _ in range(3)] == [(ALREADY, 1)] * 3


def test_an_order_that_a_run_has_just_made_is_not_looked_at_in_it(world: World) -> None:
    world.sync()
    assert world.looks == 0


def test_fifty_orders_are_asked_for_in_one_request(made: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        made.add_event(64000050 + number, lines=[("Coffee Urn", 1, 38)])
    made.sync()
    next_run(made)
    assert (len(made.revel.requests), made.looks) == (1, 1)
    monkeypatch.setattr(after_injection, "BATCH", 2)
    next_run(made)
    assert (len(made.revel.requests), made.looks) == (3, 3)


@pytest.mark.parametrize(
    "fields",
    [
        {"remaining_due": Decimal("0.00"), "closed": True},
        {"remaining_due": Decimal("100.00")},
        {"printed": False, "sent": True, "version": 4, "last_updated_at": "/resources/PosStation/35/"},
        {"updated_date": "2026-12-12T11:00:00", "call_name": "Other", "notes": "to go"},
    ],
    ids=["paid and closed", "paid in part", "printed and sent", "edited"],
)
def test_what_a_station_does_in_normal_service_is_no_news(made: World, fields: dict[str, Any]) -> None:
    change(made, **fields)
    for _ in range(2):
        report = next_run(made)
        assert (verdict(report, FULL), find_outcome(report, FULL).news) == (ALREADY, False)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"remaining_due": Decimal("650.00")}, "balance 637.72 → 650.00"),
        ({"remaining_due": Decimal("-5.00")}, "balance 637.72 → -5.00"),
        ({"tax": Decimal("60.00")}, "tax 53.24 → 60.00"),
        ({"gratuity": Decimal("10.00")}, "gratuity 0.00 → 10.00"),
        ({"subtotal": Decimal("1.00")}, "subtotal 794.08 → 1.00"),
        ({"deleted": True}, "it was deleted"),
        ({"local_id": "77"}, "its local_id has changed"),
        ({"uuid": "0d6f2f6a-8b6e-5a52-9d0f-0a1b2c3d4e5f"}, "its uuid has changed"),
        ({"establishment": "/enterprise/Establishment/9/"}, "establishment 8 → 9"),
        ({"establishment": None}, "establishment 8 → none"),
    ],
)
def test_whatever_else_changes_is_told_and_so_is_its_way_back(
    made: World, fields: dict[str, Any], expected: str
) -> None:
    before = {key: made.revel.order(ORDER).get(key) for key in fields}
    change(made, **fields)
    assert expected in find_outcome(next_run(made), FULL).text
    assert verdict(next_run(made), FULL) == ALREADY
    change(made, **before)
    report = next_run(made)
    if fields == {"remaining_due": Decimal("650.00")}:  # paid down to what was planned
        assert verdict(report, FULL) == ALREADY
    else:
        assert (verdict(report, FULL), reported(made)) == (CHANGED, [StationChange.CHANGED, StationChange.UNDONE])
    assert verdict(next_run(made), FULL) == ALREADY


def test_each_state_is_told_against_the_one_before(made: World) -> None:
    change(made, remaining_due=Decimal("0.00"))
    next_run(made)
    made.revel.pos_touch(ORDER)
    change(made, remaining_due=Decimal("9.60"))
    text = find_outcome(next_run(made), FULL).text
    assert "discount 9.60 → 0.00" in text
    assert "balance 0.00 → 9.60" in text


def test_an_order_that_is_gone_is_told_once(made: World) -> None:
    row = made.revel.state.rows["Order"].pop(ORDER)
    assert (verdict(next_run(made), FULL), is_there(made)) == (CHANGED, "no")
    assert verdict(next_run(made), FULL) == ALREADY
    made.revel.state.rows["Order"][ORDER] = row
    assert (verdict(next_run(made), FULL), is_there(made)) == (CHANGED, "yes")
    assert reported(made) == [StationChange.CHANGED, StationChange.UNDONE]


@pytest.mark.parametrize("paid", [False, True])
@pytest.mark.parametrize("product", ["", "/resources/Product/8102/"], ids=["the same items", "other items"])
def test_an_order_is_again_as_made_only_if_its_items_are_too(made: World, product: str, paid: bool) -> None:
    """Its amounts alone don't show that, and a payment that a station took meanwhile doesn't matter."""
    before = {name: made.revel.order(ORDER)[name] for name in ("subtotal", "final_total", "remaining_due")}
    change(made, **dict.fromkeys(before, Decimal("1.00")))
    next_run(made)
    change(made, **before | ({"remaining_due": Decimal(0)} if paid else {}))
    row = next(iter(made.revel.state.rows["OrderItem"].values()))
    row["product"] = product or row["product"]
    report = next_run(made)
    assert verdict(report, FULL) == CHANGED
    again = "it is again as tsrevel made it" in find_outcome(report, FULL).text
    assert (again, reported(made)[-1]) == (not product, StationChange.CHANGED if product else StationChange.UNDONE)
    assert verdict(next_run(made), FULL) == ALREADY


def test_both_changes_are_told_where_event_and_order_have_changed(made: World) -> None:
    made.revel.pos_touch(ORDER)
    made.tripleseat.cancel_event(FULL)
    outcome = find_outcome(next_run(made), FULL)
    assert (outcome.reason, outcome.news) == ("CANCELLED_AFTER_INJECTION", True)
    assert outcome.order_id == str(ORDER)
    assert WIPED in outcome.text


def test_an_order_whose_event_is_not_listed_is_looked_at_all_the_same(made: World) -> None:
    made.time.move(days=1)
    made.revel.pos_touch(ORDER)
    report = made.sync(first=made.time.now.date(), last=made.time.now.date())
    assert verdict(report, FULL) == CHANGED
    assert find_outcome(report, FULL).location == "Special Events"


@pytest.mark.parametrize(("days", "looks"), [(1, 1), (2, 1), (3, 0)])
def test_orders_are_looked_at_until_two_days_after_their_event(made: World, days: int, looks: int) -> None:
    made.time.move(days=days)
    made.forget_requests()
    made.sync()
    assert made.looks == looks


@pytest.mark.parametrize("ahead", [1, 2, 5])
def test_an_order_made_early_is_looked_at_from_then_on(world: World, ahead: int) -> None:
    world.config["time_gate"] = {"days_before": 5}
    world.tripleseat.edit_event(FULL, event_date_iso8601=f"2026-12-{12 + ahead}")
    assert verdict(world.sync(), FULL) == "injected"
    world.revel.pos_touch(ORDER)
    assert verdict(next_run(world), FULL) == CHANGED
    assert world.looks == 1


def test_a_run_looks_at_so_many_orders_at_most_and_at_those_of_the_nearest_days(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.config["time_gate"] = {"days_before": 5}
    for number, ahead in enumerate((4, 0, 1)):
        made = world.add_event(64000050 + number, lines=[("Coffee Urn", 1, 38)])
        world.tripleseat.edit_event(made, event_date_iso8601=f"2026-12-{12 + ahead}")
    assert world.sync().summary["injected"] == 4
    for order in range(ORDER, ORDER + 4):
        world.revel.state.rows["Order"][order]["tax"] = Decimal("99.00")
    monkeypatch.setattr(after_injection, "MOST", 3)
    report = next_run(world)
    told = {each.event_id for each in report.outcomes if each.reason == "CHANGED_AFTER_INJECTION"}
    assert told == {str(FULL), "64000051", "64000052"}


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
def test_where_a_day_has_too_many_orders_each_is_checked_however_many_crontab_lines_there_are(
    world: World, monkeypatch: pytest.MonkeyPatch, stride: int
) -> None:
    for number in range(3):
        world.add_event(64000050 + number, lines=[("Coffee Urn", 1, 38)])
    assert world.sync().summary["injected"] == 4
    for order in range(ORDER, ORDER + 4):
        world.revel.state.rows["Order"][order]["tax"] = Decimal("99.00")
    monkeypatch.setattr(after_injection, "MOST", 2)
    told: list[str] = []
    for _ in range(12):
        for _ in range(stride - 1):
            world.sync(only=["30502"])
        told += [each.event_id for each in next_run(world).outcomes if each.reason == "CHANGED_AFTER_INJECTION"]
    assert sorted(told) == sorted([str(FULL), *(str(64000050 + number) for number in range(3))])


def test_orders_of_places_that_the_run_leaves_out_are_not_looked_at(made: World) -> None:
    next_run(made, only=("30502",))
    assert made.looks == 0


def test_a_dry_run_looks_and_tells_and_remembers_nothing(made: World) -> None:
    made.revel.pos_touch(ORDER)
    for _ in range(2):
        assert verdict(next_run(made, dry_run=True), FULL) == CHANGED
    assert verdict(next_run(made), FULL) == CHANGED


def test_named_events_cost_no_look(made: World) -> None:
    made.revel.pos_touch(ORDER)
    made.forget_requests()
    assert verdict(made.sync_event(FULL), FULL) == ALREADY
    assert made.looks == 0


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 503}])
def test_a_look_that_fails_is_no_change_and_fails_no_run(
    made: World, fault: dict[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    made.revel.pos_touch(ORDER)
    made.revel.faults.add("status", "GET", "/resources/Order/", times=None, **fault)
    report = next_run(made)
    assert (verdict(report, FULL), report.exit_status, report.error) == (ALREADY, 0, None)
    assert "finished orders can't be checked now" in caplog.text
    assert any("finished orders can't be checked now" in each for each in report.warnings)
    made.revel.faults.clear()
    assert verdict(next_run(made), FULL) == CHANGED


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_revoked_on_an_idle_day_is_told_by_the_next_run(made: World, status: int) -> None:
    made.revel.faults.add("status", None, "/", times=None, status=status)
    for _ in range(2):
        report = next_run(made)
        assert (verdict(report, FULL), report.exit_status) == (ALREADY, 12)
        assert report.error
    made.revel.faults.clear()
    assert next_run(made).exit_status == 0


@pytest.mark.parametrize("answer", ["html", "refused", "ignored"])
def test_where_revel_does_not_show_them_together_each_is_asked_for(made: World, answer: str) -> None:
    made.revel.pos_touch(ORDER)
    if answer == "html":
        made.revel.faults.add("html", "GET", "/resources/Order/$")
    elif answer == "refused":
        made.revel.faults.add("status", "GET", "/resources/Order/$", times=None, status=400)
    else:
        made.revel.ignored_filters = {"id"}
        for number in range(1005):
            made.revel.add("Order", None, local_id=str(number))
    assert verdict(next_run(made), FULL) == CHANGED


def test_no_more_than_so_many_are_asked_for_one_by_one(made: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made.add_event(lines=[("Coffee Urn", 1, 38)])
    made.sync()
    monkeypatch.setattr(after_injection, "MOST_SINGLES", 1)
    made.revel.faults.add("status", "GET", "/resources/Order/$", times=None, status=400)
    next_run(made)
    assert sum(path.endswith(f"/{number}/") for path in made.revel_requests for number in (ORDER, ORDER + 1)) == 1


def test_a_fault_of_ours_in_one_order_leaves_no_other_unchecked(made: World, monkeypatch: pytest.MonkeyPatch) -> None:
    other = made.add_event(lines=[("Coffee Urn", 1, 38)])
    made.sync()
    change(made, subtotal=Decimal("1.00"))
    compare = order_drift.describe_order_changes

    def fail_once(*given: Any) -> list[str]:
        monkeypatch.setattr(order_drift, "describe_order_changes", compare)
        raise KeyError("a fault of ours")

    monkeypatch.setattr(order_drift, "describe_order_changes", fail_once)
    change(made, ORDER + 1, subtotal=Decimal("2.00"))
    report = next_run(made)
    assert sorted(verdict(report, each) for each in (FULL, other)) == sorted([CHANGED, "failed"])
    assert report.exit_status == 1


def test_nothing_is_looked_at_where_revel_is_down(made: World) -> None:
    made.add_event(lines=[("Coffee Urn", 1, 38)])
    made.wires["revel"].down = True
    next_run(made)
    assert made.looks == 0


@pytest.mark.parametrize("events", [1, 4])
def test_an_event_that_tripleseat_cannot_hand_out_leaves_the_orders_watched(made: World, events: int) -> None:
    for number in range(events):
        made.add_event(64000050 + number, lines=[("Coffee Urn", 1, 38)])
        made.tripleseat.faults.add("status", "GET", f"/v1/events/{64000050 + number}", times=None, status=500)
    made.revel.pos_touch(ORDER)
    report = next_run(made)
    assert verdict(report, FULL) == CHANGED
    assert report.exit_status == (3 if events == 1 else 13)


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 503}, {"status": 429}, {"kind": "drop_before"}])
def test_one_order_that_revel_can_not_show_leaves_the_others_watched(made: World, fault: dict[str, Any]) -> None:
    made.add_event(64000052, lines=[("Coffee Urn", 1, 38)])
    made.revel.faults.add("status", "POST", "/OrderItem/", status=400)
    next_run(made)
    kind = fault.pop("kind", "status")
    made.revel.faults.add(kind, "GET", f"/Order/{ORDER + 1}/$", times=None, **fault)
    assert verdict(next_run(made), 64000052).startswith("failed")
    made.revel.pos_touch(ORDER)
    report = next_run(made)
    assert (verdict(report, FULL), verdict(report, 64000052)) == (CHANGED, "failed UPSTREAM_UNAVAILABLE")
    assert not any("weren't checked" in each for each in report.warnings)
    assert verdict(next_run(made), FULL) == ALREADY


def test_a_known_twin_is_told_by_a_run_over_named_events_though_revel_can_not_show_one_order(made: World) -> None:
    other = made.add_event(64000052, lines=[("Coffee Urn", 1, 38)])
    made.revel.faults.add("status", "POST", "/OrderItem/", times=None, status=400)
    next_run(made)
    made.add_order(FULL, "Triple Seat_{}")
    while next_run(made).exit_status != 14:
        pass
    made.revel.faults.add("status", "GET", f"/Order/{ORDER + 1}/$", times=None, status=500)
    assert verdict(made.sync_event(FULL, other), FULL) == "held DUPLICATE_ORDERS"


def test_revel_that_fails_in_the_middle_of_a_run_is_said(made: World) -> None:
    made.add_event(64000052, lines=[("Coffee Urn", 1, 38)])
    made.at("after POST /resources/Order/", lambda: setattr(made.wires["revel"], "down", True))
    report = next_run(made)
    assert any("finished orders can't be checked now" in each for each in report.warnings)


def test_that_nothing_was_looked_at_is_said(made: World) -> None:
    made.add_event(lines=[("Coffee Urn", 1, 38)])
    made.wires["revel"].down = True
    assert any("finished orders weren't checked" in each for each in next_run(made).warnings)


def test_single_reads_reach_every_order_in_the_end(made: World, monkeypatch: pytest.MonkeyPatch) -> None:
    others = [made.add_event(64000050 + number, lines=[("Coffee Urn", 1, 38)]) for number in range(4)]
    made.sync()
    monkeypatch.setattr(after_injection, "MOST_SINGLES", 2)
    made.revel.faults.add("status", "GET", "/resources/Order/$", times=None, status=400)
    for order in range(ORDER, ORDER + 5):
        change(made, order, final_total=Decimal("1.00"))
    told = [outcome.event_id for _ in range(9) for outcome in next_run(made).outcomes if outcome.news]
    assert sorted(told) == sorted(str(each) for each in (FULL, *others))


def test_a_change_found_by_a_run_that_died_is_told_by_the_next(made: World) -> None:
    made.revel.pos_touch(ORDER)
    made.time.move(minutes=45)
    report = None
    for moment in range(1, 40):
        made.die_at(moment)
        try:
            report = made.sync()
        except Died:
            continue
        break
    assert report is not None
    assert verdict(report, FULL) == CHANGED


def test_what_was_told_of_an_order_is_in_the_audit(made: World) -> None:
    made.revel.pos_touch(ORDER)
    next_run(made)
    with made.ledger() as ledger:
        row = next(each for each in ledger.audit.rows() if each.kind == AuditKind.ORDER_SHOWN)
        ledger.audit.verify()
    assert row.event_id == str(FULL)
    assert row.detail["change"] == StationChange.CHANGED
    assert row.detail["text"].startswith(WIPED)
