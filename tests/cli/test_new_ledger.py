"""A ledger that was lost: the next live sync finds its orders at Revel, and says what is forgotten with it, once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ..notify.post import Envelope, ToldWorld
from .bench import Shell

LOST = "an earlier ledger is lost"


def test_a_lost_ledger_is_told_by_the_next_live_sync_once(shell: Shell) -> None:
    shell.sync()
    shell.world.lose_ledger()
    told, again = shell.sync("--json"), shell.sync("--json")
    [warning] = told.answer["warnings"]
    assert LOST in warning
    assert all(word in warning for word in (str(shell.world.settings().ledger_path), "pause", "resolve"))
    assert "No order is doubled" not in warning  # one that was in doubt then may be
    assert all(word in warning for word in ("15 minutes", "DUPLICATE_ORDERS"))
    assert f"WARNING [{told.answer['correlation_id']}] {warning}" in told.err
    assert (again.answer.get("warnings"), again.err) == (None, "")


@pytest.mark.parametrize("maker", ["sync --dry-run", "pause", "resolve 64000003 --as ignored --note none"])
def test_it_is_told_though_something_else_made_the_new_ledger(shell: Shell, maker: str) -> None:
    shell.sync()
    shell.world.lose_ledger()
    made = shell.run(*maker.split(), "--config", str(shell.write_config()))
    assert LOST not in made.err
    shell.run("resume", "--config", str(shell.write_config()))
    assert LOST in shell.sync().err


def test_it_is_told_though_a_first_run_reached_nobody(shell: Shell) -> None:
    shell.sync()
    shell.world.lose_ledger()
    shell.world.wires["tripleseat"].down = True
    assert shell.sync().status == 13
    shell.world.wires["tripleseat"].down = False
    assert LOST in shell.sync().err


@pytest.mark.parametrize("first", [("sync",), ("sync-event", "64000001")])
def test_status_and_one_mail_tell_it_until_a_person_resolves_the_event(tmp_path: Path, first: tuple[str, ...]) -> None:
    world = ToldWorld(tmp_path, "full")
    shell, config = Shell(world), ("--config", str(world.write_config()))
    shell.sync()
    world.sendgrid.mails.clear()
    world.lose_ledger()
    assert shell.run(*first, *config).status == 0
    for _ in range(3):
        world.time.move(minutes=45)
        assert shell.sync().status == 0
    [told] = shell.run("status", "--json", *config).answer["changed"]
    assert (told["id"], told["reason"]) == ("64000001", "LEDGER_LOST")
    assert "--note" in told["advice"]
    for source in ([], ["--offline"]):
        assert shell.run("explain", "64000001", "--json", *source, *config).answer["advice"] == told["advice"]
    findings = shell.run("doctor", "--json", *config).answer["checks"]
    assert [each["verdict"] for each in findings if each["name"] == "ledger"] == ["ok", "warning"]
    [mail] = world.sendgrid.mails
    assert "LEDGER_LOST" in Envelope(mail).text
    assert "NEEDS A PERSON" in Envelope(mail).text
    shell.run("resolve", "64000001", "--as", "done", "--note", "ledger checked", *config)
    assert shell.run("status", "--json", *config).answer["changed"] == []
    assert shell.run("explain", "64000001", "--json", *config).answer["reason"] == "ALREADY_INJECTED"


@pytest.mark.parametrize("how", ["edited", "cancelled", "touched"])
def test_it_is_told_beside_a_change_of_the_event_and_after_that_was_undone(tmp_path: Path, how: str) -> None:
    world = ToldWorld(tmp_path, "full")
    shell, config = Shell(world), ("--config", str(world.write_config()))
    shell.sync()
    world.lose_ledger()
    shell.sync()
    rows, event = world.revel.state.rows["Order"], dict(world.tripleseat.event(64000001))
    order = dict(rows[5550101])
    edits: dict[str, dict[str, Any]] = {
        "edited": {"guest_count": 77, "guaranteed_guest_count": 77},
        "cancelled": {"status": "LOST"},
    }
    seen = []
    for undo in (False, True):
        world.time.move(minutes=45)
        if how == "touched":
            rows[5550101].update(order if undo else {"final_total": order["final_total"] + 1})
        else:
            world.tripleseat.edit_event(
                64000001, **{key: event[key] if undo else edits[how][key] for key in edits[how]}
            )
        assert [shell.sync().status for _ in range(3)][-1] == 0
        seen.append([each["reason"] for each in shell.run("status", "--json", *config).answer["changed"]])
    change = "CANCELLED_AFTER_INJECTION" if how == "cancelled" else "CHANGED_AFTER_INJECTION"
    assert seen == [["LEDGER_LOST", change], ["LEDGER_LOST"]]
    shell.run("resolve", "64000001", "--as", "done", "--note", "ledger checked", *config)
    assert shell.run("status", "--json", *config).answer["changed"] == []


@pytest.mark.parametrize("cancelled", [False, True])
def test_its_resolution_names_the_change_of_the_event_that_it_settles_too(tmp_path: Path, *, cancelled: bool) -> None:
    world = ToldWorld(tmp_path, "full")
    shell, config = Shell(world), ("--config", str(world.write_config()))
    shell.sync()
    world.lose_ledger()
    shell.sync()
    if cancelled:
        world.time.move(minutes=45)
        world.tripleseat.edit_event(64000001, status="LOST")
        shell.sync()
    told = shell.run("resolve", "64000001", "--as", "done", "--note", "ledger checked", "--json", *config).answer
    warned = [each for each in told["warnings"] if "no run reports this again" in each]
    assert ["CANCELLED_AFTER_INJECTION" in each for each in warned] == [True] * cancelled


def test_a_first_ledger_is_no_news(shell: Shell) -> None:
    assert LOST not in shell.sync().err
    assert LOST not in shell.sync().err


def test_orders_that_deliveries_made_are_no_sign_of_a_lost_ledger(shell: Shell) -> None:
    shell.sync_event("64000001")
    assert LOST not in shell.sync().err


@pytest.mark.parametrize("seen", [True, False])
def test_an_event_that_a_person_resolved_is_no_order_of_a_lost_ledger(shell: Shell, seen: bool) -> None:
    if seen:
        shell.sync_event("64000003")
    config = str(shell.write_config())
    assert shell.run("resolve", "64000003", "--as", "done", "--note", "by hand", "--config", config).status == 0
    assert LOST not in shell.sync().err
