"""The finding of a check: a verdict, in words an operator can act on. Names and verdicts never change their meaning."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import NamedTuple, TypeGuard, TypeVar

from tsrevel.engine.outcomes import most_severe
from tsrevel.errors import (
    ConfigError,
    ConnectionMisconfigured,
    CredentialsRefused,
    Forbidden,
    LedgerDamaged,
    LedgerUnusable,
    ServiceDown,
    StopRun,
    TsrevelError,
    Unavailable,
)
from tsrevel.planning.assumptions import AssumptionResult
from tsrevel.planning.products import normalise

T = TypeVar("T")

REFUSED = CredentialsRefused.exit_status
SERVICE_DOWN = ServiceDown.exit_status
MOST_CANDIDATES = 5


class CheckResult(StrEnum):
    """How a check ended. Only a problem changes the exit status."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    SKIPPED = "skipped"


class SkippedCheck(NamedTuple):
    """Why a check is skipped. `code` is as in CheckFinding, `because` continues "because"."""

    code: str
    because: str


@dataclass(frozen=True, slots=True)
class CheckFinding:
    """The result of the check called `name`.

    `code` stands for the case in `tsrevel report`, which shows no text. It never changes its meaning, and nothing
    decides on it. `text` has no full stop. `remedy` is a sentence, or "" if there is nothing to do. `exit_status` is
    the status of a run that meets the same problem (DESIGN 2), and 0 if the finding isn't a problem. `subject` is the
    location's name, set after the check; None for the whole installation.
    """

    name: str
    code: str
    verdict: CheckResult
    text: str
    remedy: str = ""
    exit_status: int = 0
    subject: str | None = None


class Judgement(NamedTuple):
    """The result of an assumption's test, and its detail, as in AssumptionAnswer."""

    result: AssumptionResult
    detail: str


def exit_status(findings: Iterable[CheckFinding]) -> int:
    """The most urgent exit status; 0 if there is no problem."""
    return most_severe({finding.exit_status for finding in findings})


def ok(name: str, text: str, code: str = "OK") -> CheckFinding:
    return CheckFinding(name, code, CheckResult.OK, text)


def warning(name: str, code: str, text: str, remedy: str) -> CheckFinding:
    return CheckFinding(name, code, CheckResult.WARNING, text, remedy)


def problem(name: str, code: str, text: str, remedy: str, status: int = ConfigError.exit_status) -> CheckFinding:
    return CheckFinding(name, code, CheckResult.PROBLEM, text, remedy, status)


def skipped(name: str, skip: SkippedCheck) -> CheckFinding:
    return CheckFinding(name, skip.code, CheckResult.SKIPPED, f"because {skip.because}")


def skip_all(names: Iterable[str], skip: SkippedCheck) -> Iterator[CheckFinding]:
    return (skipped(name, skip) for name in names)


def holds(detail: str) -> Judgement:
    return Judgement(AssumptionResult.HOLDS, detail)


def fails(detail: str) -> Judgement:
    return Judgement(AssumptionResult.FAILS, detail)


def untold(why: str) -> Judgement:
    return Judgement(AssumptionResult.UNTOLD, why)


def attempt(read: Callable[[], T]) -> T | TsrevelError:
    """The result of `read`, or the error of ours that it raised, so one failing service doesn't hide the others."""
    try:
        return read()
    except TsrevelError as error:
        return error


def usable(answer: T | TsrevelError | None) -> T | None:
    return None if isinstance(answer, TsrevelError) else answer


def is_silent(answer: object) -> TypeGuard[ConnectionMisconfigured | Unavailable]:
    """Whether the service sent no answer at all, so there is no point in calling it again."""
    return isinstance(answer, ConnectionMisconfigured | Unavailable) and answer.__cause__ is not None


def failure(name: str, error: TsrevelError) -> CheckFinding:
    """The problem that reports an error of ours."""
    match error:
        case ConfigError():
            first = error.problems[0]
            text = f"{first.key} ({first.origin}): {first.message}"
            return problem(name, "CONFIG_PROBLEM", text, first.remedy)
        case LedgerUnusable():  # its text says what to do
            code, remedy = "LEDGER_DAMAGED" if isinstance(error, LedgerDamaged) else "LEDGER_UNUSABLE", ""
        case Forbidden():
            code, remedy = "FORBIDDEN", "Give the user or key the right to read this."
        case CredentialsRefused():
            code = "REFUSED"
            remedy = "Set the right key or token, or give it the right to this resource."
        case ConnectionMisconfigured():
            code = "CONNECTION_MISCONFIGURED"
            remedy = "Correct the setting that the message names; waiting doesn't help."
        case Unavailable():
            code = "UNAVAILABLE"
            remedy = "Try again later. If it fails again, check the base URL, the network and the service's status."
        case _:
            code = "UNREADABLE"
            remedy = "Check the base URL. If it is right, ask the service's support."
    status = error.exit_status if isinstance(error, StopRun) else SERVICE_DOWN
    text = " ".join(str(error).split()).rstrip(".")  # SQLite's findings have several lines
    return problem(name, code, text, remedy, status)


def list_candidates(candidates: Iterable[tuple[object, str]], like: str = "") -> str:
    """Ids and names, most similar to `like` first: "30501 Special Events, 30502 Lakeside". "none" if there are none."""

    def distance(candidate: tuple[object, str]) -> float:
        return -SequenceMatcher(None, normalise(candidate[1]), normalise(like)).ratio()

    ordered = sorted(candidates, key=distance) if like else list(candidates)
    shown = [f"{number} {name}".strip() for number, name in ordered[:MOST_CANDIDATES]]
    more = len(ordered) - len(shown)
    return ", ".join([*shown, *([f"and {more} more"] if more else [])]) or "none"
