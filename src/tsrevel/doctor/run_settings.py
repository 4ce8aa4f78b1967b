"""Compares the settings that a scheduled run has, in its own environment, with those that `doctor` checks."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from tsrevel.config import CommandFailure, CommandResult, Settings, examine_settings
from tsrevel.config.show import list_values
from tsrevel.config.write import encode_value
from tsrevel.errors import ConfigProblem
from tsrevel.redaction import Secret
from tsrevel.transport.network import NETWORK_VARIABLES

_TABLES = ("locations", "charges", "products")
_OWN = "monitor.ping_url"
"""With a line for each location, each line may ping a check of its own (docs/notifications.md)."""
_PATHS = {"ledger_path": "ledger", "token_path": "token file", "mappings_path": "mappings"}


@dataclass(frozen=True, slots=True, repr=False)
class SettingsInPlace(Secret):
    """The settings as one environment has them, and their problems."""

    environ: Mapping[str, str]
    settings: Settings
    problems: tuple[ConfigProblem, ...]

    @classmethod
    def read(cls, config: Path | None, environ: Mapping[str, str]) -> SettingsInPlace:
        """It runs no command that prints a secret, because another user's crontab may name any."""
        return cls(environ, *examine_settings(config=config, environ=environ, run=_look_for))

    def lacks(self, own: SettingsInPlace) -> list[str]:
        """The problems that `own` doesn't have."""
        new = [each for each in self.problems if each not in own.problems]
        return [f"{each.key} ({each.origin}) {each.message}" for each in new]

    def differs(self, own: SettingsInPlace) -> Iterator[str]:
        """List the values that aren't as in `own`, with secrets masked."""
        for each in list_values(self.settings):
            value = attrgetter(each.key)
            if each.key != _OWN and value(self.settings) != value(own.settings):
                yield f"{each.key} = {encode_value(each.value)} ({each.origin})"
        for name in _TABLES:
            if getattr(self.settings, name) != getattr(own.settings, name):
                yield f"other {name} ({self.settings.origin(name)})"
        for name, told in _PATHS.items():
            if (path := getattr(self.settings, name)) != getattr(own.settings, name):
                yield f"{told} {path}"
        for name in NETWORK_VARIABLES:
            if self.environ.get(name, "") != own.environ.get(name, ""):
                yield f"{'another' if self.environ.get(name) else 'no'} {name}"


def _look_for(words: Sequence[str], environ: Mapping[str, str]) -> CommandResult:
    """Take a command that can be found for one that works."""
    if shutil.which(words[0], path=environ.get("PATH", "")):
        return CommandResult("printed")
    return CommandResult(failure=CommandFailure.NOT_FOUND, text="couldn't be found")
