"""Text that comes from elsewhere, made fit to be shown, stored and sent. Pure.

A service's text is cleaned where it comes in (`clean_text`, and `exact_text` for what is compared); what comes from the
operator or the machine is shown with `show_controls`. Joiners, variation selectors and tags stay everywhere: emoji and
some scripts are written with them.
"""

from __future__ import annotations

import re
import unicodedata

_HARMFUL = re.compile(
    "[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ud800-\udfff\ufff9-\ufffb]"
)  # controls, line and paragraph separators, marks that turn the direction of writing, halves of characters
_UNSEEN = frozenset({"Cc", "Cf", "Cs"})
_ZERO_WIDTH_JOINERS = "\u200c\u200d"
_JOINERS = frozenset({*_ZERO_WIDTH_JOINERS, *map(chr, range(0xE0020, 0xE0080))})
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
    return _HARMFUL.sub(lambda found: found[0] if found[0] in keep else _escape(found[0]), text)


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


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
