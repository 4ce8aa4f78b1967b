"""The benchmark of growth, at sizes that take seconds: each of its tables is made, and says what its page says."""

from __future__ import annotations

import re
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from benchmarks import __main__ as command
from benchmarks.report import Goal
from benchmarks.scale import DOCUMENTED_RATE, LATENCY, PARTS, STUCK, SimulatedClock, Sizes, measure_scale, simulate

TINY = Sizes(events=60, orders=150, days=3, products=300, catalogues=2, establishments=4, due=2, workers=(1, 4))
NOON = datetime(2026, 12, 12, 12, tzinfo=UTC)
real_process = pytest.mark.real_process
Captured = pytest.CaptureFixture[str]


def row(printed: str, name: str) -> dict[str, str]:
    """The row of a printed table that begins with `name`: its figures by their heads."""
    lines = printed.splitlines()
    [at] = [n for n, line in enumerate(lines) if line.startswith(f"{name}  ")]
    head = next(line for line in reversed(lines[:at]) if line.endswith("MB"))
    heads, cells = (re.split(r"  +", line.strip()) for line in (head, lines[at]))
    return dict(zip(heads[-len(cells) + 1 :], cells[1:], strict=True))


def figure(goals: list[Goal], part: str) -> float:
    [goal] = [each for each in goals if part in each.what]
    return goal.figure


@real_process
def test_an_idle_run_asks_for_pages_of_fifty_and_nothing_of_an_event(capsys: Captured) -> None:
    goals = PARTS["listing"](TINY)
    printed = capsys.readouterr().out
    assert "One listing of 60 events, none of them changed" in printed
    assert "Revel GET Order: 2, TripleSeat GET events/search: 3" in printed
    assert (row(printed, "an idle run")["requests"], figure(goals, "requests")) == ("5", 5)
    assert [goal.most for goal in goals] == [10, 110, 150]


@real_process
def test_a_ledger_of_past_runs_passes_its_own_check(capsys: Captured) -> None:
    goals = PARTS["ledger"](TINY)
    printed = capsys.readouterr().out
    assert "A ledger of 150 settled orders and 3 days of runs, " in printed
    assert {name for name in ("status", "ledger check", "sync", "history") if row(printed, name)}
    assert [goal.most for goal in goals] == [1, 60, 150, 150, 150, 150]


@real_process
def test_big_catalogues_are_read_once_and_kept(capsys: Captured) -> None:
    [goal] = PARTS["catalogues"](TINY)
    printed = capsys.readouterr().out
    assert "300 products at each of 2 establishments, an event at each" in printed
    pages = [row(printed, name)["catalogue pages"] for name in ("a new ledger", "the next run")]
    assert (pages, goal.most) == (["4", "0"], 150)


@real_process
def test_every_order_is_made_whatever_the_workers(capsys: Captured) -> None:
    [goal] = PARTS["establishments"](TINY)
    printed = capsys.readouterr().out
    assert "4 establishments with 2 events each, 300 requests a minute" in printed
    one, four = row(printed, "1"), row(printed, "4")
    assert (one["late"], one["runs"]) == ("0", "1")
    assert int(one["Revel"]) <= int(four["Revel"]) <= int(one["Revel"]) + 3 * 3  # four orders are the account's first
    assert (row(printed, "8 orders").keys() & {"requests", "ledger MB"}, goal.most) == ({"requests", "ledger MB"}, 150)


def test_one_worker_is_bound_by_the_answers_and_more_by_the_rate() -> None:
    one, four = simulate(TINY, 1), simulate(TINY, 4)
    assert one.took >= timedelta(seconds=LATENCY * (one.revel + one.tripleseat))
    assert timedelta(seconds=(four.revel - 1) / DOCUMENTED_RATE) <= four.took < one.took


def test_hardly_an_event_is_fetched_twice_where_several_workers_share_the_rate() -> None:
    """What is prepared together is used while it is fresh: an order takes longer where several are made at a time."""
    sizes = replace(TINY, establishments=20, due=2)
    assert simulate(sizes, 4).tripleseat < 1.25 * simulate(sizes, 1).tripleseat


def test_simulated_time_passes_only_while_everybody_waits() -> None:
    clock = SimulatedClock(NOON)
    began, ended = {}, {}

    def work(name: str, seconds: float) -> None:
        began[name] = clock.now()
        while len(began) < 3:  # at work, for longer than the clock takes to look
            time.sleep(0.001)
        time.sleep(0.02 * seconds)
        clock.sleep(seconds)
        ended[name] = clock.now()

    threads = [threading.Thread(target=work, args=(f"{n}", float(n))) for n in (3, 1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(began.values()) == {NOON}
    assert ended == {str(n): NOON + timedelta(seconds=n) for n in (1, 2, 3)}


def test_simulated_time_passes_whatever_other_threads_of_the_process_do() -> None:
    over = threading.Event()
    stranger = threading.Thread(target=lambda: all(not over.is_set() for _ in iter(int, 1)))
    stranger.start()
    clock = SimulatedClock(NOON)
    try:
        began = time.monotonic()
        for _ in range(3):
            clock.sleep(60)
        assert time.monotonic() - began < STUCK
    finally:
        over.set()
        stranger.join()
    assert clock.now() == NOON + timedelta(minutes=3)


def test_only_the_parts_asked_for_are_measured(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, Sizes]] = []

    def note(name: str, sizes: Sizes) -> list[Goal]:
        asked.append((name, sizes))
        return []

    for name in PARTS:
        monkeypatch.setitem(PARTS, name, partial(note, name))
    measure_scale(50, ["ledger"])
    assert asked == [("ledger", Sizes().smaller(50))]
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--only", "scale", "--scale-parts", "catalogues,listing"])
    assert command.main() == 0
    assert [name for name, _ in asked[1:]] == ["listing", "catalogues"]
    assert "... scale: catalogues" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--only", "scale", "--scale-parts", "menus"])
    with pytest.raises(SystemExit):
        command.main()
    assert "no part is called menus" in capsys.readouterr().err
