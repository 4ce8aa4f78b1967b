"""Environment variables, old names and new, as a layer of given values.

An empty one counts as not set: it leaves in force what the file says. A list that is given and names nothing, such as
"," or " ", is a problem: read as "no list", it would open what the list is there to close.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation

from tsrevel.config.keys import GIVABLE, VARIANTS, suggest, variable, variables
from tsrevel.config.kinds import ValueKind
from tsrevel.config.problems import GivenValue, Layer, ProblemReport, variable_origin
from tsrevel.errors import ConfigCode
from tsrevel.text import is_whole, trim

_WORDS = {
    "true": True,
    "1": True,
    "yes": True,
    "on": True,
    "false": False,
    "0": False,
    "no": False,
    "off": False,
}
_WHOLE = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_KEEPS_SPACES = frozenset({"orders.name_separator"})
_LISTS = frozenset({ValueKind.LIST, ValueKind.SECRETS})
_MAY_BE_BYTES = frozenset({"ledger.path", "tripleseat.token_file", "tripleseat.webhook_signing_keys"})
"""A path, and the key of an HMAC, are bytes: they need not be text. The same goes for a secret's file or command."""

TODAY = frozenset(variable(key) for key in GIVABLE) | {"TSREVEL_CONFIG"}
"""Every TSREVEL_ name there is."""


def parse_flag(text: str) -> bool:
    """true/1/yes/on and false/0/no/off, in any case. Raises ValueError with the remedy."""
    try:
        return _WORDS[text.lower()]
    except KeyError:
        raise ValueError("Write true or false.") from None


def parse_whole(text: str) -> int:
    """A whole number. Raises ValueError with the remedy."""
    if not _WHOLE.fullmatch(text):
        raise ValueError("Write a whole number.")
    return int(text)


def parse_number(text: str) -> float:
    """A number such as 2.5. Raises ValueError with the remedy."""
    try:
        return float(Decimal(text))
    except InvalidOperation:
        raise ValueError("Write a number.") from None


def parse_list(text: str) -> list[str]:
    """Items between commas, without the space around them; empty ones fall away. Raises ValueError if that is all."""
    items = [item for item in map(trim, text.split(",")) if item]
    if not items:
        raise ValueError("Name at least one, or unset it.")
    return items


def parse_tables(text: str) -> list[dict[str, object]]:
    """A JSON array of objects. Raises ValueError with the remedy."""
    try:
        tables = json.loads(text, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError):
        tables = None
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ValueError('Write a JSON array of objects: [{"name": "...", ...}].')
    return tables


_PARSERS: dict[ValueKind, Callable[[str], object]] = {
    ValueKind.FLAG: parse_flag,
    ValueKind.WHOLE: parse_whole,
    ValueKind.NUMBER: parse_number,
    ValueKind.TEXT: str,
    ValueKind.LIST: parse_list,
    ValueKind.TABLES: parse_tables,
    ValueKind.SECRET: str,
    ValueKind.SECRETS: parse_list,
}


def parse_setting(key: str, text: str) -> object:
    """The value that `text` means for the setting `key`. Raises ValueError with the remedy."""
    return _PARSERS[GIVABLE[key]](text)


def lookup(environ: Mapping[str, str], name: str) -> str:
    """The variable's text without the space around it; "" when it isn't set."""
    return trim(environ.get(name, ""))


def read_environment(environ: Mapping[str, str], report: ProblemReport) -> Layer:
    """What the environment gives. Unknown TSREVEL_ names, unreadable values and contradictions are problems."""
    layer: Layer = {}
    for key in GIVABLE:
        found = [_parse(environ, name, key, report) for name in variables(key) if _is_given(environ, name, key)]
        readable = [given for given in found if given is not None]
        if readable:
            layer[key] = readable[0]
            _check_agreement(key, readable, report)
    _check_names(environ, report)
    return layer


def _is_given(environ: Mapping[str, str], name: str, key: str) -> bool:
    """Whether the variable says anything. Blanks alone do so for a list: so a template ends whose names are empty."""
    return bool(environ.get(name)) if GIVABLE[key] in _LISTS else bool(lookup(environ, name))


def _parse(environ: Mapping[str, str], name: str, key: str, report: ProblemReport) -> GivenValue | None:
    text = environ[name] if key in _KEEPS_SPACES else lookup(environ, name)
    origin = variable_origin(name)
    if not is_whole(text) and key not in _MAY_BE_BYTES and not key.endswith(VARIANTS):
        report.add(ConfigCode.NOT_TEXT, key, origin, "isn't UTF-8 text", "Set it anew, as UTF-8.")
        return None
    try:
        return GivenValue(parse_setting(key, text), origin)
    except ValueError as error:
        if GIVABLE[key] in _LISTS:
            report.add(ConfigCode.EMPTY, key, origin, "names nothing", str(error))
        else:
            report.add(ConfigCode.WRONG_TYPE, key, origin, "can't be read", str(error))
        return None


def _check_agreement(key: str, found: list[GivenValue], report: ProblemReport) -> None:
    for other in found[1:]:
        if other.value != found[0].value:
            remedy = "Set one of the two, or both to the same value."
            report.add(ConfigCode.CONFLICTING_VALUES, key, found[0].origin, f"differs from {other.origin}", remedy)


def _check_names(environ: Mapping[str, str], report: ProblemReport) -> None:
    for name in environ:
        if name.startswith("TSREVEL_") and name not in TODAY and lookup(environ, name):
            report.add(ConfigCode.UNKNOWN_KEY, name, variable_origin(name), "is no setting", suggest(name, TODAY))
