"""`history`: the last runs, or all that ever happened to one event."""

from __future__ import annotations

from itertools import count

import pytest

from ..world import Died
from .bench import Ran, Shell

FULL, PAID, UNMAPPED, EARLY, MISSED, LOST, TWINS = range(64000001, 64000008)


def history(shell: Shell, *argv: str, tty: bool = False) -> Ran:
    """`history`, once it is seen that nobody was asked."""
    before = shell.requests
    ran = shell.run("history", "--config", str(shell.write_config()), *argv, tty=tty)
    assert (ran.status, shell.requests) == (0, before)
    return ran


def test_without_a_ledger_there_is_nothing_to_tell(shell: Shell) -> None:
    assert history(shell, "--json").answer == {"schema": 1, "success": True, "paused": None, "runs": []}
    assert history(shell).out == "no runs yet\n"
    ran = shell.run("history", str(FULL), "--json", "--config", str(shell.write_config()))
    assert (ran.status, ran.answer["known"]) == (2, False)


def test_runs_are_told_with_what_they_attempted(shell: Shell) -> None:
    shell.sync()
    shell.sync()
    second, first = history(shell, "--json").answer["runs"]
    told = {each["event_id"]: (each["status"], each["reason"], each["revel_order_id"]) for each in first["events"]}
    assert told[str(FULL)] == ("injected", None, "5550103")
    assert told[str(UNMAPPED)] == ("held", "UNMAPPED_ITEMS", None)
    assert [each["event_id"] for each in second["events"]] == [str(UNMAPPED)]
    assert (first["exit_status"], first["mode"], first["summary"]["queried"]) == (3, "bulk", 7)
    assert len(history(shell, "--json", "--limit", "1").answer["runs"]) == 1


def test_a_run_is_told_with_what_it_first_found_missed_or_changed(shell: Shell) -> None:
    shell.sync()
    for guests in (50, 60, 60):
        shell.world.time.move(minutes=45)
        shell.world.tripleseat.edit_event(FULL, guest_count=guests)
        shell.sync()
    *runs, first = history(shell, "--json").answer["runs"]
    found = [[each for each in run["events"] if each["status"] == "skipped"] for run in (*runs, first)]
    assert [[(each["event_id"], each["reason"]) for each in events] for events in found] == [
        [],
        [(str(FULL), "CHANGED_AFTER_INJECTION")],
        [(str(FULL), "CHANGED_AFTER_INJECTION")],
        [(str(MISSED), "EVENT_DAY_PASSED")],
    ]
    assert found[1][0]["revel_order_id"] == "5550103"
    assert f"changed event {FULL} CHANGED_AFTER_INJECTION Revel order 5550103" in history(shell, runs[1]["run_id"]).out
    assert f"missed event {MISSED} EVENT_DAY_PASSED" in history(shell, first["correlation_id"]).out
    assert history(shell, str(MISSED), "--json").answer["attempts"] == []


def test_a_run_is_told_by_each_of_its_ids(shell: Shell) -> None:
    shell.sync()
    shell.world.time.move(minutes=45)
    shell.sync()
    run = history(shell, "--json").answer["runs"][1]
    for name in (run["run_id"], run["correlation_id"], f" {run['run_id'][:8]} "):
        assert history(shell, name, "--json").answer["runs"] == [run]
        out = history(shell, name).out
        assert (run["correlation_id"] in out, f"held event {UNMAPPED}" in out) == (True, True)


def test_a_run_whose_id_begins_with_digits_alone_is_told_unless_an_event_has_that_id(shell: Shell) -> None:
    shell.world._numbers = count(0x64000001)
    shell.sync()
    assert history(shell, "64000001", "--json").answer["event_id"] == str(FULL)
    shell.world._numbers = count(0x12345678)
    shell.sync()
    assert history(shell, "12345678", "--json").answer["runs"][0]["correlation_id"] == "sync-12345678"


def test_an_id_that_names_nothing_is_told_as_neither_an_event_nor_a_run(shell: Shell) -> None:
    shell.sync()
    config = str(shell.write_config())
    ran = shell.run("history", "99999999", "--config", config)
    assert (ran.status, ran.out) == (2, "neither an event nor a run in this ledger has the id 99999999\n")
    told = shell.run("history", "99999999", "--config", config, "--json").answer
    assert (told["known"], told["success"], told["exit_status"]) == (False, False, 2)
    assert told["error"]
    for name in ("sync-99999999", "", "f" * 32):
        ran = shell.run("history", name, "--config", str(shell.write_config()))
        assert (ran.status, "no run in the ledger has that id" in ran.err.replace("\n", " ")) == (2, True)


def test_an_event_is_told_from_its_claim_to_its_last_receipt(shell: Shell) -> None:
    shell.sync()
    told = history(shell, str(FULL), "--json").answer
    [attempt] = told["attempts"]
    run_id = attempt["run_id"]
    assert (attempt["status"], attempt["revel_order_id"]) == ("injected", "5550103")
    assert (told["order"]["state"], told["order"]["total"]) == ("settled", "837.72")
    first, *_, last = told["receipts"]
    assert (first["step"], first["revel_id"], first["run_id"]) == ("order", "5550103", run_id)
    assert (last["step"], len(told["receipts"])) == ("history", 10)
    kinds = [each["kind"] for each in told["facts"]]
    assert (kinds[0], kinds[-2:], kinds.count("recorded")) == ("claimed", ["settled", "seen"], 10)
    assert told["facts"][-2]["text"] == "finished: Revel showed order 5550103 complete"


def test_an_order_that_two_runs_made_is_told_with_both(shell: Shell) -> None:
    shell.world.at("after POST /resources/Payment/", shell.world.die)
    with pytest.raises(Died):
        shell.world.sync_event(FULL)
    shell.world.revive()
    told = history(shell, str(FULL), "--json").answer
    assert (told["order"]["state"], [each["written"] for each in told["steps"]].count(False)) == ("claimed", 3)
    assert "not written" in history(shell, str(FULL)).out
    shell.sync()
    told = history(shell, str(FULL), "--json").answer
    assert len({each["run_id"] for each in told["receipts"]}) == 2


def test_a_settled_order_whose_receipts_were_pruned_is_told_as_written(shell: Shell) -> None:
    shell.sync()
    shell.world.time.move(days=400)
    config = str(shell.write_config())
    assert shell.run("ledger", "prune", "--config", config, "--older-than", "30").status == 0
    told = history(shell, str(FULL), "--json").answer
    assert {(each["written"], each["receipt"]) for each in told["steps"]} == {(True, "not_kept")}
    assert told["receipts"] == []
    out = history(shell, str(FULL)).out
    assert ("receipt not stored" in out, "not written" in out) == (True, False)
    ran = shell.run("explain", str(FULL), "--config", config, "--offline")
    assert "finished, Revel order 5550103, 10 of 10 steps written (10 receipts not stored)" in ran.out


def test_a_disputed_order_found_with_a_new_ledger_is_told_as_far_as_it_is_known(shell: Shell) -> None:
    shell.sync()
    shell.world.lose_ledger()
    shell.world.revel.pos_touch(5550103)
    shell.sync()
    told = history(shell, str(FULL), "--json").answer
    assert told["order"]["state"] == "disputed"
    assert {(each["written"], each["receipt"]) for each in told["steps"]} == {(None, "not_kept")}
    config = str(shell.write_config())
    orders = shell.run("status", "--config", config, "--json").answer["orders"]
    assert (orders[0]["steps"], orders[0]["receipts"]) == (10, None)
    assert "receipts not stored" in shell.run("status", "--config", config).out
    assert "the number of written steps, of 10, is unknown" in shell.run("explain", str(FULL), "--config", config).out


def test_a_pause_is_told_above_all(shell: Shell) -> None:
    shell.sync()
    with shell.world.ledger() as ledger:
        ledger.runs.pause("stocktaking")
    for argv in ((), (str(FULL),)):
        assert history(shell, *argv, "--json").answer["paused"]["reason"] == "stocktaking"
        assert history(shell, *argv).lines[0].startswith("! runs are paused since 2026-12-12")


def test_changes_deliveries_and_a_persons_word_are_told_in_their_order(shell: Shell) -> None:
    shell.sync()
    config = str(shell.write_config())
    shell.run("resolve", str(UNMAPPED), "--config", config, "--as", "ignored", "--note", "called off by phone")
    shell.run("resolve", str(UNMAPPED), "--config", config, "--as", "open", "--note", "on again")
    texts = [each["text"] for each in history(shell, str(UNMAPPED), "--json").answer["facts"]]
    assert texts == [
        "held UNMAPPED_ITEMS, event day 2026-12-12",
        "resolved by a person as ignored, order none: called off by phone",
        "reopened by a person: on again",
    ]
    assert len(history(shell, str(UNMAPPED), "--json", "--limit", "2").answer["facts"]) == 2


def test_a_fact_of_a_kind_that_it_does_not_know_is_told_by_its_name(shell: Shell) -> None:
    shell.sync()
    with shell.world.ledger() as ledger:
        ledger.audit.add(None, "strange_news", "64000001", colour="blue")  # type: ignore[arg-type]  # a later version's
        ledger.audit.add(None, "bare_news", "64000001")  # type: ignore[arg-type]
    out = history(shell, str(FULL)).lines
    assert out[-2].endswith("strange news: colour blue")
    assert out[-1].endswith("bare news")


def test_a_missed_event_is_told_as_missed(shell: Shell) -> None:
    shell.sync()
    assert "missed: the event was on 2026-12-11 and has no order" in history(shell, str(MISSED)).out


def test_a_disputed_order_is_told_with_what_is_disputed(shell: Shell) -> None:
    shell.world.revel.dropped_fields.add("tax")
    shell.sync()
    out = history(shell, str(FULL)).out
    assert "order: to be checked, Revel order 5550103, total 837.72: AMOUNT_MISMATCH" in out


def test_on_a_terminal_the_same_is_laid_out(shell: Shell) -> None:
    shell.sync()
    shell.run("resolve", str(FULL), "--config", str(shell.write_config()), "--as", "done", "--note", "checked")
    out = history(shell, str(FULL), tty=True).out
    assert all(each in out for each in ("attempts", "receipts", "history", "checked", "resolved as done"))
    assert "held event 64000003" in history(shell, tty=True).out


def test_no_customer_is_named(shell: Shell) -> None:
    shell.sync()
    for argv in ((), (str(FULL),), (str(FULL), "--json")):
        assert not any(name in history(shell, *argv).out for name in ("Example Widgets", "Jordan", "702"))
