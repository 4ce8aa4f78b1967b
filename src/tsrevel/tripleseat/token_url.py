"""Asking TripleSeat's token URL for tokens (facts TripleSeat 1.2 to 1.4), and saying plainly why it refused.

Nothing is kept here: `auth` decides when to ask, `token_file` what stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn
from urllib.parse import urlencode

from tsrevel.answers import Json
from tsrevel.errors import CredentialsRefused, Refused, TsrevelError, Unreadable
from tsrevel.transport import Channel, Clock
from tsrevel.tripleseat.fields import read_number
from tsrevel.tripleseat.token_file import APPROVAL, Token, is_token

USUAL_LIFE = 7200
"""Seconds that an access token lives where the answer doesn't say (facts TripleSeat 1.2)."""
_LONGEST_LIFE = 10**8
_GRANT_GONE = f"TripleSeat no longer takes the refresh token: a person must authorise again; {APPROVAL}"
_CODE_REFUSED = (
    "TripleSeat didn't take the code: it was used before, is too old, or the app in TripleSeat has another redirect URL"
    f"; {APPROVAL} again"
)


class TokenRefused(CredentialsRefused):
    """The token URL said no. The message already tells what to do."""


class TokenUrl:
    """The token URL and the app that asks there. `channel` must send no authentication of its own."""

    def __init__(self, channel: Channel, url: str, client_id: str, client_secret: str, clock: Clock) -> None:
        self._channel = channel
        self._url = url
        self._app = (client_id, client_secret)
        self._clock = clock

    def refresh(self, refresh_token: str) -> Token:
        """The next token; the old refresh token stays where no new one comes (facts TripleSeat 1.3).

        Raises CredentialsRefused; Unavailable where the answer is lost; Unreadable.
        """
        return self._ask({"grant_type": "refresh_token", "refresh_token": refresh_token}, refresh_token)

    def grant_to_app(self) -> Token:
        """A token for the app itself (facts TripleSeat 1.4). Raises like `refresh`."""
        return self._ask({"grant_type": "client_credentials"}, "")

    def redeem(self, code: str, redirect_uri: str) -> Token:
        """The first token, for the code that a person's consent gave (facts TripleSeat 1.2). Raises like `refresh`."""
        grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        token = self._ask(grant, "", gone=_CODE_REFUSED)
        if not token.refresh:
            raise Unreadable("TripleSeat: the token URL gave no refresh token; check the app's grants in TripleSeat")
        return token

    def _ask(self, grant: Mapping[str, str], refresh_token: str, *, gone: str = _GRANT_GONE) -> Token:
        asked_at = self._clock().timestamp()
        try:
            answer = self._post(grant)
        except (CredentialsRefused, Refused, Unreadable) as error:
            _explain(error, gone)
        return _decode_token(answer, refresh_token, asked_at)

    def _post(self, grant: Mapping[str, str]) -> Json:
        client_id, client_secret = self._app
        try:
            return self._channel.post_form(self._url, {**grant, "client_id": client_id, "client_secret": client_secret})
        except (CredentialsRefused, Refused) as error:
            if "invalid_client" not in str(error):
                raise
        return self._channel.post_form(self._url, grant, auth=self._app)


def consent_url(authorize_url: str, client_id: str, redirect_uri: str, scope: str, state: str) -> str:
    """Where an admin user lets the app in (facts TripleSeat 1.2)."""
    query = {
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": scope,
        "state": state,
    }
    return f"{authorize_url}?{urlencode({key: value for key, value in query.items() if value})}"


def _decode_token(answer: Json, refresh_token: str, asked_at: float) -> Token:
    row = answer if isinstance(answer, dict) else {}
    access, refresh = row.get("access_token"), row.get("refresh_token") or refresh_token
    life = read_number(row.get("expires_in"))
    if not is_token(access) or not (refresh == "" or is_token(refresh)):
        raise Unreadable("TripleSeat: the token URL answered without a usable token; check tripleseat.token_url")
    seconds = USUAL_LIFE if life is None or life < 0 else min(int(life), _LONGEST_LIFE)
    return Token(access, refresh, int(asked_at) + seconds)


def _explain(error: CredentialsRefused | Refused | Unreadable, gone: str) -> NoReturn:
    """Raise what a person can act on; `gone` is for a grant that isn't good any more.

    `error` quotes the answer's `error` word, never what was sent.
    """
    said = str(error)
    if "invalid_grant" in said:
        raise TokenRefused(gone) from error
    if "invalid_client" in said:
        raise TokenRefused("TripleSeat doesn't know this app: check tripleseat.client_id and client_secret") from error
    if _is_wrong_door(error):
        raise TokenRefused("TripleSeat's token URL answered like a web page: check tripleseat.token_url") from error
    if isinstance(error, Unreadable):
        raise error
    raise TokenRefused(
        f"{error}. Check tripleseat.auth, tripleseat.token_url and the app's grants in TripleSeat"
    ) from error


def _is_wrong_door(error: TsrevelError) -> bool:
    """A login page, a redirect to one, or no such path (facts TripleSeat 1.4, 1.7)."""
    if isinstance(error, Refused):
        return error.status in {404, 405}
    return isinstance(error, Unreadable) and ("an HTML page" in str(error) or "answered 3" in str(error))
