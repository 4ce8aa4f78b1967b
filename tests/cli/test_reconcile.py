"""`reconcile` as it is typed: what it prints, how it ends, the page's file, and what it never does."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from tsrevel.ledger import hold_lock

from ..reconcile.bench import Revel, reconcile
from .bench import Shell, assert_fits

KEYS = [
    *("schema", "success", "reason", "exit_status", "at", "from", "to", "ledger", "summary", "locations"),
    *("differences", "notes"),
]
FINDING = [
    *("kind", "reason", "category", "event_id", "revel_order_ids", "date", "location", "establishment", "field"),
    *("tripleseat", "ledger", "revel", "text"),
]
MONEY = ["orders", "items", "discount", "tax", "charges", "total", "payments", "balance"]


def contents(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.is_file() and each.suffix != ".toml"}


def test_the_object_has_these_keys_in_this_order(shell: Shell) -> None:
    shell.sync()
    answer = reconcile(shell, "--json").answer
    assert list(answer) == KEYS
    assert all(list(each) == FINDING for each in [*answer["differences"], *answer["notes"]])
    [day, *_] = answer["locations"][0]["days"]
    assert list(day) == ["date", "agrees", "tripleseat", "ledger", "revel", "unmatched", "whole"]
    assert list(day["revel"]) == MONEY


def test_the_sample_days_money_is_told_by_kind(shell: Shell) -> None:
    shell.sync()
    [place, _] = reconcile(shell, "--json").answer["locations"]
    day = place["days"][-1]
    assert (
        day["revel"]
        == day["ledger"]
        == dict(zip(MONEY, (1, "682.00", "9.60", "53.24", "112.08", "837.72", "200.00", "637.72"), strict=True))
    )


def test_a_day_with_held_and_missed_events_adds_up(shell: Shell) -> None:
    shell.sync()
    places = reconcile(shell, "--json").answer["locations"]
    days = {(place["location"], day["date"]): day for place in places for day in place["days"]}
    held, missed = days["Special Events", "2026-12-12"], days["Special Events", "2026-12-11"]
    assert [(each["kind"], each["tripleseat"]["total"]) for each in held["unmatched"]] == [("held", "124.00")]
    assert [(each["kind"], each["tripleseat"]["total"]) for each in missed["unmatched"]] == [("missed", "444.00")]
    for day in days.values():
        assert day["tripleseat"]["orders"] == day["ledger"]["orders"] == day["revel"]["orders"]
        for side in ("tripleseat", "ledger", "revel"):
            money = {kind: Decimal(day[side][kind]) for kind in MONEY[1:]}
            assert money["items"] - money["discount"] + money["tax"] + money["charges"] == money["total"]
            assert money["total"] - money["payments"] == money["balance"]
            apart = sum(Decimal(each[side]["total"]) for each in day["unmatched"])
            assert money["total"] + apart == Decimal(day["whole"][side]["total"])


def column(lines: list[str], number: int) -> dict[str, Decimal]:
    """The figures of one column of the day that is shown in full, by their labels."""
    rows = [line.split("  ") for line in lines if line.startswith("    ")]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    return {row[0]: Decimal(row[number].replace(",", "").replace("–", "0")) for row in cells if len(row) > 3}


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_reader_can_add_each_column_as_it_stands(shell: Shell, number: int) -> None:
    shell.sync()
    figures = column(reconcile(shell, "--from", "2026-12-12").lines, number)
    parts = [figures[name] for name in ("items", "discount", "tax", "charges")]
    assert sum(parts) == figures["total"]
    assert figures["total"] + figures["payments"] == figures["balance"]
    assert figures["total"] + figures["held (1)"] == figures["whole day"]


def without_style(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_no_line_is_wider_than_the_terminal(shell: Shell) -> None:
    shell.sync()
    shown = without_style(reconcile(shell, tty=True).out)
    assert_fits(shown.splitlines(), 100)
    plain = reconcile(shell)
    assert set(plain.out.split()) <= set(shown.split())  # which has names of events, too
    assert plain.lines[-1].endswith(
        "2 differences between TripleSeat, ledger and Revel (exit status 3). 1 other finding needs nothing."
    )


@pytest.mark.parametrize("columns", ["60", "80"])
def test_no_amount_is_cut_where_the_terminal_is_narrow(shell: Shell, columns: str) -> None:
    shell.sync()
    config = str(shell.write_config())
    out = without_style(shell.run("reconcile", "--config", config, tty=True, environ={"COLUMNS": columns}).out)
    assert_fits(out.splitlines(), int(columns))
    assert {"682.00", "-200.00", "837.72", "961.72", "124.00", "TripleSeat"} <= set(out.split())


def test_colour_marks_what_differs_and_what_agrees(shell: Shell) -> None:
    shell.sync()
    lines = reconcile(shell, tty=True).lines
    assert any("\x1b[38;5;28m" in line and "agree" in line for line in lines)
    assert any("\x1b[1;38;5;160m" in line and "differs" in line for line in lines)


def test_events_are_named_on_a_terminal_only(shell: Shell) -> None:
    shell.sync()
    name = "event 64000003 Placeholder Labs birthday"
    assert name in reconcile(shell, tty=True).out
    assert name not in reconcile(shell).out


def test_days_with_no_event_are_folded(shell: Shell) -> None:
    shell.sync()
    lines = [line.strip() for line in reconcile(shell).lines]
    assert [line for line in lines if "no event" in line] == ["5 days, no event", "6 days, no event"]
    assert "1 day, no event" in reconcile(shell, "--from", "2026-12-11", "--to", "2026-12-11").out


def test_the_three_stand_side_by_side_where_a_day_differs(shell: Shell) -> None:
    shell.sync()
    shell.world.revel.pos_touch(5550103)
    rows = [line.split() for line in reconcile(shell).lines]
    assert ["discount", "-9.60", "-9.60", "0.00", "differs"] in rows
    assert ["tax", "53.24", "53.24", "53.24"] in rows
    assert ["2026-12-12", "2", "orders", "442.51", "442.51", "442.51", "agree"] in rows


def test_quiet_tells_differences_alone(shell: Shell) -> None:
    shell.sync()
    ran = reconcile(shell, "-q")
    assert [line.partition(" ")[0] for line in ran.lines] == ["event_without_order"] * 2
    shell.world.tripleseat.state.events.clear()
    Revel(shell.world).rows["Order"].clear()
    shell.world.lose_ledger()
    assert (reconcile(shell, "-q").status, reconcile(shell, "-q").out) == (0, "")


def test_an_alarm_is_named_first_and_ends_with_14(shell: Shell) -> None:
    shell.sync()
    shell.world.revel.pos_touch(5550103)
    ran = reconcile(shell, "-q")
    assert (ran.status, ran.lines[0].partition(":")[0]) == (14, "ALARM money (discount) AMOUNT_MISMATCH")
    assert "a POS station may have opened the order" in ran.lines[0]


def test_nothing_is_written_to_services_or_ledger(shell: Shell) -> None:
    shell.sync()
    before, writes = contents(shell.world.folder), list(shell.world.writes)
    reconcile(shell, "--json")
    assert contents(shell.world.folder) == before
    assert shell.world.writes == writes
    assert {each.method for each in shell.world.tripleseat.requests} == {"GET"}


def test_a_run_at_work_is_no_hindrance(shell: Shell) -> None:
    shell.sync()
    with hold_lock(shell.world.settings().ledger_path):
        assert reconcile(shell, "--json").status == 3


def test_nothing_compared_because_of_the_kill_switch_is_no_success(shell: Shell) -> None:
    shell.world.config["safety"]["enable_connector"] = False
    ran = reconcile(shell, "--json")
    assert (ran.status, ran.answer["success"], ran.answer["exit_status"]) == (3, False, 3)
    assert (ran.answer["reason"], shell.requests) == ("CONNECTOR_DISABLED", 0)
    ran = reconcile(shell)
    assert (ran.status, ran.out) == (3, "Nothing was checked: the connector is disabled (safety.enable_connector).\n")


def test_so_does_a_pause(shell: Shell) -> None:
    with shell.world.ledger() as ledger:
        ledger.runs.pause("stock-taking")
    ran = reconcile(shell, "--json")
    assert (ran.status, ran.answer["success"], shell.requests) == (3, False, 0)
    assert "paused since" in ran.answer["error"]


@pytest.mark.parametrize("service", ["tripleseat", "revel"])
def test_a_service_that_is_down_ends_it_with_13_and_nothing_half_compared(shell: Shell, service: str) -> None:
    shell.world.wires[service].down = True
    ran = reconcile(shell, "--json")
    assert (ran.status, ran.answer["success"], "differences" in ran.answer) == (13, False, False)


def test_refused_credentials_end_it_with_12(shell: Shell) -> None:
    shell.world.config["revel"]["api_secret"] = "stale"
    ran = reconcile(shell, "--json")
    assert (ran.status, "stale" in ran.out + ran.err) == (12, False)


@pytest.mark.parametrize(
    "argv",
    [["--from", "2026-12-09", "--to", "2026-12-08"], ["--from", "12/09/2026"], ["--html", "/nowhere/at/all.html"]],
)
def test_what_cannot_be_meant_is_a_usage_error(shell: Shell, argv: list[str]) -> None:
    ran = reconcile(shell, "--json", *argv)
    assert (ran.status, shell.requests) == (2, 0)


def test_no_person_event_or_secret_is_named_anywhere(shell: Shell, tmp_path: Path) -> None:
    shell.sync()
    shell.world.revel.pos_touch(5550101)
    page = tmp_path / "page.html"
    ran = reconcile(shell, "-vv", "--html", str(page))
    told = ran.out + ran.err + page.read_text() + reconcile(shell, "--json", "-vv").out
    token = json.loads((shell.world.folder / "token.json").read_text())
    secrets = [shell.world.day.client_secret, shell.world.day.api_secret, token["access_token"], "Jordan", "555-0142"]
    secrets += [event.name for event in shell.world.day.events]
    assert [secret for secret in secrets if secret in told] == []


def test_nothing_of_the_page_is_loaded_where_none_is_wanted() -> None:
    script = "import sys; from tsrevel.cli import reconcile; print('jinja2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_page_is_for_its_owner_and_replaces_an_earlier_one_alone(shell: Shell, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert reconcile(shell, "--html", str(page)).status == 3
    first = page.read_text()
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    shell.sync()
    reconcile(shell, "--html", str(page))
    assert page.read_text() != first
    assert [each.name for each in tmp_path.iterdir() if "page.html" in each.name] == ["page.html"]
    page.write_text("my own notes")
    asked = shell.requests
    ran = reconcile(shell, "--html", str(page))
    assert (ran.status, page.read_text(), shell.requests) == (2, "my own notes", asked)
    assert "isn't a page of" in ran.err


def test_the_page_allows_no_script_and_links_to_events_alone(shell: Shell, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    reconcile(shell, "--html", str(page))
    text = page.read_text()
    assert "default-src 'none'; style-src 'sha256-" in text
    assert set(re.findall(r"(\S*://[^\d]*)", text)) == {'href="https://login.tripleseat.com/events/'}
    assert "<script" not in text


def test_without_a_pattern_the_page_names_no_address(shell: Shell, tmp_path: Path) -> None:
    shell.world.config["tripleseat"]["event_url"] = ""
    page = tmp_path / "page.html"
    reconcile(shell, "--html", str(page))
    assert "://" not in page.read_text()


def test_the_page_s_commands_name_the_settings_file(shell: Shell, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert reconcile(shell, "--html", str(page)).status == 3
    commands = re.findall("<code>(tsrevel [^<]+)</code>", page.read_text())
    assert commands
    assert all(each.endswith(f" --config {shell.world.folder}/config.toml") for each in commands)
