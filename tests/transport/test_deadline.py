"""No exchange outlives its deadline, however slowly a service answers: its last byte is no promise of a next one."""

from __future__ import annotations

import math
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tsrevel.errors import OutcomeUnknown, OutOfTime, RetryLater, TsrevelError, Unavailable
from tsrevel.transport.api import ApiClient, with_retries
from tsrevel.transport.client import EXCHANGE_SECONDS, NEVER, TOKEN_LEAST, Deadline, RateLimiter, Sender, send_once

from .test_api import HERE, Wire, answer

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
TRICKLES = {
    "its body": HEAD + b"Content-Length: 100000\r\n\r\n" + b" " * 1000,
    "its head": HEAD + b"X-Long: " + b"x" * 1000,
    "its first line": b"HTTP/1.1 200 " + b"O" * 1000,
    "chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 300,
    "interim answers": b"HTTP/1.1 102 Processing\r\n\r\n" * 100,
    "silence": b"",
}
LONGEST_OVERRUN = 15
"""Seconds, on a machine with much else to do; each of these answers takes twice as long."""


@contextmanager
def trickling(text: bytes, every: float = 0.05) -> Iterator[str]:
    """A server that sends one byte at a time, and then nothing; its URL."""
    over = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65536)
            for at in range(len(text)):
                connection.sendall(text[at : at + 1])
                if over.wait(every):
                    return
            over.wait(30)

    def listen() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=listen, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()


def channel(url: str, seconds: float) -> ApiClient:
    sender = Sender(
        "Shop",
        url,
        rate_limiter=RateLimiter(1000, time.monotonic, time.sleep),
        clock=lambda: datetime.now(UTC),
        deadline=Deadline(timedelta(seconds=seconds)),
    )
    return ApiClient(sender, sleep=time.sleep)


ASKS: dict[str, tuple[Callable[[ApiClient], object], type[TsrevelError]]] = {
    "read": (lambda shop: shop.read("/x"), Unavailable),
    "page": (lambda shop: shop.read_page("/x", "page"), Unavailable),
    "write": (lambda shop: shop.write("POST", "/x", {}, HERE), OutcomeUnknown),
}


@pytest.mark.real_process
@pytest.mark.parametrize("what", TRICKLES)
@pytest.mark.parametrize("ask", ASKS)
def test_an_answer_that_trickles_ends_with_the_deadline(what: str, ask: str) -> None:
    make, error = ASKS[ask]
    with trickling(TRICKLES[what]) as url:
        began = time.monotonic()
        with pytest.raises(error):
            make(channel(url, 0.6))
        assert 0.5 < time.monotonic() - began < LONGEST_OVERRUN


@pytest.mark.real_process
@pytest.mark.parametrize("what", TRICKLES)
def test_a_mail_or_a_ping_ends_in_its_time(what: str) -> None:
    with trickling(TRICKLES[what].replace(b"200", b"500")) as url:
        began = time.monotonic()
        with pytest.raises(Unavailable):
            send_once("GET", url, 0.5, None)
        assert time.monotonic() - began < LONGEST_OVERRUN


class Clock:
    """A monotonic clock that only moves when somebody sleeps, or it is moved."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def shop(
    clock: Clock, seconds: float, *answers: httpx.Response | Exception, per_second: float = 1e6
) -> tuple[ApiClient, Wire]:
    wire = Wire(*answers)
    sender = Sender(
        "Shop",
        "https://shop.example.com",
        rate_limiter=RateLimiter(per_second, clock, clock.sleep),
        clock=lambda: datetime.now(UTC),
        transport=httpx.MockTransport(wire),
        deadline=Deadline(timedelta(seconds=seconds), clock),
    )
    return ApiClient(sender, sleep=clock.sleep), wire


@pytest.mark.parametrize("ask", ASKS)
def test_after_the_deadline_nothing_is_asked_any_more(ask: str) -> None:
    clock = Clock()
    made, wire = shop(clock, 60, answer())
    clock.now += 60
    with pytest.raises(Unavailable, match=r"sync\.deadline_minutes"):
        ASKS[ask][0](made)
    with pytest.raises(Unavailable, match=r"sync\.deadline_minutes"):
        made.post_form("https://shop.example.com/token", {})
    assert (wire.asked, clock.slept) == ([], [])


@pytest.mark.parametrize("told", [429, 503])
def test_no_wait_that_a_service_asks_for_reaches_beyond_the_deadline(told: int) -> None:
    clock = Clock()
    made, wire = shop(clock, 20, answer(told, Retry_After="30"), answer())
    with pytest.raises(Unavailable):
        made.read("/x")
    assert (len(wire.asked), clock.slept) == (1, [])
    with pytest.raises(Unavailable, match=r"sync\.deadline_minutes"):
        made.read("/x")  # the service wants to be left alone for longer than there is time
    assert (len(wire.asked), clock.slept) == (1, [])


def test_no_turn_is_waited_for_that_comes_after_the_deadline() -> None:
    clock = Clock()
    made, wire = shop(clock, 5, answer(), per_second=0.1)
    made.read("/x")
    with pytest.raises(Unavailable):
        made.read("/x")
    assert (len(wire.asked), clock.slept) == (1, [])


def test_retries_stop_at_the_deadline() -> None:
    clock = Clock()

    def fail() -> None:
        raise RetryLater("no")

    with pytest.raises(RetryLater):
        with_retries(fail, clock.sleep, Deadline(timedelta(seconds=1.2), clock))
    assert len(clock.slept) == 1
    assert 0.5 <= clock.slept[0] <= 0.75


def test_a_large_answer_in_good_time_is_no_trickle() -> None:
    clock = Clock()
    made, _ = shop(clock, 20, answer(content=b"[" + b"1," * 200_000 + b"1]"))
    assert len(made.read("/x")) == 200_001


def test_one_answer_has_its_own_limit_and_isnt_asked_for_again() -> None:
    clock = Clock()

    class Slow(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            while True:
                clock.now += 10
                yield b" "

    made, wire = shop(clock, 86_400, httpx.Response(200, stream=Slow()))
    with pytest.raises(Unavailable, match="no whole answer in 180 s"):
        made.read("/x")
    assert (len(wire.asked), clock.now) == (1, 100 + EXCHANGE_SECONDS)


@pytest.mark.parametrize("first", [200, 404, 500, None], ids=str)
def test_an_answer_cut_by_the_end_of_the_run_says_nothing_of_a_service_that_answered_before(first: int | None) -> None:
    clock = Clock()

    class Slow(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            while True:
                clock.now += 8
                yield b" "

    before = [answer(first)] * (4 if first == 500 else 1) if first else []
    made, _ = shop(clock, 60, *before, httpx.Response(200, stream=Slow()))
    if first:
        with suppress(TsrevelError):
            made.read("/x")
    clock.now, clock.slept = 140, []
    with pytest.raises(RetryLater, match="no whole answer in 20 s") as caught:
        made.read("/y")
    assert isinstance(caught.value, OutOfTime) is (first in (200, 404))
    assert clock.slept == []


def test_a_token_request_gets_its_least_time() -> None:
    clock = Clock()
    end = Deadline(timedelta(seconds=1), clock)
    assert end.within(60, at_least=TOKEN_LEAST).remaining() == TOKEN_LEAST
    assert end.within(60).remaining() == 1
    assert NEVER.within(60).remaining() <= 60
    assert NEVER.remaining() == math.inf


@pytest.mark.parametrize(("minutes", "reserve"), [(1, 6), (5, 30), (30, 60), (600, 60)])
def test_the_last_of_the_time_is_for_what_is_under_way(minutes: int, reserve: int) -> None:
    clock = Clock()
    end = Deadline(timedelta(minutes=minutes), clock)
    clock.now += minutes * 60 - reserve - 1
    assert not end.is_near
    clock.now += 1
    assert [end.is_near, end.has_passed] == [True, False]
