"""What a mail says: one change, or a digest of several, as plain text and HTML. Pure; no customer's name is in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from html import escape

from tsrevel.planning.model import CHARGE_FIELDS, Plan, label
from tsrevel.planning.money import show
from tsrevel.planning.reasons import Status, advise
from tsrevel.text import clean_text

_HEADINGS = {
    "failed": "Failed",
    "missed": "Missed",
    "held": "Held",
    "changed": "Changed after injection",
    "injected": "Injected",
}
"""In this order: what needs a person comes first."""
_STATUSES = {"failed": Status.FAILED, "held": Status.HELD, "missed": Status.SKIPPED, "changed": Status.SKIPPED}
_LONGEST_SUBJECT = 200
_CELL = "padding:2px 12px 2px 0;vertical-align:top"
_SUM = f"{_CELL};text-align:right"


@dataclass(frozen=True, slots=True)
class MailItem:
    """One change to be told. `occasion` is a word of `email.on`; `plan` is the order's, where there is one.

    `reason` and `text` say why, `correlation_id` in which run.
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


@dataclass(frozen=True, slots=True)
class Message:
    """A mail without its envelope."""

    subject: str
    text: str
    html: str


def write_message(stories: Sequence[MailItem], *, number: int, sandbox: bool) -> Message:
    """The mail that tells these stories, at least one. `number` is the mail's own, so that a second copy shows."""
    order = list(_HEADINGS)
    ranked = sorted(stories, key=lambda story: order.index(story.occasion))
    if len(ranked) == 1:
        (story,) = ranked
        where = ", ".join(each for each in _place(story) if each)
        what = clean_text(f"{story.occasion} event {story.event_id}" + (f" ({where})" if where else ""))
    else:
        counts = {word: sum(story.occasion == word for story in ranked) for word in _HEADINGS}
        what = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    subject = ("[sandbox] " if sandbox else "") + f"tsrevel: {what}"
    ending = f"tsrevel, mail {number}. It goes to the recipients in its settings ([email])."
    texts = [_as_text(story) for story in ranked]
    pages = [_as_html(story) for story in ranked]
    return Message(
        subject[:_LONGEST_SUBJECT],
        "\n\n".join([*texts, f"-- \n{ending}"]) + "\n",
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{_html(subject)}</title></head>'
        f'<body style="font-family:sans-serif">\n{"".join(pages)}<p style="color:#666">{_html(ending)}</p>\n'
        "</body></html>\n",
    )


def _place(story: MailItem) -> tuple[str, str]:
    plan = story.plan
    day = story.day or (plan.day if plan else None)
    return story.location or (plan.location.name if plan else ""), day.isoformat() if day else ""


def _facts(story: MailItem) -> list[tuple[str, str]]:
    """Every line of the story but its heading, the items and the sums."""
    location, day = _place(story)
    advice = ""
    if story.occasion in _STATUSES:
        disputed = story.order_id is not None
        advice = advise(story.event_id, _STATUSES[story.occasion], story.reason, disputed=disputed)
        advice = "; ".join(each for each in (advice, f"`tsrevel explain {story.event_id}` says more") if each)
    facts = [
        ("Event date", day or "unknown"),
        ("Location", location or "unknown"),
        ("Revel order", story.order_id or ""),
        ("Reason", ": ".join(each for each in (story.reason or "", story.text) if each)),
        ("What to do", advice),
        ("Correlation id", story.correlation_id),
    ]
    return [(name, clean_text(value)) for name, value in facts if value]


def _items(plan: Plan) -> list[tuple[str, str, str]]:
    """Quantity and name, unit price, amount."""
    return [
        (f"{item.quantity} x {clean_text(item.line)}", show(item.unit_price), show(item.amount)) for item in plan.items
    ]


def _sums(plan: Plan) -> list[tuple[str, str]]:
    optional = [(label(name).capitalize(), plan.amount(name)) for name in CHARGE_FIELDS]
    return [
        ("Subtotal", show(plan.subtotal)),
        ("Discount", f"-{show(plan.discount)}" if plan.discount else show(plan.discount)),
        *((name, show(cents)) for name, cents in optional if cents),
        ("Total", show(plan.final_total)),
        ("Payment", show(plan.paid)),
        ("Remaining due", show(plan.remaining_due)),
    ]


def _as_text(story: MailItem) -> str:
    lines = [f"{_HEADINGS[story.occasion].upper()}: event {clean_text(story.event_id)}"]
    lines += [f"  {name + ':':<17}{value}" for name, value in _facts(story)]
    if story.plan:
        lines += ["  Items:", *(f"    {name}, {price} each: {amount}" for name, price, amount in _items(story.plan))]
        lines += [f"  {name + ':':<17}{value:>12}" for name, value in _sums(story.plan)]
    return "\n".join(lines)


def _as_html(story: MailItem) -> str:
    heading = f"<h2>{_html(_HEADINGS[story.occasion])}: event {_html(story.event_id)}</h2>\n"
    rows = [_row((name, f"{_CELL};white-space:nowrap"), (value, _CELL)) for name, value in _facts(story)]
    tables = [rows]
    if story.plan:
        items = [_row((name, _CELL), (price, _SUM), (amount, _SUM)) for name, price, amount in _items(story.plan)]
        sums = [_row((name, _CELL), ("", _SUM), (value, _SUM)) for name, value in _sums(story.plan)]
        tables.append([*items, *sums])
    return heading + "".join(f"<table>\n{''.join(table)}</table>\n" for table in tables)


def _row(*cells: tuple[str, str]) -> str:
    return f"<tr>{''.join(f'<td style={chr(34)}{style}{chr(34)}>{_html(text)}</td>' for text, style in cells)}</tr>\n"


def _html(text: str) -> str:
    return escape(clean_text(text))
