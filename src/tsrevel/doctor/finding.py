"""What a check found: a verdict, in words an operator can act on. Names and verdicts never change their meaning."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import TypeVar

from tsrevel.engine.ending import NEEDS_ATTENTION, gravest
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
from tsrevel.planning.match import normalise

T = TypeVar("T")

WRONG_SETTING = ConfigError.exit_status
REFUSED = CredentialsRefused.exit_status
SERVICE_DOWN = ServiceDown.exit_status
ATTENTION = NEEDS_ATTENTION
MOST_CANDIDATES = 5


class Verdict(StrEnum):
    """How a check ended. Only a problem changes the exit status."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's result. `subject` is the location it is about, None for the whole installation.

    `text` has no full stop; `remedy` is a sentence, "" where nothing is to be done. `exit_status` is that of a run
    which meets the same (DESIGN 2), 0 for all but problems.
    """

    name: str
    subject: str | None
    verdict: Verdict
    text: str
    remedy: str = ""
    exit_status: int = 0


def exit_status(findings: Iterable[Finding]) -> int:
    """The exit status that most needs a person; 0 where there is no problem."""
    return gravest({finding.exit_status for finding in findings})


def fine(name: str, text: str, subject: str | None = None) -> Finding:
    """All is well."""
    return Finding(name, subject, Verdict.OK, text)


def doubtful(name: str, text: str, remedy: str, subject: str | None = None) -> Finding:
    """It may be well; a person should know."""
    return Finding(name, subject, Verdict.WARNING, text, remedy)


def wrong(name: str, text: str, remedy: str, status: int = WRONG_SETTING, subject: str | None = None) -> Finding:
    """It won't work like this."""
    return Finding(name, subject, Verdict.PROBLEM, text, remedy, status)


def skipped(name: str, because: str, subject: str | None = None) -> Finding:
    """It couldn't be looked at. `because` continues "skipped because"."""
    return Finding(name, subject, Verdict.SKIPPED, f"skipped because {because}")


def attempt(read: Callable[[], T]) -> T | TsrevelError:
    """What `read` gives, or what it raised of ours: one failing service must not hide the others."""
    try:
        return read()
    except TsrevelError as error:
        return error


def is_silent(answer: object) -> bool:
    """Whether a service gave no answer at all, rather than a bad one: then it needn't be asked again."""
    return isinstance(answer, ConnectionMisconfigured | Unavailable) and answer.__cause__ is not None


def failure(name: str, error: TsrevelError, subject: str | None = None) -> Finding:
    """The problem that an error of ours stands for."""
    if isinstance(error, ConfigError):
        first = error.problems[0]
        return wrong(name, f"{first.key} ({first.origin}): {first.message}", first.remedy, subject=subject)
    status = error.exit_status if isinstance(error, StopRun) else SERVICE_DOWN
    text = " ".join(str(error).split()).rstrip(".")  # SQLite's findings have several lines
    return wrong(name, text, _remedy(error), status, subject)


def _remedy(error: TsrevelError) -> str:
    match error:
        case LedgerDamaged():
            return "Stop cron, keep the file, restore a backup; no order is doubled, Revel is looked up first."
        case LedgerUnusable():
            return "Mend it before the next run."
        case Forbidden():
            return "Give it the right to read this."
        case CredentialsRefused():
            return "Set the right key or token, or give it the right to this resource."
        case ConnectionMisconfigured():
            return "Waiting doesn't mend it; correct what the message names."
        case Unavailable():
            return "Try again later; if it stays, check the base URL, this machine's network and the service's status."
        case _:
            return "Check the base URL; if it is right, tell the service's support."


def list_candidates(candidates: Iterable[tuple[object, str]], like: str = "") -> str:
    """Ids with their names, those like `like` first: "30501 Special Events, 30502 Lakeside". "none" for none."""

    def distance(candidate: tuple[object, str]) -> float:
        return -SequenceMatcher(None, normalise(candidate[1]), normalise(like)).ratio()

    ordered = sorted(candidates, key=distance) if like else list(candidates)
    shown = [f"{number} {name}".strip() for number, name in ordered[:MOST_CANDIDATES]]
    more = len(ordered) - len(shown)
    return ", ".join([*shown, *([f"and {more} more"] if more else [])]) or "none"
