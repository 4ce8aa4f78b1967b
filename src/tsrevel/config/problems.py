"""Holds the values that the sources gave, and the problems found. Decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tsrevel.errors import ConfigCode, ConfigError, ConfigProblem
from tsrevel.redaction import Secret


class Source(StrEnum):
    """The kinds of sources that a value may have."""

    DEFAULT = "default"
    FILE = "file"
    ENVIRONMENT = "environment"
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class Origin:
    """The file, variable or flag that gave a value. Shown as "config.toml" or "environment REVEL_DOMAIN"."""

    source: Source
    name: str = ""

    def __str__(self) -> str:
        if self.source is Source.FILE:
            return self.name
        return f"{self.source} {self.name}" if self.name else str(self.source)


DEFAULT = Origin(Source.DEFAULT)


def file_origin(path: Path) -> Origin:
    return Origin(Source.FILE, path.name)


def variable_origin(name: str) -> Origin:
    return Origin(Source.ENVIRONMENT, name)


@dataclass(frozen=True, slots=True, repr=False)
class GivenValue(Secret):
    """A value as a source gave it. It is never shown, because it may be a secret."""

    value: object
    origin: Origin


Layer = dict[str, GivenValue]
"""The values of one source by dotted key ("safety.dry_run"); secrets also by key_file and key_command."""


class ProblemReport:
    """Collects every problem, so that an operator can correct them all at once."""

    def __init__(self) -> None:
        self._problems: list[ConfigProblem] = []
        self.misses = False
        """Whether a required value isn't set."""

    def add(self, code: ConfigCode, key: str, origin: Origin, message: str, remedy: str) -> None:
        """Note one problem. `message` continues "the key ..." and has no full stop; `remedy` is a sentence."""
        self.note(ConfigProblem(code, key, str(origin), message, remedy))
        self.misses = self.misses or origin == DEFAULT

    def note(self, problem: ConfigProblem) -> None:
        self._problems.append(problem)

    def lead(self, problem: ConfigProblem) -> None:
        """Note a problem to report before all others."""
        self._problems.insert(0, problem)

    def spoils(self, key: str) -> bool:
        """Whether `key`, or a part or variant of it, already has a problem: don't report its consequences."""
        return any(problem.key.startswith(key) for problem in self._problems)

    def misspells(self, key: str) -> bool:
        """Whether a part of `key` isn't a setting: it may be meant for one that seems to be missing."""
        return any(each.code is ConfigCode.UNKNOWN_KEY and each.key.startswith(f"{key}.") for each in self._problems)

    @property
    def problems(self) -> tuple[ConfigProblem, ...]:
        """All problems in the order found, each once."""
        return tuple(dict.fromkeys(self._problems))

    def close(self) -> None:
        """Raise `ConfigError` with all problems in the order found, each once; do nothing without any."""
        if self._problems:
            raise ConfigError(*self.problems)
