"""How the pretend TripleSeat answers (facts TripleSeat 1-5)."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tsrevel.sandbox import LAKESIDE_BAKERY, SPECIAL_EVENTS, TripleSeatSandbox, make_document, make_event

if TYPE_CHECKING:
    from tests.sandbox.conftest import Clock

DAY = date(2026, 12, 12)
CLIENT = {"client_id": "sandbox-client", "client_secret": "sandbox-client-secret"}


def ask_token(seat: httpx.Client, grant: str, **more: str) -> httpx.Response:
    return seat.post("/oauth2/token", data={"grant_type": grant, **CLIENT, **more})


def found(seat: httpx.Client, **query: str) -> list[int]:
    return [event["id"] for event in seat.get("/v1/events/search", params=query).json()["results"]]


# Tokens


def test_refresh_tokens_rotate_and_the_old_one_is_dead_at_once(
    seat: httpx.Client, tripleseat: TripleSeatSandbox
) -> None:
    old = tripleseat.tokens.refresh
    answer = ask_token(seat, "refresh_token", refresh_token=old).json()
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 7200)
    assert answer["refresh_token"] != old
    again = ask_token(seat, "refresh_token", refresh_token=old)
    assert (again.status_code, again.json()) == (400, {"error": "invalid_grant"})


def test_a_refresh_whose_answer_is_lost_leaves_a_dead_token_behind(
    seat: httpx.Client, tripleseat: TripleSeatSandbox
) -> None:
    old = tripleseat.tokens.refresh
    tripleseat.faults.add("drop_after", path="/oauth2/token")
    with pytest.raises(ConnectionError):
        ask_token(seat, "refresh_token", refresh_token=old)
    assert ask_token(seat, "refresh_token", refresh_token=old).status_code == 400


def test_a_wrong_client_is_refused(seat: httpx.Client) -> None:
    answer = ask_token(seat, "refresh_token", client_secret="wrong")
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


def test_tokens_are_asked_for_in_a_form_and_not_in_json(seat: httpx.Client) -> None:
    assert seat.post("/oauth2/token", json={"grant_type": "refresh_token", **CLIENT}).status_code == 401


def test_a_code_is_good_once_and_for_its_exact_redirect_address(
    seat: httpx.Client, tripleseat: TripleSeatSandbox
) -> None:
    address = tripleseat.tokens.redirect_uri
    assert ask_token(seat, "authorization_code", code="sandbox-code", redirect_uri=f"{address}/").status_code == 400
    first = ask_token(seat, "authorization_code", code="sandbox-code", redirect_uri=address)
    assert first.json()["refresh_token"] == tripleseat.tokens.refresh
    assert ask_token(seat, "authorization_code", code="sandbox-code", redirect_uri=address).status_code == 400


def test_consent_sends_the_browser_back_with_a_code_and_the_state(
    seat: httpx.Client, tripleseat: TripleSeatSandbox
) -> None:
    address = tripleseat.tokens.redirect_uri
    query = {"client_id": "sandbox-client", "redirect_uri": address, "response_type": "code", "state": "s1"}
    answer = seat.get("/oauth2/authorize", params=query)
    back = httpx.URL(answer.headers["Location"])
    assert (answer.status_code, back.params["state"]) == (302, "s1")
    assert ask_token(seat, "authorization_code", code=back.params["code"], redirect_uri=address).status_code == 200


def test_an_access_token_ends_after_two_hours(seat: httpx.Client, clock: Clock) -> None:
    clock.move(seconds=7199)
    assert seat.get("/v1/events/search").status_code == 200
    clock.move(seconds=1)
    answer = seat.get("/v1/events/search")
    assert answer.status_code == 401
    assert set(answer.json()) == {"error"}


def test_client_credentials_are_refused_ownerless_or_good(seat: httpx.Client, tripleseat: TripleSeatSandbox) -> None:
    assert ask_token(seat, "client_credentials").json() == {"error": "unsupported_grant_type"}
    tripleseat.client_credentials = "ownerless"
    bare = ask_token(seat, "client_credentials").json()
    assert "refresh_token" not in bare
    refused = seat.get("/v1/events/search", headers={"Authorization": f"Bearer {bare['access_token']}"})
    assert (refused.status_code, refused.json()) == (401, {"error": "Token resource owner not found"})
    tripleseat.client_credentials = "works"
    good = ask_token(seat, "client_credentials").json()["access_token"]
    assert seat.get("/v1/events/search", headers={"Authorization": f"Bearer {good}"}).status_code == 200


def test_the_public_key_opens_locations_and_sites_only(tripleseat: TripleSeatSandbox) -> None:
    tripleseat.add_place(SPECIAL_EVENTS)
    transport = httpx.WSGITransport(app=tripleseat)
    with httpx.Client(transport=transport, base_url="http://seat.example.com") as anyone:
        key = {"public_key": "sandbox-public-key"}
        assert anyone.get("/v1/locations.json", params=key).json()[0]["location"]["id"] == 30501
        assert anyone.get("/v1/sites.json", params=key).json()[0]["site"]["timezone"] == "Pacific Time (US & Canada)"
        assert anyone.get("/v1/events/search", params=key).status_code == 401
        header = {"X-API-Key": "sandbox-public-key"}
        assert anyone.get("/v1/events/search", headers=header).status_code == 401
        tripleseat.accepts_key_header = True
        assert anyone.get("/v1/events/search", headers=header).status_code == 200


# Search


def test_search_keeps_to_the_event_days_asked_for(seat: httpx.Client, tripleseat: TripleSeatSandbox) -> None:
    for n, day in enumerate([11, 12, 13], 1):
        tripleseat.add_event(make_event(id=n, day=date(2026, 12, day)))
    assert found(seat, event_start_date="12/12/2026", event_end_date="12/13/2026") == [2, 3]
    assert found(seat, event_start_date="2026-12-11", event_end_date="2026-12-11") == [1]
    assert found(seat, event_start_date="12/13/2026") == [1, 2, 3]


def test_search_by_update_has_whole_days_only(seat: httpx.Client, tripleseat: TripleSeatSandbox, clock: Clock) -> None:
    tripleseat.add_event(make_event(id=1, day=DAY))
    tripleseat.add_event(make_event(id=2, day=DAY))
    tripleseat.edit_event(2, guest_count=30)
    assert tripleseat.event(2)["updated_at"] == "12/12/2026 10:00 AM"
    today = {"event_updated_start_date": "12/12/2026", "event_updated_end_date": "12/12/2026"}
    assert found(seat, **today) == [2]
    created = {"event_created_start_date": "11/2/2026", "event_created_end_date": "11/2/2026"}
    assert found(seat, **created) == [1, 2]


def test_search_filters_by_status_in_any_case_and_by_location(
    seat: httpx.Client, tripleseat: TripleSeatSandbox
) -> None:
    tripleseat.add_event(make_event(id=1, day=DAY))
    tripleseat.add_event(make_event(id=2, day=DAY, status="LOST", location=LAKESIDE_BAKERY))
    assert found(seat) == [1, 2]
    assert found(seat, status="definite,closed") == [1]
    assert found(seat, location_ids="30502,1") == [2]
    assert found(seat, room_ids="305011") == [1]
    assert found(seat, query="WIDGETS") == [1, 2]


def test_unsupported_parameters_are_ignored(seat: httpx.Client, tripleseat: TripleSeatSandbox) -> None:
    tripleseat.add_event(make_event(id=1, day=DAY))
    assert found(seat, per_page="1", updated_after="2030-01-01", site_id="1", start_date="2030-01-01") == [1]


def test_search_is_ordered_and_paged(seat: httpx.Client, tripleseat: TripleSeatSandbox) -> None:
    tripleseat.page_size = 2
    for n in range(1, 6):
        tripleseat.add_event(make_event(id=n, day=date(2026, 12, 20 - n)))
    assert found(seat, order="event_start") == [5, 4]
    assert found(seat, order="created_at", sort_direction="desc", page="2") == [3, 4]
    assert seat.get("/v1/events/search.json").json()["total_pages"] == 3
    assert found(seat, page="9") == []
    tripleseat.repeats_last_page = True
    assert found(seat, page="9") == [5]


def test_an_empty_search_has_no_pages(seat: httpx.Client) -> None:
    assert seat.get("/v1/events/search").json() == {"total_pages": 0, "results": []}


def test_the_plain_listing_ignores_date_filters(seat: httpx.Client, tripleseat: TripleSeatSandbox) -> None:
    tripleseat.add_event(make_event(id=1, day=DAY))
    query = {"event_start_date": "1/1/2030", "event_end_date": "1/2/2030"}
    assert len(seat.get("/v1/events", params=query).json()["results"]) == 1


def test_results_can_come_wrapped(seat: httpx.Client, tripleseat: TripleSeatSandbox) -> None:
    tripleseat.add_event(make_event(id=1, day=DAY))
    tripleseat.wraps_results = True
    assert seat.get("/v1/events/search").json()["results"][0]["event"]["id"] == 1


# One event


@pytest.mark.parametrize("spelling", [{}, {"show_financials": "true"}, {"show_financial": "false"}])
def test_without_show_financial_the_documents_are_bare(
    seat: httpx.Client, tripleseat: TripleSeatSandbox, spelling: dict[str, str]
) -> None:
    tripleseat.add_event(make_event(id=1, day=DAY, charges=[("Sales Tax", "40.00")]))
    single = seat.get("/v1/events/1", params=spelling).json()["event"]
    listed = seat.get("/v1/events/search", params=spelling).json()["results"][0]
    for event in (single, listed):
        assert set(event["documents"][0]) == {"id", "title", "template_document_id", "deleted_at", "views"}
        assert event["category_totals"] == [{"name": "Food", "total": "444.0"}]
        assert event["billing_totals"] == [{"name": "Sales Tax", "total": "40.0"}]


def test_with_show_financial_the_documents_carry_lines_and_payments(
    seat: httpx.Client, tripleseat: TripleSeatSandbox
) -> None:
    tripleseat.add_event(make_event(id=1, day=DAY, payments=[("200", True)]))
    for path in ("/v1/events/1", "/v1/events/1.json"):
        document = seat.get(path, params={"show_financial": "true"}).json()["event"]["documents"][0]
        assert document["line_items"][0]["total_price"] == "444.0"
        assert document["payment_set"]["payments"][0]["amount"] == "200.0"


def test_events_are_missing_forbidden_or_hidden(seat: httpx.Client, tripleseat: TripleSeatSandbox) -> None:
    assert seat.get("/v1/events/1").status_code == 404
    tripleseat.add_event(make_event(id=1, day=DAY))
    tripleseat.hide_event(1)
    assert found(seat) == []
    assert found(seat) == [1]
    tripleseat.forbidden = {1}
    assert seat.get("/v1/events/1").status_code == 403


def test_a_cancelled_and_a_deleted_event_stay_findable(seat: httpx.Client, tripleseat: TripleSeatSandbox) -> None:
    tripleseat.add_event(make_event(id=1, day=DAY))
    tripleseat.cancel_event(1)
    tripleseat.delete_event(1)
    event: dict[str, Any] = seat.get("/v1/events/search").json()["results"][0]
    assert (event["status"], event["deleted_at"]) == ("LOST", "12/12/2026 10:00 AM")
    assert event["status_changes"][0]["previous_status"] == "DEFINITE"


def test_only_v1_is_there_and_nothing_can_be_written(seat: httpx.Client) -> None:
    wrong = seat.get("/api/v1/events/1")
    assert (wrong.status_code, wrong.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert seat.put("/v1/events/1", json={"event": {"status": "CLOSED"}}).status_code == 405


def test_a_booking_brings_its_documents_and_events(seat: httpx.Client, tripleseat: TripleSeatSandbox) -> None:
    event = tripleseat.add_event(make_event(id=64000001, day=DAY, documents=[make_document(1, lines=())]))
    tripleseat.add_booking({**event["booking"], "documents": [make_document(2, lines=[("Coffee Urn", 1, 38)])]})
    answer = seat.get("/v1/bookings/58000001", params={"show_financial": "true"}).json()["booking"]
    assert answer["event_ids"] == [64000001]
    assert answer["documents"][0]["line_items"][0]["description"] == "Coffee Urn"
    assert answer["events"][0]["id"] == 64000001
    assert seat.get("/v1/bookings/5").status_code == 404


# Invoice pages


def test_an_invoice_page_opens_without_login(seat: httpx.Client, tripleseat: TripleSeatSandbox) -> None:
    lines = [("Boxed Lunch", 24, "18.5", 120001), ("AGUA FRESCA - One gallon &amp; cups", 2, 15, None, "Beverage")]
    tripleseat.add_event(make_event(id=1, day=DAY, lines=lines))
    tripleseat.portal = "http://seat.example.com"
    view = seat.get("/v1/events/1").json()["event"]["documents"][0]["views"][0]
    page = seat.get(view["url"], headers={"Authorization": ""})
    assert page.headers["Content-Type"].startswith("text/html")
    assert "<th><span>Qty.</span> <span>Qty</span></th> <th>Description</th> <th>Price</th> <th>Total</th>" in page.text
    assert "<td>24</td> <td>Boxed Lunch</td> <td>$18.50</td> <td>$444.00</td>" in page.text
    assert "<h3>BEVERAGES</h3>" in page.text
    assert "One gallon &amp; cups" in page.text


def test_an_event_can_have_its_lines_on_the_invoice_page_only(
    seat: httpx.Client, tripleseat: TripleSeatSandbox
) -> None:
    event = tripleseat.add_invoice_only_event(make_event(id=1, day=DAY))
    document = seat.get("/v1/events/1?show_financial=true").json()["event"]["documents"][0]
    assert document["line_items"] == []
    path = httpx.URL(event["documents"][0]["views"][0]["url"]).path
    assert "Boxed Lunch Package" in seat.get(path).text
    assert seat.get(f"/doc/{'0' * 40}/1").status_code == 404
