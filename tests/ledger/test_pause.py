"""The pause in the ledger: the first one stands, and a look at it makes and changes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tsrevel.errors import LedgerDamaged, LedgerUnusable
from tsrevel.ledger import Ledger, read_pause
from tsrevel.ledger.migrations import shipped_migrations

from .samples import RUN, START, TickingClock, make_run, open_ledger


def test_the_first_pause_stands_until_it_is_taken_back(ledger: Ledger, path: Path) -> None:
    assert (ledger.runs.paused(), read_pause(path)) == (None, None)
    assert ledger.runs.pause("fire drill") is None
    first = ledger.runs.paused()
    assert first is not None
    assert (first.reason, START < first.since < START + timedelta(minutes=1)) == ("fire drill", True)
    assert ledger.runs.pause("another") == first
    assert (ledger.runs.paused(), read_pause(path)) == (first, first)
    later = START + timedelta(minutes=2)
    assert ledger.runs.resumed_at(later) is None
    assert ledger.runs.resume() == first
    assert (ledger.runs.resumed_at(later) or START) > first.since
    assert ledger.runs.resumed_at(first.since) is None, "a clock was fast"
    assert (ledger.runs.resume(), ledger.runs.paused(), read_pause(path)) == (None, None, None)
    assert [row.kind for row in ledger.audit.rows()] == ["run_begun", "paused", "resumed"]


def test_a_reason_is_added_to_a_pause_that_has_none(ledger: Ledger) -> None:
    ledger.runs.pause("")
    first = ledger.runs.paused()
    assert first is not None
    assert ledger.runs.pause("") == first
    assert ledger.runs.pause("fire drill") == first
    now = ledger.runs.paused()
    assert now is not None
    assert (now.since, now.reason) == (first.since, "fire drill")


def test_a_pause_reads_as_a_sentence(ledger: Ledger) -> None:
    ledger.runs.pause("fire drill")
    assert str(ledger.runs.paused()) == "paused since 2025-12-28 16:00 UTC (fire drill); `tsrevel resume` ends it"
    ledger.runs.resume()
    ledger.runs.pause("")
    assert str(ledger.runs.paused()) == "paused since 2025-12-28 16:00 UTC; `tsrevel resume` ends it"


def test_a_look_for_a_pause_makes_nothing(path: Path) -> None:
    assert read_pause(path) is None
    assert not path.parent.exists()


def test_a_ledger_that_cannot_be_read_may_hold_a_pause(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database at all")
    with pytest.raises(LedgerDamaged):
        read_pause(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(LedgerUnusable):
        read_pause(path)


def test_an_older_ledger_knows_no_pause(path: Path) -> None:
    Ledger.open(path, environment="sandbox", clock=TickingClock(), migrations=shipped_migrations()[:3]).close()
    assert read_pause(path) is None


def test_a_ledger_of_an_older_version_is_paused_as_it_is(path: Path) -> None:
    Ledger.open(path, environment="sandbox", clock=TickingClock(), migrations=shipped_migrations()[:8]).close()
    with Ledger.open(path, environment="sandbox", clock=TickingClock(), as_it_is=True) as ledger:
        assert ledger.runs.pause("upgrade") is None
        assert ledger.runs.is_empty()
    assert not list(path.parent.glob("*.bak")), "no migration, so no copy"
    assert read_pause(path) is not None
    with open_ledger(path) as ledger:
        ledger.runs.begin(make_run())
        assert ledger.runs.resume() is not None
        assert not ledger.runs.is_empty()


def test_a_ledger_without_a_pause_is_migrated_for_one(path: Path) -> None:
    Ledger.open(path, environment="sandbox", clock=TickingClock(), migrations=shipped_migrations()[:3]).close()
    with Ledger.open(path, environment="sandbox", clock=TickingClock(), as_it_is=True) as ledger:
        assert ledger.runs.pause("upgrade") is None


def test_a_run_that_leaves_events_out_is_not_a_good_one_and_the_next_looks_back_to_it(path: Path) -> None:
    with open_ledger(path) as ledger:
        ledger.runs.begin(replace(make_run(), locations=("30501",)))
        ledger.runs.mark_partial(RUN)
        ledger.runs.finish(RUN, exit_status=0, summary={})
        assert ledger.runs.last_good(["30501"], START + timedelta(days=1)) is None
        assert ledger.runs.unseen_since(["30501"], START + timedelta(days=1)) == START
