"""Explains a plan: its document, lines, products and total, each with the rule that led to it.

The rules are those of `plan_order`: this module calls them, and has none of its own.
"""

from __future__ import annotations

import html
from dataclasses import dataclass, replace
from typing import Literal

from tsrevel.planning.billing import document_discount, line_amount, line_amounts, order_portion
from tsrevel.planning.documents import weigh_documents
from tsrevel.planning.model import Document, Event, Hold, Line, Location, Policy, ProductId, Treatment
from tsrevel.planning.money import Cents, show, to_cents, total
from tsrevel.planning.products import Catalogue, MatchedBy, Unmatched, match_or_fall_back, normalise

How = Literal["menu_item", "mapped_name", "exact_name", "fallback"]


@dataclass(frozen=True, slots=True)
class LineReason:
    """A line of the document and the product it becomes. Amounts in cents.

    `how` is None for a line that sells nothing or has no product, and for all lines without a catalogue. `why` is in
    words.
    """

    name: str
    quantity: str
    amount: Cents
    product: ProductId | None
    product_name: str | None
    how: How | None
    why: str


@dataclass(frozen=True, slots=True)
class ChargeReason:
    """A tax, fee or gratuity in TripleSeat. `treat_as` is what it becomes in Revel; None if no rule names it."""

    name: str
    amount: Cents
    treat_as: Treatment | None


@dataclass(frozen=True, slots=True)
class Rationale:
    """The document, lines and sums of a plan, with the reason for each. Amounts in cents."""

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
        """The document's title without the staff's name in it (facts TripleSeat 3.3)."""
        return self.document.title.rpartition(" | ")[2]

    @property
    def computed(self) -> Cents:
        """The lines less the discount plus the charges."""
        return Cents(self.lines_total - self.discount + self.charges_total)

    @property
    def holds(self) -> bool:
        """Whether `computed` is the document's grand total, to the cent."""
        return self.computed == self.grand_total

    @property
    def identity(self) -> str:
        """The identity that must hold, with its amounts (DESIGN 4)."""
        parts = f"lines {show(self.lines_total)} - discounts {show(self.discount)} + charges {show(self.charges_total)}"
        if self.grand_total is None:
            return f"{parts} = {show(self.computed)}, but the document has no grand total"
        grand = f"grand total {show(self.grand_total)}"
        return f"{parts} = {grand}" if self.holds else f"{parts} = {show(self.computed)}, not the {grand}"


def give_reasons(
    event: Event, location: Location | None, catalogue: Catalogue | None, policy: Policy
) -> Rationale | None:
    """The reasons for what `plan_order` makes of the event; None if it can't choose one document."""
    choice = weigh_documents(event, policy.order_document)
    if isinstance(choice.document, Hold):
        return None
    return _reasons_for(choice.document, choice.why, event, location, catalogue, policy)


def give_rivals(
    event: Event, location: Location | None, catalogue: Catalogue | None, policy: Policy
) -> tuple[Rationale, ...]:
    """The same for each document between which a person must choose; empty if there is no such choice."""
    rivals = weigh_documents(event, policy.order_document).rivals
    why = "it is one of the documents between which a person must choose"
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
        lines_total=total(line_amounts(document.lines)),
        discount=document_discount(document),
        charges_total=total([charge.amount for charge in charges]),
        grand_total=None if document.grand_total is None else to_cents(document.grand_total),
        event_total=None if event.grand_total is None else to_cents(event.grand_total),
    )


_RULES: dict[MatchedBy, tuple[How, str]] = {
    MatchedBy.MENU_ITEM: ("menu_item", "its menu item is mapped to that product"),
    MatchedBy.NAME: ("mapped_name", "its name is mapped to that product"),
    MatchedBy.EXACT_NAME: ("exact_name", "exactly one active product has its name"),
    MatchedBy.NAME_BEFORE_SEPARATOR: ("exact_name", "it begins with the name of exactly one active product"),
    MatchedBy.FALLBACK: ("fallback", "it has no product of its own, so the location's fallback_product is used"),
}


def _reason_of(line: Line, location: Location | None, catalogue: Catalogue | None, policy: Policy) -> LineReason:
    quantity = "1" if line.quantity is None else f"{line.quantity.normalize():f}"
    bare = LineReason(line.name, quantity, line_amount(line), None, None, None, "")
    if order_portion(line) is None:
        return replace(bare, why="its quantity is 0, so it is left out")
    if location is None or catalogue is None:
        return replace(bare, why="its product is unknown, because Revel's catalogue was not read")
    match = match_or_fall_back(line, location, policy, catalogue)
    found, (how, why) = match.found, _RULES[match.by]
    if isinstance(found, Unmatched):
        return replace(bare, why=str(found))
    return replace(bare, product=found, product_name=html.unescape(catalogue.names[found]), how=how, why=why)
