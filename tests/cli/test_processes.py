"""Real processes over real loopback: as cron, an operator and a kill signal meet them."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tsrevel import __version__

from ..world import World
from .bench import PATIENCE, Doorman, Process, execute, finish, first_line, served_world, start

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

pytestmark = pytest.mark.real_process

LIVE = {"DRY_RUN": "false"}
FULL, PAID = 64000001, 64000002


def config_of(world: World) -> str:
    return str(world.folder / "config.toml")


def assert_whole(world: World, event_id: int = FULL) -> None:
    """One complete order at Revel, and a ledger that is sound and says so."""
    assert world.flaws(event_id) == []
    settings = world.settings()
    with closing(sqlite3.connect(settings.ledger_path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with world.ledger() as ledger:
        ledger.audit.verify()
    record = world.record(event_id)
    assert record is not None
    assert record.state == "settled"


def test_version_and_help_are_for_everyone() -> None:
    assert execute("--version", fresh=True).out == f"tsrevel {__version__}\n"
    helped = execute("--help")
    assert (helped.status, helped.err) == (0, "")
    assert "sync-event" in helped.out


def test_cron_runs_sync_and_then_has_nothing_to_say(tmp_path: Path) -> None:
    with served_world(tmp_path, "full", "paid") as world:
        first = execute("sync", "--config", config_of(world), fresh=True)
        again = execute("sync", "--config", config_of(world))
        assert (first.status, first.err, len(first.lines)) == (0, "", 1)
        assert "2 orders made (1,092.52)" in first.out
        assert (again.status, again.out, again.err) == (0, "", "")
        assert_whole(world)


def test_one_event_is_injected_by_name(tmp_path: Path) -> None:
    with served_world(tmp_path, "full", "paid") as world:
        ran = execute("sync-event", str(FULL), "--json", "--config", config_of(world))
        assert (ran.status, ran.answer["summary"]["injected"]) == (0, 1)
        assert len(world.revel.orders) == 1


def test_the_environment_alone_is_enough(tmp_path: Path) -> None:
    with served_world(tmp_path, "full") as world:
        ran = execute("sync", "--json", environ=old_environment(world))
        assert (ran.status, ran.answer["events"][0]["status"], ran.err) == (0, "injected", "")
        assert world.flaws(FULL) == []
        assert (world.folder / "state" / "tsrevel" / "ledger.sqlite3").is_file()


def old_environment(world: World) -> dict[str, str]:
    """The names that the old service used, and those of today for what it didn't know."""
    seat, till = world.config["tripleseat"], world.config["revel"]
    tables = {"TSREVEL_CHARGES": json.dumps(world.config["charges"])}
    ids = {"USER": "12", "STATION": "21", "DINING_OPTION": "113", "PAYMENT_TYPE": "236", "DISCOUNT": "3358"}
    return {
        "ENV": "sandbox",
        "DRY_RUN": "false",
        "ENABLE_CONNECTOR": "true",
        "TIMEZONE": "America/Los_Angeles",
        "TRIPLESEAT_OAUTH_CLIENT_ID": seat["client_id"],
        "TRIPLESEAT_OAUTH_CLIENT_SECRET": seat["client_secret"],
        "TRIPLESEAT_SITE_ID": "15691",
        "REVEL_ESTABLISHMENT_ID": "8",
        "REVEL_DOMAIN": till["base_url"],
        "REVEL_API_KEY": till["api_key"],
        "REVEL_API_SECRET": till["api_secret"],
        "ALLOWED_LOCATIONS": "15691",
        "TSREVEL_TRIPLESEAT__BASE_URL": seat["base_url"],
        "TSREVEL_TRIPLESEAT__TOKEN_FILE": seat["token_file"],
        "TSREVEL_TRIPLESEAT__REQUESTS_PER_SECOND": "500",
        "TSREVEL_REVEL__REQUESTS_PER_SECOND": "500",
        "TSREVEL_TIME_GATE__DAYS_AFTER": "1",
        "XDG_STATE_HOME": str(world.folder / "state"),
        **{f"TSREVEL_REVEL__{name}": value for name, value in ids.items()},
        **tables,
    }


@pytest.mark.parametrize("ignored", [False, True])
def test_an_interrupt_while_the_program_is_loaded_ends_it_without_a_word_unless_it_is_ignored(*, ignored: bool) -> None:
    interrupt = (
        "import os, signal, sys; from importlib.abc import MetaPathFinder\n"
        "class Interrupt(MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'typer': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupt()); sys.argv = ['tsrevel', '--version']\n"
        f"if {ignored}: signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from tsrevel.cli import main; main()"
    )
    ran = subprocess.run([sys.executable, "-c", interrupt], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == ((0 if ignored else -signal.SIGINT), "")


def test_wrong_settings_reach_nobody(tmp_path: Path) -> None:
    with served_world(tmp_path, "full") as world:
        ran = execute("sync", environ={**old_environment(world), "TIMEZONE": "Mars", "TSREVEL_DRYRUN": "1"})
        assert (ran.status, ran.out) == (10, "")
        assert "Mars" not in ran.err
        assert len(ran.err.splitlines()) == 2
        assert world.tripleseat.requests == world.revel.requests == []


def test_the_kill_switch_reaches_nobody(tmp_path: Path) -> None:
    with served_world(tmp_path, "full") as world:
        off = {"ENABLE_CONNECTOR": "false"}
        ran = execute("sync", "--json", "--config", config_of(world), environ=off)
        assert (ran.status, ran.answer["reason"]) == (0, "CONNECTOR_DISABLED")
        assert world.tripleseat.requests == world.revel.requests == []


@contextmanager
def stuck_sync(folder: Path, *flags: str) -> Iterator[tuple[World, Process, threading.Event]]:
    """A sync that waits for Revel's answer to its tenth request; set the event to let it go on."""
    stuck, go_on = threading.Event(), threading.Event()

    def strike() -> None:
        stuck.set()
        go_on.wait(PATIENCE)

    def guard_door(app: WSGIApplication) -> WSGIApplication:
        return Doorman(app, 10, strike)

    with served_world(folder, "full", revel=guard_door) as world:
        process = start("sync", "--config", config_of(world), *flags)
        try:
            assert stuck.wait(PATIENCE)
            yield world, process, go_on
        finally:
            go_on.set()
            process.kill()
            process.communicate()


def test_a_second_run_leaves_while_the_first_is_at_work(tmp_path: Path) -> None:
    with stuck_sync(tmp_path) as (world, process, go_on):
        second = execute("sync", "--config", config_of(world))
        assert (second.status, second.out) == (11, "")
        assert "lock" in second.err
        go_on.set()
        assert finish(process).status == 0
        assert_whole(world)


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_run_that_is_stopped_says_so_and_the_next_one_goes_on(tmp_path: Path, sent: int, status: int) -> None:
    with stuck_sync(tmp_path, "--json") as (world, process, _go_on):
        process.send_signal(sent)
        ran = finish(process)
        assert (ran.status, ran.answer["success"], ran.answer["exit_status"]) == (status, False, status)
        assert "the next run continues from there" in ran.err
    with served_again(world):
        execute("sync", "--config", config_of(world))
        assert_whole(world)


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("resource", ["Order", "OrderItem", "Payment"])
def test_a_run_that_dies_during_a_slow_write_and_one_at_once_make_one_order(
    tmp_path: Path, sent: int, resource: str
) -> None:
    arrived, go_on = threading.Event(), threading.Event()

    def guard_door(app: WSGIApplication) -> WSGIApplication:
        def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            is_due = (environ["REQUEST_METHOD"], environ["PATH_INFO"]) == ("POST", f"/resources/{resource}/")
            if is_due and not arrived.is_set():
                arrived.set()
                go_on.wait(PATIENCE)
            return app(environ, start_response)

        return answer

    with served_world(tmp_path, "full", revel=guard_door) as world:
        process = start("sync", "--config", config_of(world))
        assert arrived.wait(PATIENCE)
        process.send_signal(sent)
        process.communicate(timeout=PATIENCE)
        at_once = start("sync", "--config", config_of(world), "--json")
        threading.Timer(3, go_on.set).start()
        ran = finish(at_once)
        assert (ran.status, ran.answer["summary"]["injected"]) == (0, 1)
        assert_whole(world)


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_run_that_is_stopped_while_all_hands_are_at_work_sends_nothing_more(
    tmp_path: Path, sent: int, status: int
) -> None:
    """Both places have an order under way, and Revel answers neither: what it gets then is all that it gets."""
    waiting, go_on = threading.Semaphore(0), threading.Event()

    def hold(app: WSGIApplication) -> WSGIApplication:
        def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            if environ["REQUEST_METHOD"] == "POST" and "OrderItem" in environ["PATH_INFO"]:
                waiting.release()
                go_on.wait(PATIENCE)
            return app(environ, start_response)

        return answer

    with served_world(tmp_path, "full", "paid", revel=hold) as world:
        environ = {"TSREVEL_SYNC__WORKERS": "4"}
        process = start("sync", "--json", "--config", config_of(world), environ=environ, fresh=True)
        try:
            assert all(waiting.acquire(timeout=PATIENCE) for _ in range(2))
            process.send_signal(sent)
            time.sleep(0.5)
            go_on.set()
            ran = finish(process)
        finally:
            go_on.set()
            process.kill()
        assert (ran.status, ran.answer["exit_status"]) == (status, status)
        assert world.writes.count("POST OrderItem") == 2
        assert len(world.writes) == 4
        assert execute("sync", "--config", config_of(world)).status == 0
        assert [world.flaws(each) for each in (FULL, PAID)] == [[], []]


def test_a_run_at_one_place_that_is_stopped_while_items_wait_sends_nothing_more(tmp_path: Path) -> None:
    """Items that Revel asked to send again later aren't, although the process still waits for them to end."""
    with served_world(tmp_path, "full") as world:
        world.revel.faults.add("status", "POST", "OrderItem", times=None, status=429, headers={"Retry-After": "1"})
        process = start("sync", "--json", "--config", config_of(world), fresh=True)
        try:
            latest = time.monotonic() + PATIENCE
            while "POST OrderItem" not in world.writes and time.monotonic() < latest:
                time.sleep(0.01)
            time.sleep(0.3)
            process.send_signal(signal.SIGTERM)
            time.sleep(0.2)
            sent = len(world.writes)
            ran = finish(process)
        finally:
            process.kill()
        assert (ran.status, len(world.writes)) == (143, sent)


@contextmanager
def served_again(world: World) -> Iterator[None]:
    """The same two services at new addresses."""
    from tsrevel.sandbox import serve

    with serve(world.tripleseat) as seat, serve(world.revel) as till:
        world.config["tripleseat"]["base_url"] = seat.url
        world.config["revel"]["base_url"] = till.url
        world.write_config()
        yield


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_the_sandbox_serves_until_it_is_told_to_stop(tmp_path: Path, sent: int, status: int) -> None:
    config = tmp_path / "sandbox.toml"
    process = start("sandbox", "--write-config", str(config))
    try:
        first_line(process, "stderr", "Serving on loopback")
        assert config.stat().st_mode & 0o777 == 0o600
        dry = execute("sync", "--config", str(config))
        live = execute("sync", "--config", str(config), environ=LIVE)
        assert "3 orders planned" in dry.out
        assert "3 orders made" in live.out
        assert (dry.status, live.status) == (3, 3)
    finally:
        process.send_signal(sent)
        ran = finish(process)
    assert (ran.status, ran.out) == (status, "")


def test_the_sandbox_as_json_is_one_object_even_when_stopped() -> None:
    process = start("sandbox", "--json", "-q")
    try:
        answer = json.loads(first_line(process, "stdout", "{"))
        assert list(answer) == ["schema", "tripleseat", "revel", "config"]
        assert answer["tripleseat"].startswith("http://127.0.0.1:")
        assert f'base_url = "{answer["revel"]}"' in answer["config"]
    finally:
        process.send_signal(signal.SIGINT)
        ran = finish(process)
    assert (ran.status, ran.out) == (130, "")
    assert "the sandbox is stopped" in ran.err
    assert "run" not in ran.err


def test_a_taken_port_is_a_usage_error(tmp_path: Path) -> None:
    with served_world(tmp_path, "full") as world:
        port = world.config["revel"]["base_url"].rpartition(":")[2]
        ran = execute("sandbox", "--json", "--revel-port", port)
        assert (ran.status, ran.answer["exit_status"]) == (2, 2)
        assert "in use" in ran.err


def run_without_reader(*argv: str) -> tuple[int | None, str]:
    """The exit status and stderr of a command whose reader has gone, as `head` does."""
    reader, writer = os.pipe()
    os.close(reader)
    process = start(*argv, stdout=writer)
    os.close(writer)
    _, err = process.communicate(timeout=PATIENCE)
    return process.returncode, err


def test_a_sandbox_whose_reader_goes_away_ends_without_a_word() -> None:
    assert run_without_reader("sandbox") == (0, "")


@pytest.mark.parametrize(
    "argv",
    [
        *("status", "status --json", "history", "history 64000001", "ledger check", "ledger export", "map list"),
        *("config show", "config generate", "explain 64000001 --offline", "schedule cron"),
    ],
)
def test_a_command_whose_reader_goes_away_is_quiet_and_has_its_own_status(tmp_path: Path, argv: str) -> None:
    with served_world(tmp_path, "full") as world:
        execute("sync", "--config", config_of(world))
        words = argv.split()
        assert run_without_reader(*words, "--config", config_of(world)) == (0, "")


def test_a_reader_that_goes_away_hides_no_failure(tmp_path: Path) -> None:
    assert run_without_reader("status", "--json", "--config", str(tmp_path / "none.toml"))[0] == 10


def test_a_process_that_ends_before_its_line_fails_with_what_it_said() -> None:
    with pytest.raises(AssertionError, match=r"exit status 2: [\s\S]*--nonsense"):
        first_line(start("sandbox", "--nonsense"), "stdout", "http")
