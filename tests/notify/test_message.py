"""What a mail says: everything that the old service's mails said, escaped, without a customer's name."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsrevel.notify.message import MailItem, write_message
from tsrevel.text import clean_text

from ..ledger.samples import EVENT, make_plan

INJECTED = MailItem("injected", EVENT, "sync-1a2b3c4d", order_id="5550101", plan=make_plan())
HELD = MailItem(
    "held", "55521610", "sync-1a2b3c4d", date(2025, 12, 29), "Bakery", None, "UNMAPPED_ITEMS", "no product for “A & B”"
)


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
    ("2025-12-28", "the event's date"),
    ("Special Events", "the location"),
    ("5550101", "the order's id"),
    ("10 x Fruit Platter", "the items"),
    ("125.00", "the subtotal"),
    ("-5.00", "the discount"),
    ("10.00", "the tax"),
    ("130.00", "the total"),
    ("50.00", "the payment"),
    ("80.00", "what is still due"),
    ("sync-1a2b3c4d", "the run"),
]


@pytest.mark.parametrize(("value", "what"), TOLD, ids=[what for _, what in TOLD])
def test_an_injected_order_is_told_with(value: str, what: str) -> None:
    message = write_message([INJECTED], number=1, sandbox=False)
    assert value in message.text
    assert value in Reader(message.html).words


def test_what_is_held_is_told_with_its_reason_and_what_to_do() -> None:
    text = write_message([HELD], number=1, sandbox=False).text
    assert "UNMAPPED_ITEMS: no product for “A & B”" in text
    assert "tsrevel explain 55521610" in text
    assert "Items:" not in text


@pytest.mark.parametrize("occasion", ["held", "failed", "missed", "changed"])
def test_whatever_needs_a_person_says_what_to_do(occasion: str) -> None:
    message = write_message([replace(HELD, occasion=occasion)], number=1, sandbox=False)
    assert "What to do" in message.text
    assert "What to do" in message.html


def test_a_digest_begins_with_what_needs_a_person() -> None:
    message = write_message([INJECTED, HELD, replace(HELD, event_id="3")], number=1, sandbox=False)
    assert message.subject == "tsrevel: 2 held, 1 injected"
    assert message.text.index("HELD: event 55521610") < message.text.index("INJECTED")


def test_the_subject_of_a_single_one_says_which_and_where() -> None:
    assert write_message([HELD], number=1, sandbox=False).subject == (
        "tsrevel: held event 55521610 (Bakery, 2025-12-29)"
    )


def test_the_sandbox_says_that_it_is_one() -> None:
    assert write_message([HELD], number=1, sandbox=True).subject.startswith("[sandbox] ")


def test_a_mail_bears_its_number_so_that_a_second_copy_shows() -> None:
    message = write_message([HELD], number=417, sandbox=False)
    assert "mail 417" in message.text
    assert "mail 417" in message.html


@given(st.text(st.characters(exclude_categories=()), max_size=40))
def test_nothing_in_it_is_ever_markup_or_a_line_of_its_own(wild: str) -> None:
    item = replace(make_plan().items[0], line=f"{wild}<script>&\r\nBcc: x")
    story = replace(
        INJECTED, location=f"<b>{wild}", text=f"{wild}\r\n<img src=x>", plan=replace(make_plan(), items=(item,))
    )
    message = write_message([story], number=1, sandbox=False)
    assert Reader(message.html).elements == {
        "html", "head", "meta", "title", "body", "h2", "table", "tr", "td", "p",
    }  # fmt: skip
    assert (
        len(message.text.splitlines()) == len(write_message([INJECTED], number=1, sandbox=False).text.splitlines()) + 1
    )
    assert message.subject == clean_text(message.subject)
    message.html.encode()
    message.text.encode()
