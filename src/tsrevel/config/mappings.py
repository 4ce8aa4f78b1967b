"""Changes mappings.toml. Everything that a person wrote there stays, including comments and order."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import tomlkit
from tomlkit.items import AoT, Comment

from tsrevel.config.problems import ProblemReport
from tsrevel.config.rules import build_entries, whole_entries
from tsrevel.config.settings import ProductEntry
from tsrevel.config.sources import LARGEST_SETTINGS, SANDBOX_MAPPINGS, read_mappings
from tsrevel.errors import ConfigCode, ConfigError, ConfigProblem
from tsrevel.files import DISK_FULL, cure_roots_files, make_folder, read_regular, replace_file
from tsrevel.planning.products import normalise
from tsrevel.text import decode_text, reason_of


@dataclass(frozen=True, slots=True)
class MappingKey:
    """The subject of a mapping: a menu item, or else a line of that name, at an establishment."""

    establishment: int
    name: str | None = None
    menu_item_id: int | None = None

    def fits(self, mapping: ProductEntry) -> bool:
        """Whether `mapping` is for this subject. Names are compared as in planning."""
        if mapping.establishment != self.establishment or mapping.menu_item_id != self.menu_item_id:
            return False
        return normalise(mapping.name or "") == normalise(self.name or "")


def load_mappings(path: Path) -> tuple[ProductEntry, ...]:
    """The mappings in the file, in its order; none without a file. Raises ConfigError if it can't be used."""
    report = ProblemReport()
    found = whole_entries(build_entries(ProductEntry, "product", read_mappings(path, report), report))
    report.close()
    return found


def set_mapping(
    path: Path, subject: MappingKey, product: int, like: Path | None = None, *, sandbox: bool = False
) -> tuple[ProductEntry, ...]:
    """Map `subject` to `product`. Returns the mappings that it had before.

    A new file takes its mode and owner from the file `like`; for a `sandbox` its first line says so.
    Raises ConfigError if the file can't be used or written, and leaves it unchanged.
    """
    loaded = load_mappings(path)
    numbers = [n for n, mapping in enumerate(loaded) if subject.fits(mapping)]
    if numbers and all(loaded[n].product == product for n in numbers):
        return tuple(loaded[n] for n in numbers)
    text = _read(path)
    if not text and sandbox:
        text = f"{SANDBOX_MAPPINGS}\n"
    document = tomlkit.parse(text)
    entries = document.setdefault("product", tomlkit.aot())
    for n in numbers:
        entries[n]["product"] = product
    if not numbers:
        by = {"name": subject.name} if subject.menu_item_id is None else {"menu_item_id": subject.menu_item_id}
        entries.append({"establishment": subject.establishment, **by, "product": product})
        if isinstance(entries, AoT) and text:
            entries[-1].trivia.indent = "\n" if text.endswith("\n") else "\n\n"
    _write(path, document.as_string(), like)
    return tuple(loaded[n] for n in numbers)


def unset_mapping(path: Path, subject: MappingKey) -> tuple[ProductEntry, ...]:
    """Remove the mappings of `subject`, and return them. Comments on lines of their own stay.

    Raises what `set_mapping` raises.
    """
    loaded = load_mappings(path)
    numbers = [n for n, mapping in enumerate(loaded) if subject.fits(mapping)]
    if not numbers:
        return ()
    document, end = tomlkit.parse(_read(path)), ""
    entries = document["product"]
    for n in reversed(numbers):
        if isinstance(entries, AoT):
            # The comment above the next header is part of this table: it moves to that header, or to the file's end.
            left = "".join(each.as_string() for _, each in entries[n].value.body if isinstance(each, Comment))
            if n + 1 < len(entries):
                entries[n + 1].trivia.indent = left + entries[n + 1].trivia.indent
            else:
                end = left
        del entries[n]
    if not entries:
        del document["product"]
    text = document.as_string() + end
    _write(path, "" if text.strip() == SANDBOX_MAPPINGS else text, None)
    return tuple(loaded[n] for n in numbers)


def _read(path: Path) -> str:
    try:
        return decode_text(read_regular(path, LARGEST_SETTINGS))
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise _unwritable(path, error) from error
    except ValueError as error:
        message = f"can't be read: it holds {error}"
        raise _problem(ConfigCode.FILE_NOT_TEXT, path, message, "Save it as UTF-8.") from error


def _write(path: Path, text: str, like: Path | None) -> None:
    if "\r\n" in text:
        text = re.sub(r"(?<!\r)\n", "\r\n", text)
    try:
        make_folder(path.parent)
        replace_file(path, text.encode(), like)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> ConfigError:
    if error.errno in DISK_FULL:
        remedy = "The disk is full. Make room, then try again."
    else:
        remedy = "Run the command as the user who owns the file, or let this user write to it."
        if not os.access(path.parent, os.W_OK | os.X_OK, effective_ids=True):
            remedy = f"Let this user write to the folder {path.parent}, or run the command as its owner."
        cure = cure_roots_files(path)
        remedy += f" As root: {cure}" if cure else ""
    message = f"can't be changed: {reason_of(error)}"
    return _problem(ConfigCode.FILE_UNWRITABLE, path, message, remedy)


def _problem(code: ConfigCode, path: Path, message: str, remedy: str) -> ConfigError:
    return ConfigError(ConfigProblem(code, "mappings", path.name, f"{path} {message}", remedy))
