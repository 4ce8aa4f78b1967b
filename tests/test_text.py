"""Text from elsewhere, decoded and cleaned."""

from __future__ import annotations

import json
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsrevel.text import (
    clean_text,
    decode_text,
    escape_json,
    exact_text,
    is_id,
    quoted,
    show_controls,
    trim,
    with_config,
)

COOK, FLAG = "👩\u200d🍳", "🏴" + "".join(chr(0xE0000 + ord(sign)) for sign in "gbeng") + "\U000e007f"
HARMFUL = [
    *("\0", "\x1b", "\x07", "\x7f", "\x9b", "\x85", "\r", "\n", "\r\n", "\t", "\x0b", "\u2028", "\u2029"),
    *("\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069", "\u200e", "\u200f"),
    *("\u061c", "\ud83c", "\udfff", "\ufff9"),
]
ANY = st.text(st.characters(codec=None))
"""Halves of characters as well."""


@pytest.mark.parametrize("harmful", HARMFUL, ids=ascii)
def test_what_a_terminal_a_mail_or_a_log_obeys_is_left_out(harmful: str) -> None:
    assert clean_text(f"Tray{harmful}, {harmful}hot{harmful}") in {"Tray, hot", "Tray , hot"}


@pytest.mark.parametrize(
    "text", [f"{COOK} Brunch", f"{FLAG} Tea", "☕\ufe0f", "می\u200cخواهم", "Crème “brûlée”", "शुद्ध"]
)
def test_emoji_and_scripts_stay_as_they_are_written(text: str) -> None:
    assert clean_text(text) == exact_text(text) == show_controls(text) == text


def test_blanks_of_every_kind_are_single_spaces() -> None:
    assert clean_text("  two\u00a0\u2003words\n") == "two words"


@given(ANY)
def test_clean_text_is_one_line_that_can_be_stored_and_sent_and_is_clean_for_good(text: str) -> None:
    clean = clean_text(text)
    clean.encode()
    assert len(clean.splitlines()) <= 1
    assert not {unicodedata.category(sign) for sign in clean} & {"Cc", "Cs", "Zl", "Zp"}
    assert clean_text(clean) == clean


@given(ANY, ANY)
def test_what_is_compared_is_equal_to_nothing_new(text: str, other: str) -> None:
    exact_text(text).encode()
    if "\ufffd" not in text + other:
        assert exact_text(text) != other or text == other


@given(ANY)
def test_what_is_shown_can_be_encoded_and_holds_no_control_character(text: str) -> None:
    shown = show_controls(text)
    shown.encode()
    assert len(shown.splitlines()) <= 1
    assert "\x1b" not in shown


def test_what_is_shown_says_what_was_there() -> None:
    assert show_controls("a\x1b[31m\u202e\udcff\n") == r"a\x1b[31m\u202e\udcff\n"
    assert show_controls("two\nlines\r", keep="\n") == "two\nlines\\r"


@given(ANY)
def test_json_means_the_same_when_it_is_escaped(text: str) -> None:
    for ascii_only in (False, True):
        shown = escape_json(json.dumps({"text": text}, ensure_ascii=ascii_only))
        shown.encode()
        assert json.loads(shown) == {"text": text}
        assert shown == show_controls(shown)


def test_a_name_in_quotes_is_spelt_as_it_is_shown() -> None:
    assert quoted("Chef's Table") == '"Chef\'s Table"'
    assert quoted(f"{COOK} Brunch") == f"'{COOK} Brunch'"


def test_whatever_python_takes_for_a_blank_is_left_out() -> None:
    blanks = "".join(sign for sign in map(chr, range(sys.maxunicode + 1)) if sign.isspace())
    assert trim(f"{blanks}\ufeff a b {blanks}\u200b") == "a b"


def test_a_byte_order_mark_is_no_part_of_a_text() -> None:
    assert decode_text(b"\xef\xbb\xbfkey\r\n") == decode_text(b"key\r\n") == "key\r\n"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_called_by_its_name(encoding: str) -> None:
    with pytest.raises(ValueError, match=r"^UTF-16 text$"):
        decode_text("key".encode(encoding))


@pytest.mark.parametrize("data", [b"caf\xe9", b"key\0", b"\x80"])
def test_what_is_no_text_is_told_without_a_word_of_it(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"^something other than (UTF-8 )?text$"):
        decode_text(data)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("run `tsrevel doctor`", "run `tsrevel doctor --config /a.toml`"),
        ("`tsrevel resolve 7 --as open`; `x`", "`tsrevel resolve 7 --as open --config /a.toml`; `x`"),
        ("`tsrevel sync --config b.toml`", "`tsrevel sync --config b.toml`"),
        ("`tsrevel sync --help` and `tsrevel init`", "`tsrevel sync --help` and `tsrevel init`"),
        ("tsrevel sync", "tsrevel sync"),
    ],
)
def test_a_command_names_the_settings_that_it_would_not_find(text: str, expected: str) -> None:
    assert with_config(text, "/a.toml") == expected
    assert with_config(text, "") == text


def test_only_a_number_from_1_can_be_an_id() -> None:
    texts = ("1", "9" * 18, "9" * 19, "0", "01", "-1", "1 ", "x", "")
    assert [text for text in texts if is_id(text)] == ["1", "9" * 18]
