"""Pings: in order, with the run's id and its summary, beside the run, and never in its way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest

from tsrevel import __version__
from tsrevel.notify.healthchecks import Monitor, ping_address, run_uuid

from .healthchecks import Check, Healthchecks
from .post import PING_URL, MonitorFake

RUN = "0000000a000000000000000000000000"
SUMMARY = {"correlation_id": "sync-0000000a", "summary": {"queried": 5}}


def test_a_good_run_is_pinged_at_its_start_and_at_its_end() -> None:
    fake = MonitorFake()
    monitor = Monitor(PING_URL, RUN, transport=fake)
    monitor.start({})
    monitor.finish(0, SUMMARY)
    assert monitor.wait() == ()
    assert fake.pings == ["/start", ""]
    assert set(fake.rids) == {"0000000a-0000-0000-0000-000000000000"}
    assert fake.bodies == [{}, SUMMARY]


def test_a_ping_names_the_program_and_its_version() -> None:
    fake = MonitorFake()
    monitor = Monitor(PING_URL, RUN, transport=fake)
    monitor.finish(0, SUMMARY)
    monitor.wait()
    assert fake.agents == {f"tsrevel/{__version__}"}


@pytest.mark.parametrize(("fail_on_held", "ping"), [(False, ""), (True, "/3")])
def test_a_run_that_holds_events_did_its_work_unless_it_is_said_otherwise(fail_on_held: bool, ping: str) -> None:
    fake = MonitorFake()
    monitor = Monitor(PING_URL, RUN, fail_on_held, fake)
    monitor.finish(3, SUMMARY)
    monitor.wait()
    assert fake.pings == [ping]


@pytest.mark.parametrize("status", [1, 10, 12, 13, 14, 129, 130, 143])
def test_any_other_exit_status_is_told_as_it_is(status: int) -> None:
    fake = MonitorFake()
    monitor = Monitor(PING_URL, RUN, transport=fake)
    monitor.finish(status, SUMMARY)
    monitor.wait()
    assert fake.pings == [f"/{status}"]


def test_a_run_without_a_word_to_tell_waits_for_nothing() -> None:
    assert Monitor(PING_URL, RUN).wait() == ()


@pytest.mark.parametrize(
    ("url", "start", "success"),
    [
        ("https://hc.example/ping/KEY", "https://hc.example/ping/KEY/start", "https://hc.example/ping/KEY"),
        ("https://hc.example/ping/KEY/", "https://hc.example/ping/KEY/start", "https://hc.example/ping/KEY/"),
        (
            "https://hc.example/ping/KEY/cron?create=1",
            "https://hc.example/ping/KEY/cron/start?create=1",
            "https://hc.example/ping/KEY/cron?create=1",
        ),
        ("https://hc.example", "https://hc.example/start", "https://hc.example"),
        ("https://hc.example/a%2Fb", "https://hc.example/a%2Fb/start", "https://hc.example/a%2Fb"),
    ],
)
def test_what_is_told_belongs_to_the_path_and_a_query_stays(url: str, start: str, success: str) -> None:
    rid = f"rid={run_uuid(RUN)}"
    for what, address in (("/start", start), ("", success)):
        assert ping_address(url, what, RUN) == f"{address}{'&' if '?' in address else '?'}{rid}"


@pytest.mark.parametrize("status", [302, 401, 404])
def test_a_monitor_that_doesnt_take_it_is_told_of_without_its_address(status: int) -> None:
    fake = MonitorFake(status)
    monitor = Monitor(PING_URL, RUN, transport=fake)
    monitor.finish(0, SUMMARY)
    (failure,) = monitor.wait()
    assert not failure.may_pass
    assert f"it answered {status}; check monitor.ping_url" in str(failure)
    assert PING_URL not in str(failure)
    assert fake.pings == [""]


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_what_may_pass_is_tried_once_more_and_no_oftener(status: int) -> None:
    fake = MonitorFake(status)
    monitor = Monitor(PING_URL, RUN, transport=fake)
    monitor.finish(0, SUMMARY)
    (failure,) = monitor.wait()
    assert failure.may_pass
    assert f"it answered {status}; check monitor.ping_url" in str(failure)
    assert fake.pings == ["", ""]


def test_a_ping_that_gets_through_at_the_second_attempt_is_no_trouble() -> None:
    check = Check(timedelta(hours=1), timedelta(hours=1))
    service = Healthchecks(lambda: datetime(2026, 12, 12, tzinfo=UTC), check, ["503 Service Unavailable"])
    monitor = Monitor(PING_URL, RUN, transport=httpx.WSGITransport(service))
    monitor.start({})
    monitor.finish(0, SUMMARY)
    assert monitor.wait() == ()
    assert service.pings == ["start", ""]


def test_a_monitor_that_cant_be_reached_is_told_of_without_its_address() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(f"refused {request.url}")

    monitor = Monitor(PING_URL, RUN, transport=httpx.MockTransport(refuse))
    monitor.start({})
    (failure,) = monitor.wait()
    assert failure.may_pass
    assert "it answered" not in str(failure)
    assert PING_URL not in str(failure)


def test_a_run_s_id_becomes_a_uuid_and_always_the_same() -> None:
    assert str(run_uuid(RUN)).replace("-", "") == RUN
    assert run_uuid("run-1") == run_uuid("run-1") != run_uuid("run-2")
    assert isinstance(run_uuid("run-1"), UUID)
