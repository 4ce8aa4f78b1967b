"""Tokens that rotate: renewed in time, once, and on disk before they are used."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tsrevel.errors import (
    AnswerFault,
    ConfigCode,
    ConfigError,
    CredentialsCode,
    ServiceDown,
    TokenRefused,
    Unavailable,
    Unreadable,
)
from tsrevel.sandbox import TripleSeatSandbox
from tsrevel.tripleseat import token_file
from tsrevel.tripleseat.auth import RotatingToken, TokenUrl, consent_url, redeem_code
from tsrevel.tripleseat.token_file import APPROVAL, Token, TokenFile

from .conftest import BASE_URL, Clock, Wire, open_channel, save

VERIFIER = "v" * 43


@contextmanager
def refused_file(code: ConfigCode | None = None) -> Iterator[None]:
    """What is done in it must end with one problem of the token file, of this code if it is given."""
    with pytest.raises(ConfigError) as caught:
        yield
    (problem,) = caught.value.problems
    assert problem.key == "tripleseat.token_file"
    assert code in {None, problem.code}


def stored(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text()))


def refreshes(seat: TripleSeatSandbox) -> int:
    return seat.count("POST", "/oauth2/token")


def another(path: Path, token_url: TokenUrl, clock: Clock) -> RotatingToken:
    return RotatingToken(token_url, TokenFile(path), clock)


class Teller:
    """A token URL that gives the listed answers in turn and remembers the forms it got."""

    def __init__(self, *answers: httpx.Response | Exception, before: Callable[[], None] = lambda: None) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []
        self.before = before

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.before()
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def access(self, file: TokenFile, clock: Clock) -> RotatingToken:
        channel = open_channel(httpx.MockTransport(self), clock)
        return RotatingToken(TokenUrl(channel, f"{BASE_URL}/oauth2/token", "id", "hush", clock), file, clock)


def new_token(**changes: Any) -> httpx.Response:
    body = {"access_token": "new", "refresh_token": "next", "expires_in": 7200, **changes}
    return httpx.Response(200, json={key: value for key, value in body.items() if value is not None})


# When it is renewed


def test_a_good_token_is_used_as_it_is(access: RotatingToken, seat: TripleSeatSandbox) -> None:
    assert access.headers() == {"Authorization": "Bearer sandbox-access-1"}
    assert access.params() == {}
    assert refreshes(seat) == 0


@pytest.mark.parametrize(("left", "renewed"), [(61, 0), (60, 1), (0, 1), (-9999, 1)])
def test_a_token_is_renewed_a_minute_before_it_expires(
    access: RotatingToken, seat: TripleSeatSandbox, clock: Clock, left: int, renewed: int
) -> None:
    clock.move(seconds=7200 - left)
    access.headers()
    access.headers()
    assert refreshes(seat) == renewed


def test_a_renewed_token_is_on_disk_before_it_is_used(
    access: RotatingToken, token_path: Path, seat: TripleSeatSandbox, clock: Clock
) -> None:
    clock.move(hours=3)
    assert access.headers() == {"Authorization": "Bearer sandbox-access-2"}
    expires_at = int(clock().timestamp()) + 7200
    assert stored(token_path) == {
        "access_token": "sandbox-access-2",
        "refresh_token": seat.tokens.refresh,
        "expires_at": expires_at,
    }
    assert token_path.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in token_path.parent.iterdir()) == ["tokens.json", "tokens.json.lock"]


def test_a_401_renews_once_for_all_threads(access: RotatingToken, seat: TripleSeatSandbox) -> None:
    start = threading.Barrier(4)
    got: list[bool] = []

    def meet_a_401() -> None:
        access.headers()
        start.wait()
        got.append(access.renew())

    threads = [threading.Thread(target=meet_a_401) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [True] * 4
    assert refreshes(seat) == 1


def test_a_token_that_another_process_renewed_is_taken_over(
    access: RotatingToken, token_path: Path, token_url: TokenUrl, seat: TripleSeatSandbox, clock: Clock
) -> None:
    access.headers()
    assert another(token_path, token_url, clock).headers()
    other = another(token_path, token_url, clock)
    other.headers()
    other.renew()
    assert access.renew()
    assert access.headers() == other.headers()
    assert refreshes(seat) == 1


RENEWER = """
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import httpx

from tsrevel.transport.api import ApiClient
from tsrevel.transport.client import RateLimiter, Sender
from tsrevel.tripleseat.auth import RotatingToken, redeem_code
from tsrevel.tripleseat.token_file import TokenFile
from tsrevel.tripleseat.auth import TokenUrl

path, counter = Path(sys.argv[1]), Path(sys.argv[2])


def answer(request):
    used = counter.read_text()
    if f"refresh_token=refresh-{used}&" not in request.content.decode():
        return httpx.Response(400, json={"error": "invalid_grant"})
    counter.write_text(str(int(used) + 1))
    return httpx.Response(200, json={"access_token": "a", "refresh_token": f"refresh-{int(used) + 1}"})


def clock():
    return datetime(2026, 12, 12, tzinfo=UTC)


sender = Sender(
    "TripleSeat", "http://127.0.0.1", rate_limiter=RateLimiter(9e9, lambda: 0.0, print), clock=clock,
    transport=httpx.MockTransport(answer),
)
channel = ApiClient(sender, sleep=print)
url = TokenUrl(channel, "http://127.0.0.1/oauth2/token", "id", "hush", clock)
print("ready", flush=True)
sys.stdin.read()
RotatingToken(url, TokenFile(path), clock).headers()
"""
"""Against a token URL that takes each refresh token once and counts in a file."""


def test_processes_that_renew_at_once_use_the_refresh_token_once(token_path: Path, tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")
    save(TokenFile(token_path), Token("access-0", "refresh-0", 0))
    command = [sys.executable, "-c", RENEWER, str(token_path), str(counter)]
    reach = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    pipe = subprocess.PIPE
    with ExitStack() as stack:
        started = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=reach) for _ in range(3)]
        children = [stack.enter_context(each) for each in started]
        for child in children:
            assert child.stdout
            assert child.stdout.readline() == "ready\n"
        for child in children:
            assert child.stdin
            child.stdin.close()
        assert [child.wait(60) for child in children] == [0, 0, 0]
    assert stored(token_path)["refresh_token"] == "refresh-1"


def test_a_reply_without_a_refresh_token_keeps_the_old_one(
    token_file: TokenFile, token_path: Path, clock: Clock
) -> None:
    before = stored(token_path)["refresh_token"]
    clock.move(hours=3)
    teller = Teller(new_token(refresh_token=None))
    assert teller.access(token_file, clock).headers() == {"Authorization": "Bearer new"}
    assert stored(token_path)["refresh_token"] == before


@pytest.mark.parametrize(("said", "life"), [(7199, 7199), ("3600", 3600), (None, 7200), ("soon", 7200), (-1, 7200)])
def test_the_life_of_a_token_is_what_the_answer_says(
    token_file: TokenFile, token_path: Path, clock: Clock, said: Any, life: int
) -> None:
    clock.move(hours=3)
    Teller(new_token(expires_in=said)).access(token_file, clock).headers()
    assert stored(token_path)["expires_at"] == int(clock().timestamp()) + life


# When it can't be renewed


def test_a_dead_refresh_token_asks_for_a_person(
    access: RotatingToken, seat: TripleSeatSandbox, clock: Clock, token_path: Path
) -> None:
    before = token_path.read_text()
    seat.revoke_refresh_token()
    clock.move(hours=3)
    with pytest.raises(TokenRefused) as caught:
        access.headers()
    assert caught.value.code is CredentialsCode.REFRESH_TOKEN_REFUSED
    assert token_path.read_text() == before


def test_an_unknown_client_is_tried_once_with_basic_authentication(token_file: TokenFile, clock: Clock) -> None:
    clock.move(hours=3)
    teller = Teller(httpx.Response(401, json={"error": "invalid_client"}), new_token())
    assert teller.access(token_file, clock).headers() == {"Authorization": "Bearer new"}
    first, second = teller.asked
    assert "Authorization" not in first.headers
    assert b"client_secret=hush" in first.content
    assert second.headers["Authorization"].startswith("Basic ")
    assert b"hush" not in second.content


@pytest.mark.parametrize("status", [400, 401])
def test_a_client_that_stays_unknown_is_refused(token_file: TokenFile, clock: Clock, status: int) -> None:
    clock.move(hours=3)
    unknown = httpx.Response(status, json={"error": "invalid_client"})
    teller = Teller(unknown, unknown)
    with pytest.raises(TokenRefused) as caught:
        teller.access(token_file, clock).headers()
    assert caught.value.code is CredentialsCode.UNKNOWN_APP
    assert len(teller.asked) == 2


@pytest.mark.parametrize(
    "page",
    [
        httpx.Response(200, html="<!doctype html><p>Sign in</p>"),
        httpx.Response(302, headers={"Location": "https://login.example.com/"}),
        httpx.Response(404, html="<h1>no such page</h1>"),
    ],
)
def test_a_web_page_at_the_token_url_names_the_setting(
    token_file: TokenFile, clock: Clock, page: httpx.Response
) -> None:
    clock.move(hours=3)
    with pytest.raises(TokenRefused) as caught:
        Teller(page).access(token_file, clock).headers()
    assert caught.value.code is CredentialsCode.WRONG_TOKEN_URL
    assert "tripleseat.token_url" in str(caught.value)


@pytest.mark.parametrize("status", [400, 401, 403])
def test_any_other_refusal_of_a_token_is_refused_credentials(token_file: TokenFile, clock: Clock, status: int) -> None:
    clock.move(hours=3)
    answer = httpx.Response(status, json={"error": "unsupported_grant_type"})
    with pytest.raises(TokenRefused) as caught:
        Teller(answer).access(token_file, clock).headers()
    assert caught.value.code is CredentialsCode.UNKNOWN_GRANT
    assert "hush" not in str(caught.value)


def test_a_refusal_with_the_status_of_a_success_is_a_refusal(token_file: TokenFile, clock: Clock) -> None:
    clock.move(hours=3)
    answer = httpx.Response(200, json={"error": "invalid_grant", "error_description": "It was used before"})
    with pytest.raises(TokenRefused) as caught:
        Teller(answer).access(token_file, clock).headers()
    assert caught.value.code is CredentialsCode.REFRESH_TOKEN_REFUSED
    assert "It was used before" in str(caught.value)


@pytest.mark.parametrize("lost", [httpx.ReadTimeout("lost"), httpx.Response(502), httpx.Response(429)])
def test_a_refresh_whose_answer_is_lost_is_left_for_the_next_run(
    token_file: TokenFile, clock: Clock, lost: httpx.Response | Exception
) -> None:
    clock.move(hours=3)
    teller = Teller(lost)
    with pytest.raises(Unavailable):
        teller.access(token_file, clock).headers()
    assert len(teller.asked) == 1
    again = Teller(new_token())
    assert again.access(token_file, clock).headers() == {"Authorization": "Bearer new"}


@pytest.mark.parametrize("body", [{}, [], {"access_token": ""}, {"access_token": 7}, {"access_token": "a\nb"}, None])
def test_an_answer_without_a_token_is_unreadable(token_file: TokenFile, clock: Clock, body: Any) -> None:
    clock.move(hours=3)
    with pytest.raises(Unreadable):
        Teller(httpx.Response(200, json=body)).access(token_file, clock).headers()


def test_a_folder_that_is_not_writable_is_found_out_before_the_refresh_token_is_used(
    token_path: Path, token_file: TokenFile, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> tuple[int, str]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    clock.move(hours=3)
    teller = Teller(new_token())
    with refused_file(ConfigCode.FILE_UNWRITABLE):
        teller.access(token_file, clock).headers()
    assert teller.asked == []


class Limit:
    """Lets no file grow beyond so many bytes: as on a full disk, nothing more can be stored."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def __enter__(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.size, self.before[1]))

    def __exit__(self, *_: object) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self.before)


@pytest.mark.parametrize("room", [0, 1, 100, 4096])
def test_on_a_full_disk_the_refresh_token_is_not_spent(
    token_path: Path, token_file: TokenFile, clock: Clock, room: int
) -> None:
    before = token_path.read_bytes()
    clock.move(hours=3)
    teller = Teller(new_token())
    with Limit(room), refused_file(ConfigCode.FILE_UNWRITABLE):
        teller.access(token_file, clock).headers()
    assert (teller.asked, token_path.read_bytes()) == ([], before)
    assert sorted(path.name for path in token_path.parent.iterdir()) == ["tokens.json", "tokens.json.lock"]


def test_a_run_with_a_good_token_goes_on_while_the_disk_is_full(token_file: TokenFile, clock: Clock) -> None:
    with Limit(0):
        assert Teller().access(token_file, clock).headers() == {"Authorization": "Bearer sandbox-access-1"}


@pytest.mark.parametrize("length", [4, 4000, 12000])
def test_a_disk_that_fills_up_while_the_token_is_asked_for_has_room_for_it(
    token_path: Path, token_file: TokenFile, clock: Clock, length: int
) -> None:
    clock.move(hours=3)
    full = Limit(40 * 1024)  # what is reserved is there by then; beyond it nothing is to be had
    teller = Teller(new_token(refresh_token="r" * length), before=full.__enter__)
    try:
        teller.access(token_file, clock).headers()
    finally:
        full.__exit__()
    assert stored(token_path)["refresh_token"] == "r" * length


@pytest.mark.parametrize("access", [None, "", 7, "a\nb", "two words", "ä"])
def test_a_good_refresh_token_is_kept_whatever_comes_with_it(
    token_path: Path, token_file: TokenFile, clock: Clock, access: Any
) -> None:
    clock.move(hours=3)
    teller = Teller(new_token(access_token=access), new_token(access_token="good", refresh_token="third"))
    with pytest.raises(Unreadable):
        teller.access(token_file, clock).headers()
    assert (stored(token_path)["refresh_token"], stored(token_path)["access_token"]) == ("next", "")
    assert teller.access(TokenFile(token_path), clock).headers() == {"Authorization": "Bearer good"}
    assert b"refresh_token=next" in teller.asked[1].content


@pytest.mark.parametrize("bits", [0o600, 0o640, 0o660])
def test_a_renewed_token_keeps_owner_group_and_mode(
    token_path: Path, token_file: TokenFile, clock: Clock, bits: int
) -> None:
    """Root may renew it with a command that only looks; the user that cron runs as must still read it."""
    owner, group = (4711, 4712) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    os.chown(token_path, owner, group)
    token_path.chmod(bits)
    clock.move(hours=3)
    Teller(new_token()).access(token_file, clock).headers()
    found = token_path.stat()
    assert stored(token_path)["access_token"] == "new"
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (owner, group, bits)
    assert token_path.with_name("tokens.json.lock").stat().st_uid == owner


def test_a_new_token_file_belongs_to_whom_its_folder_belongs_to(tmp_path: Path) -> None:
    owner = 4711 if os.geteuid() == 0 else os.geteuid()
    os.chown(tmp_path, owner, -1)
    file = TokenFile(tmp_path / "state" / "tokens.json")
    file.prepare()
    save(file, Token("a", "r", 0))
    assert {each.stat().st_uid for each in (tmp_path / "state", *(tmp_path / "state").iterdir())} == {owner}


@pytest.mark.parametrize("name", ["tokens.json", "tokens.json.lock"])
@pytest.mark.parametrize("kind", ["a named pipe", "symbolic links", "a broken link"])
def test_what_is_no_regular_file_holds_no_token_and_nobody_waits_for_it(tmp_path: Path, name: str, kind: str) -> None:
    path = tmp_path / name
    if kind == "a named pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(path if kind == "symbolic links" else "nowhere/else")
    with refused_file():
        save(TokenFile(tmp_path / "tokens.json"), Token("a", "r", 0))
    with refused_file():
        TokenFile(tmp_path / "tokens.json").load()


def test_a_place_for_the_new_token_exists_while_it_is_asked_for(
    token_path: Path, token_file: TokenFile, clock: Clock
) -> None:
    seen: list[str] = []
    teller = Teller(new_token(), before=lambda: seen.extend(path.name for path in token_path.parent.iterdir()))
    clock.move(hours=3)
    teller.access(token_file, clock).headers()
    assert any(name.startswith(".tokens.json.") for name in seen)


def test_a_failed_refresh_leaves_nothing_behind(access: RotatingToken, token_path: Path, clock: Clock) -> None:
    clock.move(hours=3)
    before = token_path.read_text()
    failing = Teller(httpx.Response(500)).access(TokenFile(token_path), clock)
    with pytest.raises(Unavailable):
        failing.headers()
    assert token_path.read_text() == before
    assert sorted(path.name for path in token_path.parent.iterdir()) == ["tokens.json", "tokens.json.lock"]


# The file


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"access_token": "a"}',
        '{"refresh_token": ""}',
        '{"refresh_token": 5}',
        '{"access_token": 5, "refresh_token": "r"}',
        '{"access_token": "a", "refresh_token": "r", "expires_at": "tomorrow"}',
        '{"access_token": "a b", "refresh_token": "r", "expires_at": 1}',
        "<html></html>",
    ],
)
def test_a_broken_token_file_names_its_setting_and_the_remedy(token_path: Path, content: str) -> None:
    token_path.write_text(content)
    token_path.chmod(0o600)
    with pytest.raises(ConfigError) as caught:
        TokenFile(token_path).load()
    (problem,) = caught.value.problems
    assert (problem.code, problem.key) == (ConfigCode.MALFORMED_TOKEN_FILE, "tripleseat.token_file")
    assert APPROVAL in problem.remedy
    assert caught.value.exit_status == 10


def test_a_missing_token_file_names_its_setting_and_the_remedy(token_path: Path) -> None:
    with refused_file(ConfigCode.FILE_NOT_FOUND):
        TokenFile(token_path).load()


def test_a_folder_in_place_of_the_token_file_is_a_matter_of_configuration(tmp_path: Path) -> None:
    with refused_file(ConfigCode.FILE_UNREADABLE):
        TokenFile(tmp_path).load()


def test_a_token_file_in_a_missing_folder_is_a_matter_of_configuration(tmp_path: Path) -> None:
    with refused_file(ConfigCode.FILE_UNWRITABLE):
        save(TokenFile(tmp_path / "nowhere" / "tokens.json"), Token("a", "r", 0))


def test_a_token_that_can_not_be_put_in_place_is_a_matter_of_configuration(tmp_path: Path) -> None:
    taken = tmp_path / "tokens.json"
    taken.mkdir()
    with refused_file(ConfigCode.FILE_UNWRITABLE):
        save(TokenFile(taken), Token("a", "r", 0))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tokens.json"]


def test_a_file_with_only_a_refresh_token_is_enough(token_path: Path) -> None:
    token_path.write_text('{"refresh_token": "r"}')
    token_path.chmod(0o600)
    token = TokenFile(token_path).load()
    assert token.expires_within(0, 0)


@pytest.mark.parametrize(("mode", "warns"), [(0o600, False), (0o640, True), (0o604, True)])
def test_a_token_file_that_others_may_read_is_warned_about_once(
    token_path: Path, token_file: TokenFile, caplog: pytest.LogCaptureFixture, mode: int, warns: bool
) -> None:
    token_path.chmod(mode)
    with caplog.at_level(logging.WARNING):
        token_file.load()
        token_file.load()
    assert len(caplog.messages) == (1 if warns else 0)
    assert "sandbox-" not in caplog.text


def test_a_link_to_the_token_file_stays_a_link(token_path: Path, token_file: TokenFile, tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(token_path)
    save(TokenFile(link), Token("a", "r", 5))
    assert link.is_symlink()
    assert stored(token_path)["access_token"] == "a"


def test_a_token_never_shows_itself() -> None:
    assert "hush" not in repr(Token("hush", "hush", 1))


# Login


def test_a_code_is_redeemed_for_the_first_token(token_url: TokenUrl, seat: TripleSeatSandbox) -> None:
    token = token_url.redeem("sandbox-code", "http://127.0.0.1:8765/callback", VERIFIER)
    assert (token.access, token.refresh) == ("sandbox-access-1", seat.tokens.refresh)


def test_a_used_code_is_refused(token_url: TokenUrl) -> None:
    with pytest.raises(TokenRefused) as caught:
        token_url.redeem("stale-code", "http://127.0.0.1:8765/callback", VERIFIER)
    assert caught.value.code is CredentialsCode.APPROVAL_CODE_REFUSED
    assert "stale-code" not in str(caught.value)


def test_a_code_is_good_for_its_own_redirect_url_only(token_url: TokenUrl) -> None:
    with pytest.raises(TokenRefused) as caught:
        token_url.redeem("sandbox-code", "http://127.0.0.1:8765/other", VERIFIER)
    assert caught.value.code is CredentialsCode.APPROVAL_CODE_REFUSED


def test_a_login_without_a_refresh_token_is_no_login(clock: Clock) -> None:
    channel = open_channel(httpx.MockTransport(lambda _: new_token(refresh_token=None)), clock)
    with pytest.raises(Unreadable) as caught:
        TokenUrl(channel, f"{BASE_URL}/oauth2/token", "id", "hush", clock).redeem("code", "http://127.0.0.1/", VERIFIER)
    assert caught.value.fault is AnswerFault.NO_REFRESH_TOKEN


def test_the_consent_url_carries_what_the_app_is_registered_with(wire: Wire) -> None:
    url = consent_url(
        f"{BASE_URL}/oauth2/authorize", "sandbox-client", "http://127.0.0.1:8765/callback", "", "s1", VERIFIER
    )
    with httpx.Client(transport=wire) as browser:
        answer = browser.get(url)
    assert answer.status_code == 302
    assert "state=s1" in answer.headers["Location"]


def test_a_redeemed_code_is_on_disk(
    token_url: TokenUrl, token_file: TokenFile, token_path: Path, seat: TripleSeatSandbox
) -> None:
    token = redeem_code(token_url, token_file, "sandbox-code", "http://127.0.0.1:8765/callback", VERIFIER)
    assert stored(token_path)["refresh_token"] == token.refresh == seat.tokens.refresh
    assert token_path.stat().st_mode & 0o777 == 0o600


def test_a_refused_code_leaves_the_token_as_it_was(
    token_url: TokenUrl, token_file: TokenFile, token_path: Path
) -> None:
    before = token_path.read_bytes()
    with pytest.raises(TokenRefused):
        redeem_code(token_url, token_file, "stale", "http://127.0.0.1:8765/callback", VERIFIER)
    assert token_path.read_bytes() == before
    assert sorted(path.name for path in token_path.parent.iterdir()) == ["tokens.json", "tokens.json.lock"]


def test_a_login_waits_for_the_refresh_of_a_run_and_then_wins(
    token_url: TokenUrl, token_file: TokenFile, token_path: Path, clock: Clock, seat: TripleSeatSandbox
) -> None:
    run = another(token_path, token_url, clock)
    run.headers()
    login = threading.Thread(
        target=redeem_code,
        args=[token_url, TokenFile(token_path), "sandbox-code", "http://127.0.0.1:8765/callback", VERIFIER],
    )
    with token_file.locked():
        login.start()
        login.join(0.1)
        assert refreshes(seat) == 0
    login.join()
    assert refreshes(seat) == 1
    assert run.renew()
    assert run.headers() == {"Authorization": f"Bearer {stored(token_path)['access_token']}"}
    assert refreshes(seat) == 1


def test_a_place_for_the_token_is_made_and_tried_without_leaving_a_thing(tmp_path: Path) -> None:
    path = tmp_path / "new" / "state" / "tokens.json"
    TokenFile(path).prepare()
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [each.name for each in path.parent.iterdir()] == ["tokens.json.lock"]


def test_a_place_that_can_not_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with refused_file(ConfigCode.FILE_UNWRITABLE):
        TokenFile(tmp_path / "file" / "tokens.json").prepare()


def test_a_removed_token_is_gone_and_nothing_else(token_path: Path, token_file: TokenFile) -> None:
    other = token_path.with_name("other.json")
    other.write_text("{}")
    assert token_file.remove()
    assert not token_file.remove()
    assert (token_path.exists(), other.exists()) == (False, True)
    with refused_file(ConfigCode.FILE_NOT_FOUND):
        token_file.written_at()


def test_a_process_that_never_lets_the_token_file_go_is_not_waited_for_without_end(
    access: RotatingToken, token_path: Path, seat: TripleSeatSandbox, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_file, "LOCK_SECONDS", 0.1)
    clock.move(hours=3)
    with token_path.with_name(f"{token_path.name}.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(ServiceDown, match=r"tokens\.json\.lock"):
            access.headers()
    assert refreshes(seat) == 0
    assert access.headers()
