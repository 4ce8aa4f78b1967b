"""Proving to TripleSeat who we are, in three ways behind one protocol (facts TripleSeat 1).

`ApiClient` asks for `headers` before each request and for `renew` after a 401; the client turns refusals into advice
with `explain`. No token, key or secret is ever part of a message.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Protocol

from tsrevel.errors import CredentialsCode, CredentialsRefused, Forbidden, ServiceCode
from tsrevel.transport.client import Clock
from tsrevel.tripleseat.token_file import APPROVAL, Token, TokenFile
from tsrevel.tripleseat.token_url import TokenUrl, no_token

MARGIN = 60.0
"""Seconds. A token that expires sooner is renewed before it is used; one of a short life in its last quarter."""


class Access(Protocol):
    """One way of being let in."""

    def headers(self) -> Mapping[str, str]:
        """The headers of the next request. Raises CredentialsRefused, ConfigError, Unavailable."""

    def params(self) -> Mapping[str, str]:
        """What the query must carry beside them."""

    def renew(self) -> bool:
        """After a 401: whether there is something new to try with."""

    def explain(self, refused: CredentialsRefused) -> CredentialsRefused:
        """The same refusal, its class kept, with what a person has to do."""


class _Bearer(ABC):
    """A bearer token that all threads share; each remembers which one it sent, so that a 401 renews it once."""

    def __init__(self) -> None:
        self._token: Token | None = None
        self._margin = MARGIN
        self._lock = threading.Lock()
        self._sent = threading.local()

    def headers(self) -> Mapping[str, str]:
        """The bearer header, its token renewed first where it is about to expire."""
        with self._lock:
            self._token = token = self._fresh(self._token)
        self._sent.access = token.access
        return {"Authorization": f"Bearer {token.access}"}

    def params(self) -> Mapping[str, str]:
        """Nothing: the header is all."""
        return {}

    def renew(self) -> bool:
        """A token other than the one this thread sent last is at hand now."""
        sent = getattr(self._sent, "access", "")
        with self._lock:
            if self._token is None or self._token.access == sent:
                self._token = self._replace(sent)
        return True

    def _learn_margin(self, token: Token, now: float) -> None:
        """How early this new token is renewed: one that lives a minute isn't asked for again before each request."""
        self._margin = min(MARGIN, max(token.expires_at - now, 0.0) / 4)

    @abstractmethod
    def _fresh(self, token: Token | None) -> Token:
        """`token`, or a new one where it is missing or about to expire."""

    @abstractmethod
    def _replace(self, stale: str, /) -> Token:
        """A token other than the access token `stale`."""


class RotatingToken(_Bearer):
    """OAuth 2 with a refresh token that changes at each use (facts TripleSeat 1.2, 1.3).

    Threads and processes take turns; a new token is on disk before it is used.
    """

    def __init__(self, token_url: TokenUrl, file: TokenFile, clock: Clock) -> None:
        super().__init__()
        self._token_url = token_url
        self._file = file
        self._clock = clock

    def explain(self, refused: CredentialsRefused) -> CredentialsRefused:
        """401 after a refresh, or 403: what the authorising user can do about it."""
        return _advise(refused, CredentialsCode.APPROVAL_NEEDED, f"A person must authorise again; {APPROVAL}.")

    def _fresh(self, token: Token | None) -> Token:
        token = token or self._file.load()
        return self._replace(token.access) if self._expires(token) else token

    def _replace(self, stale: str, /) -> Token:
        with self._file.locked():
            kept = self._file.load()
            if kept.access != stale and not self._expires(kept):
                return kept  # another process has renewed it meanwhile
            with self._file.replacement() as put:
                token = self._token_url.refresh(kept.refresh)
                put(token)  # first of all: its refresh token is the only one that is left
        if not token.access:
            raise no_token()
        self._learn_margin(token, self._clock().timestamp())
        return token

    def _expires(self, token: Token) -> bool:
        return token.expires_within(self._margin, self._clock().timestamp())


class ClientCredentials(_Bearer):
    """A token for the app itself, kept in memory. TripleSeat may well refuse what it issued (facts TripleSeat 1.4)."""

    def __init__(self, token_url: TokenUrl, clock: Clock) -> None:
        super().__init__()
        self._token_url = token_url
        self._clock = clock

    def explain(self, refused: CredentialsRefused) -> CredentialsRefused:
        """A token that nobody stands behind is told apart from a wrong one."""
        return _advise(refused, CredentialsCode.APP_NOT_ACCEPTED, "Check tripleseat.client_id and client_secret.")

    def _fresh(self, token: Token | None) -> Token:
        if token is None or token.expires_within(self._margin, self._clock().timestamp()):
            return self._replace("")
        return token

    def _replace(self, _stale: str, /) -> Token:
        token = self._token_url.grant_to_app()
        self._learn_margin(token, self._clock().timestamp())
        return token


class PublicKey:
    """The public API key, as header and as query parameter: only the parameter is documented (facts TripleSeat 1.6)."""

    def __init__(self, key: str) -> None:
        self._key = key

    def headers(self) -> Mapping[str, str]:
        """The key in `X-API-Key`."""
        return {"X-API-Key": self._key}

    def params(self) -> Mapping[str, str]:
        """The key in `public_key`."""
        return {"public_key": self._key}

    def renew(self) -> bool:
        """There is nothing to renew."""
        return False

    def explain(self, refused: CredentialsRefused) -> CredentialsRefused:
        """Where a public key doesn't reach."""
        advice = "A public key reaches only locations, sites and lead forms"
        text = f'{advice}: set tripleseat.auth = "oauth2"; {APPROVAL}.'
        return _add_advice(refused, CredentialsCode.PUBLIC_KEY_TOO_NARROW, text)


def redeem_code(token_url: TokenUrl, file: TokenFile, code: str, redirect_uri: str, verifier: str) -> Token:
    """The first token for a person's consent, on disk (facts TripleSeat 1.2). Raises like `TokenUrl`, and ConfigError.

    It takes its turn with the refreshes of runs under way: theirs can't overwrite it, and they go on with it.
    """
    with file.locked(), file.replacement() as put:
        token = token_url.redeem(code, redirect_uri, verifier)
        put(token)
    return token


def _advise(refused: CredentialsRefused, code: CredentialsCode, advice: str) -> CredentialsRefused:
    """The refusal with the advice that fits it best; `code` and `advice` are for one that says no more than no."""
    if refused.service_code is ServiceCode.TOKEN_WITHOUT_USER:
        code, why = CredentialsCode.TOKEN_WITHOUT_USER, "The app has a token, but no user stands behind it"
        advice = f'{why}: set tripleseat.auth = "oauth2" and let an admin user authorise it; {APPROVAL}.'
    elif isinstance(refused, Forbidden):
        code = CredentialsCode.ACCESS_MISSING
        advice = "The user who authorised the app, or its scopes, can't see this: give access in TripleSeat."
    return _add_advice(refused, code, advice)


def _add_advice(refused: CredentialsRefused, code: CredentialsCode, advice: str) -> CredentialsRefused:
    return type(refused)(
        str(refused), code=code, advice=f". {advice}", service_code=refused.service_code, said=refused.said
    )
