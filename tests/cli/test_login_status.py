"""`login --status` and `login --logout`: what lies on this machine. Neither asks TripleSeat anything."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from .bench import Ran, Shell

SECRETS = ("sandbox-access", "sandbox-refresh", "sandbox-client-secret")
STATUS = ["schema", "success", "auth", "token_file", "valid_until", "written_at", "expired", "reason"]


@pytest.fixture
def token_path(shell: Shell) -> Path:
    return shell.world.folder / "token.json"


def login(shell: Shell, *argv: str, tty: bool = False) -> Ran:
    ran = shell.run("login", "--config", str(shell.write_config()), *argv, tty=tty)
    assert shell.requests == 0
    assert [secret for secret in SECRETS if secret in ran.out + ran.err] == []
    return ran


def change(path: Path, **content: Any) -> None:
    kept = json.loads(path.read_text()) | content
    path.write_text(json.dumps({key: value for key, value in kept.items() if value is not None}))


@pytest.mark.parametrize("tty", [False, True])
def test_a_token_is_told_with_its_times(shell: Shell, token_path: Path, tty: bool) -> None:
    os.utime(token_path, (1797098400, 1797098400))
    ran = login(shell, "--status", tty=tty)
    assert (ran.status, ran.err) == (0, "")
    assert ran.lines == [
        f"TripleSeat tokens: {token_path}",
        "written:           2026-12-12 18:00 UTC, at the login or at the last renewal",
        "access token:      good until 2026-12-12 20:00 UTC",
    ]


def test_the_status_is_one_object(shell: Shell, token_path: Path) -> None:
    os.utime(token_path, (1797098400, 1797098400))
    answer = login(shell, "--status", "--json").answer
    assert list(answer) == STATUS
    assert (answer["success"], answer["token_file"]) == (True, str(token_path))
    assert (answer["written_at"], answer["valid_until"]) == ("2026-12-12T18:00:00Z", "2026-12-12T20:00:00Z")
    assert answer["expired"] is False


def test_an_expired_access_token_is_renewed_and_so_still_usable(shell: Shell) -> None:
    shell.world.time.move(hours=3)
    ran = login(shell, "--status")
    assert ran.status == 0
    assert "expired 2026-12-12 20:00 UTC; the next run tries to renew it" in ran.out
    assert login(shell, "--status", "--json").answer["expired"] is True


def test_a_refresh_token_alone_is_enough(shell: Shell, token_path: Path) -> None:
    change(token_path, access_token=None, expires_at=None)
    ran = login(shell, "--status")
    assert ran.status == 0
    assert "none yet: the next run gets one" in ran.out


@pytest.mark.parametrize("expires_at", [-5, 9 * 10**11])
def test_a_time_beyond_the_calendar_breaks_nothing(shell: Shell, token_path: Path, expires_at: int) -> None:
    change(token_path, expires_at=expires_at)
    assert login(shell, "--status").status == 0
    assert login(shell, "--status", "--json").answer["valid_until"] is None


@pytest.mark.parametrize("content", [None, "", "no json", "[]", '{"access_token": "sandbox-access-1"}'])
def test_without_a_usable_token_it_is_12(shell: Shell, token_path: Path, content: str | None) -> None:
    token_path.unlink() if content is None else token_path.write_text(content)
    ran = login(shell, "--status", "--json")
    assert (ran.status, ran.answer["success"], ran.answer["exit_status"]) == (12, False, 12)
    assert "run `tsrevel login --config " in ran.answer["error"]
    plain = login(shell, "--status")
    assert (plain.status, plain.out) == (12, "")
    assert "run `tsrevel login --config " in plain.err


def test_a_token_that_others_may_read_is_warned_about(shell: Shell, token_path: Path) -> None:
    token_path.chmod(0o644)
    ran = shell.run("login", "--config", str(shell.write_config()), "--status")
    assert ran.status == 0
    assert "chmod 600" in ran.err


def test_quiet_says_it_by_the_exit_status_alone(shell: Shell) -> None:
    ran = login(shell, "--status", "-q")
    assert (ran.status, ran.out, ran.err) == (0, "", "")


def test_other_ways_in_have_nothing_to_show(shell: Shell) -> None:
    shell.world.config["tripleseat"]["auth"] = "client_credentials"
    ran = login(shell, "--status")
    assert ran.status == 0
    assert "needs no login" in ran.out


def test_logout_removes_the_token_and_says_what_is_left_to_do(shell: Shell, token_path: Path) -> None:
    ran = login(shell, "--logout")
    assert (ran.status, token_path.exists()) == (0, False)
    assert "TripleSeat still trusts the app. An admin can change that in TripleSeat" in ran.out
    assert login(shell, "--status").status == 12


def test_logout_twice_is_no_error(shell: Shell) -> None:
    assert login(shell, "--logout", "--json").answer["removed"] is True
    again = login(shell, "--logout", "--json")
    assert (again.status, again.answer["success"], again.answer["removed"]) == (0, True, False)
    assert "There was no token file" in login(shell, "--logout").out


def test_logout_takes_half_written_tokens_with_it(shell: Shell, token_path: Path) -> None:
    remains, other = token_path.with_name(".token.json.a1b2c3_4"), token_path.with_name(".token.json.swp")
    remains.write_text("sandbox-refresh")
    other.write_text("")
    login(shell, "--logout")
    assert (remains.exists(), other.exists()) == (False, True)


def test_logout_where_nothing_ever_was_makes_nothing(shell: Shell) -> None:
    folder = shell.world.folder / "nowhere"
    shell.world.config["tripleseat"]["token_file"] = str(folder / "token.json")
    assert login(shell, "--logout").status == 0
    assert not folder.exists()
