"""`--location`, `--charge` and `--set`: text on the command line becomes what stands in a settings file."""

from __future__ import annotations

import json

import typer

from tsrevel.config import SETTINGS, ChargeSettings, LocationSettings
from tsrevel.config.settings import GIVABLE, suggest
from tsrevel.config.sources import parse_setting
from tsrevel.config.value_types import ValueKind, decode_whole
from tsrevel.tripleseat.locations import iana_zone

_LOCATION_FIELDS = {field.alias or name for name, field in LocationSettings.model_fields.items()}
_TREATMENTS = ("tax", "gratuity", "item", "ignore")


def read_location(text: str) -> dict[str, object]:
    """A `[[locations]]` entry from "key=value,..." or a JSON object. Raises typer.BadParameter."""
    said = _read_json(text) if text.lstrip().startswith("{") else _read_pairs(text)
    for key in said.keys() - _LOCATION_FIELDS:
        raise typer.BadParameter(f"--location: {key} is no part of a location. {suggest(key, _LOCATION_FIELDS)}")
    return name_zone({key: value if key == "name" else decode_whole(value) for key, value in said.items()})


def name_zone(entry: dict[str, object]) -> dict[str, object]:
    """The same with its time zone's IANA name, where TripleSeat's own name for it was given."""
    zone = entry.get("timezone")
    return entry | {"timezone": iana_zone(zone) or zone} if isinstance(zone, str) else entry


def read_charge(text: str) -> dict[str, object]:
    """A `[[charges]]` entry from "NAME=tax" or "NAME=item:PRODUCT", an id or a name. Raises typer.BadParameter."""
    match, sign, told = text.rpartition("=")
    treatment, _, product = (part.strip() for part in told.partition(":"))
    if not sign or not match.strip() or treatment not in _TREATMENTS or (treatment == "item") != bool(product):
        raise typer.BadParameter('--charge: write NAME=tax, NAME=gratuity, NAME=ignore or "NAME=item:PRODUCT"')
    key = "product" if product.isdecimal() else "product_name"
    return charge_entry(match.strip(), treatment, {key: decode_whole(product)} if product else {})


def charge_entry(match: str, treatment: str, product: dict[str, object]) -> dict[str, object]:
    """A charge as a settings file has it."""
    alias = ChargeSettings.model_fields["treat_as"].alias or "treat_as"
    return {"match": match, alias: treatment, **product}


def read_setting(text: str) -> tuple[str, object]:
    """A dotted key and its value from "KEY=VALUE". Raises typer.BadParameter, also for a secret."""
    key, sign, value = text.partition("=")
    key = key.strip()
    if not sign:
        raise typer.BadParameter("--set: write KEY=VALUE, such as time_gate.days_before=1")
    if key not in GIVABLE:
        raise typer.BadParameter(f"--set: {key} is no setting. {suggest(key, GIVABLE)}")
    if key in SETTINGS and SETTINGS[key].secret:
        raise typer.BadParameter(
            f"--set: {key} is a secret, and others see the command line. Give {key}_file or {key}_command, or set "
            "it in the environment"
        )
    if GIVABLE[key] is ValueKind.TABLES:
        raise typer.BadParameter(f"--set: {key} are tables; use --location or --charge")
    if key == "safety.dry_run":
        raise typer.BadParameter("--set: what init writes is a dry run; set safety.dry_run in the file to go live")
    try:
        return key, parse_setting(key, value.strip())
    except ValueError as error:
        raise typer.BadParameter(f"--set: {key} can't be read. {error}") from error


def _read_json(text: str) -> dict[str, object]:
    try:
        said = json.loads(text)
    except ValueError as error:
        raise typer.BadParameter("--location: that isn't JSON") from error
    return dict(said)


def _read_pairs(text: str) -> dict[str, object]:
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(key.strip() and sign for key, sign, _ in pairs):
        raise typer.BadParameter(
            '--location: write key=value,key=value (name="A, B" goes as JSON), such as '
            "name=Bakery,tripleseat_location=30501,revel_establishment=8,station=21"
        )
    return {key.strip(): value.strip() for key, _, value in pairs}
