"""Bytes of a file or a command as text: UTF-8, with or without a byte order mark. Nothing else is guessed at."""

from __future__ import annotations

MARK = "\ufeff"
"""The byte order mark, which some editors put before a text. It is no part of what the text says."""
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_BLANKS = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""What `str.strip` takes away."""
_TRIMMED = f"{_BLANKS}{MARK}\u200b\u2060"


def decode_text(data: bytes) -> str:
    """`data` as text, its byte order mark left out. Raises ValueError with what it is instead, without its content."""
    if data.startswith(_UTF_16) or b"\0" in data[:2]:
        raise ValueError("UTF-16 text")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError("something other than UTF-8 text") from error
    if "\0" in text:
        raise ValueError("something other than text")
    return text


def trim(text: str) -> str:
    """`text` without what surrounds it unseen: blanks, ends of lines, byte order marks, marks of no width."""
    return text.strip(_TRIMMED)


def is_whole(text: str) -> bool:
    """Whether `text` came from bytes that were UTF-8: Python keeps others of the environment as half characters."""
    return not any("\ud800" <= sign <= "\udfff" for sign in text)
