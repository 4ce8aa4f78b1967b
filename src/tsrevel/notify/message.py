"""Writes mails about one change or several, as plain text and HTML. No customer's name is in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from tsrevel.config import Settings
from tsrevel.config.paths import config_to_name
from tsrevel.notify.sendgrid import Message
from tsrevel.planning.model import CHARGE_FIELDS, Plan, label
from tsrevel.planning.money import Cents
from tsrevel.planning.reasons import FailedWrite, Reason, Resolved, Status, advise
from tsrevel.templates import load_template, show_amount
from tsrevel.text import capitalised, clean_text, shorten, with_config

_STATUSES = {
    "missed": Status.SKIPPED,
    "held": Status.HELD,
    "changed": Status.SKIPPED,
    "failed": Status.FAILED,
    "injected": Status.INJECTED,
}
"""The event's status by occasion. In this order, so that what needs a person comes first."""
_COUNTED = ("injected", "held", "missed", "changed", "failed")
"""The order of the counts in a subject."""
_HEADINGS = ("Needs a person", "Tried again by the next run", "Event and order agree again", "Orders made")
"""In this order: the first needs a person."""
_LONGEST_PLACES = 60
"""Characters in a subject."""
_LONGEST_TEXT, _LONGEST_NAME = 500, 100
_MOST_BYTES = 90_000
"""The limit for both parts together. Some mail programs cut a mail above 102 kB."""
_MOST_LINES = 60
"""The limit for one order's details."""


@dataclass(frozen=True, slots=True)
class MailItem:
    """One change of one event. `occasion` is a word of `email.on`; `plan` is the order's, if there is one.

    `reason` and `text` say why, `correlation_id` in which run. `failed_write`: a write that failed in several runs.
    `again`: a failure that an earlier mail reported. `resolved`: a person resolved the event before, and tsrevel made
    no order for it. `agrees`: what had changed after the order was made was taken back.
    """

    occasion: str
    event_id: str
    correlation_id: str
    day: date | None = None
    location: str = ""
    order_id: str | None = None
    reason: str | None = None
    text: str = ""
    plan: Plan | None = None
    failed_write: FailedWrite | None = None
    again: bool = False
    resolved: Resolved | None = None
    agrees: bool = False

    @property
    def status(self) -> Status:
        """The event's status."""
        return _STATUSES[self.occasion]


@dataclass(frozen=True, slots=True)
class MailContext:
    """A mail's data besides its items. `number` is unique, so that a second copy is recognized; None in a test mail."""

    number: int | None
    made_at: datetime
    settings: Settings


@dataclass(frozen=True, slots=True)
class _Entry:
    """One item as the templates show it."""

    occasion: str
    event_id: str
    link: str
    location: str
    short_day: str
    order_id: str
    reason: str
    text: str
    advice: str
    plan: Plan | None
    heading: str

    @property
    def where(self) -> str:
        return ", ".join(each for each in (self.location, self.short_day) if each)

    @property
    def sums(self) -> list[tuple[str, Cents]]:
        """The amounts between items and total, without zeros."""
        if not self.plan:
            return []
        charges = [(label(name).capitalize(), self.plan.amount(name)) for name in CHARGE_FIELDS]
        named = [("Discount", Cents(-self.plan.discount)), *charges]
        return [("Subtotal", self.plan.subtotal), *(each for each in named if each[1])]


def write_message(items: Sequence[MailItem], context: MailContext) -> Message:
    """The mail about these items, at least one, in less than 100 kB: a count replaces what doesn't fit."""
    config = config_to_name(context.settings.config_path, {})
    entries = [_make_entry(each, context, config) for each in sorted(items, key=_urgency)]
    days = sorted({day for day in map(_day_of, items) if day})
    subject = _write_subject(entries, days, context)
    orders = sorted((each for each in entries if each.occasion == "injected"), key=_group)
    attention = [each for each in entries if each.occasion != "injected"]
    detailed = [each for each in entries if each.plan]
    zone = _find_zone(entries, context)
    shared = {
        "title": subject,
        "context": context,
        "preheader": _write_preheader(attention, orders),
        "made_at": f"{context.made_at.astimezone(zone):%Y-%m-%d %H:%M %Z}",
        "runs": list(dict.fromkeys(clean_text(each.correlation_id) for each in items)),
        "most_lines": _MOST_LINES,
        "history": with_config("`tsrevel history`", config),
    }
    html, text = (load_template("tsrevel.notify", name) for name in ("mail.html", "mail.txt"))
    message = Message("", "", "")
    everything = max(len(entries), 1)
    for details, rows in [(n, everything) for n in (everything, 50, 25, 10, 5, 0)] + [(0, n) for n in (100, 50, 25)]:
        groups = [(key, list(group)) for key, group in groupby(orders[:rows], key=_group)]
        totals = {key: _sum(each for each in orders if _group(each) == key) for key, _ in groups}
        sections = {heading: list(group) for heading, group in groupby(attention[:rows], key=lambda each: each.heading)}
        cut = {
            "sections": sections,
            "attention_cut": len(attention[rows:]),
            "groups": groups,
            "totals": totals,
            "orders_cut": len(orders[rows:]),
        }
        cut |= {"details": detailed[:details], "details_cut": len(detailed[details:])}
        message = Message(subject, text.render(shared | cut).strip() + "\n", html.render(shared | cut).lstrip())
        if len(message.text.encode()) + len(message.html.encode()) <= _MOST_BYTES:
            break
    return message


def _make_entry(item: MailItem, context: MailContext, config: str) -> _Entry:
    plan, event_id = item.plan, clean_text(item.event_id)
    advice = _advise(item, event_id)
    return _Entry(
        occasion=item.occasion,
        event_id=event_id,
        link=context.settings.tripleseat.event_url.replace("{event_id}", event_id) if event_id.isalnum() else "",
        location=shorten(clean_text(item.location or (plan.location.name if plan else "")), _LONGEST_NAME),
        short_day=_show_day(_day_of(item), context),
        order_id=clean_text(item.order_id or ""),
        reason=clean_text(item.reason or ""),
        text=with_config(shorten(clean_text(item.text), _LONGEST_TEXT), config),
        advice=with_config(f"{capitalised(advice)}.", config) if advice else "",
        plan=plan,
        heading=_heading(item),
    )


def _advise(item: MailItem, event_id: str) -> str:
    told = advise(
        event_id,
        item.status,
        item.reason,
        has_order=item.order_id is not None,
        failed_write=item.failed_write,
        again=item.again,
        resolved=item.resolved,
        agrees=item.agrees,
    )
    return told or ("" if item.occasion == "injected" else f"run `tsrevel explain {event_id}`")


def _urgency(item: MailItem) -> tuple[int, int]:
    """The sort key: what needs a person first."""
    return _HEADINGS.index(_heading(item)), list(_STATUSES).index(item.occasion)


def _passes(item: MailItem) -> bool:
    """Whether the next run may mend it: no credentials, no fault (without a reason), nothing that fails again."""
    if item.status is not Status.FAILED or item.failed_write or item.again:
        return False
    return item.reason not in {None, "", Reason.AUTHORIZATION_DENIED}


def _heading(item: MailItem) -> str:
    """One of `_HEADINGS`; orders are listed by themselves."""
    if item.occasion == "injected":
        return _HEADINGS[-1]
    is_right = item.agrees and item.reason == Reason.CHANGED_AFTER_INJECTION
    return _HEADINGS[1 if _passes(item) else 2 if is_right else 0]


def _group(entry: _Entry) -> tuple[str, str]:
    """The key of an order's table: its location and currency."""
    return entry.location, entry.plan.location.currency if entry.plan else ""


def _sum(entries: Iterable[_Entry]) -> Cents:
    return Cents(sum(each.plan.final_total for each in entries if each.plan))


def _find_zone(entries: Sequence[_Entry], context: MailContext) -> ZoneInfo:
    """The locations' zone if they share one; else the installation's."""
    ours, of_location = context.settings.timezone, {each.name: each.timezone for each in context.settings.locations}
    zones = {of_location.get(each.location, ours) for each in entries}
    return ZoneInfo(zones.pop() if len(zones) == 1 else ours)


def _day_of(item: MailItem) -> date | None:
    return item.day or (item.plan.day if item.plan else None)


def _show_day(day: date | None, context: MailContext) -> str:
    """ "Sun 29 Nov"; with its year if that isn't the mail's."""
    if day is None:
        return ""
    return f"{day:%a} {day.day} {day:%b}" + (f" {day.year}" if day.year != context.made_at.year else "")


def _write_subject(entries: Sequence[_Entry], days: Sequence[date], context: MailContext) -> str:
    """ "Special Events, Sun 29 Nov: 3 orders, 1 held"."""
    places = list(dict.fromkeys(each.location for each in entries if each.location))
    where = f"{len(places)} locations" if len(places) > 2 else " and ".join(places)
    when = " to ".join(_show_day(day, context) for day in dict.fromkeys([*days[:1], *days[-1:]]))
    counts = _count(entries)
    if len(entries) == 1:
        counts += f" (event {entries[0].event_id})"
    head = ", ".join(each for each in (shorten(where, _LONGEST_PLACES), when) if each)
    marks = ("[sandbox] " if context.settings.is_sandbox else "") + ("[test] " if context.number is None else "")
    return f"{marks}{head or 'tsrevel'}: {counts}"


def _count(entries: Sequence[_Entry]) -> str:
    counts = [(word, sum(each.occasion == word for each in entries)) for word in _COUNTED]
    names = {"injected": "orders"} | ({"injected": "order"} if counts[0][1] == 1 else {})
    return ", ".join(f"{count} {names.get(word, word)}" for word, count in counts if count)


def _write_preheader(attention: Sequence[_Entry], orders: Sequence[_Entry]) -> str:
    """The text that mail programs show beside the subject."""
    parts = [f"{first.occasion.capitalize()}: event {first.event_id} {first.reason}" for first in attention[:1]]
    parts += [f"{len(attention) - 1} more to check"] if len(attention) > 1 else []
    currencies = sorted({_group(each)[1] for each in orders})
    sums = [f"{show_amount(_sum(e for e in orders if _group(e)[1] == each))} {each}".strip() for each in currencies]
    parts += [f"{_count(orders)} made, {' and '.join(sums)}"] if orders else []
    return ". ".join(parts) + "."
