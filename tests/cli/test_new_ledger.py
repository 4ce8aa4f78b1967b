"""A ledger that was lost: the first live sync with a new one says what may be forgotten with it, once."""

from __future__ import annotations

import pytest

from .bench import Shell

FIRST = "this is the first live sync with the ledger"


def test_the_first_live_sync_with_a_new_ledger_says_so_once(shell: Shell) -> None:
    first, second = shell.sync("--json"), shell.sync("--json")
    path = shell.world.settings().ledger_path
    [warning] = first.answer["warnings"]
    assert warning.startswith(f"{FIRST} {path}.")
    assert all(word in warning for word in ("lost", "pause", "resolve", "no order is doubled"))
    assert f"WARNING [{first.answer['correlation_id']}] {warning}" in first.err
    assert (second.answer.get("warnings"), second.err) == (None, "")


def test_a_lost_ledger_is_told_by_the_next_live_sync(shell: Shell) -> None:
    shell.sync()
    shell.world.lose_ledger()
    assert FIRST in shell.sync().err
    assert FIRST not in shell.sync().err


@pytest.mark.parametrize("maker", ["sync --dry-run", "pause", "resolve 64000003 --as ignored --note none"])
def test_it_is_told_though_something_else_made_the_new_ledger(shell: Shell, maker: str) -> None:
    made = shell.run(*maker.split(), "--config", str(shell.write_config()))
    assert FIRST not in made.err
    assert shell.world.settings().ledger_path.exists()
    shell.run("resume", "--config", str(shell.write_config()))
    assert FIRST in shell.sync().err


def test_a_run_over_named_events_leaves_it_to_the_first_sync(shell: Shell) -> None:
    assert FIRST not in shell.sync_event("64000003").err
    assert FIRST in shell.sync().err


def test_a_live_sync_that_failed_has_said_it(shell: Shell) -> None:
    shell.world.tripleseat.faults.add("status", "GET", times=None, status=500)
    assert FIRST in shell.sync().err
    assert FIRST not in shell.sync().err


def test_quiet_leaves_it_to_the_json(shell: Shell) -> None:
    ran = shell.sync("--json", "-q")
    assert ran.err == ""
    assert FIRST in ran.answer["warnings"][0]
