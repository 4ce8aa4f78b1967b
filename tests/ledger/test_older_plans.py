"""A plan stored by an older version, which lacks a field that plans have gained since."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tsrevel.errors import LedgerCode, LedgerDamaged
from tsrevel.ledger.maintenance import back_up_ledger, check_ledger
from tsrevel.ledger.plan_json import decode_plan, encode_plan

from .samples import EVENT, RUN, make_plan, make_run, open_ledger, raises, raw

PLAN = make_plan()


def older_text() -> str:
    """The plan's text as a version wrote it that knew no currency."""
    content = json.loads(encode_plan(PLAN))
    del content["location"]["currency"]
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def test_a_missing_field_reads_as_its_default() -> None:
    assert decode_plan(older_text()) == PLAN


def test_a_missing_field_without_a_default_is_damage() -> None:
    content = json.loads(encode_plan(PLAN))
    del content["local_id"]
    with raises(LedgerDamaged, LedgerCode.UNREADABLE_PLAN, match="local_id"):
        decode_plan(json.dumps(content))


def test_an_unknown_field_is_damage() -> None:
    content = json.loads(encode_plan(PLAN)) | {"tip": 5}
    with raises(LedgerDamaged, LedgerCode.UNREADABLE_PLAN, match="tip"):
        decode_plan(json.dumps(content))


def test_a_stored_text_is_never_rewritten_and_its_order_is_finished(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = older_text()
    with open_ledger(path) as ledger, monkeypatch.context() as older:
        older.setattr("tsrevel.ledger.orders.encode_plan", lambda _plan: text)
        ledger.runs.begin(make_run())
        ledger.orders.claim(RUN, PLAN)
    assert check_ledger(path, "sandbox")
    back_up_ledger(path, path.with_name("copy"), "sandbox")
    with open_ledger(path) as ledger:
        (record,) = ledger.orders.unfinished()
        assert record.plan == PLAN
        ledger.runs.begin(make_run("run-2"))
        for step in PLAN.steps:
            ledger.orders.record("run-2", EVENT, step, "5550101")
    with raw(path) as connection:
        (kept,) = connection.execute("SELECT plan FROM orders").fetchone()
        (claimed,) = connection.execute("SELECT detail FROM audit WHERE kind = 'claimed'").fetchone()
    assert kept == text
    assert json.loads(claimed)["plan_hash"] == hashlib.sha256(text.encode()).hexdigest()
