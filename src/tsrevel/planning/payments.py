"""The payments of an event: what was received, each payment once, and the identity that proves it (DESIGN 4):

grand total - payments received = amount due

They belong to the event, whichever of its live documents they stand on, one without lines included.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations

from tsrevel.planning.documents import is_named
from tsrevel.planning.model import Document, Event, Hold, PaymentRecord, Policy
from tsrevel.planning.money import ZERO, Cents, show, to_cents, total
from tsrevel.planning.reasons import Reason

_CLOCKS_APART = timedelta(days=1)
"""A payment's day is the site's, or the payment service's: it may be a day ahead of the location's."""


@dataclass(frozen=True, slots=True)
class _Listed:
    """A payment and the document it stands on."""

    document: int
    payment: PaymentRecord

    @property
    def net(self) -> Cents:
        """What is left of it."""
        return _net(self.payment)

    @property
    def likeness(self) -> tuple[object, ...]:
        """What two rows share that may be one payment."""
        return (self.payment.amount, self.payment.refunded, self.payment.paid_on)


def payments_to_record(
    event: Event, document: Document, policy: Policy, final_total: Cents, today: date
) -> list[Cents] | Hold:
    """The payments to record on an order of `final_total` made from `document`, in cents, as `policy.payments` says.

    Only "recorded" goes by TripleSeat's payments; otherwise they, and the amount due, are not looked at: nothing of
    them reaches the order. `today` is the location's day.
    """
    if policy.payments == "none":
        return []
    if policy.payments == "invoice_total":
        return [final_total] if final_total else []
    received = received_payments(event)
    if isinstance(received, Hold):
        return received
    return (
        _find_fault(received, final_total, today)
        or _check_amount_due(event, document, policy, received)
        or [each.net for each in received if each.net]
    )


def received_payments(event: Event) -> tuple[_Listed, ...] | Hold:
    """Each payment that was received, once, in the order of the documents; or why that can't be told."""
    faults = [fault for document in _live(event) for fault in document.payment_faults]
    if faults:
        return Hold(faults[0].reason, "; ".join(fault.text for fault in faults))
    once: dict[str, PaymentRecord] = {}
    listed = []
    for document in _live(event):
        for payment in document.payments:
            known = once.get(payment.id)
            if known and _tells(known) != _tells(payment):
                return _mismatch(f"payment {payment.id} is listed twice and not alike; correct it in TripleSeat")
            if known is None:
                listed.append(_Listed(document.id, payment))
            if payment.id:
                once[payment.id] = payment
    doubtful = next((each for each in listed if each.payment.doubt), None)
    if doubtful:
        number = f"payment {doubtful.payment.id}" if doubtful.payment.id else "a payment"
        what = f"{number} ({show(to_cents(doubtful.payment.amount))}) of document {doubtful.document}"
        return _mismatch(f"{what}: {doubtful.payment.doubt}; correct it in TripleSeat, or settle the event by hand")
    return tuple(each for each in listed if each.payment.paid)


def refunded_of(event: Event) -> Cents:
    """What was given back of the payments that were received, in cents."""
    received = received_payments(event)
    return ZERO if isinstance(received, Hold) else total([to_cents(each.payment.refunded) for each in received])


def _live(event: Event) -> Iterator[Document]:
    return (document for document in event.documents if not document.deleted)


def _net(payment: PaymentRecord) -> Cents:
    return to_cents(payment.amount - payment.refunded)


def _tells(payment: PaymentRecord) -> tuple[object, ...]:
    return (payment.amount, payment.paid, payment.refunded, payment.doubt)


def _find_fault(received: tuple[_Listed, ...], final_total: Cents, today: date) -> Hold | None:
    for each in received:
        number = f"payment {each.payment.id}" if each.payment.id else "a payment"
        if each.net < 0:
            return _mismatch(f"more was refunded of {number} than was paid; correct it in TripleSeat")
        if each.net and each.payment.paid_on and each.payment.paid_on > today + _CLOCKS_APART:
            return _mismatch(f"{number} is paid on {each.payment.paid_on}, which is yet to come; correct its date")
    paid = total([each.net for each in received])
    if paid > final_total:
        return _mismatch(f"payments of {show(paid)} exceed the order's total {show(final_total)}")
    return None


def _check_amount_due(event: Event, document: Document, policy: Policy, received: tuple[_Listed, ...]) -> Hold | None:
    """Hold the event unless each amount due is what is still owed, or the whole total (facts TripleSeat 3.3).

    Two payments that may be one need an amount due that counts both.
    """
    paid = total([each.net for each in received])
    confirmed = False
    for what, due, grand in _amounts_due(event, document, policy):
        if due not in {grand, grand - paid}:
            sums = f"grand total {show(grand)} - payments received {show(paid)} = {show(Cents(grand - paid))}"
            return _mismatch(f"{sums}, but {what} says that {show(due)} is due; correct the payments in TripleSeat")
        confirmed = confirmed or due == grand - paid
    for one, other in combinations(received, 2):
        apart = one.document != other.document or not (one.payment.id and other.payment.id)
        if apart and one.net and one.likeness == other.likeness and not confirmed:
            where = (
                f"document {one.document}"
                if one.document == other.document
                else (f"documents {one.document} and {other.document}")
            )
            text = f"{where} may show one payment of {show(to_cents(one.payment.amount))} twice"
            return _mismatch(f"{text}, and no amount due tells; remove one in TripleSeat, or settle the event by hand")
    return None


def _amounts_due(event: Event, document: Document, policy: Policy) -> Iterator[tuple[str, Cents, Cents]]:
    """Each amount due that TripleSeat tells, what tells it, and the grand total it is to be compared with."""
    if document.grand_total is not None:
        for due in document.amounts_due:
            yield f"document {document.id}", to_cents(due), to_cents(document.grand_total)
    whole = event.grand_total
    if whole is None and not is_named(document, policy.order_document):
        whole = document.grand_total
    if event.amount_due is not None and whole is not None:
        yield "the event", to_cents(event.amount_due), to_cents(whole)


def _mismatch(text: str) -> Hold:
    return Hold(Reason.AMOUNT_MISMATCH, text)
