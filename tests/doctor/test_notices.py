"""Who hears of a run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tsrevel.doctor.checks import check_mail, check_monitor
from tsrevel.doctor.findings import CheckResult
from tsrevel.ledger.queries import UnsentMails

from ..world import World

NOON = datetime(2026, 12, 12, 20, tzinfo=UTC)


def test_a_half_set_up_mail_is_no_mail(tmp_path: Path) -> None:
    world = World(tmp_path)
    none = check_mail(world.settings(), None, NOON)
    assert (none.verdict, none.code) == (CheckResult.SKIPPED, "NOT_CONFIGURED")
    world.config["email"] = {"api_key": "planted-key", "base_url": "http://127.0.0.1:9"}
    half = check_mail(world.settings(), None, NOON)
    assert (half.verdict, half.code) == (CheckResult.WARNING, "INCOMPLETE")
    assert "email.sender and email.recipients" in half.text
    world.config["email"] |= {"sender": "from@example.com", "recipients": ["to@example.com"]}
    whole = check_mail(world.settings(), None, NOON)
    assert whole.verdict is CheckResult.OK
    assert "planted-key" not in whole.text
    refused = check_mail(world.settings(), UnsentMails(2, NOON - timedelta(hours=30)), NOON)
    assert (refused.verdict, refused.code) == (CheckResult.WARNING, "UNSENT")
    assert "2 mails, the oldest for 30 h 0 min" in refused.text


def test_a_mail_key_that_can_be_none_is_a_problem(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.config["email"] = {
        "api_key": "two words",
        "base_url": "http://127.0.0.1:9",
        "sender": "from@example.com",
        "recipients": ["to@example.com"],
    }
    found = check_mail(world.settings(), None, NOON)
    assert (found.verdict, found.code) == (CheckResult.PROBLEM, "MALFORMED_KEY")


def test_the_monitor_is_there_or_not_and_its_address_is_never_told(tmp_path: Path) -> None:
    world = World(tmp_path)
    none = check_monitor(world.settings())
    assert (none.verdict, none.code) == (CheckResult.WARNING, "NOT_SET")
    world.config["monitor"] = {"ping_url": "http://127.0.0.1:9/planted"}
    found = check_monitor(world.settings())
    assert found.verdict is CheckResult.OK
    assert "planted" not in found.text
