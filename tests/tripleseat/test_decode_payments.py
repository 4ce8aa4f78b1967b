"""Which payments mean that money was received (facts TripleSeat 3.3, 9)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tsrevel.planning.model import Document, PaymentRecord
from tsrevel.planning.reasons import Reason
from tsrevel.tripleseat.decode import Doubt, decode_event


def document(*payments: Any, **fields: Any) -> Document:
    """A document with those payments."""
    row = {"id": 7, "payment_set": {"payments": list(payments)}, **fields}
    (found,) = decode_event({"id": 1, "documents": [row]}).documents
    return found


def payment(**fields: Any) -> PaymentRecord:
    """A payment of 200.00 that was paid, with those changes."""
    row = {"id": 3, "amount": "200.0", "state": "paid", "paid_at": "11/18/2026", **fields}
    (found,) = document(row).payments
    return found


def counts(**fields: Any) -> bool | str:
    """Whether the payment counts, or why that can't be told."""
    found = payment(**fields)
    assert not (found.paid and found.doubt)
    return found.doubt or found.paid


def test_a_payment_that_was_received_counts_with_its_day() -> None:
    assert payment() == PaymentRecord("3", Decimal("200.0"), paid=True, paid_on=date(2026, 11, 18))


@pytest.mark.parametrize(
    "state",
    [
        *("paid", "PAID", " Paid ", "pa\u200did", "captured", "settled", "succeeded", "completed", "received"),
        *("paid_in_full", "Fully-Paid", "collected"),
    ],
)
def test_a_state_that_plainly_means_money_counts(state: str) -> None:
    assert counts(state=state) is True


NO_MONEY = [
    *("unpaid", "Not Paid", "due", "PAST_DUE", "overdue", "open", "pending", "scheduled", "processing", "requested"),
    *("authorized", "Authorised", "pre-authorized", "uncaptured", "void", "Voided", "cancelled", "canceled", "expired"),
    *("declined", "FAILED", "rejected", "returned", "bounced", "error", "deleted"),
    *("chargeback", "charge_back", "charged-back", "reversed", "reversal", "disputed", "in dispute"),
]


@pytest.mark.parametrize("state", NO_MONEY)
@pytest.mark.parametrize("paid_at", ["11/18/2026", None, "n/a"])
def test_a_state_that_plainly_means_no_money_does_not_count_whatever_else_stands_there(
    state: str, paid_at: str | None
) -> None:
    assert counts(state=state, paid_at=paid_at, unpaid_at=None) is False
    assert counts(state=state, paid_at=paid_at, unpaid_at="soon", amount=None, amount_refunded="x") is False


@pytest.mark.parametrize("state", ["quasi_settled", "partially paid", "approved", "refund_issued", "\U0001f4b0", 7])
@pytest.mark.parametrize("paid_at", ["11/18/2026", None])
def test_a_state_that_nobody_knows_is_a_doubt_that_quotes_it(state: Any, paid_at: str | None) -> None:
    found = payment(state=state, paid_at=paid_at)
    assert not found.paid
    assert repr(str(state)) in found.doubt


@pytest.mark.parametrize("state", [{"name": "paid"}, ["paid"], True])
def test_a_state_that_is_no_text_is_a_doubt(state: Any) -> None:
    assert counts(state=state) == Doubt.STATE_NOT_TEXT


def test_a_long_state_is_quoted_in_part() -> None:
    assert repr("odd " * 9 + "odd…") in payment(state="odd " * 99).doubt


# Without a state


@pytest.mark.parametrize("state", [None, "", "  ", False])
@pytest.mark.parametrize(
    ("paid_at", "expected"),
    [
        ("11/18/2026", True),
        ("2026-11-18T10:00:00-08:00", True),
        (None, False),
        ("", False),
        (False, False),
        ("n/a", Doubt.PAID_AT_NOT_A_DATE),
        (0, Doubt.PAID_AT_NOT_A_DATE),
        ("0", Doubt.PAID_AT_NOT_A_DATE),
        ("false", Doubt.PAID_AT_NOT_A_DATE),
        (True, Doubt.PAID_AT_NOT_A_DATE),
        ("1/1/1970", Doubt.PAID_AT_NOT_A_DATE),
    ],
)
def test_without_a_state_only_a_real_day_counts(state: Any, paid_at: Any, expected: bool | str) -> None:
    assert counts(state=state, paid_at=paid_at) == expected


@pytest.mark.parametrize("marks", [{"refunded_at": "11/19/2026"}, {"amount_refunded": "20.0"}])
def test_a_refund_of_what_nothing_calls_paid_is_a_doubt(marks: dict[str, str]) -> None:
    assert counts(state="", paid_at=None, **marks) == Doubt.PAID_WITHOUT_DAY


# What speaks against it


@pytest.mark.parametrize(("paid_at", "expected"), [(None, Doubt.PAID_WITHOUT_DAY), ("n/a", Doubt.PAID_AT_NOT_A_DATE)])
def test_paid_without_a_day_is_a_doubt(paid_at: Any, expected: str) -> None:
    assert counts(paid_at=paid_at) == expected


@pytest.mark.parametrize(
    ("unpaid_at", "with_state", "without"),
    [
        ("11/17/2026", True, True),
        ("11/18/2026", True, Doubt.PAID_AND_UNPAID),
        ("11/19/2026", Doubt.PAID_AND_UNPAID, False),
        ("yes", Doubt.PAID_AND_UNPAID, Doubt.PAID_AND_UNPAID),
        (None, True, True),
    ],
)
def test_what_was_taken_back_does_not_count(unpaid_at: Any, with_state: bool | str, without: bool | str) -> None:
    assert counts(unpaid_at=unpaid_at) == with_state
    assert counts(unpaid_at=unpaid_at, state="") == without


@pytest.mark.parametrize(
    ("deleted_at", "expected"),
    [
        ("11/19/2026", False),
        (True, False),
        (None, True),
        (False, True),
        ("n/a", Doubt.DELETED_AT_NOT_A_DATE),
        (0, Doubt.DELETED_AT_NOT_A_DATE),
    ],
)
def test_a_deleted_payment_never_counts(deleted_at: Any, expected: bool | str) -> None:
    assert counts(deleted_at=deleted_at) == expected


@pytest.mark.parametrize("amount", [None, "", "lots"])
def test_a_payment_that_counts_needs_an_amount(amount: Any) -> None:
    assert counts(amount=amount) == Doubt.NO_AMOUNT
    assert counts(amount=amount, state="unpaid") is False


def test_an_amount_of_less_than_a_cent_is_never_rounded_into_money() -> None:
    assert counts(amount="20.005") == Doubt.FRACTION_OF_A_CENT
    assert counts(amount="20.0500") is True


# Refunds


@pytest.mark.parametrize(
    ("fields", "refunded"),
    [
        ({}, "0"),
        ({"amount_refunded": "0.0"}, "0"),
        ({"amount_refunded": "50.0"}, "50"),
        ({"amount_refunded": "-50.0"}, "50"),
        ({"amount_refunded": -50}, "50"),
        ({"amount_refunded": "50.0", "refunded_at": "11/19/2026", "state": "refunded"}, "50"),
        ({"amount_refunded": "50.0", "state": "Partially_Refunded"}, "50"),
        ({"amount_refunded": "250.0"}, "250"),
        ({"state": "Refunded"}, "200"),
        ({"state": "fully refunded", "paid_at": None, "unpaid_at": "soon"}, "200"),
        ({"state": "refunded", "paid_at": "n/a", "amount_refunded": "-200"}, "200"),
    ],
)
def test_a_refund_is_what_it_says_by_its_absolute_value(fields: dict[str, Any], refunded: str) -> None:
    found = payment(**fields)
    assert (found.paid, found.refunded, found.doubt) == (True, Decimal(refunded), "")


@pytest.mark.parametrize(
    "fields",
    [
        {"refunded_at": "11/19/2026"},
        {"refunded_at": "11/19/2026", "amount_refunded": "0.0"},
        {"state": "partially refunded"},
        {"state": "refunded", "amount_refunded": "0"},
    ],
)
def test_a_refund_of_nobody_knows_how_much_is_a_doubt(fields: dict[str, Any]) -> None:
    assert counts(**fields) == Doubt.REFUND_WITHOUT_AMOUNT


def test_a_refund_that_is_no_number_is_a_doubt() -> None:
    assert counts(amount_refunded="some") == Doubt.REFUND_NOT_A_NUMBER


# The list, and what is still owed


def test_rows_that_are_no_payments_are_faults_of_the_payments_alone() -> None:
    found = document(7, {"id": [], "state": "paid", "amount": "5.0", "paid_at": "11/18/2026"})
    assert [fault.reason for fault in found.payment_faults] == [Reason.MISSING_DATA] * 2
    assert found.faults == ()


@pytest.mark.parametrize("nothing", [None, "", "n/a", [], {}])
def test_an_amount_due_that_is_no_number_is_none(nothing: Any) -> None:
    found = document(financials={"amount_due": nothing}, payment_set={"amount_due": nothing, "payments": []})
    assert (found.amounts_due, found.faults, found.payment_faults) == ((), (), ())
    event = decode_event({"id": 1, "amount_due": nothing})
    assert (event.amount_due, event.faults) == (None, ())


def test_every_amount_due_is_read() -> None:
    found = document(financials={"amount_due": "60.0"}, payment_set={"amount_due": 59.5, "payments": []})
    assert found.amounts_due == (Decimal("60.0"), Decimal("59.5"))
    assert decode_event({"id": 1, "amount_due": "$1,060.00"}).amount_due == Decimal("1060.00")
