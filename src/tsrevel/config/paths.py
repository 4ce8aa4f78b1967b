"""Where files lie: the config file's look-up, and paths written in settings. Asks `environ`, never the real home."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tsrevel.config.report import Report

SYSTEM_CONFIG = Path("/etc/tsrevel/config.toml")
MAPPINGS_NAME = "mappings.toml"


def config_folder(environ: Mapping[str, str]) -> Path | None:
    """The user's config folder of tsrevel, by XDG_CONFIG_HOME or HOME; None when neither is given."""
    return _user_folder(environ, "XDG_CONFIG_HOME", ".config")


def state_folder(environ: Mapping[str, str]) -> Path | None:
    """The user's state folder of tsrevel, by XDG_STATE_HOME or HOME; None when neither is given."""
    return _user_folder(environ, "XDG_STATE_HOME", ".local/state")


def _user_folder(environ: Mapping[str, str], variable: str, below_home: str) -> Path | None:
    given = Path(environ.get(variable, ""))
    if given.is_absolute():  # the XDG standard has relative ones ignored
        return given / "tsrevel"
    home = environ.get("HOME")
    return Path(home) / below_home / "tsrevel" if home else None


def expand_path(text: str, environ: Mapping[str, str], folder: Path | None) -> Path:
    """A path as written in a setting: ~/ is HOME, a relative one starts at `folder`."""
    home = environ.get("HOME")
    path = Path(home, text[2:]) if home and text.startswith("~/") else Path(text)
    return folder / path if folder else path


def find_config(config: Path | None, environ: Mapping[str, str], system_config: Path, report: Report) -> Path | None:
    """The config file to read, if any. One that was asked for by name must be there."""
    named = environ.get("TSREVEL_CONFIG", "").strip()
    if config is not None:
        return _require(config, "flag --config", report)
    if named:
        return _require(expand_path(named, environ, None), "environment TSREVEL_CONFIG", report)
    return next((path for path in _usual_places(environ, system_config) if is_there(path)), None)


def miss_config(environ: Mapping[str, str], system_config: Path, report: Report) -> None:
    """Tell that no config file was found, where it was looked for, and how one is made."""
    places = " or ".join(str(path) for path in _usual_places(environ, system_config))
    report.add(
        "config", "default", f"there is no file {places}", "Make one by `tsrevel init`, or name yours: --config FILE."
    )


def _usual_places(environ: Mapping[str, str], system_config: Path) -> list[Path]:
    folder = config_folder(environ)
    return [*([folder / "config.toml"] if folder else []), system_config]


def _require(path: Path, origin: str, report: Report) -> Path | None:
    if is_there(path):
        return path
    report.add(
        "config", origin, f"there is no file {path}", "Name an existing file, or copy config.example.toml to it."
    )
    return None


def is_there(path: Path) -> bool:
    """Whether a file stands at `path`, or something there keeps us from knowing."""
    try:
        return path.is_file()
    except OSError:
        return True  # reading it will tell why it can't be used
