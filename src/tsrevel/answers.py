"""What a service answered, as JSON with exact numbers, and as much of a refusal as may be quoted. No network."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NoReturn

from tsrevel.redaction import Redactor
from tsrevel.text import clean_text

Json = Any
"""What `decode_json` gives: checked field by field at each decode boundary."""


_WORD = re.compile(r"[a-z_]{1,40}")


def decode_json(body: bytes) -> Json:
    """`body` as JSON, numbers with a point as `Decimal`. Raises ValueError, worded for a message."""
    text = body.lstrip()
    if text[:1] == b"<":
        raise ValueError("an HTML page")  # a login page, mostly (facts TripleSeat 1.7)
    if not text:
        raise ValueError("an empty body")
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, ArithmeticError, RecursionError) as error:  # ArithmeticError: 1e9999999999999999999
        raise ValueError("broken JSON") from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def quote_answer(body: bytes, redactor: Redactor, *, names_only: bool) -> str:
    """What the service said about it, kept short: its `error` text, else the fields it names (facts Revel 2.3).

    None of our secrets is in it, and never the rest of the answer, which may repeat what was sent; of the answer to a
    write (`names_only`), whose every text may do so, the names of fields alone.
    """
    try:
        answer = decode_json(body)
    except ValueError:
        return ""
    if not isinstance(answer, dict):
        return ""
    said = answer.get("error", answer.get("error_message"))
    if isinstance(said, str):
        text = "" if names_only else said + _describe(answer)
    else:
        text = ", ".join(_name_fields(said if isinstance(said, dict) else answer))
    text = clean_text(text)
    return f": {redactor.quote(text)}" if text else ""


def read_error_word(body: bytes) -> str:
    """The answer's `error` code, such as "invalid_grant" (RFC 6749 5.2); "" where it has none."""
    try:
        answer = decode_json(body)
    except ValueError:
        return ""
    word = answer.get("error") if isinstance(answer, dict) else None
    return word if isinstance(word, str) and _WORD.fullmatch(word) else ""


def tidy(text: str) -> str:
    """A service's text on one line, without tags and what can't be printed."""
    return clean_text(re.sub(r"<[^<>]*>", " ", text))


def _describe(answer: Mapping[str, Json]) -> str:
    """What stands beside an `error` code for a person to read (RFC 6749 5.2)."""
    text = answer.get("error_description")
    return f" ({tidy(text)})" if isinstance(text, str) and tidy(text) else ""


def _name_fields(answer: Mapping[str, Json]) -> list[str]:
    """The keys at the ends of nested objects: {"Order": {"tax": [...]}} names Order.tax."""
    names = []
    for key, value in answer.items():
        inner = value if isinstance(value, dict) else {}
        names += [f"{key}.{name}" for name in inner] or [key]
    return names
