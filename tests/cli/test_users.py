"""Several users, one installation: one settings file is one ledger and one lock, and root locks nobody out."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..world import World
from .bench import Doorman, Ran, Shell, execute, served_world

FULL = 64000001
LIVE = {"DRY_RUN": "false"}
NOBODY = 65534


@pytest.mark.real_process
@pytest.mark.parametrize("other", ["another home", "no home", "a link", "another folder"])
def test_two_users_at_once_make_one_order(tmp_path: Path, other: str) -> None:
    """Root looks at one event by hand while cron's run is at its order."""
    folder = tmp_path / "installation"
    config = folder / "config.toml"
    by_name, environ = config, LIVE | {"HOME": str(tmp_path / "root")}
    seen: list[Ran] = []
    match other:
        case "no home":
            environ = LIVE | {"HOME": ""}
        case "a link":
            by_name = tmp_path / "elsewhere" / "prod.toml"
            by_name.parent.mkdir()
            by_name.symlink_to(config)
        case "another folder":
            (tmp_path / "way").symlink_to(folder)
            by_name = tmp_path / "way" / "config.toml"

    def look() -> None:
        seen.append(execute("sync-event", str(FULL), "--config", str(by_name), environ=environ))

    doorman: list[Doorman] = []

    def stand(app: object) -> Doorman:
        doorman.append(Doorman(app, 6, look))  # type: ignore[arg-type]
        return doorman[0]

    with served_world(folder, "full", revel=stand) as world:
        del world.config["ledger"]
        world.settings()
        ran = execute("sync", "--config", str(config), environ=LIVE | {"HOME": str(tmp_path / "cron")})
        assert (ran.status, [each.status for each in seen]) == (0, [11]), ran.err
        after = execute("sync-event", str(FULL), "--config", str(by_name), "--json", environ=environ)
        assert after.answer["events"][0]["reason"] == "ALREADY_INJECTED"
        assert world.flaws(FULL) == []
    assert (folder / "ledger.sqlite3").exists()
    assert not (tmp_path / "cron").exists()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user may enter, and that belongs to them where root runs the tests."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        yield folder


def test_what_root_runs_locks_the_user_of_cron_out_of_nothing(open_folder: Path) -> None:
    """Where the tests don't run as root, one user is both."""
    shell = Shell(World(open_folder))
    del shell.world.config["ledger"]
    config = shell.write_config()
    owner = NOBODY if os.geteuid() == 0 else os.geteuid()
    for path in open_folder.iterdir():
        os.chown(path, owner, -1)
    shell.world.time.move(hours=3)  # the token has expired: root's command must renew it
    listed = shell.run("doctor", "--config", str(config), "--json")
    synced = shell.run("sync", "--config", str(config), "--json", environ=LIVE)
    mapped = shell.run("map", "set", "Anything", "8107", "--establishment", "8", "--offline", "--config", str(config))
    paused = shell.run("pause", "--config", str(config))
    assert (synced.status in {0, 3}, mapped.status, paused.status) == (True, 0, 0), listed.err
    strangers = [each.name for each in open_folder.rglob("*") if each.stat().st_uid != owner]
    assert strangers == []
    root = os.geteuid()
    os.seteuid(owner)
    try:
        resumed = shell.run("resume", "--config", str(config))
        again = shell.run("sync", "--config", str(config), "--json", environ=LIVE)
    finally:
        os.seteuid(root)
    assert (resumed.status, again.status) == (0, synced.status), again.err


def test_who_may_not_open_the_ledger_is_told_so(open_folder: Path) -> None:
    shell = Shell(World(open_folder))
    shell.sync(environ=LIVE)
    config = shell.write_config()
    for path in open_folder.iterdir():
        path.chmod(0o644 if path.suffix in {".toml", ".json"} else 0)
    open_folder.chmod(0o755)
    root = os.geteuid()
    os.seteuid(NOBODY - 1 if root == 0 else root)
    try:
        ran = shell.run("sync", "--config", str(config), environ=LIVE)
    finally:
        os.seteuid(root)
    assert ran.status == 10
    assert "ledger" in ran.err
    assert "Permission denied" in ran.err
