"""Keeps secrets out of output: a base for values that hold one, and a redactor for text that a service repeats."""

from __future__ import annotations

import base64
import binascii
import re
import threading
import unicodedata
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any
from urllib.parse import unquote, unquote_plus

LONGEST_QUOTE = 200
"""How many characters of a service's text a message shows."""
HIDDEN = "(hidden)"
LEFT_OUT = "(its text is left out because it repeats a secret)"
_SHORTEST = 4
"""Shorter values are not redacted: they appear anywhere by chance."""
_PIECE = 8
"""How many characters of a secret in a row reveal too much of it."""
_SURE = 12
"""Shorter secrets are not taken out of data: a price or an id may be the same by chance."""
_DEPTH, _MOST_VIEWS = 3, 400
_USUAL_WORDS = (
    "invalid client id and client secret, authorization code, code verifier, refresh token, access token, bearer token,"
    " api key, api secret, public key, signing key, password, credentials, sandbox, production, tripleseat, revel"
)
"""Words that services use innocently, even if a made-up secret consists of them."""


class Redactor:
    """The secrets of one invocation, added as they become known. Thread-safe."""

    def __init__(self, *secrets: str) -> None:
        self._lock = threading.Lock()
        self._known: tuple[str, ...] = ()
        self._stay: frozenset[str] = frozenset()
        self._short: frozenset[str] = frozenset()
        self._pieces: frozenset[str] = frozenset()
        self.add(*secrets)

    def add(self, *secrets: str, stay: bool = False) -> None:
        """Adds secrets: each whole, and its parts between colons and blanks.

        `stay`: they are never quoted, but stay in data, which has them from the service itself.
        """
        found = {part for each in secrets for part in (each.strip(), *re.split(r"[\s:]+", each))}
        with self._lock:
            self._stay = self._stay.union(found.difference(self._known)) if stay else self._stay - found
            new = {each for each in found if len(each) >= _SHORTEST}.difference(self._known)
            if not new:
                return
            self._known = tuple(sorted({*self._known, *new}, key=len, reverse=True))
            plain = {_plain(each) for each in self._known}
            self._short = frozenset(each for each in plain if _SHORTEST <= len(each) < _PIECE)
            self._pieces = frozenset(piece for each in plain for piece in _pieces_of(each)) - _INNOCENT

    def quote(self, text: str) -> str:
        """The part of `text` that a message may show: up to LONGEST_QUOTE characters, no secret in any form."""
        for secret in self._known:
            text = text.replace(secret, HIDDEN)
        text = text[:LONGEST_QUOTE]
        for view in map(_plain, _views(text)):
            if any(secret in view for secret in self._short):
                return LEFT_OUT
            if any(piece in self._pieces for piece in _pieces_of(view)):
                return LEFT_OUT
        return text

    def scrub(self, body: bytes, answer: Any) -> Any:  # noqa: ANN401 (JSON, whatever it is)
        """`answer`, which is `body` decoded, without any long secret in its texts and names. May change it in place."""
        long = [each for each in self._known if len(each) >= _SURE and each not in self._stay]
        if b"\\" not in body and not any(each.encode("utf-8", "surrogatepass") in body for each in long):
            return answer

        def clean(text: str) -> str:
            for secret in long:
                text = text.replace(secret, HIDDEN)
            return text

        return _replace_texts(answer, clean)


def _plain(text: str) -> str:
    """Only letters and digits, case and typography ignored: characters in between don't hide a secret."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))


def _pieces_of(plain: str) -> Iterator[str]:
    return (plain[at : at + _PIECE] for at in range(len(plain) - _PIECE + 1))


_INNOCENT = frozenset(_pieces_of(_plain(_USUAL_WORDS)))


def _views(text: str) -> set[str]:
    """`text`, and all results of decoding it in the known ways, up to three times in a row."""
    seen, newest = {text}, {text}
    for _ in range(_DEPTH):
        newest = {view for each in newest for view in _decoded(each)} - seen
        seen |= newest
        if len(seen) > _MOST_VIEWS:
            break
    return seen


def _decoded(text: str) -> Iterator[str]:
    yield unescape(text)
    yield unquote(text)
    yield unquote_plus(text)
    yield re.sub(r"(?:\\u\{?|\\x|U\+|%u|=)([0-9a-fA-F]{2,6})\}?", _of_hex, text)
    yield re.sub(r"(?:\\u|\\x|%|=)([0-9a-fA-F]{2})", _of_hex, text)
    yield re.sub(r"\\u([0-9a-fA-F]{4})", _of_hex, text)
    tight = re.sub(r"\s+", "", text)
    for digits in re.findall(r"[0-9a-fA-F]{8,}", re.sub(r"0x|[\s:,;-]", "", text)):
        yield from _try(bytes.fromhex, digits[: len(digits) // 2 * 2], digits[1 : (len(digits) - 1) // 2 * 2 + 1])
    for run in {*re.findall(r"[\w+/-]{6,}", text, re.ASCII), *re.findall(r"[\w+/-]{6,}", tight, re.ASCII)}:
        usual = run.replace("-", "+").replace("_", "/")
        yield from _try(_decode_base64, *(usual[start:] for start in range(4)))


def _of_hex(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    return chr(code) if code < 0x110000 else found[0]


def _decode_base64(run: str) -> bytes:
    whole = run[: -1 if len(run) % 4 == 1 else None]  # a cut text still reveals its beginning
    return base64.b64decode(whole + "=" * (-len(whole) % 4))


def _try(decode: Callable[[str], bytes], *texts: str) -> Iterator[str]:
    for text in texts:
        try:
            yield decode(text).decode("latin-1")
        except (ValueError, binascii.Error):
            continue  # another encoding


def _replace_texts(answer: Any, clean: Callable[[str], str]) -> Any:  # noqa: ANN401
    """`answer` with each text and each name in it cleaned. No recursion: nesting may be deep."""
    if isinstance(answer, str):
        return clean(answer)
    waiting = [answer]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, dict):
            pairs = [(clean(name), clean(each) if isinstance(each, str) else each) for name, each in inner.items()]
            inner.clear()
            inner.update(pairs)
            waiting += inner.values()
        elif isinstance(inner, list):
            inner[:] = [clean(each) if isinstance(each, str) else each for each in inner]
            waiting += inner
    return answer


class Secret:
    """For a dataclass with `repr=False`: neither `repr` nor rich shows any of its fields."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"
