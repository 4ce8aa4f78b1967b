"""Judges the answers of both services: JSON, or an error for each bad answer.

Also authenticates requests, and repeats reads. `client` sends each request.
"""

from __future__ import annotations

import logging
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import NoReturn, Protocol, TypeVar
from urllib.parse import urlsplit

import tenacity

from tsrevel.errors import (
    AnswerFault,
    CredentialsCode,
    CredentialsRefused,
    Forbidden,
    NotJson,
    OutcomeUnknown,
    Refused,
    RetryLater,
    ServerFault,
    Throttled,
    Unavailable,
    Unreadable,
)
from tsrevel.planning.model import Location
from tsrevel.redaction import Redactor
from tsrevel.text import is_whole
from tsrevel.transport.client import LONGEST_WAIT, Deadline, Params, Sender, lost
from tsrevel.transport.responses import Json, decode_json, find_unusable, is_only_error, quote_answer, read_service_code

log = logging.getLogger(__name__)

T = TypeVar("T")
Sleep = Callable[[float], None]

ATTEMPTS = 4
_SECRET_FIELDS = frozenset({"public_key", "client_secret", "refresh_token", "code", "code_verifier"})
_LINK = 16
"""A part of a page's path with this many characters is a key to the page (facts TripleSeat 4)."""
_WRITTEN = {
    "POST": frozenset({HTTPStatus.CREATED, HTTPStatus.ACCEPTED}),
    "PATCH": frozenset({HTTPStatus.ACCEPTED, HTTPStatus.OK}),
}
"""The statuses that confirm a write (facts Revel 2.2). A 200 to a POST doesn't: the row is looked up."""
_SERVER_FAULTS = frozenset({HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.NOT_IMPLEMENTED})
_LOST_ON_THE_WAY = frozenset({HTTPStatus.REQUEST_TIMEOUT, 460, 499})
"""4xx statuses that a proxy sends itself: the service behind it may have applied the write."""
_HEADER = re.compile(r"[!-~]([ -~]*[!-~])?")
"""A value that a header carries unchanged."""


class Authentication(Protocol):
    """How requests show whose they are."""

    def headers(self) -> Mapping[str, str]:
        """The headers of the next request. Raises CredentialsRefused, ConfigError, Unavailable."""

    def renew(self) -> bool:
        """Get new credentials after a 401. Whether there are any to try."""


@dataclass(frozen=True, slots=True)
class FixedHeaders:
    """Authentication by the same headers for each request, or by none."""

    values: Mapping[str, str] = field(default_factory=dict, repr=False)

    def headers(self) -> Mapping[str, str]:
        """The same for each request."""
        return self.values

    def renew(self) -> bool:
        """There are no others."""
        return False


class ApiClient:
    """One service, whose requests `sender` sends.

    `advice` ends the message of a refusal (401, 403). `redactor` knows the secrets, and learns each one that is sent.
    Every method raises: Unavailable (Throttled), Unreadable, Refused, CredentialsRefused (Forbidden),
    ConnectionMisconfigured; `write` also OutcomeUnknown. After OutcomeUnknown or Throttled a write may have been
    applied; after any other error it was not.
    """

    def __init__(
        self,
        sender: Sender,
        *,
        sleep: Sleep,
        authentication: Authentication | None = None,
        advice: str = "",
        redactor: Redactor | None = None,
    ) -> None:
        self.name = sender.name
        self.sender = sender
        self.redactor = redactor or Redactor()
        self._sleep = sleep
        self._authentication = authentication or FixedHeaders()
        self._advice = advice
        self._secrets = set[str]()
        self._warned = set[str]()
        self._was_asked = False

    @property
    def is_down(self) -> bool:
        """Whether no request got a usable answer: only none, unreadable ones, or that it is unavailable."""
        return self._was_asked and not self.sender.was_available

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
            if not self._authentication.renew():
                raise
        return self._read_with_retries(path, params)

    def _read_with_retries(self, path: str, params: Params | None) -> Json:
        own = self._own()  # once: a retry sends the same headers
        return with_retries(lambda: self._ask("GET", path, own=own, params=params), self._sleep, self.sender.deadline)

    def read_page(self, url: str, label: str) -> str:
        """The text of the public page at `url`, without authentication. Messages show `label` instead of the URL."""
        keys = (each for each in urlsplit(url).path.split("/") if len(each) >= _LINK)
        self.redactor.add(*keys, stay=True)  # stay: the event's own data contains this URL
        said = f"{self.name}: {label}"

        def ask() -> str:
            status, body, after = self.sender.send(said, "GET", url, None, headers={"Accept": "text/html"})
            if status != HTTPStatus.OK:
                self._refuse(said, status, body, after, writes=False)
            return body.decode("utf-8", errors="replace")

        return with_retries(ask, self._sleep, self.sender.deadline)

    def post_form(self, url: str, form: Params, auth: tuple[str, str] | None = None) -> Json:
        """The JSON answer to a form POST, for token endpoints. Sent only once, and without authentication headers."""
        return self._ask("POST", url, form=form, auth=auth)

    def write(self, method: str, path: str, body: Mapping[str, Json], location: Location) -> Json:
        """The JSON answer to a write. Sent only once, whatever happens."""
        return self._ask(method, path, own=self._own(), body=body, location=location)

    def _own(self) -> Mapping[str, str]:
        """The authentication headers."""
        self._was_asked = True  # even if no token can be had, so that nothing is sent
        own = dict(self._authentication.headers())
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
        sent["extensions"] = {"location": location}  # for the write gate
        self._was_asked = True
        status, content, after = self.sender.send(label, method, path, params, **sent)
        writes = body is not None
        if status // 100 != 2:
            self.sender.was_available |= status // 100 == 4 and status != HTTPStatus.TOO_MANY_REQUESTS
            self._refuse(label, status, content, after, writes=writes)
        if writes and status not in _WRITTEN[method]:
            raise OutcomeUnknown(f"{label} answered {status}, and that doesn't confirm the write")
        try:
            answer = decode_json(content)
        except NotJson as error:
            raise lost(Unreadable(f"{label} answered {status} with {error}", error.fault), writes=writes) from error
        if not writes and is_only_error(answer):
            self._refuse_error(label, status, content, is_grant=form is not None)
        self.sender.was_available = True
        if writes and find_unusable(answer):  # the row is looked up, because the answer can't be trusted
            raise OutcomeUnknown(f"{label} answered {status} with an invalid number")
        return answer if form is not None else self.redactor.scrub(content, answer)

    def _refuse(self, label: str, status: int, body: bytes, after: float | None, *, writes: bool) -> NoReturn:
        quoted = quote_answer(body, self.redactor, names_only=writes)
        said = f"{label} answered {status}{quoted}"
        code, shown = read_service_code(body), quoted.removeprefix(": ")
        if after is not None and (after <= LONGEST_WAIT or status == HTTPStatus.TOO_MANY_REQUESTS):
            self.sender.rate_limiter.pause_for(after)  # in all threads; a 503 may be about this request only
        if status == HTTPStatus.UNAUTHORIZED:
            raise CredentialsRefused(said, advice=self._advice, service_code=code, said=shown)
        if status == HTTPStatus.FORBIDDEN:
            raise Forbidden(said, advice=self._advice, service_code=code, said=shown)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            raise Throttled(said, after)
        if writes and (status // 100 != 4 or status in _LOST_ON_THE_WAY):
            raise OutcomeUnknown(said)
        if status in _SERVER_FAULTS:
            raise ServerFault(said, after)
        if status // 100 == 5:
            raise RetryLater(said, after)
        if status // 100 == 4:
            raise Refused(said, status, service_code=code, said=shown)
        redirected = status // 100 == 3
        raise Unreadable(said, AnswerFault.REDIRECT if redirected else AnswerFault.UNEXPECTED_STATUS)

    def _refuse_error(self, label: str, status: int, body: bytes, *, is_grant: bool) -> NoReturn:
        """Raise for an error with the status of a success. To a grant it is a refusal, like any status' of it."""
        quoted = quote_answer(body, self.redactor, names_only=False)
        said = f"{label} answered {status} with an error{quoted}"
        if is_grant:
            raise Refused(said, status, service_code=read_service_code(body), said=quoted.removeprefix(": "))
        raise Unreadable(said, AnswerFault.ERROR_MESSAGE)


def with_retries(ask: Callable[[], T], sleep: Callable[[float], None], deadline: Deadline) -> T:
    """The result of `ask`. Repeats it after Unavailable, up to ATTEMPTS times in all, after requested or growing waits.

    No wait goes beyond `deadline`. Raises what the last attempt raised.
    """
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda error: isinstance(error, Unavailable) and is_worth_waiting(error)),
        stop=lambda state: state.attempt_number >= ATTEMPTS or state.upcoming_sleep >= deadline.remaining(),
        wait=_wait,
        sleep=sleep,
        reraise=True,
    )
    return retrying(ask)


def pause_after(error: BaseException | None, attempt: int) -> float:
    """Seconds to wait before the next attempt: as `error` says, or growing. `attempt` counts from 1."""
    told = getattr(error, "wait", None)
    return float(told) if told is not None else 0.5 * 2 ** (attempt - 1)


def is_worth_waiting(error: BaseException) -> bool:
    """Whether the service asks for a wait that a run can afford."""
    return (getattr(error, "wait", None) or 0.0) <= LONGEST_WAIT


def _wait(state: tenacity.RetryCallState) -> float:
    """The pause before a read is repeated. Its last third is random, so that clients don't all return at once."""
    error = state.outcome.exception() if state.outcome else None
    pause = pause_after(error, state.attempt_number)
    told = getattr(error, "wait", None) is not None
    return pause if told else random.uniform(pause, 1.5 * pause)  # noqa: S311 (nothing secret hangs on it)


class ApiService:
    """The API of one service. Its client knows the service's clock, and whether the service answers."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    @property
    def skew(self) -> float | None:
        """Seconds by which the service's clock is ahead of ours. None if no answer had a date."""
        return self._client.sender.skew

    @property
    def answered(self) -> bool:
        """Whether the service has answered anything."""
        return self._client.sender.answered

    @property
    def is_down(self) -> bool:
        """Whether no request got a usable answer: only none, unreadable ones, or that it is unavailable."""
        return self._client.is_down

    def stop(self) -> None:
        """Send no further request."""
        self._client.sender.rate_limiter.stop()


def _secrets_of(own: Params, params: Params, form: Params, auth: tuple[str, str] | None) -> set[str]:
    """The secrets in a request: keys, tokens and codes."""
    secrets = {value.removeprefix("Bearer ") for value in own.values()}
    secrets |= {value for name, value in [*params.items(), *form.items()] if name in _SECRET_FIELDS}
    return secrets | {auth[1]} if auth else secrets
