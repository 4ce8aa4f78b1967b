"""Services that are down, refuse us or talk nonsense: nothing is written on a guess, every event is accounted for."""

from __future__ import annotations

import json
import sqlite3
import ssl
import sys
from contextlib import closing
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tsrevel.planning.model import EventId
from tsrevel.sandbox import make_event

from ..world import Died, World, find_outcome, verdict
from .conftest import FULL, PAID, TWINS, UNMAPPED

NONSENSE: dict[str, tuple[str, dict[str, Any]]] = {
    "500": ("status", {"status": 500}),
    "404": ("status", {"status": 404}),
    "429": ("status", {"status": 429}),
    "redirect": ("status", {"status": 302, "headers": {"Location": "/login"}}),
    "login page": ("html", {}),
    "wrong shape": ("wrong_shape", {"body": {"events": []}}),
    "results of text": ("wrong_shape", {"body": {"results": "none"}}),
    "truncated": ("truncated", {}),
    "cut": ("drop_before", {}),
}


@pytest.mark.parametrize("failure", NONSENSE)
def test_a_listing_that_fails_ends_the_run_before_any_write(day: World, failure: str) -> None:
    kind, details = NONSENSE[failure]
    day.tripleseat.faults.add(kind, "GET", "/v1/events/search", times=None, **details)
    report = day.sync()
    assert (report.exit_status, report.reason, report.outcomes) == (13, "UPSTREAM_UNAVAILABLE", ())
    assert report.error is not None
    assert not report.success
    assert day.revel.requests == []


@pytest.mark.parametrize("failure", NONSENSE)
def test_a_search_by_update_that_fails_keeps_no_order_from_being_made(day: World, failure: str) -> None:
    kind, details = NONSENSE[failure]
    day.tripleseat.faults.add(kind, "GET", "/v1/events/search", after=1, times=None, **details)
    report = day.sync()
    assert (report.exit_status, report.reason) == (13, "UPSTREAM_UNAVAILABLE")
    assert report.error is not None
    assert [day.flaws(each) for each in (FULL, PAID, TWINS)] == [[], [], []]
    with day.ledger() as ledger:
        assert not ledger.runs.latest(1)[0].whole


def test_a_change_that_no_search_by_update_showed_is_told_by_the_next_run(world: World) -> None:
    world.add_event(64000061, day=world.time.now.date() + timedelta(days=9))
    world.sync_event(64000061, ignore_time_gate=True)
    world.sync()
    world.tripleseat.cancel_event(64000061)
    world.tripleseat.faults.add("status", "GET", "/v1/events/search", after=1, times=4, status=500)
    world.time.move(days=5)
    assert world.sync().exit_status == 13
    assert verdict(world.sync(), 64000061) == "skipped CANCELLED_AFTER_INJECTION"


def test_an_empty_day_needs_no_search_by_update_to_see_that_its_event_was_moved(tmp_path: Path) -> None:
    world = World(tmp_path, "unmapped")
    world.sync()
    day = world.time.now.date() + timedelta(days=14)
    world.tripleseat.edit_event(UNMAPPED, event_date=f"{day:%m/%d/%Y}", event_date_iso8601=f"{day}")
    world.tripleseat.faults.add("status", "GET", "/v1/events/search", after=1, times=None, status=500)
    report = world.sync()
    assert (report.exit_status, verdict(report, UNMAPPED)) == (13, "skipped TOO_EARLY")


def test_tripleseat_out_of_reach_ends_the_run(day: World) -> None:
    day.wires["tripleseat"].down = True
    report = day.sync()
    assert (report.exit_status, report.outcomes) == (13, ())
    day.wires["tripleseat"].down = False
    assert day.sync().summary["injected"] == 3


def test_a_dead_refresh_token_ends_the_run_with_twelve(day: World) -> None:
    day.tripleseat.expire_access_tokens()
    day.tripleseat.revoke_refresh_token()
    report = day.sync()
    assert (report.exit_status, report.reason) == (12, "AUTHORIZATION_DENIED")
    assert "run `tsrevel login`" in (report.error or "")


def test_a_forbidden_listing_ends_the_run_with_twelve(day: World) -> None:
    day.tripleseat.faults.add("status", "GET", "/v1/events/search", times=None, status=403)
    assert day.sync().exit_status == 12


def fail_token_url(world: World) -> None:
    """The token has expired, and the token URL gives no new one; the rest of TripleSeat isn't reached without."""
    path = world.folder / "token.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "expires_at": 1}))
    world.tripleseat.faults.add("status", "POST", "/oauth2/token", times=None, status=503)


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_token_url_that_is_down_counts_as_tripleseat_for_a_named_event(world: World, dry_run: bool) -> None:
    fail_token_url(world)
    report = world.sync_event(FULL, dry_run=dry_run)
    assert (verdict(report, FULL), report.exit_status) == ("failed UPSTREAM_UNAVAILABLE", 13)
    world.tripleseat.faults.clear()
    assert verdict(world.sync_event(FULL), FULL) == "injected"


def test_an_expired_token_is_renewed_in_passing(day: World) -> None:
    day.tripleseat.expire_access_tokens()
    assert day.sync().summary["injected"] == 3


def test_a_wrong_revel_key_stops_the_run_at_the_first_event(day: World) -> None:
    day.config["revel"]["api_secret"] = "old"
    report = day.sync()
    assert (report.exit_status, report.reason) == (12, "AUTHORIZATION_DENIED")
    assert day.revel.count() == 2  # the catalogue by field, then whole
    assert report.summary["queried"] == 7
    assert {verdict(report, each) for each in (FULL, PAID, TWINS)} == {"failed AUTHORIZATION_DENIED"}


@pytest.mark.parametrize("resource", ["Order", "OrderItem", "Payment", "OrderHistory"])
def test_a_key_without_the_right_to_write_stops_the_run_and_the_next_one_finishes(world: World, resource: str) -> None:
    world.revel.faults.add("status", "POST", f"/{resource}/", status=403)
    report = world.sync()
    assert (report.exit_status, verdict(report, FULL)) == (12, "failed AUTHORIZATION_DENIED")
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", [])


def test_revel_down_fails_every_due_event_and_loses_none(day: World) -> None:
    day.wires["revel"].down = True
    report = day.sync()
    assert (report.exit_status, report.summary["queried"], report.summary["injected"]) == (13, 7, 0)
    assert {verdict(report, each) for each in (FULL, PAID)} == {"failed UPSTREAM_UNAVAILABLE"}
    day.wires["revel"].down = False
    assert day.sync().summary["injected"] == 3


@pytest.mark.parametrize("write", ["Order/", "OrderItem/", "Payment/", "OrderHistory/"])
def test_revel_is_left_alone_once_it_asks_for_a_long_wait_and_the_next_run_finishes_the_order(
    day: World, write: str
) -> None:
    headers = {"Retry-After": "600"}
    day.revel.faults.add("status_after", "POST", f"/resources/{write}", status=429, headers=headers)
    report = day.sync()
    assert (report.exit_status, report.summary["injected"]) == (13, 0)
    assert day.revel.requests[-1].path == f"/resources/{write}"
    day.time.move(minutes=45)
    day.sync()
    assert [day.flaws(each) for each in (FULL, PAID, TWINS)] == [[], [], []]


@pytest.mark.parametrize(
    ("seconds", "status", "expected"), [(7, 3, "failed OUTCOME_UNKNOWN"), (61, 13, "failed UPSTREAM_UNAVAILABLE")]
)
def test_the_end_of_a_run_is_told_as_the_fault_of_a_service_only_if_that_never_answered(
    world: World, seconds: int, status: int, expected: str
) -> None:
    world.config["sync"]["deadline_minutes"] = 1
    world.revel.faults.add("slow", None, "/resources/", times=None, seconds=seconds)
    report = world.sync()
    assert (report.exit_status, verdict(report, FULL)) == (status, expected)
    assert ("sync.deadline_minutes" in find_outcome(report, FULL).text) is (status == 3)
    world.revel.faults.clear()
    world.time.move(minutes=45)
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", [])


def test_three_failures_in_a_row_end_the_run(day: World) -> None:
    for number in range(64000060, 64000066):
        day.add_event(number)
    day.wires["revel"].down = True
    report = day.sync()
    assert report.error is not None
    assert report.error.startswith("3 events in a row failed")
    tried = [each for each in day.moments if each.startswith("before GET") and each.endswith("of Revel")]
    assert len(tried) == 3 * 4
    assert (report.summary["queried"], report.exit_status) == (13, 13)
    assert [each.event_id for each in report.outcomes if not each.looked_into]


def test_an_order_that_stands_is_no_failure_of_a_run_that_did_not_reach_its_event(world: World) -> None:
    world.add_event(64000069, start=time(20, 0))
    world.sync()
    world.tripleseat.edit_event(64000069, guest_count=99, guaranteed_guest_count=99)
    for number in range(64000060, 64000064):
        world.add_event(number, start=time(16, 0))
    world.time.move(minutes=45)
    world.wires["revel"].down = True
    report = world.sync()
    assert (report.exit_status, verdict(report, 64000069)) == (13, "skipped ALREADY_INJECTED")
    assert report.summary["failed"] == report.summary["queried"] - 2
    world.wires["revel"].down = False
    world.time.move(minutes=45)
    assert verdict(world.sync(), 64000069) == "skipped CHANGED_AFTER_INJECTION"


def test_somebody_elses_order_is_not_called_ours_by_a_run_that_did_not_reach_its_event(world: World) -> None:
    event = world.add_event(64000069, start=time(20, 0))
    world.add_order(event)
    world.sync()
    world.add_event(64000060, start=time(16, 0))
    world.tripleseat.unlisted = {event}
    world.tripleseat.faults.add("status", "GET", "/v1/events/64000060$", status=401, times=None)
    report = world.sync()
    assert (report.exit_status, verdict(report, event)) == (12, "skipped ORDER_EXISTS")
    assert not find_outcome(report, event).looked_into


def test_a_failure_now_and_then_ends_no_run_and_does_not_hide_what_went_well(day: World) -> None:
    day.revel.faults.add("status", "GET", "/resources/Order/$", status=500, times=4, after=2)
    report = day.sync()
    assert report.error is None
    assert (verdict(report, PAID), report.summary["injected"]) == ("failed UPSTREAM_UNAVAILABLE", 2)
    assert report.exit_status == 3


def test_a_catalogue_that_fails_once_is_downloaded_for_the_next_event(day: World) -> None:
    day.revel.faults.add("html", "GET", "/Product/", times=2)
    report = day.sync()
    assert verdict(report, PAID) == "failed UPSTREAM_UNAVAILABLE"
    assert verdict(report, UNMAPPED) == "held UNMAPPED_ITEMS"


@pytest.mark.parametrize("body", [{}, {"event": {}}, {"event": {"id": 1}}, []], ids=json.dumps)
def test_an_event_that_comes_as_garbage_fails_alone(day: World, body: object) -> None:
    day.tripleseat.faults.add("wrong_shape", "GET", f"/v1/events/{FULL}", times=None, body=body)
    report = day.sync()
    assert verdict(report, FULL) == "failed EVENT_DATA_UNAVAILABLE"
    assert (report.summary["injected"], report.exit_status) == (2, 3)
    day.tripleseat.faults.clear()
    assert verdict(day.sync(), FULL) == "injected"


def test_an_event_that_is_gone_when_fetched_fails_alone(day: World) -> None:
    day.tripleseat.faults.add("status", "GET", f"/v1/events/{PAID}", status=404)
    report = day.sync()
    assert (verdict(report, PAID), report.summary["injected"]) == ("failed EVENT_DATA_UNAVAILABLE", 2)


def test_an_event_we_may_not_see_is_held_alone(day: World) -> None:
    day.tripleseat.forbidden.add(FULL)
    report = day.sync()
    assert verdict(report, FULL) == "held AUTHORIZATION_DENIED"
    assert (report.summary["injected"], report.exit_status) == (2, 3)


def test_an_event_that_can_not_be_fetched_now_fails_and_is_tried_again(day: World) -> None:
    day.tripleseat.faults.add("status", "GET", f"/v1/events/{PAID}", status=503, times=4)
    report = day.sync()
    assert verdict(report, PAID) == "failed UPSTREAM_UNAVAILABLE"
    assert verdict(day.sync(), PAID) == "injected"


def test_an_event_that_was_cancelled_since_it_was_listed_is_left_out(world: World) -> None:
    world.at("before GET /v1/events/64000001", lambda: world.tripleseat.cancel_event(FULL))
    assert verdict(world.sync(), FULL) == "skipped STATUS_NOT_ELIGIBLE"
    assert world.writes == []


def test_rows_that_can_not_be_read_are_held_and_the_others_go_on(day: World) -> None:
    def spoil() -> None:
        rows = [day.tripleseat.event(each) for each in (FULL, PAID)]
        broken = [{"id": None, "name": "no id"}, "text", None, {"id": "../evil"}]
        day.tripleseat.faults.add(
            "wrong_shape", "GET", "/v1/events/search", times=2, body={"total_pages": 1, "results": [*broken, *rows]}
        )

    spoil()
    report = day.sync()
    assert [verdict(report, each) for each in (FULL, PAID)] == ["injected"] * 2
    assert sum(each.status == "held" for each in report.outcomes) == 4
    assert {each.reason for each in report.outcomes if each.status == "held"} == {"MISSING_DATA"}
    assert report.exit_status == 3
    spoil()
    assert not any(each.news for each in day.sync().outcomes)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"event_date_iso8601": "someday"}, "held INVALID_DATE_FORMAT"),
        ({"status": ""}, "held MISSING_DATA"),
        ({"location_id": None, "site_id": None, "location": None}, "held MISSING_DATA"),
        ({"documents": []}, "held NO_LINE_ITEMS"),
        ({"documents": None}, "held NO_LINE_ITEMS"),
        ({"grand_total": "837.73"}, "held AMOUNT_MISMATCH"),
        ({"deleted_at": "12/11/2026 9:00 AM"}, "skipped EVENT_DELETED"),
    ],
    ids=str,
)
def test_an_event_with_bad_data_is_held_alone(day: World, changes: dict[str, Any], expected: str) -> None:
    day.tripleseat.edit_event(FULL, **changes)
    report = day.sync()
    assert verdict(report, FULL) == expected
    assert [verdict(report, each) for each in (PAID, TWINS)] == ["injected"] * 2
    assert day.orders_of(FULL) == []
    assert report.exit_status == 3


def test_an_empty_listing_while_known_events_are_due_is_said_loudly(day: World) -> None:
    day.config["safety"]["max_orders_per_run"] = 1
    day.sync()
    day.tripleseat.state.events.clear()
    report = day.sync()
    assert (report.exit_status, report.reason) == (13, "UPSTREAM_UNAVAILABLE")
    assert "lists no event from" in (report.error or "")
    assert str(UNMAPPED) in (report.error or "")


@pytest.mark.parametrize("days_later", [0, 3])
@pytest.mark.parametrize("change", ["postponed", "deleted"])
def test_an_empty_listing_is_no_alarm_if_the_known_events_were_moved_or_deleted(
    tmp_path: Path, change: str, days_later: int
) -> None:
    world = World(tmp_path, "unmapped")
    world.config["time_gate"] = {"days_after": 5}
    assert world.sync().summary["held"] == 1
    if change == "postponed":
        day = world.time.now.date() + timedelta(days=14)
        world.tripleseat.edit_event(UNMAPPED, event_date=f"{day:%m/%d/%Y}", event_date_iso8601=f"{day}")
    else:
        world.tripleseat.delete_event(UNMAPPED)
        world.tripleseat.unlisted = {UNMAPPED}
    world.time.move(days=days_later)  # the search by update no longer shows it
    report = world.sync()
    assert (report.exit_status, report.error) == (0, None)
    assert verdict(report, UNMAPPED) == ("skipped TOO_EARLY" if change == "postponed" else "skipped EVENT_DELETED")


def test_an_empty_listing_is_nothing_to_worry_about_when_nothing_is_due(world: World) -> None:
    world.sync()
    world.time.move(days=40)
    world.tripleseat.state.events.clear()
    report = world.sync()
    assert (report.exit_status, report.outcomes, report.success) == (0, (), True)


def test_a_listing_of_many_pages_is_read_to_its_end(day: World) -> None:
    day.tripleseat.page_size = 2
    day.tripleseat.repeats_last_page = True
    assert day.sync().summary["queried"] == 7


def test_a_fault_of_ours_fails_one_event_alone_and_quotes_no_data(day: World, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise RuntimeError("Jordan Example")

    day.at(f"before GET /v1/events/{PAID}", fail)
    report = day.sync()
    outcome = find_outcome(report, PAID)
    assert (outcome.status, outcome.reason, outcome.category) == ("failed", None, "internal")
    assert "RuntimeError" in outcome.text
    assert "Jordan" not in outcome.text + caplog.text
    assert (report.summary["injected"], report.exit_status) == (2, 1)


def test_a_ledger_that_fails_ends_the_run_at_once(day: World) -> None:
    def spoil() -> None:
        with closing(sqlite3.connect(day.folder / "ledger.sqlite3")) as connection:
            connection.execute("ALTER TABLE receipts RENAME TO gone")

    day.at("before POST /resources/Order/", spoil)
    report = day.sync()
    assert (report.exit_status, report.summary["queried"], report.summary["injected"]) == (10, 7, 0)
    assert day.writes == ["POST Order"]
    assert {find_outcome(report, each).status for each in (FULL, PAID, UNMAPPED, TWINS)} == {"failed"}


def test_a_row_that_could_not_be_read_is_told_though_the_run_stopped_before_it(day: World) -> None:
    rows = [day.tripleseat.event(FULL), {"name": "no id"}]
    body = {"total_pages": 1, "results": rows}
    day.tripleseat.faults.add("wrong_shape", "GET", "/v1/events/search", times=2, body=body)
    day.config["revel"]["api_secret"] = "old"
    report = day.sync()
    assert [f"{each.status} {each.reason}" for each in report.outcomes] == [
        "failed AUTHORIZATION_DENIED",
        "held MISSING_DATA",
    ]


def test_an_order_begun_is_finished_although_tripleseat_lists_nothing(world: World) -> None:
    world.at("after POST /resources/OrderItem/", world.die)
    with pytest.raises(Died):
        world.sync()
    world.tripleseat.faults.add("status", "GET", "/v1/events/search", times=None, status=500)
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("injected", 13)
    assert world.flaws(FULL) == []


def lose_login(world: World) -> None:
    """TripleSeat accepts neither the access token nor the refresh token any more."""
    world.tripleseat.faults.add("status", None, "/v1/", times=None, status=401)
    world.tripleseat.faults.add(
        "status", None, "/oauth2/token", times=None, status=400, body={"error": "invalid_grant"}
    )


def lose_rights(world: World) -> None:
    world.tripleseat.faults.add("status", "GET", "/v1/events/search", times=None, status=403)


def lose_token(world: World) -> None:
    (world.folder / "token.json").unlink()


def lose_trust(world: World) -> None:
    """TripleSeat's certificate is untrusted."""

    def refuse(_moment: str) -> None:
        cause = ssl.SSLCertVerificationError("self-signed certificate")
        cause.verify_code, cause.verify_message = 18, "self-signed certificate"
        raise httpx.ConnectError("refused") from cause

    world.wires["tripleseat"]._reach = refuse


NO_LISTING = {
    "login": (lose_login, 12),
    "rights": (lose_rights, 12),
    "token": (lose_token, 10),
    "trust": (lose_trust, 10),
}


@pytest.mark.parametrize("what", NO_LISTING)
def test_an_order_begun_is_finished_although_no_one_may_list_tripleseats_events(world: World, what: str) -> None:
    lose, status = NO_LISTING[what]
    world.at("after POST /resources/OrderItem/", world.die)
    with pytest.raises(Died):
        world.sync()
    lose(world)
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status, world.flaws(FULL)) == ("injected", status, [])
    assert report.error
    again = world.sync()
    assert (again.outcomes, again.exit_status) == ((), status)


@pytest.mark.parametrize("what", NO_LISTING)
def test_finished_orders_are_watched_although_no_one_may_list_tripleseats_events(world: World, what: str) -> None:
    lose, status = NO_LISTING[what]
    world.sync()
    lose(world)
    world.revel.pos_touch(5550101)
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("skipped CHANGED_AFTER_INJECTION", status)


def test_nothing_is_finished_where_revel_refuses_the_key_as_well(world: World) -> None:
    world.at("after POST /resources/OrderItem/", world.die)
    with pytest.raises(Died):
        world.sync()
    world.revive()
    lose_login(world)
    world.forget_requests()
    world.config["revel"]["api_secret"] = "old"
    assert (world.sync().exit_status, world.writes) == (12, [])


def test_a_run_that_stops_at_an_event_says_which_order_it_left_half_written(world: World) -> None:
    world.revel.faults.add("status", "POST", "/Payment/", status=403)
    report = world.sync()
    outcome = find_outcome(report, FULL)
    assert (report.exit_status, outcome.order_id is not None) == (12, True)
    assert (verdict(report, FULL), outcome.looked_into) == ("failed AUTHORIZATION_DENIED", True)


def test_without_the_extra_for_invoice_pages_only_the_events_that_need_it_are_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path, "full")
    world.config["tripleseat"]["invoice_fallback"] = True
    today = date.fromisoformat(world.tripleseat.event(FULL)["event_date_iso8601"])
    world.tripleseat.portal = world.config["tripleseat"]["base_url"]
    world.tripleseat.add_invoice_only_event(make_event(id=64000070, day=today))
    monkeypatch.setitem(sys.modules, "selectolax.lexbor", None)
    report = world.sync()
    assert (verdict(report, 64000070), verdict(report, FULL)) == ("held NO_LINE_ITEMS", "injected")
    assert report.exit_status == 3


@pytest.mark.parametrize("event_status", ["PROSPECT", "LOST"])
@pytest.mark.parametrize("down", [True, False])
def test_an_event_that_needs_no_order_is_no_failure_while_revel_cannot_be_searched(
    world: World, event_status: str, down: bool
) -> None:
    world.sync()
    world.lose_ledger()
    world.tripleseat.edit_event(FULL, status=event_status)
    if down:
        world.wires["revel"].down = True
    else:
        world.revel.faults.add("status", "GET", "/resources/Order/", times=None, status=502)
    reports = [world.sync() for _ in range(2)]
    assert [(verdict(each, FULL), each.exit_status) for each in reports] == [("skipped STATUS_NOT_ELIGIBLE", 0)] * 2
    assert not any(find_outcome(each, FULL).news for each in reports)
    with world.ledger() as ledger:
        assert ledger.events.last_results([EventId(str(FULL))]) == {}
    world.wires["revel"].down = False
    world.revel.faults.clear()
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("skipped CANCELLED_AFTER_INJECTION", 3)


def test_many_inquiries_send_a_revel_that_is_down_no_request_each(world: World) -> None:
    for number in range(12):
        world.add_event(64000200 + number, day=world.time.now.date() + timedelta(days=9))
        world.tripleseat.edit_event(64000200 + number, status="PROSPECT")
    world.tripleseat.edit_event(FULL, status="PROSPECT")
    world.revel.faults.add("status", "GET", "/resources/Order/", times=None, status=503)
    report = world.sync()
    assert (report.exit_status, report.summary["skipped"]) == (0, 13)
    assert len(world.revel.requests) < 10
