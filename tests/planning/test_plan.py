"""The plan as a whole: what it takes over, where it stops, and what people are told of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from tests.planning.make import (
    CATALOGUE,
    DAY,
    DELIVERY,
    LOCATION,
    LUNCH,
    NOON,
    POLICY,
    TACOS,
    hold,
    make_document,
    make_event,
    make_line,
    make_payment,
    plan,
    without_details,
)
from tsrevel.planning.changes import details_of
from tsrevel.planning.model import (
    Document,
    Event,
    Fault,
    Hold,
    Item,
    Line,
    PaymentsOption,
    Plan,
    Policy,
    ProductMapping,
    SiteId,
)
from tsrevel.planning.money import Cents
from tsrevel.planning.plan import label_order, orderable_lines, takes_second_choice, with_options_of
from tsrevel.planning.reasons import Reason

PRICES = replace(POLICY, discounts="prices")
FALLBACK = replace(POLICY, unmapped_items="fallback")
TILL = replace(LOCATION, fallback_product=int(TACOS))


def rows(made: Plan) -> list[tuple[str, int, int]]:
    """Each item's line, quantity and unit price."""
    return [(item.line, item.quantity, item.unit_price) for item in made.items]


def priced(price: str, **changes: str) -> Event:
    """An event of one boxed lunch at `price`."""
    return make_event(make_document(make_line(price=price), **changes))  # type: ignore[arg-type]


def test_an_order_carries_every_line_and_charge_to_the_cent() -> None:
    document = make_document(
        make_line(quantity="3", price="18.50"),
        make_line("Taco Trio", "2", "12.00"),
        charges={"Sales Tax": "7.45", "Service Charge": "15.00", "Delivery Fee": "9.99"},
        discount="5.00",
        payments=[make_payment("40.00")],
    )
    made = plan(make_event(document))
    assert rows(made) == [("Boxed Lunch", 3, 1850), ("Taco Trio", 2, 1200), ("Delivery Fee", 1, 999)]
    assert [item.product for item in made.items] == [LUNCH, TACOS, DELIVERY]
    amounts = {"subtotal": 8949, "discount": 500, "tax": 745, "gratuity": 1500}
    assert made.amounts == amounts | {"total": made.final_total, "balance": made.remaining_due}
    assert (made.gross_total, made.final_total, made.paid, made.remaining_due) == (11194, 10694, 4000, 6694)


def test_a_plan_says_whose_it_is_where_and_when() -> None:
    made = plan(make_event())
    assert (made.event_id, made.day, made.local_id) == ("64000001", DAY, "Triple Seat_64000001")
    assert replace(made.location, tripleseat_site=None) == LOCATION


def test_a_plan_names_the_event_s_own_location_and_site_for_the_write_gate() -> None:
    of_site = replace(LOCATION, tripleseat_location=None, tripleseat_site=SiteId("15691"))
    made = plan(make_event(), location=of_site)
    assert (made.location.tripleseat_location, made.location.tripleseat_site) == ("30501", "15691")


def test_a_plan_holds_no_customer_data() -> None:
    told = repr(plan(make_event()))
    assert not [word for word in ("Jordan", "555-0142", "Example Widgets") if word in told]


def test_what_is_ignored_is_left_out_of_the_total() -> None:
    assert plan(make_event(make_document(charges={"Card Fee": "1.00"}))).final_total == 1000


def test_a_discount_can_be_carried_by_the_prices_instead() -> None:
    document = make_document(make_line(quantity="3"), make_line("Taco Trio", "1", "20.00"), discount="1.00")
    made = plan(make_event(document), policy=PRICES)
    assert rows(made) == [("Boxed Lunch", 3, 980), ("Taco Trio", 1, 1960)]
    assert (made.subtotal, made.discount, made.final_total) == (4900, 0, 4900)


def test_a_price_that_can_not_carry_its_part_exactly_is_split_by_a_cent() -> None:
    made = plan(make_event(make_document(make_line(quantity="3"), discount="1.00")), policy=PRICES)
    assert rows(made) == [("Boxed Lunch", 1, 966), ("Boxed Lunch", 2, 967)]
    assert made.final_total == 2900


def test_a_line_without_quantity_and_amount_is_left_out() -> None:
    document = make_document(make_line(), make_line("Unknown to Revel", "0", "5.00"))
    assert rows(plan(make_event(document))) == [("Boxed Lunch", 1, 1000)]


def test_a_document_whose_lines_sell_nothing_is_held() -> None:
    document = make_document(make_line(quantity="0"), charges={"Sales Tax": "1.00"}, number=41)
    assert without_details(hold(make_event(document))) == Hold(
        Reason.NO_LINE_ITEMS, "every line of document 41 has quantity 0; correct it in TripleSeat"
    )


def test_every_line_without_a_product_is_named_at_once() -> None:
    document = make_document(make_line("Taco Trios"), make_line(), make_line("Xylophone"))
    assert without_details(hold(make_event(document))) == Hold(
        Reason.UNMAPPED_ITEMS,
        "2 of 3 lines have no product at establishment 8: 'Taco Trios' names no active product"
        " (similar: Taco Trio); 'Xylophone' names no active product",
    )


def test_a_line_without_a_product_can_become_the_fallback_under_its_own_name() -> None:
    made = plan(make_event(make_document(make_line("Xylophone"), make_line())), policy=FALLBACK, location=TILL)
    assert [(item.product, item.override) for item in made.items] == [(TACOS, "Xylophone"), (LUNCH, "")]


@pytest.mark.parametrize(
    ("line", "mapping", "policy", "second"),
    [
        (make_line(), None, POLICY, False),
        (make_line("Taco Trio - mild", typed=True), None, POLICY, True),
        (make_line("Taco Trio - mild", typed=True), "Taco Trio", POLICY, True),
        (make_line("Taco Trio - mild", typed=True), "taco trio -  Mild", POLICY, False),
        (make_line("Xylophone"), None, FALLBACK, True),
        (make_line("Xylophone", "0"), None, FALLBACK, False),
    ],
)
def test_a_line_whose_own_product_the_catalogue_lacks_takes_its_second_choice(
    line: Line, mapping: str | None, policy: Policy, second: bool
) -> None:
    mapped = (ProductMapping(TILL.establishment, TACOS, name=mapping),) if mapping else ()
    event = make_event(make_document(make_line(), line))
    assert takes_second_choice(event, TILL, CATALOGUE, replace(policy, products=mapped)) is second


def test_there_is_no_fallback_unless_policy_and_location_both_say_so() -> None:
    event = make_event(make_document(make_line("Xylophone")))
    assert hold(event, policy=FALLBACK).reason is Reason.UNMAPPED_ITEMS
    assert hold(event, location=TILL).reason is Reason.UNMAPPED_ITEMS


def test_a_fallback_that_is_not_on_sale_holds_the_event() -> None:
    event = make_event(make_document(make_line("Xylophone")))
    found = hold(event, policy=FALLBACK, location=replace(LOCATION, fallback_product=999))
    assert "is mapped to 999, which is not an active product of establishment 8" in found.text


def test_an_event_without_a_day_is_held() -> None:
    assert without_details(hold(make_event(day=None, starts_at=None))) == Hold(
        Reason.MISSING_DATA, "the event has no date; set one in TripleSeat"
    )


def test_an_event_without_a_document_is_held() -> None:
    assert hold(replace(make_event(), documents=())).reason is Reason.NO_LINE_ITEMS


def test_a_document_that_could_not_be_read_holds_the_event_with_all_its_faults() -> None:
    faults = (Fault(Reason.MISSING_DATA, "line 1: price is not a number"), Fault(Reason.AMOUNT_MISMATCH, "more"))
    found = hold(make_event(make_document(faults=faults)))
    assert without_details(found) == Hold(Reason.MISSING_DATA, "line 1: price is not a number; more")


def test_a_document_that_does_not_add_up_holds_the_event() -> None:
    assert hold(priced("10.00", grand_total="10.01")).reason is Reason.AMOUNT_MISMATCH


def test_the_document_must_agree_with_the_event_unless_the_operator_named_it() -> None:
    event = make_event(make_document(title="Catering Order"), grand_total="99.00")
    assert hold(event).reason is Reason.AMOUNT_MISMATCH
    assert plan(event, policy=replace(POLICY, order_document="catering")).final_total == 1000


def test_an_unknown_charge_holds_the_event() -> None:
    document = make_document(charges={"Admin Fee": "1.00"})
    assert hold(make_event(document)).reason is Reason.UNKNOWN_CHARGE


def test_payments_above_the_total_hold_the_event() -> None:
    document = make_document(payments=[make_payment("10.01")])
    assert hold(make_event(document)).reason is Reason.AMOUNT_MISMATCH


def test_an_order_above_the_limit_is_held_and_one_at_the_limit_is_not() -> None:
    policy = replace(POLICY, max_order_total=Cents(1000))
    assert plan(priced("10.00"), policy=policy).final_total == 1000
    assert without_details(hold(priced("10.01"), policy=policy)) == Hold(
        Reason.ORDER_TOO_LARGE, "the total 10.01 is above safety.max_order_total (10.00)"
    )


def test_a_discount_needs_the_locations_revel_discount_only_where_it_is_written() -> None:
    event, bare = priced("10.00", discount="1.00"), replace(LOCATION, discount=0)
    assert without_details(hold(event, location=bare)) == Hold(
        Reason.MISSING_DATA, "location 'Special Events' has no Revel discount; set it in [[locations]]"
    )
    assert plan(event, location=bare, policy=PRICES).final_total == 900
    assert plan(priced("10.00"), location=bare).discount == 0


def test_a_payment_needs_the_locations_payment_type_only_where_it_is_written() -> None:
    event = make_event(make_document(payments=[make_payment("4.00")]))
    bare = replace(LOCATION, payment_type=0)
    assert hold(event, location=bare).text == (
        "location 'Special Events' has no Revel payment_type; set it in [[locations]]"
    )
    assert plan(event, location=bare, policy=replace(POLICY, payments="none")).payments == ()


def test_the_contact_and_the_event_are_told_on_the_order() -> None:
    labels = label_order(make_event(), LOCATION)
    assert labels.call_name == "Jordan Example | (702) 555-0142"
    assert labels.notes == "TripleSeat event 64000001: Example Widgets lunch, 2026-12-12 12:00, 24 guests"


def test_the_start_is_told_by_the_locations_clock() -> None:
    labels = label_order(
        make_event(starts_at=NOON + timedelta(hours=14)), replace(LOCATION, timezone="America/New_York")
    )
    assert labels.notes.endswith("2026-12-13 05:00, 24 guests")


def test_a_start_without_a_zone_is_told_as_it_is() -> None:
    event = make_event(starts_at=NOON.astimezone(ZoneInfo(LOCATION.timezone)).replace(tzinfo=None))
    assert label_order(event, replace(LOCATION, timezone="America/New_York")).notes.endswith(
        "2026-12-12 12:00, 24 guests"
    )


def test_what_is_not_known_of_the_event_is_left_out_of_the_labels() -> None:
    event = replace(make_event(starts_at=None, guest_count=None), contact_name="", contact_phone="")
    labels = label_order(event, LOCATION)
    assert (labels.call_name, labels.notes) == ("", "TripleSeat event 64000001: Example Widgets lunch, 2026-12-12")
    assert label_order(replace(event, name=""), LOCATION).notes == "TripleSeat event 64000001: 2026-12-12"


@pytest.mark.parametrize("quantity", ["2.5", "3"])
def test_a_quantity_that_has_no_exact_price_stands_in_the_text(quantity: str) -> None:
    document = make_document(make_line("Taco Trio", quantity, "10.00", "24.99"))
    item = plan(make_event(document)).items[0]
    assert item == Item(item.uuid, TACOS, 1, Cents(2499), "Taco Trio", note=f"{quantity} x Taco Trio")


def test_an_event_with_an_instant_alone_is_planned_on_the_locations_day() -> None:
    event = make_event(day=None, starts_at=NOON + timedelta(hours=11))
    assert plan(event).day == DAY
    assert plan(event, location=replace(LOCATION, timezone="America/New_York")).day == DAY + timedelta(days=1)


@pytest.mark.parametrize("told", [(), ("USD",), ("usd", "U\u200dSD")])
def test_amounts_in_the_locations_currency_are_planned(told: tuple[str, ...]) -> None:
    assert plan(replace(make_event(), currencies=told)).final_total == 1000


@pytest.mark.parametrize("told", [("CAD",), ("USD", "CAD"), ("cad",)])
def test_amounts_in_another_currency_hold_the_event(told: tuple[str, ...]) -> None:
    event = replace(make_event(), currencies=told)
    assert without_details(hold(event)) == Hold(
        Reason.AMOUNT_MISMATCH,
        f"TripleSeat has its amounts in {told[-1]!r}, but location 'Special Events' is in USD; "
        "correct the currency in TripleSeat or in [[locations]]",
    )
    if "USD" not in told:
        assert plan(event, location=replace(LOCATION, currency="CAD")).final_total == 1000


def make_off(*lines: Line) -> Document:
    """A document whose discounts stand on its lines only."""
    less = sum((line.discount or Decimal(0) for line in lines), Decimal(0))
    document = make_document(*lines, discount=str(less))
    return replace(document, discounts_total=None)


def recall_options(made: Event, then: Policy, now: Policy = POLICY, event: Event | None = None) -> Policy:
    """The options of the plan that was made with those of `then`, as `now` has them for the event that changed."""
    written, zone = plan(made, policy=then), ZoneInfo(LOCATION.timezone)
    event = event or made
    return with_options_of(written, now, event, details_of(made, zone), details_of(event, zone))


@pytest.mark.parametrize("then", [POLICY, PRICES])
@pytest.mark.parametrize("now", [POLICY, PRICES])
def test_a_discount_shows_how_the_settings_had_it_when_the_order_was_made(then: Policy, now: Policy) -> None:
    document = make_document(make_line(), discount="2.00")
    more = make_document(make_line(), make_line("Taco Trio"), discount="2.00")
    assert recall_options(make_event(document), then, now, make_event(more)) == then


@pytest.mark.parametrize("now", [POLICY, PRICES])
def test_a_discount_that_came_later_is_had_as_the_settings_say_now(now: Policy) -> None:
    event = make_event(make_document(make_line(), discount="2.00"))
    assert recall_options(make_event(make_document(make_line())), POLICY, now, event) == now


LESS = make_line("Boxed Lunch", "2", discount="5.00")
SPREAD: dict[str, tuple[Document, Document]] = {
    "another line": (make_off(LESS), make_off(LESS, make_line("Taco Trio"))),
    "another line with a discount": (make_off(LESS), make_off(LESS, make_line("Taco Trio", discount="1.00"))),
    "another quantity of another line": (make_off(LESS, make_line("Taco Trio")),
                                         make_off(LESS, make_line("Taco Trio", "3"))),
    "a line less": (make_off(LESS, make_line("Taco Trio")), make_off(LESS)),
    "two lines of a name": (make_off(LESS, make_line("Boxed Lunch")),
                            make_off(LESS, make_line("Boxed Lunch"), make_line("Taco Trio"))),
    "another tax": (make_document(make_line(), discount="2.00", charges={"Sales Tax": "1.00"}),
                    make_document(make_line(), make_line("Taco Trio"), discount="2.00", charges={"Sales Tax": "2.00"})),
}  # fmt: skip


@pytest.mark.parametrize("change", SPREAD)
@pytest.mark.parametrize("then", [POLICY, PRICES])
@pytest.mark.parametrize("now", [POLICY, PRICES])
def test_a_line_that_kept_its_discount_shows_how_the_settings_had_it(change: str, then: Policy, now: Policy) -> None:
    made, event = SPREAD[change]
    assert recall_options(make_event(made), then, now, make_event(event)) == then


@pytest.mark.parametrize("now", [POLICY, PRICES])
def test_a_discount_of_a_line_that_came_later_is_had_as_the_settings_say_now(now: Policy) -> None:
    event = make_event(make_off(LESS, make_line("Taco Trio", discount="1.00")))
    assert recall_options(make_event(make_document(make_line("Boxed Lunch", "2"))), PRICES, now, event) == now


@pytest.mark.parametrize("event", [make_event(), make_event(make_document(deleted=True))])
def test_an_event_without_a_document_or_a_discount_shows_none(event: Event) -> None:
    assert recall_options(make_event(), PRICES, POLICY, event) == POLICY


@pytest.mark.parametrize("then", ["recorded", "invoice_total", "none"])
@pytest.mark.parametrize("now", ["recorded", "invoice_total", "none"])
def test_payments_show_how_the_settings_had_them_when_the_order_was_made(
    then: PaymentsOption, now: PaymentsOption
) -> None:
    event = make_event(make_document(make_line(), payments=[make_payment("5.00")]))
    assert recall_options(event, replace(POLICY, payments=then), replace(POLICY, payments=now)).payments == then


def test_payments_that_fit_no_option_are_had_as_the_settings_say_now() -> None:
    event = make_event(make_document(make_line(), payments=[make_payment("5.00")]))
    written = plan(make_event(make_document(make_line(), payments=[make_payment("3.00")])))
    details = details_of(event, ZoneInfo(LOCATION.timezone))
    assert with_options_of(written, POLICY, event, details, details) == POLICY


def test_lines_come_from_the_document_that_is_the_order() -> None:
    nothing = make_line("Nothing", quantity="0")
    event = make_event(make_document(make_line("Old"), deleted=True), make_document(make_line("New"), nothing))
    assert [each.name for each in orderable_lines(event, POLICY)] == ["New"]


def test_where_that_is_undecided_all_live_documents_count() -> None:
    documents = [make_document(make_line(name), number=n) for n, name in enumerate(("One", "Other"), 1)]
    event = make_event(*documents, make_document(make_line("Old"), number=3, deleted=True))
    assert [each.name for each in orderable_lines(event, POLICY)] == ["One", "Other"]
