"""Without a token every command says what to do about it, and none takes it for a fault in tsrevel."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..notify.post import Envelope, ToldWorld
from .bench import Shell

FULL = 64000001


@pytest.fixture
def told(tmp_path: Path) -> ToldWorld:
    return ToldWorld(tmp_path, "full")


@pytest.fixture
def shell(told: ToldWorld) -> Shell:
    (told.folder / "token.json").unlink()
    shell = Shell(told)
    assert shell.sync_event(str(FULL)).status == 10
    return shell


@pytest.mark.parametrize(
    "command", [("status",), ("status", "-q"), ("explain", "--offline", str(FULL)), ("history", str(FULL))]
)
def test_what_is_stored_of_it_names_the_credentials(shell: Shell, command: tuple[str, ...]) -> None:
    ran = shell.run(command[0], "--config", str(shell.write_config()), *command[1:])
    assert "AUTHORIZATION_DENIED" in ran.out
    assert "fault" not in ran.out
    if command[0] != "history":
        assert "run `tsrevel doctor" in ran.out


def test_doctor_says_what_to_do_about_it(shell: Shell) -> None:
    assert "tsrevel login" in shell.run("doctor", "--config", str(shell.write_config())).out


def test_explain_asks_to_correct_what_its_text_names(shell: Shell) -> None:
    ran = shell.run("explain", "--config", str(shell.write_config()), "--json", str(FULL))
    assert (ran.status, ran.answer["reason"]) == (10, "AUTHORIZATION_DENIED")
    assert "correct the problem that the text names" in ran.answer["advice"]
    assert "tsrevel login" in ran.answer["text"]


def test_a_mail_says_that_a_person_is_needed(shell: Shell, told: ToldWorld) -> None:
    (mail,) = told.sendgrid.mails
    text = Envelope(mail).text
    assert "AUTHORIZATION_DENIED" in text
    assert "`tsrevel doctor" in text
    assert "fault" not in text
    assert "NEEDS A PERSON" in text.upper()
    assert "TRIED AGAIN" not in text.upper()
