"""Makes the text of a commented settings file from the template, which is config.example.toml. It writes no file.

Every setting keeps its line and its comment. A setting that isn't given has its default, commented out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from importlib.resources import files
from operator import attrgetter

import tomlkit
from tomlkit.items import AoT, Comment, Item, Key, Table

from tsrevel.config.settings import SECRETS, SETTINGS, VARIANTS, ChargeSettings, Configurable, LocationSettings, Section
from tsrevel.config.value_types import ValueKind
from tsrevel.text import clean_text


def encode_value(value: object) -> str:
    """A setting's value in TOML. Money and times of day become quoted text, as the settings require."""
    return tomlkit.item(plain_value(value)).as_string()


def plain_value(value: object) -> object:
    """A setting's value in the types that TOML and JSON share."""
    match value:
        case tuple() | list():
            return [plain_value(item) for item in value]
        case time():
            return value.strftime("%H:%M")
        case Decimal():
            return str(value)
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


def remark(text: str) -> str:
    """`text` as a comment on one line, without control characters, which TOML forbids in comments."""
    return f"# {clean_text(text)}"


def beside(line: str, text: str) -> str:
    """`line` with a remark at its end. The remarks of short lines are aligned."""
    return f"{line:<34}  {remark(text)}"


ALWAYS_SAID = ("environment", "timezone", "safety.dry_run", "safety.enable_connector", "safety.allowed_locations")
"""Always in the file, even with their defaults, because operators look for them there."""

_HEADER = """\
# tsrevel's settings, written by `tsrevel init`. A setting behind a # shows its default. Check this file with
# `tsrevel config validate`, see every value with `tsrevel config show`, and test it all with `tsrevel doctor`.
"""


@dataclass(frozen=True, slots=True)
class ConfigTable:
    """A table to write. If it isn't `live`, it is commented out, for a person to complete."""

    values: Mapping[str, object]
    remarks: tuple[str, ...] = ()
    live: bool = True


def read_template() -> str:
    """The text of config.example.toml, which comes with the program."""
    return files("tsrevel.config").joinpath("template.toml").read_text(encoding="utf-8")


def render_config(
    values: Mapping[str, object],
    charges: Sequence[ConfigTable] = (),
    locations: Sequence[ConfigTable] = (),
    remarks: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """The file's text. `values` by dotted key, secrets also by key_file or key_command. `remarks` go above a key."""
    tables = {"charges": charges, "locations": locations}

    def render(section: str, body: Iterable[tuple[Key | None, Item]]) -> Iterator[str]:
        for name, item in body:
            if name is None:
                yield item.as_string()
            elif isinstance(item, Table):
                yield f"[{name.key}]{item.trivia.comment_ws}{item.trivia.comment}\n"
                yield from render(f"{name.key}.", item.value.body)
            elif not isinstance(item, AoT):
                yield _render_setting(section + name.key, item.trivia.comment, values, remarks or {})
            elif tables[name.key]:
                yield "\n\n".join(_render_entries(name.key, tables[name.key])) + "\n\n"
                yield "".join(each.as_string() for _, each in item[-1].value.body if isinstance(each, Comment))
            else:  # an example, commented out
                for line in tomlkit.dumps({name.key: item}).splitlines(keepends=True):
                    yield line if line.startswith(("#", "\n")) else f"# {line}"

    body = tomlkit.parse(read_template()).body[2:]  # the first two lines say how to copy the example
    return "".join([_HEADER, *render("", body)])


def _render_setting(key: str, comment: str, values: Mapping[str, object], remarks: Mapping[str, Sequence[str]]) -> str:
    ways = [key, *(key + variant for variant in VARIANTS)] if key in SECRETS else [key]
    way = next((each for each in ways if each in values), None)
    value = default_of(key) if way is None else values[way]
    start = "# " if way is None and key not in ALWAYS_SAID else ""
    text = f"{start}{(way or key).rpartition('.')[2]} = {encode_value(value)}"
    above = [remark(each) for each in remarks.get(key, ())]
    return "\n".join([*above, f"{text:<32}  {comment}" if comment else text, ""])


def default_of(key: str) -> object:
    """The default of a setting outside tables. A secret's is empty."""
    empty: object = [] if SETTINGS[key] is ValueKind.SECRETS else ""
    return empty if SETTINGS[key].secret else plain_value(attrgetter(key)(Configurable()))


def _render_entries(name: str, entries: Sequence[ConfigTable]) -> Iterator[str]:
    model: type[Section] = ChargeSettings if name == "charges" else LocationSettings
    order = [field.alias or each for each, field in model.model_fields.items()]
    for entry in entries:
        keys = [key for key in order if key in entry.values] + [key for key in entry.values if key not in order]
        table = [f"[[{name}]]", *(f"{key} = {encode_value(entry.values[key])}" for key in keys)]
        lines = table if entry.live else [f"# {line}" for line in table]
        yield "\n".join([*(remark(text) for text in entry.remarks), *lines])
