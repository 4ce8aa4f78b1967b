"""What was received: each payment once, of all live documents, and proved by the amount due (DESIGN 4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.planning.make import (
    DAY,
    POLICY,
    hold,
    make_document,
    make_event,
    make_line,
    make_payment,
    plan,
    without_details,
)
from tsrevel.planning.billing import payments_to_record, refunded_of
from tsrevel.planning.model import Document, Event, Fault, Hold, PaymentRecord, Policy
from tsrevel.planning.money import Cents
from tsrevel.planning.reasons import Reason

HUNDRED = make_line(price="100.00")


def order(*payments: PaymentRecord, due: tuple[str, ...] = (), number: int = 1) -> Document:
    """The document that the order is made from: 100.00, with those payments."""
    return make_document(HUNDRED, payments=payments, due=due, number=number)


def beside(*payments: PaymentRecord, number: int = 2, **fields: Any) -> Document:
    """A live document without lines, with those payments."""
    return replace(make_document(payments=payments, number=number), lines=(), **fields)


def recorded(*documents: Document, event_due: str | None = None) -> list[int]:
    """The payments, in cents, of the order that these documents make."""
    event = replace(make_event(*documents), amount_due=None if event_due is None else Decimal(event_due))
    return [payment.amount for payment in plan(event).payments]


def refusal(*documents: Document, event_due: str | None = None) -> str:
    """Why no order is made of them: the money doesn't agree."""
    event = replace(make_event(*documents), amount_due=None if event_due is None else Decimal(event_due))
    found = hold(event)
    assert found.reason is Reason.AMOUNT_MISMATCH
    return found.text


def test_only_what_was_received_is_recorded_less_what_was_refunded_of_it() -> None:
    payments = (
        make_payment("50.00"),
        make_payment("30.00", refunded="10.00"),
        make_payment("20.00", refunded="20.00"),
        make_payment("99.00", paid=False),
    )
    assert recorded(order(*payments)) == [5000, 2000]


def test_payments_of_exactly_the_total_are_recorded() -> None:
    assert recorded(order(make_payment("100.00"))) == [10000]


def test_payments_above_the_total_hold_the_event() -> None:
    text = refusal(order(make_payment("60.00"), make_payment("40.01")))
    assert text == "payments of 100.01 exceed the order's total 100.00"


@pytest.mark.parametrize("payment", [make_payment("10.00", refunded="10.01"), make_payment("-5.00")])
def test_more_refunded_than_paid_holds_the_event(payment: PaymentRecord) -> None:
    text = refusal(order(payment, make_payment("50.00")))
    assert text == f"the refund of payment {payment.id} is more than the payment; correct it in TripleSeat"


# Each once, whichever live document it stands on


def test_a_payment_that_is_listed_twice_counts_once() -> None:
    payment = make_payment("40.00")
    assert recorded(order(payment, payment)) == [4000]
    assert recorded(order(payment), beside(payment)) == [4000]


@pytest.mark.parametrize(
    "other",
    [
        {"amount": Decimal("41.00")},
        {"paid": False},
        {"refunded": Decimal("1.00")},
        {"doubt": "its state is 'odd', so it may or may not be paid"},
    ],
)
def test_a_payment_that_is_listed_twice_and_not_alike_holds_the_event(other: dict[str, Any]) -> None:
    payment = make_payment("40.00", number="77")
    text = refusal(order(payment), beside(replace(payment, **other)))
    assert text == "payment 77 is listed twice with different values; correct it in TripleSeat"


def test_a_deposit_on_another_live_document_counts_though_that_has_no_lines() -> None:
    assert recorded(order(make_payment("10.00")), beside(make_payment("25.00"))) == [1000, 2500]


def test_nothing_on_a_deleted_document_counts() -> None:
    gone = beside(
        make_payment("25.00", doubt="odd"), deleted=True, payment_faults=(Fault(Reason.MISSING_DATA, "unreadable"),)
    )
    assert recorded(order(make_payment("10.00")), gone) == [1000]


def test_payments_that_could_not_be_read_hold_the_event_on_whichever_document() -> None:
    broken = beside(payment_faults=(Fault(Reason.MISSING_DATA, "payments is not a list"),))
    assert without_details(hold(make_event(order(), broken))) == Hold(Reason.MISSING_DATA, "payments is not a list")


@pytest.mark.parametrize(("number", "called"), [("77", "payment 77"), ("", "a payment")])
def test_a_payment_of_which_it_cannot_be_told_holds_the_event_with_what_it_says(number: str, called: str) -> None:
    odd = make_payment("40.00", paid=False, number=number, doubt="its state is 'odd', so it may or may not be paid")
    assert refusal(order(), beside(odd)) == (
        f"{called} (40.00) of document 2: its state is 'odd', so it may or may not be paid; "
        "correct it in TripleSeat, or settle the event by hand"
    )


@pytest.mark.parametrize(("days", "counts"), [(-300, True), (0, True), (1, True), (2, False), (365, False)])
def test_a_payment_of_a_day_to_come_is_none(days: int, counts: bool) -> None:
    document = order(make_payment("40.00", paid_on=DAY + timedelta(days=days)))
    if counts:
        assert recorded(document) == [4000]
    else:
        assert "a future day" in refusal(document)


# The amount due


@pytest.mark.parametrize("due", ["60.00", "100.00"])
def test_the_amount_due_is_what_is_owed_or_the_grand_total(due: str) -> None:
    assert recorded(order(make_payment("40.00"), due=(due, due)), event_due=due) == [4000]


@pytest.mark.parametrize("due", ["59.99", "60.01", "0.00", "140.00", "-60.00"])
def test_any_other_amount_due_holds_the_event(due: str) -> None:
    sums = "grand total 100.00 - payments received 40.00 = 60.00"
    assert refusal(order(make_payment("40.00")), event_due=due).startswith(f"{sums}, but the event says that {due}")
    for dues in [(due,), ("60.00", due)]:
        text = refusal(order(make_payment("40.00"), due=dues))
        assert text == f"{sums}, but document 1 says that {due} is due; correct the payments in TripleSeat"


def test_an_amount_due_of_nothing_holds_an_event_that_nothing_was_paid_of() -> None:
    assert "0.00 is due" in refusal(order(), event_due="0.00")


def test_the_amount_due_counts_what_stands_on_other_documents() -> None:
    assert recorded(order(due=("75.00",)), beside(make_payment("25.00"))) == [2500]
    assert "50.00 is due" in refusal(order(due=("50.00",)), beside(make_payment("25.00")))


def test_the_amount_due_is_of_the_total_that_it_stands_beside() -> None:
    named = replace(order(make_payment("40.00"), due=("60.00",)), title="Order")
    policy = replace(POLICY, order_document="order")
    event = replace(make_event(named, grand_total="250.00"), amount_due=Decimal("210.00"))
    assert plan(event, policy=policy).paid == 4000
    assert hold(replace(event, amount_due=Decimal("60.00")), policy=policy).reason is Reason.AMOUNT_MISMATCH
    nothing_to_compare = replace(event, grand_total=None, amount_due=Decimal("5.00"))
    assert plan(nothing_to_compare, policy=policy).paid == 4000


def test_an_event_without_a_total_of_its_own_owes_what_its_document_says() -> None:
    event = replace(make_event(order(make_payment("40.00")), grand_total=None), amount_due=Decimal("60.00"))
    assert plan(event).paid == 4000
    assert hold(replace(event, amount_due=Decimal("61.00"))).reason is Reason.AMOUNT_MISMATCH


def test_a_document_without_a_total_has_nothing_to_compare_an_amount_due_with() -> None:
    document = replace(order(make_payment("40.00"), due=("1.00",)), grand_total=None)
    assert payments_to_record(make_event(document), document, POLICY, Cents(10000), DAY) == [4000]


# What may be one payment


TWICE = "may show the same payment of 40.00 twice, and no amount due shows which"


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (order(make_payment("40.00", number="")), beside(make_payment("40.00", number=""))),
        (order(make_payment("40.00", number="1")), beside(make_payment("40.00", number=""))),
        (order(make_payment("40.00", number="1")), beside(make_payment("40.00", number="2"))),
    ],
)
def test_two_documents_that_may_show_one_payment_need_an_amount_due_to_tell(here: Document, there: Document) -> None:
    assert f"documents 1 and 2 {TWICE}" in refusal(here, there)
    assert f"documents 1 and 2 {TWICE}" in refusal(here, there, event_due="100.00")
    assert recorded(here, there, event_due="20.00") == [4000, 4000]
    assert "60.00 is due" in refusal(here, there, event_due="60.00")


def test_two_payments_without_an_id_on_one_document_may_be_one() -> None:
    payment = make_payment("40.00", number="")
    assert f"document 1 {TWICE}" in refusal(order(payment, payment))
    assert recorded(order(payment, payment, due=("20.00",))) == [4000, 4000]


@pytest.mark.parametrize(
    "payments",
    [
        (make_payment("40.00", number="1"), make_payment("40.00", number="2")),
        (make_payment("40.00", number=""), make_payment("30.00", number="")),
        (make_payment("40.00", number="", paid_on=DAY), make_payment("40.00", number="", paid_on=DAY - timedelta(1))),
    ],
)
def test_payments_that_can_be_told_apart_all_count(payments: tuple[PaymentRecord, ...]) -> None:
    assert len(recorded(order(*payments))) == 2


def test_what_was_given_back_whole_may_well_stand_twice() -> None:
    payment = make_payment("40.00", number="", refunded="40.00")
    assert recorded(order(payment), beside(payment)) == []


# By the settings


@pytest.mark.parametrize(
    ("policy", "final", "expected"),
    [
        (replace(POLICY, payments="none"), 500, []),
        (replace(POLICY, payments="invoice_total"), 500, [500]),
        (replace(POLICY, payments="invoice_total"), 0, []),
    ],
)
def test_payments_can_be_left_alone_or_taken_as_the_whole_total(
    policy: Policy, final: int, expected: list[int]
) -> None:
    document = order(make_payment("999.00", doubt="odd"), due=("5.00",))
    assert payments_to_record(make_event(document), document, policy, Cents(final), DAY) == expected


def refunded(*payments: PaymentRecord) -> int:
    """What is told as refunded of an event with a document without lines beside its order."""
    return refunded_of(make_event(order(), beside(*payments)))


def test_what_was_refunded_is_read_as_the_payments_are() -> None:
    paid = make_payment("20.00", refunded="5.00")
    assert refunded(paid, paid, replace(paid, id="2", paid=False)) == 500
    assert refunded(paid, replace(paid, amount=Decimal(3))) == 0
    assert refunded_of(replace(make_event(), documents=())) == 0


def test_the_same_event_always_has_the_same_payments() -> None:
    def event() -> Event:
        return make_event(order(make_payment("10.00")), beside(make_payment("25.00")))

    assert plan(event()) == plan(event())
