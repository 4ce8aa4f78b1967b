"""The monitor and the runs: each live `sync` is pinged at its start and at its end, and never kept waiting for it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from tsrevel.ledger import hold_lock
from tsrevel.wiring import Runtime

from ..notify.healthchecks import Check, Healthchecks
from ..notify.post import ToldWorld
from .bench import Shell

PAID, UNMAPPED = 64000002, 64000003


@pytest.fixture
def told(tmp_path: Path) -> ToldWorld:
    told = ToldWorld(tmp_path)
    told.watch()
    return told


@pytest.fixture
def post(told: ToldWorld) -> Shell:
    return Shell(told)


def test_a_good_run_is_a_start_and_a_success(post: Shell, told: ToldWorld) -> None:
    post.environ["ALLOWED_LOCATIONS"] = "30502"
    assert post.sync().status == 0
    assert told.monitor.pings == ["/start", ""]
    assert set(told.monitor.rids) == {"00000001-0000-0000-0000-000000000000"}


def test_each_run_has_an_id_of_its_own(post: Shell, told: ToldWorld) -> None:
    for _ in range(2):
        post.sync()
    assert len(told.monitor.rids) == 4
    assert len(set(told.monitor.rids)) == 2


def test_a_run_that_holds_an_event_did_its_work(post: Shell, told: ToldWorld) -> None:
    assert post.sync().status == 3
    assert told.monitor.pings == ["/start", ""]


def test_whoever_has_no_mail_can_have_held_events_told_by_the_monitor(post: Shell, told: ToldWorld) -> None:
    told.config["monitor"]["fail_on_held"] = True
    assert post.sync().status == 3
    assert told.monitor.pings == ["/start", "/3"]


def test_the_monitor_gets_ids_counts_and_codes_and_no_customer_s_data(post: Shell, told: ToldWorld) -> None:
    ran = post.sync("--json")
    start, end = told.monitor.bodies
    assert start == {"correlation_id": ran.answer["correlation_id"]}
    reasons = [each["reason"] for each in ran.answer["events"] if each["reason"]]
    assert end == {
        "correlation_id": ran.answer["correlation_id"],
        "exit_status": 3,
        "reason": None,
        "summary": ran.answer["summary"],
        "reasons": {each: reasons.count(each) for each in sorted(reasons)},
    }


def test_a_run_that_ends_before_its_time_says_why_by_a_code(post: Shell, told: ToldWorld) -> None:
    told.wires["tripleseat"].down = True
    post.sync()
    assert told.monitor.bodies[-1]["reason"] == "UPSTREAM_UNAVAILABLE"


@pytest.mark.parametrize("fail_on_held", [False, True])
def test_six_silent_hours_are_an_alarm_although_an_event_is_held_for_days(
    post: Shell, told: ToldWorld, fail_on_held: bool
) -> None:
    check = Check(period=timedelta(minutes=45), grace=timedelta(minutes=30))
    service = Healthchecks(lambda: told.time.now, check)
    told.monitor_at = httpx.WSGITransport(service)
    told.config["monitor"]["fail_on_held"] = fail_on_held
    for _ in range(20):
        assert post.sync().status == 3
        told.time.move(minutes=45)
    before = list(check.alerts)
    assert before == ([] if not fail_on_held else before[:1])
    told.time.move(hours=6)
    check.look(told.time.now)
    assert check.alerts[len(before) :] == ([] if fail_on_held else [told.time.now])


def test_an_unreachable_service_is_told_by_its_exit_status(post: Shell, told: ToldWorld) -> None:
    told.wires["tripleseat"].down = True
    assert post.sync().status == 13
    assert told.monitor.pings == ["/start", "/13"]


def test_runs_that_have_no_time_to_make_any_order_are_no_success(post: Shell, told: ToldWorld) -> None:
    told.config["sync"]["deadline_minutes"] = 5
    told.tripleseat.faults.add("slow", "GET", "/events/search", times=None, seconds=140)
    for _ in range(2):
        ran = post.sync()
        assert ran.lines[0].endswith("7 events: 0 orders made, 6 left for the next run, 1 with nothing to do")
        assert "This run made no order and left 6 events." in ran.err
    assert told.monitor.pings == ["/start", "/13"] * 2


def test_a_run_that_finds_another_one_under_way_pings_nobody(post: Shell, told: ToldWorld, tmp_path: Path) -> None:
    (tmp_path / "odd.json").write_text("[]")
    with hold_lock(told.settings().ledger_path):
        assert post.sync().status == 11
        assert post.sync_event(str(PAID)).status == 11
        assert post.replay("--held").status == 11
        assert post.replay(str(tmp_path / "odd.json"), "--unsigned").status == 11
    assert told.monitor.pings == []


def test_a_ledger_that_cant_even_be_locked_is_told(post: Shell, told: ToldWorld) -> None:
    (told.folder / "file").write_bytes(b"")
    told.config["ledger"]["path"] = str(told.folder / "file" / "ledger.sqlite3")
    assert post.sync().status == 10
    assert told.monitor.pings == ["/10"]


@pytest.mark.parametrize("argv", [["--hours-back", "0"], ["--from", "2026-12-13", "--to", "2026-12-12"]])
def test_a_command_line_that_makes_no_sense_pings_nobody(post: Shell, told: ToldWorld, argv: list[str]) -> None:
    assert post.sync(*argv).status == 2
    assert told.monitor.pings == []


def test_a_ledger_that_cant_be_used_is_told(post: Shell, told: ToldWorld) -> None:
    (told.folder / "ledger.sqlite3").write_bytes(b"")
    assert post.sync().status == 14
    assert told.monitor.pings == ["/start", "/14"]


def test_an_interrupted_run_is_told(post: Shell, told: ToldWorld) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    told.at("before GET", interrupt)
    assert post.sync().status == 130
    assert told.monitor.pings == ["/start", "/130"]


def test_a_dry_run_pings_nobody_as_it_makes_no_order(post: Shell, told: ToldWorld) -> None:
    post.sync("--dry-run")
    post.environ["DRY_RUN"] = "true"
    post.sync()
    assert told.monitor.pings == []


def test_a_disabled_connector_pings_nobody(post: Shell, told: ToldWorld) -> None:
    post.environ["ENABLE_CONNECTOR"] = "false"
    post.sync()
    post.sync_event(str(PAID))
    post.replay("--held")
    assert told.monitor.pings == []


def test_a_pause_pings_nobody(post: Shell, told: ToldWorld) -> None:
    with told.ledger() as ledger:
        ledger.runs.pause("stocktaking")
    post.sync()
    assert told.monitor.pings == []


def test_a_run_that_is_paused_midway_is_told_as_finished(post: Shell, told: ToldWorld) -> None:
    def pause() -> None:
        with told.ledger() as ledger:
            ledger.runs.pause("stocktaking")

    told.at("after POST /resources/Order/", pause)
    assert post.sync().status == 0
    assert told.monitor.pings == ["/start", ""]
    assert told.sendgrid.asked == []


def test_single_events_and_deliveries_dont_touch_the_dead_man_s_switch(
    post: Shell, told: ToldWorld, tmp_path: Path
) -> None:
    (tmp_path / "odd.json").write_text("[]")
    assert post.sync_event(str(PAID)).status == 0
    assert post.replay("--event", str(UNMAPPED)).status == 3
    assert post.replay("--run", "no-such-run").status == 2
    assert post.replay("--held").status == 3
    assert post.replay(str(tmp_path / "odd.json"), "--unsigned").status == 3
    assert told.monitor.pings == []


@pytest.mark.parametrize("status", [404, 500])
def test_a_monitor_that_refuses_changes_nothing_of_the_run(post: Shell, told: ToldWorld, status: int) -> None:
    told.monitor.status = status
    ran = post.sync("--json")
    assert (ran.status, ran.answer["summary"]["injected"]) == (3, 3)
    assert f"the monitor got no ping (success): it answered {status}" in ran.err
    assert "11111111-2222" not in ran.err


@contextmanager
def hanging(drip: bytes = b"") -> Iterator[str]:
    """A service that accepts every connection and never answers; or goes on answering for ever, drop by drop."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepted: list[socket.socket] = []

        def accept() -> None:
            with suppress(OSError):
                while True:
                    wire = listener.accept()[0]
                    accepted.append(wire)
                    if drip:
                        threading.Thread(target=_drip, args=(wire, drip), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for wire in accepted:
                wire.close()


def _drip(wire: socket.socket, drop: bytes) -> None:
    with suppress(OSError):
        wire.sendall(b"HTTP/1.1 ")
        while True:
            wire.sendall(drop)
            time.sleep(0.1)


class RealPost(ToldWorld):
    """The same, with the real network to SendGrid and to the monitor."""

    def runtime(self) -> Runtime:
        return replace(super().runtime(), sendgrid=None, monitor=None)


@pytest.mark.real_process
@pytest.mark.parametrize("drip", [b"", b"0"], ids=["silent", "dripping"])
def test_a_run_whose_monitor_and_sendgrid_both_hang_finishes_in_time(tmp_path: Path, drip: bytes) -> None:
    told = RealPost(tmp_path)
    with hanging(drip) as url:
        told.config["email"]["base_url"] = url
        told.config["monitor"] = {"ping_url": f"{url}/ping/11111111"}
        began = time.monotonic()
        ran = Shell(told).sync("--json")
        lasted = time.monotonic() - began
    assert lasted < 24
    assert (ran.status, ran.answer["summary"]["injected"]) == (3, 3)
    assert ran.err.count("the monitor got no ping") == 2
    assert "mail 1 wasn't sent: SendGrid: no answer" in ran.err
    assert "11111111" not in ran.err


@pytest.mark.real_process
def test_a_monitor_that_hangs_doesnt_delay_the_run_itself(tmp_path: Path) -> None:
    told = RealPost(tmp_path)
    del told.config["email"]
    with hanging() as url:
        told.config["monitor"] = {"ping_url": url}
        began, written = time.monotonic(), 0.0

        def note() -> None:
            nonlocal written
            written = time.monotonic() - began

        told.at("after POST /resources/Order/", note)
        Shell(told).sync()
    assert 0 < written < 4


def test_pause_says_that_the_check_goes_down_unless_it_is_paused_too(post: Shell, told: ToldWorld) -> None:
    settings = ("--config", str(post.write_config()))
    assert "pause its check too" in post.run("pause", *settings).out
    del told.config["monitor"]
    assert "its check" not in post.run("pause", "--config", str(post.write_config())).out
