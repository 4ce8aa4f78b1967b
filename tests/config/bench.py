"""Writes config files into a temporary folder and loads them with an invented environment."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from tsrevel.config import CommandFailure, CommandResult, CommandRunner, Settings, load_settings
from tsrevel.errors import ConfigError, ConfigProblem

SOUND: dict[str, Any] = {
    "tripleseat": {"client_id": "example-client", "client_secret": "seat-secret"},
    "revel": {"domain": "acme", "api_key": "revel-key", "api_secret": "revel-secret", "user": 12, "station": 21},
}
"""The least that a config file must say."""


def sound(changes: Mapping[str, Any]) -> dict[str, Any]:
    """`SOUND` with `changes` laid over it, section by section; None takes a key away."""
    document = copy.deepcopy(SOUND)
    for name, value in changes.items():
        if isinstance(value, Mapping):
            document[name] = {k: v for k, v in {**document.get(name, {}), **value}.items() if v is not None}
        else:
            document[name] = value
    return document


def no_command(words: object, environ: object) -> CommandResult:
    """The runner of tests that expect no command."""
    return CommandResult(failure=CommandFailure.NOT_FOUND, text="was not expected")


@dataclass
class Bench:
    """One temporary home with, perhaps, a config file."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.environ.setdefault("HOME", str(self.folder / "home"))

    def write(self, text: str, name: str = "config.toml") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def load_text(
        self,
        text: str | None,
        *,
        env: Mapping[str, str] | None = None,
        overrides: Mapping[str, object] | None = None,
        offline: bool = False,
        run: CommandRunner = no_command,
    ) -> Settings:
        return load_settings(
            config=None if text is None else self.write(text),
            environ={**self.environ, **(env or {})},
            overrides=overrides or {},
            offline=offline,
            run=run,
        )

    def load(self, changes: Mapping[str, Any] | None = None, **more: Any) -> Settings:
        """The settings of a sound config file with `changes`."""
        return self.load_text(tomli_w.dumps(sound(changes or {})), **more)

    def problems_of_text(self, text: str | None, **more: Any) -> tuple[ConfigProblem, ...]:
        with pytest.raises(ConfigError) as caught:
            self.load_text(text, **more)
        return caught.value.problems

    def problems(self, changes: Mapping[str, Any] | None = None, **more: Any) -> tuple[ConfigProblem, ...]:
        """Every problem of a sound config file with `changes` that are not."""
        return self.problems_of_text(tomli_w.dumps(sound(changes or {})), **more)

    def problem(self, changes: Mapping[str, Any] | None = None, **more: Any) -> ConfigProblem:
        """The only problem there is."""
        (only,) = self.problems(changes, **more)
        return only
