"""`notify --test`: what it sends, what it says of each, how it ends, and when it sends nothing at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from ..notify.post import KEY, Envelope, ToldWorld
from .bench import Ran, Shell

HOOKS = ["on_injected", "on_held", "on_failure"]


@pytest.fixture
def told(tmp_path: Path) -> ToldWorld:
    world = ToldWorld(tmp_path)
    world.watch()
    return world


@pytest.fixture
def post(told: ToldWorld) -> Shell:
    return Shell(told)


def try_out(post: Shell, *argv: str, **environ: str) -> Ran:
    return post.run("notify", "--test", "--config", str(post.write_config()), *argv, environ=environ)


def results(ran: Ran) -> dict[str, str]:
    return {each["name"]: each["result"] for each in ran.answer["results"]}


def keep_input(told: ToldWorld) -> dict[str, Path]:
    """Hooks that keep what they are told, each in a file."""
    files = {hook: told.folder / f"{hook}.json" for hook in HOOKS}
    told.config["hooks"] = {hook: f"sh -c 'cat > {file}'" for hook, file in files.items()}
    return files


def test_it_sends_one_mail_and_one_ping_and_calls_each_hook(post: Shell, told: ToldWorld) -> None:
    files = keep_input(told)
    ran = try_out(post, "--json")
    assert (ran.status, ran.answer["success"], ran.err) == (0, True, "")
    assert results(ran) == dict.fromkeys(["mail", "ping", *HOOKS], "ok")
    (mail,) = told.sendgrid.mails
    assert told.sendgrid.faults == []
    assert mail["subject"].startswith("[sandbox] [test] Special Events, Sat 12 Dec: 1 order, 1 held")
    assert "This is a test" in Envelope(mail).text
    assert told.monitor.pings == [""]
    assert told.monitor.bodies[0]["test"] is True
    for hook, file in files.items():
        document: dict[str, Any] = json.loads(file.read_text())
        assert (document["hook"], document["test"], len(document["events"])) == (hook, True, 1)


def test_neither_service_nor_the_ledger_is_touched(post: Shell, told: ToldWorld) -> None:
    try_out(post)
    assert post.requests == 0
    assert not list(told.folder.glob("ledger.sqlite3*"))


def test_what_is_not_set_up_is_skipped_and_says_which_setting(post: Shell, told: ToldWorld) -> None:
    del told.config["email"]["recipients"], told.config["email"]["sender"], told.config["monitor"]
    ran = try_out(post, "--json")
    assert (ran.status, set(results(ran).values())) == (0, {"skipped"})
    assert "email.sender and email.recipients aren't set" in ran.out
    del told.config["email"]
    assert "email.api_key, email.sender and email.recipients aren't set" in try_out(post, "--json").out
    assert "monitor.ping_url isn't set" in ran.out


def test_a_dry_run_is_no_reason_not_to_test(post: Shell, told: ToldWorld) -> None:
    ran = try_out(post, DRY_RUN="true")
    assert (ran.status, len(told.sendgrid.mails), told.monitor.pings) == (0, 1, [""])
    assert "Runs send nothing yet" in ran.out
    assert try_out(post, "--json", DRY_RUN="true").answer["dry_run"] is True


@pytest.mark.parametrize("how", ["paused", "disabled"])
def test_paused_or_disabled_nothing_is_sent_at_all(post: Shell, told: ToldWorld, how: str) -> None:
    files = keep_input(told)
    if how == "paused":
        with told.ledger() as ledger:
            ledger.runs.pause("stocktaking")
    else:
        told.config["safety"]["enable_connector"] = False
    ran = try_out(post, "--json")
    assert (ran.status, ran.answer["success"], ran.answer["reason"]) == (3, False, "CONNECTOR_DISABLED")
    assert (told.sendgrid.asked, told.monitor.pings) == ([], [])
    assert not any(file.exists() for file in files.values())


@pytest.mark.parametrize(
    ("answer", "status"), [(400, 10), (401, 12), (403, 12), (429, 13), (500, 13), (httpx.ConnectError("x"), 13)]
)
def test_a_mail_that_fails_says_why(post: Shell, told: ToldWorld, answer: int | Exception, status: int) -> None:
    told.sendgrid.answers = [answer]
    ran = try_out(post, "--json")
    assert (ran.status, ran.answer["success"], results(ran)["mail"], results(ran)["ping"]) == (
        status,
        False,
        "failed",
        "ok",
    )
    assert KEY not in ran.out + ran.err


@pytest.mark.parametrize(("answer", "status"), [(404, 10), (503, 13)])
def test_a_ping_that_fails_says_why_and_never_the_address(
    post: Shell, told: ToldWorld, answer: int, status: int
) -> None:
    told.monitor.status = answer
    ran = try_out(post, "--json")
    assert (ran.status, results(ran)["ping"], results(ran)["mail"]) == (status, "failed", "ok")
    assert "11111111-2222" not in ran.out + ran.err


@pytest.mark.parametrize(("command", "status"), [("/nowhere/at/all", 10), ("false", 3)])
def test_a_hook_that_fails_says_why(post: Shell, told: ToldWorld, command: str, status: int) -> None:
    told.config["hooks"] = {"on_held": command}
    ran = try_out(post, "--json")
    assert (ran.status, results(ran)["on_held"], results(ran)["on_failure"]) == (status, "failed", "skipped")


def test_quiet_tells_failures_alone(post: Shell, told: ToldWorld) -> None:
    assert try_out(post, "-q").out == ""
    told.sendgrid.answers = [401]
    assert [line.partition(":")[0] for line in try_out(post, "-q").lines] == ["mail"]


def test_without_test_nothing_is_sent(post: Shell, told: ToldWorld) -> None:
    ran = post.run("notify", "--config", str(post.write_config()), "--json")
    assert (ran.status, told.sendgrid.asked, told.monitor.pings) == (2, [], [])
