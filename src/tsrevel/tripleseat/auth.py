"""Authentication with TripleSeat: three ways behind one protocol (facts TripleSeat 1).

`ApiClient` calls `headers` before each request and `renew` after a 401. `TripleSeat` adds advice to a refusal with
`explain`. No message contains a token, key or secret.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import NoReturn, Protocol
from urllib.parse import quote_plus, unquote_plus, urlencode, urlsplit

from tsrevel.errors import (
    AnswerFault,
    CredentialsCode,
    CredentialsRefused,
    Forbidden,
    Refused,
    ServiceCode,
    TokenRefused,
    Unavailable,
    Unreadable,
)
from tsrevel.signals import uninterrupted
from tsrevel.transport.api import ApiClient, Authentication
from tsrevel.transport.client import Clock
from tsrevel.transport.responses import Json
from tsrevel.tripleseat.fields import read_number
from tsrevel.tripleseat.token_file import APPROVAL, Token, TokenFile, is_token

USUAL_LIFE = 7200
"""Seconds that an access token is valid if the answer doesn't say (facts TripleSeat 1.2)."""
_LONGEST_LIFE = 10**8
_WRONG_PATH = {404, 405}
"""Statuses of a path that isn't the token URL (facts TripleSeat 1.4, 1.7)."""
_WRONG_URL = "TripleSeat has no token URL there; check tripleseat.token_url"
_Advice = tuple[CredentialsCode, str]
_REFRESH_REFUSED: _Advice = (
    CredentialsCode.REFRESH_TOKEN_REFUSED,
    f"TripleSeat no longer accepts the refresh token, and an admin must approve again; {APPROVAL}",
)
_CODE_REFUSED: _Advice = (
    CredentialsCode.APPROVAL_CODE_REFUSED,
    (
        "TripleSeat refused the code: it was used before, is too old, or the app in TripleSeat has another redirect"
        f" URL; {APPROVAL} again"
    ),
)
_OTHERWISE = {ServiceCode.INVALID_CLIENT, ServiceCode.UNAUTHORIZED_CLIENT, ServiceCode.INVALID_REQUEST}
"""Refusals of the app's credentials. The grant wasn't checked, so it may be sent again in another way."""
_NO_WORD = {None, ServiceCode.TOKEN_WITHOUT_USER}
"""A 401 with one of these says nothing about the grant."""
_PASSING = {ServiceCode.SERVER_ERROR, ServiceCode.TEMPORARILY_UNAVAILABLE, ServiceCode.SLOW_DOWN}
_ADVICE: dict[ServiceCode, _Advice] = {
    ServiceCode.INVALID_CLIENT: (
        CredentialsCode.UNKNOWN_APP,
        "TripleSeat doesn't know this app; check tripleseat.client_id and client_secret",
    ),
    ServiceCode.UNAUTHORIZED_CLIENT: (
        CredentialsCode.GRANT_NOT_ALLOWED,
        "the app in TripleSeat may not use this grant; check its grants there, and tripleseat.auth",
    ),
    ServiceCode.UNSUPPORTED_GRANT_TYPE: (
        CredentialsCode.UNKNOWN_GRANT,
        "TripleSeat doesn't know this grant; check tripleseat.auth and tripleseat.token_url",
    ),
    ServiceCode.INVALID_SCOPE: (
        CredentialsCode.SCOPE_NOT_ALLOWED,
        "the app in TripleSeat doesn't have the requested scope; check its scopes there",
    ),
}
"""The advice for each refusal (RFC 6749 5.2)."""


class TokenUrl:
    """The token URL, and the app that requests tokens. `client` must send no authentication of its own."""

    def __init__(self, client: ApiClient, url: str, client_id: str, client_secret: str, clock: Clock) -> None:
        self._client = client
        self._url = url
        self._app = (client_id, client_secret)
        self._basic = False
        client.redactor.add(client_secret)
        self._clock = clock

    def refresh(self, refresh_token: str) -> Token:
        """The next token, with the old refresh token if the answer has no new one (facts TripleSeat 1.3).

        Its access token is "" if the answer has a new refresh token but no usable access token. Raises
        CredentialsRefused, Unreadable, and Unavailable if the answer is lost.
        """
        return self._ask({"grant_type": "refresh_token", "refresh_token": refresh_token}, refresh_token)

    def grant_to_app(self) -> Token:
        """A token for the app itself (facts TripleSeat 1.4). Raises like `refresh`."""
        return self._ask({"grant_type": "client_credentials"}, "")

    def redeem(self, code: str, redirect_uri: str, verifier: str) -> Token:
        """The first token, in exchange for the code of an approval (facts TripleSeat 1.2). Raises like `refresh`.

        `verifier` is the one that was passed to `consent_url`.
        """
        grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        token = self._ask({**grant, "code_verifier": verifier}, "", gone=_CODE_REFUSED)
        if not token.refresh:
            text = "TripleSeat: the token URL gave no refresh token; check the app's grants in TripleSeat"
            raise Unreadable(text, AnswerFault.NO_REFRESH_TOKEN)
        return token

    def quote(self, text: str) -> str:
        """TripleSeat's text as a message may show it: short and without secrets."""
        return self._client.redactor.quote(text)

    def _ask(self, grant: Mapping[str, str], refresh_token: str, *, gone: _Advice = _REFRESH_REFUSED) -> Token:
        asked_at = self._clock().timestamp()
        try:
            answer = self._post(grant)
        except (CredentialsRefused, Refused, Unreadable) as error:
            _explain(error, gone)
        token = _decode_token(answer, refresh_token, asked_at)
        self._client.redactor.add(token.access, token.refresh)
        return token

    def _post(self, grant: Mapping[str, str]) -> Json:
        """The answer to a grant. The app's credentials go into the form or a Basic header, first as it last worked.

        The other way is tried only if TripleSeat didn't check the grant, so that no code is used up twice.
        """
        first: CredentialsRefused | Refused | None = None
        for basic in (self._basic, not self._basic):
            try:
                answer = self._post_as(grant, basic=basic)
            except (CredentialsRefused, Refused) as error:
                if first is not None:
                    raise (first if error.service_code is ServiceCode.INVALID_CLIENT else error) from error
                is_401 = isinstance(error, CredentialsRefused) and not isinstance(error, Forbidden)
                if error.service_code not in _OTHERWISE and not (is_401 and error.service_code in _NO_WORD):
                    raise  # the refusal isn't about the app's credentials
                first = error
            else:
                self._basic = basic
                return answer
        raise AssertionError("both ways were tried")

    def _post_as(self, grant: Mapping[str, str], *, basic: bool) -> Json:
        client_id, client_secret = self._app
        if basic:  # form-encoded before they are joined (RFC 6749 2.3.1)
            encoded = (
                quote_plus(client_id, safe="", errors="replace"),
                quote_plus(client_secret, safe="", errors="replace"),
            )
            return self._client.post_form(self._url, grant, auth=encoded)
        return self._client.post_form(self._url, {**grant, "client_id": client_id, "client_secret": client_secret})


def consent_url(authorize_url: str, client_id: str, redirect_uri: str, scope: str, state: str, verifier: str) -> str:
    """The page where an admin approves the app (facts TripleSeat 1.2), with the challenge of `verifier` (RFC 7636).

    The query of `authorize_url` stays, except for the parameters that are set here.
    """
    told = {
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": scope,
        "state": state,
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
    }
    parts = urlsplit(authorize_url)
    kept = [each for each in parts.query.split("&") if each and unquote_plus(each.partition("=")[0]) not in told]
    query = "&".join([*kept, urlencode({key: value for key, value in told.items() if value})])
    return parts._replace(query=query).geturl()


def challenge_of(verifier: str) -> str:
    """The S256 challenge (RFC 7636 4.2). With it only the program that requested a code can redeem the code."""
    return urlsafe_b64encode(sha256(verifier.encode("ascii")).digest()).decode("ascii").rstrip("=")


def no_token() -> Unreadable:
    """The error about an answer of the token URL without a usable token."""
    text = "TripleSeat: the token URL answered without a usable token; check tripleseat.token_url"
    return Unreadable(text, AnswerFault.NO_TOKEN)


def _decode_token(answer: Json, refresh_token: str, asked_at: float) -> Token:
    row = answer if isinstance(answer, dict) else {}
    access, refresh = row.get("access_token"), row.get("refresh_token") or refresh_token
    life = read_number(row.get("expires_in"))
    if not (refresh == "" or is_token(refresh)):
        raise no_token()
    if not is_token(access):
        if refresh in {"", refresh_token}:
            raise no_token()
        return Token("", refresh, 0)  # the old refresh token is used up: this one must be stored
    seconds = USUAL_LIFE if life is None or life <= 0 else min(int(life), _LONGEST_LIFE)
    return Token(access, refresh, int(asked_at) + seconds)


def _explain(error: CredentialsRefused | Refused | Unreadable, gone: _Advice) -> NoReturn:
    """Raise an error that a person can act on. `gone` is the advice for a grant that is no longer valid."""
    if isinstance(error, Unreadable):
        if error.fault in {AnswerFault.HTML_PAGE, AnswerFault.REDIRECT}:
            raise TokenRefused(_WRONG_URL, code=CredentialsCode.WRONG_TOKEN_URL) from error
        raise error
    service_code, said = error.service_code, error.said
    if service_code in _PASSING:
        raise Unavailable(str(error)) from error
    advice = gone if service_code is ServiceCode.INVALID_GRANT else _ADVICE.get(service_code) if service_code else None
    if advice:
        code, text = advice
        described = said not in {"", service_code}
        text = f"{text}. It said: {said}" if described else f"{text} ({service_code})"
        raise TokenRefused(text, code=code, service_code=service_code, said=said) from error
    if isinstance(error, Refused) and error.status in _WRONG_PATH:
        raise TokenRefused(_WRONG_URL, code=CredentialsCode.WRONG_TOKEN_URL) from error
    remedy = ". Check tripleseat.auth, tripleseat.token_url and the app's grants in TripleSeat"
    code = CredentialsCode.TOKEN_REFUSED
    raise TokenRefused(str(error), advice=remedy, code=code, service_code=service_code, said=said) from error


MARGIN = 60.0
"""Seconds. A token that expires sooner is renewed before use; a short-lived token in its last quarter."""


class Access(Authentication, Protocol):
    """One way to authenticate at TripleSeat."""

    def params(self) -> Mapping[str, str]:
        """The parameters that each query needs besides the headers."""

    def explain(self, refused: CredentialsRefused) -> CredentialsRefused:
        """The same refusal, of the same class, with advice for a person."""


class _Bearer(ABC):
    """A bearer token that all threads share. Each thread remembers the token that it sent, so a 401 renews it once."""

    def __init__(self, token_url: TokenUrl, clock: Clock) -> None:
        self._token_url = token_url
        self._clock = clock
        self._token: Token | None = None
        self._margin = MARGIN
        self._lock = threading.Lock()
        self._sent = threading.local()

    def headers(self) -> Mapping[str, str]:
        """The bearer header. Renews the token first if it is about to expire."""
        with self._lock:
            self._token = token = self._fresh(self._token)
        self._sent.access = token.access
        return {"Authorization": f"Bearer {token.access}"}

    def params(self) -> Mapping[str, str]:
        return {}

    def renew(self) -> bool:
        """Renew the token, unless another thread has renewed the one that this thread sent last."""
        sent = getattr(self._sent, "access", "")
        with self._lock:
            if self._token is None or self._token.access == sent:
                self._token = self._replace(sent)
        return True

    def _learn_margin(self, token: Token) -> None:
        """Set how early this new token is renewed. A token of one minute must not be renewed before each request."""
        self._margin = min(MARGIN, max(token.expires_at - self._clock().timestamp(), 0.0) / 4)

    def _expires(self, token: Token) -> bool:
        return token.expires_within(self._margin, self._clock().timestamp())

    @abstractmethod
    def _fresh(self, token: Token | None) -> Token:
        """`token`, or a new one if it is missing or about to expire."""

    @abstractmethod
    def _replace(self, stale: str, /) -> Token:
        """A token other than the access token `stale`."""


class RotatingToken(_Bearer):
    """OAuth 2 with a refresh token that changes at each use (facts TripleSeat 1.2, 1.3).

    Threads and processes take turns; a new token is on disk before it is used.
    """

    def __init__(self, token_url: TokenUrl, file: TokenFile, clock: Clock) -> None:
        super().__init__(token_url, clock)
        self._file = file

    def explain(self, refused: CredentialsRefused) -> CredentialsRefused:
        """Add the advice for a 401 after a refresh, or for a 403."""
        return _advise(refused, CredentialsCode.APPROVAL_NEEDED, f"An admin must approve again; {APPROVAL}.")

    def _fresh(self, token: Token | None) -> Token:
        token = token or self._file.load()
        return self._replace(token.access) if self._expires(token) else token

    def _replace(self, stale: str, /) -> Token:
        with self._file.locked():
            kept = self._file.load()
            if kept.access != stale and not self._expires(kept):
                return kept  # another process has renewed it meanwhile
            with uninterrupted(), self._file.replacement() as put:
                token = self._token_url.refresh(kept.refresh)
                put(token)  # before anything else: its refresh token is the only valid one
        if not token.access:
            raise no_token()
        self._learn_margin(token)
        return token


class ClientCredentials(_Bearer):
    """A token for the app itself, only in memory. TripleSeat may refuse its own token (facts TripleSeat 1.4)."""

    def explain(self, refused: CredentialsRefused) -> CredentialsRefused:
        """Distinguish a token that belongs to no user from a wrong one."""
        return _advise(refused, CredentialsCode.APP_NOT_ACCEPTED, "Check tripleseat.client_id and client_secret.")

    def _fresh(self, token: Token | None) -> Token:
        return self._replace("") if token is None or self._expires(token) else token

    def _replace(self, _stale: str, /) -> Token:
        token = self._token_url.grant_to_app()
        self._learn_margin(token)
        return token


class PublicKey:
    """The public API key, as header and as query parameter: only the parameter is documented (facts TripleSeat 1.6)."""

    def __init__(self, key: str) -> None:
        self._key = key

    def headers(self) -> Mapping[str, str]:
        return {"X-API-Key": self._key}

    def params(self) -> Mapping[str, str]:
        return {"public_key": self._key}

    def renew(self) -> bool:
        return False

    def explain(self, refused: CredentialsRefused) -> CredentialsRefused:
        """Add the advice for a resource that a public key can't read."""
        advice = "A public key reaches only locations, sites and lead forms"
        text = f'{advice}: set tripleseat.auth = "oauth2"; {APPROVAL}.'
        return _add_advice(refused, CredentialsCode.PUBLIC_KEY_TOO_NARROW, text)


def redeem_code(token_url: TokenUrl, file: TokenFile, code: str, redirect_uri: str, verifier: str) -> Token:
    """Redeem an approval's code and store the token (facts TripleSeat 1.2). Raises like `TokenUrl`, and ConfigError.

    It takes turns with the refreshes of runs under way: they can't overwrite the new token, and continue with it.
    """
    with file.locked(), uninterrupted(), file.replacement() as put:
        token = token_url.redeem(code, redirect_uri, verifier)
        put(token)
    return token


def _advise(refused: CredentialsRefused, code: CredentialsCode, advice: str) -> CredentialsRefused:
    """The refusal with the best advice. `code` and `advice` are for a refusal without a reason."""
    if refused.service_code is ServiceCode.TOKEN_WITHOUT_USER:
        code, why = CredentialsCode.TOKEN_WITHOUT_USER, "The app's token belongs to no user"
        advice = f'{why}: set tripleseat.auth = "oauth2" and let an admin approve; {APPROVAL}.'
    elif isinstance(refused, Forbidden):
        code = CredentialsCode.ACCESS_MISSING
        advice = "The user who approved the app, or the app's scopes, can't see this; give access in TripleSeat."
    return _add_advice(refused, code, advice)


def _add_advice(refused: CredentialsRefused, code: CredentialsCode, advice: str) -> CredentialsRefused:
    return type(refused)(
        str(refused), code=code, advice=f". {advice}", service_code=refused.service_code, said=refused.said
    )
