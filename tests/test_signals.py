"""Signals that end a command, and the exchanges that they wait for."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tsrevel.errors import Halted, HungUp, Terminated
from tsrevel.signals import ENDS, end_exchanges, ending_by_signals, uninterrupted

KINDS = [pytest.param(number, kind, id=signal.Signals(number).name) for number, kind in ENDS.items()]


def send(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    """No signal of one test is left for the next."""
    yield
    with ending_by_signals():
        pass


@contextmanager
def command_ended_by(kind: type[BaseException]) -> Iterator[pytest.ExceptionInfo[BaseException]]:
    """A command that must end with this exception."""
    with pytest.raises(kind) as caught, ending_by_signals():
        yield caught


@contextmanager
def exchange_elsewhere() -> Iterator[threading.Event]:
    """An exchange under way in another thread, until the event is set."""
    begun, go_on = threading.Event(), threading.Event()

    def work() -> None:
        with uninterrupted():
            begun.set()
            go_on.wait(10)

    thread = threading.Thread(target=work)
    thread.start()
    assert begun.wait(10)
    try:
        yield go_on
    finally:
        go_on.set()
        thread.join()


@pytest.mark.parametrize(("number", "kind"), KINDS)
def test_each_signal_ends_a_command_at_once_outside_an_exchange(number: int, kind: type[BaseException]) -> None:
    done = []
    with command_ended_by(kind) as caught:
        send(number)
        done.append("went on")
    assert (type(caught.value), done) == (kind, [])


@pytest.mark.parametrize(("number", "kind"), KINDS)
def test_a_signal_takes_effect_when_the_exchange_of_its_thread_is_over(number: int, kind: type[BaseException]) -> None:
    done = []
    with command_ended_by(kind):
        with uninterrupted():
            send(number)
            done.append("stored")
        done.append("went on")
    assert done == ["stored"]


def test_a_second_signal_breaks_no_exchange_and_the_first_decides() -> None:
    done = []
    with command_ended_by(HungUp), uninterrupted():
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            send(number)
        done.append("stored")
    assert done == ["stored"]


def test_a_signal_takes_effect_also_if_the_exchange_fails() -> None:
    with command_ended_by(Terminated) as caught, uninterrupted():
        send(signal.SIGTERM)
        int("no number")
    assert isinstance(caught.value.__context__, ValueError)


def test_the_wait_is_announced_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    with command_ended_by(KeyboardInterrupt), uninterrupted():
        send(signal.SIGINT)
        send(signal.SIGINT)
    assert [line[:16] for line in capfd.readouterr().err.splitlines()] == ["tsrevel: waiting"] * 2


def test_a_signal_waits_for_the_exchange_of_another_thread() -> None:
    done = []
    with command_ended_by(Terminated), exchange_elsewhere() as go_on:
        send(signal.SIGTERM)
        done.append("waits")
        go_on.set()
        threading.Event().wait(10)
        done.append("went on")
    assert done == ["waits"]


def test_a_command_that_ends_waits_for_the_exchange_of_a_thread_that_it_leaves_behind() -> None:
    timer = None
    with exchange_elsewhere() as go_on:
        with ending_by_signals():
            timer = threading.Timer(0.2, go_on.set)
            timer.start()
        assert go_on.is_set()


def test_a_signal_while_a_command_waits_for_a_thread_changes_nothing() -> None:
    with exchange_elsewhere() as go_on, ending_by_signals():
        for seconds, act in ((0.1, lambda: send(signal.SIGINT)), (0.3, go_on.set)):
            threading.Timer(seconds, act).start()


def test_no_exchange_begins_after_a_signal() -> None:
    with command_ended_by(Terminated):
        try:
            send(signal.SIGTERM)
        finally:
            with pytest.raises(Halted), uninterrupted():
                raise AssertionError("it began")


def test_no_exchange_begins_in_a_process_that_ends_without_its_threads() -> None:
    end_exchanges()
    with pytest.raises(Halted), uninterrupted():
        raise AssertionError("it began")


@pytest.mark.parametrize("number", ENDS)
def test_a_signal_that_the_process_was_told_to_ignore_stays_ignored(number: int) -> None:
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with ending_by_signals():
            send(number)
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


def test_the_handlers_of_before_come_back() -> None:
    before = [signal.getsignal(number) for number in ENDS]
    with ending_by_signals():
        assert [signal.getsignal(number) for number in ENDS] != before
    assert [signal.getsignal(number) for number in ENDS] == before
