"""What lies beside the settings file and belongs to it: its mappings, apart for the sandbox, and a state of before."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Mapping
from pathlib import Path

from tsrevel.config.model import Settings
from tsrevel.config.paths import (
    LEDGER_NAME,
    MAPPINGS_NAME,
    TOKEN_NAME,
    config_folder,
    is_there,
    settings_folder,
    state_folder,
)
from tsrevel.config.report import Report
from tsrevel.config.sources import LARGEST_SETTINGS
from tsrevel.files import read_regular, real_path

_SETTINGS_KEYS = {"environment", "safety", "tripleseat", "revel", "locations"}
"""A TOML file with one of these is taken for settings of tsrevel."""


def place_mappings(config: Path | None, environ: Mapping[str, str], *, sandbox: bool, report: Report) -> Path | None:
    """Where mappings lie: mappings.toml beside the settings file itself; without one, where the user's would be.

    A sandbox's products must not become production's: where settings for production lie in the same folder, a
    sandbox's mappings are in NAME.mappings.toml, named after its settings file.
    """
    if config is None:
        folder = config_folder(environ)
        return folder / MAPPINGS_NAME if folder else None
    real = real_path(config)
    if sandbox and _production_shares(real):
        return real.with_name(f"{real.name.removesuffix('.toml')}.{MAPPINGS_NAME}")
    path, by_link = real.with_name(MAPPINGS_NAME), config.with_name(MAPPINGS_NAME)
    if settings_folder(config) != real_path(config.parent) and is_there(by_link) and real_path(by_link) != path:
        message = f"lie beside a link to the settings file ({by_link}), and are read beside the file itself"
        report.add("mappings", by_link.name, message, f"Move them: mv {_quote(by_link)} {_quote(path)}")
    return path


def _production_shares(config: Path) -> bool:
    """Whether settings for production lie in the folder of `config`, or `config` itself is for production."""
    try:
        others = sorted(config.parent.glob("*.toml"))
    except OSError:
        return False
    return any(_is_for_production(each, config) for each in others if not _holds_mappings(each.name))


def _holds_mappings(name: str) -> bool:
    return name == MAPPINGS_NAME or name.endswith(f".{MAPPINGS_NAME}")


def _is_for_production(path: Path, config: Path) -> bool:
    try:
        document = tomllib.loads(read_regular(path, LARGEST_SETTINGS).decode())
    except (OSError, ValueError):
        return path.name == "config.toml" and path != config
    if path == config:  # the environment says that it is for the sandbox now
        return document.get("environment") == "production"
    return bool(_SETTINGS_KEYS & document.keys()) and document.get("environment", "production") == "production"


def check_upgrade(settings: Settings, environ: Mapping[str, str], report: Report) -> None:
    """Note a ledger or token that lies in the user's state folder, where it once was by default, and would be missed.

    A run must not begin a new ledger in silence while the one with its history lies elsewhere.
    """
    folder = state_folder(environ)
    if settings.config_path is None or folder is None or settings.ledger.path:
        return
    _check_moved("ledger.path", folder / LEDGER_NAME, settings.ledger_path, report)
    if settings.tripleseat.auth == "oauth2" and not settings.tripleseat.token_file:
        _check_moved("tripleseat.token_file", folder / TOKEN_NAME, settings.token_path, report)


def _check_moved(key: str, old: Path, new: Path, report: Report) -> None:
    if not is_there(old) or is_there(new) or real_path(old) == real_path(new) or report.spoils(key):
        return
    pairs = [(old, new)]
    if is_there(log := old.with_name(f"{old.name}-wal")):
        pairs.append((log, new.with_name(f"{new.name}-wal")))  # what was written last may stand there alone
    folder = "" if new.parent.is_dir() else f"mkdir -p -m 700 {_quote(new.parent)} && "
    moves = folder + " && ".join(f"mv {_quote(before)} {_quote(after)}" for before, after in pairs)
    message = f"isn't set, and {old} is there from before: now it would be {new}"
    remedy = f'If it belongs to these settings, move it while no run is under way: {moves}. Else set {key} = "{new}".'
    report.add(key, "default", message, remedy)


def _quote(path: Path) -> str:
    return shlex.quote(str(path))
