"""Lines, discounts and charges as money, and the identity that must hold to the cent (DESIGN 4):

sum of lines - discounts + billing totals = grand total
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import combinations

from tsrevel.planning.documents import is_named
from tsrevel.planning.model import (
    CHARGE_FIELDS,
    Document,
    Event,
    Hold,
    Line,
    PaymentRecord,
    Policy,
    ProductId,
    hold_faults,
)
from tsrevel.planning.money import ZERO, Cents, allocate, show, to_cents, total
from tsrevel.planning.products import Catalogue, Unmatched, match_id, match_name, normalise
from tsrevel.planning.reasons import Reason
from tsrevel.text import quoted


@dataclass(frozen=True, slots=True)
class Portion:
    """A number of equal units at a price in cents. `note` appears beside the product's name on the ticket."""

    quantity: int
    unit_price: Cents
    note: str = ""

    @property
    def amount(self) -> Cents:
        return Cents(self.quantity * self.unit_price)


@dataclass(frozen=True, slots=True)
class Charges:
    """The billing totals in the order: the sum for each field, and those that become items."""

    fields: Mapping[str, Cents]
    items: tuple[tuple[str, ProductId, Cents], ...] = ()


def line_amount(line: Line) -> Cents:
    """The line's total, else quantity x price. A line with neither total nor price is free."""
    return line_amounts([line])[0]


def line_amounts(lines: Iterable[Line]) -> list[Cents]:
    """The amount of each of these lines."""
    return [
        to_cents(line.total)
        if line.total is not None
        else to_cents((line.price or Decimal(0)) * (Decimal(1) if line.quantity is None else line.quantity))
        for line in lines
    ]


def order_portion(line: Line) -> Portion | None:
    """The line as units at a price, or as one unit at its amount; None if it sells nothing."""
    amount = line_amount(line)
    if line.quantity == 0 and amount == 0:
        return None
    if line.quantity is None or line.quantity == 1:
        return Portion(1, amount)
    exact = line.price or Decimal(0)
    price = to_cents(exact)
    if line.quantity > 0 and line.quantity % 1 == 0 and price == exact * 100 and line.quantity * price == amount:
        return Portion(int(line.quantity), price)
    return Portion(1, amount, note=f"{line.quantity.normalize():f} x {line.name}")


def reduce_portion(portion: Portion, reduction: Cents) -> tuple[Portion, ...]:
    """Takes `reduction` off the unit prices, exact to the cent. The result has two parts if the price can't be even."""
    floor, dearer = divmod(portion.amount - reduction, portion.quantity)
    cheap = Portion(portion.quantity - dearer, Cents(floor), portion.note)
    return (cheap, Portion(dearer, Cents(floor + 1), portion.note)) if dearer else (cheap,)


def document_discount(document: Document) -> Cents:
    """The discount on the document's lines, never negative: its sign is uncertain (facts TripleSeat 9)."""
    if document.discounts_total is not None:
        return Cents(abs(to_cents(document.discounts_total)))
    return total([Cents(abs(to_cents(line.discount))) for line in document.lines if line.discount is not None])


def spread_discount(document: Document, discount: Cents) -> list[Cents]:
    """Each line's part of `discount`: the lines' own discounts if they add up, else in proportion to the amounts."""
    amounts = line_amounts(document.lines)
    own = [Cents(abs(to_cents(line.discount or Decimal(0)))) for line in document.lines]
    if total(own) == discount and all(part <= amount for part, amount in zip(own, amounts, strict=True)):
        return own
    return allocate(discount, amounts)


def portion_lines(document: Document, discount: Cents) -> list[tuple[Line, tuple[Portion, ...]]]:
    """Each line that sells something, as units at a price less its part of `discount`."""
    parts = zip(document.lines, map(order_portion, document.lines), spread_discount(document, discount), strict=True)
    return [(line, reduce_portion(portion, part)) for line, portion, part in parts if portion]


def check_money(document: Document, event_total: Decimal | None) -> Hold | None:
    """Holds the event unless the document adds up to the cent, and to `event_total` if that is given."""
    amounts = line_amounts(document.lines)
    charges = [to_cents(charge.amount) for charge in document.billing_totals]
    if document.grand_total is None:
        return Hold(
            Reason.MISSING_DATA,
            f"document {document.id} has no grand total, so its lines can't be checked; publish it again in TripleSeat",
        )
    signed = zip(document.lines, amounts, strict=True)
    negative = next((line.name for line, amount in signed if min(amount, line.quantity or 0) < 0), None)
    if negative is not None or min(charges, default=0) < 0:
        what = f"line {quoted(negative)}" if negative is not None else "a billing total"
        return _mismatch(f"{what} is below zero; enter it as a discount in TripleSeat", negative or "")
    lines, discount, grand = total(amounts), document_discount(document), to_cents(document.grand_total)
    if discount > lines:
        return _mismatch(f"the discount {show(discount)} is more than the lines {show(lines)}", discount, lines)
    if lines - discount + total(charges) != grand:
        sums = f"lines {show(lines)} - discounts {show(discount)} + billing totals {show(total(charges))}"
        found = Cents(lines - discount + total(charges))
        return _mismatch(f"{sums} = {show(found)}, not the grand total {show(grand)}", found, grand)
    if event_total is not None and to_cents(event_total) != grand:
        other = to_cents(event_total)
        return _mismatch(f"document {document.id} says {show(grand)}, the event {show(other)}", grand, other)
    return None


def sort_charges(document: Document, policy: Policy, catalogue: Catalogue) -> Charges | Hold:
    """Sorts the billing totals by `policy.charges`. One that no rule names holds the event."""
    rules = {normalise(rule.match): rule for rule in policy.charges}
    fields: dict[str, Cents] = dict.fromkeys(CHARGE_FIELDS, ZERO)
    items = []
    for charge in document.billing_totals:
        amount = to_cents(charge.amount)
        rule = rules.get(normalise(charge.name))
        if amount == 0:
            continue
        if rule is None:
            text = f"no [[charges]] entry has the name {quoted(charge.name)} ({show(amount)}); add one"
            return Hold(Reason.UNKNOWN_CHARGE, text, (charge.name, show(amount)))
        if rule.treat_as == "item":
            if rule.product is not None:
                product = match_id(charge.name, rule.product, catalogue)
            else:
                product = match_name(rule.product_name or charge.name, catalogue)
            if isinstance(product, Unmatched):
                where = f"charge {quoted(charge.name)} has no product at establishment {catalogue.establishment}"
                text = f"{where}: {product}; correct its product in [[charges]], or create the product in Revel"
                return Hold(Reason.UNMAPPED_ITEMS, text, (product.name,))
            items.append((charge.name, product, amount))
        elif rule.treat_as != "ignore":
            fields[rule.treat_as] = Cents(fields[rule.treat_as] + amount)
    return Charges(fields, tuple(items))


def _mismatch(text: str, *details: Cents | str) -> Hold:
    return Hold(Reason.AMOUNT_MISMATCH, text, tuple(map(str, details)))


_CLOCKS_APART = timedelta(days=1)
"""A payment's day is by the site's or the payment service's clock: it may be a day ahead of the location's."""


@dataclass(frozen=True, slots=True)
class _Listed:
    """A payment, the id of its document, and in `net` its amount less its refunds."""

    document: int
    payment: PaymentRecord
    net: Cents

    @property
    def likeness(self) -> tuple[object, ...]:
        """Equal for two rows that may be the same payment."""
        return (self.payment.amount, self.payment.refunded, self.payment.paid_on)


def payments_to_record(
    event: Event, document: Document, policy: Policy, final_total: Cents, today: date
) -> list[Cents] | Hold:
    """The payments to record on an order of `final_total` made from `document`, in cents, as `policy.payments` says.

    Only "recorded" uses TripleSeat's payments and amounts due; the other settings ignore them. `today` is the
    location's day.
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
    """Each received payment once, in the order of the documents; a Hold if that is unclear."""
    live = [document for document in event.documents if not document.deleted]
    faults = hold_faults([fault for document in live for fault in document.payment_faults])
    if faults:
        return faults
    once: dict[str, PaymentRecord] = {}
    listed = []
    for document in live:
        for payment in document.payments:
            known = once.get(payment.id)
            if known and _tells(known) != _tells(payment):
                text = f"payment {payment.id} is listed twice with different values; correct it in TripleSeat"
                return _mismatch(text, payment.id)
            if known is None:
                listed.append(_Listed(document.id, payment, to_cents(payment.amount - payment.refunded)))
            if payment.id:
                once[payment.id] = payment
    doubtful = next((each for each in listed if each.payment.doubt), None)
    if doubtful:
        number = f"payment {doubtful.payment.id}" if doubtful.payment.id else "a payment"
        what = f"{number} ({show(to_cents(doubtful.payment.amount))}) of document {doubtful.document}"
        text = f"{what}: {doubtful.payment.doubt}; correct it in TripleSeat, or settle the event by hand"
        return _mismatch(text, doubtful.payment.id, to_cents(doubtful.payment.amount))
    return tuple(each for each in listed if each.payment.paid)


def refunded_of(event: Event) -> Cents:
    """The sum refunded of the received payments, in cents."""
    received = received_payments(event)
    return ZERO if isinstance(received, Hold) else total([to_cents(each.payment.refunded) for each in received])


def _tells(payment: PaymentRecord) -> tuple[object, ...]:
    return (payment.amount, payment.paid, payment.refunded, payment.doubt)


def _find_fault(received: tuple[_Listed, ...], final_total: Cents, today: date) -> Hold | None:
    for each in received:
        number = f"payment {each.payment.id}" if each.payment.id else "a payment"
        if each.net < 0:
            return _mismatch(f"the refund of {number} is more than the payment; correct it in TripleSeat", each.net)
        if each.net and each.payment.paid_on and each.payment.paid_on > today + _CLOCKS_APART:
            day = each.payment.paid_on
            return _mismatch(f"{number} has the payment date {day}, a future day; correct it in TripleSeat", str(day))
    paid = total([each.net for each in received])
    if paid > final_total:
        return _mismatch(f"payments of {show(paid)} exceed the order's total {show(final_total)}", paid, final_total)
    return None


def _check_amount_due(event: Event, document: Document, policy: Policy, received: tuple[_Listed, ...]) -> Hold | None:
    """Holds the event unless each amount due is what is still owed, or the whole total (facts TripleSeat 3.3).

    Two rows that may be the same payment need an amount due that counts both.
    """
    paid = total([each.net for each in received])
    confirmed = False
    for what, due, grand in _amounts_due(event, document, policy):
        if due not in {grand, grand - paid}:
            sums = f"grand total {show(grand)} - payments received {show(paid)} = {show(Cents(grand - paid))}"
            text = f"{sums}, but {what} says that {show(due)} is due; correct the payments in TripleSeat"
            return _mismatch(text, grand, paid, due)
        confirmed = confirmed or due == grand - paid
    for one, other in combinations(received, 2):
        apart = one.document != other.document or not (one.payment.id and other.payment.id)
        if apart and one.net and one.likeness == other.likeness and not confirmed:
            where = f"document {one.document}"
            if one.document != other.document:
                where = f"documents {one.document} and {other.document}"
            amount = to_cents(one.payment.amount)
            text = f"{where} may show the same payment of {show(amount)} twice, and no amount due shows which"
            return _mismatch(f"{text}; remove one in TripleSeat, or settle the event by hand", amount)
    return None


def _amounts_due(event: Event, document: Document, policy: Policy) -> Iterator[tuple[str, Cents, Cents]]:
    """Each amount due in TripleSeat: who says it, the amount, and the grand total to compare it with."""
    if document.grand_total is not None:
        for due in document.amounts_due:
            yield f"document {document.id}", to_cents(due), to_cents(document.grand_total)
    whole = event.grand_total
    if whole is None and not is_named(document, policy.order_document):
        whole = document.grand_total
    if event.amount_due is not None and whole is not None:
        yield "the event", to_cents(event.amount_due), to_cents(whole)
