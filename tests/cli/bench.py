"""A shell to type command lines into: captured streams, an environment of its own, and the world of `tests.world`."""

from __future__ import annotations

import io
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from rich.cells import cell_len

from tsrevel.cli import context as surroundings
from tsrevel.cli.app import run_command
from tsrevel.sandbox import LoopbackServer, serve

from ..forks import CLIENT, Piped, bare_environment, starts_afresh, usual_forks
from ..forks import PATIENCE as PATIENCE
from ..forks import ROOT as ROOT
from ..forks import Ran as Ran
from ..world import World
from .exits import assert_listed
from .schemas import assert_published

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

TERMINAL = {"TERM": "xterm-256color", "COLUMNS": "100"}
Process = subprocess.Popen[str] | Piped
_STARTED: list[Process] = []


class Tty(io.StringIO):
    """A stream that takes itself for a terminal."""

    def isatty(self) -> bool:
        return True


def assert_fits(lines: list[str], columns: int) -> None:
    """No line is wider than the terminal, but for a command or a long path: broken, it couldn't be copied."""
    found = [re.sub(r"`[^`]+`|^ +tsrevel .* --config .*|/\S{20,}$", "", line) for line in lines]
    assert not [line for line in found if cell_len(line) > columns]


@dataclass
class Shell:
    """Runs command lines in-process against one world; `--config` is added for the commands that need it."""

    world: World
    environ: dict[str, str] = field(default_factory=dict)

    def run(
        self, *argv: str, tty: bool = False, environ: Mapping[str, str] | None = None, stdin: bytes | BinaryIO = b""
    ) -> Ran:
        """Type one command line. Its help must list its exit status, its schema describe what --json prints."""
        given = {**self.environ, **(TERMINAL if tty else {}), **(environ or {})}
        out, err = (Tty(), Tty()) if tty else (io.StringIO(), io.StringIO())
        source = io.BytesIO(stdin) if isinstance(stdin, bytes) else stdin
        runtime = self.world.runtime()
        world = surroundings.CliContext(environ=given, stdin=source, stdout=out, stderr=err, stand_in=runtime)
        status = run_command(list(argv), world)
        assert_listed(argv, status)
        if "--json" in argv:
            assert_published(argv, out.getvalue())
        return Ran(status, out.getvalue(), err.getvalue())

    def sync(self, *argv: str, tty: bool = False, environ: Mapping[str, str] | None = None) -> Ran:
        """`sync` with the world's settings as they are now."""
        return self.run("sync", "--config", str(self.write_config()), *argv, tty=tty, environ=environ)

    def sync_event(self, *argv: str) -> Ran:
        """`sync-event` likewise."""
        return self.run("sync-event", "--config", str(self.write_config()), *argv)

    def replay(self, *argv: str, tty: bool = False, stdin: bytes | BinaryIO = b"") -> Ran:
        """`replay` likewise."""
        return self.run("replay", "--config", str(self.write_config()), *argv, tty=tty, stdin=stdin)

    def write_config(self) -> Path:
        """The world's settings, as a file."""
        return self.world.write_config()

    @property
    def requests(self) -> int:
        """How many requests reached either service."""
        return len(self.world.tripleseat.requests) + len(self.world.revel.requests)


class Doorman:
    """Stands before a service: calls `strike` once, at its `number`th request, before or after it took effect."""

    def __init__(
        self, app: WSGIApplication, number: int, strike: Callable[[], object], *, applied: bool = False
    ) -> None:
        self.app, self.number, self.strike, self.applied = app, number, strike, applied
        self._count = 0
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with self._lock:
            self._count += 1
            due = self._count == self.number
        if due and not self.applied:
            self.strike()
        answer = self.app(environ, start_response)
        if due and self.applied:
            self.strike()
        return answer


@contextmanager
def served_world(
    folder: Path,
    *stories: str,
    revel: Callable[[WSGIApplication], WSGIApplication] = lambda app: app,
    tripleseat: Callable[[WSGIApplication], WSGIApplication] = lambda app: app,
) -> Iterator[World]:
    """A world of today, served over real loopback; `revel` and `tripleseat` may stand something before either service.

    Its gate stays open a day longer, so that midnight may pass meanwhile.
    """
    folder.mkdir(parents=True, exist_ok=True)
    world = World(folder, *stories, now=datetime.now(UTC))
    world.config["time_gate"] = {"days_after": 1}
    del world.config["sync"]  # the defaults of production
    with ExitStack() as stack:
        for name, app in (("tripleseat", tripleseat(world.tripleseat)), ("revel", revel(world.revel))):
            server: LoopbackServer = stack.enter_context(serve(app))
            world.config[name] |= {"base_url": server.url, "requests_per_second": 500}
        world.write_config()
        yield world


def start(
    *argv: str,
    environ: Mapping[str, str] | None = None,
    stdin: bool = False,
    stdout: int = subprocess.PIPE,
    fresh: bool = False,
) -> Process:
    """`tsrevel ...` as a process of its own, with a bare environment: forked, or `fresh`, as `python -m tsrevel`."""
    given = {**bare_environment(), **(environ or {})}
    if not fresh and not starts_afresh(given):
        return track(usual_forks().pipe(*argv, environ=given, stdin=stdin, stdout=stdout))
    return track(
        subprocess.Popen(
            [sys.executable, "-m", "tsrevel", *argv],
            env=given,
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_hear_interrupts,
        )
    )


def tsrevel_in_shell(*, fresh: bool = False) -> str:
    """What stands for `tsrevel` in a command line of the shell: it is forked, or starts `fresh`."""
    if fresh:
        return f"{sys.executable} -m tsrevel"
    return f"{sys.executable} -I -S {CLIENT} {usual_forks().address}"


def _hear_interrupts() -> None:
    """A process that was started in the background may have been told to ignore SIGINT; ours must not inherit it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def track(process: Process) -> Process:
    """The same process, to be ended after the test if it still runs then."""
    _STARTED.append(process)
    return process


def end_started() -> None:
    """End every process that a test left running, and close its pipes: it mustn't fail another test."""
    while _STARTED:
        process = _STARTED.pop()
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()


def first_line(process: Process, stream: str, word: str) -> str:
    """The first line of a running process that holds `word`. Fails with its output if it ends, or takes too long."""
    said: list[str] = []
    watchdog = threading.Timer(PATIENCE, process.kill)
    watchdog.start()
    try:
        for line in iter(getattr(process, stream).readline, ""):
            if word in line:
                return str(line)
            said.append(line)
    finally:
        watchdog.cancel()
    ran = finish(process)
    raise AssertionError(f"no {word!r} on {stream}, exit status {ran.status}: {''.join(said)}{ran.out}{ran.err}")


def finish(process: Process) -> Ran:
    """Wait for a process; what it left behind."""
    out, err = process.communicate(timeout=PATIENCE)
    return Ran(process.wait(PATIENCE), out, err)


def execute(*argv: str, environ: Mapping[str, str] | None = None, fresh: bool = False) -> Ran:
    """Run `tsrevel ...` to its end."""
    return finish(start(*argv, environ=environ, fresh=fresh))


TELL_IMPORTS = {"PYTHONPROFILEIMPORTTIME": "1"}
"""In a process's environment: have Python tell on stderr what it imports."""


def imported_by(ran: Ran) -> set[str]:
    """Every module that a process given `TELL_IMPORTS` has imported."""
    lines = [line for line in ran.err.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}
