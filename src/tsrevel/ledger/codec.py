"""Plans as JSON text and back, exactly. Texts that are not of the known shape are damage, never guessed at."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from typing import Any, get_args

from msgspec import to_builtins

from tsrevel.errors import LedgerDamaged
from tsrevel.planning.model import (
    EstablishmentId,
    EventId,
    Item,
    Location,
    LocationId,
    Plan,
    PlannedPayment,
    ProductId,
    SiteId,
    Step,
    StepKind,
)
from tsrevel.planning.money import Cents
from tsrevel.record import Record

_SHAPE = 1
"""Goes up when a field of the plan's records goes or changes its meaning; a migration rewrites old texts."""
_CAME_LATER: dict[type[Record], dict[str, object]] = {Location: {"currency": "USD"}}
"""Fields that plans of older versions lack, and what they meant without. A stored text is never rewritten for these."""


_KINDS: dict[str, StepKind] = {kind: kind for kind in get_args(StepKind)}
_NAMES: dict[type[Record], frozenset[str]] = {
    shape: frozenset(shape.__struct_fields__) for shape in (Plan, Location, Item, PlannedPayment, Step)
}


class _Misshapen(ValueError):
    """Some part of the text isn't what a plan has there. Never leaves this module."""


def encode_plan(plan: Plan) -> str:
    """`plan` as canonical JSON: the same plan gives the same text."""
    content = to_builtins(plan) | {"shape": _SHAPE}
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def decode_plan(text: str) -> Plan:
    """The plan that `encode_plan` wrote. LedgerDamaged if it isn't one, or of a shape unknown to this version."""
    try:
        return _decode_plan(json.loads(text))
    except ValueError as error:
        raise LedgerDamaged(
            f"A plan in the ledger can't be read ({error}): install the tsrevel that wrote it, or restore a backup."
        ) from error


def _decode_plan(content: object) -> Plan:
    raw = _object(content)
    if raw.get("shape") != _SHAPE:
        raise _Misshapen(f"its shape is {raw.get('shape')!r}, not {_SHAPE}")
    _check_names(raw, _NAMES[Plan] | {"shape"})
    return Plan(
        event_id=EventId(_text(raw["event_id"])),
        day=date.fromisoformat(_text(raw["day"])),
        location=_decode_location(_part(raw["location"], Location)),
        local_id=_text(raw["local_id"]),
        uuid=_text(raw["uuid"]),
        items=tuple(_decode_item(item) for item in _parts(raw["items"], Item)),
        discount=_cents(raw["discount"]),
        tax=_cents(raw["tax"]),
        gratuity=_cents(raw["gratuity"]),
        payments=tuple(
            PlannedPayment(uuid=_text(payment["uuid"]), amount=_cents(payment["amount"]))
            for payment in _parts(raw["payments"], PlannedPayment)
        ),
        steps=tuple(_decode_step(step) for step in _parts(raw["steps"], Step)),
    )


def _decode_location(raw: dict[str, Any]) -> Location:
    location, site = raw["tripleseat_location"], raw["tripleseat_site"]
    return Location(
        name=_text(raw["name"]),
        tripleseat_location=None if location is None else LocationId(_text(location)),
        tripleseat_site=None if site is None else SiteId(_text(site)),
        establishment=EstablishmentId(_whole(raw["establishment"])),
        timezone=_text(raw["timezone"]),
        user=_whole(raw["user"]),
        station=_whole(raw["station"]),
        dining_option=_whole(raw["dining_option"]),
        payment_type=_whole(raw["payment_type"]),
        discount=_whole(raw["discount"]),
        fallback_product=_whole(raw["fallback_product"]),
        currency=_text(raw["currency"]),
    )


def _decode_item(raw: dict[str, Any]) -> Item:
    return Item(
        uuid=_text(raw["uuid"]),
        product=ProductId(_whole(raw["product"])),
        quantity=_whole(raw["quantity"]),
        unit_price=_cents(raw["unit_price"]),
        line=_text(raw["line"]),
        override=_text(raw["override"]),
        note=_text(raw["note"]),
    )


def _decode_step(raw: dict[str, Any]) -> Step:
    kind = _KINDS.get(_text(raw["kind"]))
    if kind is None:
        raise _Misshapen(f"it has a step of kind {raw['kind']!r}")
    return Step(kind=kind, uuid=_text(raw["uuid"]), number=_whole(raw["number"]))


def _parts(value: object, shape: type[Item | PlannedPayment | Step]) -> Iterable[dict[str, Any]]:
    if not isinstance(value, list):
        raise _Misshapen(f"a {type(value).__name__} stands where a list must")
    return [_part(part, shape) for part in value]


def _part(value: object, shape: type[Location | Item | PlannedPayment | Step]) -> dict[str, Any]:
    raw = _CAME_LATER.get(shape, {}) | _object(value)
    _check_names(raw, _NAMES[shape])
    return raw


def _check_names(raw: dict[str, Any], expected: frozenset[str]) -> None:
    if raw.keys() != expected:
        raise _Misshapen(f"names missing or unknown: {', '.join(sorted(raw.keys() ^ expected))}")


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Misshapen(f"a {type(value).__name__} stands where an object must")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _Misshapen(f"a {type(value).__name__} stands where a text must")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _Misshapen(f"a {type(value).__name__} stands where a whole number must")
    return value


def _cents(value: object) -> Cents:
    return Cents(_whole(value))
