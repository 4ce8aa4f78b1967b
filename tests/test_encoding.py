"""Bytes as text: what is taken, what is told instead."""

from __future__ import annotations

import sys

import pytest

from tsrevel.encoding import decode_text, trim


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
