"""With -q: nothing but problems, but each of them: most are told by a single run, and a crontab mails only output."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from ..engine.conftest import FULL, UNMAPPED
from ..engine.deliveries import delivery
from ..engine.test_twins import clone
from ..world import World
from .bench import Ran, Shell
from .captured import KEY, sign


def _quietly(tmp_path: Path, prepare: Callable[[Shell], tuple[str, ...]], flag: str) -> Ran:
    """The run after `prepare`, which returns its command, in a world of its own."""
    folder = tmp_path / (flag or "plain")
    folder.mkdir()
    shell = Shell(World(folder, "full", "unmapped"))
    name, *argv = prepare(shell)
    ran = shell.run(name, *argv, "--config", str(shell.write_config()), *filter(None, [flag]))
    err = re.sub(r"^\S+Z ", "", ran.err, flags=re.MULTILINE)  # when it was said
    return replace(ran, out=ran.out.replace(str(folder), ""), err=err)


def _later(shell: Shell, *, stood: bool = False) -> World:
    """Three quarters of an hour after a first run. `stood`: somebody else had made the order."""
    if stood:
        shell.world.add_order(FULL)
    shell.sync()
    shell.world.time.move(minutes=45)
    return shell.world


def _hold(_shell: Shell) -> tuple[str, ...]:
    return ("sync",)


def _hold_in_a_dry_run(_shell: Shell) -> tuple[str, ...]:
    return ("sync", "--dry-run")


def _hold_a_named_event(_shell: Shell) -> tuple[str, ...]:
    return ("sync-event", str(UNMAPPED))


def _change_a_hold(shell: Shell) -> tuple[str, ...]:
    _later(shell).rewrite_event(UNMAPPED, lines=[("Another Cake", 1, 50)])
    return ("sync",)


def _try_what_is_held_again(shell: Shell) -> tuple[str, ...]:
    _later(shell).rewrite_event(UNMAPPED, lines=[("Another Cake", 1, 50)])
    return ("replay", "--held")


def _miss(shell: Shell) -> tuple[str, ...]:
    shell.world.add_event(64000050, day=date(2026, 12, 11))
    return ("sync",)


def _fail(shell: Shell) -> tuple[str, ...]:
    shell.world.revel.faults.add("status", "POST", "/Payment/", status=503)
    return ("sync",)


def _cancel(shell: Shell) -> tuple[str, ...]:
    _later(shell).tripleseat.cancel_event(FULL)
    return ("sync",)


def _delete(shell: Shell) -> tuple[str, ...]:
    _later(shell).tripleseat.edit_event(FULL, deleted_at="2026-12-12T11:00:00-08:00")
    return ("sync",)


def _change(shell: Shell) -> tuple[str, ...]:
    _later(shell).rewrite_event(FULL, lines=[("Coffee Urn", 3, 38)])
    return ("sync",)


def _change_before_its_order_is_finished(shell: Shell) -> tuple[str, ...]:
    shell.world.revel.faults.add("status", "POST", "/Payment/", status=503)
    _later(shell).tripleseat.edit_event(FULL, event_date_iso8601="2026-12-13")
    return ("sync",)


def _change_at_a_station(shell: Shell) -> tuple[str, ...]:
    _later(shell).revel.state.rows["Order"][5550101]["final_total"] += 5
    return ("sync",)


def _delete_the_order(shell: Shell) -> tuple[str, ...]:
    _later(shell).revel.state.rows["Order"][5550101]["deleted"] = True
    return ("sync",)


def _double_the_order(shell: Shell) -> tuple[str, ...]:
    clone(_later(shell))
    return ("sync",)


def _cancel_with_somebody_elses_order(shell: Shell) -> tuple[str, ...]:
    _later(shell, stood=True).tripleseat.cancel_event(FULL)
    return ("sync",)


def _change_what_a_person_resolved(shell: Shell) -> tuple[str, ...]:
    _later(shell)
    config = str(shell.write_config())
    shell.run("resolve", str(UNMAPPED), "--as", "done", "--note", "by hand", "--config", config)
    shell.world.time.move(minutes=45)
    shell.world.tripleseat.edit_event(UNMAPPED, grand_total="500.00")
    return ("sync",)


def _name_no_event(_shell: Shell) -> tuple[str, ...]:
    return ("sync-event", "64999999")


@pytest.mark.parametrize(
    "prepare",
    [
        _hold,
        _hold_in_a_dry_run,
        _hold_a_named_event,
        _change_a_hold,
        _try_what_is_held_again,
        _miss,
        _fail,
        _cancel,
        _delete,
        _change,
        _change_before_its_order_is_finished,
        _change_at_a_station,
        _delete_the_order,
        _double_the_order,
        _cancel_with_somebody_elses_order,
        _change_what_a_person_resolved,
        _name_no_event,
    ],
)
def test_quiet_leaves_out_no_problem_and_tells_it_in_the_same_words(
    tmp_path: Path, prepare: Callable[[Shell], tuple[str, ...]]
) -> None:
    plain, quiet = (_quietly(tmp_path, prepare, flag) for flag in ("", "-q"))
    problems = [line for line in plain.lines if not line.startswith(("[", "planned "))]
    assert problems
    assert (quiet.status, quiet.lines) == (plain.status, problems)
    assert quiet.status != 0


def test_a_quiet_run_tells_what_is_news_once_as_any_other(tmp_path: Path) -> None:
    shell = Shell(World(tmp_path, "full", "unmapped"))
    assert "UNMAPPED_ITEMS" in shell.sync("-q").out
    shell.world.time.move(minutes=45)
    again = shell.sync("-q")
    assert (again.status, again.out, again.err) == (3, "", "")


def test_a_quiet_delivery_tells_its_problem(shell: Shell) -> None:
    world = shell.world
    world.config["tripleseat"]["webhook_signing_keys"] = [KEY]
    shell.sync("-q")
    world.time.move(minutes=45)
    world.tripleseat.cancel_event(FULL)
    body = delivery(world, FULL)
    ran = shell.replay("-", "-q", "--signature", sign(body), stdin=body)
    (line,) = ran.lines
    assert (ran.status, f"event {FULL}" in line, "CANCELLED_AFTER_INJECTION" in line) == (3, True, True)


def test_quiet_leaves_out_no_warning_of_what_belongs_to_no_event(tmp_path: Path) -> None:
    """Such as a gap after an outage: only the run that ends it tells it."""

    def go_on_after_an_outage(shell: Shell) -> tuple[str, ...]:
        shell.sync()
        shell.world.time.move(days=4)
        return ("sync",)

    plain, quiet = (_quietly(tmp_path, go_on_after_an_outage, flag) for flag in ("", "-q"))
    assert "WARNING [sync-00000002] no good run began in the last 96 hours" in quiet.err
    assert quiet.err == plain.err


def test_quiet_takes_the_steps_out_of_the_log_however_much_is_asked_for(shell: Shell) -> None:
    assert shell.sync("-q", "-vv").err == ""
