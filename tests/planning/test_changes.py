"""What people are told of the difference between two plans for the same event."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.planning.make import DAY, LOCATION, make_document, make_event, make_line, make_payment, plan
from tsrevel.planning.changes import describe_changes, describe_unshown
from tsrevel.planning.model import EstablishmentId, LocationId, Plan, SiteId
from tsrevel.planning.money import Cents
from tsrevel.text import MOST_SPECIAL_REQUEST, shorten


def of(*lines: tuple[str, str, str], **more: object) -> Plan:
    """A plan for lines of name, quantity and price."""
    made = [make_line(name, quantity, price) for name, quantity, price in lines]
    return plan(make_event(make_document(*made, **more)))  # type: ignore[arg-type]


LUNCH = ("Boxed Lunch", "2", "10.00")


def test_a_plan_that_did_not_change_has_no_changes() -> None:
    assert describe_changes(of(LUNCH), of(LUNCH)) == []


def test_day_and_sums_are_told_with_what_they_were() -> None:
    now = plan(
        make_event(
            make_document(
                make_line(*LUNCH),
                charges={"Sales Tax": "1.00", "Service Charge": "2.00"},
                discount="3.00",
                payments=[make_payment("4.00")],
            ),
            day=DAY + timedelta(days=1),
        )
    )
    assert describe_changes(of(("Boxed Lunch", "1", "10.00")), now) == [
        "date 2026-12-12 → 2026-12-13",
        "total 10.00 → 20.00",
        "discount 0.00 → 3.00",
        "tax 0.00 → 1.00",
        "gratuity 0.00 → 2.00",
        "payments 0.00 → 4.00",
        "Boxed Lunch 1 → 2",
    ]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([("Boxed Lunch", "3", "10.00")], ["Boxed Lunch 2 → 3"]),
        ([("Boxed Lunch", "2", "11.00")], ["Boxed Lunch at 10.00 → 11.00"]),
        ([("Boxed Lunch", "3", "11.00")], ["Boxed Lunch 2 at 10.00 → 3 at 11.00"]),
        (
            [("Taco Trio", "2", "10.00")],
            ["line removed: 2 x Boxed Lunch at 10.00", "line added: 2 x Taco Trio at 10.00"],
        ),
        ([LUNCH, LUNCH], ["line added: 2 x Boxed Lunch at 10.00"]),
        ([LUNCH, ("Boxed Lunch", "1", "9.00")], ["line added: 1 x Boxed Lunch at 9.00"]),
    ],
)
def test_lines_are_told_by_what_became_of_them(lines: list[tuple[str, str, str]], expected: list[str]) -> None:
    changes = describe_changes(of(LUNCH), of(*lines))
    assert [each for each in changes if not each.startswith("total")] == expected


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (
            {"name": "Bakery", "establishment": EstablishmentId(9)},
            ["location Special Events → Bakery (establishment 8 → 9)"],
        ),
        ({"tripleseat_location": LocationId("30502")}, ["TripleSeat location 30501 → 30502"]),
        ({"tripleseat_location": None, "tripleseat_site": SiteId("7")}, ["TripleSeat location 30501 → 7"]),
        ({"name": "Renamed in the settings"}, []),
    ],
)
def test_a_move_is_told_by_what_is_known_of_it(place: dict[str, object], expected: list[str]) -> None:
    before = of(LUNCH)
    now = replace(before, location=replace(before.location, **place))  # type: ignore[arg-type]
    assert describe_changes(before, now) == expected


def test_an_establishment_that_the_settings_changed_is_told_without_a_move() -> None:
    before = of(LUNCH)
    now = replace(before, location=replace(LOCATION, establishment=EstablishmentId(9)))
    assert "establishment 8 → 9" in describe_changes(before, now)


def test_a_move_to_a_place_of_the_same_establishment_is_told() -> None:
    before = of(LUNCH)
    there = replace(before.location, name="Terrace", tripleseat_location=LocationId("30509"))
    assert describe_changes(before, replace(before, location=there)) == ["location Special Events → Terrace"]


def test_a_refund_is_told_beside_the_payments() -> None:
    before = of(LUNCH, payments=[make_payment("20.00")])
    now = of(LUNCH, payments=[replace(make_payment("20.00"), refunded=Decimal("5.00"))])
    assert describe_changes(before, now, Cents(500)) == ["payments 20.00 → 15.00 (5.00 refunded)"]
    assert describe_changes(now, before, Cents(500)) == ["payments 15.00 → 20.00"]


def test_a_name_that_is_only_written_otherwise_is_no_change() -> None:
    before = of(LUNCH)
    items = tuple(replace(each, line="\u200eBOXED  Lunch\ufe0f") for each in before.items)
    assert describe_changes(before, replace(before, items=items)) == []


def flat(name: str, quantity: str, **texts: Any) -> Plan:
    """A plan for one line with an amount of its own, whatever its quantity. `texts` replace those of its item."""
    made = plan(make_event(make_document(make_line(name, quantity, None, "300.00"))))
    return replace(made, items=tuple(replace(each, **texts) for each in made.items))


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (("Boxed Lunch", "30"), ("Boxed Lunch", "80"), "30 x Boxed Lunch for 300.00 → 80 x Boxed Lunch for 300.00"),
        (("Boxed Lunch", "1.5"), ("Boxed Lunch", "2.5"), "1.5 x Boxed Lunch for 300.00 → 2.5 x Boxed Lunch for 300.00"),
        (("Boxed Lunch", "1"), ("Boxed Lunch", "30"), "1 x Boxed Lunch at 300.00 → 30 x Boxed Lunch for 300.00"),
    ],
)
def test_a_quantity_that_only_an_items_text_has_is_told(
    before: tuple[str, str], now: tuple[str, str], expected: str
) -> None:
    assert describe_changes(flat(*before), flat(*now)) == [expected]


def test_a_quantity_in_an_items_text_that_is_only_written_otherwise_is_no_change() -> None:
    before, now = flat("Boxed Lunch", "30"), flat("Boxed Lunch", "30", note="30 x \u200eBOXED  Lunch")
    assert describe_changes(before, now) == []


def test_more_of_a_long_name_in_an_items_text_is_no_quantity() -> None:
    name = "Boxed Lunch of the House " * 20
    before = flat("Boxed Lunch", "1", line=name)
    now = flat("Boxed Lunch", "1", line=name, override=name[:40], note=shorten(name, MOST_SPECIAL_REQUEST))
    assert describe_changes(before, now) == []


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ({}, []),
        ({"tripleseat_location": LocationId("30502")}, ["TripleSeat location 30501 → 30502"]),
        ({"name": "Bakery", "establishment": EstablishmentId(9)}, []),
    ],
)
def test_an_order_shows_its_establishment_and_amounts_but_not_the_day_or_the_location_in_tripleseat(
    place: dict[str, object], expected: list[str]
) -> None:
    before, now = of(LUNCH), of(("Boxed Lunch", "5", "10.00"))
    now = replace(now, day=DAY + timedelta(days=1), location=replace(LOCATION, **place))  # type: ignore[arg-type]
    assert describe_unshown(before, now) == ["date 2026-12-12 → 2026-12-13", *expected]
    assert describe_unshown(before, replace(now, day=before.day)) == expected
