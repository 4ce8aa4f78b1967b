"""One request, never repeated and never waited for longer than said: what mails and pings go out by."""

from __future__ import annotations

import socket
import ssl

import httpx
import pytest

from tsrevel.errors import Unavailable
from tsrevel.transport.client import send_once

URL = "https://shop.example.com/secret"


def answering(answer: httpx.Response | Exception) -> tuple[httpx.MockTransport, list[httpx.Request]]:
    asked: list[httpx.Request] = []

    def take(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return httpx.MockTransport(take), asked


def caused_by(cause: OSError) -> Exception:
    if isinstance(cause, ssl.SSLError):
        cause.reason = "SSLV3_ALERT_HANDSHAKE_FAILURE"
    error = httpx.ConnectError("/secret")
    error.__cause__ = cause
    return error


def test_it_is_sent_once_with_its_body_and_headers() -> None:
    wire, asked = answering(httpx.Response(202))
    assert send_once("POST", URL, 5, wire, json={"a": 1}, headers={"X": "y"}) == (202, b"")
    (request,) = asked
    assert (request.method, request.headers["X"], request.content) == ("POST", "y", b'{"a":1}')


@pytest.mark.parametrize("status", [302, 400, 429, 500])
def test_whatever_the_status_is_it_isnt_repeated_nor_followed(status: int) -> None:
    wire, asked = answering(httpx.Response(status, text="why", headers={"Location": "https://elsewhere.example.com"}))
    assert send_once("GET", URL, 5, wire) == (status, b"why")
    assert len(asked) == 1


def test_of_a_long_answer_only_the_beginning_is_given() -> None:
    wire, _ = answering(httpx.Response(500, text="x" * 10_000))
    assert len(send_once("GET", URL, 5, wire)[1]) == 4096


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (httpx.ConnectError("at /secret"), "refused or unreachable"),
        (httpx.ConnectTimeout("/secret"), "it took too long"),
        (httpx.ReadError("/secret"), "the connection broke"),
        (httpx.RemoteProtocolError("/secret"), "the connection broke"),
        (ValueError("/secret"), "ValueError"),
        (caused_by(socket.gaierror("/secret")), "its name can't be resolved"),
        (caused_by(ssl.SSLError("/secret")), "the encrypted connection failed"),
    ],
)
def test_no_answer_is_told_without_the_address_and_in_our_words(error: Exception, said: str) -> None:
    wire, asked = answering(error)
    with pytest.raises(Unavailable) as caught:
        send_once("GET", URL, 5, wire)
    assert f"({said})" in str(caught.value)
    assert "/secret" not in str(caught.value)
    assert len(asked) == 1
