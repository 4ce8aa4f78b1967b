"""The answer of `rehearse`."""

from __future__ import annotations

from dataclasses import dataclass

from tsrevel.cli.answers.model import Answer, IfAny
from tsrevel.cli.answers.runs import EventJson
from tsrevel.insight.rehearsal import FieldResult
from tsrevel.planning.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class SentFieldJson:
    """A field that was sent, and its result in Revel. Over several rows it is the worst result."""

    resource: str
    field: str
    result: FieldResult


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalAnswer(Answer):
    """One order that was made under supervision. `station`: a person's answers; empty if nobody was asked.

    `left_to_check`: what a person must still check. `error` is there if no order was made.
    """

    success: bool
    exit_status: int
    reason: Reason | None
    event: EventJson | None
    fields: tuple[SentFieldJson, ...]
    station: dict[str, str]
    left_to_check: tuple[str, ...]
    error: IfAny[str | None] = None
