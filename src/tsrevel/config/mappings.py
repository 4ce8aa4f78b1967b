"""Changes to mappings.toml, line by line: whatever a person wrote there stays as it is, comments and order included.

A change is written only if the file, read back, holds exactly the mappings it held before and that change; else it is
refused, the file as it was.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import tomli_w

from tsrevel.config.problems import ProblemReport
from tsrevel.config.rules import build_entries, whole_entries
from tsrevel.config.settings import ProductEntry
from tsrevel.config.sources import LARGEST_SETTINGS, SANDBOX_MAPPINGS, read_mappings
from tsrevel.errors import ConfigCode, ConfigError, ConfigProblem
from tsrevel.files import DISK_FULL, cure_roots_files, make_folder, read_regular, replace_file
from tsrevel.planning.products import normalise
from tsrevel.text import decode_text

_HEADER = re.compile(r"\s*\[\[\s*(?:product|\"product\"|'product')\s*\]\]\s*(?:#.*)?")
_TABLE = re.compile(r"\s*\[")
_PRODUCT = re.compile(r"(\s*(?:product|\"product\"|'product')\s*=\s*)([^\s#]+)(.*)", re.DOTALL)
_COMMENT = re.compile(r"\s*(?:#.*)?")

Tables = list[dict[str, object]]


@dataclass(frozen=True, slots=True)
class MappingKey:
    """What a mapping is for: a menu item, or else a line of that name, at an establishment."""

    establishment: int
    name: str | None = None
    menu_item_id: int | None = None

    def fits(self, mapping: ProductEntry) -> bool:
        """Whether `mapping` is for this. Names are compared as planning compares them."""
        if mapping.establishment != self.establishment or mapping.menu_item_id != self.menu_item_id:
            return False
        return normalise(mapping.name or "") == normalise(self.name or "")


def load_mappings(path: Path) -> tuple[ProductEntry, ...]:
    """The mappings in the file, in its order; none without one. Raises ConfigError for a file that isn't sound."""
    report = ProblemReport()
    found = whole_entries(build_entries(ProductEntry, "product", read_mappings(path, report), "name", report))
    report.close()
    return found


def set_mapping(
    path: Path, subject: MappingKey, product: int, like: Path | None = None, *, sandbox: bool = False
) -> tuple[ProductEntry, ...]:
    """Map `subject` to `product`, whatever it was mapped to before: what that was.

    A new file takes its mode and owner from the file `like`, and for a `sandbox` says so in its first line.
    Raises ConfigError, the file as it was, where it isn't sound, can't be written, or is written in a way that can't be
    changed line by line.
    """
    loaded = load_mappings(path)
    numbers = [n for n, mapping in enumerate(loaded) if subject.fits(mapping)]
    by: dict[str, object] = {"name": subject.name}
    if subject.menu_item_id is not None:
        by = {"menu_item_id": subject.menu_item_id}
    entry = {"establishment": subject.establishment, **by, "product": product}

    def expect(tables: Tables) -> Tables:
        changed = [{**table, "product": product} if n in numbers else table for n, table in enumerate(tables)]
        return changed if numbers else [*tables, entry]

    def edit(lines: list[str]) -> list[str]:
        if not lines and sandbox:
            lines = [f"{SANDBOX_MAPPINGS}\n"]
        return _change_products(lines, numbers, product) if numbers else _append(lines, entry)

    _rewrite(path, edit, expect, like)
    return tuple(loaded[n] for n in numbers)


def unset_mapping(path: Path, subject: MappingKey) -> tuple[ProductEntry, ...]:
    """Take the mappings of `subject` out: what they were. Comments on lines of their own stay.

    Raises what `set_mapping` raises.
    """
    loaded = load_mappings(path)
    numbers = [n for n, mapping in enumerate(loaded) if subject.fits(mapping)]
    if numbers:
        _rewrite(
            path,
            lambda lines: _remove(lines, numbers),
            lambda tables: [table for n, table in enumerate(tables) if n not in numbers],
            None,
        )
    return tuple(loaded[n] for n in numbers)


def _append(lines: list[str], entry: Mapping[str, object]) -> list[str]:
    """The lines with the entry behind them, a blank line between."""
    end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    block = [line + end for line in ("[[product]]", *tomli_w.dumps(entry).rstrip("\n").split("\n"))]
    if not lines:
        return block
    ended = lines[-1] if lines[-1].endswith("\n") else lines[-1] + end
    return [*lines[:-1], ended, *([end] if ended.strip() else []), *block]


def _change_products(lines: list[str], numbers: Sequence[int], product: int) -> list[str]:
    changed = list(lines)
    for begin, end in _blocks(lines, numbers):
        for at in range(begin, end):
            found = _PRODUCT.fullmatch(lines[at])
            if found:
                changed[at] = f"{found[1]}{product}{found[3]}"
    return changed


def _remove(lines: list[str], numbers: Sequence[int]) -> list[str]:
    gone: set[int] = set()
    for begin, end in _blocks(lines, numbers):
        written = [at for at in range(begin, end) if not _COMMENT.fullmatch(lines[at].rstrip("\r\n"))]
        gone.update(written)
        after = written[-1] + 1
        if after < len(lines) and not lines[after].strip():
            gone.add(after)  # the blank line that set it apart
    left = [line for at, line in enumerate(lines) if at not in gone]
    return [] if "".join(left).strip() == SANDBOX_MAPPINGS else left


def _blocks(lines: list[str], numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Where the entries of these numbers begin and end, by line; none for one that has no header of its own."""
    headers = [at for at, line in enumerate(lines) if _HEADER.fullmatch(line.rstrip("\r\n"))]
    tables = [at for at, line in enumerate(lines) if _TABLE.match(line)]
    ends = {at: next((other for other in tables if other > at), len(lines)) for at in headers}
    return [(headers[n], ends[headers[n]]) for n in numbers if n < len(headers)]


def _rewrite(
    path: Path, edit: Callable[[list[str]], list[str]], expect: Callable[[Tables], Tables], like: Path | None
) -> None:
    try:
        before = decode_text(read_regular(path, LARGEST_SETTINGS))
    except FileNotFoundError:
        before = ""
    except OSError as error:
        raise _unwritable(path, error) from error
    except ValueError as error:
        message = f"isn't UTF-8 text: it holds {error}"
        raise _problem(ConfigCode.FILE_NOT_TEXT, path, message, "Save it as UTF-8.") from error
    lines = re.findall(r"[^\n]*\n|[^\n]+", before)  # as TOML counts them: str.splitlines also ends one at mere text
    after = "".join(edit(lines))
    if _tables(after) != expect(_tables(before) or []):
        message = "is written in a way that can't be changed line by line"
        raise _problem(ConfigCode.NOT_EDITABLE, path, message, "Make this change in it with an editor.")
    try:
        make_folder(path.parent)
        replace_file(path, after.encode(), like)
    except OSError as error:
        raise _unwritable(path, error) from error


def _tables(text: str) -> Tables | None:
    """The [[product]] tables in `text`; None where it holds anything else, or isn't TOML."""
    try:
        document = tomllib.loads(text, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError):
        return None
    tables = document.pop("product", [])
    return tables if not document else None


def _unwritable(path: Path, error: OSError) -> ConfigError:
    if error.errno in DISK_FULL:
        remedy = "The disk is full: make room, then do it again."
    else:
        remedy = "Do it as the user who owns it, or let this user write to it."
        if not os.access(path.parent, os.W_OK | os.X_OK, effective_ids=True):
            remedy = f"Let this user write to the folder {path.parent}, or do it as the user who owns that."
        cure = cure_roots_files(path)
        remedy += f" As root: {cure}" if cure else ""
    message = f"can't be changed: {error.strerror or type(error).__name__}"
    return _problem(ConfigCode.FILE_UNWRITABLE, path, message, remedy)


def _problem(code: ConfigCode, path: Path, message: str, remedy: str) -> ConfigError:
    return ConfigError((ConfigProblem(code, "mappings", path.name, f"{path} {message}", remedy),))
