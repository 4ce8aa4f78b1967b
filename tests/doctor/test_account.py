"""Every assumption broken in turn: `doctor --assumptions` finds it, and no run doubles or loses an order by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tsrevel.planning.assumptions import ASSUMPTIONS, AssumptionCode, AssumptionResult
from tsrevel.sandbox import BREAKS, break_services

from ..cli.bench import Ran, Shell
from ..world import World

_C = AssumptionCode
FINDS = {
    "uuid-kept": _C.REVEL_UUID_KEPT,
    "uuid-filter": _C.REVEL_FINDS_BY_UUID,
    "local-id-filter": _C.REVEL_FINDS_BY_LOCAL_ID,
    "unknown-uuid": _C.REVEL_FINDS_NONE_FOR_UNKNOWN,
    "in-filter": _C.REVEL_IN_FILTER,
    "unknown-filter": _C.REVEL_UNKNOWN_FILTER,
    "establishment-filter": _C.REVEL_ESTABLISHMENT_FILTER,
    "fields": _C.REVEL_FIELDS,
    "page-limit": _C.REVEL_PAGE_LIMIT,
    "next-page": _C.REVEL_NEXT_PAGE,
    "page-order": _C.REVEL_PAGE_ORDER,
    "product-set": _C.REVEL_PRODUCT_SET,
    "numbers": _C.REVEL_NUMBERS,
    "local-time": _C.REVEL_LOCAL_TIME,
    "clock": _C.REVEL_CLOCK,
    "event-dates": _C.TRIPLESEAT_EVENT_DATES,
    "update-dates": _C.TRIPLESEAT_UPDATE_DATES,
    "order": _C.TRIPLESEAT_ORDER,
    "pages": _C.TRIPLESEAT_PAGES,
    "updated-at": _C.TRIPLESEAT_UPDATED_AT,
    "financials": _C.TRIPLESEAT_FINANCIALS,
    "charges": _C.TRIPLESEAT_CHARGES,
    "payment-states": _C.TRIPLESEAT_PAYMENT_STATES,
    "documents": _C.TRIPLESEAT_DOCUMENTS,
    "webhooks": _C.TRIPLESEAT_WEBHOOKS,
}
NOT_TOLD_IN_A_SMALL_ACCOUNT = {_C.REVEL_PAGE_LIMIT, _C.TRIPLESEAT_PAGES, _C.TRIPLESEAT_WEBHOOKS}
EARLIER, LATER = 64000001, 64000002


@pytest.fixture
def world(tmp_path: Path) -> World:
    """An account in which two orders were made; more events are due, on other days and created on other days."""
    world = World(tmp_path)
    world.revel.page_cap = 250
    world.tripleseat.clock_ahead = world.revel.clock_ahead = timedelta()
    world.config["time_gate"] = {"days_after": 1}
    assert world.sync_event(EARLIER, LATER).summary["injected"] == 2
    return world


@pytest.fixture
def shell(world: World) -> Shell:
    return Shell(world)


def probe(shell: Shell, *argv: str) -> Ran:
    config = shell.write_config()
    config.chmod(0o600)
    return shell.run("doctor", "--assumptions", "--config", str(config), *argv)


def results(ran: Ran) -> dict[AssumptionCode, AssumptionResult]:
    return {AssumptionCode(each["code"]): AssumptionResult(each["result"]) for each in ran.answer["assumptions"]}


def writes(world: World) -> list[str]:
    seen = (*world.revel.requests, *world.tripleseat.requests)
    return [f"{each.method} {each.path}" for each in seen if each.method != "GET"]


def unsettled(world: World) -> Iterator[str]:
    """In words, each event that has several orders, or one that isn't to the cent."""
    for event_id in world.tripleseat.state.events:
        orders = world.orders_of(event_id)
        if len(orders) > 1:
            yield f"{event_id} has {len(orders)} orders"


def test_there_is_a_break_for_every_assumption() -> None:
    assert list(FINDS) == list(BREAKS)
    assert list(FINDS.values()) == list(AssumptionCode)


def test_an_account_that_is_as_assumed_breaks_none(shell: Shell) -> None:
    ran = probe(shell, "--json")
    assert (ran.status, ran.answer["success"], ran.answer["stored"]) == (0, True, True)
    found = results(ran)
    assert {code for code, result in found.items() if result is AssumptionResult.FAILS} == set()
    untold = {code for code, result in found.items() if result is AssumptionResult.UNTOLD}
    assert untold == NOT_TOLD_IN_A_SMALL_ACCOUNT


def test_few_requests_are_made_and_none_writes(shell: Shell) -> None:
    shell.world.forget_requests()
    probe(shell)
    assert shell.requests <= 40
    assert writes(shell.world) == []


@pytest.mark.parametrize("name", BREAKS)
def test_what_is_broken_is_found_and_then_no_run_writes(shell: Shell, name: str) -> None:
    world = shell.world
    break_services(world.tripleseat, world.revel, name)
    code, before = FINDS[name], world.revel.count("POST") + world.revel.count("PATCH")
    ran = probe(shell, "--json")
    assert results(ran)[code] is AssumptionResult.FAILS
    critical = ASSUMPTIONS[code].critical
    assert (ran.status == 10) == critical
    report = world.sync()
    assert list(unsettled(world)) == []
    if critical:
        assert report.exit_status == 10
        assert code in (report.error or "")
        assert world.revel.count("POST") + world.revel.count("PATCH") == before


@pytest.mark.parametrize("name", BREAKS)
def test_a_run_that_knows_nothing_of_it_neither_doubles_nor_loses(shell: Shell, name: str) -> None:
    """What a run calls injected is one order, to the cent; what isn't is held, failed, or ends the run aloud."""
    world = shell.world
    due = [world.add_event(64000060), world.add_event(64000061, lakeside=True)]
    break_services(world.tripleseat, world.revel, name)
    reports = [world.sync(), world.sync()]
    assert list(unsettled(world)) == []
    for event_id in due:
        last = [each for report in reports for each in report.outcomes if each.event_id == str(event_id)]
        made = any(each.status == "injected" for each in last)
        if made and not world.revel.spells_money:
            assert world.flaws(event_id) == []
        elif not made:
            assert all(report.exit_status != 0 for report in reports)


REVEL_CODES = {code for code in AssumptionCode if code.startswith("REVEL_")}
GONE: dict[str, Callable[[World, dict[str, Any]], object]] = {
    "removed": lambda world, order: world.revel.state.rows["Order"].pop(order["id"]),
    "marked as deleted": lambda world, order: change_order(world, order, deleted=True),
    "given another name": lambda world, order: change_order(world, order, local_id="A, B"),
    "given another time": lambda world, order: change_order(world, order, created_date="2026-12-01T08:00:00"),
}


def change_order(world: World, order: dict[str, Any], **fields: object) -> None:
    world.revel.state.rows["Order"][order["id"]].update(fields)


@pytest.mark.parametrize("how", GONE)
@pytest.mark.parametrize("events", [(LATER,), (EARLIER,), (EARLIER, LATER)])
def test_an_order_that_people_deleted_or_changed_since_proves_nothing_against_revel(
    shell: Shell, events: tuple[int, ...], how: str
) -> None:
    world = shell.world
    for event_id in events:
        GONE[how](world, world.orders_of(event_id)[0])
    ran = probe(shell, "--json")
    found = results(ran)
    assert {code for code in REVEL_CODES if found[code] is AssumptionResult.FAILS} == set()
    assert ran.status == 0
    if how != "given another time" and len(events) == 1:
        assert found[_C.REVEL_FINDS_BY_UUID] is AssumptionResult.HOLDS
        assert found[_C.REVEL_LOCAL_TIME] is AssumptionResult.HOLDS


def test_an_order_just_written_that_lists_do_not_show_yet_proves_nothing(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = shell.world
    for event_id in (EARLIER, LATER):
        world.revel.state.hidden["Order", world.orders_of(event_id)[0]["id"]] = 10_000
    rows = world.revel.state.rows
    monkeypatch.setattr(world.revel, "_find", lambda resource, row_id: rows[resource.name].get(row_id))  # shown by id
    ran = probe(shell, "--json")
    assert ran.status == 0
    assert AssumptionResult.FAILS not in {results(ran)[code] for code in REVEL_CODES}
    assert results(ran)[_C.REVEL_UUID_KEPT] is AssumptionResult.HOLDS
    world.time.move(minutes=16)
    ran = probe(shell, "--json")
    assert (ran.status, results(ran)[_C.REVEL_FINDS_BY_UUID]) == (10, AssumptionResult.FAILS)


def test_other_orders_that_revel_shows_are_judged_once_all_of_the_ledger_are_deleted(shell: Shell) -> None:
    world = shell.world
    for event_id in (EARLIER, LATER):
        change_order(world, world.orders_of(event_id)[0], deleted=True)
    for number in range(14):  # POS stations use short numbers again and again (facts Revel 3.4)
        world.add_order(number, "12", uuid=str(uuid4()))
    world.add_order(1, "13", uuid=str(uuid4()))
    found = results(probe(shell, "--json"))
    assert found[_C.REVEL_UUID_KEPT] is AssumptionResult.UNTOLD
    assert found[_C.REVEL_FINDS_BY_UUID] is AssumptionResult.HOLDS
    assert found[_C.REVEL_FINDS_BY_LOCAL_ID] is AssumptionResult.HOLDS
    assert AssumptionResult.FAILS not in {found[code] for code in REVEL_CODES}


def test_what_was_answered_is_shown_by_doctor_and_status(shell: Shell) -> None:
    config = str(shell.write_config())
    assert (
        "never tested (runs noticed that 1 holds); run `tsrevel doctor" in shell.run("status", "--config", config).out
    )
    break_services(shell.world.tripleseat, shell.world.revel, "fields", "event-dates")
    assert probe(shell).status == 10
    ran = shell.run("status", "--config", config)
    assert "warning: runs write nothing" in ran.out
    assert "TRIPLESEAT_EVENT_DATES" in ran.out
    assert "assumption: REVEL_FIELDS doesn't hold" in ran.out
    shown = shell.run("doctor", "--config", config, "--json").answer["checks"]
    kept = [each for each in shown if each["name"] == "assumptions"]
    assert sorted(each["verdict"] for each in kept) == ["problem", "warning"]
    shell.world.config["safety"]["accepted_assumptions"] = ["TRIPLESEAT_EVENT_DATES"]
    ran = probe(shell, "--json")
    assert ran.status == 0
    accepted = [each for each in ran.answer["assumptions"] if each["accepted"]]
    assert [each["code"] for each in accepted] == ["TRIPLESEAT_EVENT_DATES"]


def test_the_layout_on_a_terminal(shell: Shell) -> None:
    config = shell.write_config()
    out = shell.run("doctor", "--assumptions", "--config", str(config), tty=True, environ={"NO_COLOR": "1"}).out
    assert "Assumptions" in out
    assert "Revel 2.1" in out
    assert "Runs may write." in out


@pytest.mark.parametrize("service", ["revel", "tripleseat"])
def test_a_service_that_is_down_refutes_nothing_is_asked_once_and_ends_with_13(shell: Shell, service: str) -> None:
    shell.world.wires[service].down = True
    shell.world.moments.clear()
    ran = probe(shell, "--json")
    assert (ran.status, ran.answer["success"]) == (13, False)
    assert service in ran.answer["error"].lower()
    own = [each for each in ran.answer["assumptions"] if each["code"].lower().startswith(service)]
    assert {each["result"] for each in own} == {AssumptionResult.UNTOLD}
    assert sum(f"of {service}" in moment.lower() for moment in shell.world.moments) <= 10
    (line,) = probe(shell, "-q").lines
    assert line.lower().startswith(f"problem  assumptions.{service}: ")
    assert "Runs may write" not in probe(shell).out


def test_a_key_that_is_refused_refutes_nothing_and_ends_with_12(shell: Shell) -> None:
    shell.world.config["revel"]["api_key"] = "another"
    ran = probe(shell, "--json")
    assert ran.status == 12
    own = [each for each in ran.answer["assumptions"] if each["code"].startswith("REVEL_")]
    assert {each["result"] for each in own} - {AssumptionResult.UNTOLD} <= {"holds"}


def test_without_a_token_it_ends_with_10_like_a_run(shell: Shell) -> None:
    Path(shell.world.config["tripleseat"]["token_file"]).unlink()
    ran = probe(shell)
    assert ran.status == shell.sync().status == 10
    assert "assumptions.TripleSeat: tripleseat.token_file" in ran.lines[0]


@pytest.mark.parametrize("service", ["revel", "tripleseat"])
@pytest.mark.parametrize("status", [400, 404, 500])
def test_a_service_that_answers_nothing_that_can_be_used_ends_with_13(shell: Shell, service: str, status: int) -> None:
    getattr(shell.world, service).faults.add("status", times=None, status=status)
    assert probe(shell).status == 13


def test_while_paused_nothing_is_asked(shell: Shell) -> None:
    shell.run("pause", "--config", str(shell.write_config()))
    shell.world.forget_requests()
    ran = probe(shell, "--json")
    assert (ran.status, ran.answer["reason"], shell.requests) == (3, "CONNECTOR_DISABLED", 0)


@pytest.mark.parametrize(
    ("variable", "value"), [("HTTPS_PROXY", "socks5://proxy.example.com:1080"), ("SSL_CERT_FILE", "/no/such/file")]
)
def test_with_a_wrong_proxy_or_certificate_nothing_is_asked_and_each_answer_says_why(
    shell: Shell, variable: str, value: str
) -> None:
    shell.environ[variable] = value
    shell.world.forget_requests()
    ran = probe(shell, "--json")
    assert (ran.status, ran.err, set(results(ran).values())) == (10, "", {AssumptionResult.UNTOLD})
    assert all(variable in each["detail"] for each in ran.answer["assumptions"])
    assert shell.requests == 0


@pytest.mark.parametrize("service", ["revel", "tripleseat"])
def test_a_setting_that_keeps_one_service_unasked_leaves_the_other_one(shell: Shell, service: str) -> None:
    shell.world.config[service]["base_url"] = "nowhere"
    other = "Revel" if service == "tripleseat" else "TripleSeat"
    answers = probe(shell, "--json").answer["assumptions"]
    unasked = [each["code"] for each in answers if "has a config problem" in each["detail"]]
    assert unasked == [code for code, row in ASSUMPTIONS.items() if not row.fact.startswith(other)]


def test_a_first_test_makes_the_ledger_that_runs_will_use(tmp_path: Path) -> None:
    world = World(tmp_path)
    break_services(world.tripleseat, world.revel, "event-dates")
    assert probe(Shell(world)).status == 10
    assert world.sync().exit_status == 10
    assert world.writes == []


def test_a_ledger_that_cant_be_used_is_told_and_the_rest_goes_on(shell: Shell) -> None:
    shell.world.settings().ledger_path.write_bytes(b"no database, but long enough to be taken for one" * 100)
    ran = probe(shell, "--json")
    assert (ran.status, ran.answer["stored"]) == (0, False)
    assert "couldn't be stored" in ran.err


def test_no_answer_holds_customer_data(shell: Shell) -> None:
    told = probe(shell, "--json").out
    for word in ("Jordan", "(702)", "Example Widgets", "veggie"):
        assert word not in told
