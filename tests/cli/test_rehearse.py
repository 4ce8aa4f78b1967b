"""`rehearse`: one order under supervision, every field compared, and what a person saw at the station."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import NoReturn

import pytest

from tsrevel.planning.model import EventId

from ..world import VirtualTime, World
from .bench import Ran, Shell

FULL, EARLY = 64000001, 64000004
ANSWERS = b"Special Events\ny\n837.72\ny\n"


class Keyboard(io.BytesIO):
    """A terminal at which somebody types."""

    def isatty(self) -> bool:
        return True


class Meddled(VirtualTime):
    """Somebody changes every item at Revel during each pause of 30 seconds."""

    def __init__(self, world: World) -> None:
        super().__init__(world.time.now)
        self._revel = world.revel

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if seconds == 30.0:
            for row in self._revel.state.rows["OrderItem"].values():
                row["price"] = Decimal("1.00")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(World(tmp_path, "full", "early"))


def rehearse(shell: Shell, *argv: str, typed: bytes | None = None, event: int = FULL) -> Ran:
    command = ("rehearse", str(event), "--config", str(shell.write_config()), *argv)
    return shell.run(*command, tty=typed is not None, stdin=Keyboard(typed) if typed is not None else b"")


def stored(shell: Shell) -> dict[str, str]:
    with shell.world.ledger() as ledger:
        (only,) = ledger.assumptions.rehearsals()
    assert only.event_id == str(FULL)
    return dict(only.facts)


def test_one_order_is_made_and_what_the_station_shows_is_stored(shell: Shell) -> None:
    ran = rehearse(shell, typed=ANSWERS)
    assert ran.status == 0
    assert shell.world.flaws(FULL) == []
    facts = stored(shell)
    assert {key: facts[key] for key in ("discount_kept", "total", "total_agrees", "printed")} == {
        "discount_kept": "yes",
        "total": "837.72",
        "total_agrees": "yes",
        "printed": "yes",
    }
    assert (facts["changed"], facts["dropped"], facts["not_kept"]) == ("0", "0", "")
    assert int(facts["kept"]) > 40
    assert [nap for nap in shell.world.time.naps if nap == 30.0] == [30.0] * 4


def test_each_stage_is_read_back_after_thirty_seconds(shell: Shell) -> None:
    """What a station does in between is seen before the next stage is written."""
    shell.world.time = Meddled(shell.world)
    ran = rehearse(shell, "--yes", "--json")
    assert ran.status == 14
    assert (ran.answer["success"], ran.answer["reason"]) == (False, "AMOUNT_MISMATCH")
    assert shell.world.writes.count("POST Payment") == 0


def test_fields_that_were_dropped_or_changed_are_named(shell: Shell) -> None:
    shell.world.revel.dropped_fields |= {"pos_mode", "special_request", "notes"}
    ran = rehearse(shell, "--yes", "--json")
    assert ran.status == 0
    worst = {(each["resource"], each["field"]): each["result"] for each in ran.answer["fields"]}
    assert worst["Order", "notes"] == "dropped"
    assert worst["Order", "final_total"] == worst["OrderItem", "price"] == worst["Payment", "amount"] == "kept"
    assert set(worst.values()) == {"kept", "dropped"}
    assert "Order.notes" in stored(shell)["not_kept"]
    assert "Jordan" not in str(stored(shell))


def test_an_id_that_nobody_knows_is_a_usage_error_as_elsewhere(shell: Shell) -> None:
    ran = shell.run("rehearse", "77777777", "--yes", "--json", "--config", str(shell.write_config()))
    assert (ran.status, ran.answer["exit_status"], shell.world.writes) == (2, 2, [])


def test_with_yes_nobody_is_asked_and_what_is_left_is_named(shell: Shell) -> None:
    ran = rehearse(shell, "--yes", "--json")
    assert (ran.status, ran.answer["success"], ran.answer["station"]) == (0, True, {})
    assert any("837.72" in each for each in ran.answer["left_to_check"])
    assert ran.answer["event"]["revel_order_id"]
    out = rehearse(Shell(World(_fresh(shell), "full")), "--yes").out
    assert "Left to check by hand" in out


def _fresh(shell: Shell) -> Path:
    folder = shell.world.folder / "second"
    folder.mkdir()
    return folder


def test_a_station_that_shows_another_total_is_told_and_stored(shell: Shell) -> None:
    ran = rehearse(shell, typed=b"Special Events\nn\nmuch\n847.32\ny\n")
    assert ran.status == 3
    facts = stored(shell)
    assert (facts["discount_kept"], facts["total"], facts["total_agrees"]) == ("no", "847.32", "no")
    (found,) = rehearsed(shell)
    assert (found["verdict"], "(no: discount_kept, total_agrees)" in found["text"]) == (
        "warning",
        True,
    )


def test_doctor_warns_until_a_person_found_another_order_right(shell: Shell) -> None:
    rehearse(shell, typed=ANSWERS.replace(b"y\n837", b"n\n837"))
    assert rehearsed(shell)
    shell.world.config["time_gate"] = {"days_before": 30}
    assert rehearse(shell, "--yes", event=EARLY).status == 0
    assert rehearsed(shell), "nobody looked at the second one"
    with shell.world.ledger() as ledger:
        ledger.assumptions.store_rehearsal(EventId(str(EARLY)), {"order": "2", "total_agrees": "yes"})
    assert not rehearsed(shell)


def rehearsed(shell: Shell) -> list[dict[str, str]]:
    checks = shell.run("doctor", "--json", "--config", str(shell.write_config())).answer["checks"]
    return [each for each in checks if each["name"] == "rehearsal"]


def test_off_a_terminal_it_refuses_unless_told(shell: Shell) -> None:
    assert rehearse(shell).status == 2
    ran = rehearse(shell, "--json")
    assert (ran.status, ran.answer["success"]) == (2, False)
    assert shell.requests == 0


def test_another_name_makes_no_order(shell: Shell) -> None:
    ran = rehearse(shell, typed=b"Lakeside\n")
    assert ran.status == 2
    assert shell.world.writes == []


def test_in_a_dry_run_it_says_why_it_refuses(shell: Shell) -> None:
    shell.world.config["safety"]["dry_run"] = True
    ran = rehearse(shell, "--yes", "--json")
    assert ran.status == 10
    assert "safety.dry_run" in ran.answer["error"]
    assert shell.requests == 0


def test_why_it_refuses_is_a_line_of_the_json_log(shell: Shell) -> None:
    ran = rehearse(shell, "--log-format", "json")
    assert "--yes" in json.loads(ran.err)["message"]


def test_while_paused_it_asks_nobody(shell: Shell) -> None:
    shell.run("pause", "--config", str(shell.write_config()))
    ran = rehearse(shell, "--yes", "--json")
    assert (ran.status, ran.answer["reason"], shell.requests) == (3, "CONNECTOR_DISABLED", 0)


def test_an_event_that_no_run_would_make_is_left_alone(shell: Shell) -> None:
    ran = rehearse(shell, "--yes", "--json", event=EARLY)
    assert (ran.status, ran.answer["reason"]) == (3, "TOO_EARLY")
    assert shell.world.writes == []
    rehearse(shell, "--yes")
    again = rehearse(shell, "--yes", "--json")
    assert (again.status, again.answer["reason"]) == (3, "ALREADY_INJECTED")
    assert len(shell.world.orders_of(FULL)) == 1


def test_the_lock_and_what_doesnt_hold_stop_it_too(shell: Shell) -> None:
    shell.world.tripleseat.ignored_ranges = {"event"}
    assert shell.run("doctor", "--assumptions", "--config", str(shell.write_config())).status == 10
    ran = rehearse(shell, "--yes", "--json")
    assert ran.status == 10
    assert "TRIPLESEAT_EVENT_DATES" in ran.answer["error"]
    assert shell.world.writes == []


def interrupt() -> NoReturn:
    raise KeyboardInterrupt


def test_ctrl_c_names_the_command_that_finishes_the_order(shell: Shell) -> None:
    shell.world.at("after POST /resources/OrderItem/", interrupt)
    ran = rehearse(shell, "--yes", "--json")
    config = shell.write_config()
    command = f"tsrevel sync-event {FULL} --config {config}"
    assert (ran.status, f"`{command}`" in ran.answer["error"]) == (130, True)
    assert shell.world.flaws(FULL) != []
    assert shell.run(*command.split()[1:]).status == 0
    assert (shell.world.flaws(FULL), len(shell.world.orders_of(FULL))) == ([], 1)


class Interrupted(Keyboard):
    """Somebody presses Ctrl-C after the lines that were typed."""

    def readline(self, size: int | None = -1, /) -> bytes:
        return super().readline(size) or interrupt()


@pytest.mark.parametrize(("typed", "left"), [(b"", "nothing was written"), (ANSWERS[:15], "is made; check it")])
def test_ctrl_c_at_a_question_tells_whether_the_order_is_made(shell: Shell, typed: bytes, left: str) -> None:
    command = ("rehearse", str(FULL), "--config", str(shell.write_config()))
    ran = shell.run(*command, tty=True, stdin=Interrupted(typed))
    assert (ran.status, left in ran.err) == (130, True)
    assert len(shell.world.orders_of(FULL)) == bool(typed)


def test_the_plan_does_not_speak_of_the_next_run_before_it_asks(shell: Shell) -> None:
    assert "what to do" not in rehearse(shell, typed=ANSWERS).out
    assert "what to do" in rehearse(shell, typed=ANSWERS).out, "nothing is left to make"


class Slow(Keyboard):
    """Somebody edits the event while the location's name is typed."""

    def __init__(self, typed: bytes, world: World) -> None:
        super().__init__(typed)
        self._world = world

    def readline(self, size: int | None = -1, /) -> bytes:
        self._world.rewrite_event(FULL, lines=[("Fruit Platter", 200, 5)])
        return super().readline(size)


def test_an_order_that_is_another_one_by_then_is_not_made(shell: Shell) -> None:
    command = ("rehearse", str(FULL), "--config", str(shell.write_config()))
    ran = shell.run(*command, tty=True, stdin=Slow(ANSWERS, shell.world))
    assert (ran.status, shell.world.writes) == (3, [])
    assert "another one now" in ran.err
    assert rehearse(shell, "--yes").status == 0


@pytest.mark.parametrize("path", ["/resources/Payment/", "/resources/Order/555"])
def test_an_order_that_cannot_be_read_for_the_comparison_is_not_noted_as_dropped(shell: Shell, path: str) -> None:
    faults = shell.world.revel.faults
    shell.world.at(
        "after POST /resources/OrderHistory/", lambda: faults.add("status", "GET", path, times=None, status=503)
    )
    ran = rehearse(shell, "--yes", "--json")
    assert (ran.status, ran.answer["success"]) == (13, False)
    assert ran.answer["event"]["status"] == "injected"
    with shell.world.ledger() as ledger:
        assert ledger.assumptions.rehearsals() == ()
