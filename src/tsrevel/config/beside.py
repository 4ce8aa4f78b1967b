"""What lies beside the settings file and belongs to it: its mappings, apart for the sandbox, and a state of before."""

from __future__ import annotations

import os
import shlex
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tsrevel.config.paths import (
    LEDGER_NAME,
    MAPPINGS_NAME,
    STATE_BELOW_HOME,
    TOKEN_NAME,
    config_folder,
    is_there,
    settings_folder,
    state_folder,
)
from tsrevel.config.problems import DEFAULT, ProblemReport, file_origin
from tsrevel.config.settings import Settings
from tsrevel.config.sources import LARGEST_SETTINGS
from tsrevel.errors import ConfigCode
from tsrevel.files import home_of, members_of, read_regular, real_path, user_name

_SETTINGS_KEYS = {"environment", "safety", "tripleseat", "revel", "locations"}
"""A TOML file with one of these is taken for settings of tsrevel."""


def place_mappings(
    config: Path | None, environ: Mapping[str, str], *, sandbox: bool, report: ProblemReport
) -> Path | None:
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
        remedy = f"Move them: mv {_quote(by_link)} {_quote(path)}"
        report.add(ConfigCode.MAPPINGS_BESIDE_LINK, "mappings", file_origin(by_link), message, remedy)
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


def check_upgrade(settings: Settings, environ: Mapping[str, str], report: ProblemReport) -> None:
    """Note a ledger or token that lies in a user's state folder, where it once was by default, and would be missed.

    A run must not begin a new ledger in silence while the one with its history lies elsewhere. It served whatever
    settings were used, so all for production are stopped by it, by whatever name they are found. Those for a sandbox
    are not: nothing of theirs is lost. Root's commands look in the home of who owns the settings or the state too.
    """
    if settings.config_path is None or settings.ledger.path or settings.environment != "production":
        return
    for folder in _folders_of_before(settings, environ):
        _check_moved("ledger.path", folder / LEDGER_NAME, settings.ledger_path, settings, report)
        if settings.tripleseat.auth == "oauth2" and not settings.tripleseat.token_file:
            _check_moved("tripleseat.token_file", folder / TOKEN_NAME, settings.token_path, settings, report)


def _folders_of_before(settings: Settings, environ: Mapping[str, str]) -> list[Path]:
    """Where the state of whoever runs this, and of who is likely to run it otherwise, was by default."""
    own = state_folder(environ)
    homes = [home_of(uid) for uid in _likely_users(settings) - {os.geteuid()}] if os.geteuid() == 0 else []
    others = [home / STATE_BELOW_HOME / "tsrevel" for home in homes if home]
    return list(dict.fromkeys([*([own] if own else []), *others]))


def _likely_users(settings: Settings) -> set[int]:
    """Who owns the settings file or the state's folder, and the members of a group that the settings are for."""
    users = set()
    for path in (settings.config_path, settings.ledger_path.parent):
        with suppress(OSError):
            found = (path or Path()).stat()
            users |= {found.st_uid, *(members_of(found.st_gid) if found.st_gid else ())}
    return users


def _check_moved(key: str, old: Path, new: Path, settings: Settings, report: ProblemReport) -> None:
    if not _is_within_reach(old) or is_there(new) or real_path(old) == real_path(new) or report.spoils(key):
        return
    message = f"isn't set, and {old} is there from before: now it would be {new}"
    moves = name_moves(old, new, settings)
    remedy = f'If it belongs to these settings, move it while no run is under way: {moves}. Else set {key} = "{new}".'
    report.add(ConfigCode.STATE_LEFT_BEHIND, key, DEFAULT, message, remedy)


def _is_within_reach(path: Path) -> bool:
    """Whether it is there; what this user may not even look at was never theirs to use."""
    try:
        os.lstat(path)
    except OSError:
        return False
    return True


def name_moves(old: Path, new: Path, settings: Settings) -> str:
    """The commands that move it so that whom it belongs to, or the settings do, can go on with it."""
    keeper = _keeper(old, new, settings)
    user = user_name(keeper)
    pairs = [(old, new)]
    if is_there(log := old.with_name(f"{old.name}-wal")):
        pairs.append((log, new.with_name(f"{new.name}-wal")))  # what was written last may stand there alone
    steps = [f"mv {_quote(before)} {_quote(after)}" for before, after in pairs]
    there = new.parent.is_dir()
    if not there:
        steps.insert(0, f"install -d -o {user} -m 700 {_quote(new.parent)}")
    if not there or old.lstat().st_uid != keeper:
        steps.append(f"chown {user} {' '.join(_quote(after) for _, after in pairs)}")
    ours = keeper == os.geteuid() != 0 and (there or os.access(new.parent.parent, os.W_OK, effective_ids=True))
    return f"{'' if ours else 'as root, '}{' && '.join(steps)}"


def _keeper(old: Path, new: Path, settings: Settings) -> int:
    """Who is to have it: who owns the settings file, else the folder, else the old file; root if no other does."""
    owners = []
    for path in (settings.config_path, new.parent, old):
        with suppress(OSError):
            owners.append((path or old).stat().st_uid)
    return next((uid for uid in owners if uid), 0)


def _quote(path: Path) -> str:
    return shlex.quote(str(path))
