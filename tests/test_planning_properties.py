"""What holds for every event, whatever is in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.planning.make import CATALOGUE, LOCATION, NOON, POLICY, make_document, make_event, make_line, make_payment
from tsrevel.planning.billing import Portion, check_money, document_discount, line_amount, reduce_portion
from tsrevel.planning.changes import describe_changes
from tsrevel.planning.model import (
    BillingTotal,
    Document,
    Event,
    EventId,
    Fault,
    Hold,
    Line,
    Location,
    LocationId,
    PaymentRecord,
    Plan,
    Policy,
    SiteId,
    Skip,
)
from tsrevel.planning.money import Cents, show
from tsrevel.planning.plan import label_order, plan_order
from tsrevel.planning.reasons import Reason
from tsrevel.planning.screening import screen

UNLIMITED = Cents(10**18)
LARGEST = 10**12
ERA = datetime(2000, 1, 1), datetime(2100, 1, 1)  # noqa: DTZ001
"""What the decoder lets through at most, with up to 40 decimals."""

names = st.sampled_from(["Boxed Lunch", "Taco Trio", "Agua Fresca"])
charge_names = st.sampled_from(["Sales Tax", "Service Charge", "Delivery Fee", "Card Fee"])


def money(most: int = 100_000) -> st.SearchStrategy[str]:
    """An amount in whole cents, as text."""
    return st.integers(0, most).map(lambda cents: show(Cents(cents)))


@st.composite
def lines(draw: st.DrawFn) -> Line:
    """A line as TripleSeat makes them: mostly exact, sometimes fractional, free, or off by rounding."""
    quantity = draw(st.integers(0, 40).map(str) | st.sampled_from(["0.5", "2.25", "1.0"]) | st.none())
    own_total = draw(st.sampled_from(["auto"] * 4 + ["29.99", "0.0"]))
    discount = draw(st.none() | money(2000))
    return make_line(draw(names), quantity, draw(money(5000) | st.none()), own_total, discount=discount)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """A document that adds up, its discount not above its lines."""
    drawn = draw(st.lists(lines(), min_size=1, max_size=6))
    charges = draw(st.dictionaries(charge_names, money(5000), max_size=4))
    bare = make_document(*drawn, charges=charges)
    most = sum(line_amount(line) for line in drawn)
    own = sum(abs(line_cents(line)) for line in drawn)
    discount = draw(st.sampled_from([0, min(own, most)]) | st.integers(0, most))
    payments = [make_payment(draw(money(9000)), paid=draw(st.booleans())) for _ in range(draw(st.integers(0, 3)))]
    cents = most - discount + sum(int(each.amount * 100) for each in bare.billing_totals)
    grand_total = show(Cents(cents))
    sign = draw(st.sampled_from(["", "-"]))
    return make_document(
        *drawn, charges=charges, discount=sign + show(Cents(discount)), grand_total=grand_total, payments=payments
    )


def line_cents(line: Line) -> int:
    """The discount that a line names, in cents."""
    return int((line.discount or Decimal(0)) * 100)


policies = st.builds(
    replace,
    st.just(POLICY),
    discounts=st.sampled_from(["order", "prices"]),
    payments=st.sampled_from(["recorded", "invoice_total", "none"]),
    max_order_total=st.just(UNLIMITED),
)


@given(documents(), policies)
def test_the_totals_agree_to_the_cent(document: Document, policy: Policy) -> None:
    made = plan_order(make_event(document), LOCATION, CATALOGUE, policy, NOON)
    if isinstance(made, Hold):
        assert made.reason in {Reason.AMOUNT_MISMATCH, Reason.NO_LINE_ITEMS}
        return
    ignored = sum(int(each.amount * 100) for each in document.billing_totals if each.name == "Card Fee")
    assert made.subtotal - made.discount + made.tax + made.gratuity == made.final_total
    assert show(Cents(made.final_total + ignored)) == f"{document.grand_total:f}"
    assert made.subtotal == sum(item.quantity * item.unit_price for item in made.items)


@given(documents())
def test_prices_carry_a_discount_exactly_and_never_fall_below_zero(document: Document) -> None:
    policy = replace(POLICY, discounts="prices", payments="none", max_order_total=UNLIMITED)
    made = plan_order(make_event(document), LOCATION, CATALOGUE, policy, NOON)
    if isinstance(made, Plan):
        amounts = sum(line_amount(line) for line in document.lines)
        sold = [item for item in made.items if item.line != "Delivery Fee"]
        assert sum(item.amount for item in sold) == amounts - document_discount(document)
        assert all(item.unit_price >= 0 and item.quantity >= 1 for item in made.items)
        assert made.discount == 0


@given(st.integers(1, 500), st.integers(0, 10**6), st.data())
def test_a_reduced_portion_keeps_its_units_and_its_amount(quantity: int, price: int, data: st.DataObject) -> None:
    portion = Portion(quantity, Cents(price))
    reduction = Cents(data.draw(st.integers(0, portion.amount)))
    parts = reduce_portion(portion, reduction)
    assert sum(part.quantity for part in parts) == quantity
    assert sum(part.amount for part in parts) == portion.amount - reduction
    assert max(part.unit_price for part in parts) - min(part.unit_price for part in parts) <= 1
    assert min(part.unit_price for part in parts) >= 0


@given(documents(), policies)
def test_a_plan_never_records_more_than_its_total(document: Document, policy: Policy) -> None:
    made = plan_order(make_event(document), LOCATION, CATALOGUE, policy, NOON)
    if isinstance(made, Plan):
        assert 0 <= made.paid <= made.final_total
        assert all(payment.amount > 0 for payment in made.payments)


@given(documents(), policies)
def test_the_same_event_gives_the_same_plan_and_no_uuid_twice(document: Document, policy: Policy) -> None:
    event = make_event(document)
    made = plan_order(event, LOCATION, CATALOGUE, policy, NOON)
    assert made == plan_order(event, LOCATION, CATALOGUE, policy, NOON)
    if isinstance(made, Plan):
        uuids = [step.uuid for step in made.steps]
        assert len(set(uuids)) == len(uuids)
        assert describe_changes(made, made) == []


amounts = (
    st.decimals(-LARGEST, LARGEST, allow_nan=False, allow_infinity=False)
    | st.builds(
        lambda units, places: Decimal(units).scaleb(-places), st.integers(-LARGEST, LARGEST), st.integers(0, 40)
    )
    | st.sampled_from([Decimal("-0"), Decimal("0E-40"), Decimal("1E+11"), Decimal("999999999999.99")])
)
maybe = st.none() | amounts
words = st.text(max_size=30) | names | charge_names
faults = st.lists(st.builds(Fault, st.sampled_from(Reason), words.filter(bool)), max_size=1).map(tuple)
any_documents = st.builds(
    Document,
    id=st.integers(1, 4),
    title=words,
    views=st.lists(words, max_size=2).map(tuple),
    deleted=st.booleans(),
    lines=st.lists(st.builds(Line, words, maybe, maybe, maybe, maybe, words, st.booleans()), max_size=3).map(tuple),
    billing_totals=st.lists(st.builds(BillingTotal, words, amounts), max_size=3).map(tuple),
    discounts_total=maybe,
    grand_total=maybe,
    payments=st.lists(st.builds(PaymentRecord, words, amounts, st.booleans(), amounts), max_size=2).map(tuple),
    faults=faults,
)
any_events = st.builds(
    Event,
    id=st.integers(0, 10**18).map(lambda number: EventId(str(number))),
    name=words,
    status=st.sampled_from(["DEFINITE", "CLOSED", "LOST", "", "?"]),
    deleted=st.booleans(),
    location_id=st.sampled_from([LocationId("30501"), LocationId("7"), None]),
    site_id=st.sampled_from([SiteId("15691"), None]),
    location_name=words,
    day=st.none() | st.dates(),
    starts_at=st.none() | st.datetimes(*ERA, timezones=st.sampled_from([None, UTC])),
    guest_count=st.none() | st.integers(0, LARGEST),
    contact_name=words,
    contact_phone=words,
    grand_total=maybe,
    booking_id=st.none() | words,
    documents=st.lists(any_documents, max_size=3).map(tuple),
    faults=faults,
)
any_policies = st.builds(
    replace, policies, unmapped_items=st.sampled_from(["hold", "fallback"]), order_document=words, name_separator=words
)


@settings(max_examples=300)
@given(any_events, any_policies)
def test_whatever_an_event_holds_it_is_planned_or_held_and_nothing_breaks(event: Event, policy: Policy) -> None:
    outcome = plan_order(event, replace(LOCATION, fallback_product=501), CATALOGUE, policy, NOON)
    assert isinstance(outcome, Plan | Hold)
    assert label_order(event, LOCATION).notes
    if isinstance(outcome, Plan):
        assert 0 <= outcome.paid <= outcome.final_total
        assert outcome.items


@settings(max_examples=300)
@given(st.lists(st.builds(Line, words, maybe, maybe, maybe, maybe), min_size=1, max_size=3), maybe, policies)
def test_whatever_adds_up_is_planned_to_the_cent(drawn: list[Line], discount: Decimal | None, policy: Policy) -> None:
    bare = replace(make_document(*drawn, grand_total="0"), discounts_total=discount)
    named = replace(bare, lines=tuple(replace(line, name="Boxed Lunch") for line in drawn))
    cents = sum(line_amount(line) for line in drawn) - document_discount(bare)
    document = replace(named, grand_total=Decimal(cents) / 100)
    made = plan_order(make_event(document), LOCATION, CATALOGUE, replace(policy, payments="none"), NOON)
    if check_money(document, None) is None and isinstance(made, Plan):
        assert made.final_total == cents
        assert all(item.unit_price >= 0 for item in made.items)


@given(any_events, st.booleans())
def test_whatever_an_event_holds_it_is_screened_and_nothing_breaks(event: Event, ignore_gate: bool) -> None:
    outcome = screen(event, POLICY, NOON, ignore_gate=ignore_gate)
    assert isinstance(outcome, Location | Hold | Skip)
    assert isinstance(outcome, Location) or outcome.text


@given(st.dates(date(2000, 1, 1), date(2100, 12, 31)))
def test_an_event_is_never_both_early_and_past(day: date) -> None:
    outcome = screen(make_event(day=day), POLICY, NOON)
    local = NOON.astimezone(UTC).date()
    if isinstance(outcome, Skip):
        assert (outcome.reason is Reason.TOO_EARLY) == (day > local)
        assert (outcome.reason is Reason.EVENT_DAY_PASSED) == (day < local)
    else:
        assert day == local
