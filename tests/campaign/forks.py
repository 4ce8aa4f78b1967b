"""Starts real tsrevel processes quickly: each is forked from one that has imported everything and done nothing yet.

Only a process with a single thread can be forked safely, so one is started for that alone. Between it and each run
stands a keeper that waits for the run to end, tells its status, and keeps its pid from being given away meanwhile.
For Linux: other systems lack `waitid` or packets over Unix sockets.
"""

from __future__ import annotations

import functools
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Self

ROOT = Path(__file__).parents[2]
PATIENCE = 120
"""Seconds that a run may take before it is given up."""
_IMPORTED = ("tsrevel.cli.app", "tsrevel.cli.sync", "httpcore", "certifi", "pydantic.type_adapter", "_strptime")
"""All that a run imports, the late ones by name."""
_PAUSES = (0.5, 1.0, 1.5)
"""Seconds between looks for what isn't there: in all longer than any request here is slow, and no longer."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run left behind. `status` is the exit status, or minus the signal that killed it."""

    status: int
    out: str
    err: str

    @property
    def answer(self) -> dict[str, Any]:
        """The one JSON object on stdout; empty where it never came to that."""
        return dict(json.loads(self.out)) if self.out else {}


@dataclass(slots=True)
class Run:
    """A tsrevel process at work. `wait` for it, once; signals sent after that go nowhere."""

    pid: int
    _keeper: socket.socket
    _out: IO[bytes]
    _err: IO[bytes]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _over: bool = False

    def send(self, number: int) -> None:
        """Send a signal, from any thread."""
        with self._lock:
            if not self._over:
                os.kill(self.pid, number)

    def ends_within(self, seconds: float) -> bool:
        """Whether it ends within that time."""
        return bool(select.select([self._keeper], [], [], seconds)[0])

    def wait(self) -> Ran:
        """What came of it. Raises TimeoutError after PATIENCE."""
        with self._out, self._err:
            self._keeper.settimeout(PATIENCE)
            try:
                status = int(self._keeper.recv(16))
            except TimeoutError:
                self.send(signal.SIGKILL)
                raise
            finally:
                with self._lock:
                    self._over = True
                self._keeper.close()
            return Ran(status, _read(self._out), _read(self._err))


class Forks:
    """Forks runs on demand; use it in a `with`. `start` may be called from any thread."""

    def __enter__(self) -> Self:
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._server = subprocess.Popen(
                [sys.executable, "-c", f"from {__name__} import serve; serve({theirs.fileno()})"],
                env={"PYTHONPATH": str(ROOT / "src"), "PATH": os.environ["PATH"], "HOME": os.environ["HOME"]},
                cwd=ROOT,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._line.close()
        self._server.wait(PATIENCE)

    def start(self, *argv: str, fresh: bool = False) -> Run:
        """`tsrevel ARGV` as a process of its own; a `fresh` one is `python -m tsrevel` from the very start."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        out, err = TemporaryFile(), TemporaryFile()  # noqa: SIM115 (closed when the run's output is read)
        with theirs:
            order = json.dumps({"argv": argv, "fresh": fresh}).encode()
            socket.send_fds(self._line, [order], [theirs.fileno(), out.fileno(), err.fileno()])
        return Run(int(ours.recv(16)), ours, out, err)


def serve(line: int) -> None:
    """The forking process: import everything, then fork a run for each order that comes down the line."""
    import importlib

    for name in _IMPORTED:
        importlib.import_module(name)
    from tsrevel import wiring
    from tsrevel.engine.context import Limits

    wiring.Limits = functools.partial(Limits, look_pauses=_PAUSES)  # type: ignore[attr-defined,assignment]
    gc.freeze()
    keepers: set[int] = set()
    with socket.socket(fileno=line) as orders:
        while True:
            order, given, _, _ = socket.recv_fds(orders, 65536, 3)
            keepers = {each for each in keepers if os.waitpid(each, 0 if not order else os.WNOHANG) == (0, 0)}
            if not order:
                return
            keeper = os.fork()
            if keeper == 0:
                orders.close()
                _keep(json.loads(order), *given)
                return
            keepers.add(keeper)
            for descriptor in given:
                os.close(descriptor)


def _keep(order: dict[str, Any], line: int, out: int, err: int) -> None:
    """The keeper: fork the run, tell its pid and later its status. Returns in the run alone, once that is done."""
    pid = os.fork()
    if pid == 0:
        os.close(line)
        _become_tsrevel(order, out, err)
        return
    with socket.socket(fileno=line) as asker:
        asker.send(str(pid).encode())
        os.close(out)
        os.close(err)
        end = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        status = 0 if end is None else end.si_status if end.si_code == os.CLD_EXITED else -end.si_status
        asker.send(str(status).encode())
        asker.recv(1)  # until the asker hangs up: no other process gets the pid before
        os.waitpid(pid, 0)
    os._exit(0)


def _become_tsrevel(order: dict[str, Any], out: int, err: int) -> None:
    """The run itself, as the console script starts it."""
    from tsrevel.cli import main

    signal.signal(signal.SIGINT, signal.default_int_handler)
    for descriptor, place in ((out, 1), (err, 2)):
        os.dup2(descriptor, place)
        os.close(descriptor)
    if order["fresh"]:
        os.execv(sys.executable, [sys.executable, "-m", "tsrevel", *order["argv"]])  # noqa: S606
    sys.argv = ["tsrevel", *order["argv"]]
    try:
        main()
    except SystemExit as end:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(
            end.code if isinstance(end.code, int) else 0
        )  # tidying up what was forked would take longer than the run


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()
