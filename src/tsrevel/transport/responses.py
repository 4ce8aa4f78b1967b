"""Decodes answers as JSON with exact numbers, and quotes refusals without secrets. No network."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from tsrevel.errors import AnswerFault, NotJson, ServiceCode
from tsrevel.redaction import Redactor
from tsrevel.text import clean_text

Json = Any
"""A value from `decode_json`. The decoders of each service check it field by field."""


MOST_DIGITS = 64
"""Digits of a number on each side of its point. No amount or id has more."""
_LONGEST_PATH = 4
"""Names in a path."""
MOST_NESTED = 100
"""Levels of nested objects and lists: facts TripleSeat 3 and Revel 3 show at most ten."""


class Unusable:
    """The type of `UNUSABLE`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "(unusable)"


UNUSABLE: Final = Unusable()
"""Replaces an impossible number (NaN, Infinity, 5,000 digits), and a value that is nested too deeply.

It is no number, text, list or object, so each reader refuses it. It spoils its own row, never the other rows of the
same answer.
"""
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{]|[\]}]', re.DOTALL)
_WORD = re.compile(r"[a-z_]{1,40}")
_ERROR_KEYS = frozenset({"success", "status", "error", "error_description", "error_message", "error_uri", "message"})
_CODES = {str(code): code for code in ServiceCode if _WORD.fullmatch(code) and code is not ServiceCode.OTHER}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeAnswer:
    """The answer to a raw request of a probe. `refused`: the status of a refusal. `problem`: why there is no answer."""

    refused: int | None = None
    problem: str = ""

    @property
    def failure(self) -> str:
        """The refusal or the problem, without a full stop; "" if it is a good answer."""
        if self.problem:
            return self.problem.rstrip(".")
        return f"refused with status {self.refused}" if self.refused else ""


def decode_json(body: bytes) -> Json:
    """`body` as JSON, its decimal numbers as `Decimal`. Raises NotJson, whose text fits into a message.

    A single value that can't be used becomes `UNUSABLE`.
    """
    text = body.removeprefix(codecs.BOM_UTF8).lstrip()
    if text[:1] == b"<":
        raise NotJson("an HTML page", AnswerFault.HTML_PAGE)  # a login page, mostly (facts TripleSeat 1.7)
    if not text:
        raise NotJson("an empty body", AnswerFault.EMPTY)
    try:
        try:
            answer = _parse(text)
        except RecursionError:
            answer = _parse(_cut_nesting(text))
    except (ValueError, RecursionError) as error:
        raise NotJson("broken JSON", AnswerFault.BROKEN_JSON) from error
    if answer is UNUSABLE:
        raise NotJson("broken JSON", AnswerFault.BROKEN_JSON)
    return answer


def _parse(text: bytes) -> Json:
    return json.loads(text, parse_int=_read_whole, parse_float=_read_decimal, parse_constant=lambda _: UNUSABLE)


def _read_whole(text: str) -> int | Unusable:
    return int(text) if len(text) <= MOST_DIGITS else UNUSABLE


def _read_decimal(text: str) -> Decimal | Unusable:
    try:
        number = Decimal(text)
    except ArithmeticError:  # 1e9999999999999999999
        return UNUSABLE
    fits = len(text) <= 2 * MOST_DIGITS and abs(number.adjusted()) <= MOST_DIGITS
    return (number or Decimal(0)) if fits else UNUSABLE  # -0.0 becomes 0


def _cut_nesting(text: bytes) -> bytes:
    """JSON text with NaN instead of everything that is nested deeper than MOST_NESTED."""
    pieces, kept, depth = [], 0, 0
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if sign in b"[{":
            depth += 1
            if depth == MOST_NESTED + 1:
                pieces.append(text[kept : token.start()])
        elif sign in b"]}":
            if depth == MOST_NESTED + 1:
                pieces.append(b"NaN")
                kept = token.end()
            depth -= 1
    return text if depth else b"".join([*pieces, text[kept:]])


def find_unusable(row: Json) -> list[str]:
    """The paths to all values of an object that are unusable or nested too deeply: names joined by points."""
    if _is_usable(row):
        return []
    found, ahead = [], [(row, "", 0)]
    while ahead:
        value, path, depth = ahead.pop()
        if value is UNUSABLE or depth > MOST_NESTED:
            found.append(path)
        elif isinstance(value, dict):
            named = path.count(".") >= _LONGEST_PATH - 1  # deeper names would help nobody
            prefix = f"{path}." if path else ""
            for key, inner in value.items():
                ahead.append((inner, path if named else prefix + key, depth + 1))
        elif isinstance(value, list):
            ahead.extend((inner, path, depth + 1) for inner in value)
    return sorted(set(found))


def _is_usable(row: Json) -> bool:
    """Whether every value is usable. This is several times as fast as collecting names, and nearly always true."""
    level = [row]
    for _ in range(MOST_NESTED + 1):
        if UNUSABLE in level:
            return False
        objects = [each for each in level if isinstance(each, dict | list)]
        if not objects:
            return True
        level = [inner for each in objects for inner in (each.values() if isinstance(each, dict) else each)]
    return not level


def is_only_error(answer: Json) -> bool:
    """Whether an answer with the status of a success is nothing but an error (facts TripleSeat 1.7)."""
    if not isinstance(answer, dict) or not answer.keys() <= _ERROR_KEYS:
        return False
    return answer.get("success") is False or any(answer.get(name) for name in ("error", "error_message"))


def quote_answer(body: bytes, redactor: Redactor, *, names_only: bool) -> str:
    """The service's reason for a refusal, short: its `error` text, else the fields that it names (facts Revel 2.3).

    It has none of our secrets, and nothing of the rest of the answer, which may repeat what was sent. Any text in the
    answer to a write may repeat it, so with `names_only` it has only the names of fields.
    """
    answer = _read_object(body)
    said = answer.get("error", answer.get("error_message"))
    if not isinstance(said, str):
        text = ", ".join(_name_fields(said if isinstance(said, dict) else answer))
    elif names_only:
        text = ""
    else:
        more = answer.get("error_description")  # for a person to read (RFC 6749 5.2)
        more = tidy(more) if isinstance(more, str) else ""
        text = f"{said} ({more})" if more else said
    text = clean_text(text)
    return f": {redactor.quote(text)}" if text else ""


def read_service_code(body: bytes) -> ServiceCode | None:
    """The answer's `error` code; None if it has none. No decision depends on any other text of a service."""
    answer = _read_object(body)
    word = answer.get("error")
    word = word if isinstance(word, str) and _WORD.fullmatch(word) else ""
    if word in _CODES:
        return _CODES[word]
    texts = (answer.get(name) for name in ("error", "error_message", "error_description"))
    if any(ServiceCode.TOKEN_WITHOUT_USER.lower() in text.lower() for text in texts if isinstance(text, str)):
        return ServiceCode.TOKEN_WITHOUT_USER
    return ServiceCode.OTHER if word else None


def _read_object(body: bytes) -> Mapping[str, Json]:
    """The answer as an object, empty if it isn't one."""
    try:
        answer = decode_json(body)
    except NotJson:
        return {}
    return answer if isinstance(answer, dict) else {}


def tidy(text: str) -> str:
    """A service's text on one line, without tags and unprintable characters."""
    return clean_text(re.sub(r"<[^<>]*>", " ", text))


def _name_fields(answer: Mapping[str, Json]) -> list[str]:
    """The keys at the ends of nested objects: {"Order": {"tax": [...]}} names Order.tax."""
    names = []
    for key, value in answer.items():
        inner = value if isinstance(value, dict) else {}
        names += [f"{key}.{name}" for name in inner] or [key]
    return names
