"""What becomes of deliveries in each state of the installation, and when the service ends, dies and begins again."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tsrevel.ledger import hold_lock
from tsrevel.planning.assumptions import AssumptionCode

from ..cli.bench import PATIENCE, TELL_IMPORTS, execute, first_line, imported_by
from ..cli.captured import KEY, sign_plainly
from ..cli.test_processes import assert_whole
from ..cli.test_renewal_and_signals import SIGNALS, SlowTokenUrl, expire, stored_refresh
from ..engine.test_assumptions import answer
from .bench import BEARER, FULL, PAID, SECOND_KEY, TOKEN, Service, run_service, served, until, world_to_serve

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

pytestmark = pytest.mark.real_process


def tsrevel(service: Service, *argv: str) -> int:
    return execute(*argv, "--config", str(service.world.folder / "config.toml")).status


def test_a_pause_is_kept_and_its_end_needs_no_restart(tmp_path: Path) -> None:
    with served(tmp_path, "full") as service:
        assert tsrevel(service, "pause") == 0
        assert service.send(service.body()).status_code == 200
        requests = len(service.world.tripleseat.requests)
        trial = service.client.post("/test/webhook", content=service.body(), headers=BEARER).json()
        asked = service.client.get("/api/sync/tripleseat", headers=BEARER)
        assert trial["reason"] == asked.json()["reason"] == "CONNECTOR_DISABLED"
        assert (asked.status_code, len(service.waiting)) == (200, 1)
        assert len(service.world.tripleseat.requests) == requests
        health = service.health()
        assert (health["waiting"], health["oldest_waiting_seconds"] is not None) == (1, True)
        assert tsrevel(service, "resume") == 0
        service.settle()
        assert_whole(service.world)


def test_what_ends_the_run_of_a_delivery_early_is_in_the_log(tmp_path: Path) -> None:
    with world_to_serve(tmp_path, "full", "paid") as world:
        answer(world, AssumptionCode.REVEL_UUID_KEPT)
        with run_service(world) as service:
            for event in (FULL, PAID):
                assert service.send(service.body(event)).status_code == 200
            line = first_line(service.process, "stderr", "REVEL_UUID_KEPT")
            assert all(each in line for each in ("[sync-", ".json: "))
            assert len(service.waiting) == 2


def test_switching_the_connector_on_and_leaving_the_dry_run_need_no_restart(tmp_path: Path) -> None:
    with world_to_serve(tmp_path, "full") as world:
        world.config["safety"] = {"enable_connector": False, "dry_run": True}
        world.write_config()
        with run_service(world) as service:
            assert service.send(service.body()).status_code == 200
            assert service.client.get("/ready").status_code == 200
            world.config["safety"]["enable_connector"] = True
            world.write_config()
            until(lambda: any("events" in each.path for each in world.tripleseat.requests))
            trial = service.client.post("/test/webhook", content=b"{}", headers=BEARER)
            assert trial.json()["reason"] == "MISSING_DATA"  # the worker is done with the delivery by then
            assert (len(service.waiting), world.writes) == (1, [])
            world.config["safety"]["dry_run"] = False
            world.write_config()
            service.settle()
            assert_whole(world)


def test_a_delivery_whose_key_is_withdrawn_before_its_turn_is_put_aside_and_can_be_replayed(tmp_path: Path) -> None:
    with served(tmp_path, "full") as service:
        keys, failed = service.world.config["tripleseat"], service.spool / "failed"
        assert tsrevel(service, "pause") == 0
        body = service.body()
        assert service.send(body).status_code == 200
        keys["webhook_signing_keys"] = [SECOND_KEY]
        service.world.write_config()
        assert tsrevel(service, "resume") == 0
        service.settle()
        [reason] = failed.glob("*.reason")
        assert "tripleseat.webhook_signing_keys takes several" in reason.read_text()
        assert (service.health()["failed"], service.world.writes) == (1, [])
        keys["webhook_signing_keys"] = [KEY, SECOND_KEY]
        service.world.write_config()
        assert tsrevel(service, "replay", str(failed), "--archive", str(service.spool / "done")) == 0
        assert_whole(service.world)
        assert service.health()["failed"] == 0


def test_with_plain_a_bare_digest_is_accepted_and_becomes_an_order(tmp_path: Path) -> None:
    with world_to_serve(tmp_path, "full") as world, run_service(world, "--plain") as service:
        body = service.body()
        assert service.send(body, sign_plainly(body + b" ")).json()["reason"] == "SIGNATURE_MISMATCH"
        trial = service.client.post(
            "/test/webhook", content=body, headers={**BEARER, "X-Signature": sign_plainly(body)}
        )
        assert trial.json()["ok"] is True
        assert service.send(body, sign_plainly(body)).status_code == 200
        service.settle()
        assert_whole(service.world)
        assert service.health()["failed"] == 0
        assert service.send(service.body()).status_code == 200
        service.settle()


def test_without_plain_the_log_says_which_option_accepts_a_bare_digest(tmp_path: Path) -> None:
    with served(tmp_path, "full") as service:
        body = service.body()
        assert service.send(body, sign_plainly(body)).status_code == 401
        assert "only --plain accepts those" in service.stop().err
    assert "--plain" in execute("serve", "--help").out


def test_wrong_settings_stop_the_work_and_keep_deliveries(tmp_path: Path) -> None:
    with served(tmp_path, "full") as service:
        config = tmp_path / "config.toml"
        good = config.read_text()
        config.write_text(f"nonsense = 1\n{good}")
        assert service.send(service.body()).status_code == 200
        ready = service.client.get("/ready")
        assert (ready.status_code, ready.json()["checks"]["settings"]) == (503, False)
        assert len(service.waiting) == 1
        config.write_text(good)
        service.settle()
        assert_whole(service.world)


def test_the_worker_waits_for_the_lock_of_another_run(tmp_path: Path) -> None:
    with served(tmp_path, "full") as service:
        with hold_lock(service.world.settings().ledger_path):
            assert service.send(service.body()).status_code == 200
            asked = service.client.get("/api/sync/tripleseat", headers=BEARER)
            assert (asked.status_code, asked.json()["exit_status"]) == (409, 11)
            assert (len(service.waiting), service.world.writes) == (1, [])
        service.settle()
        assert_whole(service.world)


def test_a_spool_that_can_not_be_written_asks_for_another_delivery(tmp_path: Path) -> None:
    with served(tmp_path, "full") as service:
        shutil.move(service.spool, tmp_path / "aside")
        answer = service.send(service.body())
        assert (answer.status_code, answer.json()["reason"]) == (503, "NOT_STORED")
        ready = service.client.get("/ready")
        assert (ready.status_code, ready.json()["checks"]["spool"]) == (503, False)
        assert service.client.get("/health").status_code == 200
        shutil.move(tmp_path / "aside", service.spool)
        assert service.send(service.body()).status_code == 200
        service.settle()
        assert_whole(service.world)


@pytest.mark.parametrize("which", ["done", "failed"])
def test_a_folder_of_the_spool_that_somebody_removed_is_made_again(tmp_path: Path, which: str) -> None:
    with served(tmp_path, "full") as service:
        shutil.rmtree(service.spool / which)
        body = service.body() if which == "done" else b"{"
        assert service.send(body).status_code == 200
        service.settle()
        [kept] = (service.spool / which).glob("*.json")
        assert kept.read_bytes() == body
        assert service.client.get("/ready").status_code == 200
        assert service.health()["failed"] == (which == "failed")


def test_while_finished_deliveries_can_not_be_moved_it_is_not_ready_and_gives_none_up(tmp_path: Path) -> None:
    with served(tmp_path, "full") as service:
        done = service.spool / "done"
        done.rmdir()
        done.write_text("a file in its place")
        assert service.send(service.body()).status_code == 200
        until(lambda: service.world.orders_of(FULL))
        ready = service.client.get("/ready")
        assert (ready.status_code, ready.json()["checks"]["spool"]) == (503, False)
        until(lambda: service.client.post("/test/webhook", content=b"{}", headers=BEARER))
        assert (len(service.waiting), service.health()["failed"]) == (1, 0)
        done.unlink()
        service.settle()
        assert_whole(service.world)
        told = service.stop().err
        assert f"was processed but can't be moved to {done}: " in told
        assert f"not ready: {done} can't be written" in told


def test_a_ledger_that_is_gone_doubles_nothing(tmp_path: Path) -> None:
    with served(tmp_path, "full") as service:
        service.send(service.body())
        service.settle()
        service.client.post(
            "/test/webhook", content=b"{}", headers=BEARER
        )  # the worker is done with the delivery by then
        service.world.lose_ledger()
        ready = service.client.get("/ready")
        assert (ready.status_code, ready.json()["checks"]["ledger"]) == (503, False)
        assert service.send(service.body()).status_code == 200
        service.settle()
        assert service.world.flaws(FULL) == []


@pytest.mark.parametrize("down", ["tripleseat", "revel"])
def test_what_a_service_that_is_down_keeps_waiting_is_tried_again(tmp_path: Path, down: str) -> None:
    with served(tmp_path, "full") as service:
        faults = getattr(service.world, down).faults
        faults.add("status", "GET", "/", times=6, status=503)
        assert service.send(service.body()).status_code == 200
        service.settle()
        assert_whole(service.world)


def test_health_tells_no_good_run_until_each_location_had_one(tmp_path: Path) -> None:
    with served(tmp_path, "full", "paid") as service:
        told = []
        for location in ("30501", "30502"):
            service.world.sync(only=[location])
            told.append(service.health()["seconds_since_good_run"] is not None)
        assert told == [False, True]


def test_the_poll_runs_at_once_and_beside_deliveries(tmp_path: Path) -> None:
    with served(tmp_path, "full", "paid", sync_every_minutes=45) as service:
        until(lambda: service.health()["seconds_since_good_run"] is not None)
        assert_whole(service.world, FULL)
        assert_whole(service.world, PAID)
        assert service.send(service.body()).status_code == 200
        service.settle()
        assert len(service.world.revel.orders) == 2


def hold_orders(arrived: threading.Event, go_on: threading.Event) -> object:
    """A Revel that answers the POST of an order when it is told to."""

    def guard(app: WSGIApplication) -> WSGIApplication:
        def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            if (environ["REQUEST_METHOD"], environ["PATH_INFO"]) == ("POST", "/resources/Order/"):
                arrived.set()
                go_on.wait(PATIENCE)
            return app(environ, start_response)

        return answer

    return guard


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_service_that_is_told_to_end_finishes_the_order_in_hand(tmp_path: Path, sent: int) -> None:
    arrived, go_on = threading.Event(), threading.Event()
    guard = hold_orders(arrived, go_on)
    with ExitStack() as stack:
        world = stack.enter_context(world_to_serve(tmp_path, "full", "paid", revel=guard))  # type: ignore[arg-type]
        service = stack.enter_context(run_service(world))
        stack.callback(go_on.set)
        assert service.send(service.body(FULL)).status_code == 200
        assert service.send(service.body(PAID)).status_code == 200
        assert arrived.wait(PATIENCE)
        service.process.send_signal(sent)
        until(lambda: service.send(service.body()).status_code == 503)
        assert service.client.get("/health").status_code == 200
        assert service.client.get("/ready").status_code == 503
        go_on.set()
        assert service.process.wait(PATIENCE) == 0
        assert_whole(world, FULL)
        assert (len(world.revel.orders), len(service.waiting)) == (1, 1)
        with run_service(world) as again:
            again.settle()
            assert_whole(world, PAID)


@pytest.mark.parametrize(("sent", "status"), SIGNALS)
def test_a_second_signal_does_not_wait(tmp_path: Path, sent: int, status: int) -> None:
    arrived, go_on = threading.Event(), threading.Event()
    with ExitStack() as stack:
        guard = hold_orders(arrived, go_on)
        world = stack.enter_context(world_to_serve(tmp_path, "full", revel=guard))  # type: ignore[arg-type]
        service = stack.enter_context(run_service(world))
        stack.callback(go_on.set)
        service.send(service.body())
        assert arrived.wait(PATIENCE)
        service.process.send_signal(signal.SIGTERM)
        until(lambda: service.send(service.body()).status_code == 503)
        service.process.send_signal(sent)
        assert service.process.wait(PATIENCE) == status
        assert len(service.waiting) == 1


@pytest.mark.parametrize(("sent", "status"), SIGNALS)
def test_no_second_signal_breaks_the_renewal_of_the_token(tmp_path: Path, sent: int, status: int) -> None:
    slow = SlowTokenUrl()
    with ExitStack() as stack:
        world = stack.enter_context(world_to_serve(tmp_path, "full", tripleseat=slow.guard))
        expire(world)
        service = stack.enter_context(run_service(world))
        stack.callback(slow.go_on.set)
        service.send(service.body())
        assert slow.taken.wait(PATIENCE)
        service.process.send_signal(signal.SIGTERM)
        until(lambda: service.send(service.body()).status_code == 503)
        service.process.send_signal(sent)
        first_line(service.process, "stderr", "waiting until TripleSeat's new login is stored")
        slow.go_on.set()
        assert service.process.wait(PATIENCE) == status
        assert stored_refresh(world) == world.tripleseat.tokens.refresh
        with run_service(world) as again:
            again.settle()
            assert_whole(world)


def test_either_may_work_off_the_spool(tmp_path: Path) -> None:
    with served(tmp_path, "full") as service:
        tsrevel(service, "pause")
        assert service.send(service.body()).status_code == 200
        service.process.kill()
        tsrevel(service, "resume")
        assert tsrevel(service, "replay", str(service.spool), "--archive", str(service.spool / "done")) == 0
        assert service.waiting == []
        assert_whole(service.world)


def test_a_second_service_on_the_same_spool_is_refused(tmp_path: Path) -> None:
    with served(tmp_path, "full"):
        ran = execute("serve", "--config", str(tmp_path / "config.toml"))
        assert (ran.status, ran.out) == (11, "")


@pytest.mark.parametrize("flags", [("--port",), ("--host", "192.0.2.1"), ("--host", "http://x")])
def test_where_nothing_can_be_listened_at_it_does_not_begin(tmp_path: Path, flags: tuple[str, ...]) -> None:
    with world_to_serve(tmp_path, "full"), socket.create_server(("127.0.0.1", 0)) as taken:
        given = flags if len(flags) == 2 else (*flags, str(taken.getsockname()[1]))
        ran = execute("serve", "--config", str(tmp_path / "config.toml"), *given)
        assert (ran.status, ran.out) == (10, "")


@pytest.mark.parametrize("spool", [".", "link"])
def test_the_spool_is_a_folder_of_its_own(tmp_path: Path, spool: str) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with world_to_serve(tmp_path, "full") as world:
        world.config["serve"]["spool"] = spool
        world.write_config()
        ran = execute("config", "validate", "--json", "--config", str(tmp_path / "config.toml"))
        assert [each["key"] for each in ran.answer["problems"]] == ["serve.spool"]


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    code = "import sys; sys.modules['uvicorn'] = None; sys.argv[1:] = ['serve']; from tsrevel.cli import main; main()"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert ran.returncode == 10
    assert "'.[serve]'" in ran.stderr


def test_no_other_command_imports_it() -> None:
    seen = imported_by(execute("sync", "--help", environ=TELL_IMPORTS, fresh=True))
    assert not {each for each in seen if each.startswith(("uvicorn", "starlette", "tsrevel.serve", "asyncio"))}


def test_the_log_holds_no_secret_and_no_body(tmp_path: Path) -> None:
    with world_to_serve(tmp_path, "full") as world, run_service(world, "-vv") as service:
        body = service.body(description="words of a customer")
        for signature in ("", "t=1,v1=words", None):
            service.send(body, signature)
            service.client.post("/test/webhook", content=body, headers=BEARER)
        service.client.get("/api/sync/tripleseat", headers={"Authorization": "Bearer words of a stranger"})
        service.settle()
        ran = service.stop()
        tokens = (*world.tripleseat.tokens.access, world.day.api_key, world.day.api_secret, world.day.client_secret)
        told = [each for each in (TOKEN, KEY, SECOND_KEY, "words", *tokens) if each in ran.out + ran.err]
        assert (ran.status, told) == (0, [])
        assert "accepted" in ran.err


def test_each_delivery_is_a_line_of_json(tmp_path: Path) -> None:
    with world_to_serve(tmp_path, "full") as world, run_service(world, "--json") as service:
        assert service.send(service.body()).status_code == 200
        service.settle()
        ran = service.stop()
        first, line = [json.loads(each) for each in ran.out.splitlines()]
        assert first["spool"] == str(service.spool)
        assert (line["ok"], line["processed"], line["event_id"]) == (True, True, str(FULL))
