"""The config file, mappings.toml and the flags, as layers of given values. Never shows what stands in a file."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

from tsrevel.config.keys import GIVABLE, SECTION_NAMES, flag, suggest
from tsrevel.config.paths import is_there
from tsrevel.config.problems import DEFAULT, GivenValue, Layer, Origin, ProblemReport, Source, file_origin
from tsrevel.errors import ConfigCode
from tsrevel.files import cure_roots_files, read_regular
from tsrevel.text import decode_text

LARGEST_SETTINGS = 4 * 1024 * 1024
"""Bytes of a settings file, or of mappings: some hundred times what a large group needs."""
SANDBOX_MAPPINGS = "# For the sandbox: production refuses these mappings."
"""The first line of mappings that were begun in a sandbox."""
_PLACE = re.compile(r"\(at (line \d+, column \d+|end of document)\)")


def read_toml(path: Path, key: str, report: ProblemReport) -> dict[str, object]:
    """The TOML document at `path`, numbers exact; empty, with a problem noted for `key`, when it can't be."""
    origin = file_origin(path)
    try:
        text = decode_text(read_regular(path, LARGEST_SETTINGS))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        report.add(ConfigCode.FILE_UNREADABLE, key, origin, f"{path} can't be read: {reason}", _let_read(path))
        return {}
    except ValueError as error:
        message = f"{path} isn't UTF-8 text: it holds {error}"
        report.add(ConfigCode.FILE_NOT_TEXT, key, origin, message, "Save it as UTF-8.")
        return {}
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        found = _PLACE.search(str(error))
        where = f" at {found[1]}" if found else ""
        remedy = "Mend that line: key = value, text in quotes."
        report.add(ConfigCode.NOT_TOML, key, origin, f"{path} isn't TOML{where}", remedy)
    except (
        ValueError,
        ArithmeticError,
        RecursionError,
    ):  # a number of 5,000 digits, say, or a list in a list in a list
        message = f"{path} holds a value that no setting has"
        report.add(ConfigCode.UNUSABLE_VALUE, key, origin, message, "Look for a very long or nested value.")
    return {}


def _let_read(path: Path) -> str:
    if os.path.isdir(path):  # noqa: PTH112 (Path's own raises where a folder above is shut)
        return f"Name the file itself, such as {path / 'config.toml'}."
    if os.path.exists(path) and not os.path.isfile(path):  # noqa: PTH110, PTH113
        return "Put a file of text in its place."
    cure = cure_roots_files(path)
    return f"Let this user read it; as root: {cure}" if cure else "Let this user read it."


def read_file(path: Path, report: ProblemReport) -> Layer:
    """What the config file gives. Unknown keys, and sections that are none, are problems."""
    return read_document(read_toml(path, "config", report), file_origin(path), report)


def read_document(document: Mapping[str, object], origin: Origin, report: ProblemReport) -> Layer:
    """The same of a parsed TOML document."""
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
    """What the command line gives, by dotted key; None is a flag that wasn't used."""
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
    report.add(ConfigCode.UNKNOWN_KEY, key, given.origin, "is no setting", suggest(key, [*GIVABLE, *sections]))


def read_mappings(path: Path | None, report: ProblemReport, *, production: bool = False) -> GivenValue:
    """The `[[product]]` tables of mappings.toml; an empty list when there is no such file.

    For `production` it is a problem if the file was written for a sandbox.
    """
    if path is None or not is_there(path):
        return GivenValue([], DEFAULT)
    document = read_toml(path, "mappings", report)
    for name in document.keys() - {"product"}:
        remedy = "Write [[product]] above each mapping."
        report.add(ConfigCode.UNKNOWN_KEY, f"mappings.{name}", file_origin(path), "is no part of the mappings", remedy)
    if production and not report.spoils("mappings") and _is_for_sandbox(path):
        remedy = "Move the file away, and map the products of production; or take its first line out if they are these."
        report.add(
            ConfigCode.MAPPINGS_OF_SANDBOX, "mappings", file_origin(path), f"{path} was written for a sandbox", remedy
        )
    return GivenValue(document.get("product", []), file_origin(path))


def _is_for_sandbox(path: Path) -> bool:
    return read_regular(path, LARGEST_SETTINGS).decode().startswith(SANDBOX_MAPPINGS)
