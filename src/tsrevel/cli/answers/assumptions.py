"""The answer of `doctor --assumptions`, and the stored answers that `status` shows."""

from __future__ import annotations

from dataclasses import dataclass

from tsrevel.cli.answers.model import Answer, IfAny, Instant
from tsrevel.planning.assumptions import ASSUMPTIONS, AssumptionAnswer, AssumptionCode, AssumptionResult
from tsrevel.planning.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class AssumptionJson:
    """One assumption and its result in the account. `fact`: the heading in docs/apis that it rests on.

    `critical`: runs write nothing if it doesn't hold and isn't `accepted` in the settings. `otherwise`: what a run does
    if it doesn't hold.
    """

    code: AssumptionCode
    fact: str
    assumption: str
    result: AssumptionResult
    detail: str
    critical: bool
    accepted: bool
    otherwise: str
    tested_at: Instant | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssumptionsAnswer(Answer):
    """Every assumption. `stored`: the ledger has the answers. `reason` and `error` are there if nothing was asked.

    `error` is also there if a service gave no answer that could be used.
    """

    success: bool
    exit_status: int
    stored: bool
    assumptions: tuple[AssumptionJson, ...]
    reason: IfAny[Reason | None] = None
    error: IfAny[str | None] = None


def encode_answer(answer: AssumptionAnswer, is_accepted: bool) -> AssumptionJson:
    """One assumption, as it is printed."""
    row = ASSUMPTIONS[answer.code]
    return AssumptionJson(
        code=answer.code,
        fact=row.fact,
        assumption=row.sentence,
        result=answer.result,
        detail=answer.detail,
        critical=row.critical,
        accepted=is_accepted,
        otherwise=row.otherwise,
        tested_at=answer.tested_at,
    )
