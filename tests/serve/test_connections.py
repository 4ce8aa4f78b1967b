"""What a client can do to a connection: by raw sockets, against the real service and its guard alone."""

from __future__ import annotations

import asyncio
import json
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, ClassVar

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn import Config, Server

from tsrevel.serve.app import MOST_CONNECTIONS, SECONDS, GuardedProtocol, Phase

from ..cli.bench import PATIENCE
from ..cli.captured import sign
from .bench import Service, served, until

pytestmark = pytest.mark.real_process

LEAD = b'{"webhook_trigger_type": "CREATE_LEAD", "lead": {"id": 5}}'


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with served(tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture
def line(service: Service) -> Iterator[socket.socket]:
    with connect(service) as opened:
        yield opened


def connect(service: Service) -> socket.socket:
    url = service.client.base_url
    return socket.create_connection((url.host, url.port or 0), PATIENCE)


def stored(service: Service) -> int:
    return len(list(service.spool.rglob("*.json")))


def head(*lines: str, version: str = "1.1", path: str = "/webhook", method: str = "POST") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/{version}", "Host: x", *lines, "", ""]).encode()


def request(body: bytes = LEAD, *lines: str, version: str = "1.1") -> bytes:
    return head(f"X-Signature: {sign(body)}", f"Content-Length: {len(body)}", *lines, version=version) + body


def read_answers(line: socket.socket, count: int = 1) -> list[tuple[int, Any]]:
    """The next answers on a connection: status and JSON."""
    answers: list[tuple[int, Any]] = []
    with line.makefile("rb") as stream:
        while len(answers) < count:
            status = int(stream.readline().split()[1])
            length = 0
            for field in iter(stream.readline, b"\r\n"):
                name, _, value = field.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            text = stream.read(length)
            if status != 100:
                answers.append((status, json.loads(text) if text.startswith(b"{") else text))
    return answers


def is_closed(line: socket.socket) -> bool:
    """Whether the service closes the connection without saying anything more."""
    try:
        return line.recv(1) == b""
    except ConnectionResetError:
        return True


def test_pipelined_deliveries_are_each_answered_and_stored(service: Service, line: socket.socket) -> None:
    before = stored(service)
    line.sendall(3 * request())
    assert [status for status, _ in read_answers(line, 3)] == [200, 200, 200]
    assert stored(service) == before + 3


def test_a_body_that_ends_early_is_not_stored(service: Service) -> None:
    before = stored(service)
    with connect(service) as line:
        line.sendall(request()[:-1])
        line.shutdown(socket.SHUT_WR)
        assert is_closed(line)
    assert service.client.get("/health").status_code == 200
    assert stored(service) == before


def test_chunked_bodies_are_read(line: socket.socket) -> None:
    chunks = b"".join(b"1\r\n%c\r\n" % each for each in LEAD) + b"0\r\n\r\n"
    line.sendall(head(f"X-Signature: {sign(LEAD)}", "Transfer-Encoding: chunked") + chunks)
    assert read_answers(line)[0][0] == 200


def test_a_client_that_waits_to_continue_is_told_to(line: socket.socket) -> None:
    line.sendall(head(f"X-Signature: {sign(LEAD)}", f"Content-Length: {len(LEAD)}", "Expect: 100-continue"))
    assert line.recv(4096).startswith(b"HTTP/1.1 100 ")
    line.sendall(LEAD)
    assert read_answers(line)[0][0] == 200


def test_a_client_with_too_much_is_told_before_it_sends_it(line: socket.socket) -> None:
    line.sendall(head("Content-Length: 99999999", "Expect: 100-continue"))
    assert read_answers(line)[0][0] == 413


def test_a_client_that_sends_no_more_is_answered_all_the_same(line: socket.socket) -> None:
    line.sendall(request())
    line.shutdown(socket.SHUT_WR)
    assert read_answers(line)[0][0] == 200
    assert is_closed(line)


def test_http_1_0_is_answered_and_closed(line: socket.socket) -> None:
    line.sendall(request(version="1.0"))
    assert read_answers(line)[0][0] == 200
    assert is_closed(line)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET\r\n\r\n",
        head("Content-Length: 3", "Content-Length: 4") + b"abcd",
        head("Content-Length: -1"),
        head("Content-Length: 1e3"),
        head("Content-Length: 58", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
        head("Transfer-Encoding: gzip"),
        head("X-Signature\0: 1"),
        head(f"X: {'x' * 40_000}")[:-4],
        head("Transfer-Encoding: chunked") + b"zz\r\n",
    ],
)
def test_what_is_no_request_is_refused_without_a_word_of_ours(
    service: Service, line: socket.socket, sent: bytes
) -> None:
    before = stored(service)
    line.sendall(sent)
    line.shutdown(socket.SHUT_WR)
    answer = b"".join(iter(lambda: line.recv(65536), b""))
    assert answer.split()[1] in {b"400", b"501"}
    assert b"Traceback" not in answer
    assert b"server:" not in answer.lower()
    assert stored(service) == before


def test_forwarded_headers_change_nothing(line: socket.socket) -> None:
    line.sendall(request(LEAD, "X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https", "Forwarded: for=1"))
    assert read_answers(line)[0][0] == 200


def test_there_are_at_most_so_many_connections(service: Service) -> None:
    with ExitStack() as stack:
        lines = [stack.enter_context(connect(service)) for _ in range(MOST_CONNECTIONS + 5)]
        until(lambda: len(select.select(lines, [], [], 0)[0]) >= 5)
        busy, _, _ = select.select(lines, [], [], 0)
        assert all(b"503" in each.recv(4096) for each in busy)
        assert 5 <= len(busy) <= 7  # the client of the tests may keep one open
        assert all(is_closed(each) for each in busy)
    until(lambda: service.client.get("/health").status_code == 200)


# The guard alone, with less patience


class Impatient(GuardedProtocol):
    """The guard with other limits."""

    seconds: ClassVar[dict[Phase, float]] = {
        Phase.HEAD: 0.3,
        Phase.BODY: 0.5,
        Phase.REST_OF_BODY: 0.3,
        Phase.READING: 0.3,
    }


async def swallow(asked: Request) -> Response:
    """Read all, then answer so many bytes."""
    await asked.body()
    return Response(b"x" * int(asked.query_params.get("size", "2")))


async def refuse(_asked: Request) -> Response:
    """Answer before anything is read."""
    return Response(status_code=413)


@contextmanager
def guarded() -> Iterator[Callable[[], socket.socket]]:
    """Gives connections to a server behind the impatient guard."""
    app = Starlette(routes=[Route("/", swallow, methods=["POST"]), Route("/refuse", refuse, methods=["POST"])])
    server = Server(Config(app, http=Impatient, ws="none", lifespan="off", log_config=None, log_level="critical"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = listening.getsockname()
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
        thread.start()
        try:
            until(lambda: server.started)
            with ExitStack() as stack:
                yield lambda: stack.enter_context(socket.create_connection(address, PATIENCE))
        finally:
            server.should_exit = True
            thread.join()


def drip(line: socket.socket, text: bytes, most: float) -> float:
    """Send byte after byte until the connection is cut; after how many seconds that was."""
    began = time.monotonic()
    line.settimeout(0.05)
    for each in text:
        try:
            line.sendall(bytes([each]))
            assert line.recv(1) == b""
            break
        except TimeoutError:
            assert time.monotonic() - began < most
        except ConnectionError:
            break
    return time.monotonic() - began


def test_slow_and_silent_clients_are_dropped() -> None:
    with guarded() as connect_to:
        silent = connect_to()
        assert silent.recv(1) == b""
        assert drip(connect_to(), b"POST / HTTP/1.1\r\n" + 1000 * b"x", 5) >= 0.25
        slow_body = connect_to()
        slow_body.sendall(head("Content-Length: 1000", path="/"))
        assert drip(slow_body, 1000 * b"x", 5) >= 0.45
        second = connect_to()
        second.sendall(head("Content-Length: 0", path="/"))
        assert read_answers(second) == [(200, b"xx")]
        assert drip(second, b"POST / HTTP/1.1\r\n" + 1000 * b"x", 5) >= 0.25


def test_the_rest_of_a_refused_body_is_not_read_for_long() -> None:
    with guarded() as connect_to:
        line = connect_to()
        line.sendall(head("Content-Length: 1000", path="/refuse"))
        assert b"413" in line.recv(4096)
        assert drip(line, 900 * b"x", 5) < 4


def test_a_client_that_reads_nothing_is_dropped() -> None:
    with guarded() as connect_to:
        line = connect_to()
        line.sendall(head("Content-Length: 0", path="/?size=50000000"))
        time.sleep(1)
        received = 0
        try:
            while piece := line.recv(1 << 20):
                received += len(piece)
        except ConnectionResetError:
            pass
        assert received < 50_000_000


def test_a_client_that_keeps_to_the_limits_is_served() -> None:
    with guarded() as connect_to:
        line = connect_to()
        for _ in range(3):
            line.sendall(head("Content-Length: 4", path="/"))
            time.sleep(0.2)
            line.sendall(b"abcd")
            assert read_answers(line) == [(200, b"xx")]


def test_the_limits_are_those_that_are_promised() -> None:
    assert (SECONDS[Phase.HEAD], SECONDS[Phase.BODY], MOST_CONNECTIONS) == (10, 30, 64)
    assert GuardedProtocol.seconds is SECONDS
