"""The HTTP client of both services, and the only importer of httpx. Every write to Revel passes the write gate."""

from __future__ import annotations

import logging
import math
import re
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import NoReturn
from urllib.parse import urlsplit

import httpcore
import httpx

from tsrevel.clocks import Moment
from tsrevel.errors import (
    AnswerFault,
    ConnectionFault,
    ConnectionMisconfigured,
    CredentialsCode,
    CredentialsRefused,
    Forbidden,
    NotJson,
    OutcomeUnknown,
    OutOfTime,
    Refused,
    RetryLater,
    ServerFault,
    Throttled,
    TsrevelError,
    Unavailable,
    Unreadable,
)
from tsrevel.planning.model import Location
from tsrevel.redaction import Redactor
from tsrevel.text import is_whole
from tsrevel.transport.network import CA_FILE, CA_FOLDER, DIRECT, Network, Proxy, is_loopback
from tsrevel.transport.responses import Json, decode_json, find_unusable, is_only_error, quote_answer, read_service_code
from tsrevel.transport.timing import LONGEST_WAIT, NEVER, Deadline, RateLimiter, TimedBackend, with_retries
from tsrevel.transport.write_gate import WriteGate

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]
Sleep = Callable[[float], None]
Params = Mapping[str, str]
Transport = httpx.BaseTransport | None

_SECRET_FIELDS = frozenset({"public_key", "client_secret", "refresh_token", "code", "code_verifier"})
_LINK = 16
"""A part of a page's path with this many characters is a key to the page (facts TripleSeat 4)."""
_WRITTEN = {
    "POST": frozenset({httpx.codes.CREATED, httpx.codes.ACCEPTED}),
    "PATCH": frozenset({httpx.codes.ACCEPTED, httpx.codes.OK}),
}
"""The statuses that confirm a write (facts Revel 2.2). A 200 to a POST doesn't: the row is looked up."""
_SERVER_FAULTS = frozenset({httpx.codes.INTERNAL_SERVER_ERROR, httpx.codes.NOT_IMPLEMENTED})
_LOST_ON_THE_WAY = frozenset({httpx.codes.REQUEST_TIMEOUT, 460, 499})
"""4xx statuses that a proxy sends itself: the service behind it may have applied the write."""
LARGEST_ANSWER = 64 * 1024 * 1024
_PIECE = 4096
TIMEOUT = httpx.Timeout(60.0, connect=10.0)  # facts Revel 6, TripleSeat 7: large pages exceed 30 s

EXCHANGE_SECONDS = 180.0
"""The limit for one whole answer, however steadily it comes. Even the slowest answers begin within 60 s."""
TOKEN_SECONDS, TOKEN_LEAST = 60.0, 30.0
"""The limit for a token request, and the time that it gets even after the deadline: a lost answer costs a token."""
_TIME_UP = "the time of this run is up (sync.deadline_minutes)"
_HEADER = re.compile(r"[!-~]([ -~]*[!-~])?")
"""A value that a header carries unchanged."""
_YEARS = range(2000, 2200)
"""The years in which a service's clock is believed."""

# httpx logs full URLs at INFO, and a URL may carry TripleSeat's public key (facts TripleSeat 1.6).
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)


class ApiClient:
    """One service, reached at one base URL.

    `headers` returns the authentication of each request. `renew` is called once after a 401: whether to try again.
    `advice` ends the message of a refusal (401, 403). `redactor` knows the secrets, and learns each one that is sent.
    No request is sent after `deadline`, and no wait goes beyond it. `network` is the way out of this machine.
    Every method raises: Unavailable (Throttled), Unreadable, Refused, CredentialsRefused (Forbidden),
    ConnectionMisconfigured; `write` also OutcomeUnknown. After OutcomeUnknown or Throttled a write may have been
    applied; after any other error it was not.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        rate_limiter: RateLimiter,
        clock: Clock,
        sleep: Sleep,
        headers: Callable[[], Mapping[str, str]] = dict,
        renew: Callable[[], bool] = lambda: False,
        gate: WriteGate | None = None,
        advice: str = "",
        transport: Transport = None,
        redactor: Redactor | None = None,
        deadline: Deadline = NEVER,
        network: Network = DIRECT,
    ) -> None:
        self.name = name
        self.redactor = redactor or Redactor()
        self._advice = advice
        self._rate_limiter = rate_limiter
        self._clock = clock
        self._sleep = sleep
        self._headers = headers
        self._renew = renew
        self._deadline = deadline
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
        self._secrets = set[str]()
        self._warned = set[str]()
        self._was_asked = False
        self._was_available = False
        self.answered = False
        """Whether the service has answered at all, even without a date."""
        self._told: Moment | None = None
        """The service's time in its last answer with a date."""

    def stop(self) -> None:
        """Send no further request."""
        self._rate_limiter.stop()

    def close(self) -> None:
        self._client.close()

    @property
    def is_down(self) -> bool:
        """Whether no request got a usable answer: only none, unreadable ones, or that it is unavailable."""
        return self._was_asked and not self._was_available

    @property
    def skew(self) -> float | None:
        """Seconds by which the service's clock is ahead of ours now. None if no answer had a date.

        A step of our clock shows at once, since the time from that answer on is measured by the monotonic clock.
        """
        if self._told is None:
            return None
        return (self._told.after(self._rate_limiter.monotonic()) - self._clock()).total_seconds()

    def warn_once(self, text: str) -> None:
        """Log a warning about the service, but the same text only once."""
        if text not in self._warned:
            self._warned.add(text)
            log.warning("%s: %s", self.name, text)

    def read(self, path: str, params: Params | None = None) -> Json:
        """The JSON answer to a GET, its decimal numbers as `Decimal`. Retries while the service is unavailable."""
        try:
            return self._read_with_retries(path, params)
        except Forbidden:
            raise
        except CredentialsRefused:
            if not self._renew():
                raise
        return self._read_with_retries(path, params)

    def _read_with_retries(self, path: str, params: Params | None) -> Json:
        own = self._own()  # once: a retry sends the same headers
        return with_retries(lambda: self._ask("GET", path, own=own, params=params), self._sleep, self._deadline)

    def read_page(self, url: str, label: str) -> str:
        """The text of the public page at `url`, without authentication. Messages show `label` instead of the URL."""
        keys = (each for each in urlsplit(url).path.split("/") if len(each) >= _LINK)
        self.redactor.add(*keys, stay=True)  # stay: the event's own data contains this URL
        said = f"{self.name}: {label}"

        def ask() -> str:
            status, body, after = self._exchange(said, "GET", url, None, headers={"Accept": "text/html"})
            if status != httpx.codes.OK:
                self._refuse(said, status, body, after, writes=False)
            return body.decode("utf-8", errors="replace")

        return with_retries(ask, self._sleep, self._deadline)

    def post_form(self, url: str, form: Params, auth: tuple[str, str] | None = None) -> Json:
        """The JSON answer to a form POST, for token endpoints. Sent only once, and without `headers`."""
        return self._ask("POST", url, form=form, auth=auth)

    def write(self, method: str, path: str, body: Mapping[str, Json], location: Location) -> Json:
        """The JSON answer to a write. Sent only once, whatever happens."""
        return self._ask(method, path, own=self._own(), body=body, location=location)

    def _own(self) -> Mapping[str, str]:
        """The authentication headers."""
        own = dict(self._headers())
        if not all(map(_HEADER.fullmatch, own.values())):
            raise self._unusable()
        return own

    def _unusable(self) -> CredentialsRefused:
        text = f"{self.name}: the key or token has characters that no key has; set it again"
        return CredentialsRefused(text, code=CredentialsCode.MALFORMED)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        own: Params | None = None,
        params: Params | None = None,
        form: Params | None = None,
        body: Mapping[str, Json] | None = None,
        auth: tuple[str, str] | None = None,
        location: Location | None = None,
    ) -> Json:
        label = f"{self.name}: {method} {urlsplit(path).path}"
        secrets = _secrets_of(own or {}, params or {}, form or {}, auth) - self._secrets
        if secrets:
            if not all(map(is_whole, secrets)):  # not text: it can't be encoded
                raise self._unusable()
            self.redactor.add(*secrets)
            self._secrets |= secrets
        sent: dict[str, Json] = {"data": form, "json": body, "headers": own, "auth": auth}
        self._was_asked = True
        status, content, after = self._exchange(label, method, path, params, **sent, extensions={"location": location})
        writes = body is not None
        if not httpx.codes.is_success(status):
            self._was_available |= httpx.codes.is_client_error(status) and status != httpx.codes.TOO_MANY_REQUESTS
            self._refuse(label, status, content, after, writes=writes)
        if writes and status not in _WRITTEN[method]:
            raise OutcomeUnknown(f"{label} answered {status}, and that doesn't confirm the write")
        try:
            answer = decode_json(content)
        except NotJson as error:
            raise _lost(Unreadable(f"{label} answered {status} with {error}", error.fault), writes=writes) from error
        if not writes and is_only_error(answer):
            self._refuse_error(label, status, content, is_grant=form is not None)
        self._was_available = True
        if writes and find_unusable(answer):  # the row is looked up, because the answer can't be trusted
            raise OutcomeUnknown(f"{label} answered {status} with an invalid number")
        return answer if form is not None else self.redactor.scrub(content, answer)

    def _exchange(
        self, label: str, method: str, path: str, params: Params | None, **request: Json
    ) -> tuple[int, bytes, float | None]:
        """Status, body and requested wait (seconds) of one answer. `path` begins with a slash, or is a whole URL."""
        remaining = self._deadline.remaining()
        if remaining <= 0 or not self._rate_limiter.wait(remaining):
            pause = self._rate_limiter.paused_for()
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
        limit = self._deadline.within(seconds, at_least=least)
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
                        raise _lost(Unreadable(text, AnswerFault.TOO_LARGE), writes=writes)
                    if limit.has_passed:
                        raise httpx.ReadTimeout("the answer is too slow")
                    chunks.append(chunk)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            raise self._unconnected(label, url, error) from error
        except httpx.RequestError as error:
            if limit.has_passed and not writes:
                text = f"{label}: no whole answer in {granted:.0f} s"
                if self._was_available and self._deadline.has_passed:
                    raise OutOfTime(f"{text}, because {_TIME_UP}") from error
                raise RetryLater(text, math.inf) from error
            raise _lost(RetryLater(f"{label}: no whole answer ({type(error).__name__})"), writes=writes) from error
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
            return RetryLater(f"{said} ({type(error).__name__}){hint}")
        text = f"{said}: {failure.text}"
        if failure.passes:
            return RetryLater(text, math.inf, failure.fault)
        return ConnectionMisconfigured(text, failure.fault)

    def _refuse(self, label: str, status: int, body: bytes, after: float | None, *, writes: bool) -> NoReturn:
        quoted = quote_answer(body, self.redactor, names_only=writes)
        said = f"{label} answered {status}{quoted}"
        code, shown = read_service_code(body), quoted.removeprefix(": ")
        if after is not None and (after <= LONGEST_WAIT or status == httpx.codes.TOO_MANY_REQUESTS):
            self._rate_limiter.pause_for(after)  # in all threads; a 503 may be about this request only
        if status == httpx.codes.UNAUTHORIZED:
            raise CredentialsRefused(said, advice=self._advice, service_code=code, said=shown)
        if status == httpx.codes.FORBIDDEN:
            raise Forbidden(said, advice=self._advice, service_code=code, said=shown)
        if status == httpx.codes.TOO_MANY_REQUESTS:
            raise Throttled(said, after)
        if writes and (not httpx.codes.is_client_error(status) or status in _LOST_ON_THE_WAY):
            raise OutcomeUnknown(said)
        if status in _SERVER_FAULTS:
            raise ServerFault(said, after)
        if httpx.codes.is_server_error(status):
            raise RetryLater(said, after)
        if httpx.codes.is_client_error(status):
            raise Refused(said, status, service_code=code, said=shown)
        redirected = httpx.codes.is_redirect(status)
        raise Unreadable(said, AnswerFault.REDIRECT if redirected else AnswerFault.UNEXPECTED_STATUS)

    def _refuse_error(self, label: str, status: int, body: bytes, *, is_grant: bool) -> NoReturn:
        """Raise for an error with the status of a success. To a grant it is a refusal, like any status' of it."""
        quoted = quote_answer(body, self.redactor, names_only=False)
        said = f"{label} answered {status} with an error{quoted}"
        if is_grant:
            raise Refused(said, status, service_code=read_service_code(body), said=quoted.removeprefix(": "))
        raise Unreadable(said, AnswerFault.ERROR_MESSAGE)

    def _compare_clocks(self, value: str | None) -> datetime:
        """The time of an answer with that date: by the service's clock, by ours if the date can't be believed."""
        self.answered = True
        when = _read_date(value)
        if value and when and when.tzinfo and when.year in _YEARS and str(when.year) in value:  # "0001" parses as 2001
            self._told = Moment(when, self._rate_limiter.monotonic())
            return when
        return self._clock()


class ApiService:
    """The API of one service. Its client knows the service's clock, and whether the service answers."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    @property
    def skew(self) -> float | None:
        """Seconds by which the service's clock is ahead of ours. None if no answer had a date."""
        return self._client.skew

    @property
    def answered(self) -> bool:
        """Whether the service has answered anything."""
        return self._client.answered

    @property
    def is_down(self) -> bool:
        """Whether no request got a usable answer: only none, unreadable ones, or that it is unavailable."""
        return self._client.is_down

    def stop(self) -> None:
        """Send no further request."""
        self._client.stop()


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


def _lost(error: TsrevelError, *, writes: bool) -> TsrevelError:
    """The error for an unusable answer: OutcomeUnknown for a write, because it may have been applied."""
    return OutcomeUnknown(str(error)) if writes else error


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


def _find_tls_failure(error: BaseException) -> _TlsFailure | None:
    """The reason for a failed handshake, by OpenSSL's codes; None for any other failure.

    Only a problem with a certificate's age passes: the service renews it, or somebody sets the clock.
    """
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
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
            why = tls.text if tls else type(error).__name__
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


def _secrets_of(own: Params, params: Params, form: Params, auth: tuple[str, str] | None) -> set[str]:
    """The secrets in a request: keys, tokens and codes."""
    secrets = {value.removeprefix("Bearer ") for value in own.values()}
    secrets |= {value for name, value in [*params.items(), *form.items()] if name in _SECRET_FIELDS}
    return secrets | {auth[1]} if auth else secrets
