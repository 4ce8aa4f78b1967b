"""The answer of `rehearse`."""

from __future__ import annotations

from dataclasses import dataclass, field

from tsrevel.cli.answers.model import Answer, IfAny
from tsrevel.cli.answers.runs import EventJson
from tsrevel.insight.rehearsal import SentField
from tsrevel.planning.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalAnswer(Answer):
    """One order that was made under supervision. `station`: a person's answers; empty if nobody was asked.

    `left_to_check`: what a person must still check. `error` is there if no order was made, or if it couldn't be
    compared.
    """

    success: bool
    exit_status: int
    reason: Reason | None
    event: EventJson | None = None
    fields: tuple[SentField, ...] = ()
    station: dict[str, str] = field(default_factory=dict)
    left_to_check: tuple[str, ...] = ()
    error: IfAny[str | None] = None
