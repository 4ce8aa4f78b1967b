"""A run and the streams that cron, a shell or a full disk leave it: the work is done, and everybody else is told."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tsrevel.sandbox import serve

from ..forks import bare_environment, starts_afresh
from ..notify.healthchecks import Check, Healthchecks
from ..notify.post import KEY, RECIPIENTS, SENDER
from ..world import World
from .bench import PATIENCE, Ran, Shell, served_world, tsrevel_in_shell

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

pytestmark = pytest.mark.real_process

FULL, PAID = 64000001, 64000002


@dataclass
class Mailbox:
    """A pretend SendGrid that takes every mail."""

    mails: list[dict[str, object]] = field(default_factory=list)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self.mails.append(json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))))
        start_response("202 Accepted", [])
        return []


@dataclass
class Installation:
    """A world, a mailbox and a monitor, all on loopback, and a hook that leaves a file."""

    world: World
    mailbox: Mailbox
    monitor: Healthchecks

    @property
    def config(self) -> str:
        return str(self.world.folder / "config.toml")

    @property
    def hook_ran(self) -> bool:
        return (self.world.folder / "hook-ran").exists()

    def shell(self, command: str, environ: dict[str, str] | None = None, *, fresh: bool = False) -> Ran:
        """A command line of the shell; `tsrevel` and `CONFIG` in it mean ours."""
        given = bare_environment() | (environ or {})
        tool = tsrevel_in_shell(fresh=fresh or starts_afresh(given))
        done = subprocess.run(
            ["bash", "-c", command.replace("tsrevel", tool, 1).replace("CONFIG", f"--config {self.config}")],
            env=given,
            capture_output=True,
            timeout=PATIENCE * 2,
            check=False,
        )
        return Ran(done.returncode, done.stdout.decode("latin-1"), done.stderr.decode("latin-1"))


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Installation]:
    with installation(tmp_path) as installed:
        yield installed


@contextmanager
def installation(folder: Path) -> Iterator[Installation]:
    mailbox = Mailbox()
    monitor = Healthchecks(lambda: datetime.now(UTC), Check(timedelta(hours=1), timedelta(hours=1)))
    with served_world(folder, "full") as world, serve(mailbox) as post, serve(monitor) as watch:
        world.config["email"] = {"api_key": KEY, "base_url": post.url, "sender": SENDER, "recipients": RECIPIENTS}
        world.config["monitor"] = {"ping_url": f"{watch.url}/ping/11111111-2222-4333-8444-555555555555"}
        world.config["hooks"] = {"on_injected": f"touch {folder}/hook-ran"}
        world.write_config()
        yield Installation(world, mailbox, monitor)


@pytest.mark.parametrize(
    "streams",
    [
        *("<&-", ">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full", "2>/dev/full", ">/dev/full 2>/dev/full"),
        "> >(exec <&-; sleep 3)",
        "2> >(exec <&-; sleep 3)",
    ],
)
@pytest.mark.parametrize("manner", ["", "--json -vv"])
def test_a_run_does_its_work_and_tells_everybody_whatever_its_streams_are(
    tmp_path: Path, streams: str, manner: str
) -> None:
    with installation(tmp_path) as installed:
        fresh = not manner and streams.endswith("&-")  # without a stream Python starts differently
        ran = installed.shell(f"tsrevel sync CONFIG {manner} {streams}", fresh=fresh)
        assert ran.status == 0
        assert installed.world.flaws(FULL) == []
        assert installed.monitor.pings == ["start", ""]
        assert len(installed.mailbox.mails) == 1
        assert installed.hook_ran
        assert "Traceback" not in ran.err + ran.out


def test_a_missing_stream_never_shares_its_number_with_the_ledger(installed: Installation) -> None:
    assert installed.shell("tsrevel sync CONFIG <&- >&- 2>&-").status == 0
    ran = installed.shell("tsrevel ledger check CONFIG --json")
    assert ran.answer["success"] is True


def test_what_couldnt_be_printed_is_said_on_the_other_stream(installed: Installation) -> None:
    ran = installed.shell("tsrevel sync CONFIG >/dev/full")
    assert (ran.status, ran.err) == (
        0,
        "tsrevel: some output could not be written to standard output (No space left on device)\n",
    )


@pytest.mark.parametrize("command", ["status CONFIG", "status CONFIG --json", "ledger export CONFIG"])
def test_a_command_that_only_prints_fails_where_it_cant(installed: Installation, command: str) -> None:
    assert Shell(installed.world).sync().status == 0
    ran = installed.shell(f"tsrevel {command} >/dev/full")
    assert ran.status == 1
    assert "No space left on device" in ran.err


def test_a_reader_that_is_gone_is_no_news(installed: Installation) -> None:
    assert Shell(installed.world).sync().status == 0
    ran = installed.shell("tsrevel ledger export CONFIG | head -n 1; exit ${PIPESTATUS[0]}")
    assert ran.err == ""


@pytest.mark.parametrize(
    "environ",
    [
        {"PYTHONIOENCODING": "latin-1"},
        {"PYTHONIOENCODING": "ascii:strict"},
        {"PYTHONIOENCODING": "utf-8:strict"},
        {"PYTHONIOENCODING": "cp1252"},
        {"PYTHONIOENCODING": "utf-16"},
        {"LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=str,
)
def test_no_encoding_ends_a_run(tmp_path: Path, environ: dict[str, str]) -> None:
    with installation(tmp_path) as installed:
        installed.world.config["locations"][0]["name"] = "Café 👩\u200d🍳 漢"
        installed.world.tripleseat.edit_event(FULL, name="Dîner 漢字 👩\u200d🍳")
        installed.world.write_config()
        ran = installed.shell("tsrevel sync CONFIG --json -v --log-format json", environ)
        assert (ran.status, installed.monitor.pings) == (0, ["start", ""])
        assert len(installed.mailbox.mails) == 1
        encoding = "utf-16" if environ.get("PYTHONIOENCODING") == "utf-16" else "utf-8"
        told = json.loads(ran.out.encode("latin-1").decode(encoding))
        assert told["events"][0]["name"] == "Dîner 漢字 👩\u200d🍳"
        log = ran.err.encode("latin-1").decode(encoding)
        assert all(json.loads(line)["message"] for line in log.splitlines())


def test_json_is_ascii_where_the_stream_isnt_utf_8(installed: Installation) -> None:
    installed.world.tripleseat.edit_event(FULL, name="Dîner 漢字")
    assert installed.shell("tsrevel sync CONFIG --json", {"PYTHONIOENCODING": "latin-1"}).out.isascii()


@pytest.mark.parametrize("command", ["--version", "--help", "sync --help"])
@pytest.mark.parametrize("streams", [">&-", "<&- >&- 2>&-"])
def test_even_help_needs_no_streams(installed: Installation, command: str, streams: str) -> None:
    ran = installed.shell(f"tsrevel {command} {streams}", fresh=command == "--version")
    assert (ran.status, ran.err) == (0, "")


def test_a_file_name_is_shown_and_not_obeyed(tmp_path: Path) -> None:
    world = World(tmp_path)
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "a\x1b[31m\u202e\r\nb.json").write_text("[]")
    (Path(os.fsdecode(os.fsencode(spool) + b"/\xff.json"))).write_text("[]")
    for manner in ((), ("--json",)):
        ran = Shell(world).replay(str(spool), "--unsigned", *manner)
        assert ran.status == 3
        assert len(ran.lines) == 2
        assert ran.out.isascii()
        assert "\x1b" not in ran.out + ran.err
