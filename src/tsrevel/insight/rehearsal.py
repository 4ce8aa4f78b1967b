"""Compares each field sent for a rehearsed order with Revel's raw rows (facts Revel 2.2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from tsrevel.errors import ServiceDown
from tsrevel.planning.model import Labels, OrderId, Plan, StepKind
from tsrevel.revel.decode import Row, decode_id, decode_uuid
from tsrevel.revel.encode import encode_step
from tsrevel.revel.probes import RevelAnswer, RevelProbe

_PARTS: Mapping[StepKind, str] = {"item": "OrderItem", "payment": "Payment", "history": "OrderHistory"}
_MOST_PAGES = 100
_WRITTEN_WITHIN = timedelta(minutes=30)
_TIMES = frozenset({"created_date", "updated_date", "payment_date", "opened", "closed"})


class FieldResult(StrEnum):
    """The result for a field that was sent."""

    KEPT = "kept"
    CHANGED = "changed"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class SentField:
    """A field of a resource, with its worst result over all rows. It has no value, because some name customers."""

    resource: str
    field: str
    result: FieldResult


def compare_sent_fields(
    probe: RevelProbe, plan: Plan, labels: Labels, order_id: OrderId, written_at: datetime
) -> tuple[SentField, ...]:
    """Compare each field of the order and its parts. Unreadable rows count as dropped. `written_at` is approximate.

    Raises ServiceDown if Revel doesn't return the order or its parts.
    """
    shown = {resource: _read_parts(probe, resource, order_id) for resource in _PARTS.values()}
    order_rows = _answered(probe.one("Order", order_id)).rows
    order_sent: dict[str, object] = {}
    worst: dict[tuple[str, str], FieldResult] = {}
    for step in plan.steps:
        body = encode_step(plan, step, order_id, labels, written_at)
        if step.kind in _PARTS:
            resource = _PARTS[step.kind]
            _note(worst, resource, compare_fields(body, shown[resource].get(step.uuid, {})))
        else:  # later steps set some fields of the order again
            order_sent |= body
    _note(worst, "Order", compare_fields(order_sent, order_rows[0] if order_rows else {}))
    return tuple(SentField(resource, name, result) for (resource, name), result in sorted(worst.items()))


def _read_parts(probe: RevelProbe, resource: str, order_id: OrderId) -> dict[str, Row]:
    """The resource's rows of the order, by uuid, from all pages."""
    params = {"order": order_id, "limit": "250"}
    page = _answered(probe.list_rows(resource, **params))
    rows = {decode_uuid(row.get("uuid")): row for row in page.rows}
    for _ in range(_MOST_PAGES):
        if not page.next:
            break
        page = _answered(probe.follow(resource, page, params))
        rows |= {decode_uuid(row.get("uuid")): row for row in page.rows}
    return rows


def _answered(answer: RevelAnswer) -> RevelAnswer:
    if answer.failure:
        raise ServiceDown(answer.failure)
    return answer


def _note(worst: dict[tuple[str, str], FieldResult], resource: str, found: Iterator[tuple[str, FieldResult]]) -> None:
    severity = list(FieldResult)
    for name, result in found:
        worst[resource, name] = max(worst.get((resource, name), FieldResult.KEPT), result, key=severity.index)


def compare_fields(sent: Mapping[str, object], row: Row) -> Iterator[tuple[str, FieldResult]]:
    """Yield each field that was sent, with its result in the row."""
    for name, value in sent.items():
        shown = row.get(name)
        if shown is None and value is not None:
            yield name, FieldResult.DROPPED
        elif _is_same(name, value, shown):
            yield name, FieldResult.KEPT
        else:
            yield name, FieldResult.CHANGED


def _is_same(name: str, sent: object, shown: object) -> bool:
    if name == "uuid":
        return decode_uuid(sent) == decode_uuid(shown)
    if name in _TIMES:
        try:
            times = [datetime.fromisoformat(str(each)).replace(tzinfo=None) for each in (sent, shown)]
        except ValueError:
            return False
        return abs(times[0] - times[1]) <= _WRITTEN_WITHIN
    if isinstance(sent, str) and sent.startswith("/"):
        return decode_id(sent) == decode_id(shown)
    if isinstance(sent, bool) or isinstance(shown, bool):
        return sent is shown
    numbers = [_number(each) for each in (sent, shown)]
    if None not in numbers:
        return numbers[0] == numbers[1]
    return str(sent) == str(shown)


def _number(value: object) -> Decimal | None:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None
