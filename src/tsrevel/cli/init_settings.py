"""The settings that `init` writes: from a file, the environment and options. Options win, then the environment."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import get_args

import typer

from tsrevel.config import SETTINGS, ChargeSettings, LocationSettings, Settings, TripleSeatSettings, check_document
from tsrevel.config.load import place_files
from tsrevel.config.paths import expand_path, is_there, settings_folder
from tsrevel.config.problems import GivenValue, Layer, Origin, ProblemReport, Source
from tsrevel.config.render import ConfigTable, render_config
from tsrevel.config.rules import choose_locations, read_legacy_location
from tsrevel.config.settings import GIVABLE, SECRETS, VARIANTS, suggest
from tsrevel.config.sources import KEEPS_SPACES, parse_setting, read_environment, read_file
from tsrevel.config.value_types import ValueKind, decode_rate, decode_whole, split_url, url_of_domain
from tsrevel.planning.model import Treatment
from tsrevel.tripleseat.account import iana_zone

_LOCATION_FIELDS = {field.alias or name for name, field in LocationSettings.model_fields.items()}
TREATMENTS = get_args(Treatment)


def read_location(text: str) -> dict[str, object]:
    """A `[[locations]]` entry from "key=value,...". Raises typer.BadParameter."""
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(key.strip() and sign for key, sign, _ in pairs):
        raise typer.BadParameter(
            "--location: write key=value,key=value, such as "
            "name=Bakery,tripleseat_location=30501,revel_establishment=8,station=21"
        )
    said = {key.strip(): value.strip() for key, _, value in pairs}
    for key in said.keys() - _LOCATION_FIELDS:
        raise typer.BadParameter(f"--location: a location has no {key}. {suggest(key, _LOCATION_FIELDS)}")
    return _name_zone({key: value if key == "name" else decode_whole(value) for key, value in said.items()})


def _name_zone(entry: dict[str, object]) -> dict[str, object]:
    """The entry with the IANA name of its time zone, also if TripleSeat's name was given."""
    zone = entry.get("timezone")
    return entry | {"timezone": iana_zone(zone) or zone} if isinstance(zone, str) else entry


def read_charge(text: str) -> dict[str, object]:
    """A `[[charges]]` entry from "NAME=tax", or "NAME=item:PRODUCT" with an id or a name. Raises typer.BadParameter."""
    match, sign, told = text.rpartition("=")
    treatment, _, product = (part.strip() for part in told.partition(":"))
    if not sign or not match.strip() or treatment not in TREATMENTS or (treatment == "item") != bool(product):
        named = ", ".join(f"NAME={each}" for each in TREATMENTS if each != "item")
        raise typer.BadParameter(f'--charge: write {named} or "NAME=item:PRODUCT"')
    return charge_entry(match.strip(), treatment, product)


def charge_entry(match: str, treatment: str, product: str) -> dict[str, object]:
    """A charge as a settings file has it. `product` is an id, a name, or "" for none."""
    entry: dict[str, object] = {"match": match, ChargeSettings.model_fields["treat_as"].alias or "treat_as": treatment}
    if product:
        entry["product" if product.isdecimal() else "product_name"] = decode_whole(product)
    return entry


def read_setting(text: str) -> tuple[str, object]:
    """A dotted key and its value from "KEY=VALUE". Raises typer.BadParameter, also for a secret."""
    key, sign, value = text.partition("=")
    key = key.strip()
    if not sign:
        raise typer.BadParameter("--set: write KEY=VALUE, such as time_gate.days_before=1")
    if key not in GIVABLE:
        raise typer.BadParameter(f"--set: there is no setting {key}. {suggest(key, GIVABLE)}")
    if key in SETTINGS and SETTINGS[key].secret:
        raise typer.BadParameter(
            f"--set: {key} is a secret, and others can read the command line. Set {key}_file or {key}_command, or set "
            "it in the environment"
        )
    if GIVABLE[key] is ValueKind.TABLES:
        raise typer.BadParameter(f"--set: {key} is a list of tables; use --location or --charge")
    if key == "safety.dry_run":
        raise typer.BadParameter("--set: init always writes safety.dry_run = true; change it in the file to go live")
    try:
        return key, parse_setting(key, value if key in KEEPS_SPACES else value.strip())
    except ValueError as error:
        raise typer.BadParameter(f"--set: {key} can't be read. {error}") from error


STATE_KEYS = ("ledger.path", "tripleseat.token_file", "serve.spool")
"""The settings that say where an account's state is."""


@dataclass(frozen=True, slots=True)
class InitOptions:
    """The options of `init`. `--set`, `--location` and `--charge` are as typed."""

    output: Path | None = None
    prefill: bool = False
    source: Path | None = None
    locations: tuple[str, ...] = ()
    charges: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()


@dataclass(slots=True)
class SettingsDraft:
    """Settings by dotted key, entries, and comments for the file by key."""

    values: dict[str, object] = field(default_factory=dict, repr=False)
    locations: list[ConfigTable] = field(default_factory=list)
    charges: list[ConfigTable] = field(default_factory=list)
    remarks: dict[str, list[str]] = field(default_factory=dict)
    replaces: Path | None = None
    """The settings file that the new file replaces: it is for the same account."""
    state: Mapping[str, Path] = field(default_factory=dict)
    """Where the state of those settings is, by the keys of STATE_KEYS."""
    left: list[str] = field(default_factory=list)
    """Texts on what wasn't taken from them."""

    def keep_state(self) -> list[str]:
        """Name the state that exists in the settings, so that the new file goes on with it, wherever it is.

        Its defaults beside the new file would begin a new ledger. Returns the paths.
        """
        kept = {key: str(path) for key, path in self.state.items() if not self.values.get(key) and is_there(path)}
        self.values |= kept
        return list(kept.values())

    def put(self, key: str, value: object) -> None:
        """Set one value. A secret replaces its other forms (value, file, command)."""
        plain = plain_key(key)
        for variant in ("", *VARIANTS):
            self.values.pop(plain + variant, None)
        self.values[key] = value

    def has(self, key: str) -> bool:
        """Whether the setting is given; a secret counts in any form."""
        given = [self.values.get(key + variant) for variant in ("", *VARIANTS)]
        return any(value not in (None, "", [], 0) for value in given)

    def render(self, *, places: bool = True) -> str:
        """The file's text, with locations only if `places`."""
        return render_config(self.values, self.charges, self.locations if places else (), self.remarks)

    def check(self, path: Path, environ: Mapping[str, str], *, places: bool = True) -> Settings:
        """The settings as they will be read back. Raises ConfigError with every problem."""
        return check_document(tomllib.loads(self.render(places=places), parse_float=Decimal), path, environ)


def plain_key(key: str) -> str:
    """The key of the secret that this file or command provides; any other key unchanged."""
    return next((secret for secret in SECRETS for variant in VARIANTS if key == secret + variant), key)


def gather(options: InitOptions, environ: Mapping[str, str]) -> SettingsDraft:
    """The draft before anyone is asked. Raises ConfigError for file and environment, typer.BadParameter for options."""
    draft = SettingsDraft()
    report = ProblemReport()
    source = options.source
    written: Layer = read_file(source, report) if source else {}
    variables = read_environment(environ, report)
    for key, given in written.items():
        _take(draft, key, _anchor(key, given.value, environ, source))
    for key, given in variables.items():
        _take(draft, key, _anchor(key, given.value, environ, source) if source else given.value)
    if source:
        asked = {key: each.value for key, each in variables.items()} | dict(map(read_setting, options.settings))
        _refuse_other_account(source, {key: each.value for key, each in written.items()}, asked)
        paths = place_files({**written, **variables}, source, environ, report)
        draft.replaces, draft.state = source, dict(zip(STATE_KEYS, paths, strict=True))
    found = draft.values.pop("locations", None)
    listed = None if found is None else GivenValue(found, Origin(Source.FILE, "file or environment"))
    place = choose_locations(listed, read_legacy_location(environ, report), report)
    report.close()
    draft.values.pop("safety.dry_run", None)
    if "safety.dry_run" in written and written["safety.dry_run"].value is False:
        draft.left.append(
            f"set safety.dry_run = false once you have checked the file: {source} is live, this one is dry"
        )
    draft.locations = _entries(place.value if place else [])
    draft.charges = _entries(draft.values.pop("charges", []))
    for key, value in map(read_setting, options.settings):
        _take(draft, key, _anchor(key, value, environ, None))
    draft.locations += [ConfigTable(read_location(text)) for text in options.locations]
    draft.charges += [ConfigTable(read_charge(text)) for text in options.charges]
    return draft


def _refuse_other_account(source: Path, written: Mapping[str, object], asked: Mapping[str, object]) -> None:
    """Raise typer.BadParameter if a value names another account than the file: that must not get its ledger."""
    account = _tell_account({**written, **asked})
    for part, value in _tell_account(written).items():
        if value and account[part] and account[part] != value:
            raise typer.BadParameter(
                f"--from goes on with the account, ledger and token of {source}, and {part} is another one there; "
                "leave it out, or write the other account's settings without --from"
            )


def _tell_account(values: Mapping[str, object]) -> Mapping[str, str]:
    """The account that the settings are for, by its parts; "" for what they don't say."""
    seat = values.get("tripleseat.base_url") or TripleSeatSettings.model_fields["base_url"].default
    revel = values.get("revel.base_url") or url_of_domain(str(values.get("revel.domain") or ""))
    return {
        "environment": str(values.get("environment") or "production").strip(),
        "TripleSeat's address": _host_of(str(seat)),
        "tripleseat.client_id": str(values.get("tripleseat.client_id") or "").strip(),
        "the Revel account": _host_of(str(revel)),
    }


def _host_of(url: str) -> str:
    """The host and port of a URL, which may have a path that tsrevel cuts; any other text unchanged."""
    parts = split_url(url.strip())
    return parts.netloc.lower() if parts else url


def _entries(value: object) -> list[ConfigTable]:
    entries = value if isinstance(value, list) else []
    return [ConfigTable(_name_zone(dict(each))) for each in entries if isinstance(each, dict)]


def _take(draft: SettingsDraft, key: str, value: object) -> None:
    if SETTINGS.get(key) is ValueKind.NUMBER:
        value = decode_rate(value)
    if key == "safety.allowed_locations" and isinstance(value, list):
        value = [decode_whole(each) for each in value]
    if key == "timezone" and isinstance(value, str):
        value = iana_zone(value) or value
    draft.put(key, value)


def _anchor(key: str, value: object, environ: Mapping[str, str], source: Path | None) -> object:
    """A path as absolute: from the folder of its settings file, or on the command line from the current folder."""
    if not isinstance(value, str) or not value or not (key.endswith("_file") or key in STATE_KEYS):
        return value
    return str(expand_path(value, environ, settings_folder(source) if source else Path.cwd()))
