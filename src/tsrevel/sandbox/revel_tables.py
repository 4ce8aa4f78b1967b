"""The pretend Revel's rows, and what it accepts into them (facts Revel 2.2, 2.3).

Rows are kept as they are sent, but with exact decimals where Revel sends floats. The rules that tie resources
to each other are in `revel_orders`.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import NoReturn

from tsrevel.sandbox.revel_query import link_id
from tsrevel.sandbox.revel_schema import RESOURCES, Resource
from tsrevel.sandbox.wsgi import AnswerError, Json, json_response

OFFSET = re.compile(r"(Z|[+-]\d\d:?\d\d)$")
SIX = Decimal("0.000001")


@dataclass(slots=True)
class Tables:
    """Every row by resource and id. `hidden` counts, per row, the look-ups it still stays out of."""

    rows: dict[str, dict[int, Json]] = field(default_factory=lambda: {name: {} for name in RESOURCES})
    issued: dict[str, int] = field(default_factory=dict)
    hidden: dict[tuple[str, int], int] = field(default_factory=dict)
    printed_ignored: set[int] = field(default_factory=set)

    def next_id(self, name: str, first: int) -> int:
        """The next free number of a series that begins at `first`."""
        number = self.issued.get(name, first - 1) + 1
        self.issued[name] = number
        return number

    def insert(self, resource: Resource, values: Json, row_id: int | None = None) -> Json:
        """A new row from accepted values; what isn't given has the resource's defaults."""
        number = row_id if row_id is not None else self.next_id(resource.name, resource.first_id)
        row = {
            "id": number,
            "uuid": str(uuid.UUID(int=number)),
            **resource.fresh(),
            **values,
            "resource_uri": resource.uri(number),
        }
        self.rows[resource.name][number] = row
        return row

    def follow(self, uri: str) -> Json | None:
        """The row that a URI names; Establishment and User answer under both prefixes."""
        parts = uri.strip("/").split("/")
        number = link_id(uri)
        if len(parts) != 3 or parts[1] not in self.rows or number is None:
            return None
        return self.rows[parts[1]].get(number)

    def linked(self, resource: str, name: str, target_id: int) -> list[Json]:
        """The rows of a resource whose link `name` points at a row id, oldest first."""
        return [row for row in self.rows[resource].values() if link_id(row.get(name)) == target_id]

    def is_seen(self, resource: str, row_id: int) -> bool:
        """Whether a look-up may see the row; counts the look-up where it may not."""
        left = self.hidden.get((resource, row_id), 0)
        if left:
            self.hidden[resource, row_id] = left - 1
        return not left


def accept_new(tables: Tables, resource: Resource, body: Json, dropped: Collection[str]) -> Json:
    """The values of a POST that are kept. Raises AnswerError with 400 or 500 as Revel refuses it."""
    sent = [name for name in ("id", "resource_uri") if name in body]
    if sent:
        refuse(resource, dict.fromkeys(sent, "This field may not be sent."))
    missing = [name for name in resource.required if body.get(name) is None]
    if missing:
        refuse(resource, dict.fromkeys(missing, "This field is required."))
    return accept_changes(tables, resource, body, dropped)


def accept_changes(tables: Tables, resource: Resource, body: Json, dropped: Collection[str]) -> Json:
    """The values of a PATCH or POST that are kept, in the form they are kept in.

    Keys that the resource doesn't have, can't be written, or are in `dropped` vanish without a word.
    """
    known = {*resource.blank, *resource.required, *resource.links, "uuid"} - resource.read_only
    kept = {key: value for key, value in body.items() if key in known and key not in dropped}
    for name in resource.links:
        if kept.get(name) is not None:
            _check_link(tables, resource, name, kept[name])
    return {name: _stored(resource, name, value) for name, value in kept.items()}


def refuse(resource: Resource, reasons: dict[str, str]) -> NoReturn:
    """400 with the reasons by field, nested under the resource's name (shape: facts Revel 9.3, not captured)."""
    fields = {name: [reason] for name, reason in reasons.items()}
    raise AnswerError(json_response({resource.name: fields}, 400))


def six(amount: Decimal) -> str:
    """An amount as a string with six decimals."""
    return f"{amount.quantize(SIX):f}"


def _check_link(tables: Tables, resource: Resource, name: str, uri: object) -> None:
    target = RESOURCES[resource.links[name]]
    number = link_id(uri)
    wanted = {} if number is None else {target.uri(number), f"/resources/{target.name}/{number}/"}
    if uri not in wanted:
        refuse(resource, {name: f"A URI of {target.name} is expected."})
    if number not in tables.rows[target.name]:
        text = f"{target.name} matching query does not exist."
        raise AnswerError(json_response({"error_message": text, "traceback": "Traceback ..."}, 500))


def _stored(resource: Resource, name: str, value: object) -> object:
    if value is None:
        return None
    if name in resource.numbers:
        return _amount(resource, name, value)
    if name in resource.sixes:
        return six(_amount(resource, name, value))
    if name.endswith("_date") or name in ("opened", "closed", "pickup_time"):
        # An offset is lost, not applied: the wall time as written is what the console shows (facts Revel 2.4).
        return OFFSET.sub("", str(value))
    return value


def _amount(resource: Resource, name: str, value: object) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        refuse(resource, {name: "A number is expected."})
