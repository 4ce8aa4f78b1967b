"""The signals that end a command, and the one request that they must not cut off: that for a new token.

A refresh token or a login's code works once. If the answer is lost, it is used up and the new token is unknown (facts
TripleSeat 1.3).
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType

from tsrevel.errors import Halted, HungUp, Terminated

ENDS: Mapping[int, type[BaseException]] = {
    signal.SIGINT: KeyboardInterrupt,
    signal.SIGTERM: Terminated,
    signal.SIGHUP: HungUp,
}
"""The signals that end a command, and the exception that each raises in the main thread."""
_WAITING = b"tsrevel: waiting until TripleSeat's new login is stored (a minute at most); then it ends\n"


class _Exchanges:
    """The exchanges under way in all threads of this process, and the signal that waits for their end.

    The lock is reentrant: the handler runs in the main thread, perhaps while that thread holds it.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.RLock())
        self._under_way = 0
        self._held = 0
        self._ending = self._over = False

    def open(self) -> None:
        """A command begins: no signal has come yet."""
        self._held, self._ending, self._over = 0, False, False

    def end(self) -> None:
        """Let no further exchange begin."""
        with self._changed:
            self._ending = True

    def close(self) -> None:
        """The command is done: hold all further signals, and wait for exchanges of threads that it leaves behind."""
        with self._changed:
            self._over = True
            if self._under_way:
                self._ending = True
                _tell()
            while self._under_way:
                self._changed.wait()

    def receive(self, number: int, _frame: FrameType | None) -> None:
        """Take a signal: raise its exception, or hold it while an exchange is under way."""
        with self._changed:
            held = self._under_way > 0 or self._over
            if held:
                self._held = self._held or number
            else:
                self._ending = True
        if not held:
            raise ENDS[number]
        if self._under_way:
            _tell()

    def enter(self) -> None:
        with self._changed:
            if self._ending:
                raise Halted("the command is ending")
            self._under_way += 1

    def leave(self) -> None:
        with self._changed:
            self._under_way -= 1
            due = 0 if self._under_way or self._over else self._held
            self._changed.notify_all()
        if due:  # again to the main thread, where `receive` raises; at once, if this is it
            signal.pthread_kill(threading.main_thread().ident or 0, due)


_EXCHANGES = _Exchanges()


@contextmanager
def ending_by_signals() -> Iterator[None]:
    """Within the block, SIGINT, SIGTERM and SIGHUP raise the exceptions of ENDS, but not during an exchange.

    A signal that this process was told to ignore (`nohup`) stays ignored. At its end the block waits for exchanges of
    other threads. Only for the main thread.
    """
    _EXCHANGES.open()
    heard = [number for number in ENDS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _EXCHANGES.receive) for number in heard}
    try:
        yield
    finally:
        _EXCHANGES.close()
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Within the block a single-use secret is exchanged and the new one stored: a signal takes effect after it.

    That holds in each thread, and for each further signal. The block must end by itself. Raises Halted if a signal came
    before it.
    """
    _EXCHANGES.enter()
    try:
        yield
    finally:
        _EXCHANGES.leave()


def end_exchanges() -> None:
    """Let no further exchange begin in this process, because it ends without waiting for its threads."""
    _EXCHANGES.end()


def _tell() -> None:
    """Say that it waits. `print` can't be used: the signal may have interrupted one."""
    with suppress(OSError):
        os.write(2, _WAITING)
