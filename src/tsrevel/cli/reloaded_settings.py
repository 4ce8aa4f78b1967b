"""The settings of a service that runs for long: they are read again when one of their files changes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Thread

from tsrevel.cli.context import CliContext
from tsrevel.config import Settings, load_settings
from tsrevel.doctor.machine import secret_files
from tsrevel.errors import ConfigError, ConfigProblem

_FAILURE_SECONDS = 30.0
"""How long settings that can't be loaded aren't tried again, unless a file changes: a secret's command may be slow."""
_LONGEST_WAIT = 0.05
"""Seconds that a delivery's answer waits for changed settings. All of it may take 100 ms (DESIGN 7)."""

Stamps = dict[Path, tuple[int, int, int] | None]
"""Values that change when the files change."""


@dataclass(frozen=True, slots=True)
class FailedLoad:
    """Settings that couldn't be loaded, from files with these stamps. `until`: when they are tried again."""

    stamps: Stamps
    problems: tuple[ConfigProblem, ...]
    until: float


@dataclass(slots=True)
class ReloadedSettings:
    """The settings in use. `overrides`: flags by dotted key."""

    ctx: CliContext
    overrides: dict[str, object]
    _settings: Settings | None = field(default=None, init=False)
    _stamps: Stamps = field(default_factory=dict, init=False)
    _failed: FailedLoad | None = field(default=None, init=False)
    _loading: Thread | None = field(default=None, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    def current(self) -> Settings:
        """The current settings, read again if one of their files changed. Raises ConfigError."""
        with self._lock:
            stamps = _stamps_of(self._stamps)
            if self._settings is None or stamps != self._stamps:
                self._settings = self._load(stamps)
            return self._settings

    def latest(self) -> Settings:
        """The last settings that could be loaded, without a wait for new ones that take long. Raises ConfigError."""
        if self._settings is None:
            return self.current()
        if _stamps_of(self._stamps) != self._stamps:
            if self._loading is None or not self._loading.is_alive():
                self._loading = Thread(target=self._try_settings, name="settings", daemon=True)
                self._loading.start()
            self._loading.join(_LONGEST_WAIT)
        return self._settings

    def _try_settings(self) -> None:
        with suppress(ConfigError):  # the worker reports it
            self.current()

    def _load(self, stamps: Stamps) -> Settings:
        """Read the settings, whose files had these stamps before. Raises ConfigError."""
        failed = self._failed
        if failed and failed.stamps == stamps and self.ctx.runtime.monotonic() < failed.until:
            raise ConfigError(*failed.problems)
        try:
            settings = load_settings(
                config=self.ctx.options.config,
                environ=self.ctx.environ,
                overrides=self.overrides,
                run=self.ctx.runtime.run_command,
            )
        except ConfigError as error:
            self._failed = FailedLoad(stamps, error.problems, self.ctx.runtime.monotonic() + _FAILURE_SECONDS)
            raise
        secrets = [path for _, path in secret_files(settings, self.ctx.environ)]
        files = [each for each in (settings.config_path, settings.mappings_path, *secrets) if each]
        before = {each: stamps[each] for each in files if each in stamps}
        self._failed, self._stamps = None, {**_stamps_of(files), **before}
        return settings


def _stamps_of(paths: Iterable[Path]) -> Stamps:
    return {each: _stamp_of(each) for each in paths}


def _stamp_of(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
