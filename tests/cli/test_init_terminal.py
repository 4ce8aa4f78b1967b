"""`init` on a terminal: step by step, each answer checked, secrets unseen, nothing written before the end."""

from __future__ import annotations

import io
import os
import pty
import stat
import termios
import tomllib
from pathlib import Path

import pytest

from tsrevel.cli.context import CliContext
from tsrevel.cli.prompts import Terminal

from .bench import Ran, Shell, Tty


class Keyboard(io.BytesIO):
    """What a person types, on a stream that takes itself for a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def home(shell: Shell) -> Path:
    folder = shell.world.folder / "home"
    folder.mkdir()
    shell.environ["HOME"] = str(folder)
    return folder


def type_in(shell: Shell, *answers: str, argv: tuple[str, ...] = ()) -> Ran:
    keyboard = Keyboard("".join(f"{answer}\n" for answer in answers).encode())
    return shell.run("init", *argv, tty=True, stdin=keyboard)


def config(home: Path) -> Path:
    return home / ".config" / "tsrevel" / "config.toml"


BY_HAND = (
    "", "client", "PLANTED-1",  # oauth2, client id, client secret
    "acme", "PLANTED-2", "PLANTED-3",  # Revel
    "Pacific Time (US & Canada)", "n",  # zone; ask no service
    "12", "", "3358",  # user, payment type, discount
    "Café", "30501", "8", "21", "Mountain Time (US & Canada)", "",  # one location
    "113",  # dining option
    "Sales Tax", "", "Delivery Fee", "item", "Catering Delivery", "",  # charges
)  # fmt: skip


class Interrupted(Keyboard):
    """A person who presses Ctrl-C instead of answering."""

    def readline(self, *_: object) -> bytes:
        raise KeyboardInterrupt

    read = read1 = readline


def test_ctrl_c_says_that_nothing_was_written_and_speaks_of_no_run(shell: Shell, home: Path) -> None:
    ran = shell.run("init", tty=True, stdin=Interrupted())
    assert (ran.status, ran.err.endswith("tsrevel: interrupted; nothing was written\n")) == (130, True)
    assert not config(home).exists()


def test_ctrl_c_once_the_file_may_be_there_does_not_deny_it(
    shell: Shell, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tsrevel.cli.init._tell", interrupt)
    ran = type_in(shell, *BY_HAND, "")
    assert (ran.status, ran.err.endswith("interrupted; it may have written already\n")) == (130, True)
    assert config(home).exists()


def test_answers_become_a_valid_private_file(shell: Shell, home: Path) -> None:
    ran = type_in(shell, *BY_HAND, "")
    assert ran.status == 0, ran.err
    assert stat.S_IMODE(config(home).stat().st_mode) == 0o600
    document = tomllib.loads(config(home).read_text())
    assert document["revel"] == {
        "domain": "acme",
        "api_key": "PLANTED-2",
        "api_secret": "PLANTED-3",
        "user": 12,
        "dining_option": 113,
        "discount": 3358,
    }
    assert document["timezone"] == "America/Los_Angeles"
    assert document["locations"] == [
        {
            "name": "Café", "tripleseat_location": 30501, "revel_establishment": 8,
            "timezone": "America/Denver", "station": 21,
        }
    ]  # fmt: skip
    assert document["charges"][1] == {"match": "Delivery Fee", "as": "item", "product_name": "Catering Delivery"}
    assert shell.run("config", "validate").status == 0
    assert shell.requests == 0
    assert "PLANTED" not in ran.out + ran.err


def test_nothing_is_written_without_a_yes_at_the_end(shell: Shell, home: Path) -> None:
    ran = type_in(shell, *BY_HAND, "n")
    assert ran.status == 0
    assert "Nothing was written." in ran.err
    assert list(home.iterdir()) == []


def test_input_that_ends_early_writes_nothing(shell: Shell, home: Path) -> None:
    ran = type_in(shell, *BY_HAND[:5])
    assert ran.status == 2
    assert "the input ended before the last answer; nothing was written" in ran.err
    assert list(home.iterdir()) == []


def test_an_answer_that_cannot_be_is_asked_for_again(shell: Shell, home: Path) -> None:
    answers = list(BY_HAND)
    answers[0:1] = ["basic", "oauth2"]
    answers[4:5] = ["https://evil.example.com/path", "acme"]
    ran = type_in(shell, *answers, "")
    assert ran.status == 0
    assert "That isn't an allowed value. Write 'oauth2', 'client_credentials' or 'public_key'" in ran.err
    assert "That isn't a Revel domain." in ran.err
    assert tomllib.loads(config(home).read_text())["revel"]["domain"] == "acme"


def test_a_secret_may_be_left_where_it_is(shell: Shell, home: Path) -> None:
    (home / "key.txt").write_text("PLANTED\n")
    answers = list(BY_HAND)
    answers[4:6] = ["", str(home / "nope"), str(home / "key.txt"), "", "", "echo PLANTED"]
    ran = type_in(shell, *answers, "")
    assert ran.status == 0, ran.err
    assert "names a file that doesn't exist" in ran.err
    revel = tomllib.loads(config(home).read_text())["revel"]
    assert revel["api_key_file"] == str(home / "key.txt")
    assert revel["api_secret_command"] == "echo PLANTED"


def test_what_options_and_environment_say_is_not_asked_for(shell: Shell, home: Path) -> None:
    environ = {"REVEL_API_KEY": "a", "REVEL_API_SECRET": "b", "TRIPLESEAT_OAUTH_CLIENT_SECRET": "c"}
    argv = (
        "--set", "tripleseat.auth=oauth2", "--set", "tripleseat.client_id=client", "--set", "revel.domain=acme",
        "--set", "timezone=UTC", "--location", "name=A,tripleseat_site=1,revel_establishment=8,user=1,station=2",
        "--charge", "Tax=tax",
    )  # fmt: skip
    ran = shell.run("init", *argv, tty=True, stdin=Keyboard(b"n\n\n\n"), environ=environ)
    assert ran.status == 0, ran.err
    assert config(home).is_file()


def connect(shell: Shell) -> tuple[str, ...]:
    day = shell.world.day
    shell.environ |= {
        "REVEL_API_KEY": day.api_key,
        "REVEL_API_SECRET": day.api_secret,
        "TRIPLESEAT_OAUTH_CLIENT_SECRET": day.client_secret,
    }
    return (
        "--set", "environment=sandbox", "--set", "tripleseat.base_url=http://127.0.0.1:8001",
        "--set", "tripleseat.auth=oauth2", "--set", f"tripleseat.client_id={day.client_id}",
        "--set", f"tripleseat.token_file={shell.world.folder / 'token.json'}",
        "--set", "revel.base_url=http://127.0.0.1:8002", "--charge", "Sales Tax=tax", "--set", "timezone=UTC",
    )  # fmt: skip


def test_exact_matches_are_offered_first_and_taken_with_enter(shell: Shell, home: Path) -> None:
    ran = type_in(shell, *[""] * 10, argv=connect(shell))
    assert ran.status == 0, ran.err
    document = tomllib.loads(config(home).read_text())
    assert [each["revel_establishment"] for each in document["locations"]] == [8, 9]
    assert document["revel"]["user"] == 12
    assert '  1) 12 "catering.api"' in ran.err


def test_a_person_may_choose_otherwise(shell: Shell, home: Path) -> None:
    shell.world.revel.state.rows["Establishment"][8]["name"] = "Events"
    shell.world.revel.add("User", 13, username="other.api")
    answers = ["y", "", "2", "none", "", "9", "1", "", "none", "", ""]
    ran = type_in(shell, *answers, argv=connect(shell))
    assert ran.status == 0, ran.err
    document = tomllib.loads(config(home).read_text())
    assert document["revel"]["user"] == 13
    assert "payment_type" not in document["revel"]
    assert [each["name"] for each in document["locations"]] == ["Special Events"]
    assert '# [[locations]]\n# name = "Lakeside Bakery"' in config(home).read_text()
    assert "Type one of the numbers." in ran.err


def test_before_the_login_the_public_key_is_asked_for(shell: Shell, home: Path) -> None:
    argv = connect(shell)
    (shell.world.folder / "token.json").unlink()
    ran = type_in(shell, "y", shell.world.day.public_key, *[""] * 9, argv=argv)
    assert ran.status == 0, ran.err
    assert len(tomllib.loads(config(home).read_text())["locations"]) == 2
    assert shell.world.day.public_key not in ran.out + ran.err
    assert "  tsrevel login" in ran.lines


def test_a_service_that_refuses_ends_it_unless_a_person_goes_on(shell: Shell, home: Path) -> None:
    argv = connect(shell)
    shell.environ["REVEL_API_KEY"] = "wrong"
    assert type_in(shell, "y", "", "n", argv=argv).status == 12
    assert list(home.iterdir()) == []
    ran = type_in(shell, "y", "", "y", "", argv=argv)
    assert ran.status == 0
    assert "to do: Revel: GET /enterprise/Establishment/ answered 401" in ran.err
    assert config(home).is_file()


def test_so_does_a_kill_switch_which_lets_no_service_be_called(shell: Shell, home: Path) -> None:
    argv = connect(shell)
    shell.environ["ENABLE_CONNECTOR"] = "false"
    ran = type_in(shell, "y", "", "n", argv=argv)
    assert (ran.status, list(home.iterdir())) == (3, [])
    assert "neither service was called: the connector is disabled" in " ".join(ran.err.split())
    assert type_in(shell, "y", "", "y", "", argv=argv).status == 0
    assert config(home).is_file()
    assert shell.requests == 0


@pytest.mark.parametrize("flag", ["--json", "-q"])
def test_with_json_or_quiet_nobody_is_asked_even_on_a_terminal(shell: Shell, flag: str) -> None:
    ran = type_in(shell, *BY_HAND, "", argv=(flag,))
    assert ran.status == 2
    assert "Without a terminal, init needs these" in ran.err


def test_nobody_is_asked_where_one_of_the_streams_is_no_terminal(shell: Shell) -> None:
    keyboard = Keyboard("\n".join(BY_HAND).encode())
    assert shell.run("init", stdin=keyboard).status == 2
    assert shell.run("init", tty=True, stdin="\n".join(BY_HAND).encode()).status == 2


def test_a_secret_is_not_echoed_by_a_real_terminal() -> None:
    ours, theirs = pty.openpty()
    seen: list[bool] = []

    class Prompts(Tty):
        """Looks at the terminal's echo while the question stands, then answers it."""

        def write(self, text: str) -> int:
            if text.startswith("Key"):
                seen.append(bool(termios.tcgetattr(theirs)[3] & termios.ECHO))
                os.write(ours, b"PLANTED\n")
            return super().write(text)

    with os.fdopen(theirs, "rb", buffering=0, closefd=False) as stdin:
        terminal = Terminal(CliContext(environ={}, stdin=io.BufferedReader(stdin), stdout=Tty(), stderr=Prompts()))
        assert terminal.ask_secret("Key") == "PLANTED"
        assert seen == [False]
        assert termios.tcgetattr(theirs)[3] & termios.ECHO
    os.close(ours)
