"""Texts for people: bounded for Revel, cut between characters as people see them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.planning.make import LOCATION, make_catalogue, make_document, make_event, make_line, plan
from tests.planning.test_plan import FALLBACK
from tsrevel.planning.plan import label_order
from tsrevel.text import MOST_CALL_NAME, MOST_NAME_OVERRIDE, MOST_NOTES, MOST_SPECIAL_REQUEST, clean_text, shorten

COOK = "\U0001f469\u200d\U0001f373"
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
WALES = "\U0001f3f4\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f"
BELGIUM = "\U0001f1e7\U0001f1ea"


@pytest.mark.parametrize(
    ("text", "most", "expected"),
    [
        ("Jordan", 6, "Jordan"),
        ("Jordan E", 7, "Jordan…"),
        ("Jordan Example", 8, "Jordan…"),
        ("", 5, ""),
        ("ab e\u0301clair", 5, "ab…"),
        (f"ab{COOK}cd", 5, "ab…"),
        (f"ab{COOK}cd", 6, f"ab{COOK}…"),
        (f"ab{FAMILY}", 5, "ab…"),
        ("ab\U0001f44d\U0001f3fdcd", 4, "ab…"),
        ("ab\u2764\ufe0fcd", 4, "ab…"),
        (f"a{WALES}b", 6, "a…"),
        (f"a{BELGIUM}{BELGIUM}", 3, "a…"),
        (f"a{BELGIUM}{BELGIUM}", 4, f"a{BELGIUM}…"),
        ("e\u0301\u0302\u0303", 3, "…"),
    ],
)
def test_a_text_is_cut_between_characters(text: str, most: int, expected: str) -> None:
    assert shorten(text, most) == expected


@given(st.text(), st.integers(min_value=1, max_value=20))
def test_a_text_is_never_longer_than_it_may_be(text: str, most: int) -> None:
    assert len(shorten(text, most)) <= most
    assert shorten(shorten(text, most), most) == shorten(text, most)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f" {COOK}'s  table\n", f"{COOK}'s table"),
        ("nul\x00 soft\u00ad zero\u200b mark\u200e half\ud800 esc\x1b", "nul soft zero mark half esc"),
        ("Plain text", "Plain text"),
        ("\u200d", ""),
        ("\u200dsoup\u200c", "soup"),
        (
            "\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
            "\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        ),
    ],
)
def test_what_nobody_sees_is_left_out_but_what_joins_characters(text: str, expected: str) -> None:
    assert clean_text(text) == expected


def test_a_long_name_is_shortened_and_the_phone_kept() -> None:
    labels = label_order(replace(make_event(), contact_name="Jordan " * 40), LOCATION)
    assert labels.call_name == "Jordan Jordan Jordan Jordan Jord… | (702) 555-0142"
    assert len(labels.call_name) == MOST_CALL_NAME


@given(st.text(max_size=400), st.text(max_size=400), st.text(max_size=400), st.none() | st.integers(1, 10**11))
def test_what_tells_people_of_an_order_always_fits(name: str, contact: str, phone: str, guests: int | None) -> None:
    event = replace(make_event(), name=name, contact_name=contact, contact_phone=phone, guest_count=guests)
    labels = label_order(event, LOCATION)
    assert len(labels.call_name) <= MOST_CALL_NAME
    assert len(labels.notes) <= MOST_NOTES


def test_the_notes_never_lose_the_events_id_its_start_and_its_guests() -> None:
    event = replace(make_event(number="6" * 64), name="Gala " * 200)
    notes = label_order(event, LOCATION).notes
    assert notes.startswith(f"TripleSeat event {'6' * 64}: Gala ")
    assert notes.endswith("…, 2026-12-12 12:00, 24 guests")


def test_an_items_texts_fit_and_what_is_cut_of_its_name_stands_beside_it() -> None:
    name = "Grand tasting platter " * 20
    event = make_event(make_document(make_line(name), make_line("x" * 999, "2.5", "10.00")))
    fallback = replace(LOCATION, fallback_product=501)
    first, second = plan(event, policy=FALLBACK, location=fallback, catalogue=make_catalogue("Open Item")).items
    assert (len(first.override), first.override[-1]) == (MOST_NAME_OVERRIDE, "…")
    assert first.note == shorten(name, MOST_SPECIAL_REQUEST)
    assert (len(second.note), second.note[:6], first.line) == (MOST_SPECIAL_REQUEST, "2.5 x ", name)
