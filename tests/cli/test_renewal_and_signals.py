"""A signal during the exchange of a token: a refresh token works once, so the next one must reach the disk."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tsrevel.engine.workers import GRACE

from ..world import World
from .bench import PATIENCE, Process, execute, finish, first_line, served_world, start

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

pytestmark = pytest.mark.real_process

FULL = 64000001
SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]


@dataclass(slots=True)
class SlowTokenUrl:
    """Stands before TripleSeat: a request for a token takes effect, but its answer waits for `go_on`."""

    taken: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)
    lost: bool = False

    def guard(self, app: WSGIApplication) -> WSGIApplication:
        def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            if environ["PATH_INFO"] != "/oauth2/token" or self.taken.is_set():
                return app(environ, start_response)
            chunks = app(environ, start_response)
            self.taken.set()
            self.go_on.wait(PATIENCE)
            if self.lost:
                raise ConnectionError("the answer is lost")
            return chunks

        return answer


@contextmanager
def slow_tokens(folder: Path) -> Iterator[tuple[World, SlowTokenUrl]]:
    slow = SlowTokenUrl()
    with served_world(folder, "full", "paid", tripleseat=slow.guard) as world:
        try:
            yield world, slow
        finally:
            slow.go_on.set()


def config_of(world: World) -> str:
    return str(world.folder / "config.toml")


def expire(world: World) -> None:
    path = world.folder / "token.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"expires_at": 1}))


def stored_refresh(world: World) -> str:
    return str(json.loads((world.folder / "token.json").read_text())["refresh_token"])


def drafts(world: World) -> list[str]:
    return [each.name for each in world.folder.iterdir() if each.name.startswith(".token.json.")]


def stop(process: Process, slow: SlowTokenUrl, *numbers: int, seconds: float = 0) -> None:
    """Send the signals while the token URL answers nothing, and let it answer `seconds` later."""
    assert slow.taken.wait(PATIENCE)
    for number in numbers:
        process.send_signal(number)
        first_line(process, "stderr", "waiting until TripleSeat's new login is stored")
    time.sleep(seconds)
    slow.go_on.set()


@pytest.mark.parametrize(("sent", "status"), SIGNALS)
@pytest.mark.parametrize("command", [["sync"], ["doctor"], ["explain", str(FULL)]], ids=lambda words: words[0])
def test_a_renewed_token_is_on_disk_before_a_signal_ends_the_command(
    tmp_path: Path, command: list[str], sent: int, status: int
) -> None:
    with slow_tokens(tmp_path) as (world, slow):
        expire(world)
        process = start(*command, "--config", config_of(world))
        stop(process, slow, sent)
        assert finish(process).status == status
        assert (stored_refresh(world), drafts(world)) == (world.tripleseat.tokens.refresh, [])
        assert world.writes == []
        assert execute("sync", "--config", config_of(world)).status == 0


def test_a_second_interrupt_does_not_break_the_wait_for_the_token(tmp_path: Path) -> None:
    with slow_tokens(tmp_path) as (world, slow):
        expire(world)
        process = start("sync", "--config", config_of(world))
        stop(process, slow, signal.SIGINT, signal.SIGINT, signal.SIGTERM)
        assert finish(process).status == 130
        assert stored_refresh(world) == world.tripleseat.tokens.refresh


@pytest.mark.parametrize(("sent", "status"), SIGNALS)
def test_a_signal_ends_the_command_also_if_the_renewal_fails(tmp_path: Path, sent: int, status: int) -> None:
    with slow_tokens(tmp_path) as (world, slow):
        expire(world)
        slow.lost = True
        before = stored_refresh(world)
        process = start("sync", "--config", config_of(world))
        stop(process, slow, sent)
        ran = finish(process)
        assert (ran.status, stored_refresh(world), drafts(world)) == (status, before, [])
        assert world.tripleseat.count("POST", "/oauth2/token") == 1


def test_a_token_that_a_worker_thread_renews_slowly_is_on_disk_before_a_signal_ends_the_run(tmp_path: Path) -> None:
    with slow_tokens(tmp_path) as (world, slow):
        world.tripleseat.faults.add("status", "GET", r"/v1/events/\d+", status=401, body='{"error": "invalid_token"}')
        process = start("sync", "--config", config_of(world), environ={"TSREVEL_SYNC__WORKERS": "2"})
        stop(process, slow, signal.SIGTERM, seconds=GRACE + 0.5)
        assert finish(process).status == 143
        assert stored_refresh(world) == world.tripleseat.tokens.refresh
        assert execute("sync", "--config", config_of(world)).status == 0
        assert [world.flaws(each) for each in (FULL, FULL + 1)] == [[], []]


@pytest.mark.parametrize(("sent", "status"), SIGNALS)
def test_a_login_stores_the_token_of_a_code_before_a_signal_ends_it(tmp_path: Path, sent: int, status: int) -> None:
    with slow_tokens(tmp_path) as (world, slow):
        (world.folder / "token.json").unlink()
        process = start("login", "--paste", "--config", config_of(world), stdin=True)
        url = first_line(process, "stdout", "http").strip()
        state = url.partition("state=")[2].partition("&")[0]
        assert process.stdin
        process.stdin.write(f"{world.tripleseat.tokens.redirect_uri}?code=sandbox-code&state={state}\n")
        process.stdin.close()
        stop(process, slow, sent)
        assert finish(process).status == status
        assert stored_refresh(world) == world.tripleseat.tokens.refresh
        assert execute("sync", "--config", config_of(world)).status == 0
