"""Shows the settings in force, each value with its origin. A secret only shows whether it is set."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from pydantic import SecretStr

from tsrevel.config.problems import DEFAULT
from tsrevel.config.rules import INHERITED
from tsrevel.config.settings import MASK, SETTINGS, LocationSettings, Section, Settings
from tsrevel.config.value_types import ValueKind
from tsrevel.config.write import beside, default_of, encode_value, plain_value, remark


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
    lines = [remark(f"{name}: {path or 'none'}") for name, path in list_paths(settings).items()]
    empty = [Shown(each.key, [], each.origin) for each in tables if not each.entries and each.key != "products"]
    for section, values in groupby(list_values(settings, spoilt), lambda each: each.key.rpartition(".")[0]):
        lines += ["", *([f"[{section}]"] if section else [])]
        lines += [_line(each) for each in [*values, *([] if section else empty)]]
    for table in tables:
        if table.key == "products" and table.entries:
            lines += ["", remark(f"from {table.origin}")]
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
    return beside(f"{shown.key.rpartition('.')[2]} = {encode_value(shown.value)}", told)


def _show_one(settings: Settings, key: str, *, spoilt: bool) -> Shown:
    value: object = attrgetter(key)(settings)
    origin, way = settings.origin(key), settings.way(key)
    if SETTINGS[key].secret:
        by = f", by {way.rpartition('.')[2]}" if way != key else ""
        masked: object = MASK if isinstance(value, SecretStr) and value.get_secret_value() else ""
        return Shown(key, [MASK for _ in value] if isinstance(value, tuple) else masked, f"{origin}{by}")
    if spoilt and origin != DEFAULT and plain_value(value) == default_of(key):
        return Shown(key, plain_value(value), f"default, because {origin} can't be used")
    meanings = {
        "tripleseat.token_url": settings.token_url,
        "tripleseat.token_file": str(settings.token_path),
        "revel.base_url": settings.revel_url,
        "ledger.path": str(settings.ledger_path),
        "serve.spool": str(settings.spool_path),
    }
    return Shown(key, plain_value(value), str(origin), "" if value else meanings.get(key, ""))


def _show_entry(settings: Settings, key: str, entry: Section) -> Iterator[Shown]:
    for name, field in type(entry).model_fields.items():
        value, origin = getattr(entry, name), str(DEFAULT)
        if name in entry.model_fields_set:
            origin = str(settings.origin(key))
        elif isinstance(entry, LocationSettings) and name in {*INHERITED, "timezone"}:
            source = name if name == "timezone" else f"revel.{name}"
            origin = f"{source}, {settings.origin(source)}"
        if value is not None:
            yield Shown(field.alias or name, plain_value(value), origin)
