"""`replay --held`, `--run`, `--event`: events that were held or failed, through the engine once more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tsrevel.ledger import EventResult
from tsrevel.planning.model import EventId

from .bench import Ran, Shell
from .captured import answers, names_in

FULL, PAID, UNMAPPED, EARLY = range(64000001, 64000005)
TWINS = 64000007
CAKE = '[[product]]\nestablishment = 8\nname = "Ube Celebration Cake"\nproduct = 8107\n'
LINE = ["schema", "ok", "processed", "trigger", "reason", "event_id", "revel_order_id", "status", "error"]


def map_cake(shell: Shell) -> None:
    """A person maps the line for which the sample day's event is held."""
    (shell.world.folder / "mappings.toml").write_text(CAKE)


def verdicts(ran: Ran) -> dict[str, tuple[str, str | None]]:
    return {each["event_id"]: (each["status"], each["reason"]) for each in answers(ran)}


def test_a_mapping_added_after_a_hold_lets_it_be_injected(shell: Shell) -> None:
    shell.sync()
    map_cake(shell)
    ran = shell.replay("--held", "--json")
    assert (ran.status, verdicts(ran)) == (0, {str(UNMAPPED): ("injected", None)})
    assert shell.world.flaws(UNMAPPED) == []
    assert shell.replay("--held", "--json").out == ""


def test_an_event_taken_up_again_reads_as_designed(shell: Shell) -> None:
    shell.sync()
    ran = shell.replay("--held", "--json")
    assert list(ran.answer) == LINE
    assert (ran.answer["ok"], ran.answer["processed"], ran.answer["trigger"]) == (True, False, None)
    assert "Ube Celebration Cake" in ran.answer["error"]
    assert ran.status == 3


def test_only_the_held_and_the_failed_are_fetched(shell: Shell) -> None:
    shell.world.tripleseat.faults.add("status", "GET", f"/v1/events/{PAID}", times=None, status=404)
    shell.sync()
    shell.world.tripleseat.faults.clear()
    shell.world.forget_requests()
    ran = shell.replay("--held", "--json")
    assert {str(PAID): ("injected", None), str(UNMAPPED): ("held", "UNMAPPED_ITEMS")} == verdicts(ran)
    assert {each.path for each in shell.world.tripleseat.requests} == {
        f"/v1/events/{each}" for each in (PAID, UNMAPPED)
    }
    assert shell.world.flaws(PAID) == []


def test_a_held_event_that_was_deleted_since_is_settled_as_explain_foretells(shell: Shell) -> None:
    shell.sync()
    shell.world.tripleseat.state.events.pop(UNMAPPED)
    told = shell.run("explain", str(UNMAPPED), "--config", str(shell.write_config()), "--json").answer
    assert (told["status"], told["reason"]) == ("skipped", "EVENT_DELETED")
    assert verdicts(shell.replay("--held", "--json")) == {str(UNMAPPED): ("skipped", "EVENT_DELETED")}
    assert shell.replay("--held", "--json").out == ""


def test_nothing_held_is_nothing_to_do(shell: Shell) -> None:
    ran = shell.replay("--held")
    assert (ran.status, ran.out, ran.err, shell.requests) == (0, "", "", 0)


@pytest.mark.parametrize("name", ["run_id", "correlation_id"])
def test_the_events_of_a_run_are_found_by_either_name(shell: Shell, name: str) -> None:
    run = shell.sync("--json").answer
    shell.world.add_event(64000050, lines=[("Moon Cake", 1, 9)])
    shell.sync_event("64000050")
    assert verdicts(shell.replay("--run", run[name], "--json")) == {str(UNMAPPED): ("held", "UNMAPPED_ITEMS")}


def test_what_was_done_since_is_not_done_again(shell: Shell) -> None:
    run = shell.sync("--json").answer["run_id"]
    map_cake(shell)
    shell.sync()
    assert verdicts(shell.replay("--run", run, "--json")) == {str(UNMAPPED): ("skipped", "ALREADY_INJECTED")}
    assert len(shell.world.orders_of(UNMAPPED)) == 1


def test_an_unknown_run_is_a_usage_error(shell: Shell) -> None:
    ran = shell.replay("--run", "sync-nonsense", "--json")
    assert (ran.status, ran.answer["exit_status"], shell.requests) == (2, 2, 0)
    assert "sync-nonsense" in ran.err


def test_an_empty_run_is_not_taken_for_every_run(shell: Shell) -> None:
    assert (shell.replay("--run", "").status, shell.requests) == (2, 0)


def test_events_may_be_named(shell: Shell) -> None:
    ran = shell.replay("--event", str(FULL), "--event", str(PAID), "--event", str(FULL), "--json")
    assert verdicts(ran) == {str(FULL): ("injected", None), str(PAID): ("injected", None)}
    assert (len(answers(ran)), shell.world.flaws(FULL), shell.world.flaws(PAID)) == (2, [], [])


def test_the_time_gate_is_kept(shell: Shell) -> None:
    ran = shell.replay("--event", str(EARLY), "--json")
    assert (ran.status, verdicts(ran)) == (0, {str(EARLY): ("skipped", "TOO_EARLY")})


def test_an_event_that_is_not_there_is_told(shell: Shell) -> None:
    ran = shell.replay("--event", "1", "--json")
    assert (ran.status, verdicts(ran)) == (2, {"1": ("failed", "EVENT_DATA_UNAVAILABLE")})


def test_a_copy_that_is_trusted_makes_the_order_without_asking_tripleseat(shell: Shell) -> None:
    trust(shell)
    shell.sync()
    map_cake(shell)
    shell.world.forget_requests()
    shell.world.wires["tripleseat"].down = True
    ran = shell.replay("--held", "--from-snapshot", "--json")
    assert (ran.status, verdicts(ran)) == (0, {str(UNMAPPED): ("injected", None)})
    assert (shell.world.tripleseat.requests, shell.world.flaws(UNMAPPED)) == ([], [])
    with shell.world.ledger() as ledger:
        assert ledger.events.snapshot(EventId(str(UNMAPPED))) is None


def test_without_a_copy_there_is_nothing_to_make_an_order_of(shell: Shell) -> None:
    ran = shell.replay("--event", str(FULL), "--from-snapshot", "--json")
    assert (ran.status, verdicts(ran)) == (3, {str(FULL): ("failed", "EVENT_DATA_UNAVAILABLE")})
    assert "leave --from-snapshot out" in ran.answer["error"]
    assert shell.requests == 0


def trust(shell: Shell) -> None:
    shell.world.config["tripleseat"]["payload"] = "trust"


NOT_DUE: dict[str, Callable[[Shell], object]] = {
    "STATUS_NOT_ELIGIBLE": lambda shell: shell.world.tripleseat.edit_event(
        UNMAPPED, status="LOST", updated_at=shell.world.tripleseat.event(UNMAPPED)["updated_at"]
    ),
    "EVENT_DELETED": lambda shell: shell.world.tripleseat.state.events.pop(UNMAPPED),
}


@pytest.mark.parametrize(("reason", "happen"), NOT_DUE.items(), ids=NOT_DUE)
def test_an_event_is_read_again_before_an_order_is_made_of_its_copy(
    shell: Shell, reason: str, happen: Callable[[Shell], object]
) -> None:
    shell.sync()
    map_cake(shell)
    happen(shell)
    ran = shell.replay("--held", "--from-snapshot", "--json")
    assert (ran.status, verdicts(ran)) == (0, {str(UNMAPPED): ("skipped", reason)})
    assert shell.world.orders_of(UNMAPPED) == []


def test_of_a_copy_no_order_is_made_while_tripleseat_can_not_be_asked(shell: Shell) -> None:
    shell.sync()
    map_cake(shell)
    shell.world.wires["tripleseat"].down = True
    ran = shell.replay("--held", "--from-snapshot", "--json")
    assert (ran.status, verdicts(ran)) == (13, {str(UNMAPPED): ("failed", "UPSTREAM_UNAVAILABLE")})
    foreseen = shell.replay("--held", "--from-snapshot", "--json", "--dry-run")
    assert (foreseen.status, verdicts(foreseen)) == (0, {str(UNMAPPED): ("planned", None)})
    assert shell.world.orders_of(UNMAPPED) == []


def test_a_trusted_copy_that_the_event_has_outgrown_is_not_used(shell: Shell) -> None:
    trust(shell)
    shell.sync()
    map_cake(shell)
    shell.world.time.move(minutes=5)
    shell.world.tripleseat.cancel_event(UNMAPPED)
    with shell.world.ledger() as ledger:
        known = ledger.events.last_results([EventId(str(UNMAPPED))])[EventId(str(UNMAPPED))]
        later = EventResult(known.event_id, known.day, "failed", None, "", None, updated=shell.world.time.now)
        ledger.events.store_results(ledger.runs.latest(1)[0].run_id, [later])
    ran = shell.replay("--held", "--from-snapshot", "--json")
    assert (ran.status, verdicts(ran)) == (3, {str(UNMAPPED): ("failed", "EVENT_DATA_UNAVAILABLE")})
    assert "has changed since" in ran.answer["error"]
    assert shell.world.orders_of(UNMAPPED) == []


def test_a_copy_that_failed_again_is_kept(shell: Shell) -> None:
    shell.sync()
    for _ in range(2):
        ran = shell.replay("--held", "--from-snapshot", "--json")
        assert verdicts(ran) == {str(UNMAPPED): ("held", "UNMAPPED_ITEMS")}


def test_a_copy_that_can_not_be_read_stops_everything(shell: Shell) -> None:
    shell.sync()
    with shell.world.ledger() as ledger:
        ledger._transactions.connection.execute("UPDATE sightings SET snapshot = '{}' WHERE snapshot IS NOT NULL")
    ran = shell.replay("--held", "--from-snapshot", "--json")
    assert ran.status == 14
    assert "Leave out --from-snapshot" in ran.out + ran.err


@pytest.mark.parametrize("more", [[], ["--from-snapshot"]])
def test_a_dry_run_tells_what_would_happen_and_writes_nothing(shell: Shell, more: list[str]) -> None:
    shell.sync()
    map_cake(shell)
    written = len(shell.world.writes)
    ran = shell.replay("--held", "--dry-run", "--json", *more)
    assert (ran.status, verdicts(ran), len(shell.world.writes)) == (0, {str(UNMAPPED): ("planned", None)}, written)
    assert verdicts(shell.replay("--held", "--json", *more)) == {str(UNMAPPED): ("injected", None)}


def test_the_report_of_a_run_of_events_is_that_of_sync(shell: Shell) -> None:
    shell.sync()
    map_cake(shell)
    assert shell.replay("--held").lines == ["[sync-00000002] 1 event: 1 order made (124.00)"]
    shell.world.add_event(64000050, lines=[("Moon Cake", 1, 9)])
    assert "Moon Cake" in shell.replay("--event", "64000050", tty=True).out


def test_a_disabled_connector_asks_nobody(shell: Shell) -> None:
    shell.world.config["safety"]["enable_connector"] = False
    for argv in (["--held"], ["--event", str(FULL)], ["--run", "x"]):
        ran = shell.replay(*argv)
        assert (ran.status, ran.out, shell.requests) == (0, "", 0)
    assert not shell.world.settings().ledger_path.exists()


def test_a_service_that_is_down_is_told(shell: Shell) -> None:
    shell.world.wires["tripleseat"].down = True
    ran = shell.replay("--event", str(FULL), "--json")
    assert (ran.status, verdicts(ran)) == (13, {str(FULL): ("failed", "UPSTREAM_UNAVAILABLE")})
    assert shell.replay("--event", str(FULL), "-q").out != ""


WRONG: list[list[Any]] = [
    [],
    ["--held", "--run", "x"],
    ["--held", "--event", "5"],
    ["--run", "x", "--event", "5"],
    ["spool", "--held"],
    ["spool", "--event", "5"],
    ["spool", "--from-snapshot"],
    ["--held", "--signature", "t=1,v1=00"],
    ["--held", "--unsigned"],
    ["--held", "--plain"],
    ["--event", "5", "--archive", "done"],
    ["gone.json"],
]


@pytest.mark.parametrize("argv", WRONG, ids=" ".join)
def test_what_does_not_go_together_is_a_usage_error(shell: Shell, tmp_path: Path, argv: list[str]) -> None:
    (tmp_path / "spool").mkdir()
    given = [str(tmp_path / each) if each in ("spool", "done", "gone.json") else each for each in argv]
    ran = shell.replay(*given, "--json")
    assert (ran.status, ran.answer["exit_status"], shell.requests) == (2, 2, 0)
    assert ran.err
    assert names_in(tmp_path) == ["config.toml", "spool", "token.json"]
