"""For every outcome there is: `explain` gives the reason that the run gave, by the engine's own decision, and writes
nothing anywhere.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tsrevel.insight.explain import explain_live
from tsrevel.planning.assumptions import AssumptionAnswer, AssumptionCode, AssumptionResult, advise_on
from tsrevel.planning.model import EventId
from tsrevel.planning.reasons import Reason, Status
from tsrevel.sandbox import make_document

from ..cli.bench import Shell
from ..world import Died, World, verdict

FULL, PAID, UNMAPPED, EARLY, MISSED, LOST, TWINS = range(64000001, 64000008)
ORDER = 5550101


def nothing(_world: World) -> None:
    """The sample day as it is."""


def run(world: World) -> None:
    world.sync()


def edit(event_id: int = FULL, **changes: Any) -> Callable[[World], None]:
    return lambda world: void(world.tripleseat.edit_event(event_id, **changes))


def rewrite(**content: Any) -> Callable[[World], None]:
    return lambda world: world.rewrite_event(FULL, **content)


def void(_result: object) -> None:
    """For lambdas that must give nothing."""


def after_run(happening: Callable[[World], None]) -> Callable[[World], None]:
    def arrange(world: World) -> None:
        world.sync()
        world.time.move(minutes=45)
        happening(world)

    return arrange


def crash(world: World, moment: str) -> None:
    world.at(moment, world.die)
    with pytest.raises(Died):
        world.sync()
    world.revive()


def crashed(moment: str, happening: Callable[[World], None] = nothing) -> Callable[[World], None]:
    def arrange(world: World) -> None:
        crash(world, moment)
        happening(world)

    return arrange


def others_order(*names: str, **fields: Any) -> Callable[[World], None]:
    return lambda world: void([world.add_order(FULL, name, **fields) for name in names])


def delete_order(world: World) -> None:
    world.revel.state.rows["Order"][ORDER]["deleted"] = True


def lose_others_order(world: World) -> None:
    others_order("Triple Seat {}")(world)
    for _ in range(2):  # the next run is one that asks for it
        world.sync()
    delete_order(world)


def double_order(world: World) -> None:
    world.sync()
    others_order("Triple Seat {}")(world)
    world.sync()  # the next run is one that asks for it


def drop_tax(world: World) -> None:
    world.revel.dropped_fields.add("tax")


def take_from_place(world: World) -> None:
    del world.config["locations"][0]


def allow_only(*ids: int) -> Callable[[World], None]:
    return lambda world: void(world.config["safety"].update(allowed_locations=list(ids)))


def forbid(world: World) -> None:
    world.tripleseat.forbidden.add(FULL)


def lock_out(world: World) -> None:
    world.config["revel"]["api_secret"] = "old"


def lose_answer(world: World) -> None:
    world.revel.faults.add("status", "POST", "/resources/Order/", status=504)
    world.revel.faults.add("drop_before", "POST", "/resources/OrderItem/", times=None)


def refuse_items(world: World) -> None:
    world.revel.faults.add("status", "GET", "/resources/Order/", times=None, status=503)


def disagree(world: World) -> None:
    documents = [make_document(1, lines=[("Coffee Urn", 1, 38)]), make_document(2, lines=[("Fruit Platter", 1, 55)])]
    world.tripleseat.edit_event(FULL, documents=documents, grand_total="1.00")


def low_limit(world: World) -> None:
    world.config["safety"]["max_order_total"] = "100.00"


OUTCOMES: dict[str, tuple[int, Callable[[World], None], str]] = {
    "planned": (FULL, nothing, "planned None"),
    "its order is made": (FULL, run, "skipped ALREADY_INJECTED"),
    "somebody else's order": (FULL, others_order("Triple Seat {}"), "skipped ORDER_EXISTS"),
    "an order elsewhere": (
        FULL, others_order("Triple Seat {}", establishment="/enterprise/Establishment/9/"), "held ORDER_EXISTS",
    ),
    "an order deleted while half written": (
        FULL, crashed("after POST /resources/Payment/", delete_order), "held ORDER_EXISTS",
    ),
    "too early": (EARLY, nothing, "skipped TOO_EARLY"),
    "its day passed": (MISSED, nothing, "skipped EVENT_DAY_PASSED"),
    "lost": (LOST, nothing, "skipped STATUS_NOT_ELIGIBLE"),
    "deleted": (FULL, lambda world: void(world.tripleseat.delete_event(FULL)), "skipped EVENT_DELETED"),
    "not allowed": (FULL, allow_only(30502), "skipped LOCATION_NOT_ALLOWED"),
    "begun, then not allowed": (
        FULL, crashed("after POST /resources/OrderItem/", allow_only(30502)), "held LOCATION_NOT_ALLOWED",
    ),
    "not mapped": (FULL, take_from_place, "held LOCATION_NOT_MAPPED"),
    "no status": (FULL, edit(status=""), "held MISSING_DATA"),
    "no date to read": (FULL, edit(event_date_iso8601="someday"), "held INVALID_DATE_FORMAT"),
    "forbidden": (FULL, forbid, "held AUTHORIZATION_DENIED"),
    "a refused key": (FULL, lock_out, "failed AUTHORIZATION_DENIED"),
    "no lines": (FULL, edit(documents=[]), "held NO_LINE_ITEMS"),
    "two documents": (FULL, disagree, "held AMBIGUOUS_DOCUMENT"),
    "no product": (UNMAPPED, nothing, "held UNMAPPED_ITEMS"),
    "a charge nobody listed": (FULL, rewrite(charges=[("Dust Fee", "1.00")]), "held UNKNOWN_CHARGE"),
    "it doesn't add up": (FULL, rewrite(grand_total="900.00"), "held AMOUNT_MISMATCH"),
    "Revel kept other money": (FULL, drop_tax, "held AMOUNT_MISMATCH"),
    "too much money": (FULL, low_limit, "held ORDER_TOO_LARGE"),
    "two orders": (FULL, others_order("Triple Seat {}", "Triple Seat_{}"), "held DUPLICATE_ORDERS"),
    "two orders, one made": (FULL, double_order, "held DUPLICATE_ORDERS"),
    "two orders, one begun": (
        FULL, crashed("after POST /resources/OrderItem/", others_order("Triple Seat {}")), "held DUPLICATE_ORDERS",
    ),
    "an order of ours that differs": (
        FULL,
        crashed("before POST /resources/OrderHistory/", lambda world: world.revel.pos_touch(ORDER)),
        "held ORDER_DIFFERS",
    ),
    "an answer lost": (FULL, lose_answer, "failed OUTCOME_UNKNOWN"),
    "Revel is down": (FULL, refuse_items, "failed UPSTREAM_UNAVAILABLE"),
    "changed since": (FULL, after_run(rewrite(lines=[("Coffee Urn", 1, 38)])), "skipped CHANGED_AFTER_INJECTION"),
    "changed at a station": (
        FULL, after_run(lambda world: world.revel.pos_touch(ORDER)), "skipped CHANGED_AFTER_INJECTION",
    ),
    "somebody else's order is deleted": (
        FULL, lose_others_order, "skipped CHANGED_AFTER_INJECTION",
    ),
    "cancelled since": (FULL, after_run(edit(status="LOST")), "skipped CANCELLED_AFTER_INJECTION"),
    "deleted since": (
        FULL, after_run(lambda world: void(world.tripleseat.delete_event(FULL))), "skipped CANCELLED_AFTER_INJECTION",
    ),
}  # fmt: skip
BY_OTHER_TESTS = {
    Reason.UNKNOWN_TIMEZONE, Reason.EVENT_DATA_UNAVAILABLE, Reason.RUN_LIMIT_REACHED, Reason.CONNECTOR_DISABLED,
    Reason.DUPLICATE_EVENT, Reason.TRIGGER_TYPE_NOT_ACTIONABLE, Reason.LEDGER_LOST, Reason.REOPENED,
}  # fmt: skip


def state(world: World) -> tuple[object, ...]:
    """All that a command which only looks must leave as it is."""
    path = world.folder / "ledger.sqlite3"
    ledger = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None
    return (ledger, len(world.writes), len(world.revel.orders))


def explain(world: World, event_id: int, *argv: str) -> dict[str, Any]:
    """What `explain --json` says, once it is seen that it changed nothing."""
    shell = Shell(world)
    config, before = str(shell.write_config()), state(world)
    ran = shell.run("explain", str(event_id), "--config", config, "--json", *argv)
    assert state(world) == before
    return {**ran.answer, "exit": ran.status}


def said(told: dict[str, Any]) -> str:
    return f"{told['status']} {told['reason']}"


def test_every_reason_there_is_has_its_test() -> None:
    told = {expected.split()[1] for _, _, expected in OUTCOMES.values()} - {"None"}
    assert {Reason(each) for each in told} | BY_OTHER_TESTS == set(Reason)


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_explain_says_after_a_run_what_the_run_said(tmp_path: Path, outcome: str) -> None:
    event_id, arrange, expected = OUTCOMES[outcome]
    world = World(tmp_path, "full", "unmapped", "early", "missed", "lost")
    arrange(world)
    if expected == "planned None":
        told = explain(world, event_id)
        assert (said(told), told["money"]["order_total"]) == (expected, "837.72")
        return
    report = world.sync()
    told = explain(world, event_id)
    assert (verdict(report, event_id), said(told)) == (expected, expected)
    assert told["exit"] == {"a refused key": 12, "Revel is down": 13}.get(outcome, 0)
    assert told["advice"]
    assert told["text"]


BEFORE = [name for name, (_, _, said) in OUTCOMES.items() if name not in {"Revel kept other money", "an answer lost"}]


@pytest.mark.parametrize("outcome", BEFORE)
def test_explain_says_before_a_run_what_the_run_will_say(tmp_path: Path, outcome: str) -> None:
    event_id, arrange, expected = OUTCOMES[outcome]
    world = World(tmp_path, "full", "unmapped", "early", "missed", "lost")
    arrange(world)
    assert said(explain(world, event_id)) == expected


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_offline_it_is_what_the_last_run_said(tmp_path: Path, outcome: str) -> None:
    event_id, arrange, expected = OUTCOMES[outcome]
    world = World(tmp_path, "full", "unmapped", "early", "missed", "lost")
    arrange(world)
    report = world.sync()
    world.forget_requests()
    told = explain(world, event_id, "--offline")
    expected = "injected None" if expected == "planned None" else expected
    assert (verdict(report, event_id), said(told)) == (expected.removesuffix(" None"), expected)
    assert (world.revel.requests, world.tripleseat.requests, told["source"]) == ([], [], "ledger")


def test_an_event_that_tripleseat_does_not_know(tmp_path: Path) -> None:
    world = World(tmp_path)
    told = explain(world, 1)
    assert (said(told), told["exit"]) == ("failed EVENT_DATA_UNAVAILABLE", 2)


def test_an_event_that_the_limit_keeps_waiting(tmp_path: Path) -> None:
    world = World(tmp_path)
    waiting = {PAID, FULL, TWINS} - {int(each.event_id) for each in world.sync(max_orders=1).outcomes if each.order_id}
    for event_id in waiting:
        told = explain(world, event_id)
        assert (said(told), told["money"]["holds"]) == ("skipped RUN_LIMIT_REACHED", True)
    world.sync()
    assert {said(explain(world, event_id)) for event_id in waiting} == {"skipped ALREADY_INJECTED"}


def test_a_zone_that_is_none(tmp_path: Path) -> None:
    world = World(tmp_path, "full")
    settings = world.settings()
    spot = settings.locations[0].model_copy(update={"timezone": "Mars/Olympus"})
    strange = settings.model_copy(update={"locations": (spot,)})
    outcome = explain_live(strange, world.runtime(), EventId(str(FULL))).outcome
    assert outcome is not None
    assert (outcome.status, outcome.reason) == (Status.HELD, Reason.UNKNOWN_TIMEZONE)


def test_with_the_connector_disabled_nobody_is_asked(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.config["safety"]["enable_connector"] = False
    told = explain(world, FULL)
    assert (said(told), told["source"]) == ("skipped CONNECTOR_DISABLED", "ledger")
    assert told["switched_off"] == "the connector is disabled (safety.enable_connector)"
    assert (world.revel.requests, world.tripleseat.requests) == ([], [])


def test_while_paused_each_event_keeps_its_own_answer_beside_the_pause(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.sync()
    with world.ledger() as ledger:
        ledger.runs.pause("stocktaking")
        ledger.events.resolve(EventId(str(MISSED)), "done", "by hand", None)
    world.forget_requests()
    expected = {FULL: "injected None", UNMAPPED: "held UNMAPPED_ITEMS", MISSED: "skipped ALREADY_INJECTED"}
    for event_id, answer in expected.items():
        told = explain(world, event_id)
        assert (said(told), told["source"], "stocktaking" in told["switched_off"]) == (answer, "ledger", True)
    assert explain(world, MISSED)["resolution"]["verdict"] == "done"
    assert said(explain(world, 1)) == "skipped CONNECTOR_DISABLED"
    assert (world.revel.requests, world.tripleseat.requests) == ([], [])


FAILED = AssumptionAnswer(AssumptionCode.REVEL_UUID_KEPT, AssumptionResult.FAILS, "order 1 has another uuid")


def fail_critical(world: World) -> None:
    with world.ledger() as ledger:
        ledger.assumptions.store([FAILED])


@pytest.mark.parametrize(
    ("arrange", "event_id", "answer"),
    [
        (nothing, FULL, "planned None"),
        (crashed("after POST /resources/OrderItem/", nothing), FULL, "planned None"),
        (nothing, EARLY, "skipped TOO_EARLY"),
        (after_run(lambda world: void(world.sync(max_orders=1))), EARLY, "skipped TOO_EARLY"),
    ],
)
def test_while_a_critical_assumption_fails_no_event_is_promised_an_order(
    tmp_path: Path, arrange: Callable[[World], None], event_id: int, answer: str
) -> None:
    world = World(tmp_path, "full", "early")
    arrange(world)
    fail_critical(world)
    assert world.sync().exit_status == 10
    told = explain(world, event_id)
    assert (said(told), told["exit"], told["source"]) == (answer, 0, "live")
    seen = "REVEL_UUID_KEPT: order 1 has another uuid (`tsrevel doctor --assumptions"
    assert told["switched_off"].startswith(f"an assumption doesn't hold in this account: {seen}")
    assert told["advice"] == f"{advise_on([FAILED])}; until then no run writes"
    config = str(world.write_config())
    lines = Shell(world).run("explain", str(event_id), "--config", config).lines
    assert any(line.startswith("runs write nothing now: an assumption doesn't hold") for line in lines)
    world.config["safety"]["accepted_assumptions"] = ["REVEL_UUID_KEPT"]
    told = explain(world, event_id)
    assert (told["switched_off"], "nothing to do" in told["advice"]) == (None, True)


def test_while_a_critical_assumption_fails_what_a_person_must_do_for_an_event_is_still_said(tmp_path: Path) -> None:
    world = World(tmp_path, "unmapped")
    fail_critical(world)
    told = explain(world, UNMAPPED)
    assert (said(told), "map suggest" in told["advice"]) == ("held UNMAPPED_ITEMS", True)
    assert told["switched_off"]


def test_while_paused_no_event_is_promised_an_order(tmp_path: Path) -> None:
    world = World(tmp_path, "early")
    world.sync()
    with world.ledger() as ledger:
        ledger.runs.pause("stocktaking")
    told = explain(world, EARLY)
    assert (said(told), "`tsrevel resume" in told["advice"]) == ("skipped TOO_EARLY", True)


def test_a_key_that_revel_refuses_isnt_answered_with_a_login_to_tripleseat(tmp_path: Path) -> None:
    world = World(tmp_path, "full")
    lock_out(world)
    told = explain(world, FULL)
    assert ("login" in told["advice"], "tsrevel doctor" in told["advice"]) == (False, True)
    assert "revel.api_key" in told["text"]


def test_documents_that_disagree_are_told_with_their_lines_and_totals(tmp_path: Path) -> None:
    world = World(tmp_path, "full")
    disagree(world)
    told = explain(world, FULL)
    assert [each["id"] for each in told["documents"]] == ["1", "2"]
    assert [each["lines"][0]["name"] for each in told["documents"]] == ["Coffee Urn", "Fruit Platter"]
    assert [each["money"]["grand_total"] for each in told["documents"]] == ["38.00", "55.00"]
    config = str(Shell(world).write_config())
    out = Shell(world).run("explain", str(FULL), "--config", config).out
    assert ("1 x Coffee Urn, 38.00" in out, "1 x Fruit Platter, 55.00" in out) == (True, True)
    world.sync()
    assert len(explain(world, FULL, "--offline")["documents"]) == 2


def test_a_day_that_passed_is_advised_with_the_events_id(tmp_path: Path) -> None:
    told = explain(World(tmp_path), MISSED)
    assert f"`tsrevel sync-event {MISSED} --ignore-time-gate --config " in told["advice"]
    assert f"`tsrevel resolve {MISSED} " in told["advice"]


def test_offline_a_text_that_isnt_kept_is_said_not_to_be(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.sync()
    text = explain(world, UNMAPPED, "--offline")["text"]
    assert ("doesn't store the reason" in text, f"`tsrevel explain {UNMAPPED} --config " in text) == (True, True)


DRIFTS: dict[str, tuple[Callable[[World], None], str, str]] = {
    "a line": (rewrite(lines=[("Fruit Platter", 1, 5)]), "CHANGED_AFTER_INJECTION", "total 837.72 → 5.00"),
    "lost": (edit(status="LOST"), "CANCELLED_AFTER_INJECTION", "cancelled or deleted"),
    "not to be planned": (rewrite(lines=[("Moon Cake", 1, 5)]), "CHANGED_AFTER_INJECTION", "no longer be planned"),
    "a station": (lambda world: world.revel.pos_touch(ORDER), "CHANGED_AFTER_INJECTION", "was changed in Revel"),
}


@pytest.mark.parametrize("drift", DRIFTS)
def test_offline_a_drift_that_was_told_is_remembered(tmp_path: Path, drift: str) -> None:
    happening, reason, text = DRIFTS[drift]
    world = World(tmp_path, "full")
    after_run(happening)(world)
    for _ in range(2):
        world.sync()
        told = explain(world, FULL, "--offline")
        assert (said(told), text in told["text"]) == (f"skipped {reason}", True)
        assert said(explain(world, FULL)) == f"skipped {reason}"


def test_offline_a_drift_that_was_taken_back_is_none(tmp_path: Path) -> None:
    world = World(tmp_path, "full")
    before = world.tripleseat.event(FULL)
    after_run(rewrite(lines=[("Fruit Platter", 1, 5)]))(world)
    world.sync()
    money = {key: before[key] for key in ("documents", "grand_total", "amount_due")}
    world.tripleseat.edit_event(FULL, **money)
    world.sync()
    assert said(explain(world, FULL, "--offline")) == "skipped CHANGED_AFTER_INJECTION"  # told: it has changed back
    world.sync()
    told = explain(world, FULL, "--offline")
    assert (said(told), told["text"]) == ("skipped ALREADY_INJECTED", f"Revel order {ORDER}")


def test_deliveries_are_told_with_what_came_of_them(tmp_path: Path) -> None:
    world = World(tmp_path, "full")
    shell = Shell(world)
    event = world.tripleseat.event(FULL)
    came = world.time.now.timestamp()
    for trigger in ("UPDATE_EVENT", "UPDATE_EVENT", "EVENT_PRINTED"):
        captured = tmp_path / "captured.json"
        captured.write_bytes(json.dumps({"webhook_trigger_type": trigger, "event": event}).encode())
        os.utime(captured, (came, came))
        assert shell.replay(str(captured), "--unsigned").status == 0
    told = explain(world, FULL)["deliveries"]
    assert [(each["trigger"], each["reason"], each["signed"]) for each in told] == [
        ("UPDATE_EVENT", None, False),
        ("UPDATE_EVENT", "DUPLICATE_EVENT", False),
        ("EVENT_PRINTED", "TRIGGER_TYPE_NOT_ACTIONABLE", False),
    ]
