"""Decodes, cleans and shortens text from elsewhere, to read, show, store and send it. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import timedelta

_HARMFUL = re.compile(
    "[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ud800-\udfff\ufff9-\ufffb]"
)  # controls, line and paragraph separators, marks that change the writing direction, halves of characters
LARGEST_ID = 10**18 - 1
"""No id has more digits, and the ledger's integers hold all of these."""
_ID = re.compile("[1-9][0-9]{0,17}")
"""Both services number from 1, in integers (facts TripleSeat 3.1, Revel 2.1)."""
_UNSEEN = frozenset({"Cc", "Cf", "Cs"})
_ZERO_WIDTH_JOINERS = "\u200c\u200d"
_TAGS = range(0xE0020, 0xE0080)
_JOINERS = frozenset({*_ZERO_WIDTH_JOINERS, *map(chr, _TAGS)})
_REPLACEMENT = "\ufffd"


def clean_text(text: str) -> str:
    """`text` for people, in one line: blanks of any kind become single spaces, invisible characters are left out."""
    seen = text if text.isprintable() else "".join(map(_seen, text))
    return " ".join(seen.split()).strip(f"{_ZERO_WIDTH_JOINERS} ")


def clean_texts(texts: Iterable[str]) -> list[str]:
    """Each of `texts` for people."""
    return [clean_text(text) for text in texts]


def exact_text(text: str) -> str:
    """`text` to be compared, such as a service's id: harmful characters are replaced, never left out.

    So it can be stored and shown, and doesn't equal the text without them.
    """
    return _HARMFUL.sub(_REPLACEMENT, text)


def show_controls(text: str, keep: str = "") -> str:
    r"""`text` with its control and other harmful characters as escapes ("\x1b", "\u202e"), except those in `keep`."""

    def escape(found: re.Match[str]) -> str:
        return found[0] if found[0] in keep else found[0].encode("unicode_escape").decode("ascii")

    return _HARMFUL.sub(escape, text)


def is_id(text: str) -> bool:
    """Whether `text` can be the id of anything at either service."""
    return _ID.fullmatch(text) is not None


def quoted(text: str) -> str:
    """`text` in quotes, like `repr`, but without escapes for joiners, which are part of emoji."""
    return repr(text) if text.isprintable() else f"'{clean_text(text)}'"


def install_extra(extra: str) -> str:
    """The remedy for a missing extra: tsrevel is installed from a clone, in different ways."""
    return f"install tsrevel again with '.[{extra}]' in place of '.' (docs/install.md)"


def count_of(number: int, noun: str) -> str:
    """ "1 name", "2 names"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def capitalised(text: str) -> str:
    """`text` as the beginning of a sentence."""
    return text[:1].upper() + text[1:]


def reason_of(error: OSError) -> str:
    """The operating system's own words for the error."""
    return error.strerror or type(error).__name__


def list_words(words: Sequence[str]) -> str:
    """ "one", "one and two", "one, two and three"."""
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def escape_json(text: str) -> str:
    """JSON `text` with JSON's own escapes for characters that a terminal may obey. Its meaning stays."""
    return _HARMFUL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _seen(character: str) -> str:
    if character.isspace():
        return " "
    return "" if unicodedata.category(character) in _UNSEEN and character not in _JOINERS else character


MARK = "\ufeff"
"""The byte order mark, which some editors put before a text. It is not part of the text."""
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_BLANKS = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""The characters that `str.strip` removes."""
_TRIMMED = f"{_BLANKS}{MARK}\u200b\u2060"


def decode_text(data: bytes) -> str:
    """`data` as text without its byte order mark. The ValueError says what it is instead, without its content."""
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
    """`text` without blanks, line ends, byte order marks and zero-width characters around it."""
    return text.strip(_TRIMMED)


_COMMAND = re.compile(r"`tsrevel (?!init|demo|sandbox|schema)(?![^`]*--(?:config|help))[^`]+(?=`)")


def with_config(text: str, config: str) -> str:
    """Adds ` --config CONFIG` to each `` `tsrevel …` `` in `text`, so people can copy the command."""
    return _COMMAND.sub(lambda found: f"{found[0]} --config {config}", text) if config else text


def is_whole(text: str) -> bool:
    """Whether `text` came from UTF-8 bytes: Python turns other bytes of the environment into half characters."""
    return not any("\ud800" <= sign <= "\udfff" for sign in text)


MOST_CALL_NAME = 50
"""Live orders have "name | phone", some thirty characters. Stations show it on one line."""
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
    """`text`, or as much of it as fits into `most` characters with a "…" at the end: never half a character."""
    if len(text) <= most:
        return text
    at = most - len(_ELLIPSIS)
    while at > 0 and not _is_border(text, at):
        at -= 1
    return text[:at].rstrip() + _ELLIPSIS


def _is_border(text: str, at: int) -> bool:
    """Whether a character, as people see it, begins at `at`: an accent, a joiner or half a flag doesn't begin one."""
    following = text[at]
    if following == _ZERO_WIDTH_JOINER or text[at - 1] == _ZERO_WIDTH_JOINER:
        return False
    if unicodedata.category(following).startswith("M") or ord(following) in _SKIN_TONES or ord(following) in _TAGS:
        return False
    if ord(following) not in _FLAG_LETTERS:
        return True
    before = 0  # two flag letters make one flag
    while before < at and ord(text[at - before - 1]) in _FLAG_LETTERS:
        before += 1
    return before % 2 == 0


def show_span(span: timedelta) -> str:
    """A time span for people: "12 min", "3 h 5 min", "2 days"."""
    minutes = max(int(span.total_seconds()) // 60, 0)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // (24 * 60)} days"
