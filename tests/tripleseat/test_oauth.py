"""OAuth 2 against a server that is as strict as django-oauth-toolkit: PKCE, Basic, each code once."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, parse_qsl, unquote_plus, urlsplit

import httpx
import pytest

from tsrevel.errors import CredentialsCode, CredentialsRefused, ServiceCode, TokenRefused, Unavailable
from tsrevel.redaction import LEFT_OUT
from tsrevel.tripleseat.auth import ClientCredentials, RotatingToken, TokenUrl, challenge_of, consent_url
from tsrevel.tripleseat.token_file import Token, TokenFile

from .conftest import BASE_URL, Clock, open_channel, save

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
BACK = "http://127.0.0.1:8765/callback"
CLIENT, SECRET = "app:1 %+", "s3cr:et/+&= %é-5f1d2c9aQz"


@dataclass
class StrictServer:
    """A WSGI token endpoint: PKCE required, the app shown by Basic alone, refresh tokens rotate, codes work once."""

    life: object = 36000
    asked: list[dict[str, str]] = field(default_factory=list)
    codes: dict[str, str] = field(default_factory=dict)
    refresh: str = "refresh-0"
    issued: int = 0
    complaint: str = "invalid_client"

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        form = {key: values[0] for key, values in parse_qs(body.decode()).items()}
        self.asked.append(form | {"authorization": environ.get("HTTP_AUTHORIZATION", ""), "?": environ["QUERY_STRING"]})
        status, answer = self._answer(form, environ.get("HTTP_AUTHORIZATION", ""))
        start(f"{status} X", [("Content-Type", "application/json"), ("Cache-Control", "no-store")])
        return [json.dumps(answer).encode()]

    def _answer(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        kind, _, value = authorization.partition(" ")
        shown = base64.b64decode(value).decode().split(":") if kind == "Basic" else []
        if [unquote_plus(each) for each in shown] != [CLIENT, SECRET]:
            return 401, {"error": self.complaint, "error_description": "Use Basic,\n\x1b[31mplease"}
        if form["grant_type"] == "authorization_code":
            challenge = self.codes.get(form["code"])
            if "code_verifier" not in form:
                return 400, {"error": "invalid_request", "error_description": "Code verifier required."}
            digest = base64.urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
            if challenge != digest or form["redirect_uri"] != BACK:
                return 400, {"error": "invalid_grant", "error_description": "Code expired"}
            del self.codes[form["code"]]
        elif form["grant_type"] == "refresh_token" and form["refresh_token"] != self.refresh:
            return 400, {"error": "invalid_grant"}
        self.issued += 1
        self.refresh = f"refresh-{self.issued}"
        told = {"access_token": f"access-{self.issued}", "token_type": "Bearer", "refresh_token": self.refresh}
        return 200, told if self.life is None else {**told, "expires_in": self.life}


def token_url(server: StrictServer, clock: Clock, url: str = f"{BASE_URL}/o/token/") -> TokenUrl:
    return TokenUrl(open_channel(httpx.WSGITransport(app=server), clock), url, CLIENT, SECRET, clock)


def told(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


# PKCE


def test_the_challenge_is_the_standards_own_example() -> None:
    assert challenge_of(VERIFIER) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_consent_is_asked_for_with_an_s256_challenge() -> None:
    asked = told(consent_url(f"{BASE_URL}/authorize", "id", BACK, "read", "s", VERIFIER))
    assert (asked["code_challenge_method"], asked["code_challenge"]) == ("S256", challenge_of(VERIFIER))


def test_a_server_that_wants_proof_and_basic_gives_a_token(clock: Clock) -> None:
    server = StrictServer(codes={"code-1": challenge_of(VERIFIER)})
    token = token_url(server, clock).redeem("code-1", BACK, VERIFIER)
    assert (token.access, token.refresh) == ("access-1", "refresh-1")
    assert re.fullmatch(r"Basic [\w+/=]+", server.asked[-1]["authorization"])
    assert "client_secret" not in server.asked[-1]


# URLs


@pytest.mark.parametrize(
    ("url", "begins"),
    [
        ("https://a.example/o/authorize/", "https://a.example/o/authorize/?client_id="),
        ("https://a.example/authorize?tenant=7&x=a%20b", "https://a.example/authorize?tenant=7&x=a%20b&client_id="),
        ("https://a.example/authorize?", "https://a.example/authorize?client_id="),
        ("https://a.example/authorize?scope=all&state=1", "https://a.example/authorize?client_id="),
    ],
)
def test_the_address_to_agree_at_keeps_its_slash_and_its_query(url: str, begins: str) -> None:
    made = consent_url(url, "id", BACK, "read", "s", VERIFIER)
    assert made.startswith(begins)
    assert (made.count("state="), made.count("scope="), told(made)["state"]) == (1, 1, "s")


def test_the_token_url_keeps_its_slash_and_its_query(clock: Clock) -> None:
    server = StrictServer()
    token_url(server, clock, f"{BASE_URL}/o/token/?tenant=7").refresh("refresh-0")
    assert {each["?"] for each in server.asked} == {"tenant=7"}


# How the app shows who it is


@pytest.mark.parametrize("complaint", ["invalid_client", "unauthorized_client", "invalid_request"])
def test_basic_is_tried_after_every_refusal_that_spent_nothing(clock: Clock, complaint: str) -> None:
    server = StrictServer(complaint=complaint)
    assert token_url(server, clock).refresh("refresh-0").access == "access-1"
    assert [each["authorization"][:5] for each in server.asked] == ["", "Basic"]


def test_what_worked_is_tried_first_the_next_time(clock: Clock) -> None:
    server = StrictServer()
    url = token_url(server, clock)
    url.refresh(url.refresh("refresh-0").refresh)
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("invalid_grant", CredentialsCode.REFRESH_TOKEN_REFUSED),
        ("invalid_scope", CredentialsCode.SCOPE_NOT_ALLOWED),
        ("unsupported_grant_type", CredentialsCode.UNKNOWN_GRANT),
        ("access_denied", CredentialsCode.TOKEN_REFUSED),
        ("odd", CredentialsCode.TOKEN_REFUSED),
        ("other", CredentialsCode.TOKEN_REFUSED),
    ],
)
def test_a_grant_that_was_looked_at_is_never_sent_twice(clock: Clock, word: str, code: CredentialsCode) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(400, json={"error": word, "error_description": "No \x1b[2J\r\nmore &\u202e so"})

    channel = open_channel(httpx.MockTransport(answer), clock)
    with pytest.raises(TokenRefused) as caught:
        TokenUrl(channel, f"{BASE_URL}/token", "id", "hush", clock).refresh("r")
    assert (caught.value.code, len(asked)) == (code, 1)
    assert word in str(caught.value)
    assert "No [2J more & so" in str(caught.value)


def test_a_401_without_words_is_about_the_app(clock: Clock) -> None:
    answers = [httpx.Response(401), httpx.Response(200, json={"access_token": "a", "refresh_token": "r"})]
    channel = open_channel(httpx.MockTransport(lambda _: answers.pop(0)), clock)
    assert TokenUrl(channel, f"{BASE_URL}/token", "id", "hush", clock).refresh("r").access == "a"


def test_of_two_refusals_the_one_that_says_more_is_told(clock: Clock) -> None:
    answers = [
        httpx.Response(400, json={"error": "unauthorized_client", "error_description": "grant not enabled"}),
        httpx.Response(401, json={"error": "invalid_client"}),
    ]
    channel = open_channel(httpx.MockTransport(lambda _: answers.pop(0)), clock)
    with pytest.raises(CredentialsRefused) as caught:
        TokenUrl(channel, f"{BASE_URL}/token", "id", "hush", clock).refresh("r")
    assert caught.value.code is CredentialsCode.GRANT_NOT_ALLOWED
    assert caught.value.service_code is ServiceCode.UNAUTHORIZED_CLIENT


@pytest.mark.parametrize("word", ["server_error", "temporarily_unavailable", "slow_down"])
def test_a_fault_that_passes_is_no_refusal(clock: Clock, word: str) -> None:
    channel = open_channel(httpx.MockTransport(lambda _: httpx.Response(400, json={"error": word})), clock)
    with pytest.raises(Unavailable):
        TokenUrl(channel, f"{BASE_URL}/token", "id", "hush", clock).refresh("r")


def test_a_description_that_repeats_the_secret_is_left_out(clock: Clock) -> None:
    sent = base64.b64encode(b"id:hush-hush-hush").decode()
    answer = httpx.Response(400, json={"error": "invalid_grant", "error_description": f"Basic {sent} is bad"})
    channel = open_channel(httpx.MockTransport(lambda _: answer), clock)
    with pytest.raises(CredentialsRefused, match=re.escape(LEFT_OUT)) as caught:
        TokenUrl(channel, f"{BASE_URL}/token", "id", "hush-hush-hush", clock).refresh("r")
    assert sent not in str(caught.value)


# How long a token lives


@pytest.mark.parametrize("life", [60, "60", 0, None, "soon", 10, 7200, [], True])
def test_a_token_isnt_renewed_for_each_request(clock: Clock, tmp_path: Path, life: object) -> None:
    server = StrictServer(life=life)
    file = TokenFile(tmp_path / "token.json")
    save(file, Token("", "refresh-0", 0))
    access = RotatingToken(token_url(server, clock), file, clock)
    for _ in range(5):
        access.headers()
        clock.move(seconds=1)
    assert server.issued == 1


def test_a_short_lived_token_is_renewed_before_it_ends(clock: Clock) -> None:
    server = StrictServer(life=60)
    access = ClientCredentials(token_url(server, clock), clock)
    for _ in range(12):
        access.headers()
        clock.move(seconds=10)
    assert server.issued == 3
