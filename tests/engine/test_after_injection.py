"""An event that changes once its order is made: reported once a change, and the order left as it is."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tsrevel.sandbox import Payment, SampleLine, make_event
from tsrevel.sandbox.day import FULL_CHARGES, FULL_LINES

from .. import older_rows
from ..world import Died, World, find_outcome, verdict
from .conftest import FULL

CONTRACT: dict[str, Any] = {"lines": FULL_LINES, "charges": FULL_CHARGES, "payments": [Payment("200.00")]}
"""The full event's contract as the sample day has it."""
CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "a line more": ({"lines": [*FULL_LINES, ("Coffee Urn", 1, 38)]}, "line added: 1 x Coffee Urn at 38.00"),
    "a line less": ({"lines": FULL_LINES[1:]}, "line removed: 24 x Boxed Lunch Package at 18.50"),
    "another total": ({"lines": [*FULL_LINES, ("Coffee Urn", 1, 38)]}, "total 837.72 → 875.72"),
    "another tax": ({"charges": [FULL_CHARGES[0], ("Sales Tax", "60.00")]}, "tax 53.24 → 60.00"),
    "the balance paid": ({"payments": [("200.00", True), ("637.72", True)]}, "payments 200.00 → 837.72"),
    "an unknown charge": ({"charges": [*FULL_CHARGES, ("Dust Fee", "1.00")]}, "it can no longer be planned"),
    "an unknown product": ({"lines": [*FULL_LINES, ("Moon Cake", 1, 9)]}, "UNMAPPED_ITEMS"),
}


def edits_of(change: str) -> dict[str, Any]:
    edits: dict[str, dict[str, Any]] = {
        "another day": {"event_date_iso8601": "2026-12-13"},
        "another location": {"location_id": 30502, "site_id": 15692},
        "an unknown location": {"location_id": 30777, "site_id": 15999},
    }
    return edits[change]


def flat(quantity: str) -> SampleLine:
    """A line with an amount of its own, whatever its quantity."""
    return SampleLine("Coffee Urn", quantity, None, total="300.00")


def check_reported_once(world: World, expected: str) -> None:
    before = [world.revel.state.rows["Order"].copy(), len(world.writes)]
    world.time.move(minutes=45)
    first, second = world.sync(), world.sync()
    assert verdict(first, FULL) == "skipped CHANGED_AFTER_INJECTION"
    assert expected in find_outcome(first, FULL).text
    assert (find_outcome(first, FULL).news, first.exit_status) == (True, 3)
    assert verdict(second, FULL) == "skipped ALREADY_INJECTED"
    assert [world.revel.state.rows["Order"], len(world.writes)] == before
    world.forget_requests()
    world.sync()
    assert (world.revel_requests, world.tripleseat.count(path="/v1/events/64000001")) == ([], 0)


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_contract_is_reported_once_and_the_order_left_as_it_is(world: World, change: str) -> None:
    world.sync()
    content, expected = CHANGES[change]
    world.rewrite_event(FULL, **{**CONTRACT, **content})
    check_reported_once(world, expected)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("another day", "date 2026-12-12 → 2026-12-13"),
        ("another location", "location Special Events → Lakeside Bakery (establishment 8 → 9)"),
        ("an unknown location", "moved to TripleSeat location 30777, which has no [[locations]] entry"),
    ],
)
def test_a_moved_event_is_reported_once(world: World, change: str, expected: str) -> None:
    world.sync()
    world.tripleseat.edit_event(FULL, **edits_of(change))
    check_reported_once(world, expected)


def test_each_further_change_is_reported_against_the_last_one(world: World) -> None:
    world.sync()
    for number, line in enumerate((("Coffee Urn", 1, 38), ("Fruit Platter", 1, 55))):
        world.time.move(minutes=45)
        world.rewrite_event(FULL, **{**CONTRACT, "lines": [*FULL_LINES, line]})
        text = find_outcome(world.sync(), FULL).text
        assert line[0] in text
        assert ("line removed: 1 x Coffee Urn" in text) is (number == 1)


def test_a_change_that_bears_on_nothing_is_no_news(world: World) -> None:
    world.sync()
    world.time.move(minutes=45)
    world.tripleseat.edit_event(FULL, description="No nuts, please.", post_as="Example")
    assert verdict(world.sync(), FULL) == "skipped ALREADY_INJECTED"


LABELS: dict[str, tuple[dict[str, Any], str]] = {
    "the start": ({"event_start_iso8601": "2026-12-12T11:00:00-08:00"}, "start 18:00 → 11:00"),
    "the guests": ({"guest_count": 60, "guaranteed_guest_count": 60}, " → 60"),
    "the name": ({"name": "Example Widgets breakfast"}, "its name has changed"),
    "the contact": ({"contact": {"first_name": "Robin", "last_name": "Example"}}, "its contact has changed"),
}


@pytest.mark.parametrize("is_planned", [True, False])
@pytest.mark.parametrize("change", LABELS)
def test_a_change_of_what_the_orders_notes_and_call_name_say_is_reported_once(
    world: World, change: str, is_planned: bool
) -> None:
    world.sync()
    if not is_planned:
        world.time.move(minutes=45)
        world.rewrite_event(FULL, **{**CONTRACT, "lines": [("Moon Cake", 1, 9)]})
        world.sync()
    world.time.move(minutes=45)
    edits, expected = LABELS[change]
    world.tripleseat.edit_event(FULL, **edits)
    check_reported_once(world, expected)


@pytest.mark.parametrize("key", ["event_start", "event_start_time"])
def test_a_start_told_only_as_local_time_stands_on_the_order_and_its_change_is_reported(world: World, key: str) -> None:
    starts = ("event_start", "event_start_time", "event_start_iso8601", "event_start_utc")
    told = {"event_start": "12/12/2026 6:00 PM", "event_start_time": "6:00 PM"}
    world.tripleseat.edit_event(FULL, **(dict.fromkeys(starts) | {key: told[key]}))
    world.sync()
    assert "2026-12-12 18:00" in world.orders_of(FULL)[0]["notes"]
    world.time.move(minutes=45)
    world.tripleseat.edit_event(FULL, **{key: told[key].replace("6:00 PM", "11:00 AM")})
    check_reported_once(world, "start 18:00 → 11:00")


def test_the_same_name_and_contact_in_another_spelling_are_no_change(world: World) -> None:
    world.sync()
    world.time.move(minutes=45)
    event = world.tripleseat.event(FULL)
    phones = [{"number": "702 555 0142"}]
    contact = {**event["contact"], "first_name": "JORDAN", "phone_numbers": phones}
    world.tripleseat.edit_event(FULL, name=f" {event['name'].upper()} ", contact=contact)
    assert verdict(world.sync(), FULL) == "skipped ALREADY_INJECTED"


def test_another_time_zone_in_the_settings_is_no_change_of_the_start(world: World) -> None:
    world.sync()
    world.time.move(minutes=45)
    world.config["locations"][0]["timezone"] = "America/Chicago"
    world.tripleseat.edit_event(FULL, description="No nuts, please.")
    assert verdict(world.sync(), FULL) == "skipped ALREADY_INJECTED"


def cancel(world: World) -> None:
    world.tripleseat.cancel_event(FULL)


def delete(world: World) -> None:
    world.tripleseat.delete_event(FULL)


def postpone(world: World) -> None:
    world.tripleseat.edit_event(FULL, status="TENTATIVE")


@pytest.mark.parametrize("undo", [cancel, delete, postpone])
def test_a_cancelled_event_is_reported_once_and_its_order_stands(world: World, undo: Any) -> None:
    world.sync()
    world.time.move(minutes=45)
    undo(world)
    first, second = world.sync(), world.sync()
    assert verdict(first, FULL) == "skipped CANCELLED_AFTER_INJECTION"
    assert find_outcome(first, FULL).order_id == "5550101"
    assert (find_outcome(first, FULL).news, first.exit_status) == (True, 3)
    assert (verdict(second, FULL), find_outcome(second, FULL).news) == ("skipped ALREADY_INJECTED", False)
    assert len(world.writes) == 10


@pytest.mark.parametrize("by_hand", [False, True])
def test_an_event_that_is_closed_is_not_cancelled_though_only_definite_ones_are_eligible(
    world: World, by_hand: bool
) -> None:
    if by_hand:
        world.add_order(FULL)
    world.config["tripleseat"] |= {"eligible_statuses": ["DEFINITE"]}
    before = world.sync()
    world.time.move(minutes=45)
    world.tripleseat.edit_event(FULL, status="CLOSED")
    report = world.sync()
    assert find_outcome(before, FULL).order_id
    assert verdict(report, FULL) == f"skipped {'CHANGED_AFTER_INJECTION' if by_hand else 'ALREADY_INJECTED'}"


def test_other_eligible_statuses_are_no_change_of_the_event(world: World) -> None:
    world.sync()
    world.time.move(minutes=45)
    world.config["tripleseat"] |= {"eligible_statuses": ["CLOSED"]}
    world.tripleseat.edit_event(FULL, description="a note")
    assert verdict(world.sync(), FULL) == "skipped ALREADY_INJECTED"


def test_a_new_day_is_reported_though_the_event_names_only_an_instant(world: World) -> None:
    days = dict.fromkeys(("event_date", "event_date_iso8601", "start_date", "event_start"))
    world.tripleseat.edit_event(FULL, **days)
    world.sync()
    row = world.tripleseat.event(FULL)
    text = {name: value for name, value in row.items() if isinstance(value, str)}
    world.tripleseat.edit_event(
        FULL,
        **{
            name: value.replace("2026-12-12", "2026-12-13").replace("12/12/2026", "12/13/2026")
            for name, value in text.items()
            if name.startswith(("event_", "start_", "end_"))
        },
    )
    check_reported_once(world, "date 2026-12-12 → 2026-12-13")


def test_a_cancelled_event_that_is_touched_again_stays_reported(world: World) -> None:
    world.sync()
    cancel(world)
    world.sync()
    world.time.move(minutes=45)
    world.tripleseat.edit_event(FULL, guest_count=3)
    assert verdict(world.sync(), FULL) == "skipped ALREADY_INJECTED"


def test_an_event_cancelled_and_taken_up_again_and_cancelled_is_reported_twice(world: World) -> None:
    world.sync()
    said = []
    for status in ("LOST", "DEFINITE", "LOST"):
        world.time.move(minutes=45)
        world.tripleseat.edit_event(FULL, status=status)
        said.append(verdict(world.sync(), FULL))
    assert said == [
        "skipped CANCELLED_AFTER_INJECTION",
        "skipped CHANGED_AFTER_INJECTION",
        "skipped CANCELLED_AFTER_INJECTION",
    ]


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_change_found_by_a_run_that_died_is_reported_by_the_next(world: World, cancelled: bool) -> None:
    world.sync()
    world.time.move(minutes=45)
    if cancelled:
        cancel(world)
    else:
        world.rewrite_event(FULL, **{**CONTRACT, "lines": FULL_LINES[1:]})
    report = None
    for moment in range(1, 60):
        world.die_at(moment)
        try:
            report = world.sync()
        except Died:
            continue
        break
    assert report is not None
    assert verdict(report, FULL) == f"skipped {'CANCELLED' if cancelled else 'CHANGED'}_AFTER_INJECTION"


def test_a_changed_event_that_can_not_be_fetched_is_looked_at_by_the_next_run(world: World) -> None:
    world.sync()
    world.rewrite_event(FULL, **{**CONTRACT, "lines": FULL_LINES[1:]})
    world.tripleseat.faults.add("status", "GET", "/v1/events/64000001", status=404)
    assert verdict(world.sync(), FULL) == "failed EVENT_DATA_UNAVAILABLE"
    assert verdict(world.sync(), FULL) == "skipped CHANGED_AFTER_INJECTION"


def test_an_order_finished_by_a_later_run_is_compared_with_its_event_once(world: World) -> None:
    world.revel.faults.add("drop_before", "POST", "/Payment/")
    world.sync()
    world.time.move(minutes=15)
    assert verdict(world.sync(), FULL) == "injected"
    assert verdict(world.sync(), FULL) == "skipped ALREADY_INJECTED"
    world.forget_requests()
    world.sync()
    assert world.revel_requests == []


def test_a_change_seen_by_the_update_search_alone_is_reported(world: World) -> None:
    world.sync()
    world.time.move(days=20)
    world.sync()
    assert world.sync().outcomes == ()
    world.rewrite_event(FULL, **{**CONTRACT, "lines": FULL_LINES[1:]})
    assert verdict(world.sync(), FULL) == "skipped CHANGED_AFTER_INJECTION"


def test_a_row_without_a_status_is_no_change(world: World) -> None:
    world.sync()
    world.tripleseat.edit_event(FULL, status="")
    assert verdict(world.sync(), FULL) == "skipped ALREADY_INJECTED"


def test_a_change_is_told_and_so_is_its_way_back(world: World) -> None:
    world.sync()
    told = []
    for lines in (FULL_LINES[1:], FULL_LINES):
        world.time.move(minutes=45)
        world.rewrite_event(FULL, **{**CONTRACT, "lines": lines})
        report = world.sync()
        assert verdict(report, FULL) == "skipped CHANGED_AFTER_INJECTION"
        told.append(find_outcome(report, FULL).text)
    assert "line removed: 24 x Boxed Lunch Package at 18.50" in told[0]
    assert "line added: 24 x Boxed Lunch Package at 18.50" in told[1]


def test_another_quantity_is_told_by_the_lines_name(world: World) -> None:
    world.add_event(lines=[("Coffee Urn", 2, 38)])
    world.sync()
    world.time.move(minutes=45)
    world.rewrite_event(64000050, lines=[("Coffee Urn", 3, 38)])
    text = find_outcome(world.sync(), 64000050).text
    assert text.endswith("after Revel order 5550102 was made: total 76.00 → 114.00; Coffee Urn 2 → 3")


def test_another_quantity_at_the_same_amount_of_a_line_is_told_once(world: World) -> None:
    world.add_event(lines=[flat("30.0")])
    world.sync()
    world.time.move(minutes=45)
    world.rewrite_event(64000050, lines=[flat("80.0")])
    first, second = world.sync(), world.sync()
    assert find_outcome(first, 64000050).text.endswith("30 x Coffee Urn for 300.00 → 80 x Coffee Urn for 300.00")
    assert (first.exit_status, verdict(second, 64000050)) == (3, "skipped ALREADY_INJECTED")


def test_a_refund_is_told_once(world: World) -> None:
    world.sync()
    world.time.move(minutes=45)
    world.rewrite_event(FULL, **{**CONTRACT, "payments": [Payment("200.00", refunded="50.00")]})
    first, second = world.sync(), world.sync()
    assert find_outcome(first, FULL).text.endswith("payments 200.00 → 150.00 (50.00 refunded)")
    assert verdict(second, FULL) == "skipped ALREADY_INJECTED"


@pytest.mark.parametrize("trouble", ["charge", "place"])
def test_an_event_that_can_not_be_planned_is_told_once_and_again_when_it_can(world: World, trouble: str) -> None:
    world.sync()
    spoilt: dict[str, Any] = {"location_id": 30777, "site_id": 15999}
    mended: dict[str, Any] = {"location_id": 30501, "site_id": 15691}
    for step in ("spoil", "touch", "mend", "touch"):
        world.time.move(minutes=45)
        if step == "touch":
            world.tripleseat.edit_event(FULL, description=f"as of {world.time.now}")
        elif trouble == "place":
            world.tripleseat.edit_event(FULL, **(spoilt if step == "spoil" else mended))
        else:
            charges = [*FULL_CHARGES, ("Dust Fee", "1.00")] if step == "spoil" else FULL_CHARGES
            world.rewrite_event(FULL, **{**CONTRACT, "charges": charges})
        report = world.sync()
        told = find_outcome(report, FULL).text if step != "touch" else ""
        assert (verdict(report, FULL) == "skipped CHANGED_AFTER_INJECTION") is (step != "touch")
        assert ("it can be planned again" in told) is (step == "mend")


UNPLANNABLE: dict[str, dict[str, Any]] = {
    "an unknown charge": {"charges": [*FULL_CHARGES, ("Dust Fee", "1.00")]},
    "an unknown product": {"lines": [*FULL_LINES, ("Moon Cake", 1, 9)]},
    "too much paid": {"payments": [("900.00", True)]},
}
EDITS: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "more": ({"lines": [("Coffee Urn", 9, 38)]}, {}, ["grand total", "its lines have changed"]),
    "a payment": ({"payments": [("901.00", True)]}, {}, ["payments"]),
    "another day": ({}, {"event_date_iso8601": "2026-12-19"}, ["date 2026-12-12 → 2026-12-19"]),
    "another location": ({}, {"location_id": 30502, "site_id": 15692}, ["TripleSeat location 30501 → 30502"]),
    "a fee less": ({"charges": FULL_CHARGES[:1]}, {}, ["its taxes, fees or discounts have changed"]),
}


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("trouble", UNPLANNABLE)
def test_each_change_of_an_event_that_can_not_be_planned_is_reported_once(
    world: World, trouble: str, edit: str
) -> None:
    world.sync()
    spoilt = {**CONTRACT, **UNPLANNABLE[trouble]}
    world.time.move(minutes=45)
    world.rewrite_event(FULL, **spoilt)
    assert verdict(world.sync(), FULL) == "skipped CHANGED_AFTER_INJECTION"
    content, place, told = EDITS[edit]
    world.time.move(minutes=45)
    if content:
        added = {key: rows[len(CONTRACT[key]) :] for key, rows in UNPLANNABLE[trouble].items() if key != "payments"}
        changed = {key: [*rows, *added.get(key, [])] for key, rows in content.items()}
        world.rewrite_event(FULL, **{**spoilt, **changed})
    if place:
        world.tripleseat.edit_event(FULL, **place)
    first, second = world.sync(), world.sync()
    assert (verdict(first, FULL), first.exit_status) == ("skipped CHANGED_AFTER_INJECTION", 3)
    assert [each for each in told if each not in find_outcome(first, FULL).text] == []
    assert (verdict(second, FULL), second.exit_status) == ("skipped ALREADY_INJECTED", 0)
    assert len(world.writes) == 10


def test_a_change_that_an_event_keeps_when_it_can_be_planned_again_is_told_then(world: World) -> None:
    world.sync()
    lines = [("Coffee Urn", 1, 38), ("Moon Cake", 1, 9)]
    told = []
    for rows in (lines, [("Coffee Urn", 9, 38), lines[1]], [("Coffee Urn", 9, 38)]):
        world.time.move(minutes=45)
        world.rewrite_event(FULL, lines=rows)
        report = world.sync()
        assert verdict(report, FULL) == "skipped CHANGED_AFTER_INJECTION"
        told.append(find_outcome(report, FULL).text)
    assert "it can be planned again; total 837.72 → 342.00" in told[-1]
    assert "line added: 9 x Coffee Urn at 38.00" in told[-1]


def test_an_event_that_the_settings_let_be_planned_again_is_told_with_what_changed_in_it(world: World) -> None:
    world.sync()
    world.time.move(minutes=45)
    charges = [*FULL_CHARGES, ("Dust Fee", "1.00")]
    world.rewrite_event(FULL, **{**CONTRACT, "charges": charges, "lines": FULL_LINES[1:]})
    world.sync()
    world.config["charges"].append({"match": "Dust Fee", "as": "tax"})
    first, second = world.sync_event(FULL), world.sync_event(FULL)
    assert verdict(first, FULL) == "skipped CHANGED_AFTER_INJECTION"
    assert "it can be planned again; total 837.72 → " in find_outcome(first, FULL).text
    assert verdict(second, FULL) == "skipped ALREADY_INJECTED"


def test_a_document_made_anew_with_the_same_content_is_no_change_of_an_event_that_can_not_be_planned(
    world: World,
) -> None:
    world.sync()
    content = {"lines": [*FULL_LINES, ("Moon Cake", 1, 9)], "charges": FULL_CHARGES}
    world.time.move(minutes=45)
    world.rewrite_event(FULL, **content)
    assert verdict(world.sync(), FULL) == "skipped CHANGED_AFTER_INJECTION"
    world.time.move(minutes=45)
    (document,) = world.tripleseat.event(FULL)["documents"]
    world.tripleseat.edit_event(FULL, documents=[{**document, "id": 999, "title": "Contract: 999"}], document_ids="999")
    assert verdict(world.sync(), FULL) == "skipped ALREADY_INJECTED"


def test_a_change_is_told_though_an_older_version_stored_no_details_of_the_event(world: World) -> None:
    world.sync()
    for number, lines in enumerate(([("Moon Cake", 1, 9)], [("Moon Cake", 2, 9)], [("Moon Cake", 3, 9)])):
        world.time.move(minutes=45)
        world.rewrite_event(FULL, **{**CONTRACT, "lines": lines})
        first, second = world.sync(), world.sync()
        assert (verdict(first, FULL), verdict(second, FULL)) == (
            "skipped CHANGED_AFTER_INJECTION",
            "skipped ALREADY_INJECTED",
        )
        assert ("its day, location, lines or amounts have changed" in find_outcome(first, FULL).text) is (number == 1)
        if number == 0:
            older_rows.forget_details(world.folder / "ledger.sqlite3")
        if number == 2:
            assert find_outcome(first, FULL).text.endswith("grand total 183.32 → 192.32; its lines have changed")


def test_an_event_that_did_not_change_is_not_told_after_an_older_version_made_its_order(world: World) -> None:
    world.sync()
    older_rows.forget_details(world.folder / "ledger.sqlite3")
    for _ in range(2):
        world.time.move(minutes=45)
        world.tripleseat.edit_event(FULL, description="another")
        assert verdict(world.sync(), FULL) == "skipped ALREADY_INJECTED"


def take_contract_from_booking(world: World, *, lines: Any) -> None:
    """The event's own documents are empty. Its booking's contract changes, the event's own time of change doesn't."""
    event = world.tripleseat.state.events[FULL]
    made = make_event(id=FULL, day=date(2026, 12, 12), lines=lines)
    event.update(documents=[], document_ids="", grand_total=None, amount_due=None, actual_amount=None)
    event.update(billing_totals=[], category_totals=[], deposit_amount=None)
    stamp = f"{world.time.now:%m/%d/%Y %I:%M %p}"
    event["booking"]["updated_at"] = stamp
    booking = world.tripleseat.state.bookings[event["booking_id"]]
    booking.update(documents=made["documents"], updated_at=stamp)


def test_a_change_of_the_bookings_contract_is_reported_once(world: World) -> None:
    take_contract_from_booking(world, lines=[("Coffee Urn", 2, 38)])
    world.time.move(minutes=45)
    assert verdict(world.sync(), FULL) == "injected"
    world.time.move(minutes=45)
    take_contract_from_booking(world, lines=[("Coffee Urn", 9, 38)])
    world.time.move(minutes=45)
    check_reported_once(world, "total 76.00 → 342.00; Coffee Urn 2 → 9")


def swap(world: World, line: str) -> None:
    """Another line at the same total. Its row in the listing differs by its time of change alone."""
    world.rewrite_event(FULL, lines=[(line, 1, 38)])
    (document,) = world.tripleseat.state.events[FULL]["documents"]
    document["id"] = FULL * 10 + 1


@pytest.mark.parametrize("is_first", [True, False])
def test_a_second_change_in_the_minute_in_which_the_first_was_read_is_reported_once(
    world: World, is_first: bool
) -> None:
    swap(world, "Fruit Platter")
    if not is_first:
        world.time.move(minutes=45)
        world.sync()
        world.time.move(minutes=45)
        swap(world, "Coffee Urn")
    world.sync()
    world.time.move(seconds=20)
    swap(world, "Boxed Lunch Package")
    world.time.move(minutes=44)
    check_reported_once(world, "line added: 1 x Boxed Lunch Package at 38.00")


def test_an_event_read_in_the_minute_of_its_last_change_is_read_once_more(world: World) -> None:
    world.tripleseat.edit_event(FULL, description="No nuts, please.")
    for reads in (1, 1, 0):
        world.forget_requests()
        world.sync()
        assert world.tripleseat.count(path=f"/v1/events/{FULL}") == reads
        world.time.move(minutes=45)


def test_an_event_is_not_read_again_in_the_same_minute(world: World) -> None:
    world.tripleseat.edit_event(FULL, description="No nuts, please.")
    world.sync()
    world.forget_requests()
    world.sync()
    assert world.tripleseat.count(path=f"/v1/events/{FULL}") == 0


def test_an_order_of_an_older_version_costs_no_request_after_an_upgrade_and_its_booking_is_watched_from_then_on(
    world: World,
) -> None:
    take_contract_from_booking(world, lines=[("Coffee Urn", 2, 38)])
    world.time.move(minutes=45)
    world.sync()
    older_rows.cut_digests(world.folder / "ledger.sqlite3")
    older_rows.forget_details(world.folder / "ledger.sqlite3")
    for _ in range(2):
        world.time.move(minutes=45)
        world.forget_requests()
        report = world.sync()
        assert (verdict(report, FULL), report.exit_status) == ("skipped ALREADY_INJECTED", 0)
        assert world.tripleseat.count(path=f"/v1/events/{FULL}") == 0
    take_contract_from_booking(world, lines=[("Coffee Urn", 9, 38)])
    assert verdict(world.sync(), FULL) == "skipped CHANGED_AFTER_INJECTION"


def test_a_cancellation_that_an_older_version_reported_stays_reported_after_an_upgrade(world: World) -> None:
    world.sync()
    world.time.move(minutes=45)
    cancel(world)
    world.time.move(minutes=45)
    world.sync()
    older_rows.cut_digests(world.folder / "ledger.sqlite3")
    for _ in range(2):
        world.time.move(minutes=45)
        assert verdict(world.sync(), FULL) == "skipped ALREADY_INJECTED"
    world.time.move(minutes=45)
    world.tripleseat.edit_event(FULL, status="DEFINITE")
    assert "it had been cancelled" in find_outcome(world.sync(), FULL).text


def test_an_event_that_is_gone_from_the_listing_and_by_its_id_counts_as_deleted_once(world: World) -> None:
    world.sync()
    world.add_event(lines=[("Coffee Urn", 1, 38)])
    del world.tripleseat.state.events[FULL]
    first = world.sync()
    outcome = find_outcome(first, FULL)
    assert (verdict(first, FULL), outcome.news) == ("skipped CANCELLED_AFTER_INJECTION", True)
    assert (outcome.day, outcome.location, outcome.order_id) == (date(2026, 12, 12), "Special Events", "5550101")
    world.forget_requests()
    assert str(FULL) not in {each.event_id for each in world.sync().outcomes}
    assert world.tripleseat.count(path=f"/v1/events/{FULL}") == 0


def test_an_event_that_only_the_listing_leaves_out_is_asked_for_and_let_be(world: World) -> None:
    world.sync()
    world.add_event(lines=[("Coffee Urn", 1, 38)])
    for fault in (None, 403, 500, 404):
        world.time.move(minutes=45)
        world.tripleseat.hide_event(FULL, lookups=2)
        if fault:
            world.tripleseat.faults.add("status", "GET", f"/v1/events/{FULL}", times=9, status=fault)
        report = world.sync()
        world.tripleseat.faults.clear()
        expected = "CANCELLED_AFTER_INJECTION" if fault == 404 else "ALREADY_INJECTED"
        assert (verdict(report, FULL), report.exit_status) == (f"skipped {expected}", 3 if fault == 404 else 0)


@pytest.fixture
def adopted(world: World) -> World:
    """A world whose ledger was lost, and whose order was taken in once its day had passed."""
    world.sync()
    world.lose_ledger()
    world.time.move(days=1)
    writes = list(world.writes)
    assert verdict(world.sync(), FULL) == "skipped ALREADY_INJECTED"
    assert world.writes == writes
    return world


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_an_event_whose_order_was_taken_in_late_is_reported_once(adopted: World, change: str) -> None:
    content, expected = CHANGES[change]
    adopted.rewrite_event(FULL, **{**CONTRACT, **content})
    check_reported_once(adopted, expected)


def test_an_order_taken_in_late_has_its_plan_in_the_ledger_and_is_watched(adopted: World) -> None:
    adopted.revel.pos_touch(5550101)
    assert verdict(adopted.sync(), FULL) == "skipped CHANGED_AFTER_INJECTION"


@pytest.fixture
def unlike(world: World) -> World:
    """The same, but the event had changed meanwhile: no plan is what is at Revel."""
    world.sync()
    world.lose_ledger()
    world.rewrite_event(FULL, **{**CONTRACT, "lines": FULL_LINES[1:]})
    world.time.move(days=1)
    writes = list(world.writes)
    assert verdict(world.sync(), FULL) == "skipped ALREADY_INJECTED"
    assert world.writes == writes
    return world


@pytest.mark.parametrize("undo", [cancel, delete])
def test_a_cancellation_is_told_once_though_no_plan_is_known(unlike: World, undo: Any) -> None:
    unlike.time.move(minutes=45)
    undo(unlike)
    first, second = unlike.sync(), unlike.sync()
    assert verdict(first, FULL) == "skipped CANCELLED_AFTER_INJECTION"
    assert find_outcome(first, FULL).order_id == "5550101"
    assert (find_outcome(first, FULL).news, verdict(second, FULL)) == (True, "skipped ALREADY_INJECTED")
    unlike.time.move(minutes=45)
    unlike.tripleseat.edit_event(FULL, status="DEFINITE", deleted_at=None)
    third = unlike.sync()
    assert verdict(third, FULL) == "skipped CHANGED_AFTER_INJECTION"
    assert verdict(unlike.sync(), FULL) == "skipped ALREADY_INJECTED"


def test_an_order_of_a_passed_day_is_taken_in_though_its_event_is_not_handed_out(world: World) -> None:
    world.sync()
    world.lose_ledger()
    world.time.move(days=1)
    world.tripleseat.faults.add("status", "GET", f"/v1/events/{FULL}", times=None, status=403)
    assert verdict(world.sync(), FULL) == "skipped ALREADY_INJECTED"


def test_a_run_that_dies_as_it_takes_an_order_in_leaves_that_to_the_next_and_writes_nothing(world: World) -> None:
    world.sync()
    world.time.move(days=1)
    world.sync()  # a new token is stored
    world.lose_ledger()
    writes, moment = list(world.writes), 0
    for moment in range(1, 60):
        world.die_at(moment)
        try:
            world.sync()
        except Died:
            continue
        break
    world.die_at(10**6)
    world.time.move(minutes=45)
    assert verdict(world.sync(), FULL) == "skipped ALREADY_INJECTED"
    assert (moment > 5, world.writes == writes, world.flaws(FULL)) == (True, True, [])
    record = world.record(FULL)
    assert record is not None
    assert record.state == "settled"
