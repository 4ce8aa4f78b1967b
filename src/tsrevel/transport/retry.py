"""Retries with growing pauses. The only importer of tenacity."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TypeVar

import tenacity

from tsrevel.errors import Unavailable
from tsrevel.transport.deadline import Deadline

T = TypeVar("T")

ATTEMPTS = 4
LONGEST_WAIT = 60.0
"""Seconds. A service that asks for a longer wait counts as unavailable until it is over: a run doesn't wait for it."""


def with_retries(ask: Callable[[], T], sleep: Callable[[float], None], deadline: Deadline) -> T:
    """The result of `ask`. Repeats it after Unavailable, up to ATTEMPTS times in all, after requested or growing waits.

    No wait goes beyond `deadline`. Raises what the last attempt raised.
    """
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda error: isinstance(error, Unavailable) and is_worth_waiting(error)),
        stop=lambda state: state.attempt_number >= ATTEMPTS or state.upcoming_sleep >= deadline.remaining(),
        wait=_wait,
        sleep=sleep,
        reraise=True,
    )
    return retrying(ask)


def pause_after(error: BaseException | None, attempt: int) -> float:
    """Seconds to wait before the next attempt: as `error` says, or growing. `attempt` counts from 1."""
    told = getattr(error, "wait", None)
    return float(told) if told is not None else 0.5 * 2 ** (attempt - 1)


def is_worth_waiting(error: BaseException) -> bool:
    """Whether the service asks for a wait that a run can afford."""
    return (getattr(error, "wait", None) or 0.0) <= LONGEST_WAIT


def _wait(state: tenacity.RetryCallState) -> float:
    """The pause before a read is repeated. Its last third is random, so that clients don't all return at once."""
    error = state.outcome.exception() if state.outcome else None
    pause = pause_after(error, state.attempt_number)
    told = getattr(error, "wait", None) is not None
    return pause if told else random.uniform(pause, 1.5 * pause)  # noqa: S311 (nothing secret hangs on it)
