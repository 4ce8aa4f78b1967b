"""What changed after its order was made: exit 3 once, then listed by `status` until it is settled or agrees again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tsrevel.planning.model import EventId

from .. import older_rows
from ..engine import test_corrected as corrections
from ..engine.conftest import FULL, UNMAPPED
from ..engine.test_after_injection import CONTRACT
from ..engine.test_begun_earlier import begin as begin_order
from ..world import World
from .bench import Ran, Shell


@pytest.fixture
def made(tmp_path: Path) -> Shell:
    """An order made of the event FULL, the only one there is, and three quarters of an hour since."""
    shell = Shell(World(tmp_path, "full"))
    assert shell.sync("--json").answer["summary"]["injected"]
    shell.world.time.move(minutes=45)
    return shell


def ask(shell: Shell, command: str, *argv: str) -> Ran:
    return shell.run(command, *argv, "--config", str(shell.write_config()))


def changed(shell: Shell) -> list[str]:
    return [each["id"] for each in ask(shell, "status", "--json").answer["changed"]]


def drop_a_line(shell: Shell) -> None:
    shell.world.rewrite_event(FULL, **{**CONTRACT, "lines": CONTRACT["lines"][1:]})


def test_a_change_is_exit_3_once_and_listed_until_it_is_resolved(made: Shell) -> None:
    drop_a_line(made)
    first, second = made.sync("--json"), made.sync("--json")
    assert "CHANGED_AFTER_INJECTION" in [each["reason"] for each in first.answer["events"]]
    assert first.status == 3
    assert "CHANGED_AFTER_INJECTION" not in [each["reason"] for each in second.answer["events"]]
    assert changed(made) == [str(FULL)]
    line = next(each for each in ask(made, "status").out.splitlines() if each.startswith("changed: "))
    assert "line removed" in line
    assert f"tsrevel resolve {FULL}" in line
    assert ask(made, "resolve", str(FULL), "--as", "done", "--note", "changed by hand").status == 0
    assert changed(made) == []
    made.world.time.move(minutes=45)
    made.world.tripleseat.cancel_event(FULL)
    assert made.sync("--json").status == 3
    assert changed(made) == [str(FULL)]


def test_a_change_that_is_taken_back_is_not_listed(made: Shell) -> None:
    drop_a_line(made)
    made.sync()
    made.world.time.move(minutes=45)
    made.world.rewrite_event(FULL, **CONTRACT)
    made.sync()
    assert changed(made) == []


def test_what_changed_in_an_event_that_can_not_be_planned_is_exit_3_each_time_and_listed(made: Shell) -> None:
    for lines, day in (([("Moon Cake", 1, 9)], 12), ([("Moon Cake", 50, 9)], 12), ([("Moon Cake", 50, 9)], 19)):
        made.world.rewrite_event(FULL, **{**CONTRACT, "lines": lines})
        made.world.tripleseat.edit_event(FULL, event_date_iso8601=f"2026-12-{day}")
        assert made.sync().status == 3
        assert made.sync().status == 0
        ask(made, "resolve", str(FULL), "--as", "done", "--note", "changed by hand")
        made.world.time.move(minutes=45)
    made.world.rewrite_event(FULL, **{**CONTRACT, "lines": [("Moon Cake", 60, 9)]})
    assert made.sync().status == 3
    (line,) = (each for each in ask(made, "status").out.splitlines() if each.startswith("changed: "))
    assert "date 2026-12-12 → 2026-12-19; grand total 837.72 → " in line
    assert "its lines have changed" in line


def test_a_change_of_start_guests_or_contact_is_listed_until_it_is_taken_back(made: Shell) -> None:
    contact = made.world.tripleseat.event(FULL)["contact"]
    for guests, person in ((60, {"first_name": "Robin"}), (70, {"first_name": "Robin"}), (24, contact)):
        made.world.tripleseat.edit_event(FULL, guaranteed_guest_count=guests, guest_count=guests, contact=person)
        assert made.sync().status == 3
        told = "".join(each["text"] for each in ask(made, "status", "--json").answer["changed"])
        assert ("its contact has changed" in told) is (guests != 24)
        assert (f"guests 24 → {guests}" in told) is (guests != 24)
        made.world.time.move(minutes=45)
    assert changed(made) == []


def test_a_cancelled_event_is_listed_until_it_is_resolved(made: Shell) -> None:
    made.world.tripleseat.cancel_event(FULL)
    assert made.sync("--json").status == 3
    answer = ask(made, "status", "--json").answer["changed"]
    assert [(each["id"], each["reason"]) for each in answer] == [(str(FULL), "CANCELLED_AFTER_INJECTION")]
    assert "void it in Revel" in answer[0]["advice"]


def test_what_a_station_changed_is_listed_until_it_is_as_it_was_made(made: Shell) -> None:
    order = made.world.revel.state.rows["Order"][5550101]
    order["final_total"], was = order["final_total"] + 5, order["final_total"]
    assert made.sync("--json").status == 3
    assert changed(made) == [str(FULL)]
    order["final_total"] = was
    made.sync()
    assert changed(made) == []


def test_what_an_older_version_reported_of_a_station_is_understood(made: Shell) -> None:
    made.world.revel.state.rows["Order"][5550101]["final_total"] += 5
    made.sync()
    run_id, shown, what = f"{2:08x}{0:024x}", {"there": "yes"}, "balance 1.00 → 2.00"
    for ending, listed in (("it is as it was made again", []), ("it is left as it is", [str(FULL)])):
        with made.world.ledger() as ledger:
            older_rows.report_station_change(ledger, run_id, EventId(str(FULL)), shown, f"{what}; {ending}")
        assert changed(made) == listed


def test_a_mapping_taken_out_is_no_change_of_the_event(made: Shell) -> None:
    for product in made.world.revel.state.rows["Product"].values():
        product["name"] = f"Renamed {product['name']}"
    with made.world.ledger() as ledger:
        ledger.catalogs.drop(8)  # type: ignore[arg-type]
    said = ask(made, "explain", str(FULL), "--json").answer
    assert said["reason"] == "ALREADY_INJECTED"
    assert "by hand" not in ask(made, "explain", str(FULL)).out
    made.world.tripleseat.edit_event(FULL, description="No nuts, please.")
    report = made.sync("--json")
    assert "CHANGED_AFTER_INJECTION" not in [each["reason"] for each in report.answer["events"]]
    assert changed(made) == []


@pytest.mark.parametrize("setting", ["charges", "locations", "max_order_total"])
def test_another_setting_is_no_change_of_the_event(made: Shell, setting: str) -> None:
    config = made.world.config
    if setting == "max_order_total":
        config["safety"]["max_order_total"] = "1.00"
    elif setting == "charges":
        config["charges"] = [{"match": "Sales Tax", "as": "ignore"}]
    else:
        config["locations"] = [each for each in config["locations"] if each["revel_establishment"] != 8]
    assert ask(made, "explain", str(FULL), "--json").answer["reason"] == "ALREADY_INJECTED"
    made.world.tripleseat.edit_event(FULL, description="No nuts, please.")
    report = made.sync("--json")
    assert "CHANGED_AFTER_INJECTION" not in [each["reason"] for each in report.answer["events"]]


def test_what_became_of_an_event_before_its_order_was_finished_is_exit_3_once_and_listed(tmp_path: Path) -> None:
    shell = Shell(World(tmp_path, "full"))
    shell.world.revel.faults.add("status", "POST", "/Payment/", status=503)
    shell.sync()
    shell.world.time.move(minutes=45)
    shell.world.tripleseat.edit_event(FULL, event_date_iso8601="2026-12-13")
    ran = shell.sync("--json")
    (event,) = ran.answer["events"]
    assert (ran.status, event["status"], event["reason"]) == (3, "injected", "CHANGED_AFTER_INJECTION")
    assert ran.answer["summary"]["injected"] == 1
    assert changed(shell) == [str(FULL)]
    assert "date 2026-12-12 → 2026-12-13" in ask(shell, "explain", str(FULL), "--offline").out
    assert shell.sync("--json").status == 0
    assert changed(shell) == [str(FULL)]


# Orders that a person corrected in Revel


def listed_of_order(shell: Shell) -> tuple[list[str], str]:
    """The events that `status` lists as changed, and the reason that `explain` gives for the one with the order."""
    reasons = {
        ask(shell, "explain", str(FULL), "--json", *offline).answer["reason"] for offline in ((), ("--offline",))
    }
    return changed(shell), " ".join(sorted(reasons))


@pytest.fixture
def boxes(tmp_path: Path) -> Shell:
    """An order of two boxes, and an event that asks for five by now."""
    shell = Shell(World(tmp_path, "full"))
    corrections.ask_for(shell.world, 2)
    shell.sync()
    shell.world.time.move(minutes=45)
    corrections.ask_for(shell.world, 5)
    assert shell.sync().status == 3
    return shell


def test_a_corrected_order_is_no_longer_listed(boxes: Shell) -> None:
    assert listed_of_order(boxes) == ([str(FULL)], "CHANGED_AFTER_INJECTION")
    corrections.correct(boxes.world, 5)
    boxes.world.time.move(minutes=45)
    assert boxes.sync().status == 0
    assert listed_of_order(boxes) == ([], "ALREADY_INJECTED")
    boxes.world.time.move(minutes=45)
    boxes.world.tripleseat.edit_event(FULL, description="No nuts, please.")
    assert boxes.sync().status == 0
    assert listed_of_order(boxes) == ([], "ALREADY_INJECTED")
    boxes.world.time.move(minutes=45)
    corrections.ask_for(boxes.world, 5, "Fruit Platter")
    assert boxes.sync().status == 3
    assert listed_of_order(boxes) == ([str(FULL)], "CHANGED_AFTER_INJECTION")


def test_of_a_corrected_order_only_what_it_can_not_show_is_listed(boxes: Shell) -> None:
    corrections.correct(boxes.world, 5)
    boxes.sync()
    boxes.world.time.move(minutes=45)
    boxes.world.tripleseat.edit_event(
        FULL, guest_count=77, guaranteed_guest_count=77, event_date_iso8601="2026-12-13", event_date="12/13/2026"
    )
    told = boxes.sync()
    assert (told.status, boxes.sync().out) == (3, "")
    assert listed_of_order(boxes) == ([str(FULL)], "CHANGED_AFTER_INJECTION")
    (listed,) = ask(boxes, "status", "--json").answer["changed"]
    for text in (told.out, listed["text"], ask(boxes, "explain", str(FULL)).out):
        assert "date 2026-12-12 → 2026-12-13; " in text
        assert "→ 77" in text
        assert "total" not in text.partition("after Revel order")[2].partition("\n")[0]
    days = ("--from", "2026-12-12", "--to", "2026-12-13")
    answer = ask(boxes, "reconcile", "--json", *days).answer
    kinds = [
        each["kind"] for name in ("differences", "notes") for each in answer[name] if each["event_id"] == str(FULL)
    ]
    assert kinds == ["event_changed", "corrected"]


def test_a_corrected_order_that_was_resolved_is_told_and_listed_no_more(boxes: Shell) -> None:
    corrections.correct(boxes.world, 5)
    ask(boxes, "resolve", str(FULL), "--as", "done", "--note", "changed in Revel")
    boxes.world.time.move(minutes=45)
    assert boxes.sync().status == 0
    ask(boxes, "resolve", str(FULL), "--as", "open")
    assert changed(boxes) == []
    corrections.correct(boxes.world, 4)
    assert boxes.sync().status == 3
    assert changed(boxes) == [str(FULL)]


@pytest.mark.parametrize("undo", [corrections.delete, corrections.void])
def test_a_cancelled_event_is_no_longer_listed_once_its_order_is_taken_away(
    boxes: Shell, undo: Callable[[World], None]
) -> None:
    boxes.world.tripleseat.cancel_event(FULL)
    assert boxes.sync().status == 3
    assert listed_of_order(boxes) == ([str(FULL)], "CANCELLED_AFTER_INJECTION")
    undo(boxes.world)
    boxes.world.time.move(minutes=45)
    assert boxes.sync().status == 0
    assert listed_of_order(boxes) == ([], "ALREADY_INJECTED")
    boxes.world.time.move(minutes=45)
    boxes.world.tripleseat.edit_event(FULL, status="DEFINITE")
    assert boxes.sync().status == 3
    assert listed_of_order(boxes) == ([str(FULL)], "CHANGED_AFTER_INJECTION")


def test_a_cancelled_event_is_listed_again_once_its_voided_order_stands_again(boxes: Shell) -> None:
    boxes.world.tripleseat.cancel_event(FULL)
    boxes.sync()
    corrections.void(boxes.world)
    boxes.sync()
    assert changed(boxes) == []
    boxes.world.time.move(minutes=45)
    corrections.correct(boxes.world, 2)
    assert boxes.sync().status == 3
    assert listed_of_order(boxes) == ([str(FULL)], "CANCELLED_AFTER_INJECTION")


# Events that a person resolved, and whose orders tsrevel didn't make


def settle(shell: Shell, word: str, *argv: str) -> Ran:
    return ask(shell, "resolve", str(UNMAPPED), "--as", word, "--note", "seen to", *argv)


def told_of(shell: Shell) -> dict[str, str]:
    """What `status` lists of the event as changed."""
    listed = ask(shell, "status", "--json").answer["changed"]
    return next((each for each in listed if each["id"] == str(UNMAPPED)), {})


@pytest.mark.parametrize("word", ["done", "ignored"])
def test_a_resolved_event_that_changes_is_listed_until_it_is_resolved_again(shell: Shell, word: str) -> None:
    shell.sync()
    settle(shell, word)
    assert told_of(shell) == {}
    shell.world.time.move(minutes=45)
    shell.world.tripleseat.edit_event(UNMAPPED, grand_total="500.00")
    told = shell.sync("--json")
    assert (told.status, shell.sync("--json").status) == (3, 0)
    one = told_of(shell)
    assert one["reason"] == "CHANGED_AFTER_INJECTION"
    assert f"it has changed since a person resolved it as {word}" in one["text"]
    assert f"`tsrevel explain {UNMAPPED} --config " in one["advice"]
    for offline in ((), ("--offline",)):
        said = ask(shell, "explain", str(UNMAPPED), "--json", *offline).answer
        assert (said["reason"], said["advice"]) == ("CHANGED_AFTER_INJECTION", one["advice"])
    settle(shell, word)
    assert told_of(shell) == {}
    assert shell.sync("--json").status == 0
    assert ask(shell, "explain", str(UNMAPPED), "--json").answer["reason"] != "CHANGED_AFTER_INJECTION"


@pytest.mark.parametrize(
    ("words", "edit", "safe"),
    [
        (["done"], {"grand_total": "500.00"}, False),
        (["done"], {"status": "LOST"}, False),
        (["ignored"], {"grand_total": "500.00"}, True),
        (["ignored"], {"status": "LOST"}, False),
        (["done", "ignored"], {"grand_total": "500.00"}, False),
    ],
)
def test_the_advice_opens_an_event_only_if_no_order_can_exist_by_hand(
    shell: Shell, words: list[str], edit: dict[str, str], safe: bool
) -> None:
    shell.sync()
    for word in words:
        settle(shell, word)
    shell.world.time.move(minutes=45)
    shell.world.tripleseat.edit_event(UNMAPPED, **edit)
    run, advice = shell.sync().out, told_of(shell)["advice"]
    assert advice in run
    assert ("--as open" in advice) is safe
    assert f"`tsrevel resolve {UNMAPPED} --as {words[-1]} --note" in advice
    if safe:
        assert settle(shell, "open").status == 0
        assert told_of(shell) == {}


def test_once_opened_again_an_event_without_an_order_is_not_listed_as_changed(shell: Shell) -> None:
    shell.sync()
    settle(shell, "done")
    shell.world.time.move(minutes=45)
    shell.world.tripleseat.edit_event(UNMAPPED, grand_total="500.00")
    shell.sync()
    assert settle(shell, "open", "--no-order-exists").status == 0
    assert told_of(shell) == {}


def test_what_a_dry_run_found_is_marked_as_such(shell: Shell) -> None:
    shell.sync("--dry-run")
    answer = ask(shell, "status", "--json").answer
    assert answer["held"] == answer["missed"] == []
    assert answer["dry_run_findings"]
    lines = ask(shell, "status").out.splitlines()
    assert any(each.startswith("held (dry run): event") for each in lines)
    assert any(each.startswith("missed (dry run): event") for each in lines)
    quiet = shell.sync("--dry-run")
    assert quiet.out == ""


# An order that somebody else made


@pytest.fixture
def found(tmp_path: Path) -> Shell:
    """An order that somebody else made, found by a run for the event FULL, the only one there is."""
    shell = Shell(World(tmp_path, "full"))
    shell.world.add_order(FULL)
    assert shell.sync("--json").answer["events"][0]["reason"] == "ORDER_EXISTS"
    return shell


def sync_until(shell: Shell, status: int) -> Ran:
    """The first of the next three runs that ends so, else the last."""
    for _ in range(2):
        shell.world.time.move(minutes=45)
        ran = shell.sync()
        if ran.status == status:
            return ran
    shell.world.time.move(minutes=45)
    return shell.sync()


def delete_order(shell: Shell, **fields: bool) -> None:
    shell.world.revel.state.rows["Order"][5550101].update(fields or {"deleted": True})


def test_somebody_elses_order_that_is_gone_is_told_with_the_command_that_brings_ours(found: Shell) -> None:
    delete_order(found)
    said = sync_until(found, 3).out
    command = f'tsrevel resolve {FULL} --as open --note "order wanted"'
    assert command in said
    (listed,) = ask(found, "status", "--json").answer["changed"]
    assert (listed["reason"], listed["revel_order_id"]) == ("CHANGED_AFTER_INJECTION", "5550101")
    assert command in listed["text"]
    assert "enter another one there" in listed["advice"]
    assert sync_until(found, 3).out == ""
    opened = ask(found, "resolve", str(FULL), "--as", "open", "--note", "order wanted")
    way = "the next run searches Revel, and if the event is due, makes an order unless Revel order 5550101 or another"
    assert (opened.status, opened.lines) == (0, [f"event {FULL} is open again; {way} stands"])
    assert changed(found) == []
    assert ask(found, "explain", str(FULL), "--json").answer["status"] == "planned"
    assert found.sync("--json").answer["summary"]["injected"] == 1
    assert changed(found) == []
    assert ask(found, "explain", str(FULL), "--json").answer["reason"] == "ALREADY_INJECTED"
    assert ask(found, "explain", str(FULL), "--json", "--offline").answer["status"] == "injected"
    assert ask(found, "ledger", "check").status == 0
    assert ask(found, "reconcile").status == 0


def test_what_is_listed_of_somebody_elses_order_goes_when_it_stands_again_or_is_resolved(found: Shell) -> None:
    delete_order(found)
    sync_until(found, 3)
    delete_order(found, deleted=False)
    assert changed(found) == [str(FULL)]
    assert "stands again" in sync_until(found, 3).out
    assert changed(found) == []
    found.world.tripleseat.edit_event(FULL, grand_total="900.00")
    assert sync_until(found, 3).status == 3
    (listed,) = ask(found, "status", "--json").answer["changed"]
    assert listed["text"] == "the event has changed since someone else made Revel order 5550101"
    found.world.tripleseat.cancel_event(FULL)
    assert sync_until(found, 3).status == 3
    (listed,) = ask(found, "status", "--json").answer["changed"]
    assert (listed["reason"], "may still stand" in listed["text"]) == ("CANCELLED_AFTER_INJECTION", True)
    assert ask(found, "resolve", str(FULL), "--as", "done", "--note", "voided").status == 0
    assert changed(found) == []
    assert sync_until(found, 3).status == 0


def test_a_cancelled_event_whose_order_by_somebody_else_is_known_to_be_gone_is_not_listed(found: Shell) -> None:
    delete_order(found)
    assert sync_until(found, 3).status == 3
    found.world.tripleseat.cancel_event(FULL)
    assert sync_until(found, 3).status == 3
    assert changed(found) == []
    assert ask(found, "reconcile").status == 0
    found.world.tripleseat.edit_event(FULL, status="DEFINITE")
    assert sync_until(found, 3).status == 3
    assert changed(found) == [str(FULL)]


def test_an_event_whose_order_may_have_been_entered_by_hand_is_not_opened_unchecked(found: Shell) -> None:
    assert ask(found, "resolve", str(FULL), "--as", "done", "--note", "by hand").status == 0
    delete_order(found)
    refused = ask(found, "resolve", str(FULL), "--as", "open", "--note", "order wanted")
    assert (refused.status, "--no-order-exists" in refused.err) == (3, True)
    opened = ask(found, "resolve", str(FULL), "--as", "open", "--note", "none", "--no-order-exists")
    assert (opened.status, "makes a SECOND one" in opened.out) == (0, True)
    assert found.sync("--json").answer["summary"]["injected"] == 1


@pytest.mark.parametrize("gone", [True, False])
def test_explain_asks_revel_for_somebody_elses_order(found: Shell, gone: bool) -> None:
    if gone:
        delete_order(found)
    found.world.forget_requests()
    said = ask(found, "explain", str(FULL)).out
    assert found.world.revel.requests
    assert ("which someone else made, was deleted" in said, "--as open" in said) == (gone, gone)
    assert ("what to do: nothing to do" in said) is not gone
    found.world.time.move(days=1)
    said = ask(found, "explain", str(FULL)).out
    assert ("was deleted" in said, "--as open" in said) == (gone, False)


def test_explain_of_a_cancelled_event_does_not_say_that_it_may_need_an_order(found: Shell) -> None:
    delete_order(found)
    found.world.tripleseat.cancel_event(FULL)
    said = ask(found, "explain", str(FULL), "--json").answer
    assert (said["reason"], "--as open" in said["text"]) == ("CANCELLED_AFTER_INJECTION", False)


def test_an_order_that_was_finished_with_old_notes_is_listed_until_it_is_resolved(made: Shell) -> None:
    begun = made.world.add_event(64000060, lines=[("Coffee Urn", 1, 38)])
    begin_order(made.world)
    made.world.tripleseat.edit_event(begun, guaranteed_guest_count=99, guest_count=99)
    assert made.sync().status == 3
    (lost, finished) = changed(made)
    assert finished == str(begun)
    line = next(each for each in ask(made, "status").out.splitlines() if each.startswith(f"changed: event {begun}"))
    assert "correct its notes and call name there" in line
    assert ask(made, "resolve", str(begun), "--as", "done", "--note", "corrected").status == 0
    assert changed(made) == [lost]
