"""Makes TOML of settings: a commented settings file, and the settings in force. It writes no file.

A commented file follows the template, config.example.toml: every setting keeps its line and its comment. A setting that
isn't given has its default, commented out. The settings in force show each value's origin, and of a secret only whether
it is set.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from importlib.resources import files
from itertools import groupby
from operator import attrgetter

import tomlkit
from pydantic import SecretStr
from tomlkit.items import AoT, Comment, Item, Key, Table

from tsrevel.config.problems import DEFAULT
from tsrevel.config.rules import INHERITED
from tsrevel.config.settings import (
    MASK,
    SECRETS,
    SETTINGS,
    VARIANTS,
    ChargeSettings,
    Configurable,
    LocationSettings,
    Section,
    Settings,
)
from tsrevel.config.value_types import ValueKind
from tsrevel.text import clean_text


def _encode_value(value: object) -> str:
    """A setting's value in TOML. Money and times of day become quoted text, as the settings require."""
    return tomlkit.item(_plain_value(value)).as_string()


def _plain_value(value: object) -> object:
    """A setting's value in the types that TOML and JSON share."""
    match value:
        case tuple() | list():
            return [_plain_value(item) for item in value]
        case time():
            return value.strftime("%H:%M")
        case Decimal():
            return str(value)
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


def _remark(text: str) -> str:
    """`text` as a comment on one line, without control characters, which TOML forbids in comments."""
    return f"# {clean_text(text)}"


def _beside(line: str, text: str) -> str:
    """`line` with a remark at its end. The remarks of short lines are aligned."""
    return f"{line:<34}  {_remark(text)}"


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
    value = _default_of(key) if way is None else values[way]
    start = "# " if way is None and key not in ALWAYS_SAID else ""
    text = f"{start}{(way or key).rpartition('.')[2]} = {_encode_value(value)}"
    above = [_remark(each) for each in remarks.get(key, ())]
    return "\n".join([*above, f"{text:<32}  {comment}" if comment else text, ""])


def _default_of(key: str) -> object:
    """The default of a setting outside tables. A secret's is empty."""
    empty: object = [] if SETTINGS[key] is ValueKind.SECRETS else ""
    return empty if SETTINGS[key].secret else _plain_value(attrgetter(key)(Configurable()))


def _render_entries(name: str, entries: Sequence[ConfigTable]) -> Iterator[str]:
    model: type[Section] = ChargeSettings if name == "charges" else LocationSettings
    order = [field.alias or each for each, field in model.model_fields.items()]
    for entry in entries:
        keys = [key for key in order if key in entry.values] + [key for key in entry.values if key not in order]
        table = [f"[[{name}]]", *(f"{key} = {_encode_value(entry.values[key])}" for key in keys)]
        lines = table if entry.live else [f"# {line}" for line in table]
        yield "\n".join([*(_remark(text) for text in entry.remarks), *lines])


# The settings in force


@dataclass(frozen=True, slots=True)
class Shown:
    """A value to show (secrets are masked) and its origin. `means` is the effective value of an empty one."""

    key: str
    value: object
    origin: str
    means: str = ""


@dataclass(frozen=True, slots=True)
class ShownTable:
    """The entries of an array of tables, and their origin."""

    key: str
    entries: tuple[tuple[Shown, ...], ...]
    origin: str


def list_values(settings: Settings, spoilt: Collection[str] = ()) -> list[Shown]:
    """Every setting outside tables by dotted key, in the file's order. `spoilt` are the keys with a problem."""
    keys = [key for key, kind in SETTINGS.items() if kind is not ValueKind.TABLES]
    return [_show_one(settings, key, spoilt=key in spoilt) for key in keys]


def list_tables(settings: Settings) -> list[ShownTable]:
    """Charges, locations (with what they take from [revel]) and the mappings of mappings.toml."""
    entries: dict[str, tuple[Section, ...]] = {
        "charges": settings.charges,
        "locations": settings.locations,
        "products": settings.products,
    }
    return [
        ShownTable(key, tuple(tuple(_show_entry(settings, key, each)) for each in given), str(settings.origin(key)))
        for key, given in entries.items()
    ]


def render_toml(settings: Settings, spoilt: Collection[str] = ()) -> str:
    """The settings as valid TOML, with each value's origin in a comment behind it.

    The `[[product]]` tables at its end belong in mappings.toml.
    """
    tables = list_tables(settings)
    lines = [_remark(f"{name}: {path or 'none'}") for name, path in list_paths(settings).items()]
    empty = [Shown(each.key, [], each.origin) for each in tables if not each.entries and each.key != "products"]
    for section, values in groupby(list_values(settings, spoilt), lambda each: each.key.rpartition(".")[0]):
        lines += ["", *([f"[{section}]"] if section else [])]
        lines += [_line(each) for each in [*values, *([] if section else empty)]]
    for table in tables:
        if table.key == "products" and table.entries:
            lines += ["", _remark(f"from {table.origin}")]
        name = "product" if table.key == "products" else table.key
        for entry in table.entries:
            lines += ["", f"[[{name}]]", *(_line(each) for each in entry)]
    return "\n".join(lines) + "\n"


def encode_settings(settings: Settings, spoilt: Collection[str] = ()) -> dict[str, dict[str, object]]:
    """The same for JSON: {"value", "origin"} by dotted key. An entry of a table has that for each of its fields."""
    shown = {each.key: _encode(each) for each in list_values(settings, spoilt)}
    for table in list_tables(settings):
        entries = [{each.key: _encode(each) for each in entry} for entry in table.entries]
        shown[table.key] = {"value": entries, "origin": table.origin}
    return shown


def list_paths(settings: Settings) -> dict[str, str | None]:
    """The paths of this installation's files, even if they don't exist."""
    paths = {
        "config": settings.config_path,
        "mappings": settings.mappings_path,
        "ledger": settings.ledger_path,
        "token_file": settings.token_path,
        "spool": settings.spool_path,
    }
    return {name: None if path is None else str(path) for name, path in paths.items()}


def _encode(shown: Shown) -> dict[str, object]:
    return {"value": shown.value, "origin": shown.origin}


def _line(shown: Shown) -> str:
    told = f"{shown.origin}: {shown.means}" if shown.means else shown.origin
    return _beside(f"{shown.key.rpartition('.')[2]} = {_encode_value(shown.value)}", told)


def _show_one(settings: Settings, key: str, *, spoilt: bool) -> Shown:
    value: object = attrgetter(key)(settings)
    origin, way = settings.origin(key), settings.way(key)
    if SETTINGS[key].secret:
        by = f", by {way.rpartition('.')[2]}" if way != key else ""
        masked: object = MASK if isinstance(value, SecretStr) and value.get_secret_value() else ""
        return Shown(key, [MASK for _ in value] if isinstance(value, tuple) else masked, f"{origin}{by}")
    if spoilt and origin != DEFAULT and _plain_value(value) == _default_of(key):
        return Shown(key, _plain_value(value), f"default, because {origin} can't be used")
    meanings = {
        "tripleseat.token_url": settings.token_url,
        "tripleseat.token_file": str(settings.token_path),
        "revel.base_url": settings.revel_url,
        "ledger.path": str(settings.ledger_path),
        "serve.spool": str(settings.spool_path),
    }
    return Shown(key, _plain_value(value), str(origin), "" if value else meanings.get(key, ""))


def _show_entry(settings: Settings, key: str, entry: Section) -> Iterator[Shown]:
    for name, field in type(entry).model_fields.items():
        value, origin = getattr(entry, name), str(DEFAULT)
        if name in entry.model_fields_set:
            origin = str(settings.origin(key))
        elif isinstance(entry, LocationSettings) and name in {*INHERITED, "timezone"}:
            source = name if name == "timezone" else f"revel.{name}"
            origin = f"{source}, {settings.origin(source)}"
        if value is not None:
            yield Shown(field.alias or name, _plain_value(value), origin)
