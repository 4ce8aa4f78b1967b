"""Sends one request under a rate limit and a deadline, and returns its answer as it is. Only this imports httpx.

`api` says what an answer means. httpcore's own timeouts restart with every byte, so an answer that trickles would never
end. So the sockets here have a deadline.
"""

from __future__ import annotations

import logging
import math
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, TypeVar

import httpcore
import httpx

from tsrevel.clocks import Moment
from tsrevel.errors import (
    AnswerFault,
    ConnectionFault,
    ConnectionMisconfigured,
    Halted,
    OutcomeUnknown,
    OutOfTime,
    RetryLater,
    TsrevelError,
    Unavailable,
    Unreadable,
)
from tsrevel.transport.network import CA_FILE, CA_FOLDER, DIRECT, Network, Proxy, is_loopback
from tsrevel.transport.responses import Json
from tsrevel.transport.write_gate import WriteGate

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]
Monotonic = Callable[[], float]
Params = Mapping[str, str]
Transport = httpx.BaseTransport | None
CauseT = TypeVar("CauseT", bound=BaseException)

_RESERVE = 60.0
_TENTH = 0.1
LONGEST_WAIT = 60.0
"""Seconds. A service that asks for a longer wait counts as unavailable until it is over: a run doesn't wait for it."""
LARGEST_ANSWER = 64 * 1024 * 1024
_PIECE = 4096
TIMEOUT = httpx.Timeout(60.0, connect=10.0)  # facts Revel 6, TripleSeat 7: large pages exceed 30 s

EXCHANGE_SECONDS = 180.0
"""The limit for one whole answer, however steadily it comes. Even the slowest answers begin within 60 s."""
TOKEN_SECONDS, TOKEN_LEAST = 60.0, 30.0
"""The limit for a token request, and the time that it gets even after the deadline: a lost answer costs a token."""
_TIME_UP = "the time of this run is up (sync.deadline_minutes)"
_YEARS = range(2000, 2200)
"""The years in which a service's clock is believed."""

# httpx logs full URLs at INFO, and a URL may carry TripleSeat's public key (facts TripleSeat 1.6).
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)


class Deadline:
    """The end of an invocation, `length` from now. `was_brought_forward`: it ends earlier, because `serve` stops."""

    def __init__(self, length: timedelta, monotonic: Monotonic = time.monotonic, *, end: float | None = None) -> None:
        self.length = length
        self.was_brought_forward = False
        self._monotonic = monotonic
        self._end = monotonic() + length.total_seconds() if end is None else end

    def remaining(self) -> float:
        """Seconds left, at least 0."""
        return max(self._end - self._monotonic(), 0.0)

    @property
    def has_passed(self) -> bool:
        """Whether no further request may be sent."""
        return self.remaining() <= 0

    @property
    def is_near(self) -> bool:
        """Whether nothing new should begin. The last tenth of the time, at most a minute, is for work under way."""
        return self.remaining() <= min(self.length.total_seconds() * _TENTH, _RESERVE)

    def wind_down(self) -> None:
        """Begin nothing new from now on. Work under way gets a tenth of the whole time, at most a minute, to end."""
        reserve = min(self.length.total_seconds() * _TENTH, _RESERVE)
        self._end = min(self._end, self._monotonic() + reserve)
        self.was_brought_forward = True

    def within(self, seconds: float, *, at_least: float = 0.0) -> Deadline:
        """The end of one step that begins now: `seconds` from now or this deadline, whichever comes first.

        The step gets `at_least` seconds, even beyond this deadline.
        """
        now = self._monotonic()
        end = min(now + seconds, max(self._end, now + at_least))
        return Deadline(timedelta(seconds=seconds), self._monotonic, end=end)


NEVER = Deadline(timedelta.max, end=math.inf)
"""No deadline, for commands that wait for a person. Each request still has its own limit."""


@dataclass(slots=True)
class RateLimiter:
    """At most `per_second` requests a second, evenly spaced, over all threads."""

    per_second: float
    monotonic: Monotonic
    sleep: Callable[[float], None]
    _next: float = -math.inf
    _held_until: float = -math.inf
    _halted: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self, at_most: float = math.inf) -> bool:
        """Wait until the next request may be sent. Returns False at once if that takes longer than `at_most` seconds.

        Likewise if the service asked for a pause with more than LONGEST_WAIT left. Raises Halted after `stop`.
        """
        while True:
            with self._lock:
                now = self.monotonic()
                if self._held_until - now > LONGEST_WAIT:
                    return False
                slot = max(now, self._next)
                self._next = slot + 1 / self.per_second
            if slot - now > at_most:
                return False
            if slot > now and not self._halted:
                self.sleep(slot - now)
            if self._halted:
                raise Halted("the run was interrupted; the next one continues")
            if slot >= self._held_until:
                return True
            at_most -= slot - now

    def pause_for(self, seconds: float) -> None:
        """Send nothing for `seconds`, because the service asked for that. Waiting requests are delayed too."""
        with self._lock:
            self._held_until = max(self._held_until, self.monotonic() + seconds)
            self._next = max(self._next, self._held_until)

    def paused_for(self) -> float:
        """Seconds left of the pause that the service asked for."""
        return max(self._held_until - self.monotonic(), 0.0)

    def stop(self) -> None:
        """Send no further request. A request under way may end."""
        self._halted = True


class Sender:
    """Sends requests to one service: at its pace, under the deadline, each write through the gate.

    No request is sent after `deadline`, and no wait goes beyond it. `network` is the way out of this machine.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        rate_limiter: RateLimiter,
        clock: Clock,
        gate: WriteGate | None = None,
        transport: Transport = None,
        deadline: Deadline = NEVER,
        network: Network = DIRECT,
    ) -> None:
        self.name = name
        self.rate_limiter = rate_limiter
        self.deadline = deadline
        self._clock = clock
        self._network = network
        self._backend = TimedBackend()

        def ask_gate(request: httpx.Request) -> None:
            if gate:
                gate.check(request.method, request.url.host, request.extensions.get("location"))

        self._client = httpx.Client(
            base_url=base_url,
            timeout=TIMEOUT,
            transport=transport or _Routes(network, self._backend),
            trust_env=False,
            headers={"Accept": "application/json", "User-Agent": "tsrevel"},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # no session beside the token
            event_hooks={"request": [ask_gate]},
        )
        self._base = str(self._client.base_url).removesuffix("/")
        self.was_available = False
        """Whether an answer was usable. `ApiClient` decides that."""
        self.answered = False
        """Whether the service has answered at all, even without a date."""
        self._told: Moment | None = None
        """The service's time in its last answer with a date."""

    def close(self) -> None:
        self._client.close()

    @property
    def skew(self) -> float | None:
        """Seconds by which the service's clock is ahead of ours now. None if no answer had a date.

        A step of our clock shows at once, since the time from that answer on is measured by the monotonic clock.
        """
        if self._told is None:
            return None
        return (self._told.after(self.rate_limiter.monotonic()) - self._clock()).total_seconds()

    def send(
        self, label: str, method: str, path: str, params: Params | None, **request: Json
    ) -> tuple[int, bytes, float | None]:
        """Status, body and requested wait (seconds) of one answer. `path` begins with a slash, or is a whole URL."""
        remaining = self.deadline.remaining()
        if remaining <= 0 or not self.rate_limiter.wait(remaining):
            pause = self.rate_limiter.paused_for()
            if pause > LONGEST_WAIT:
                raise RetryLater(
                    f"{label}: not sent, because {self.name} asked for a wait of {pause:.0f} s more", pause
                )
            raise OutOfTime(f"{label}: not sent, because {_TIME_UP}")
        try:
            whole = f"{self._base}/{path.lstrip('/')}" if path.startswith("/") else path
            url = httpx.URL(whole, params=params) if params else httpx.URL(whole)  # a URL in parts is parsed repeatedly
        except httpx.InvalidURL as error:
            raise Unreadable(f"{label}: its address isn't a URL", AnswerFault.MALFORMED_ADDRESS) from error
        writes = request.get("json") is not None
        for_tokens = request.get("data") is not None
        seconds, least = (TOKEN_SECONDS, TOKEN_LEAST) if for_tokens else (EXCHANGE_SECONDS, 0.0)
        limit = self.deadline.within(seconds, at_least=least)
        granted, answer = limit.remaining(), "didn't answer"
        try:
            with self._backend.until(limit), self._client.stream(method, url, **request) as response:
                answer = f"answered {response.status_code}"
                sent = self._compare_clocks(response.headers.get("Date"))  # now: a large answer may take long
                chunks, size = [], 0
                for chunk in response.iter_bytes():
                    size += len(chunk)
                    if size > LARGEST_ANSWER:
                        text = f"{label} answered more than {LARGEST_ANSWER} bytes"
                        raise lost(Unreadable(text, AnswerFault.TOO_LARGE), writes=writes)
                    if limit.has_passed:
                        raise httpx.ReadTimeout("the answer is too slow")
                    chunks.append(chunk)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            raise self._unconnected(label, url, error) from error
        except httpx.RequestError as error:
            if limit.has_passed and not writes:
                text = f"{label}: no whole answer in {granted:.0f} s"
                if self.was_available and self.deadline.has_passed:
                    raise OutOfTime(f"{text}, because {_TIME_UP}") from error
                raise RetryLater(text, math.inf) from error
            raise lost(RetryLater(f"{label}: no whole answer ({_in_words(error)})"), writes=writes) from error
        finally:  # the label has no query, and so no key
            log.debug("%s %s after %.0f ms", label, answer, (granted - limit.remaining()) * 1000)
        told = response.headers.get("Retry-After")
        return response.status_code, b"".join(chunks), _read_wait(told, sent) if told else None

    def _unconnected(self, label: str, url: httpx.URL, error: Exception) -> TsrevelError:
        """The error for a failed connection. Nothing was sent, so even a write may be tried again."""
        proxy = self._network.proxy_for(url.scheme, url.host, url.port)
        said = f"{label}: no connection to {url.host}" + (f":{url.port}" if url.port else "")
        if proxy:
            said = f"{said} through the proxy in {proxy.variable}"
            if isinstance(error, httpx.ProxyError) and str(error).partition(" ")[0] == "407":  # httpcore's own text
                text = f"{said}: it refused the user name or password (407); correct {proxy.variable}"
                return ConnectionMisconfigured(text, ConnectionFault.PROXY_LOGIN_REFUSED)
        failure = _find_tls_failure(error)
        if failure is None:
            hint = "; nothing answers on this machine, so check that the sandbox runs" if is_loopback(url.host) else ""
            return RetryLater(f"{said} ({_in_words(error)}){hint}")
        text = f"{said}: {failure.text}"
        if failure.passes:
            return RetryLater(text, math.inf, failure.fault)
        return ConnectionMisconfigured(text, failure.fault)

    def _compare_clocks(self, value: str | None) -> datetime:
        """The time of an answer with that date: by the service's clock, by ours if the date can't be believed."""
        self.answered = True
        when = _read_date(value)
        if value and when and when.tzinfo and when.year in _YEARS and str(when.year) in value:  # "0001" parses as 2001
            self._told = Moment(when, self.rate_limiter.monotonic())
            return when
        return self._clock()


def lost(error: TsrevelError, *, writes: bool) -> TsrevelError:
    """The error for an unusable answer: OutcomeUnknown for a write, because it may have been applied."""
    return OutcomeUnknown(str(error)) if writes else error


def _read_date(value: str | None) -> datetime | None:
    """The instant of an HTTP date, naive if it names no zone; None if unreadable."""
    try:
        return parsedate_to_datetime(value or "")
    except (ValueError, OverflowError, TypeError, IndexError):  # the parser raises each of these for some text
        return None


def _read_wait(value: str, sent: datetime) -> float | None:
    """Seconds, from a number, or from an HTTP date in an answer of that time; None if unreadable."""
    try:
        return max(float(value), 0.0)
    except ValueError:
        pass
    when = _read_date(value)
    if when is None:
        return None
    return max((when.replace(tzinfo=when.tzinfo or UTC) - sent).total_seconds(), 0.0)


def send_once(
    method: str, url: str, seconds: float, transport: Transport, *, network: Network = DIRECT, **request: Json
) -> tuple[int, bytes]:
    """Send one request, with httpx's arguments. Returns the status and, unless it is a success, the text's beginning.

    It is never repeated, and is given up after `seconds`, wherever it hangs. Raises Unavailable, without the URL.
    """
    answers: list[tuple[int, bytes]] = []
    failures: list[Unavailable] = []

    def exchange() -> None:
        limit = Deadline(timedelta(seconds=seconds))
        backend = TimedBackend()
        routes = transport or _Routes(network, backend)
        try:
            with (
                backend.until(limit),
                httpx.Client(timeout=seconds, transport=routes, trust_env=False) as client,
                client.stream(method, url, **request) as response,
            ):
                host = response.url.host  # without the path, which may be a monitor's key
                log.debug("%s: %s answered %d", host, method, response.status_code)
                answers.append((response.status_code, b"" if response.is_success else _read_some(response)))
        except ConnectionMisconfigured as error:
            failures.append(Unavailable(f"no answer ({error})", error.fault))
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as error:
            tls = _find_tls_failure(error)
            why = tls.text if tls else _in_words(error)
            failures.append(Unavailable(f"no answer ({why})", tls.fault if tls else None))

    thread = threading.Thread(target=exchange, daemon=True)
    thread.start()
    thread.join(seconds)
    if answers:
        return answers[0]
    raise failures[0] if failures else Unavailable(f"no answer within {seconds:g} s")


def _read_some(response: httpx.Response) -> bytes:
    """The beginning of an answer, which may have no end."""
    text = b""
    for chunk in response.iter_bytes():
        text += chunk
        if len(text) >= _PIECE:
            break
    return text[:_PIECE]


SocketOptions = Iterable[Any] | None


class TimedBackend(httpcore.NetworkBackend):
    """Connections that keep to the deadline of their thread's current exchange."""

    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()
        self._of_thread = threading.local()

    @contextmanager
    def until(self, deadline: Deadline) -> Iterator[None]:
        """Limit this thread's connections to `deadline` within the block."""
        self._of_thread.deadline = deadline
        try:
            yield
        finally:
            self._of_thread.deadline = NEVER

    def limit(self, timeout: float | None, error: type[Exception]) -> float | None:
        """The time that one step may take, in seconds; None for no limit. Raises `error` if none is left."""
        deadline: Deadline = getattr(self._of_thread, "deadline", NEVER)
        if deadline is NEVER:
            return timeout
        remaining = deadline.remaining()
        if remaining <= 0:
            raise error
        return remaining if timeout is None else min(timeout, remaining)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: SocketOptions = None,
    ) -> httpcore.NetworkStream:
        limit = self.limit(timeout, httpcore.ConnectTimeout)
        return _TimedStream(self._inner.connect_tcp(host, port, limit, local_address, socket_options), self)


class _TimedStream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, backend: TimedBackend) -> None:
        self._inner = inner
        self._backend = backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._backend.limit(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._backend.limit(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        limit = self._backend.limit(timeout, httpcore.ConnectTimeout)
        return _TimedStream(self._inner.start_tls(ssl_context, server_hostname, limit), self._backend)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 (httpcore's own)
        return self._inner.get_extra_info(info)


class _Routes(httpx.BaseTransport):
    """Sends each request directly, or through the proxy that the environment names for its address."""

    def __init__(self, network: Network, backend: TimedBackend) -> None:
        self._network = network
        self._backend = backend
        self._pools: dict[tuple[str, str, int | None], _Pool] = {}
        self._lock = threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        address = request.url.scheme, request.url.host, request.url.port
        with self._lock:
            if address not in self._pools:
                self._pools[address] = self._open(*address)
        return self._pools[address].handle_request(request)

    def close(self) -> None:
        for pool in self._pools.values():
            pool.close()

    def _open(self, scheme: str, host: str, port: int | None) -> _Pool:
        proxy = self._network.proxy_for(scheme, host, port)
        try:
            context = self._network.trust() if scheme == "https" or proxy else _nobody()
        except OSError as error:  # the check of the settings could load them
            text = f"the trusted certificates can't be loaded; check {CA_FILE} and {CA_FOLDER}"
            raise ConnectionMisconfigured(text, ConnectionFault.NO_AUTHORITIES) from error
        return _Pool(context, proxy, self._backend)


class _Pool(httpx.HTTPTransport):
    """Connections to one address, each under the deadline of its current exchange. httpx has no setting for that."""

    def __init__(self, context: ssl.SSLContext, proxy: Proxy | None, backend: TimedBackend) -> None:
        way = None
        if proxy:
            host = f"[{proxy.host}]" if ":" in proxy.host else proxy.host
            trust = context if proxy.scheme == "https" else None
            way = httpcore.Proxy(f"{proxy.scheme}://{host}:{proxy.port}", auth=proxy.login, ssl_context=trust)
        self._pool: httpcore.ConnectionPool = httpcore.ConnectionPool(
            ssl_context=context,
            proxy=way,
            max_keepalive_connections=20,
            max_connections=100,
            keepalive_expiry=5.0,
            network_backend=backend,
        )


@cache
def _nobody() -> ssl.SSLContext:
    """Trusts nobody, for a pool without encryption: an https request in it fails instead of going unchecked."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass(frozen=True, slots=True)
class _TlsFailure:
    """Why no encrypted connection was made. `passes`: it may work later."""

    fault: ConnectionFault
    text: str
    passes: bool = False


_AGE = {
    9: (ConnectionFault.CERTIFICATE_NOT_YET_VALID, "isn't valid yet"),
    10: (ConnectionFault.CERTIFICATE_EXPIRED, "has expired"),
}
_OTHER_HOST = {62, 64}
_PLAIN = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"}

_IN_WORDS: Mapping[type[Exception], str] = {
    httpx.TimeoutException: "it took too long",
    socket.gaierror: "its name can't be resolved",
    ssl.SSLError: "the encrypted connection failed",
    httpx.ConnectError: "refused or unreachable",
    httpx.ProxyError: "the proxy refused",
    httpx.NetworkError: "the connection broke",
    httpx.RemoteProtocolError: "the connection broke",
    httpx.DecodingError: "its compression can't be read",
}


def _in_words(error: Exception) -> str:
    """Why an exchange failed, by its cause. The library's own text may quote a secret address."""
    found = (text for kind, text in _IN_WORDS.items() if _find_cause(error, kind))
    return next(found, type(error).__name__)


def _find_cause(error: BaseException | None, kind: type[CauseT]) -> CauseT | None:
    """The error itself or what caused it, if one of these is of that kind."""
    while error is not None and not isinstance(error, kind):
        error = error.__cause__ or error.__context__
    return error


def _find_tls_failure(error: BaseException) -> _TlsFailure | None:
    """The reason for a failed handshake, by OpenSSL's codes; None for any other failure.

    Only a problem with a certificate's age passes: the service renews it, or somebody sets the clock.
    """
    cause = _find_cause(error, ssl.SSLError)
    if isinstance(cause, ssl.SSLCertVerificationError):
        if cause.verify_code in _AGE:
            fault, how = _AGE[cause.verify_code]
            text = f"its certificate {how}; check this machine's clock, then inform the service"
            return _TlsFailure(fault, text, passes=True)
        if cause.verify_code in _OTHER_HOST:
            text = "its certificate is for another name; check the host in the base URL"
            return _TlsFailure(ConnectionFault.CERTIFICATE_OF_OTHER_HOST, text)
        advice = "if your network inspects traffic, set SSL_CERT_FILE to its certificate, else check the base URL"
        text = f"this machine doesn't trust its certificate; {advice}"
        return _TlsFailure(ConnectionFault.CERTIFICATE_UNTRUSTED, text)
    if cause is not None and cause.reason in _PLAIN:
        text = "it doesn't answer with TLS; check scheme and port of the base URL"
        return _TlsFailure(ConnectionFault.NO_TLS, text)
    return None
