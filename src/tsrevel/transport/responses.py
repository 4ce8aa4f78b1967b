"""What a service answered, as JSON with exact numbers, and as much of a refusal as may be quoted. No network."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from tsrevel.errors import AnswerFault, NotJson, ServiceCode
from tsrevel.redaction import Redactor
from tsrevel.text import clean_text

Json = Any
"""What `decode_json` gives: checked field by field at each decode boundary."""

MOST_DIGITS = 64
"""Of a number, before and behind its point: no amount and no id has so many."""
_LONGEST_PATH = 4
"""Names."""
MOST_NESTED = 100
"""Objects and lists within each other: facts TripleSeat 3 and Revel 3 show no more than ten."""


class Unusable:
    """What stands in an answer where no service has anything: see `UNUSABLE`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "(unusable)"


UNUSABLE: Final = Unusable()
"""In place of a number that can't be one (NaN, Infinity, 5,000 digits), and of what is nested too deeply.

It is no number, no text, no list and no object, so each reader refuses it where it stands: it spoils its own row, never
the other rows of the same answer.
"""
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{]|[\]}]', re.DOTALL)
_WORD = re.compile(r"[a-z_]{1,40}")
_CODES = {str(code): code for code in ServiceCode if _WORD.fullmatch(code) and code is not ServiceCode.OTHER}


def decode_json(body: bytes) -> Json:
    """`body` as JSON, numbers with a point as `Decimal`. Raises NotJson, worded for a message.

    Single values that can't be used are `UNUSABLE` in it.
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
    return (number or Decimal(0)) if fits else UNUSABLE  # -0.0 is nothing


def _cut_nesting(text: bytes) -> bytes:
    """JSON text with NaN in place of all that is nested more than MOST_NESTED deep."""
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
    """Where in an object something unusable stands, or is nested too deeply: the names on the way there."""
    if _is_usable(row):
        return []
    found, ahead = [], [(row, "", 0)]
    while ahead:
        value, path, depth = ahead.pop()
        if value is UNUSABLE or depth > MOST_NESTED:
            found.append(path)
        elif isinstance(value, dict):
            named = path.count(".") >= _LONGEST_PATH - 1  # nobody would look for what lies deeper than that
            prefix = f"{path}." if path else ""
            for key, inner in value.items():
                ahead.append((inner, path if named else prefix + key, depth + 1))
        elif isinstance(value, list):
            ahead.extend((inner, path, depth + 1) for inner in value)
    return sorted(set(found))


def _is_usable(row: Json) -> bool:
    """Whether nothing is to be found: nearly always, and told several times as fast without the names."""
    level = [row]
    for _ in range(MOST_NESTED + 1):
        if UNUSABLE in level:
            return False
        objects = [each for each in level if isinstance(each, dict | list)]
        if not objects:
            return True
        level = [inner for each in objects for inner in (each.values() if isinstance(each, dict) else each)]
    return not level


def quote_answer(body: bytes, redactor: Redactor, *, names_only: bool) -> str:
    """What the service said about it, kept short: its `error` text, else the fields it names (facts Revel 2.3).

    None of our secrets is in it, and never the rest of the answer, which may repeat what was sent; of the answer to a
    write (`names_only`), whose every text may do so, the names of fields alone.
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
    """The answer's `error` code; None where it has none. Nothing else of a service's text is ever asked."""
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
    """The object that an answer is; an empty one where it is none."""
    try:
        answer = decode_json(body)
    except NotJson:
        return {}
    return answer if isinstance(answer, dict) else {}


def tidy(text: str) -> str:
    """A service's text on one line, without tags and what can't be printed."""
    return clean_text(re.sub(r"<[^<>]*>", " ", text))


def _name_fields(answer: Mapping[str, Json]) -> list[str]:
    """The keys at the ends of nested objects: {"Order": {"tax": [...]}} names Order.tax."""
    names = []
    for key, value in answer.items():
        inner = value if isinstance(value, dict) else {}
        names += [f"{key}.{name}" for name in inner] or [key]
    return names
