"""What the sources gave, and the problems found on the way. Holds values; decides nothing."""

from __future__ import annotations

from dataclasses import dataclass

from tsrevel.errors import ConfigError, ConfigProblem
from tsrevel.secrecy import Secret


@dataclass(frozen=True, slots=True, repr=False)
class Given(Secret):
    """A value as a source gave it. It may be a secret, so it is never shown."""

    value: object
    origin: str


Layer = dict[str, Given]
"""What one source gives, by dotted key ("safety.dry_run"); secrets also as key_file and key_command."""


class Report:
    """Collects every problem, so that an operator mends the settings in one go."""

    def __init__(self) -> None:
        self._problems: list[ConfigProblem] = []

    def add(self, key: str, origin: str, message: str, remedy: str) -> None:
        """Note one problem. `message` continues "the key ..." and has no full stop; `remedy` is a sentence."""
        self._problems.append(ConfigProblem(key, origin, message, remedy))

    def lead(self, problem: ConfigProblem) -> None:
        """Note one that is to be told before all others."""
        self._problems.insert(0, problem)

    def spoils(self, key: str) -> bool:
        """Whether `key`, or a part or variant of it, has a problem already: what follows from it is no news."""
        return any(problem.key.startswith(key) for problem in self._problems)

    @property
    def misses(self) -> bool:
        """Whether something isn't set that must be."""
        return any(problem.origin == "default" for problem in self._problems)

    @property
    def problems(self) -> tuple[ConfigProblem, ...]:
        """All problems in the order found, each once."""
        return tuple(dict.fromkeys(self._problems))

    def close(self) -> None:
        """Raise `ConfigError` with all problems in the order found, each once; do nothing without any."""
        if self._problems:
            raise ConfigError(self.problems)
