"""The paths of files: finds the settings file and the files that belong to it, and reads paths in settings.

It uses `environ`, never the real home. One settings file has one ledger, one lock and one token, for every user and
through every link to the file: their paths follow from the file itself.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tsrevel.config.problems import DEFAULT, Origin, ProblemReport, Source, variable_origin
from tsrevel.errors import ConfigCode, ConfigProblem
from tsrevel.files import real_path

SYSTEM_CONFIG = Path("/etc/tsrevel/config.toml")
SYSTEM_STATE = Path("/var/lib/tsrevel")
"""The folder for the state of settings below /etc, because /etc is no place for state."""
STATE_BELOW_HOME = ".local/state"
MAPPINGS_NAME = "mappings.toml"
LEDGER_NAME = "ledger.sqlite3"
TOKEN_NAME = "tripleseat-token.json"  # noqa: S105 (the name of a file)

_ETC = Path("/etc")
_WHOLE = "Write the whole path, beginning with /."


@dataclass(frozen=True, slots=True)
class PathProblem:
    """Why a text can't be used as a path, and what to do. It doesn't quote the text, which may be a secret."""

    message: str
    remedy: str = _WHOLE
    code: ConfigCode = ConfigCode.MALFORMED_PATH


@dataclass(frozen=True, slots=True)
class StatePlace:
    """The default folder of the ledger and the token, and the prefix of their names."""

    folder: Path
    prefix: str = ""

    @property
    def ledger(self) -> Path:
        return self.folder / f"{self.prefix}{LEDGER_NAME}"

    @property
    def token(self) -> Path:
        return self.folder / f"{self.prefix}{TOKEN_NAME}"


def config_folder(environ: Mapping[str, str]) -> Path | None:
    """The folder by XDG_CONFIG_HOME or HOME; None if neither is given."""
    return _user_folder(environ, "XDG_CONFIG_HOME", ".config")


def state_folder(environ: Mapping[str, str]) -> Path | None:
    """The folder by XDG_STATE_HOME or HOME; None if neither is given."""
    return _user_folder(environ, "XDG_STATE_HOME", STATE_BELOW_HOME)


def settings_file(config: Path) -> Path:
    """The settings file itself, not a link to it. What belongs to it is placed by this path.

    Kubernetes mounts a ConfigMap as links into a folder such as `..2026_11_30_10_00_00.1`, another one after each edit.
    So folders whose names begin with two dots don't count.
    """
    real = real_path(config)
    return Path(*(part for part in real.parent.parts if not part.startswith("..")), real.name)


def settings_folder(config: Path) -> Path:
    """The folder of the settings file itself. Relative paths in settings start here."""
    return settings_file(config).parent


def place_state(config: Path | None, environ: Mapping[str, str]) -> StatePlace | None:
    """The default place of ledger and token; None if there is neither a settings file nor a usable home.

    They are beside the settings file. For a file below /etc they are in /var/lib/tsrevel, in the same subfolders as
    below /etc/tsrevel. Their names begin with the settings file's, unless that is config.toml. Without a settings file
    they are in the user's state folder.
    """
    if config is None:
        folder = state_folder(environ)
        return StatePlace(folder) if folder else None
    real = settings_file(config)
    prefix = "" if real.name == "config.toml" else f"{real.name.removesuffix('.toml')}."
    if _ETC not in real.parents:
        return StatePlace(real.parent, prefix)
    below = real.parent.relative_to(_ETC)
    if below.parts[:1] == ("tsrevel",):
        return StatePlace(SYSTEM_STATE.joinpath(*below.parts[1:]), prefix)
    return StatePlace(SYSTEM_STATE / "etc" / below, prefix)


def _user_folder(environ: Mapping[str, str], variable: str, below_home: str) -> Path | None:
    given = Path(environ.get(variable, ""))
    if given.is_absolute():  # the XDG standard ignores relative paths
        return given / "tsrevel"
    home = _home(environ)
    return home / below_home / "tsrevel" if home else None


def _home(environ: Mapping[str, str]) -> Path | None:
    home = Path(environ.get("HOME", ""))
    return home if home.is_absolute() else None


def read_path(text: str, environ: Mapping[str, str], folder: Path | None) -> Path | PathProblem:
    """The path of a file as written in a setting: ~/ is HOME, a relative path starts at `folder`.

    What another program would replace ($HOME, %h, ~user) is a problem: taken literally, it would begin a second ledger.
    """
    text = text.strip()
    if re.search(r"[\x00-\x1f\x7f]", text):
        return PathProblem("holds a control character")
    if re.match(r"file:|\w[\w+.-]*://|:", text, re.IGNORECASE):
        return PathProblem("isn't the path of a file")
    for sign in "$%":
        if sign in text:
            return PathProblem(f"holds a {sign}, but tsrevel replaces no variables in paths")
    if text.startswith("~"):
        home = _home(environ)
        if not text.startswith("~/"):
            return PathProblem("begins with ~, and tsrevel only replaces ~/")
        if home is None:
            return PathProblem("begins with ~/, and the environment has no absolute HOME", code=ConfigCode.NO_HOME)
        text = str(home / text[2:].lstrip("/"))
    if not text or text.endswith("/") or Path(text).name in {"", "..", "."}:
        return PathProblem("names no file", "Write the path of a file.")
    return folder / text if folder else Path(text)


def expand_path(text: str, environ: Mapping[str, str], folder: Path | None) -> Path:
    """The same for a text that was checked before, or doesn't matter: a text with a problem is used as it is."""
    path = read_path(text, environ, folder)
    return Path(text) if isinstance(path, PathProblem) else path


def read_command(text: str, environ: Mapping[str, str], folder: Path | None) -> list[str] | PathProblem:
    """The words of a command line. If its first word is a path, it is read like any path in settings.

    So cron, which starts elsewhere, finds the same program. Raises ValueError if a quote isn't closed.
    """
    words = shlex.split(text)
    if words and "/" in words[0]:
        path = read_path(words[0], environ, folder)
        if isinstance(path, PathProblem):
            return path
        words[0] = str(path) if path.is_absolute() else words[0]  # "./get" isn't "get"
    return words


def find_config(config: Path | None, environ: Mapping[str, str], report: ProblemReport) -> Path | None:
    """The config file to read, if any. A file that is named must exist."""
    named = environ.get("TSREVEL_CONFIG", "").strip()
    if config is not None:
        return _require(config, Origin(Source.FLAG, "--config"), report)
    if named:
        path = read_path(named, environ, None)
        if isinstance(path, PathProblem):
            report.add(path.code, "config", variable_origin("TSREVEL_CONFIG"), path.message, path.remedy)
            return None
        return _require(path, variable_origin("TSREVEL_CONFIG"), report)
    return _find_usual(environ)


def config_to_name(config: Path | None, environ: Mapping[str, str]) -> str:
    """The settings file, quoted for a shell, if a command must name it; "" if the command finds it by default."""
    named = environ.get("TSREVEL_CONFIG", "").strip()
    path = config or (read_path(named, environ, None) if named else None)
    if not isinstance(path, Path) or path.absolute() == _find_usual(environ):
        return ""
    return shlex.quote(str(path.absolute()))


def miss_config(environ: Mapping[str, str], report: ProblemReport) -> None:
    """Report that no config file was found, where tsrevel looks for it, and how to make one."""
    places = " or ".join(str(path) for path in _usual_places(environ))
    remedy = "Run `tsrevel init` to write one, or name yours with --config FILE."
    message = f"there is no settings file at {places}"
    report.lead(ConfigProblem(ConfigCode.NO_CONFIG_FILE, "config", str(DEFAULT), message, remedy))


def _find_usual(environ: Mapping[str, str]) -> Path | None:
    return next((path for path in _usual_places(environ) if is_there(path)), None)


def _usual_places(environ: Mapping[str, str]) -> list[Path]:
    folder = config_folder(environ)
    return [*([folder / "config.toml"] if folder else []), SYSTEM_CONFIG]


def _require(path: Path, origin: Origin, report: ProblemReport) -> Path | None:
    if path.name and is_there(path):
        return path
    remedy = "Name an existing file, or copy config.example.toml to it."
    message = f"there is no file {path}" if path.name else "names no file"  # an empty text, or a folder like "."
    report.add(ConfigCode.FILE_NOT_FOUND, "config", origin, message, remedy)
    return None


def is_there(path: Path) -> bool:
    """Whether `path` exists. True if that is unknown: reading it will report the reason."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True
