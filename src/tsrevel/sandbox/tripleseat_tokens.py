"""The pretend TripleSeat's OAuth 2 (facts TripleSeat 1.2-1.4): codes, rotating refresh tokens, expiry.

Tokens are numbered, not random, so that a test can name them.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal

from tsrevel.sandbox.wsgi import AnswerError, Json, json_response

LIFETIME = 7200
"""Seconds that an access token is good for."""

ClientCredentials = Literal["refused", "ownerless", "works"]
"""The three ways client_credentials was met: no such grant, a token nothing accepts, a token that works."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """One access token: until when, and whether a person stands behind it."""

    good_until: datetime
    owned: bool


@dataclass(slots=True)
class Tokens:
    """Every token given out so far. `refresh` is the only refresh token that still works."""

    client_id: str
    client_secret: str
    redirect_uri: str
    codes: set[str] = field(default_factory=lambda: {"sandbox-code"})
    challenges: dict[str, str] = field(default_factory=dict)
    """The S256 challenge that came with the request for a code, where one did (RFC 7636)."""
    access: dict[str, AccessToken] = field(default_factory=dict)
    refresh: str = "sandbox-refresh-0"
    issued: int = 0

    def grant(self, form: dict[str, str], client_credentials: ClientCredentials, now: datetime) -> Json:
        """The answer to a token request. Raises AnswerError with 400 or 401 and `{"error": ...}`."""
        if (form.get("client_id"), form.get("client_secret")) != (self.client_id, self.client_secret):
            raise _refusal("invalid_client", 401)
        match form.get("grant_type"):
            case "refresh_token":
                return self._refreshed(form, now)
            case "authorization_code":
                return self._exchanged(form, now)
            case "client_credentials" if client_credentials != "refused":
                return self._issued(now, owned=client_credentials == "works", scope="read")
        raise _refusal("unsupported_grant_type", 400)

    def issue(self, now: datetime) -> Json:
        """A token answer as after a person's consent; the last refresh token dies."""
        self.refresh = f"sandbox-refresh-{self.issued + 1}"
        return {**self._issued(now, owned=True, scope="read"), "refresh_token": self.refresh}

    def _refreshed(self, form: dict[str, str], now: datetime) -> Json:
        if not self.refresh or form.get("refresh_token") != self.refresh:
            raise _refusal("invalid_grant", 400)
        return self.issue(now)

    def _exchanged(self, form: dict[str, str], now: datetime) -> Json:
        code = form.get("code", "")
        if code not in self.codes or form.get("redirect_uri") != self.redirect_uri:
            raise _refusal("invalid_grant", 400)
        challenge = self.challenges.get(code)
        if challenge is not None and challenge != _challenge_of(form.get("code_verifier", "")):
            raise _refusal("invalid_grant", 400)
        self.codes.discard(code)
        return self.issue(now)

    def _issued(self, now: datetime, *, owned: bool, scope: str) -> Json:
        self.issued += 1
        token = f"sandbox-access-{self.issued}"
        self.access[token] = AccessToken(now + timedelta(seconds=LIFETIME), owned)
        return {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": LIFETIME,
            "scope": scope,
            "created_at": int(now.timestamp()),
        }


def _challenge_of(verifier: str) -> str:
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")


def _refusal(error: str, status: int) -> AnswerError:
    return AnswerError(json_response({"error": error}, status))
