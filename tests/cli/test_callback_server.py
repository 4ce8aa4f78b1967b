"""The listener at the redirect URL: loopback only, one path, GET only, one answer; nothing else moves it."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from tsrevel.cli.login import CallbackServer, ConsentAnswer, Rejected, read_answer

STATE = "the-state"
GOOD = f"GET /callback?code=abc&state={STATE} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


class Door:
    """A listener, and what it told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.redirect = CallbackServer("127.0.0.1", 0, "/callback", STATE, self.told.append)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.redirect.port), timeout=60)

    def send(self, request: bytes) -> str:
        with self.connect() as wire:
            wire.sendall(request)
            return read_all(wire)


def read_all(wire: socket.socket) -> str:
    return b"".join(iter(lambda: wire.recv(4096), b"")).decode()


@pytest.fixture
def door() -> Iterator[Door]:
    made = Door()
    with made.redirect:
        yield made


def test_the_right_answer_gets_through(door: Door) -> None:
    with door.connect() as wire:
        wire.sendall(GOOD)
        assert door.redirect.wait(60) == ConsentAnswer("abc")
        page = read_all(wire)
    assert page.startswith("HTTP/1.1 200 OK\r\n")
    assert "<h1>Received</h1>" in page
    assert "abc" not in page


def test_the_first_answer_counts(door: Door) -> None:
    with door.connect() as first, door.connect() as second:
        first.sendall(GOOD)
        assert door.redirect.wait(60) == ConsentAnswer("abc")
        second.sendall(GOOD.replace(b"abc", b"other"))
        assert door.redirect.wait(0) == ConsentAnswer("abc")


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET / HTTP/1.1", 404),
        (b"GET /favicon.ico HTTP/1.1", 404),
        (b"GET /callback/x?code=abc&state=the-state HTTP/1.1", 404),
        (b"POST /callback?code=abc&state=the-state HTTP/1.1", 405),
        (b"HEAD /callback?code=abc&state=the-state HTTP/1.1", 405),
        (b"GET /callback HTTP/1.1", 400),
        (b"GET /callback?code=abc&state=the-statf HTTP/1.1", 400),
        (b"GET /callback?state=the-state HTTP/1.1", 400),
        (b"\xff\xfe\x00", 400),
        (b"GET", 400),
    ],
)
def test_nothing_else_gets_through(door: Door, request_line: bytes, status: int) -> None:
    page = door.send(request_line + b"\r\nHost: x\r\n\r\n")
    assert page.startswith(f"HTTP/1.1 {status} ")
    assert "abc" not in page
    assert door.redirect.wait(0) is None


def test_a_body_is_not_waited_for(door: Door) -> None:
    page = door.send(b"POST /callback HTTP/1.1\r\nContent-Length: 9000\r\n\r\n" + b"x" * 9000)
    assert page.startswith("HTTP/1.1 405 Method Not Allowed\r\n")
    assert "\r\nAllow: GET\r\n" in page


def test_an_endless_request_is_hung_up_on(door: Door) -> None:
    with door.connect() as wire:
        try:
            wire.sendall(b"GET /callback?x=" + b"x" * 1_000_000)
            answer = read_all(wire)
        except ConnectionError:
            answer = ""
    assert not answer or answer.startswith("HTTP/1.1 414 ")
    assert door.redirect.wait(0) is None


def test_who_says_nothing_keeps_nobody_waiting(door: Door) -> None:
    with door.connect(), door.connect() as wire:
        wire.sendall(GOOD)
        assert door.redirect.wait(60) == ConsentAnswer("abc")


def test_who_never_ends_a_request_keeps_nobody_waiting_at_the_end(door: Door) -> None:
    with door.connect() as slow, door.connect() as wire:
        slow.sendall(b"GET /callback?code=x HTTP/1.1\r\nX-Slow: ")
        wire.sendall(GOOD)
        assert door.redirect.wait(60) == ConsentAnswer("abc")
        began = time.monotonic()
        door.redirect.close()
        assert time.monotonic() - began < 10


def test_strangers_are_told_of_once(door: Door) -> None:
    for _ in range(3):
        door.send(b"GET /callback?code=a&state=b HTTP/1.1\r\n\r\n")
    assert door.told == ["its state belongs to another login"]


def test_only_this_machine_is_listened_to(door: Door) -> None:
    assert door.redirect.server_address[0] == "127.0.0.1"


def test_nothing_is_logged(door: Door, capfd: pytest.CaptureFixture[str]) -> None:
    door.send(b"GET /nothing HTTP/1.1\r\n\r\n")
    door.send(b"\r\n\r\n")
    with door.connect() as wire:
        wire.sendall(b"GET /")
    door.redirect.close()
    assert capfd.readouterr() == ("", "")


def test_no_page_is_kept_or_told_on(door: Door) -> None:
    page = door.send(b"GET /callback HTTP/1.1\r\n\r\n")
    for header in ("Cache-Control: no-store", "Referrer-Policy: no-referrer", "Connection: close"):
        assert f"\r\n{header}\r\n" in page


@pytest.mark.parametrize(
    "query",
    [
        "code=abc&state=the-state&state=the-state",
        "code=abc&code=abd&state=the-state",
        "code=&state=the-state",
        "code=a%0Ab&state=the-state",
        "code=%FF&state=the-state",
        "state=the-state",
        "code=abc&state=the-state%00",
        "code=abc&state=%FF",
        "code=" + "a" * 5000 + "&state=the-state",
        "state=the-state&" + "&".join("a=b" for _ in range(50)),
    ],
)
def test_an_answer_that_is_not_exactly_one_is_none(query: str) -> None:
    assert isinstance(read_answer(query, STATE), Rejected)


def test_an_error_beats_a_code() -> None:
    assert read_answer(f"code=abc&error=access_denied&state={STATE}", STATE) == ConsentAnswer(error="access_denied")


def test_a_code_does_not_show_itself() -> None:
    assert "abc" not in repr(read_answer(f"code=abc&state={STATE}", STATE))
