"""Texts for people, no longer than Revel takes.

A string that is too long for its column surfaces as a 500 (facts Revel 2.3), in every run anew, and Revel publishes no
lengths. These stay well inside what such columns usually hold, and hold what live clients have sent (facts Revel 3.1).
"""

from __future__ import annotations

import unicodedata

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
_TAGS = range(0xE0020, 0xE0080)
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
    return ord(following) not in _FLAG_LETTERS or _flag_letters_before(text, at) % 2 == 0


def _flag_letters_before(text: str, at: int) -> int:
    count = 0
    while count < at and ord(text[at - count - 1]) in _FLAG_LETTERS:
        count += 1
    return count
