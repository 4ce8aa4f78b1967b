"""The other ways in, and what each says when the door stays shut."""

from __future__ import annotations

from datetime import date

import httpx
import pytest
from pytest_httpx import HTTPXMock

from tsrevel.errors import CredentialsCode, CredentialsRefused, Forbidden, TokenRefused
from tsrevel.planning.model import EventId
from tsrevel.sandbox import TripleSeatSandbox, make_event
from tsrevel.tripleseat.auth import Access, ClientCredentials, PublicKey, RotatingToken, TokenUrl
from tsrevel.tripleseat.client import TripleSeat
from tsrevel.tripleseat.token_file import APPROVAL

from .conftest import BASE_URL, Clock, Wire, open_channel

DAY = date(2026, 12, 12)
ANY = EventId("64000001")


def client(wire: httpx.BaseTransport, clock: Clock, access: Access) -> TripleSeat:
    return TripleSeat(open_channel(wire, clock, access), access, base_url=BASE_URL)


def test_a_token_for_the_app_is_kept_for_the_run(
    seat: TripleSeatSandbox, wire: Wire, token_url: TokenUrl, clock: Clock
) -> None:
    seat.client_credentials = "works"
    seat.add_event(make_event(day=DAY))
    reader = client(wire, clock, ClientCredentials(token_url, clock))
    reader.event(ANY)
    reader.event(ANY)
    assert seat.count("POST", "/oauth2/token") == 1
    clock.move(hours=2)
    reader.event(ANY)
    assert seat.count("POST", "/oauth2/token") == 2


def test_a_token_for_the_app_is_got_anew_after_a_401(
    seat: TripleSeatSandbox, wire: Wire, token_url: TokenUrl, clock: Clock
) -> None:
    seat.client_credentials = "works"
    seat.add_event(make_event(day=DAY))
    reader = client(wire, clock, ClientCredentials(token_url, clock))
    reader.event(ANY)
    seat.expire_access_tokens()
    assert reader.event(ANY).id == ANY


def test_a_token_that_nobody_stands_behind_is_explained(
    seat: TripleSeatSandbox, wire: Wire, token_url: TokenUrl, clock: Clock
) -> None:
    seat.client_credentials = "ownerless"
    reader = client(wire, clock, ClientCredentials(token_url, clock))
    with pytest.raises(CredentialsRefused) as caught:
        reader.search_by_day(DAY, DAY)
    assert caught.value.code is CredentialsCode.TOKEN_WITHOUT_USER


def test_an_app_that_gets_no_token_is_told_where_to_look(
    seat: TripleSeatSandbox, wire: Wire, token_url: TokenUrl, clock: Clock
) -> None:
    reader = client(wire, clock, ClientCredentials(token_url, clock))
    with pytest.raises(TokenRefused) as caught:
        reader.search_by_day(DAY, DAY)
    assert caught.value.code is CredentialsCode.UNKNOWN_GRANT


def test_a_public_key_goes_out_as_header_and_parameter(clock: Clock, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json={"total_pages": 0, "results": []})
    access = PublicKey("hush")
    channel = open_channel(httpx.HTTPTransport(), clock, access)
    assert TripleSeat(channel, access, base_url=BASE_URL).search_by_day(DAY, DAY) == []
    (request,) = httpx_mock.get_requests()
    assert request.headers["X-API-Key"] == "hush"
    assert request.url.params["public_key"] == "hush"
    assert "Authorization" not in request.headers


def test_a_public_key_that_does_not_reach_is_explained_and_not_shown(
    seat: TripleSeatSandbox, wire: Wire, clock: Clock
) -> None:
    with pytest.raises(CredentialsRefused) as caught:
        client(wire, clock, PublicKey("sandbox-public-key")).search_by_day(DAY, DAY)
    assert caught.value.code is CredentialsCode.PUBLIC_KEY_TOO_NARROW
    assert "sandbox-public-key" not in str(caught.value)
    assert len(seat.requests) == 1


def test_a_403_with_a_public_key_is_explained_too(seat: TripleSeatSandbox, wire: Wire, clock: Clock) -> None:
    seat.faults.add("status", status=403, body={"error": "no permission"})
    with pytest.raises(Forbidden) as caught:
        client(wire, clock, PublicKey("sandbox-public-key")).event(ANY)
    assert caught.value.code is CredentialsCode.PUBLIC_KEY_TOO_NARROW


def test_a_403_on_an_event_stays_forbidden_with_advice(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    seat.forbidden.add(int(ANY))
    with pytest.raises(Forbidden) as caught:
        tripleseat.event(ANY)
    assert caught.value.code is CredentialsCode.ACCESS_MISSING


def test_a_token_that_expired_unseen_is_renewed_in_the_middle(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    seat.add_event(make_event(day=DAY))
    seat.expire_access_tokens()
    assert tripleseat.event(ANY).id == ANY
    assert seat.count("POST", "/oauth2/token") == 1


def test_a_401_that_a_new_token_does_not_cure_asks_for_a_person(
    tripleseat: TripleSeat, seat: TripleSeatSandbox
) -> None:
    seat.faults.add("status", path="/v1/", status=401, times=2, body={"error": "The access token is invalid"})
    with pytest.raises(CredentialsRefused) as caught:
        tripleseat.search_by_day(DAY, DAY)
    assert caught.value.code is CredentialsCode.APPROVAL_NEEDED


def test_a_dead_refresh_token_is_explained_once(
    tripleseat: TripleSeat, seat: TripleSeatSandbox, access: RotatingToken, clock: Clock
) -> None:
    seat.revoke_refresh_token()
    clock.move(hours=3)
    with pytest.raises(TokenRefused) as caught:
        tripleseat.search_by_day(DAY, DAY)
    assert caught.value.code is CredentialsCode.REFRESH_TOKEN_REFUSED
    assert str(caught.value).count(APPROVAL) == 1
