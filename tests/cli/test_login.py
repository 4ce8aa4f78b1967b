"""`login`: an admin's consent becomes a token file, and nothing else does."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ..ports import free_port
from .bench import Ran, Shell
from .consent import Admin, Clipboard, log_in

SECRETS = ("sandbox-access", "sandbox-refresh", "sandbox-code", "sandbox-client-secret")


@pytest.fixture
def token_path(shell: Shell) -> Path:
    """Where the tokens will be: there are none yet."""
    path = shell.world.folder / "token.json"
    path.unlink()
    return path


@pytest.fixture
def admin(shell: Shell) -> Admin:
    return Admin(shell.world)


def stored(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text()))


def told(ran: Ran, admin: Admin) -> str:
    return ran.out + ran.err + str(admin.pages)


def test_an_approval_becomes_a_token_file_of_ones_own(shell: Shell, admin: Admin, token_path: Path) -> None:
    ran = log_in(shell, visit=admin.approve)
    assert (ran.status, len(ran.lines)) == (0, 2)
    assert token_path.stat().st_mode & 0o777 == 0o600
    assert stored(token_path)["refresh_token"] == shell.world.tripleseat.tokens.refresh
    assert [page[0] for page in admin.pages] == [200]
    assert "<h1>Received</h1>" in admin.pages[0][1]


def test_runs_go_on_with_it(shell: Shell, admin: Admin, token_path: Path) -> None:
    assert shell.sync().status == 10
    log_in(shell, visit=admin.approve)
    assert shell.sync("--json").answer["summary"]["injected"] == 3


def test_the_address_asks_for_what_tripleseat_wants_to_know(shell: Shell, admin: Admin, token_path: Path) -> None:
    log_in(shell, visit=admin.approve)
    asked = admin.asked
    told = ["client_id", "redirect_uri", "response_type", "scope", "state", "code_challenge", "code_challenge_method"]
    assert list(asked) == told
    assert (asked["client_id"], asked["response_type"], asked["scope"]) == ("sandbox-client", "code", "read")
    assert len(asked["state"]) >= 43


def test_every_login_has_a_state_of_its_own(shell: Shell, admin: Admin) -> None:
    states = set()
    for _ in range(2):
        log_in(shell, visit=admin.approve)
        states.add(admin.asked["state"])
    assert len(states) == 2


def test_who_must_approve_and_what_must_be_registered_is_told(shell: Shell, admin: Admin, token_path: Path) -> None:
    ran = log_in(shell, "--scope", "events:read locations:read", visit=admin.approve)
    assert "ADMIN" in ran.err
    assert '"events:read locations:read"' in ran.err
    assert f"exactly this redirect URL: {admin.asked['redirect_uri']}\n" in ran.err
    assert admin.asked["scope"] == "events:read locations:read"


def test_the_address_stands_alone_on_its_line(shell: Shell, admin: Admin, token_path: Path) -> None:
    ran = log_in(shell, visit=admin.approve)
    assert ran.lines[0] == admin.url
    assert str(token_path) in ran.lines[1]


def test_quiet_prints_the_address_and_nothing_else(shell: Shell, admin: Admin, token_path: Path) -> None:
    ran = log_in(shell, "-q", visit=admin.approve)
    assert (ran.status, ran.lines, ran.err) == (0, [admin.url], "")


def test_json_is_one_object_and_the_address_goes_to_stderr(shell: Shell, admin: Admin, token_path: Path) -> None:
    ran = log_in(shell, "--json", visit=admin.approve)
    assert ran.answer == {
        "schema": 1,
        "success": True,
        "auth": "oauth2",
        "token_file": str(token_path),
        "valid_until": "2026-12-12T20:00:00Z",
    }
    assert admin.url in ran.err


def test_a_wrong_state_is_refused_and_the_right_one_still_awaited(shell: Shell, admin: Admin, token_path: Path) -> None:
    def visit(url: str) -> None:
        admin.read(url)
        for stray in ({"state": "guessed"}, {"state": ""}, {}):
            admin.go(admin.answer(code="sandbox-code", **stray))
            assert not token_path.exists()
        admin.go(admin.consent())

    ran = log_in(shell, visit=visit)
    assert (ran.status, [page[0] for page in admin.pages]) == (0, [400, 400, 400, 200])
    assert "<h1>Refused</h1>" in admin.pages[0][1]
    assert ran.err.count("refused an answer: its state belongs to another login") == 1
    assert shell.world.tripleseat.count("POST", "/oauth2/token") == 1


def test_a_refusal_is_told_plainly(shell: Shell, admin: Admin, token_path: Path) -> None:
    def visit(url: str) -> None:
        admin.read(url)
        admin.go(admin.answer(error="access_denied", state=admin.asked["state"], error_description="<b>no</b>"))

    ran = log_in(shell, visit=visit)
    assert (ran.status, token_path.exists()) == (12, False)
    assert "access_denied (the approval was refused; only an ADMIN user" in ran.err
    assert "<h1>Received</h1>" in admin.pages[0][1]
    assert "It said: no" in ran.err
    assert "<b>" not in told(ran, admin)


def test_a_refusal_from_elsewhere_ends_nothing(shell: Shell, admin: Admin, token_path: Path) -> None:
    def visit(url: str) -> None:
        admin.read(url)
        admin.go(admin.answer(error="access_denied"))
        admin.go(admin.consent())

    ran = log_in(shell, visit=visit)
    assert (ran.status, [page[0] for page in admin.pages]) == (0, [400, 200])
    assert "its error is 'access_denied'" in ran.err


def test_an_error_without_a_decent_name_is_not_repeated(shell: Shell, admin: Admin, token_path: Path) -> None:
    def visit(url: str) -> None:
        admin.read(url)
        admin.go(admin.answer(error="\x1b[31mred", state=admin.asked["state"]))

    ran = log_in(shell, visit=visit)
    assert ran.status == 12
    assert "an error without a name" in ran.err
    assert "\x1b" not in told(ran, admin)


def test_a_code_that_tripleseat_refuses_changes_nothing(shell: Shell, admin: Admin) -> None:
    before = (shell.world.folder / "token.json").read_bytes()

    def visit(url: str) -> None:
        admin.read(url)
        admin.go(admin.answer(code="PLANTED", state=admin.asked["state"]))

    ran = log_in(shell, "--json", visit=visit)
    assert (ran.status, ran.answer["exit_status"], ran.answer["success"]) == (12, 12, False)
    assert "refused the code" in ran.err
    assert "<h1>Received</h1>" in admin.pages[0][1]
    assert "PLANTED" not in told(ran, admin)
    assert (shell.world.folder / "token.json").read_bytes() == before


def test_a_wrong_client_secret_is_told_as_that(shell: Shell, admin: Admin, token_path: Path) -> None:
    shell.world.config["tripleseat"]["client_secret"] = "PLANTED"
    ran = log_in(shell, "-vv", visit=admin.approve)
    assert ran.status == 12
    assert "check tripleseat.client_id and client_secret" in ran.err
    assert "PLANTED" not in told(ran, admin)


def test_a_service_that_is_down_keeps_the_old_token(shell: Shell, admin: Admin) -> None:
    before = (shell.world.folder / "token.json").read_bytes()
    shell.world.tripleseat.faults.add("status", "POST", "/oauth2/token", status=503)
    ran = log_in(shell, visit=admin.approve)
    assert ran.status == 13
    assert "run this command again" in ran.err
    assert (shell.world.folder / "token.json").read_bytes() == before


def test_nobody_waits_for_ever(shell: Shell, admin: Admin, token_path: Path) -> None:
    ran = log_in(shell, "--timeout", "1", visit=admin.read)
    assert (ran.status, token_path.exists()) == (12, False)
    assert "nobody approved within 1 s" in ran.err


def test_nothing_secret_is_ever_shown(shell: Shell, admin: Admin, token_path: Path) -> None:
    shell.environ["TSREVEL_TRIPLESEAT__CLIENT_SECRET"] = "sandbox-client-secret"
    for argv in (["-vv"], ["-vv", "--json", "--log-format", "json"]):
        ran = log_in(shell, *argv, visit=admin.approve)
        assert ran.status == 0
        assert [secret for secret in SECRETS if secret in told(ran, admin)] == []
        assert told(ran, admin).count(admin.asked["state"]) == 1
        admin.pages.clear()


def test_a_taken_port_is_a_usage_error(shell: Shell, admin: Admin, token_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        ran = log_in(shell, "--port", port, visit=admin.approve, port=False)
    assert ran.status == 2
    assert "Address already in use" in ran.err
    assert admin.url == ""


def test_the_app_must_be_known_before_anybody_is_asked(shell: Shell, admin: Admin, token_path: Path) -> None:
    shell.world.config["tripleseat"] |= {"client_id": "", "client_secret": ""}
    ran = log_in(shell, visit=admin.approve)
    assert (ran.status, admin.url) == (10, "")
    assert "tripleseat.client_id" in ran.err
    assert "tripleseat.client_secret" in ran.err


def test_revel_may_come_later(shell: Shell, admin: Admin, token_path: Path) -> None:
    for section in ("revel", "locations", "charges"):
        del shell.world.config[section]
    ran = log_in(shell, visit=admin.approve)
    assert (ran.status, token_path.exists()) == (0, True)


def test_a_folder_that_is_not_there_is_made_private(shell: Shell, admin: Admin) -> None:
    path = shell.world.folder / "new" / "state" / "token.json"
    shell.world.config["tripleseat"]["token_file"] = str(path)
    assert log_in(shell, visit=admin.approve).status == 0
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_place_that_cannot_hold_a_token_is_found_before_anybody_is_asked(shell: Shell, admin: Admin) -> None:
    (shell.world.folder / "file").write_text("")
    shell.world.config["tripleseat"]["token_file"] = str(shell.world.folder / "file" / "token.json")
    ran = log_in(shell, visit=admin.approve)
    assert (ran.status, admin.url) == (10, "")
    assert "tripleseat.token_file" in ran.err


@pytest.mark.parametrize("auth", ["client_credentials", "public_key"])
def test_other_ways_in_need_no_login(shell: Shell, admin: Admin, auth: str) -> None:
    shell.world.config["tripleseat"] |= {"auth": auth, "public_key": "sandbox-public-key"}
    ran = log_in(shell, visit=admin.approve)
    assert (ran.status, admin.url, shell.requests) == (0, "", 0)
    assert ran.out.startswith(f'Nothing to do: tripleseat.auth = "{auth}"')
    assert log_in(shell, "--json", visit=admin.approve).answer["token_file"] is None


# Another redirect URL, and none to listen at


def test_a_registered_url_on_this_machine_is_listened_at(shell: Shell, admin: Admin, token_path: Path) -> None:
    url = f"http://localhost:{free_port()}/tripleseat/back"
    ran = log_in(shell, "--redirect-uri", url, visit=admin.approve, port=False)
    assert (ran.status, admin.asked["redirect_uri"], token_path.exists()) == (0, url, True)


def test_a_registered_url_elsewhere_needs_a_paste(shell: Shell, admin: Admin, token_path: Path) -> None:
    argv = ["--redirect-uri", "https://example.com/callback"]
    ran = log_in(shell, *argv, visit=admin.read, port=False)
    assert (ran.status, admin.url) == (2, "")
    assert "--paste" in ran.err
    stdin = Clipboard(admin.consent)
    ran = log_in(shell, *argv, "--paste", visit=admin.read, stdin=stdin, port=False)
    assert (ran.status, admin.asked["redirect_uri"]) == (0, "https://example.com/callback")
    assert token_path.exists()


@pytest.mark.parametrize(
    "argv",
    [
        ["--redirect-uri", "callback"],
        ["--redirect-uri", "ftp://127.0.0.1/x"],
        ["--redirect-uri", "http://127.0.0.1:99999/x"],
        ["--redirect-uri", "http://127.0.0.1:8765/x#y"],
        ["--redirect-uri", "http://127.0.0.1:8765/x", "--port", "8765"],
        ["--status", "--logout"],
        ["--status", "--paste"],
        ["--logout", "--port", "1"],
        ["--timeout", "0"],
    ],
    ids=" ".join,
)
def test_options_that_make_no_sense_are_usage_errors(shell: Shell, admin: Admin, argv: list[str]) -> None:
    ran = log_in(shell, *argv, visit=admin.approve, port=False)
    assert (ran.status, admin.url, shell.requests) == (2, "", 0)


# Pasting


@pytest.mark.parametrize("tty", [False, True])
def test_the_address_may_be_pasted(shell: Shell, admin: Admin, token_path: Path, tty: bool) -> None:
    ran = log_in(shell, "--paste", visit=admin.read, stdin=Clipboard(admin.consent, tty=tty), tty=tty)
    assert (ran.status, stored(token_path)["refresh_token"]) == (0, shell.world.tripleseat.tokens.refresh)
    assert [secret for secret in SECRETS if secret in ran.out + ran.err] == []


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("sandbox-code", "not the whole address"),
        ("http://127.0.0.1:8765/callback?code=sandbox-code", "its state belongs to another login"),
        ("http://127.0.0.1:8765/callback?code=sandbox-code&state=x", "its state belongs to another login"),
        ("", "no address was pasted"),
    ],
)
def test_off_a_terminal_a_wrong_paste_ends_it(
    shell: Shell, admin: Admin, token_path: Path, line: str, why: str
) -> None:
    stdin = Clipboard(lambda: line, admin.consent)
    ran = log_in(shell, "--paste", visit=admin.read, stdin=stdin)
    assert (ran.status, token_path.exists()) == (12, False)
    assert why in ran.err
    assert "sandbox-code" not in ran.out + ran.err


def test_on_a_terminal_a_wrong_paste_may_be_mended(shell: Shell, admin: Admin, token_path: Path) -> None:
    stdin = Clipboard(lambda: "sandbox-code", lambda: "", admin.consent, tty=True)
    ran = log_in(shell, "--paste", visit=admin.read, stdin=stdin, tty=True)
    assert (ran.status, token_path.exists()) == (0, True)
    assert "not the whole address" in ran.err


def test_the_end_of_the_input_is_no_approval(shell: Shell, admin: Admin, token_path: Path) -> None:
    assert log_in(shell, "--paste", visit=admin.read, stdin=Clipboard()).status == 12


def test_a_pasted_refusal_is_told_plainly(shell: Shell, admin: Admin, token_path: Path) -> None:
    stdin = Clipboard(lambda: admin.answer(error="access_denied", state=admin.asked["state"]))
    ran = log_in(shell, "--paste", visit=admin.read, stdin=stdin)
    assert ran.status == 12
    assert "access_denied" in ran.err


# Where the address leads


def test_in_the_sandbox_nobody_is_sent_to_the_real_tripleseat(shell: Shell, admin: Admin, token_path: Path) -> None:
    log_in(shell, visit=admin.approve)
    assert admin.url.startswith("http://127.0.0.1:8001/oauth2/authorize?")
    shell.world.config["tripleseat"]["authorize_url"] = "http://127.0.0.1:8009/agree"
    log_in(shell, "--timeout", "1", visit=admin.read)
    assert admin.url.startswith("http://127.0.0.1:8009/agree?")


def test_in_production_consent_is_given_at_tripleseats_own_door(shell: Shell, admin: Admin, token_path: Path) -> None:
    shell.world.config["environment"] = "production"
    shell.world.config["tripleseat"]["base_url"] = "https://api.tripleseat.com"
    shell.world.config["revel"]["base_url"] = "https://acme.revelup.com"
    log_in(shell, "--timeout", "1", visit=admin.read)
    assert admin.url.startswith("https://login.tripleseat.com/oauth2/authorize?client_id=")


PASTED: dict[str, Callable[[str], str]] = {
    "quotes": lambda url: f'"{url}"',
    "single quotes": lambda url: f"'{url}'",
    "typographic quotes": lambda url: f"\u201c{url}\u201d",
    "angle brackets": lambda url: f"<{url}>",
    "entities": lambda url: url.replace("&", "&amp;"),
    "numeric entities": lambda url: url.replace("&", "&#38;"),
    "blanks around": lambda url: f"  \t{url}  ",
    "blanks within": lambda url: url.replace("&", " & ").replace("?", "? "),
    "bracketed paste": lambda url: f"\x1b[200~{url}\x1b[201~",
    "an issuer": lambda url: f"{url}&iss=https%3A%2F%2Flogin.tripleseat.com",
}


@pytest.mark.parametrize("name", PASTED)
@pytest.mark.parametrize("tty", [False, True])
def test_an_address_may_be_pasted_as_it_was_copied(
    shell: Shell, admin: Admin, token_path: Path, name: str, tty: bool
) -> None:
    stdin = Clipboard(lambda: PASTED[name](admin.consent()), tty=tty)
    ran = log_in(shell, "--paste", visit=admin.read, stdin=stdin, tty=tty)
    assert (ran.status, token_path.exists()) == (0, True), ran.err


def test_the_code_is_redeemed_with_its_proof(shell: Shell, admin: Admin, token_path: Path) -> None:
    assert log_in(shell, visit=admin.approve).status == 0
    assert admin.asked["code_challenge_method"] == "S256"
    assert list(shell.world.tripleseat.tokens.challenges.values()) == [admin.asked["code_challenge"]]
