"""What a mail says: everything that the old service's mails said, escaped, without a customer's name."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsrevel.config import LocationSettings, Settings, TripleSeatSettings
from tsrevel.notify.message import MailContext, MailItem, write_message
from tsrevel.notify.sendgrid import Message
from tsrevel.planning.reasons import advise
from tsrevel.text import clean_text

from ..ledger.samples import EVENT, make_plan

INJECTED = MailItem("injected", EVENT, "sync-1a2b3c4d", order_id="5550101", plan=make_plan())
HELD = MailItem(
    "held", "55521610", "sync-1a2b3c4d", date(2025, 12, 29), "Bakery", None, "UNMAPPED_ITEMS", "no product for “A & B”"
)
PLACE = LocationSettings(name="Special Events", revel_establishment=14, timezone="America/Los_Angeles")
SETTINGS = {"environment": "production", "timezone": "America/Denver", "locations": (PLACE,)}
MADE_AT = datetime(2025, 12, 28, 18, 30, tzinfo=UTC)


def write(*items: MailItem, number: int | None = 1, **changes: Any) -> Message:
    return write_message(items, MailContext(number, MADE_AT, Settings.of(SETTINGS | changes, {})))


class Reader(HTMLParser):
    """The words of a page, and its elements."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.elements: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)

    def handle_data(self, data: str) -> None:
        self.words += [data] if data.strip() else []


TOLD = [
    ("Sun 28 Dec", "the event's date"),
    ("Special Events", "the location"),
    ("5550101", "the order's id"),
    ("10 × Fruit Platter", "the items"),
    ("125.00", "the subtotal"),
    ("-5.00", "the discount"),
    ("10.00", "the tax"),
    ("130.00", "the total"),
    ("50.00", "the payment"),
    ("80.00", "what is still due"),
]


@pytest.mark.parametrize(("value", "what"), TOLD, ids=[what for _, what in TOLD])
def test_an_injected_order_is_told_with(value: str, what: str) -> None:
    message = write(INJECTED)
    assert value.replace("×", "x") in message.text
    assert value in Reader(message.html).words


def test_the_run_and_its_time_at_the_location_stand_at_the_end() -> None:
    message = write(INJECTED)
    assert "2025-12-28 10:30 PST. Run sync-1a2b3c4d." in message.text
    assert "2025-12-28 10:30 PST. Run sync-1a2b3c4d." in message.html
    assert "11:30 MST" in write(INJECTED, replace(HELD, location="Elsewhere")).text


def test_what_is_held_is_told_with_its_reason_and_what_to_do() -> None:
    text = write(HELD).text
    assert "UNMAPPED_ITEMS: no product for “A & B”" in text
    assert "DETAILS" not in text


@pytest.mark.parametrize(
    ("occasion", "reason", "has_order"),
    [
        ("held", "AMBIGUOUS_DOCUMENT", False),
        ("held", "AMOUNT_MISMATCH", True),
        ("failed", "UPSTREAM_UNAVAILABLE", False),
        ("failed", None, False),
        ("missed", "EVENT_DAY_PASSED", False),
        ("changed", "CANCELLED_AFTER_INJECTION", True),
    ],
)
def test_the_advice_is_that_of_the_one_table(occasion: str, reason: str | None, has_order: bool) -> None:
    item = replace(HELD, occasion=occasion, reason=reason, order_id="5550101" if has_order else None)
    status = {"held": "held", "failed": "failed"}.get(occasion, "skipped")
    advice = advise(HELD.event_id, status, reason, has_order=has_order)
    message = write(item)
    assert f"What to do: {advice[0].upper()}{advice[1:]}." in message.text
    assert "What to do:" in message.html


def test_a_code_of_another_version_is_explained_by_explain() -> None:
    assert "What to do: Run `tsrevel explain 55521610`." in write(replace(HELD, reason="OF_THE_FUTURE")).text


def test_what_needs_a_person_comes_first_and_what_mends_itself_later() -> None:
    failed = replace(HELD, occasion="failed", event_id="4", reason="UPSTREAM_UNAVAILABLE")
    fault = replace(HELD, occasion="failed", event_id="5", reason=None)
    missed = replace(HELD, occasion="missed", event_id="3")
    text = write(INJECTED, failed, fault, HELD, missed).text
    marks = ["MISSED: event 3", "HELD: event 55521610", "FAILED: event 5", "FAILED: event 4", "ORDERS MADE"]
    assert sorted(marks, key=text.index) == marks


def test_the_link_to_the_event_stands_there_and_can_be_left_out() -> None:
    message = write(INJECTED, HELD)
    assert 'href="https://login.tripleseat.com/events/55521610"' in message.html
    assert f"https://login.tripleseat.com/events/{EVENT}" in message.text
    bare = write(INJECTED, HELD, tripleseat=TripleSeatSettings(event_url=""))
    assert "://" not in bare.html + bare.text


@pytest.mark.parametrize(
    ("items", "subject"),
    [
        ((INJECTED,), f"Special Events, Sun 28 Dec: 1 order (event {EVENT})"),
        ((HELD,), "Bakery, Mon 29 Dec: 1 held (event 55521610)"),
        ((INJECTED, INJECTED, INJECTED, replace(HELD, location="Special Events", day=date(2025, 12, 28))),
         "Special Events, Sun 28 Dec: 3 orders, 1 held"),
        ((INJECTED, HELD), "Bakery and Special Events, Sun 28 Dec to Mon 29 Dec: 1 order, 1 held"),
        ((INJECTED, HELD, replace(HELD, location="Café", occasion="missed", day=date(2026, 1, 1))),
         "3 locations, Sun 28 Dec to Thu 1 Jan 2026: 1 order, 1 held, 1 missed"),
        ((replace(HELD, location="", day=None),), "tsrevel: 1 held (event 55521610)"),
    ],
)  # fmt: skip
def test_the_subject_says_where_when_and_how_many(items: tuple[MailItem, ...], subject: str) -> None:
    assert write(*items).subject == subject


def test_amounts_have_separators_and_the_locations_currency() -> None:
    plan = make_plan(price=123_456)
    abroad = replace(plan, location=replace(plan.location, name="Vancouver", currency="CAD"))
    message = write(INJECTED, replace(INJECTED, event_id="2", plan=plan), replace(INJECTED, event_id="3", plan=abroad))
    words = Reader(message.html).words
    assert {"USD", "CAD", "12,345.60", "12,350.60", "12,480.60"} <= set(words)  # item, total, and both orders' total
    assert 'align="right">12,350.60</td>' in message.html
    assert "12,480.60 USD" in message.text


def test_the_sandbox_and_a_test_say_what_they_are() -> None:
    assert write(HELD, environment="sandbox").subject.startswith("[sandbox] ")
    message = write(HELD, number=None)
    assert message.subject.startswith("[test] ")
    assert "This is a test" in message.text
    assert "This is a test" in message.html


def test_a_mail_bears_its_number_so_that_a_second_copy_shows() -> None:
    message = write(HELD, number=417)
    assert "mail 417" in message.text
    assert "mail 417" in message.html


def test_mail_programs_are_told_how_to_show_it() -> None:
    html = write(INJECTED, HELD).html
    assert '<meta name="viewport" content="width=device-width' in html
    assert "prefers-color-scheme: dark" in html
    assert Reader(html).words.index("Held: event 55521610 UNMAPPED_ITEMS. 1 order made, 130.00 USD.") < 4  # preheader


def many(count: int, lines: int) -> list[MailItem]:
    plan = make_plan()
    plan = replace(plan, items=tuple(replace(plan.items[0], line=f"Fruit Platter {n}") for n in range(lines)))
    return [replace(INJECTED, event_id=str(64000000 + n), order_id=str(5550000 + n), plan=plan) for n in range(count)]


@pytest.mark.parametrize(("orders", "held", "lines"), [(100, 0, 12), (100, 100, 40), (900, 0, 1), (0, 900, 1)])
def test_a_mail_stays_below_100_kb_and_counts_what_is_cut(orders: int, held: int, lines: int) -> None:
    wordy = [replace(HELD, event_id=str(n), text="é" * 3000) for n in range(held)]
    message = write(*many(orders, lines), *wordy)
    assert len(message.text.encode()) + len(message.html.encode()) < 100_000
    assert "left out to keep this mail short" in message.text
    assert "left out to keep this mail short" in message.html
    if orders == 100:
        assert all(f">{5550000 + n}</td>" in message.html for n in range(25))


def test_100_orders_are_all_listed_with_their_total() -> None:
    message = write(*many(100, 6))
    assert message.html.count('<td class="id">') == 200
    total = 100 * (6 * 12500 - 500 + 1000) / 100
    assert f"{total:,.2f}" in Reader(message.html).words
    assert "The details of" in message.text


@given(st.text(st.characters(exclude_categories=()), max_size=40))
def test_nothing_in_it_is_ever_markup_or_a_line_of_its_own(wild: str) -> None:
    item = replace(make_plan().items[0], line=f"{wild}<script>&\r\nBcc: x")
    story = replace(
        INJECTED, location=f"<b>{wild}", text=f"{wild}\r\n<img src=x>", plan=replace(make_plan(), items=(item,))
    )
    message = write(story)
    assert Reader(message.html).elements <= Reader(write(INJECTED, HELD).html).elements
    assert len(message.text.splitlines()) == len(write(INJECTED).text.splitlines())
    assert message.subject == clean_text(message.subject)
    message.html.encode()
    message.text.encode()
