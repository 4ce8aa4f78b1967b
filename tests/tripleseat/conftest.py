"""The pretend TripleSeat, reached in-process at a fixed moment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tsrevel.sandbox import TripleSeatSandbox
from tsrevel.transport.api import ApiClient
from tsrevel.transport.client import RateLimiter, Sender
from tsrevel.tripleseat.auth import Access, RotatingToken, TokenUrl
from tsrevel.tripleseat.client import TripleSeat
from tsrevel.tripleseat.token_file import Token, TokenFile

BASE_URL = "http://127.0.0.1"


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 12, 12, 18, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


class Wire(httpx.BaseTransport):
    """The sandbox in-process; a connection it cuts looks to httpx as one cut on the network."""

    def __init__(self, app: TripleSeatSandbox) -> None:
        self._inner = httpx.WSGITransport(app=app)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return self._inner.handle_request(request)
        except ConnectionError as error:
            raise httpx.ReadError("cut", request=request) from error


def open_channel(
    transport: httpx.BaseTransport, clock: Clock, access: Access | None = None, base_url: str = BASE_URL
) -> ApiClient:
    """A channel to `transport` that waits for nothing."""
    pace = RateLimiter(1_000_000, lambda: 0.0, lambda _: None)
    sender = Sender("TripleSeat", base_url, rate_limiter=pace, clock=clock, transport=transport)
    return ApiClient(sender, sleep=lambda _: None, authentication=access)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def seat(clock: Clock) -> TripleSeatSandbox:
    app = TripleSeatSandbox(clock)
    app.portal = BASE_URL
    return app


@pytest.fixture
def wire(seat: TripleSeatSandbox) -> Wire:
    return Wire(seat)


@pytest.fixture
def token_url(wire: Wire, clock: Clock) -> TokenUrl:
    channel = open_channel(wire, clock)
    return TokenUrl(channel, f"{BASE_URL}/oauth2/token", "sandbox-client", "sandbox-client-secret", clock)


@pytest.fixture
def token_path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.json"


def save(file: TokenFile, token: Token) -> None:
    """Keep `token`, whoever got it."""
    with file.locked(), file.replacement() as put:
        put(token)


@pytest.fixture
def token_file(token_path: Path, seat: TripleSeatSandbox, clock: Clock) -> TokenFile:
    """A token file as an approval leaves it."""
    file = TokenFile(token_path)
    issued = seat.issue_tokens()
    save(file, Token(issued["access_token"], issued["refresh_token"], int(clock().timestamp()) + issued["expires_in"]))
    return file


@pytest.fixture
def access(token_url: TokenUrl, token_file: TokenFile, clock: Clock) -> RotatingToken:
    return RotatingToken(token_url, token_file, clock)


@pytest.fixture
def tripleseat(wire: Wire, clock: Clock, access: RotatingToken) -> Iterator[TripleSeat]:
    channel = open_channel(wire, clock, access)
    yield TripleSeat(channel, access, base_url=BASE_URL)
    channel.sender.close()
