"""The users who run one settings file, and the environment of each. tsrevel makes nothing in their folders."""

from __future__ import annotations

from pathlib import Path

CRON = "cron"
"""The user of the first run."""
OTHERS = ("root", "no HOME", "empty HOME", "XDG folders", "another user's HOME")


def environ_of(user: str, homes: Path) -> dict[str, str]:
    """The environment of that user's runs. Folders that it names would lie in `homes`."""
    match user:
        case "no HOME":
            return {"USER": "daemon", "LOGNAME": "daemon"}
        case "empty HOME":
            return {"HOME": "", "USER": "daemon", "LOGNAME": "daemon"}
        case "XDG folders":
            kinds = ("STATE", "CONFIG", "DATA", "CACHE")
            folders = {f"XDG_{kind}_HOME": str(homes / "xdg" / kind.lower()) for kind in kinds}
            return {**environ_of(CRON, homes), **folders}
        case "another user's HOME":  # as sudo may leave it
            return {"HOME": str(homes / "ada"), "USER": "root", "LOGNAME": "root"}
        case _:
            return {"HOME": str(homes / user), "USER": user, "LOGNAME": user}


def another_than(user: str, number: int) -> str:
    """The user that `number` decides on; never `user`."""
    others = [each for each in OTHERS if each != user]
    return others[number % len(others)]
