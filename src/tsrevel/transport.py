"""The one door to the network, and the only importer of httpx. The write gate is asked here, whoever sends.

A `Channel` speaks with one service: paced, with timeouts, reads retried, writes only after a 429, every failure told as
one of our errors (`Channel._exchange` and `Channel._refuse`). It knows nothing of events or orders.
"""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache, cached_property, partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import NoReturn
from urllib.parse import urlsplit

import httpx

from tsrevel.answers import Json, decode_json, quote_answer
from tsrevel.errors import (
    CredentialsRefused,
    Forbidden,
    OutcomeUnknown,
    Refused,
    TsrevelError,
    Unavailable,
    Unreadable,
)
from tsrevel.gate import Place, WriteGate
from tsrevel.loopback import is_loopback
from tsrevel.pace import Pace
from tsrevel.redaction import Redactor
from tsrevel.retry import LONGEST_WAIT, Later, insist

Clock = Callable[[], datetime]
Sleep = Callable[[float], None]
Params = Mapping[str, str]
Transport = httpx.BaseTransport | None

_SECRET_FIELDS = frozenset({"public_key", "client_secret", "refresh_token", "code", "code_verifier"})
_LINK = 16
"""Characters from which on a part of a page's path is the key to it (facts TripleSeat 4)."""
_WRITTEN = {
    "POST": frozenset({httpx.codes.CREATED, httpx.codes.ACCEPTED}),
    "PATCH": frozenset({httpx.codes.ACCEPTED, httpx.codes.OK}),
}
"""What a write answers once it has written (facts Revel 2.2). A 200 to a POST may be anything: it is looked up."""
LARGEST_ANSWER = 64 * 1024 * 1024
TIMEOUT = httpx.Timeout(60.0, connect=10.0)  # facts Revel 6, TripleSeat 7: large pages exceed 30 s

# httpx logs full URLs at INFO, and a URL may carry TripleSeat's public key (facts TripleSeat 1.6).
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)


class _Throttled(Later):
    """429: surely not applied, so even a write may be sent again after the wait."""


class Channel:
    """One service, reached at one base URL.

    `headers` gives the authentication of each request; `renew` is called once after a 401: shall we try again?
    `advice` ends the message of a refusal (401, 403). `redactor` knows what must not be quoted; it learns what is sent.
    Every method raises: Unavailable, Unreadable, Refused, CredentialsRefused (Forbidden); `write` also OutcomeUnknown.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        pace: Pace,
        clock: Clock,
        sleep: Sleep,
        headers: Callable[[], Mapping[str, str]] = dict,
        renew: Callable[[], bool] = lambda: False,
        gate: WriteGate | None = None,
        advice: str = "",
        transport: Transport = None,
        redactor: Redactor | None = None,
    ) -> None:
        self.name = name
        self.redactor = redactor or Redactor()
        self._advice = advice
        self._pace = pace
        self._clock = clock
        self._sleep = sleep
        self._headers = headers
        self._renew = renew
        self._base_url = httpx.URL(base_url)
        self._gate = gate
        self._transport = transport
        self.skew: float | None = None
        """Seconds by which the service's clock is ahead of ours, by its last answer; None where none said."""

    @cached_property
    def _client(self) -> httpx.Client:
        """Made when the first request goes out: a channel that is not used costs nothing."""
        return httpx.Client(
            base_url=self._base_url,
            timeout=TIMEOUT,
            transport=self._transport,
            **_trust(self._base_url),
            headers={"Accept": "application/json", "User-Agent": "tsrevel"},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # no session beside the token
            event_hooks={"request": [partial(_ask_gate, self._gate)]} if self._gate else {},
        )

    def close(self) -> None:
        """Close the connections, if there are any."""
        if "_client" in self.__dict__:
            self._client.close()

    def read(self, path: str, params: Params | None = None) -> Json:
        """The JSON that a GET answers, numbers with a point as `Decimal`. Retried while the service is unavailable."""
        return self._renewed(
            lambda: self._patiently(Unavailable, self._ask, "GET", path, own=self._own(), params=params)
        )

    def read_page(self, url: str, label: str) -> str:
        """The text of a public page at `url`, no authentication sent. `label` stands for the URL in messages."""
        text: str = self._patiently(Unavailable, self._ask_page, url, label)
        return text

    def post_form(self, url: str, form: Params, auth: tuple[str, str] | None = None) -> Json:
        """The JSON that a form POST answers, for token endpoints. Not retried, no authentication header sent."""
        return self._ask("POST", url, form=form, auth=auth)

    def write(self, method: str, path: str, body: Mapping[str, Json], place: Place) -> Json:
        """The JSON that a write answers. Sent once; again only after a 429, which wrote nothing."""
        return self._patiently(_Throttled, self._ask, method, path, own=self._own(), body=body, place=place)

    def _own(self) -> Mapping[str, str]:
        """The authentication headers, asked for once a request: what gets them is not repeated with it."""
        own = dict(self._headers())
        if not all(value.isascii() and value.isprintable() for value in own.values()):
            raise CredentialsRefused(f"{self.name}: the key or token holds characters that no key has; set it anew")
        return own

    def _renewed(self, ask: Callable[[], Json]) -> Json:
        try:
            return ask()
        except Forbidden:
            raise
        except CredentialsRefused:
            if not self._renew():
                raise
        return ask()

    def _patiently(self, again: type[Unavailable], ask: Callable[..., Json], *args: object, **kwargs: object) -> Json:
        return insist(lambda: ask(*args, **kwargs), again, self._sleep)

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
        place: Place | None = None,
    ) -> Json:
        label = f"{self.name}: {method} {urlsplit(path).path}"
        self.redactor.add(*_secrets_of(own or {}, params or {}, form or {}, auth))
        status, text, after = self._exchange(
            label,
            method,
            path,
            params=params,
            data=form,
            json=body,
            headers=own,
            auth=auth,
            extensions={"place": place},
        )
        return self._judge(label, method, status, text, after, writes=body is not None, tokens=form is not None)

    def _ask_page(self, url: str, label: str) -> str:
        html = {"Accept": "text/html"}
        self.redactor.add(*(each for each in urlsplit(url).path.split("/") if len(each) >= _LINK))
        status, text, after = self._exchange(f"{self.name}: {label}", "GET", url, headers=html)
        if status != httpx.codes.OK:
            self._refuse(f"{self.name}: {label}", status, text, after, writes=False)
        return text.decode("utf-8", errors="replace")

    def _exchange(self, label: str, method: str, url: str, **request: Json) -> tuple[int, bytes, float | None]:
        self._pace.wait()
        writes = request.get("json") is not None
        try:
            with self._client.stream(method, url, **request) as response:
                self._compare_clocks(response.headers.get("Date"))  # now: a large page may take its time
                chunks, size = [], 0
                for chunk in response.iter_bytes():
                    size += len(chunk)
                    if size > LARGEST_ANSWER:
                        raise self._lost(
                            Unreadable, f"{label} answered more than {LARGEST_ANSWER} bytes", writes=writes
                        )
                    chunks.append(chunk)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            host = httpx.URL(url).host or self._base_url.host
            raise Later(f"{label}: no connection to {host} ({type(error).__name__})") from error
        except httpx.RequestError as error:
            said = f"{label}: no whole answer ({type(error).__name__})"
            if writes and isinstance(error, httpx.TimeoutException):
                raise OutcomeUnknown(said, late=True) from error
            raise self._lost(Later, said, writes=writes) from error
        return response.status_code, b"".join(chunks), self._retry_after(response.headers.get("Retry-After"))

    def _judge(
        self, label: str, method: str, status: int, body: bytes, after: float | None, *, writes: bool, tokens: bool
    ) -> Json:
        if not httpx.codes.is_success(status):
            self._refuse(label, status, body, after, writes=writes)
        if writes and status not in _WRITTEN[method]:
            raise OutcomeUnknown(f"{label} answered {status}, which doesn't say that it wrote")
        try:
            answer = decode_json(body)
        except ValueError as error:
            raise self._lost(Unreadable, f"{label} answered {status} with {error}", writes=writes) from error
        return answer if tokens else self.redactor.scrub(body, answer)

    def _refuse(self, label: str, status: int, body: bytes, after: float | None, *, writes: bool) -> NoReturn:
        said = f"{label} answered {status}{quote_answer(body, self.redactor, names_only=writes)}"
        if after is not None and after <= LONGEST_WAIT:
            self._pace.hold(after)  # for all threads alike
        if status == httpx.codes.UNAUTHORIZED:
            raise CredentialsRefused(f"{said}{self._advice}")
        if status == httpx.codes.FORBIDDEN:
            raise Forbidden(f"{said}{self._advice}")
        if status == httpx.codes.TOO_MANY_REQUESTS:
            raise _Throttled(said, after)
        if httpx.codes.is_server_error(status):
            late = status == httpx.codes.GATEWAY_TIMEOUT  # what is behind the gateway may still work on it
            raise OutcomeUnknown(said, late=late) if writes else Later(said, after)
        if httpx.codes.is_client_error(status):
            raise Refused(said, status)
        raise Unreadable(said)

    @staticmethod
    def _lost(kind: type[TsrevelError], message: str, *, writes: bool) -> TsrevelError:
        return OutcomeUnknown(message) if writes else kind(message)

    def _compare_clocks(self, value: str | None) -> None:
        with suppress(ValueError):
            when = parsedate_to_datetime(value or "")
            self.skew = (when.replace(tzinfo=when.tzinfo or UTC) - self._clock()).total_seconds()

    def _retry_after(self, value: str | None) -> float | None:
        """Seconds, from a number or an HTTP date; None where it is absent or unreadable."""
        if not value:
            return None
        try:
            return max(float(value), 0.0)
        except ValueError:
            pass
        try:
            when = parsedate_to_datetime(value)
        except ValueError:
            return None
        return max((when.replace(tzinfo=when.tzinfo or UTC) - self._clock()).total_seconds(), 0.0)


def send_once(method: str, url: str, seconds: float, transport: Transport, **request: Json) -> tuple[int, bytes]:
    """What one request (httpx's words for it) is answered: the status and, where that is no success, a piece of text.

    It is never repeated, and given up after `seconds`, wherever it hangs. Raises Unavailable, without the URL.
    """
    answers: list[tuple[int, bytes] | str] = []

    def exchange() -> None:
        try:
            with (
                httpx.Client(timeout=seconds, transport=transport, **_trust(httpx.URL(url))) as client,
                client.stream(method, url, **request) as response,
            ):
                answers.append((response.status_code, b"" if response.is_success else response.read()[:4096]))
        except (httpx.HTTPError, ValueError) as error:
            answers.append(type(error).__name__)

    thread = threading.Thread(target=exchange, daemon=True)
    thread.start()
    thread.join(seconds)
    answer = answers[0] if answers else f"none within {seconds:g} s"
    if isinstance(answer, str):
        raise Unavailable(f"no answer ({answer})")
    return answer


def _trust(url: httpx.URL) -> dict[str, Json]:
    """Whose certificates count, and whether a proxy of the environment's is used: none may see loopback traffic."""
    loopback = is_loopback(url.host)
    verify = _authorities() if url.scheme == "https" or not loopback else _nobody()
    return {"verify": verify, "trust_env": not loopback}


@cache
def _authorities() -> ssl.SSLContext:
    """Whom to trust, loaded once for all channels: it takes longer than a request."""
    return httpx.create_ssl_context()


@cache
def _nobody() -> ssl.SSLContext:
    """Whom to trust where nothing is encrypted: https from such a channel fails, rather than going unchecked."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _secrets_of(own: Params, params: Params, form: Params, auth: tuple[str, str] | None) -> Iterator[str]:
    """What of a request is secret: keys, tokens and codes."""
    yield from (value.removeprefix("Bearer ") for value in own.values())
    yield from (value for name, value in [*params.items(), *form.items()] if name in _SECRET_FIELDS)
    yield auth[1] if auth else ""


def _ask_gate(gate: WriteGate, request: httpx.Request) -> None:
    gate.check(request.method, request.url.host, request.extensions.get("place"))
