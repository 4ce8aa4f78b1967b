"""`ledger check`, `backup`, `export`, `prune`: care of the file, in words and as JSON, beside a run or not."""

from __future__ import annotations

import json
import resource
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tsrevel.ledger import hold_lock

from .bench import Ran, Shell


def ledger(shell: Shell, verb: str, *argv: str, tty: bool = False) -> Ran:
    return shell.run("ledger", verb, "--config", str(shell.write_config()), *argv, tty=tty)


@pytest.fixture
def used(shell: Shell) -> Shell:
    """A shell whose world has had its run."""
    shell.sync()
    return shell


def path_of(shell: Shell) -> Path:
    return shell.world.settings().ledger_path


def test_a_sound_ledger_is_told_with_what_is_in_it(used: Shell) -> None:
    ran = ledger(used, "check")
    assert ran.status == 0
    assert "sound" in ran.lines[0]
    assert "Orders: 0 begun, 3 finished, 0 to be checked, 0 somebody else's." in ran.out
    answer = ledger(used, "check", "--json").answer
    assert (answer["exists"], answer["orders"]["settled"], answer["tables"]["runs"]) == (True, 3, 1)
    assert (answer["success"], answer["audit_rows"]) == (True, answer["tables"]["audit"])
    assert ledger(used, "check", "-q").out == ""


def test_a_ledger_that_isn_t_there_fails_every_check_and_none_is_made(shell: Shell) -> None:
    ran = ledger(shell, "check")
    assert (ran.status, ran.out, str(path_of(shell)) in ran.err) == (10, "", True)
    assert ledger(shell, "check", "-q").status == 10
    answer = ledger(shell, "check", "--json").answer
    assert (answer["success"], answer["exit_status"]) == (False, 10)
    for verb, argv in (("backup", ["copy"]), ("export", []), ("prune", ["--older-than", "9"])):
        assert ledger(shell, verb, *argv).status == 10
    assert not path_of(shell).exists()


def test_a_ledger_that_has_vanished_isn_t_fine(used: Shell) -> None:
    path_of(used).unlink()
    assert ledger(used, "check").status == 10
    used.world.config["ledger"] = {"path": str(path_of(used).with_name("mistyped.sqlite3"))}
    ran = ledger(used, "check")
    assert (ran.status, "mistyped.sqlite3" in ran.err) == (10, True)


def test_a_damaged_ledger_calls_for_a_person(used: Shell) -> None:
    content = bytearray(path_of(used).read_bytes())
    content[len(content) // 2 :] = b"\xff" * (len(content) - len(content) // 2)
    path_of(used).write_bytes(content)
    ran = ledger(used, "check", "--json")
    assert (ran.status, ran.answer["success"], ran.answer["exit_status"]) == (14, False, 14)


def test_an_order_id_that_somebody_has_changed_calls_for_a_person(used: Shell) -> None:
    with closing(sqlite3.connect(path_of(used))) as connection:
        connection.execute("UPDATE orders SET order_id = '1'")
        connection.commit()
    ran = ledger(used, "check")
    assert (ran.status, "event 64000001 has Revel order 1; the audit says 5550103" in ran.err) == (14, True)


def test_a_backup_is_checked_and_can_be_checked_again(used: Shell, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite3"
    with hold_lock(path_of(used)):
        ran = ledger(used, "backup", str(copy))
    assert (ran.status, "checked" in ran.out) == (0, True)
    assert ledger(used, "check", str(copy), "--json").answer["orders"]["settled"] == 3
    again = ledger(used, "backup", str(copy))
    assert (again.status, "exists already" in again.err) == (10, True)
    assert ledger(used, "check", str(tmp_path / "none")).status == 10
    answer = ledger(used, "backup", str(tmp_path / "other"), "--json").answer
    assert (answer["backup"], answer["orders"]["settled"]) == (str(tmp_path / "other"), 3)


def test_an_export_is_json_lines_without_names(used: Shell, tmp_path: Path) -> None:
    printed = ledger(used, "export")
    rows = [json.loads(line) for line in printed.lines]
    assert {"orders", "audit", "runs", "sightings", "receipts"} <= {row["table"] for row in rows}
    for text in ("Boxed Lunch", "Example Widgets", "Ube Celebration"):
        assert text not in printed.out
    output = tmp_path / "export.jsonl"
    ran = ledger(used, "export", "--output", str(output), "--json")
    assert ran.answer["rows"] == len(rows)
    assert output.read_text(encoding="utf-8") == printed.out
    assert output.stat().st_mode & 0o777 == 0o600
    assert ledger(used, "export", "--output", str(output)).status == 10
    assert ledger(used, "export", "--output", str(tmp_path / "no" / "where")).status == 10
    assert "rows of" in ledger(used, "export", "--output", str(tmp_path / "third")).out


def test_an_export_that_does_not_fit_on_the_disk_leaves_no_file_and_can_be_tried_again(
    used: Shell, tmp_path: Path
) -> None:
    output, before = tmp_path / "export.jsonl", resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        ran = ledger(used, "export", "--output", str(output))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (ran.status, f"The file {output} can't be written" in ran.err, "Make room" in ran.err) == (10, True, True)
    assert not list(tmp_path.glob("*export*"))
    assert ledger(used, "export", "--output", str(output)).status == 0


def test_pruning_counts_first_and_never_doubles_an_order(used: Shell) -> None:
    used.world.time.move(days=40)
    counted = ledger(used, "prune", "--older-than", "30", "--dry-run", "--json").answer
    assert (counted["dry_run"], counted["dropped"]["sightings"]) == (True, 3)
    dropped = ledger(used, "prune", "--older-than", "30", "--json").answer
    assert dropped["dropped"] == counted["dropped"]
    assert "0 sightings would be removed" in ledger(used, "prune", "--older-than", "30", "--dry-run").out
    assert ledger(used, "check").status == 0
    orders = len(used.world.revel.orders)
    again = used.sync("--json", "--from", "2026-12-12", "--to", "2026-12-12").answer
    assert {each["reason"] for each in again["events"] if each["revel_order_id"]} == {"ALREADY_INJECTED"}
    assert len(used.world.revel.orders) == orders


def test_pruning_waits_for_no_run_and_no_other_command_takes_its_lock(used: Shell) -> None:
    with hold_lock(path_of(used)):
        assert ledger(used, "prune", "--older-than", "30").status == 11
        assert ledger(used, "prune", "--older-than", "30", "--dry-run").status == 0
        assert ledger(used, "check").status == 0
        assert ledger(used, "export").status == 0


def test_pruning_needs_to_be_told_how_old(used: Shell) -> None:
    assert ledger(used, "prune").status == 2
    assert ledger(used, "prune", "--older-than", "0").status == 2
