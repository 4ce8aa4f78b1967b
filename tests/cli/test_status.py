"""`status`: how things stand, by the ledger alone, whatever state that is in."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tsrevel.planning.assumptions import AssumptionAnswer, AssumptionCode, AssumptionResult

from ..world import Died, World
from .bench import Ran, Shell, assert_fits

CITY, LAKE = "30501", "30502"
FULL, PAID, UNMAPPED, EARLY, MISSED, LOST, TWINS = range(64000001, 64000008)


def status(shell: Shell, *argv: str, tty: bool = False) -> Ran:
    """`status`, once it is seen that nobody was asked."""
    before = shell.requests
    ran = shell.run("status", "--config", str(shell.write_config()), *argv, tty=tty)
    assert shell.requests == before
    return ran


def ids(events: list[dict[str, str]]) -> list[str]:
    return [each["id"] for each in events]


def test_before_the_first_run_it_says_so_and_makes_nothing(shell: Shell) -> None:
    ran = status(shell, "--json")
    assert (ran.status, ran.answer["success"], ran.answer["has_ledger"]) == (0, True, False)
    assert (ran.answer["last_good_run"], ran.answer["stale"], ran.answer["runs"]) == (None, True, [])
    assert "no run has used" in ran.answer["warnings"][0]
    assert list(shell.world.folder.glob("ledger*")) == []


def test_it_tells_what_is_held_missed_and_due_with_reason_place_and_time(shell: Shell) -> None:
    shell.sync()
    shell.world.time.move(minutes=45)
    shell.sync()
    told = status(shell, "--json").answer
    [held], [missed], [due] = told["held"], told["missed"], told["due"]
    assert (held["id"], held["date"], held["location"]) == (str(UNMAPPED), "2026-12-12", "Special Events")
    assert (held["reason"], held["category"]) == ("UNMAPPED_ITEMS", "validation")
    assert held["since"] == "2026-12-12T18:00:14Z" < held["last_seen_at"]
    assert "tsrevel map suggest" in held["advice"]
    assert (missed["id"], missed["reason"], missed["missed_at"]) == (
        str(MISSED), "EVENT_DAY_PASSED", "2026-12-12T18:00:14Z",
    )  # fmt: skip
    assert (due["id"], due["date"], due["reason"], due["overdue"]) == (str(EARLY), "2026-12-18", "TOO_EARLY", False)
    assert (told["failed"], told["orders"], told["warnings"], told["stale"]) == ([], [], [], False)


def test_the_last_good_run_is_told_with_what_its_exit_status_means(shell: Shell) -> None:
    shell.sync()
    assert "exit 3 (an event was held or failed, or" in status(shell).out
    assert "exit 3 (an event was held or failed, or" in status(shell, tty=True).out


def test_what_a_live_run_knows_is_no_news_to_a_dry_one_and_listed_once(shell: Shell) -> None:
    shell.sync()
    dry = shell.sync("--dry-run")
    assert f"held event {UNMAPPED}" not in dry.out
    told = status(shell, "--json").answer
    assert (ids(told["held"]), told["dry_run_findings"]) == ([str(UNMAPPED)], [])
    shell.sync()
    assert f"{UNMAPPED}" not in shell.sync("--dry-run").out
    assert status(shell).out.count(f"held: event {UNMAPPED}") == 1


def test_runs_are_told_newest_first_with_their_end(shell: Shell) -> None:
    shell.sync()
    shell.sync("--dry-run")
    first, second = status(shell, "--json").answer["runs"]
    assert (first["dry_run"], second["dry_run"]) == (True, False)
    assert (second["exit_status"], second["seconds"], second["summary"]["injected"]) == (3, 14, 3)
    assert len(status(shell, "--json", "--limit", "1").answer["runs"]) == 1
    assert status(shell, "--json").answer["last_good_run"]["run_id"] == second["run_id"]


def test_the_mode_is_told_with_where_its_value_comes_from(shell: Shell) -> None:
    shell.sync()
    assert "mode: live (safety.dry_run = false, config.toml)" in status(shell).lines
    assert "mode: live (safety.dry_run = false, config.toml)" in status(shell, tty=True).out
    shell.environ["DRY_RUN"] = "true"
    told = status(shell, "--json").answer
    assert (told["dry_run"], told["dry_run_origin"]) == (True, "environment DRY_RUN")


@pytest.mark.parametrize(("here", "of_cron"), [("true", "false"), ("false", "true")])
def test_runs_of_another_environment_are_told_to_differ(shell: Shell, here: str, of_cron: str) -> None:
    shell.sync(environ={"DRY_RUN": of_cron})
    shell.environ["DRY_RUN"] = of_cron
    assert status(shell, "--json").answer["dry_run_differs"] is False
    shell.environ["DRY_RUN"] = here
    told = status(shell, "--json").answer
    assert (told["dry_run"], told["dry_run_differs"]) == (here == "true", True)
    run = told["runs"][0]["correlation_id"]
    (warning,) = [each for each in told["warnings"] if "safety.dry_run" in each]
    assert (f"safety.dry_run is {here} here (environment DRY_RUN)" in warning, run in warning) == (True, True)
    assert warning in status(shell, "-q").out


def test_a_dry_run_by_hand_doesn_t_hide_that_cron_s_runs_are_live(shell: Shell) -> None:
    shell.sync()
    shell.environ["DRY_RUN"] = "true"
    shell.sync()
    assert status(shell, "--json").answer["dry_run_differs"] is True
    shell.world.time.move(hours=4)
    assert status(shell, "--json").answer["dry_run_differs"] is False


def test_events_planned_by_hand_say_nothing_of_the_runs(shell: Shell) -> None:
    shell.sync()
    shell.sync_event(str(FULL), "--dry-run")
    assert status(shell, "--json").answer["dry_run_differs"] is False


def test_runs_over_single_events_hide_neither_that_runs_are_live_nor_that_a_sync_died(shell: Shell) -> None:
    shell.sync()
    for _ in range(20):
        shell.sync_event(str(FULL), "--dry-run")
    shell.environ["DRY_RUN"] = "true"
    assert status(shell, "--json").answer["dry_run_differs"] is True
    shell.environ["DRY_RUN"] = "false"
    shell.world.at("after GET .*search", shell.world.die)
    with pytest.raises(Died):
        shell.world.sync()
    shell.world.time.move(hours=1)
    shell.sync_event(str(FULL), "--dry-run")
    assert "didn't finish" in status(shell, "-q").out


def test_a_live_run_over_one_event_shows_that_runs_are_live(shell: Shell) -> None:
    shell.sync("--dry-run")
    shell.sync_event(str(FULL))
    shell.environ["DRY_RUN"] = "true"
    assert status(shell, "--json").answer["dry_run_differs"] is True
    shell.world.time.move(hours=4)
    assert status(shell, "--json").answer["dry_run_differs"] is False


def test_a_run_that_raised_an_alarm_is_a_good_run_and_the_alarm_has_its_own_warning(shell: Shell) -> None:
    shell.world.revel.dropped_fields.add("tax")
    assert shell.sync().status == 14
    told = status(shell, "--json").answer
    assert (told["last_good_run"]["exit_status"], told["stale"]) == (14, False)
    assert [each for each in told["warnings"] if not each.startswith("a person must check Revel order")] == []
    assert "exit 14 (a person must check" in status(shell).out


def test_a_run_that_read_no_event_says_why(shell: Shell) -> None:
    shell.world.wires["tripleseat"].down = True
    assert shell.sync().status == 13
    for told in (status(shell).out, shell.run("history", "--config", str(shell.write_config())).out):
        assert "exit 13 (a service is unavailable): no event was read" in told


def test_a_run_that_an_assumption_stopped_is_not_put_down_to_a_setting(shell: Shell) -> None:
    with shell.world.ledger() as ledger:
        code, result = AssumptionCode.REVEL_FINDS_BY_UUID, AssumptionResult.FAILS
        ledger.assumptions.store([AssumptionAnswer(code, result, "it found nothing")])
    assert shell.sync().status == 10
    assert "exit 10 (the settings, the ledger, this machine or an account must be corrected" in status(shell).out


def test_while_runs_are_paused_none_is_missed(shell: Shell) -> None:
    shell.sync()
    shell.run("pause", "--config", str(shell.write_config()))
    shell.world.time.move(hours=40)
    told = status(shell, "--json").answer
    assert (told["stale"], len(told["warnings"])) == (True, 1)


def test_a_run_that_had_no_time_for_all_events_is_no_good_run(shell: Shell) -> None:
    shell.world.at("after POST .*/OrderHistory/", lambda: shell.world.time.move(minutes=29, seconds=10))
    assert shell.sync().status == 0
    assert status(shell, "--json").answer["last_good_run"] is None
    assert "nor does one that left events out)" in status(shell).out
    shell.sync()
    assert status(shell, "--json").answer["stale"] is False


def test_runs_limited_to_each_location_are_good_runs_together_and_the_oldest_counts(shell: Shell) -> None:
    shell.sync("--location", CITY)
    first = status(shell, "--json", "--limit", "1").answer["runs"][0]["run_id"]
    shell.world.time.move(minutes=10)
    shell.sync("--location", LAKE)
    told = status(shell, "--json").answer
    assert (told["last_good_run"]["run_id"], told["stale"], told["warnings"]) == (first, False, [])


def test_a_location_that_no_run_covers_is_told_by_its_name(shell: Shell) -> None:
    shell.sync("--location", CITY)
    told = status(shell, "--json").answer
    assert (told["last_good_run"], told["stale"]) == (None, True)
    assert told["warnings"][0].startswith("there was no good run yet over Lakeside Bakery: no live `sync` has ended")
    assert "good run: none yet over Lakeside Bakery" in status(shell).lines
    shell.sync("--location", LAKE)
    assert status(shell, "--json").answer["warnings"] == []
    shell.world.time.move(hours=4)
    shell.sync("--location", CITY)
    told = status(shell, "--json").answer
    assert (told["stale"], told["seconds_since_good_run"] // 3600) == (True, 4)
    assert told["warnings"][0].startswith("the last good run over Lakeside Bakery ended 4 h 0 min ago")


def test_a_location_that_is_not_allowed_needs_no_run(shell: Shell) -> None:
    shell.world.config["safety"]["allowed_locations"] = [int(CITY)]
    shell.sync("--location", CITY)
    assert status(shell, "--json").answer["warnings"] == []
    shell.world.config["safety"]["allowed_locations"] = []
    assert "over Lakeside Bakery" in status(shell).lines[0]


def test_a_run_over_some_days_is_no_good_run_and_the_warning_says_so(shell: Shell) -> None:
    assert shell.sync("--from", "2026-12-12", "--to", "2026-12-12").status == 3
    told = status(shell, "--json").answer
    assert told["last_good_run"] is None
    assert "there was no good run yet: no live `sync`" in told["warnings"][0]
    assert "one with --from or --to doesn't count" in told["warnings"][0]


def test_too_long_without_a_good_run_is_told_loudly(shell: Shell) -> None:
    shell.sync()
    shell.world.time.move(hours=4)
    told = status(shell, "--json").answer
    assert (told["stale"], told["seconds_since_good_run"]) == (True, 4 * 3600)
    assert "4 h 0 min ago" in told["warnings"][0]
    assert status(shell).lines[0].startswith("warning: the last good run ended 4 h 0 min ago")
    shell.world.time.move(days=4)
    assert "4 days ago" in status(shell).lines[0]


def test_without_a_good_run_yet_it_says_so(shell: Shell) -> None:
    shell.sync("--dry-run")
    assert "there was no good run yet" in status(shell).lines[0]
    shell.world.tripleseat.faults.add("status", "GET", times=None, status=500)
    assert shell.sync().status == 13
    assert status(shell, "--json").answer["stale"] is True


def test_failures_are_told_until_they_are_over(shell: Shell) -> None:
    shell.world.wires["revel"].down = True
    shell.sync()
    told = status(shell, "--json").answer
    assert str(FULL) in ids(told["failed"])
    assert {each["reason"] for each in told["failed"]} == {"UPSTREAM_UNAVAILABLE"}
    shell.world.wires["revel"].down = False
    shell.sync()
    assert status(shell, "--json").answer["failed"] == []


def test_an_order_begun_is_told_with_how_far_it_is(shell: Shell) -> None:
    shell.world.at("after POST /resources/Payment/", shell.world.die)
    with pytest.raises(Died):
        shell.world.sync_event(FULL)
    told = status(shell, "--json").answer
    [order] = told["orders"]
    assert (order["event_id"], order["state"], order["revel_order_id"]) == (str(FULL), "claimed", "5550101")
    assert (order["total"], order["receipts"], order["steps"]) == ("837.72", 7, 10)
    assert (order["date"], order["location"]) == ("2026-12-12", "Special Events")
    assert told["runs"][0]["finished_at"] is None
    assert "not finished: it is under way, was stopped, died, or couldn't store its end" in status(shell).out
    shell.world.time.move(hours=1)
    assert "didn't finish: it hangs, was stopped, died, or couldn't store its end" in status(shell).out


def test_a_run_that_did_not_finish_and_that_another_one_followed_is_not_under_way(shell: Shell) -> None:
    shell.world.at("after POST /resources/Payment/", shell.world.die)
    with pytest.raises(Died):
        shell.world.sync()
    shell.world.sync_event(EARLY)
    shell.world.time.move(hours=1)
    history = shell.run("history", "--config", str(shell.write_config())).out
    for told in (status(shell).out, history):
        assert "not finished: it was stopped, died, or couldn't store its end" in told
    assert "didn't finish: it was stopped, died, or couldn't store its end" in status(shell).out


def test_a_disputed_order_is_a_warning(shell: Shell) -> None:
    shell.world.revel.dropped_fields.add("tax")
    shell.sync()
    told = status(shell, "--json").answer
    assert {each["state"] for each in told["orders"]} == {"disputed"}
    assert f"a person must check Revel order 5550103 of event {FULL}" in " ".join(told["warnings"])
    assert "tax is 0.00, not 53.24" in " ".join(told["warnings"])


def dispute_the_order(shell: Shell) -> None:
    shell.world.revel.dropped_fields.add("tax")
    shell.sync()


def double_an_item_of_the_finished_order(shell: Shell) -> None:
    world = shell.world
    world.revel.faults.add("drop_before", "POST", "/OrderItem/", times=1, after=1)
    shell.sync()
    [order] = world.orders_of(FULL)
    known = {each["uuid"] for each in world.revel.items_of(order["id"])}
    world.time.move(minutes=45)
    shell.sync()
    late = next(each for each in world.revel.items_of(order["id"]) if each["uuid"] not in known)
    world.revel.add("OrderItem", None, **{key: late[key] for key in late.keys() - {"id", "resource_uri"}})
    world.time.move(minutes=45)
    assert shell.sync().status == 14


@pytest.mark.parametrize("trouble", [dispute_the_order, double_an_item_of_the_finished_order])
def test_every_command_advises_to_correct_an_order_of_ours_with_a_wrong_amount_in_revel(
    tmp_path: Path, trouble: Callable[[Shell], None]
) -> None:
    shell = Shell(World(tmp_path, "full"))
    trouble(shell)
    config = ("--config", str(shell.write_config()))
    held = {each["id"]: each for each in status(shell, "--json").answer["held"]}
    assert held[str(FULL)]["reason"] == "AMOUNT_MISMATCH"
    known = shell.run("history", str(FULL), *config, "--json").answer["event"]
    offline, live = (shell.run("explain", str(FULL), *config, "--json", *more).answer for more in (("--offline",), ()))
    advised = [held[str(FULL)], known, offline, offline["last_seen"], live, live["last_seen"]]
    resolved = shell.run("resolve", str(FULL), *config, "--as", "done", "--note", "corrected in Revel", "--json").answer
    for each in (*advised, resolved["event"]):
        assert each["advice"].startswith("check the order in Revel and correct it there (")


def test_an_event_without_an_order_whose_amounts_dont_match_is_to_be_corrected_in_tripleseat(shell: Shell) -> None:
    shell.world.tripleseat.edit_event(FULL, grand_total="1.00")
    shell.sync()
    held = {each["id"]: each for each in status(shell, "--json").answer["held"]}
    assert "correct the amounts, payments or currency in TripleSeat" in held[str(FULL)]["advice"]


def test_pause_dry_run_and_kill_switch_are_warnings(shell: Shell) -> None:
    shell.sync()
    with shell.world.ledger() as ledger:
        ledger.runs.pause("stocktaking")
    shell.world.config["safety"] |= {"dry_run": True, "enable_connector": False}
    told = status(shell, "--json").answer
    assert (told["dry_run"], told["enabled"], told["paused"]["reason"]) == (True, False, "stocktaking")
    texts = " | ".join(told["warnings"])
    assert all(each in texts for each in ("stocktaking", "safety.enable_connector", "safety.dry_run"))


def test_an_event_that_its_day_has_left_behind_is_overdue(shell: Shell) -> None:
    shell.sync()
    shell.world.time.move(days=8)
    [due] = status(shell, "--json").answer["due"]
    assert due["overdue"] is True
    for argv in ([], ["-q"]):
        assert "its time gate has closed, and no run has dealt with it since" in status(shell, *argv).out


def test_a_live_run_of_a_clock_that_was_ahead_is_not_taken_for_a_recent_one(shell: Shell) -> None:
    now = shell.world.time.now
    shell.world.time.move(days=40)
    shell.sync()
    shell.world.time.now = now
    shell.world.config["safety"]["dry_run"] = True
    shell.sync()
    told = status(shell, "--json").answer
    assert (told["dry_run_differs"], "write nothing" in " ".join(told["warnings"])) == (False, True)


LATE = datetime(2026, 12, 13, 5, 30, tzinfo=UTC)
"""21:30 on the 12th at the location that the limit left an event of, in Los Angeles."""


@pytest.mark.parametrize("zone", ["America/New_York", "America/Los_Angeles", "Pacific/Honolulu"])
@pytest.mark.parametrize(
    ("days_after", "hours", "overdue"), [(0, 0, False), (0, 3, True), (1, 3, False), (1, 26, False), (1, 27, True)]
)
def test_an_event_is_overdue_once_its_time_gate_has_closed_by_the_clock_of_its_location(
    shell: Shell, zone: str, days_after: int, hours: int, overdue: bool
) -> None:
    world = shell.world
    world.time.now = LATE
    world.config["timezone"], world.config["time_gate"] = zone, {"days_after": days_after}
    world.config["safety"]["max_orders_per_run"] = 1
    world.tripleseat.state.events.clear()
    for event in (64000050, 64000051):
        world.add_event(event, day=date(2026, 12, 12))
    shell.sync()
    world.time.move(hours=hours)
    [due] = status(shell, "--json").answer["due"]
    assert (due["reason"], due["overdue"]) == ("RUN_LIMIT_REACHED", overdue)


def test_an_event_of_a_location_that_left_the_settings_is_overdue_by_the_clock_of_the_settings(shell: Shell) -> None:
    shell.sync()
    del shell.world.config["locations"][0]
    shell.world.config["timezone"] = "America/New_York"
    shell.world.time.now = datetime(2026, 12, 19, 6, tzinfo=UTC)
    [due] = status(shell, "--json").answer["due"]
    assert (due["id"], due["overdue"]) == (str(EARLY), True)


def test_what_a_person_settled_is_out_of_the_way(shell: Shell) -> None:
    shell.sync()
    config = str(shell.write_config())
    for event_id in (UNMAPPED, MISSED):
        shell.run("resolve", str(event_id), "--config", config, "--as", "done", "--note", "by hand")
    told = status(shell, "--json").answer
    assert (told["held"], told["missed"]) == ([], [])
    assert {each["event_id"] for each in told["resolved"]} == {str(UNMAPPED), str(MISSED)}
    for out in (status(shell).out, status(shell, tty=True).out):
        assert (f"event {UNMAPPED} as done" in out, f"event {MISSED} as done" in out) == (True, True)


def test_a_second_order_is_told_though_a_person_resolved_its_event(shell: Shell) -> None:
    shell.sync()
    shell.world.add_order(PAID, "Triple Seat_{}")
    while PAID not in held(shell):
        shell.world.time.move(minutes=45)
        shell.sync()
    shell.run("resolve", str(PAID), "--config", str(shell.write_config()), "--as", "done", "--note", "seen")
    assert PAID in held(shell)


def test_an_alarm_is_told_with_the_order_that_the_ledger_knows_and_where_to_read_them_all(shell: Shell) -> None:
    shell.sync()
    [own] = shell.world.orders_of(PAID)
    twin = shell.world.add_order(PAID, "Triple Seat_{}")
    while PAID not in held(shell):
        shell.world.time.move(minutes=45)
        shell.sync()
    told = {each["id"]: each["revel_order_id"] for each in status(shell, "--json").answer["held"]}
    assert told == {str(PAID): str(own["id"]), str(UNMAPPED): None}
    for out in (status(shell).out, status(shell, tty=True).out):
        words = " ".join(out.split())
        assert f"Revel order {own['id']}: keep one order" in words
        assert f"`tsrevel explain {PAID} --config" in words
    explained = shell.run("explain", str(PAID), "--config", str(shell.write_config())).out
    assert (str(own["id"]) in explained, str(twin) in explained) == (True, True)


def held(shell: Shell) -> list[int]:
    return [int(each["id"]) for each in status(shell, "--json").answer["held"]]


def test_while_a_run_goes_on_it_tells_what_is_stored_so_far(shell: Shell) -> None:
    told: list[Ran] = []
    config = str(shell.write_config())
    look = lambda: told.append(shell.run("status", "--config", config, "--json"))  # noqa: E731
    shell.world.at("after POST /resources/Payment/", look)
    assert shell.sync().status == 3
    assert told[0].status == 0
    assert [each["event_id"] for each in told[0].answer["orders"]] == [str(PAID)]


def test_it_leaves_the_ledger_byte_for_byte(shell: Shell) -> None:
    shell.sync()
    before = {each.name: each.read_bytes() for each in shell.world.folder.glob("ledger*")}
    for argv in ((), ("--json",), ("-q",)):
        status(shell, *argv)
    assert {each.name: each.read_bytes() for each in shell.world.folder.glob("ledger*")} == before


def test_a_damaged_ledger_is_fourteen_also_with_json(shell: Shell) -> None:
    shell.sync()
    path = shell.world.folder / "ledger.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("DROP TRIGGER audit_is_never_updated; UPDATE audit SET kind = 'x' WHERE seq = 1")
    ran = status(shell, "--json")
    assert (ran.status, ran.answer["exit_status"], ran.answer["success"]) == (14, 14, False)


def test_off_a_terminal_it_is_a_line_for_each_thing_and_quiet_leaves_what_needs_a_person(shell: Shell) -> None:
    shell.sync()
    lines = status(shell).lines
    heads = [line.split(":")[0] for line in lines]
    assert heads == ["settings", "ledger", "mode", "good run", "run", "assumptions", "held", "missed", "due"]
    assert lines[6].startswith(
        f"held: event {UNMAPPED} (Special Events 2026-12-12) UNMAPPED_ITEMS since 2026-12-12 18:00"
    )
    assert [line.split(":")[0] for line in status(shell, "-q").lines] == ["held", "missed"]


def test_on_a_terminal_it_is_laid_out_for_a_person(shell: Shell) -> None:
    empty = status(shell, tty=True)
    assert "no run has used" in empty.out
    shell.world.revel.dropped_fields.add("tax")
    shell.sync()
    shell.world.time.move(days=8)
    out = status(shell, tty=True).out
    for text in (
        "Last good run",
        "Last runs",
        "Held: these need a person",
        "Missed",
        "Orders that are unfinished",
        "Due next",
        "UNMAPPED_ITEMS",
    ):
        assert text in out, text
    assert_fits(plain(out).splitlines(), 100)


def plain(text: str) -> str:
    """What a terminal shows, without its colours."""
    import re

    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_no_customer_is_named(shell: Shell) -> None:
    shell.sync()
    for argv in ((), ("--json",)):
        out = status(shell, *argv).out
        assert not any(name in out for name in ("Example Widgets", "Jordan", "702"))


def test_deliveries_that_wait_or_failed_are_counted(shell: Shell) -> None:
    spool = shell.world.settings().spool_path
    config = ["--config", str(shell.write_config())]
    assert shell.run("status", "--json", *config).answer["deliveries"] == {"waiting": 0, "oldest_at": None, "failed": 0}
    assert "deliveries:" not in shell.run("status", *config).out
    (spool / "failed").mkdir(parents=True)
    for each in (spool / "a.json", spool / "b.json", spool / "b.sig", spool / "failed" / "c.json"):
        each.write_bytes(b"{}")
    for name, at in (("b.json", 1_797_000_060), ("a.json", 1_797_000_000)):
        os.utime(spool / name, (at, at))
    told = shell.run("status", "--json", *config).answer
    assert told["deliveries"] == {"waiting": 2, "oldest_at": "2026-12-11T14:40:00Z", "failed": 1}
    for tty in (False, True):
        ran = shell.run("status", *config, tty=tty)
        since = "2026-12-11 06:40 PST" if tty else "2026-12-11 14:40 UTC"
        assert f"2 waiting, the oldest since {since}, 1 failed" in ran.out
    assert "can't be used" in shell.run("status", "-q", *config).out


def test_a_delivery_that_waits_for_hours_is_a_warning_unless_runs_are_stopped(shell: Shell) -> None:
    shell.sync()
    spool = shell.world.settings().spool_path
    spool.mkdir()
    (spool / "a.json").write_bytes(b"{}")
    came = shell.world.time.now.timestamp()
    os.utime(spool / "a.json", (came, came))
    shell.world.time.move(hours=2)
    assert status(shell, "-q").out.count("deliveries") == 0
    shell.world.time.move(hours=2)
    assert "deliveries have waited for 4 h" in status(shell, "-q").out
    with shell.world.ledger() as ledger:
        ledger.runs.pause("")
    assert "deliveries" not in status(shell, "-q").out
