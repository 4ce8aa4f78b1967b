"""How a run ends: the exit status that its outcomes, or what stopped it, call for (DESIGN 2). Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tsrevel.engine.report import Outcome
from tsrevel.errors import (
    ConnectionMisconfigured,
    CredentialsRefused,
    LedgerDamaged,
    ServiceDown,
    StopRun,
    TsrevelError,
)
from tsrevel.planning.reasons import Category, Reason, Status

NEEDS_ATTENTION = 3
CHANGES = frozenset({Reason.CHANGED_AFTER_INJECTION, Reason.CANCELLED_AFTER_INJECTION})
_SEVERITY = (14, 12, 10, 13, 1, 4, 3, 0)
"""Exit statuses, the one that most needs a person first."""


def end_reason(stop: StopRun) -> Reason | None:
    """The reason code for a run that ended before its time; None where none of the codes is about that."""
    if isinstance(stop, CredentialsRefused):
        return Reason.AUTHORIZATION_DENIED
    return Reason.UPSTREAM_UNAVAILABLE if isinstance(stop, ServiceDown | ConnectionMisconfigured) else None


def exit_status(outcomes: Sequence[Outcome], stop: StopRun | None) -> int:
    """The gravest of what stopped the run and of what became of each event.

    A service counts as down where events failed for it and none got through.
    """
    statuses = {0, stop.exit_status if stop else 0, *(_status_of(each) for each in outcomes)}
    if any(each.down for each in outcomes) and not any(each.status is Status.INJECTED for each in outcomes):
        statuses.add(ServiceDown.exit_status)
    return gravest(statuses)


def gravest(statuses: Collection[int]) -> int:
    """The one of several exit statuses that most needs a person; 0 of none."""
    return next((status for status in _SEVERITY if status in statuses), 0)


def _status_of(outcome: Outcome) -> int:
    if outcome.alarm:
        return LedgerDamaged.exit_status
    if outcome.category is Category.INTERNAL:
        return TsrevelError.exit_status
    if outcome.missed or is_told_change(outcome) or outcome.status in {Status.HELD, Status.FAILED}:
        return NEEDS_ATTENTION
    return 0


def is_told_change(outcome: Outcome) -> bool:
    """Whether this run is the first to tell that something changed after the order was made."""
    return outcome.news and outcome.reason in CHANGES
