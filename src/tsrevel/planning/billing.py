"""Lines, discounts and charges as money, and the identity that must hold to the cent (DESIGN 4):

sum of lines - discounts + billing totals = grand total
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from tsrevel.planning.match import Catalogue, Unmatched, match_id, match_name, normalise
from tsrevel.planning.model import BillingTotal, ChargeRule, Document, Hold, Line, Policy, ProductId
from tsrevel.planning.money import ZERO, Cents, allocate, show, to_cents, total
from tsrevel.planning.reasons import Reason
from tsrevel.text import quoted


@dataclass(frozen=True, slots=True)
class Portion:
    """A number of equal units at a price in cents, with what the ticket says beside the product's name."""

    quantity: int
    unit_price: Cents
    note: str = ""

    @property
    def amount(self) -> Cents:
        """What the portion comes to."""
        return Cents(self.quantity * self.unit_price)


@dataclass(frozen=True, slots=True)
class Charges:
    """The billing totals, sorted by what becomes of them. `ignored` stays out of the order."""

    tax: Cents = ZERO
    gratuity: Cents = ZERO
    ignored: Cents = ZERO
    items: tuple[tuple[str, ProductId, Cents], ...] = ()


def line_amount(line: Line) -> Cents:
    """What the line comes to: its total; where it has none, quantity x price; a line without a price is free."""
    if line.total is not None:
        return to_cents(line.total)
    return to_cents((line.price or Decimal(0)) * (Decimal(1) if line.quantity is None else line.quantity))


def order_portion(line: Line) -> Portion | None:
    """The line as units at a price, or as one unit at its amount; None where it sells nothing."""
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
    """`portion` with `reduction` taken off its unit prices, exact to the cent: split in two where it must be."""
    floor, dearer = divmod(portion.amount - reduction, portion.quantity)
    cheap = Portion(portion.quantity - dearer, Cents(floor), portion.note)
    return (cheap, Portion(dearer, Cents(floor + 1), portion.note)) if dearer else (cheap,)


def document_discount(document: Document) -> Cents:
    """What the document takes off its lines, never negative: its sign is uncertain (facts TripleSeat 9)."""
    if document.discounts_total is not None:
        return Cents(abs(to_cents(document.discounts_total)))
    return total([Cents(abs(to_cents(line.discount))) for line in document.lines if line.discount is not None])


def spread_discount(document: Document, discount: Cents) -> list[Cents]:
    """Each line's part of `discount`: what its own line says where that adds up, else in proportion to the amounts."""
    amounts = [line_amount(line) for line in document.lines]
    own = [Cents(abs(to_cents(line.discount or Decimal(0)))) for line in document.lines]
    if total(own) == discount and all(part <= amount for part, amount in zip(own, amounts, strict=True)):
        return own
    return allocate(discount, amounts)


def check_money(document: Document, event_total: Decimal | None) -> Hold | None:
    """Hold the event unless the document adds up to the cent, and to `event_total` where that is given."""
    amounts = [line_amount(line) for line in document.lines]
    charges = [to_cents(charge.amount) for charge in document.billing_totals]
    if document.grand_total is None:
        return Hold(Reason.MISSING_DATA, f"document {document.id} has no grand total to check its lines against")
    signed = zip(document.lines, amounts, strict=True)
    negative = next((line.name for line, amount in signed if min(amount, line.quantity or 0) < 0), None)
    if negative is not None or min(charges, default=0) < 0:
        what = f"line {quoted(negative)}" if negative is not None else "a billing total"
        return _mismatch(f"{what} is below zero; enter it as a discount in TripleSeat")
    lines, discount, grand = total(amounts), document_discount(document), to_cents(document.grand_total)
    if discount > lines:
        return _mismatch(f"the discount {show(discount)} is more than the lines {show(lines)}")
    if lines - discount + total(charges) != grand:
        sums = f"lines {show(lines)} - discounts {show(discount)} + billing totals {show(total(charges))}"
        return _mismatch(
            f"{sums} = {show(Cents(lines - discount + total(charges)))}, not the grand total {show(grand)}"
        )
    if event_total is not None and to_cents(event_total) != grand:
        return _mismatch(f"document {document.id} says {show(grand)}, the event {show(to_cents(event_total))}")
    return None


def sort_charges(document: Document, policy: Policy, catalogue: Catalogue) -> Charges | Hold:
    """What becomes of each billing total, by `policy.charges`. One that nobody listed holds the event."""
    rules = {normalise(rule.match): rule for rule in policy.charges}
    sums: dict[str, Cents] = {"tax": ZERO, "gratuity": ZERO, "ignore": ZERO}
    items = []
    for charge in document.billing_totals:
        amount = to_cents(charge.amount)
        rule = rules.get(normalise(charge.name))
        if amount == 0:
            continue
        if rule is None:
            text = f"nothing says what {quoted(charge.name)} ({show(amount)}) is in Revel; list it under [[charges]]"
            return Hold(Reason.UNKNOWN_CHARGE, text)
        if rule.treat_as == "item":
            product = _charge_product(charge, rule, catalogue)
            if isinstance(product, Unmatched):
                return Hold(Reason.UNMAPPED_ITEMS, f"charge {product}")
            items.append((charge.name, product, amount))
        else:
            sums[rule.treat_as] = Cents(sums[rule.treat_as] + amount)
    return Charges(sums["tax"], sums["gratuity"], sums["ignore"], tuple(items))


def _charge_product(charge: BillingTotal, rule: ChargeRule, catalogue: Catalogue) -> ProductId | Unmatched:
    if rule.product is not None:
        return match_id(charge.name, rule.product, catalogue)
    return match_name(rule.product_name or charge.name, catalogue)


def _mismatch(text: str) -> Hold:
    return Hold(Reason.AMOUNT_MISMATCH, text)
