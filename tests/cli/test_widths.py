"""At 60, 80 and 120 columns: every amount is whole, names give way, and what needs a person stands out."""

from __future__ import annotations

import io
import re
import shlex
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from rich.cells import cell_len
from rich.color import Color

from tsrevel.cli.context import CliContext
from tsrevel.cli.output import STYLES, WARNING, Column, Fit, Row, TextOutput
from tsrevel.cli.run_text import list_counts, summarise
from tsrevel.planning.money import Cents

from .bench import Ran, Shell, Tty, assert_fits

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
WIDTHS = (60, 80, 120)
LONG = "A name that goes on and on, as the names of weddings and of their many hosts sometimes do"
WIDE = "宴会 – 春の集い、桜の下で皆さまとご一緒に過ごす一日"
BIG, CAKE = 64000050, 64000003
AMOUNT = re.compile(r"\d{1,3}(,\d{3})*\.\d\d")


@pytest.fixture
def crowded(shell: Shell) -> Shell:
    """The sample day, with long and wide names, an order of 24,999.99, and many events besides."""
    world = shell.world
    world.add_event(BIG, name=LONG, lines=[("Boxed Lunch Package", 1, "24999.99")])
    for number in range(1, 13):
        name = WIDE if number % 2 else f"{LONG} {number}"
        world.add_event(BIG + number, name=name, lakeside=number % 3 == 0, lines=[("Coffee Urn", 1, "1038.00")])
    world.revel.add_product(8200, "Celebration Cake of seven tiers, with ube and coconut &amp; more", 8, "12486.00")
    return shell


def typed(shell: Shell, columns: int, *argv: str, **environ: str) -> Ran:
    config = ("--config", str(shell.write_config()))
    return shell.run(*argv, *config, tty=True, environ={"COLUMNS": str(columns), **environ})


def screen(shell: Shell, columns: int, *argv: str) -> list[str]:
    return ESCAPES.sub("", typed(shell, columns, *argv).out).splitlines()


def amounts(text: str) -> list[str]:
    return [each[0] for each in AMOUNT.finditer(text)]


def add_up(summary: str) -> tuple[int, int]:
    """The events that a summary begins with, and the sum of its parts."""
    head, _, parts = summary.partition(" event")
    parts = AMOUNT.sub("", parts.partition("; ")[0].partition(": ")[2])
    return int(head.rpartition(" ")[2].replace(",", "")), sum(map(int, re.findall(r"\d+", parts.replace(",", ""))))


# The table


def draw(columns: tuple[Column, ...], rows: list[Row | str], width: int) -> list[str]:
    out = Tty()
    TextOutput(CliContext(environ={"COLUMNS": str(width), "TERM": "dumb"}, stdout=out)).table(columns, rows)
    return out.getvalue().splitlines()


COLUMNS = (
    *(Column("Event"), Column("Name", Fit.NAME), Column("Match", Fit.TEXT)),
    *(Column("Price", Fit.AMOUNT), Column("Total", Fit.AMOUNT), Column("Order"), Column("Reason")),
)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["", "Tea", LONG, WIDE, "x" * 200, "[bold]no markup[/bold]"])
@pytest.mark.parametrize("total", ["0.00", "24,999.99", "1,234,567.89"])
def test_an_amount_is_whole_and_no_line_too_wide(width: int, name: str, total: str) -> None:
    cells = ("64000001", name, "by the name before the separator", total, total, "5550101", "CHANGED_AFTER_INJECTION")
    lines = draw(COLUMNS, ["2026-12-12, Special Events", Row(cells, note="what to do about it")], width)
    assert max(map(cell_len, lines)) <= width
    (row,) = [line for line in lines if "64000001" in line]
    assert row.split().count(total) == 2
    for whole in ("5550101", "CHANGED_AFTER_INJECTION", "what to do about it"):
        assert whole in "\n".join(lines)
    assert "separator" in " ".join(lines)


def test_a_name_is_cut_before_a_text_is_wrapped_and_a_column_moves() -> None:
    cells = ("1", LONG, "a text of some words", "1.00", "2.00", "3", "CODE")
    at = {width: "\n".join(draw(COLUMNS, [Row(cells)], width)) for width in (200, 90, 70, 40)}
    assert LONG in at[200]
    assert "a text of some words" in at[90]
    assert "…" in at[90]
    assert "a text of some words" not in at[70]
    assert "Reason: CODE" not in at[70]
    assert "Order: 3, Reason: CODE" in at[40]
    assert "1.00   2.00" in at[40]


def test_wide_characters_take_two_columns_each() -> None:
    rows: list[Row | str] = [Row((str(n), each, "", "1.00", "2.00", "", "")) for n, each in enumerate((WIDE, "Tea"))]
    lines = draw(COLUMNS, rows, 60)
    assert len({cell_len(line.partition("1.00")[0]) for line in lines[1:]}) == 1


def test_off_a_terminal_nothing_is_cut_styled_or_followed_by_blanks() -> None:
    out = io.StringIO()
    rows: list[Row | str] = [Row(("1", LONG * 5, WIDE * 5, "1.00", "2.00", "", "")), Row(("2", "", "", "", "", "", ""))]
    TextOutput(CliContext(environ={"COLUMNS": "60"}, stdout=out)).table(COLUMNS, rows)
    _, first, second = out.getvalue().splitlines()
    assert LONG * 5 in first
    assert WIDE * 5 in first
    assert "\x1b" not in first
    assert (first[-4:], second) == ("2.00", "  2")


@pytest.mark.parametrize("name", ["Ube Celebration Cake", LONG, WIDE])
@pytest.mark.parametrize("columns", [30, *WIDTHS])
def test_a_command_can_be_copied_from_any_terminal(name: str, columns: int) -> None:
    out = Tty()
    words = ["tsrevel map set", "--establishment 8", shlex.quote(name), "8200"]
    TextOutput(CliContext(environ={"COLUMNS": str(columns)}, stdout=out)).command(words, indent=6)
    assert shlex.split(out.getvalue()) == [
        "tsrevel",
        "map",
        "set",
        "--establishment",
        "8",
        name,
        "8200",
    ]
    assert out.getvalue().count("\n") == 1


@pytest.mark.parametrize("columns", [30, *WIDTHS])
@pytest.mark.parametrize("name", ["Tea", LONG, 'Bob\'s "best" cake'])
def test_a_command_inside_a_text_can_be_copied_too(columns: int, name: str) -> None:
    command = f"tsrevel map set --establishment 8 {shlex.quote(name)} 8200 --config /etc/brand.toml"
    text = f"no product has this name: run `{command}`, or wait; `tsrevel explain` says more"
    out, err = Tty(), Tty()
    ctx = CliContext(environ={"COLUMNS": str(columns)}, stdout=out, stderr=err)
    TextOutput(ctx).line(text, indent=2)
    ctx.tell(text)
    for printed in (out, err):
        assert copied(printed.getvalue()) == [command, "tsrevel explain"]


# The commands


def copied(out: str) -> list[str]:
    """The commands that a person copies from the screen, between backticks, as a shell reads them."""
    found = re.findall("`([^`]+)`", ESCAPES.sub("", out))
    assert not [each for each in found if "\n" in each]
    return [shlex.join(shlex.split(each)) for each in found]


@pytest.mark.parametrize("columns", WIDTHS)
def test_every_command_that_is_printed_can_be_copied(shell: Shell, columns: int) -> None:
    config = shlex.quote(str(shell.write_config()))
    argvs = (
        *(("sync",), ("status",), ("explain", "64000005"), ("history", "64000005"), ("map", "check"), ("map", "list")),
        *(("reconcile",), ("doctor",), ("pause", "--reason", "stocktaking"), ("sync",), ("resume",)),
    )
    for argv in argvs:
        ran = typed(shell, columns, *argv)
        commands = [each for each in copied(ran.out) + copied(ran.err) if each.startswith("tsrevel ")]
        assert all(each.endswith(f"--config {config}") for each in commands), (argv, commands)
        assert commands or argv[0] not in {"sync", "status", "map check", "reconcile", "doctor", "pause"}, argv


@pytest.mark.parametrize("columns", WIDTHS)
def test_a_run_shows_every_total_whole_and_its_summary_adds_up(crowded: Shell, columns: int) -> None:
    lines = screen(crowded, columns, "sync")
    assert_fits(lines, columns)
    rows = {line.split()[0]: line for line in lines if line.startswith("  640")}
    assert len(rows) == 20
    assert rows[str(BIG)].split()[-2] == "24,999.99"
    for number in range(1, 13):
        assert amounts(rows[str(BIG + number)]) == ["1,038.00"]
    summary = " ".join(lines[lines.index(next(line for line in lines if line.startswith("20 events"))) : -1])
    assert summary == "20 events: 16 orders made (38,736.22), 1 held, 1 missed, 2 with nothing to do"
    assert add_up(summary) == (20, 20)
    shown = sum(int(amounts(row)[0].replace(",", "").replace(".", "")) for row in rows.values() if amounts(row))
    assert shown == 3873622


@pytest.mark.parametrize("columns", WIDTHS)
def test_every_other_command_shows_amounts_whole(crowded: Shell, columns: int) -> None:
    suggested = screen(crowded, columns, "map", "suggest")
    assert "12,486.00" in " ".join(suggested)
    assert_fits(suggested, columns)
    crowded.run("map", "set", "Ube Celebration Cake", "8200", "--config", str(crowded.write_config()))
    shown = screen(crowded, columns, "map", "check")  # afterwards the orders are made, and no longer planned
    assert any("39,477.22" in amounts(line) for line in shown)
    crowded.sync()
    for argv, wanted in (
        (("explain", str(BIG)), ["24,999.99"]),
        (("status",), ["38,860.22"]),
        (("history",), ["38,860.22"]),
        (("history", str(BIG)), ["24,999.99"]),
        (("map", "list"), ["12,486.00"]),
        (("map", "list", "--seen"), ["12,486.00"]),
    ):
        lines = screen(crowded, columns, *argv)
        for amount in wanted:
            assert any(amount in amounts(line) for line in lines), (argv, amount)
        assert_fits(lines, columns)


def test_events_are_named_on_a_terminal_and_nowhere_else(shell: Shell) -> None:
    for argv in (("map", "check"), ("map", "suggest"), ("explain", str(CAKE)), ("sync-event", str(CAKE))):
        assert "Placeholder Labs birthday" in " ".join(screen(shell, 120, *argv)), argv
        assert "Placeholder" not in shell.run(*argv, "--config", str(shell.write_config())).out, argv


# The summary


@pytest.mark.parametrize(
    ("counts", "total", "dry_run", "text"),
    [
        ({}, 0, False, "0 events: 0 orders made"),
        ({"queried": 1, "injected": 1}, 12345, False, "1 event: 1 order made (123.45)"),
        ({"queried": 1, "injected": 1}, None, False, "1 event: 1 order made"),
        (
            {"queried": 2, "planned": 2},
            100000,
            True,
            "2 events: 2 orders planned (1,000.00); dry run, nothing was written",
        ),
        (
            {"queried": 1200, "injected": 1001, "skipped": 196, "held": 1, "failed": 2, "missed": 3, "changed": 4},
            999,
            False,
            "1,200 events: 1,001 orders made (9.99), 1 held, 2 failed, 3 missed, 4 changed, 189 with nothing to do",
        ),
    ],
)
def test_a_run_is_one_sentence(counts: dict[str, int], total: int | None, dry_run: bool, text: str) -> None:
    assert summarise(counts, None if total is None else {"USD": Cents(total)}, dry_run=dry_run) == text
    assert len(set(add_up(text))) == 1


def test_every_event_is_counted_once() -> None:
    kinds = ("injected", "held", "failed", "missed", "still_missed", "changed", "left")
    for numbers in product((0, 3), repeat=len(kinds) + 1):
        counts = dict(zip(kinds, numbers, strict=False))
        counts["skipped"] = sum(numbers[3:])
        told = list_counts(counts, {"USD": Cents(123456), "GBP": Cents(1)}, verb="made")
        assert add_up(f"9 events: {told}")[1] == sum(numbers)


def test_the_orders_of_several_currencies_are_added_up_for_each_alone(shell: Shell) -> None:
    lakeside = next(each for each in shell.world.config["locations"] if each["name"] == "Lakeside Bakery")
    lakeside["currency"] = "GBP"
    money = "442.51 GBP and 837.72 USD"
    checked = shell.run("map", "check", "--config", str(shell.write_config())).out
    assert "5 orders can be planned (442.51 GBP and 1,454.72 USD)" in checked
    assert f"7 events: 3 orders planned ({money})" in shell.sync("--dry-run").out
    told = shell.sync().lines[0].partition("] ")[2]
    assert told == f"7 events: 3 orders made ({money}), 1 held, 1 missed, 2 with nothing to do"
    for command in ("status", "history"):
        assert told in shell.run(command, "--config", str(shell.write_config())).out
        assert told in " ".join(" ".join(screen(shell, 60, command)).split())


def test_one_currency_needs_no_name(shell: Shell) -> None:
    for each in shell.world.config["locations"]:
        each["currency"] = "GBP"
    assert "3 orders made (1,280.23), 1 held" in shell.sync().lines[0]


def test_what_the_order_limit_leaves_is_no_event_with_nothing_to_do(shell: Shell) -> None:
    left = "1 missed, 3 left for the next run, 2 with nothing to do"
    planned = shell.sync("--max-orders", "1", "--dry-run").lines[0]
    assert planned.endswith(f"7 events: 1 order planned (254.80), {left}; dry run, nothing was written")
    told = shell.sync("--max-orders", "1").lines[0].partition("] ")[2]
    assert told == f"7 events: 1 order made (254.80), {left}"
    for command in ("status", "history"):
        assert told in shell.run(command, "--config", str(shell.write_config())).out
    assert "2 orders made" in shell.sync(tty=True).out


def test_what_the_deadline_leaves_is_no_event_with_nothing_to_do(shell: Shell) -> None:
    shell.world.at("after POST .*/OrderHistory/", lambda: shell.world.time.move(minutes=31))
    told = shell.sync().lines[0].partition("] ")[2]
    assert re.search("[0-9] left for the next run", told)
    assert add_up(told)[0] == add_up(told)[1]


def test_what_a_pause_leaves_is_no_event_with_nothing_to_do(shell: Shell) -> None:
    def pause() -> None:
        with shell.world.ledger() as ledger:
            ledger.runs.pause("stocktaking")

    shell.world.at("POST .*/Order/", pause)
    told = shell.sync().lines[0].partition("] ")[2]
    assert re.search("[0-9] left for the next run", told)
    assert add_up(told)[0] == add_up(told)[1]


def test_a_missed_event_stays_one_that_needs_a_person(shell: Shell) -> None:
    shell.sync()
    out = shell.sync(tty=True, environ={"COLUMNS": "120"}).out
    assert "1 still missed" in out
    assert re.search("64000005.*missed.*EVENT_DAY_PASSED", out)


def test_what_changed_after_injection_is_no_event_with_nothing_to_do(shell: Shell) -> None:
    shell.sync()
    shell.world.revel.state.rows["Order"][5550103]["final_total"] += 5
    dry = screen(shell, 120, "sync", "--dry-run")
    assert any(re.search("64000001 .* changed .* CHANGED_AFTER_INJECTION", line) for line in dry)
    told = shell.sync().lines[0]
    assert told == "[sync-00000003] 7 events: 0 orders made, 1 held, 1 still missed, 1 changed, 4 with nothing to do"
    assert told.partition("] ")[2] in shell.run("history", "--config", str(shell.write_config())).out


def test_the_same_sentence_stands_in_the_ledger_s_runs(shell: Shell) -> None:
    told = shell.sync().lines[0].partition("] ")[2]
    dry = shell.sync("--dry-run", tty=True).out
    assert "7 events: 0 orders planned, 1 held" in dry
    assert "dry run, nothing was" in dry
    for command in ("status", "history"):
        assert told in shell.run(command, "--config", str(shell.write_config())).out
    assert shell.world.settings().environment == "sandbox"


def test_a_failure_is_counted(shell: Shell) -> None:
    shell.world.wires["revel"].down = True
    summary = shell.sync().lines[0]
    assert re.search(r"7 events: 0 orders made, \d failed", summary)
    assert add_up(summary.partition("] ")[2]) == (7, 7)


# What stands out


@pytest.mark.parametrize("style", [*STYLES.values(), WARNING])
def test_a_colour_can_be_read_on_white_and_on_black(style: str) -> None:
    name = next((word for word in style.split() if word.startswith("color(")), None)
    if name is None:
        return
    parts = [each / 255 for each in Color.parse(name).get_truecolor()]
    linear = [each / 12.92 if each <= 0.03928 else ((each + 0.055) / 1.055) ** 2.4 for each in parts]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    assert min(1.05 / (luminance + 0.05), (luminance + 0.05) / 0.05) >= 3.5


def test_held_rows_stand_out_with_and_without_colours(shell: Shell) -> None:
    def codes(out: str, event: str) -> set[str]:
        (row,) = [line for line in out.splitlines() if event in ESCAPES.sub("", line)[:12]]
        return set(";".join(re.findall(r"\x1b\[([0-9;]+)m", row)).split(";")) - {"0", ""}

    coloured = typed(shell, 100, "sync", "--dry-run").out
    assert {"1", "7", "38"} <= codes(coloured, str(CAKE))
    assert "7" not in codes(coloured, "64000001")
    plain = typed(shell, 100, "sync", "--dry-run", NO_COLOR="1").out
    assert codes(plain, str(CAKE)) == {"1", "7"}
    assert codes(plain, "64000001") == set()
    dumb = typed(shell, 100, "sync", "--dry-run", TERM="dumb").out
    assert "\x1b" not in dumb
    assert re.search(rf"{CAKE}.* held ", dumb)


# Times


def test_a_time_within_a_text_is_translated_and_nothing_else() -> None:
    out, plain = Tty(), io.StringIO()
    text = "until 2026-07-12 18:00 UTC, not 2026-02-30 10:00 UTC, 2026-07-12 99:99 UTC or 2026-07-12 18:00"
    for stream in (out, plain):
        ctx = CliContext(environ={"COLUMNS": "200"}, stdout=stream)
        ctx.zone = ZoneInfo("America/Denver")
        TextOutput(ctx).line(text)
    assert out.getvalue() == text.replace("18:00 UTC", "12:00 MDT") + "\n"
    assert plain.getvalue() == f"{text}\n"


def test_a_terminal_shows_the_location_s_own_time_and_json_utc(shell: Shell) -> None:
    shell.sync()
    for event, place in ((64000001, "10:00 PST"), (64000002, "11:00 MST")):
        assert f"2026-12-12 {place}" in " ".join(screen(shell, 120, "history", str(event)))
        assert f"2026-12-12 {place}" in " ".join(screen(shell, 120, "explain", str(event), "--offline"))
        off = shell.run("history", str(event), "--config", str(shell.write_config()))
        assert "2026-12-12 18:00 UTC" in off.out
        answer = shell.run("history", str(event), "--config", str(shell.write_config()), "--json", tty=True).answer
        assert answer["event"]["last_seen_at"] == "2026-12-12T18:00:14Z"
    shell.run("pause", "--config", str(shell.write_config()), tty=True)
    assert any("paused since 2026-12-12 10:00 PST" in line for line in screen(shell, 120, "status"))
    assert any("paused since 2026-12-12 10:00 PST" in line for line in screen(shell, 120, "sync"))
