"""Pings: in order, with the run's id, beside the run, and never in its way."""

from __future__ import annotations

from uuid import UUID

import httpx
import pytest

from tsrevel.notify.monitor import Monitor, run_uuid

from .post import PING_URL, MonitorFake

RUN = "0000000a000000000000000000000000"


def test_a_good_run_is_pinged_at_its_start_and_at_its_end() -> None:
    fake = MonitorFake()
    monitor = Monitor(PING_URL, RUN, fake)
    monitor.start()
    monitor.finish(0)
    assert monitor.wait() == ()
    assert fake.pings == ["/start", ""]
    assert set(fake.rids) == {"0000000a-0000-0000-0000-000000000000"}


@pytest.mark.parametrize("status", [1, 3, 10, 11, 12, 13, 14, 130, 143])
def test_any_other_exit_status_is_told_as_it_is(status: int) -> None:
    fake = MonitorFake()
    monitor = Monitor(PING_URL, RUN, fake)
    monitor.finish(status)
    monitor.wait()
    assert fake.pings == [f"/{status}"]


def test_a_run_without_a_word_to_tell_waits_for_nothing() -> None:
    assert Monitor(PING_URL, RUN).wait() == ()


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_monitor_that_doesnt_take_it_is_told_of_without_its_address(status: int) -> None:
    monitor = Monitor(PING_URL, RUN, MonitorFake(status))
    monitor.finish(0)
    (trouble,) = monitor.wait()
    assert trouble == f"the monitor wasn't told (success): it answered {status}; check monitor.ping_url"


def test_a_monitor_that_cant_be_reached_is_told_of_without_its_address() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(f"refused {request.url}")

    monitor = Monitor(PING_URL, RUN, httpx.MockTransport(refuse))
    monitor.start()
    (trouble,) = monitor.wait()
    assert trouble == "the monitor wasn't told (/start): no answer (ConnectError)"


def test_a_run_s_id_becomes_a_uuid_and_always_the_same() -> None:
    assert str(run_uuid(RUN)).replace("-", "") == RUN
    assert run_uuid("run-1") == run_uuid("run-1") != run_uuid("run-2")
    assert isinstance(run_uuid("run-1"), UUID)
