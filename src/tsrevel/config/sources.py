"""Reads the sources of settings as layers of given values: config file, mappings.toml, environment, flags.

Never shows a file's content.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path

from tsrevel.config.paths import is_there
from tsrevel.config.problems import (
    DEFAULT,
    GivenValue,
    Layer,
    Origin,
    ProblemReport,
    Source,
    file_origin,
    variable_origin,
)
from tsrevel.config.settings import GIVABLE, SECTION_NAMES, VARIABLES, VARIANTS, flag, suggest
from tsrevel.config.value_types import ValueKind
from tsrevel.errors import ConfigCode
from tsrevel.files import cure_roots_files, read_regular
from tsrevel.text import decode_text, is_whole, reason_of, trim

LARGEST_SETTINGS = 4 * 1024 * 1024
"""Bytes of a settings file or of mappings: some hundred times what a large group needs."""
SANDBOX_MAPPINGS = "# For the sandbox: production refuses these mappings."
"""The first line of mappings that a sandbox made."""


def read_toml(path: Path, key: str, report: ProblemReport) -> dict[str, object]:
    """The TOML document at `path`, with exact numbers. If it can't be read: empty, and a problem of `key` is noted."""
    origin = file_origin(path)
    try:
        text = decode_text(read_regular(path, LARGEST_SETTINGS))
    except OSError as error:
        message = f"{path} can't be read: {reason_of(error)}"
        report.add(ConfigCode.FILE_UNREADABLE, key, origin, message, _let_read(path))
        return {}
    except ValueError as error:
        message = f"{path} can't be read: it holds {error}"
        report.add(ConfigCode.FILE_NOT_TEXT, key, origin, message, "Save it as UTF-8.")
        return {}
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        remedy = "Correct that line: key = value, with text in quotes. Write each key and each [section] once."
        fault = re.sub(r"(.*) \(at (.*)\)", r" at \2: \1", str(error))  # it never shows a value
        report.add(ConfigCode.NOT_TOML, key, origin, f"{path} isn't TOML{fault}", remedy)
    except (ValueError, ArithmeticError, RecursionError):  # such as 5,000 digits, or a thousand nested lists
        message = f"{path} has a value that is too long or too deeply nested"
        report.add(ConfigCode.UNUSABLE_VALUE, key, origin, message, "Remove or shorten it.")
    return {}


def _let_read(path: Path) -> str:
    if os.path.isdir(path):  # noqa: PTH112 (Path's own raises if a folder above can't be read)
        return f"Name the file itself, such as {path / 'config.toml'}."
    if os.path.exists(path) and not os.path.isfile(path):  # noqa: PTH110, PTH113
        return "Replace it with a text file."
    cure = cure_roots_files(path)
    return f"Let this user read it. As root: {cure}" if cure else "Let this user read it."


def read_file(path: Path, report: ProblemReport) -> Layer:
    """The values of the config file. Unknown keys, and sections that aren't tables, are problems."""
    return read_document(read_toml(path, "config", report), file_origin(path), report)


def read_document(document: Mapping[str, object], origin: Origin, report: ProblemReport) -> Layer:
    """The values of a parsed TOML document, likewise."""
    layer: Layer = {}
    for name, value in document.items():
        if name not in SECTION_NAMES:
            _take(layer, name, GivenValue(value, origin), report)
        elif isinstance(value, dict):
            for key, inner in value.items():
                _take(layer, f"{name}.{key}", GivenValue(inner, origin), report)
        else:
            remedy = f"Write [{name}] on a line of its own above its keys."
            report.add(ConfigCode.WRONG_TYPE, name, origin, "must be a section", remedy)
    return layer


def read_flags(overrides: Mapping[str, object], report: ProblemReport) -> Layer:
    """The values of the command line, by dotted key. None means that a flag isn't used."""
    layer: Layer = {}
    for key, value in overrides.items():
        if value is not None:
            _take(layer, key, GivenValue(value, Origin(Source.FLAG, flag(key))), report)
    return layer


def _take(layer: Layer, key: str, given: GivenValue, report: ProblemReport) -> None:
    if key in GIVABLE:
        layer[key] = given
        return
    sections = [] if "." in key else SECTION_NAMES
    report.add(ConfigCode.UNKNOWN_KEY, key, given.origin, "isn't a setting", suggest(key, [*GIVABLE, *sections]))


def read_mappings(path: Path | None, report: ProblemReport, *, production: bool = False) -> GivenValue:
    """The `[[product]]` tables of mappings.toml; an empty list if there is no such file.

    In `production`, a file that was written for a sandbox is a problem.
    """
    if path is None or not is_there(path):
        return GivenValue([], DEFAULT)
    document = read_toml(path, "mappings", report)
    for name in document.keys() - {"product"}:
        remedy = "Write [[product]] above each mapping."
        report.add(
            ConfigCode.UNKNOWN_KEY, f"mappings.{name}", file_origin(path), "isn't a part of the mappings", remedy
        )
    unusable = report.spoils("mappings")
    if production and not unusable and decode_text(read_regular(path, LARGEST_SETTINGS)).startswith(SANDBOX_MAPPINGS):
        remedy = (
            "Move the file away and map production's products. If the mappings are production's, remove its first line."
        )
        report.add(
            ConfigCode.MAPPINGS_OF_SANDBOX, "mappings", file_origin(path), f"{path} was written for a sandbox", remedy
        )
    return GivenValue(document.get("product", []), file_origin(path))


_WORDS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
_WHOLE = re.compile(r"[+-]?\d{1,18}", re.ASCII)
KEEPS_SPACES = frozenset({"orders.name_separator"})
"""Blanks around these values are a part of them."""
_LISTS = frozenset({ValueKind.LIST, ValueKind.SECRETS})
_MAY_BE_BYTES = frozenset({"ledger.path", "serve.spool", "tripleseat.token_file", "tripleseat.webhook_signing_keys"})
"""These may be bytes that aren't text: paths, and the key of an HMAC. So may a secret's file or command."""

TODAY = frozenset(names[0] for names in VARIABLES.values()) | {"TSREVEL_CONFIG"}
"""Every TSREVEL_ name."""


def parse_flag(text: str) -> bool:
    """true/1/yes/on and false/0/no/off, in any case. Raises ValueError with the remedy."""
    try:
        return _WORDS[text.lower()]
    except KeyError:
        raise ValueError("Write true or false.") from None


def _parse_whole(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise ValueError("Write a whole number.")
    return int(text)


def _parse_number(text: str) -> float:
    try:
        return float(Decimal(text))
    except InvalidOperation:
        raise ValueError("Write a number.") from None


def _parse_list(text: str) -> list[str]:
    """Items between commas, without surrounding blanks. Empty items are dropped."""
    items = [item for item in map(trim, text.split(",")) if item]
    if not items:
        raise ValueError("Name at least one, or unset it.")
    return items


def _parse_tables(text: str) -> list[dict[str, object]]:
    try:
        tables = json.loads(text, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError):
        tables = None
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ValueError("Write a JSON array of objects: [{...}, {...}].")
    return tables


_PARSERS: dict[ValueKind, Callable[[str], object]] = {
    ValueKind.FLAG: parse_flag,
    ValueKind.WHOLE: _parse_whole,
    ValueKind.NUMBER: _parse_number,
    ValueKind.TEXT: str,
    ValueKind.LIST: _parse_list,
    ValueKind.TABLES: _parse_tables,
    ValueKind.SECRET: str,
    ValueKind.SECRETS: _parse_list,
}


def parse_setting(key: str, text: str) -> object:
    """The value of `text` for the setting `key`. Raises ValueError with the remedy."""
    return _PARSERS[GIVABLE[key]](text)


def lookup(environ: Mapping[str, str], name: str) -> str:
    """The variable's text without surrounding blanks; "" if it isn't set."""
    return trim(environ.get(name, ""))


def read_environment(environ: Mapping[str, str], report: ProblemReport) -> Layer:
    """The values of the environment. Unknown TSREVEL_ names, unreadable values and contradictions are problems."""
    layer: Layer = {}
    for key, names in VARIABLES.items():
        # a blank is an error for a list: a template with empty variables may give one
        blanks = GIVABLE[key] in _LISTS
        parsed = [
            _parse(environ, name, key, report)
            for name in names
            if environ.get(name) and (blanks or lookup(environ, name))
        ]
        found = [value for value in parsed if value is not None]
        if found:
            layer[key] = found[0]
        for other in found[1:]:
            if other.value != found[0].value:
                remedy = "Set one of the two, or both to the same value."
                message = f"differs from {other.origin}"
                report.add(ConfigCode.CONFLICTING_VALUES, key, found[0].origin, message, remedy)
    for name in environ:
        if name.startswith("TSREVEL_") and name not in TODAY and lookup(environ, name):
            report.add(
                ConfigCode.UNKNOWN_KEY, name, Origin(Source.ENVIRONMENT), "isn't a setting", suggest(name, TODAY)
            )
    return layer


def _parse(environ: Mapping[str, str], name: str, key: str, report: ProblemReport) -> GivenValue | None:
    text = environ[name] if key in KEEPS_SPACES else lookup(environ, name)
    origin = variable_origin(name)
    if not is_whole(text) and key not in _MAY_BE_BYTES and not key.endswith(VARIANTS):
        report.add(ConfigCode.NOT_TEXT, key, origin, "isn't UTF-8 text", "Set it again, as UTF-8.")
        return None
    try:
        return GivenValue(parse_setting(key, text), origin)
    except ValueError as error:
        if GIVABLE[key] in _LISTS:
            report.add(ConfigCode.EMPTY, key, origin, "names nothing", str(error))
        else:
            report.add(ConfigCode.WRONG_TYPE, key, origin, "can't be read", str(error))
        return None
