"""Plans the complete order from one event, location, catalogue and the policy, or says why not (Hold)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from tsrevel.planning import identity
from tsrevel.planning.billing import (
    Charges,
    Portion,
    check_money,
    document_discount,
    line_amount,
    order_portion,
    payments_to_record,
    portion_lines,
    sort_charges,
    spread_discount,
)
from tsrevel.planning.changes import EventDetails
from tsrevel.planning.documents import choose_document, is_named
from tsrevel.planning.model import (
    Document,
    Event,
    Hold,
    Item,
    Labels,
    Line,
    Location,
    PaymentsOption,
    Plan,
    PlannedPayment,
    Policy,
    ProductId,
    hold_faults,
    subtotal_of,
)
from tsrevel.planning.money import ZERO, Cents, show
from tsrevel.planning.products import Catalogue, Match, MatchedBy, Unmatched, match_or_fall_back, normalise
from tsrevel.planning.reasons import Reason
from tsrevel.planning.screening import event_day, local_start
from tsrevel.text import MOST_CALL_NAME, MOST_NAME_OVERRIDE, MOST_NOTES, MOST_PHONE, MOST_SPECIAL_REQUEST, shorten


def plan_order(event: Event, location: Location, catalogue: Catalogue, policy: Policy, now: datetime) -> Plan | Hold:
    """The order for a screened event: every item, discount, charge and payment to the cent; else a Hold."""
    zone = ZoneInfo(location.timezone)
    day = event_day(event, zone)
    if day is None:
        return Hold(Reason.MISSING_DATA, "the event has no date; set one in TripleSeat")
    foreign = _foreign_currency(event, location)
    if foreign:
        return foreign
    document = choose_document(event, policy.order_document)
    if isinstance(document, Hold):
        return document
    faults = hold_faults(document.faults)
    if faults:
        return faults
    event_total = None if is_named(document, policy.order_document) else event.grand_total
    charges = check_money(document, event_total) or sort_charges(document, policy, catalogue)
    if isinstance(charges, Hold):
        return charges
    items = _plan_items(event, document, charges, location, catalogue, policy)
    if isinstance(items, Hold):
        return items
    discount = document_discount(document) if policy.discounts == "order" else ZERO
    final = Cents(subtotal_of(items) - discount + sum(charges.fields.values()))
    received = payments_to_record(event, document, policy, final, now.astimezone(zone).date())
    if isinstance(received, Hold):
        return received
    hold = _find_hold(final, discount, received, location, policy)
    if hold:
        return hold
    order = identity.order_uuid(event.id)
    payments = tuple(map(PlannedPayment, identity.part_uuids(order, "payment", len(received)), received))
    return Plan(
        event_id=event.id,
        day=day,
        # the gate judges a write by the event's own location and site, whichever of them the entry names
        location=replace(location, tripleseat_location=event.location_id, tripleseat_site=event.site_id),
        local_id=identity.local_id(policy, event.id),
        uuid=order,
        items=items,
        discount=discount,
        payments=payments,
        steps=identity.list_steps(order, items, payments, discounted=bool(discount)),
        **charges.fields,
    )


def with_options_of(written: Plan, policy: Policy, event: Event, was: EventDetails, now: EventDetails) -> Policy:
    """The policy with the options by which `written` was made of the event, as far as that plan shows them.

    A change of our own settings is no change of the event (DESIGN 4). `was`: the event's details then.
    """
    discounts = policy.discounts
    if written.discount:
        discounts = "order"
    elif _was_spread(written, policy, event, is_same=was.charges == now.charges):
        discounts = "prices"
    paid: dict[PaymentsOption, str | None] = {
        "recorded": was.payments,
        "invoice_total": show(written.final_total),
        "none": show(ZERO),
    }
    fitting = [option for option, amount in paid.items() if amount == show(written.paid)]
    payments = policy.payments if policy.payments in fitting or not fitting else fitting[0]
    return replace(policy, discounts=discounts, payments=payments)


def orderable_lines(event: Event, policy: Policy) -> tuple[Line, ...]:
    """The lines that an order would have: those of the right document or, if that is undecided, of all live ones."""
    chosen = choose_document(event, policy.order_document)
    documents = event.documents if isinstance(chosen, Hold) else (chosen,)
    lines = (line for document in documents if not document.deleted for line in document.lines)
    return tuple(line for line in lines if order_portion(line) is not None)


def takes_second_choice(event: Event, location: Location, catalogue: Catalogue, policy: Policy) -> bool:
    """Whether a line gets a product only because the catalogue shows none of its whole name.

    An older copy of the catalogue may lack that one. A mapping of the menu item or of the whole name counts in any
    case.
    """
    return any(
        _is_second_choice(line, match_or_fall_back(line, location, policy, catalogue))
        for line in orderable_lines(event, policy)
    )


def _is_second_choice(line: Line, match: Match) -> bool:
    if match.by is MatchedBy.NAME:
        return normalise(match.name) != normalise(line.name)
    return match.by in {MatchedBy.NAME_BEFORE_SEPARATOR, MatchedBy.FALLBACK}


def _was_spread(written: Plan, policy: Policy, event: Event, *, is_same: bool) -> bool:
    """Whether the event's discount was spread over the prices of `written`, which has no discount of its own.

    `is_same`: whether its charges and the discount of its document are as they were then. Otherwise a line shows it
    that stood then at its present amount less its part of the discount.
    """
    document = choose_document(event, policy.order_document)
    if isinstance(document, Hold):
        return False
    if is_same and document.discounts_total:
        return True
    then, now, parts = Counter[str](), Counter[str](), Counter[str]()
    for item in written.items:
        then[normalise(item.line)] += item.amount
    known = replace(document, lines=tuple(line for line in document.lines if normalise(line.name) in then))
    for line, part in zip(known.lines, spread_discount(known, document_discount(known)), strict=True):
        now[normalise(line.name)] += line_amount(line) - part
        parts[normalise(line.name)] += part
    return any(part and now[name] == then[name] for name, part in parts.items())


def label_order(event: Event, location: Location) -> Labels:
    """The contact and phone; the event's id, name, start time and guest count (DESIGN 4)."""
    start = local_start(event, ZoneInfo(location.timezone))
    starts = f"{start:%Y-%m-%d %H:%M}" if start else f"{event.day}"
    guests = f", {event.guest_count} guests" if event.guest_count is not None else ""
    phone = shorten(event.contact_phone, MOST_PHONE)
    whose = shorten(event.contact_name, MOST_CALL_NAME - len(f" | {phone}" if phone else ""))
    begin, end = f"TripleSeat event {event.id}: ", f"{starts}{guests}"
    name = shorten(event.name, MOST_NOTES - len(f"{begin}, {end}"))
    call_name = " | ".join(part for part in (whose, phone) if part)
    return Labels(call_name, notes=begin + ", ".join(part for part in (name, end) if part))


def _foreign_currency(event: Event, location: Location) -> Hold | None:
    """Holds the event if TripleSeat names another currency for it than the location's entry."""
    wanted = normalise(location.currency)
    other = next((told for told in event.currencies if normalise(told) != wanted), None)
    if other is None:
        return None
    text = f"TripleSeat has its amounts in {other!r}, but location {location.name!r} is in {location.currency}"
    remedy = "correct the currency in TripleSeat or in [[locations]]"
    return Hold(Reason.AMOUNT_MISMATCH, f"{text}; {remedy}", (other, location.currency))


def _plan_items(
    event: Event, document: Document, charges: Charges, location: Location, catalogue: Catalogue, policy: Policy
) -> tuple[Item, ...] | Hold:
    discount = document_discount(document) if policy.discounts == "prices" else ZERO
    rows: list[tuple[str, ProductId, str, Portion]] = []
    missing: list[Unmatched] = []
    for line, portions in portion_lines(document, discount):
        match = match_or_fall_back(line, location, policy, catalogue)
        if isinstance(match.found, Unmatched):
            missing.append(match.found)
            continue
        override = line.name if match.by is MatchedBy.FALLBACK else ""  # instead of the product's name on the ticket
        rows += [(line.name, match.found, override, part) for part in portions]
    if not rows and not missing:
        return Hold(
            Reason.NO_LINE_ITEMS,
            f"every line of document {document.id} has quantity 0; correct it in TripleSeat",
            (str(document.id),),
        )
    if missing:
        names = "; ".join(map(str, missing))
        where, have = f"establishment {location.establishment}", "has" if len(missing) == 1 else "have"
        return Hold(
            Reason.UNMAPPED_ITEMS,
            f"{len(missing)} of {len(document.lines)} lines {have} no product at {where}: {names}",
            tuple(each.name for each in missing),
        )
    rows += [(name, product, "", Portion(1, amount)) for name, product, amount in charges.items]
    uuids = identity.part_uuids(identity.order_uuid(event.id), "item", len(rows))
    return tuple(_plan_item(uuid, *row) for uuid, row in zip(uuids, rows, strict=True))


def _plan_item(uuid: str, line: str, product: ProductId, override: str, portion: Portion) -> Item:
    """The item. If its name on the ticket had to be shortened, the note has more of it."""
    shown = shorten(override, MOST_NAME_OVERRIDE)
    note = portion.note or (override if shown != override else "")
    texts = (shown, shorten(note, MOST_SPECIAL_REQUEST))
    return Item(uuid, product, portion.quantity, portion.unit_price, line, *texts)


def _find_hold(final: Cents, discount: Cents, received: list[Cents], location: Location, policy: Policy) -> Hold | None:
    if final > policy.max_order_total:
        text = f"the total {show(final)} is above safety.max_order_total ({show(policy.max_order_total)})"
        return Hold(Reason.ORDER_TOO_LARGE, text, (show(final),))
    for needed, given, key in (
        (discount, location.discount, "discount"),
        (sum(received), location.payment_type, "payment_type"),
    ):
        if needed and not given:
            text = f"location {location.name!r} has no Revel {key}; set it in [[locations]]"
            return Hold(Reason.MISSING_DATA, text, (key,))
    return None
