"""Why a plan is what it is: its document, its lines, its products and its total, each with the rule that led to it.

The rules are those that `plan_order` goes by: this module asks them, and has none of its own.
"""

from __future__ import annotations

import html
from dataclasses import dataclass, replace
from typing import Literal

from tsrevel.planning.billing import document_discount, line_amount, order_portion
from tsrevel.planning.documents import weigh_documents
from tsrevel.planning.model import Document, Event, Hold, Line, Location, Policy, ProductId, Treatment
from tsrevel.planning.money import Cents, show, to_cents, total
from tsrevel.planning.products import Catalogue, How, Unmatched, find_mapped, match_id, match_line, normalise

MatchedHow = How | Literal["fallback"]


@dataclass(frozen=True, slots=True)
class LineReason:
    """A line of the document and the product it becomes. Amounts in cents.

    `how` is None for a line that sells nothing, or that has no product; `why` is in words. Without a catalogue nothing
    is known of products but what a mapping says.
    """

    name: str
    quantity: str
    amount: Cents
    product: ProductId | None
    product_name: str | None
    how: MatchedHow | None
    why: str


@dataclass(frozen=True, slots=True)
class ChargeReason:
    """A tax, fee or gratuity of TripleSeat's, and what it is in Revel; None where no rule says."""

    name: str
    amount: Cents
    treat_as: Treatment | None


@dataclass(frozen=True, slots=True)
class Rationale:
    """The reasons, as far as the event has something to give them for. Amounts in cents."""

    document: Document
    why: str
    lines: tuple[LineReason, ...]
    charges: tuple[ChargeReason, ...]
    lines_total: Cents
    discount: Cents
    charges_total: Cents
    grand_total: Cents | None
    event_total: Cents | None

    @property
    def title(self) -> str:
        """The document's title without the name of the staff that stands in it (facts TripleSeat 3.3)."""
        return self.document.title.rpartition(" | ")[2]

    @property
    def computed(self) -> Cents:
        """What the document's parts come to."""
        return Cents(self.lines_total - self.discount + self.charges_total)

    @property
    def holds(self) -> bool:
        """Whether that is the document's grand total, to the cent."""
        return self.computed == self.grand_total

    @property
    def identity(self) -> str:
        """The identity that must hold, spelt out in money (DESIGN 4)."""
        parts = f"lines {show(self.lines_total)} - discounts {show(self.discount)} + charges {show(self.charges_total)}"
        grand = "grand total " + ("that isn't there" if self.grand_total is None else show(self.grand_total))
        if self.holds:
            return f"{parts} = {grand}"
        return f"{parts} = {show(self.computed)}, not the {grand}"


def give_reasons(
    event: Event, location: Location | None, catalogue: Catalogue | None, policy: Policy
) -> Rationale | None:
    """The reasons for what `plan_order` makes of the event; None where no one document can be chosen."""
    choice = weigh_documents(event, policy.order_document)
    if isinstance(choice.document, Hold):
        return None
    return _reasons_for(choice.document, choice.why, event, location, catalogue, policy)


def give_rivals(
    event: Event, location: Location | None, catalogue: Catalogue | None, policy: Policy
) -> tuple[Rationale, ...]:
    """What each of the documents comes to between which a person must choose; none where there is no such choice."""
    rivals = weigh_documents(event, policy.order_document).rivals
    why = "it is one of those between which a person must choose"
    return tuple(_reasons_for(each, why, event, location, catalogue, policy) for each in rivals)


def _reasons_for(
    document: Document, why: str, event: Event, location: Location | None, catalogue: Catalogue | None, policy: Policy
) -> Rationale:
    rules = {normalise(rule.match): rule.treat_as for rule in policy.charges}
    charges = tuple(
        ChargeReason(each.name, to_cents(each.amount), rules.get(normalise(each.name)))
        for each in document.billing_totals
    )
    return Rationale(
        document=document,
        why=why,
        lines=tuple(_reason_of(line, location, catalogue, policy) for line in document.lines),
        charges=charges,
        lines_total=total([line_amount(line) for line in document.lines]),
        discount=document_discount(document),
        charges_total=total([charge.amount for charge in charges]),
        grand_total=None if document.grand_total is None else to_cents(document.grand_total),
        event_total=None if event.grand_total is None else to_cents(event.grand_total),
    )


_WORDS: dict[MatchedHow, str] = {
    "menu_item": "a mapping of its menu item names that product",
    "mapped_name": "a mapping of its name names that product",
    "exact_name": "it is the only active product with exactly that name",
    "fallback": "it has no product of its own, so the location's fallback_product is used",
}


def _reason_of(line: Line, location: Location | None, catalogue: Catalogue | None, policy: Policy) -> LineReason:
    quantity = "1" if line.quantity is None else f"{line.quantity.normalize():f}"
    bare = LineReason(line.name, quantity, line_amount(line), None, None, None, "")
    if order_portion(line) is None:
        return replace(bare, why="its quantity is 0, so it is left out")
    if location is None or catalogue is None:
        return replace(bare, why="its product is in Revel's catalogue, and Revel was not asked")
    how: MatchedHow = find_mapped(line, policy, catalogue.establishment).how
    found = match_line(line, policy, catalogue)
    why_unmatched = str(found)
    if isinstance(found, Unmatched) and policy.unmapped_items == "fallback" and location.fallback_product:
        how, found = "fallback", match_id(line.name, ProductId(location.fallback_product), catalogue)
    if isinstance(found, Unmatched):
        return replace(bare, why=why_unmatched)
    name = html.unescape(catalogue.names[found])
    why = _WORDS[how]
    if how == "exact_name" and normalise(line.name) != normalise(name):
        why = "it begins with the name of exactly one active product"
    return replace(bare, product=found, product_name=name, how=how, why=why)
