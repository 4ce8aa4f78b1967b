"""Starts real tsrevel processes quickly: each is forked from one that has imported everything and done nothing yet.

Only a process with a single thread can be forked safely, so one is started for that alone. It listens at a Unix socket:
each connection is one run, with its command line, environment, folder and standard streams. Between it and the run
stands a keeper that waits for the run to end, tells its status, and keeps its pid from being given away meanwhile.
What the interpreter itself reads when it starts (`PYTHON...`, the locale) no fork can change: such a run starts afresh.
For Linux: other systems lack `waitid` or packets over Unix sockets.
"""

from __future__ import annotations

import atexit
import fcntl
import functools
import gc
import importlib
import json
import os
import pkgutil
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Self, TextIO

ROOT = Path(__file__).parents[1]
PATIENCE = 120
"""Seconds that a run may take before it is given up."""
CLIENT = Path(__file__).with_name("fork_client.py")
"""The command that has a run forked in its own place: for command lines of a shell."""
_LATE = ("httpcore", "certifi", "pydantic.type_adapter", "_strptime", "sendgrid", "sendgrid.helpers.mail", "rich.table")
"""What a run imports beside our own modules, by name where it does so late."""
_AT_START = ("PYTHON", "LC_", "LANG")
"""How the variables begin that the interpreter reads when it starts."""
_LOW = 64
"""No descriptor of the forking process is as high as this."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command line left behind. `status` is the exit status, or minus the signal that killed it."""

    status: int
    out: str
    err: str

    @property
    def answer(self) -> dict[str, Any]:
        """The one JSON object on stdout."""
        assert self.out.count("\n") == 1, self.out
        return dict(json.loads(self.out))

    @property
    def lines(self) -> list[str]:
        """What is on stdout, line by line."""
        return self.out.splitlines()


@dataclass(slots=True)
class Forked:
    """A tsrevel process at work. Signals sent after its end go nowhere."""

    pid: int
    returncode: int | None
    _keeper: socket.socket
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send_signal(self, number: int) -> None:
        """Send a signal, from any thread."""
        with self._lock:
            if self.returncode is None:
                os.kill(self.pid, number)

    def ends_within(self, seconds: float) -> bool:
        """Whether it ends within that time."""
        return self.returncode is not None or bool(select.select([self._keeper], [], [], seconds)[0])

    def wait(self, timeout: float = PATIENCE) -> int:
        """The exit status, or minus the signal that killed it. Raises TimeoutError where it doesn't end."""
        if not self.ends_within(timeout):
            raise TimeoutError(f"process {self.pid} still runs after {timeout} s")
        with self._lock:
            if self.returncode is None:
                self.returncode = int(self._keeper.recv(16))
                self._keeper.close()
            return self.returncode


@dataclass(slots=True)
class Run:
    """A run whose output is kept in files. `wait` for it, once."""

    process: Forked
    _out: IO[bytes]
    _err: IO[bytes]

    def send(self, number: int) -> None:
        """Send a signal, from any thread."""
        self.process.send_signal(number)

    def ends_within(self, seconds: float) -> bool:
        """Whether it ends within that time."""
        return self.process.ends_within(seconds)

    def wait(self) -> Ran:
        """What came of it. Raises TimeoutError after PATIENCE."""
        with self._out, self._err:
            try:
                status = self.process.wait()
            except TimeoutError:
                self.send(signal.SIGKILL)
                raise
            return Ran(status, _read(self._out), _read(self._err))


class Piped:
    """A run with its streams at pipes of ours, used as `subprocess.Popen` in text mode is."""

    def __init__(self, process: Forked, stdin: TextIO | None, stdout: TextIO | None, stderr: TextIO | None) -> None:
        self._process, self.pid = process, process.pid
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr

    @property
    def returncode(self) -> int | None:
        """The status, once it was waited for."""
        return self._process.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float = PATIENCE) -> int:
        """The status. Raises TimeoutError where it doesn't end."""
        return self._process.wait(timeout)

    def poll(self) -> int | None:
        """The status, if it has ended."""
        return self.wait() if self._process.ends_within(0) else None

    def communicate(self, text: str | None = None, timeout: float = PATIENCE) -> tuple[str, str]:
        """Write `text`, and read both streams to their end."""
        told = ["", ""]

        def read(number: int, stream: TextIO) -> None:
            with stream:
                told[number] = stream.read()

        streams = [(number, each) for number, each in enumerate((self.stdout, self.stderr)) if each and not each.closed]
        readers = [threading.Thread(target=read, args=each, daemon=True) for each in streams]
        for reader in readers:
            reader.start()
        if self.stdin and not self.stdin.closed:
            with suppress(BrokenPipeError), self.stdin:
                self.stdin.write(text or "")
        latest = time.monotonic() + timeout
        for reader in readers:
            reader.join(max(latest - time.monotonic(), 0))
            if reader.is_alive():
                raise TimeoutError(f"process {self.pid} still has its streams open after {timeout} s")
        self.wait(max(latest - time.monotonic(), 0))
        return told[0], told[1]


class Forks:
    """Forks runs on demand, from any thread; use it in a `with`.

    `look_pauses`: other seconds between a run's looks for what isn't there.
    """

    def __init__(self, look_pauses: Sequence[float] = ()) -> None:
        self._pauses = tuple(look_pauses)

    def __enter__(self) -> Self:
        self._folder = tempfile.mkdtemp(prefix="forks-")
        self.address = f"{self._folder}/socket"
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(self.address)
            listener.listen(128)
            self._server = subprocess.Popen(
                [sys.executable, "-c", f"from tests.forks import serve; serve({listener.fileno()}, {self._pauses})"],
                env=bare_environment(),
                cwd=ROOT,
                stdin=subprocess.PIPE,
                pass_fds=(listener.fileno(),),
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server.stdin
        self._server.stdin.close()
        self._server.wait(PATIENCE)
        shutil.rmtree(self._folder)

    def start(self, *argv: str, fresh: bool = False) -> Run:
        """`tsrevel ARGV` as a process of its own; a `fresh` one is `python -m tsrevel` from the very start."""
        out, err = TemporaryFile(), TemporaryFile()  # noqa: SIM115 (closed when the run's output is read)
        with Path(os.devnull).open("rb") as nothing:
            streams = {0: nothing.fileno(), 1: out.fileno(), 2: err.fileno()}
            return Run(self.fork(argv, streams, bare_environment(), fresh=fresh), out, err)

    def pipe(self, *argv: str, environ: Mapping[str, str], stdin: bool = False, stdout: int = subprocess.PIPE) -> Piped:
        """The same with pipes at its streams: at stdin only if wanted; `stdout` may be a descriptor instead."""
        (errors, its_err), theirs, into, output = os.pipe(), [], None, None
        if stdin:
            its_in, to_it = os.pipe()
            into = os.fdopen(to_it, "w", encoding="utf-8")
        else:
            its_in = os.open(os.devnull, os.O_RDONLY)
        theirs = [its_in, its_err]
        if stdout == subprocess.PIPE:
            from_it, stdout = os.pipe()
            output = os.fdopen(from_it, encoding="utf-8")
            theirs.append(stdout)
        process = self.fork(argv, {0: its_in, 1: stdout, 2: its_err}, environ)
        for descriptor in theirs:
            os.close(descriptor)
        return Piped(process, into, output, os.fdopen(errors, encoding="utf-8"))

    def fork(
        self, argv: Sequence[str], streams: Mapping[int, int], environ: Mapping[str, str], *, fresh: bool = False
    ) -> Forked:
        """A run with those descriptors as its standard streams, and no other."""
        keeper = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        keeper.connect(self.address)
        order = {"argv": argv, "environ": dict(environ), "cwd": os.getcwd(), "streams": list(streams), "fresh": fresh}  # noqa: PTH109
        socket.send_fds(keeper, [json.dumps(order).encode()], list(streams.values()))
        return Forked(int(keeper.recv(16)), None, keeper)


@functools.cache
def usual_forks() -> Forks:
    """Those of this process, to its end."""
    forks = Forks().__enter__()
    atexit.register(forks.__exit__)
    return forks


def bare_environment() -> dict[str, str]:
    """What a process needs to find Python, us, a home and a place for what is temporary."""
    found = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {"PYTHONPATH": str(ROOT / "src"), **found}


def starts_afresh(environ: Mapping[str, str]) -> bool:
    """Whether an environment holds what the interpreter reads when it starts."""
    return any(name.startswith(_AT_START) and name != "PYTHONPATH" for name in environ)


def serve(number: int, look_pauses: tuple[float, ...]) -> None:
    """The forking process: import everything, then fork a run for each connection, until its own stdin ends."""
    import tsrevel

    for module in pkgutil.walk_packages(tsrevel.__path__, "tsrevel."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in _LATE:
        importlib.import_module(name)
    if look_pauses:
        from tsrevel import wiring
        from tsrevel.engine.context import Limits

        wiring.Limits = functools.partial(Limits, look_pauses=look_pauses)  # type: ignore[attr-defined,assignment]
    gc.freeze()
    keepers: set[int] = set()
    with socket.socket(fileno=number) as listener:
        while True:
            ready, _, _ = select.select([listener.fileno(), 0], [], [])
            over = 0 in ready
            keepers = {each for each in keepers if os.waitpid(each, 0 if over else os.WNOHANG) == (0, 0)}
            if over:
                return
            line, _ = listener.accept()
            keeper = os.fork()
            if keeper == 0:
                listener.close()
                _keep(line)
                return
            keepers.add(keeper)
            line.close()


def _keep(line: socket.socket) -> None:
    """The keeper: fork the run, tell its pid and later its status. Returns in the run alone, once that is done."""
    text, given, _, _ = socket.recv_fds(line, 1 << 20, 3)
    if not text:
        os._exit(0)
    pid = os.fork()
    if pid == 0:
        _become_tsrevel(json.loads(text), given)
        return
    for descriptor in (0, *given):
        os.close(descriptor)
    with suppress(BrokenPipeError):
        line.send(str(pid).encode())
        end = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        status = 0 if end is None else end.si_status if end.si_code == os.CLD_EXITED else -end.si_status
        line.send(str(status).encode())
        line.recv(1)  # until the asker hangs up: no other process gets the pid before
    os.waitpid(pid, 0)
    os._exit(0)


def _become_tsrevel(order: dict[str, Any], given: Sequence[int]) -> None:
    """The run itself, as the console script starts it: with the streams that it was given and no other descriptor."""
    from tsrevel.cli import main

    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["environ"])
    time.tzset()
    aside = {place: fcntl.fcntl(each, fcntl.F_DUPFD, _LOW) for place, each in zip(order["streams"], given, strict=True)}
    os.closerange(0, _LOW)
    for place, descriptor in aside.items():
        os.dup2(descriptor, place)
        os.close(descriptor)
    argv = order["argv"]
    if order["fresh"]:
        os.execv(sys.executable, [sys.executable, "-m", "tsrevel", *argv])  # noqa: S606
    sys.stdin, sys.stdout, sys.stderr = (
        _reopen(place, like) for place, like in enumerate((sys.stdin, sys.stdout, sys.stderr))
    )
    sys.argv = ["tsrevel", *argv]
    try:
        main()
    except SystemExit as end:
        threading._shutdown()  # type: ignore[attr-defined]  # threads that still work are waited for
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(
            end.code if isinstance(end.code, int) else 0
        )  # tidying up what was forked would take longer than the run


def _reopen(place: int, like: TextIO) -> Any:
    """A standard stream as the interpreter makes it when it starts: None where the descriptor isn't there."""
    try:
        os.fstat(place)
    except OSError:
        return None
    mode = "r" if place == 0 else "w"
    lines = place == 2 or os.isatty(place)
    buffering = 1 if lines and mode == "w" else -1
    return open(place, mode, buffering, encoding=like.encoding, errors=like.errors, closefd=False)


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()
