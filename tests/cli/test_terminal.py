"""On a terminal: days and places, a row for each event, what to do about it below; readable at 80 columns."""

from __future__ import annotations

import re

import pytest

from .bench import Shell, assert_fits

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def screen(shell: Shell, *argv: str, columns: int = 100) -> list[str]:
    out = shell.sync(*argv, tty=True, environ={"COLUMNS": str(columns)}).out
    return ESCAPES.sub("", out).splitlines()


def test_every_event_has_a_row_under_its_day_and_place(shell: Shell) -> None:
    lines = screen(shell)
    assert lines[0].split() == ["Event", "Name", "Status", "Total", "Order", "Reason"]
    title = lines.index("2026-12-12, Lakeside Bakery")
    assert lines[title + 1].split() == ["64000002", "Sample", "Realty", "breakfast", "injected", "254.80", "5550101"]
    assert sum(line.startswith("  640") for line in lines) == 7


def test_what_to_do_stands_below_the_row(shell: Shell) -> None:
    lines = screen(shell)
    row = next(n for n, line in enumerate(lines) if "64000003" in line)
    assert lines[row].split()[-2:] == ["held", "UNMAPPED_ITEMS"]
    assert lines[row + 1].startswith("      1 of 2 lines has no product at establishment 8: 'Ube Celebration Cake'")


def test_the_run_ends_in_one_line(shell: Shell) -> None:
    assert screen(shell)[-2:] == [
        "7 events: 3 orders made (1,280.23), 1 held, 1 missed, 2 with nothing to do",
        "run sync-00000001",
    ]


@pytest.mark.parametrize("columns", [80, 100, 120])
def test_no_line_is_wider_than_the_terminal(shell: Shell, columns: int) -> None:
    shell.world.add_event(name="A name that goes on and on, as the names of weddings sometimes do")
    assert_fits(screen(shell, columns=columns), columns)


def test_a_narrow_terminal_cuts_names_and_nothing_else(shell: Shell) -> None:
    text = "\n".join(screen(shell, columns=80))
    assert "Example Widgets ho…" in text or "Example Widgets hol…" in text
    for whole in ("64000005", "EVENT_DAY_PASSED", "STATUS_NOT_ELIGIBLE", "837.72", "5550103", "Special Events"):
        assert whole in text


def test_wide_characters_keep_the_columns_straight(shell: Shell) -> None:
    from rich.cells import cell_len

    shell.world.add_event(name="宴会 – 春の集い")
    lines = [line for line in screen(shell) if line.startswith("  640") and "injected" in line]
    assert len({cell_len(line.partition("injected")[0]) for line in lines}) == 1


def test_names_are_text_and_no_markup(shell: Shell) -> None:
    shell.world.add_event(name="[bold]Party[/bold] :smile:")
    assert any("[bold]Party[/bold] :smile:" in line for line in screen(shell))


def test_colour_is_for_terminals_that_want_it(shell: Shell) -> None:
    coloured = re.compile(r"\x1b\[(?:\d+;)*3[0-9]m")
    assert coloured.search(shell.sync("--dry-run", tty=True).out)
    assert not coloured.search(shell.sync("--dry-run", tty=True, environ={"NO_COLOR": "1"}).out)
    assert "\x1b" not in shell.sync("--dry-run", tty=True, environ={"TERM": "dumb"}).out
    assert "\x1b" not in shell.sync("--dry-run").out


def test_what_was_done_before_needs_no_second_line(shell: Shell) -> None:
    shell.sync()
    lines = screen(shell)
    row = next(n for n, line in enumerate(lines) if "64000001" in line)
    assert lines[row].split()[-1] == "ALREADY_INJECTED"
    assert not lines[row + 1].startswith("      ")


def test_what_a_station_changed_of_it_stands_below_its_row(shell: Shell) -> None:
    shell.sync()
    shell.world.revel.state.rows["Order"][5550103]["final_total"] += 5
    lines = screen(shell)
    row = next(n for n, line in enumerate(lines) if "64000001" in line)
    assert lines[row].split()[-1] == "CHANGED_AFTER_INJECTION"
    assert lines[row + 1].startswith("      Revel order 5550103")


def test_a_disabled_connector_is_told_to_a_person(shell: Shell) -> None:
    shell.world.config["safety"]["enable_connector"] = False
    assert screen(shell) == [
        "The connector is disabled (safety.enable_connector): no service was called, and nothing was written."
    ]


def test_an_empty_listing_is_told_to_a_person(shell: Shell) -> None:
    shell.world.tripleseat.state.events.clear()
    assert screen(shell) == ["0 events: 0 orders made", "run sync-00000001"]


def test_a_bar_says_how_many_of_how_many_events_are_done(shell: Shell) -> None:
    told = ESCAPES.sub("", shell.sync(tty=True).err)
    assert "reading" in told
    assert "7 of 7" in told
    assert "0:00:00 so far" in told
