"""Of which settings file and ledger a command speaks: with several installations, the wrong one is easily asked."""

from __future__ import annotations

from pathlib import Path

from tsrevel.config import Settings
from tsrevel.files import real_path

NEVER_RUN = "no run was ever made with this ledger: is it the one that cron's runs use?"


def encode_files(settings: Settings) -> dict[str, object]:
    """Both, as every answer with --json has them; `settings` is None where there is no settings file."""
    config = settings.config_path
    return {"settings": str(config.absolute()) if config else None, "ledger": str(settings.ledger_path.absolute())}


def describe_files(settings: Settings) -> list[str]:
    """The same for people, a line each."""
    config = settings.config_path
    return [
        f"settings: {_show(config) if config else 'no settings file was found, the environment alone'}",
        f"ledger: {_show(settings.ledger_path)}",
    ]


def _show(path: Path) -> str:
    """The whole path; of a link also what it leads to."""
    real = real_path(path)
    return f"{path.absolute()}" + (f" (which is {real})" if path.is_symlink() else "")
