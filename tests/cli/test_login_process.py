"""`login` as a process of its own: over real loopback, on a terminal, and beside a sync."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from ..forks import bare_environment
from ..ports import free_port
from ..world import World
from .bench import PATIENCE, Process, execute, finish, first_line, served_world, start, track

pytestmark = pytest.mark.real_process


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world over real loopback, without a token, whose app is registered with a redirect URL at a free port."""
    with served_world(tmp_path, "full") as served:
        (served.folder / "token.json").unlink()
        served.tripleseat.tokens.redirect_uri = f"http://127.0.0.1:{free_port()}/callback"
        yield served


def arguments(world: World, *argv: str) -> list[str]:
    port = str(urlsplit(world.tripleseat.tokens.redirect_uri).port)
    return ["login", "--config", str(world.folder / "config.toml"), "--port", port, *argv]


def begin(world: World, *argv: str) -> tuple[Process, str]:
    """A login that has printed its address."""
    login = start(*arguments(world, *argv))
    return login, first_line(login, "stderr" if "--json" in argv else "stdout", "http").strip()


def open_page(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as page:  # noqa: S310
            return page.status, page.read().decode()
    except urllib.error.HTTPError as page:
        return page.code, page.read().decode()


def test_an_approval_in_a_browser_is_all_that_a_first_sync_needs(world: World) -> None:
    login, url = begin(world)
    back = world.tripleseat.tokens.redirect_uri
    assert open_page(f"{back}?code=sandbox-code&state=guessed")[0] == 400
    status, page = open_page(url)
    ended = finish(login)
    assert (status, ended.status) == (200, 0)
    assert "Received" in page
    assert (world.folder / "token.json").stat().st_mode & 0o777 == 0o600
    assert execute("sync", "--config", str(world.folder / "config.toml")).status == 0
    assert len(world.revel.orders) == 1


def test_json_on_stdout_is_one_object(world: World) -> None:
    login, url = begin(world, "--json")
    open_page(url)
    ended = finish(login)
    assert (ended.status, ended.answer["success"]) == (0, True)
    assert "http" not in ended.out.replace(str(world.folder), "")


def test_a_denial_ends_it_with_12(world: World) -> None:
    login, url = begin(world, "--json")
    state = parse_qs(urlsplit(url).query)["state"][0]
    status, page = open_page(f"{world.tripleseat.tokens.redirect_uri}?error=access_denied&state={state}")
    ended = finish(login)
    assert (status, ended.status, ended.answer["exit_status"]) == (200, 12, 12)
    assert "Received" in page
    assert "access_denied" in ended.answer["error"]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_login_that_waits_can_be_stopped(world: World, number: int, status: int) -> None:
    login, _ = begin(world)
    login.send_signal(number)
    ended = finish(login)
    assert ended.status == status
    assert ended.err.splitlines()[-1].endswith("; nothing was written")
    assert not (world.folder / "token.json").exists()


@pytest.mark.parametrize(("line", "status"), [("{}", 0), ("http://127.0.0.1/?code=sandbox-code&state=x", 12), ("", 12)])
def test_off_a_terminal_the_pasted_address_is_read_from_a_pipe(world: World, line: str, status: int) -> None:
    login = start(*arguments(world, "--paste"), stdin=True)
    assert login.stdin
    assert login.stdout
    url = login.stdout.readline().strip()
    out, err = login.communicate(line.format(consent(url)) + "\n", timeout=PATIENCE)
    assert login.returncode == status
    assert (world.folder / "token.json").exists() is (status == 0)
    assert "sandbox-code" not in out + err


def test_a_pipe_that_says_nothing_is_not_waited_for_for_ever(world: World) -> None:
    login = start(*arguments(world, "--paste", "--timeout", "1"), stdin=True)
    assert login.wait(PATIENCE) == 12
    _, err = login.communicate()
    assert "nobody approved within 1 s" in err


class _Stay(urllib.request.HTTPRedirectHandler):
    """Goes nowhere."""

    def redirect_request(self, *_: object) -> None:
        return None


def consent(url: str) -> str:
    """The address that the browser is sent to, not followed."""
    try:
        urllib.request.build_opener(_Stay).open(url, timeout=PATIENCE)
    except urllib.error.HTTPError as answer:
        return str(answer.headers["Location"])
    raise AssertionError("nobody was sent anywhere")


def test_on_a_terminal_what_is_pasted_stays_invisible(world: World) -> None:
    terminal, theirs = pty.openpty()
    command = [sys.executable, "-m", "tsrevel", *arguments(world, "--paste")]
    env = bare_environment()
    login = track(subprocess.Popen(command, env=env, stdin=theirs, stdout=theirs, stderr=theirs, text=True))
    os.close(theirs)
    seen = read_until(terminal, r"press Enter:")
    url = re.findall(r"http://\S+/oauth2/authorize\S+", seen)[0]
    os.write(terminal, b"sandbox-code\n")
    seen += read_until(terminal, r"not the whole address")
    os.write(terminal, consent(url).encode() + b"\n")
    seen += read_until(terminal, r"Logged in\.")
    assert login.wait(PATIENCE) == 0
    os.close(terminal)
    assert "sandbox-code" not in seen
    assert (world.folder / "token.json").exists()


def read_until(terminal: int, pattern: str) -> str:
    seen, end = "", time.monotonic() + PATIENCE
    while not re.search(pattern, seen):
        assert time.monotonic() < end, seen
        seen += os.read(terminal, 4096).decode()
    return seen
