"""Text from elsewhere, made fit to be read, shown, stored and sent: decoding, cleaning, shortening. Pure."""

from __future__ import annotations

import re
import unicodedata

_HARMFUL = re.compile(
    "[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ud800-\udfff\ufff9-\ufffb]"
)  # controls, line and paragraph separators, marks that turn the direction of writing, halves of characters
_UNSEEN = frozenset({"Cc", "Cf", "Cs"})
_ZERO_WIDTH_JOINERS = "\u200c\u200d"
_TAGS = range(0xE0020, 0xE0080)
_JOINERS = frozenset({*_ZERO_WIDTH_JOINERS, *map(chr, _TAGS)})
_REPLACEMENT = "\ufffd"


def clean_text(text: str) -> str:
    """`text` for people, in one line: blanks of any kind become single spaces, what can't be seen is left out."""
    seen = text if text.isprintable() else "".join(map(_seen, text))
    return " ".join(seen.split()).strip(f"{_ZERO_WIDTH_JOINERS} ")


def exact_text(text: str) -> str:
    """`text` that is compared, an id of another's making, say: what can't be shown is marked, never left out.

    So it can be stored and shown, and is equal to nothing that it wasn't equal to before.
    """
    return _HARMFUL.sub(_REPLACEMENT, text)


def show_controls(text: str, keep: str = "") -> str:
    r"""`text` with its control characters and the like as escapes ("\x1b", "\u202e"), except those in `keep`."""

    def escape(found: re.Match[str]) -> str:
        return found[0] if found[0] in keep else found[0].encode("unicode_escape").decode("ascii")

    return _HARMFUL.sub(escape, text)


def quoted(text: str) -> str:
    """`text` in quotes, as `repr` has it; but joiners aren't spelt out, for they are part of emoji."""
    return repr(text) if text.isprintable() else f"'{clean_text(text)}'"


def escape_json(text: str) -> str:
    """JSON `text` with what a terminal may obey as JSON's own escapes: it means the same."""
    return _HARMFUL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _seen(character: str) -> str:
    if character.isspace():
        return " "
    return "" if unicodedata.category(character) in _UNSEEN and character not in _JOINERS else character


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


_COMMAND = re.compile(r"`tsrevel (?!init|demo|sandbox|schema)(?![^`]*--(?:config|help))[^`]+(?=`)")


def with_config(text: str, config: str) -> str:
    """`text` with ` --config CONFIG` in each `` `tsrevel …` `` of it, so that people can copy the command."""
    return _COMMAND.sub(lambda found: f"{found[0]} --config {config}", text) if config else text


def is_whole(text: str) -> bool:
    """Whether `text` came from bytes that were UTF-8: Python keeps others of the environment as half characters."""
    return not any("\ud800" <= sign <= "\udfff" for sign in text)


MOST_CALL_NAME = 50
"""Live: "name | phone", some thirty characters; stations show it on one line."""
MOST_PHONE = 24
"""The longest international number, written with spaces and brackets."""
MOST_NOTES = 255
MOST_NAME_OVERRIDE = 100
MOST_SPECIAL_REQUEST = 255

_ELLIPSIS = "…"
_ZERO_WIDTH_JOINER = "\u200d"
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_FLAG_LETTERS = range(0x1F1E6, 0x1F200)


def shorten(text: str, most: int) -> str:
    """`text`, or as much of it as fits into `most` characters with a "…" behind it: never half a character."""
    if len(text) <= most:
        return text
    at = most - len(_ELLIPSIS)
    while at > 0 and not _is_border(text, at):
        at -= 1
    return text[:at].rstrip() + _ELLIPSIS


def _is_border(text: str, at: int) -> bool:
    """Whether a character, as people see it, begins at `at`: an accent, a joiner or half a flag doesn't."""
    following = text[at]
    if following == _ZERO_WIDTH_JOINER or text[at - 1] == _ZERO_WIDTH_JOINER:
        return False
    if unicodedata.category(following).startswith("M") or ord(following) in _SKIN_TONES or ord(following) in _TAGS:
        return False
    if ord(following) not in _FLAG_LETTERS:
        return True
    before = 0  # flag letters: two of them are one flag
    while before < at and ord(text[at - before - 1]) in _FLAG_LETTERS:
        before += 1
    return before % 2 == 0
