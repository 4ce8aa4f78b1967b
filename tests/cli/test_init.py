"""`init` off a terminal: options, the environment and another file become a commented file of mode 0600."""

from __future__ import annotations

import errno
import os
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest

from .bench import Ran, Shell

SECRETS = {
    "REVEL_API_KEY": "PLANTED-key",
    "REVEL_API_SECRET": "PLANTED-secret",
    "TRIPLESEAT_OAUTH_CLIENT_SECRET": "PLANTED-client",
}
OPTIONS = ("--set", "revel.domain=acme", "--set", "tripleseat.client_id=client", "--set", "revel.user=12")
CAFE = "name=Café,tripleseat_location=30501,revel_establishment=8,station=21,timezone=Mountain Time (US & Canada)"


@pytest.fixture
def home(shell: Shell) -> Path:
    folder = shell.world.folder / "home"
    folder.mkdir()
    shell.environ["HOME"] = str(folder)
    return folder


def init(shell: Shell, *argv: str, environ: dict[str, str] | None = None) -> Ran:
    return shell.run("init", *OPTIONS, *argv, environ=SECRETS if environ is None else environ)


def written(home: Path) -> dict[str, Any]:
    return tomllib.loads((home / ".config" / "tsrevel" / "config.toml").read_text())


def test_options_become_a_private_file_where_settings_are_looked_for(shell: Shell, home: Path) -> None:
    ran = init(shell, "--location", CAFE, "--charge", "Sales Tax=tax")
    assert ran.status == 0, ran.err
    path = home / ".config" / "tsrevel" / "config.toml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [each.name for each in path.parent.iterdir()] == ["config.toml"]
    assert ran.lines == [
        f"Wrote {path}, which only you can read. Runs are dry until you change safety.dry_run.",
        "Next:",
        "  tsrevel login",
        "  tsrevel doctor",
        "  tsrevel sync --dry-run",
    ]
    assert ran.err == ""


def test_what_it_writes_is_valid_commented_and_a_dry_run(shell: Shell, home: Path) -> None:
    init(shell, "--location", CAFE, "--charge", "Delivery=item:Catering Delivery", "--charge", "Fee=item:5001")
    assert shell.run("config", "validate").status == 0
    document = written(home)
    assert document["safety"]["dry_run"] is True
    assert document["revel"] == {
        "domain": "acme", "api_key": "PLANTED-key", "api_secret": "PLANTED-secret", "user": 12,
    }  # fmt: skip
    assert document["charges"] == [
        {"match": "Delivery", "as": "item", "product_name": "Catering Delivery"},
        {"match": "Fee", "as": "item", "product": 5001},
    ]
    text = (home / ".config" / "tsrevel" / "config.toml").read_text()
    assert "# the next run makes the rest" in text


def test_zones_of_tripleseat_become_iana_names(shell: Shell, home: Path) -> None:
    init(shell, "--set", "timezone=Pacific Time (US & Canada)", "--location", CAFE)
    document = written(home)
    assert document["timezone"] == "America/Los_Angeles"
    assert document["locations"][0]["timezone"] == "America/Denver"


def test_a_zone_that_is_none_writes_nothing(shell: Shell, home: Path) -> None:
    ran = init(shell, "--set", "timezone=Pacific")
    assert ran.status == 10
    assert "timezone (config.toml): isn't a known time zone" in ran.err
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("flag", ["--output", "--config"])
def test_the_file_may_be_named(shell: Shell, home: Path, flag: str) -> None:
    path = home / "my.toml"
    ran = init(shell, flag, str(path))
    assert ran.status == 0
    assert f"  tsrevel doctor --config {path}" in ran.lines
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_file_that_the_environment_names_is_the_one(shell: Shell, home: Path) -> None:
    path = home / "my.toml"
    assert init(shell, environ={**SECRETS, "TSREVEL_CONFIG": str(path)}).status == 0
    assert path.is_file()


def test_no_file_is_ever_overwritten(shell: Shell, home: Path) -> None:
    path = home / "my.toml"
    path.write_text("mine")
    ran = init(shell, "--output", str(path))
    assert ran.status == 10
    assert path.read_text() == "mine"
    assert f"({path}): exists, and init never overwrites a file. Edit it, move it away, or name another" in ran.err


def test_what_is_missing_is_named_by_its_options_and_nothing_asked(shell: Shell, home: Path) -> None:
    ran = shell.run("init", environ={})
    assert (ran.status, ran.out) == (2, "")
    for option in (
        "--set revel.domain=", "--set revel.base_url=", "--set tripleseat.client_id=",
        "--set tripleseat.client_secret_file=", "--set revel.api_key_file=", "--set revel.api_key_command=",
        "REVEL_API_KEY", "--set revel.api_secret_file=", "--from F",
    ):  # fmt: skip
        assert option in ran.err
    assert list(home.iterdir()) == []


def test_with_json_what_is_missing_is_in_the_object(shell: Shell, home: Path) -> None:
    ran = shell.run("init", "--json", environ={})
    assert ran.status == ran.answer["exit_status"] == 2
    assert "--set revel.api_key_file=F" in ran.answer["error"]


def test_a_location_without_user_or_station_names_the_options(shell: Shell, home: Path) -> None:
    argv = ("--set", "revel.domain=acme", "--set", "tripleseat.client_id=client")
    ran = shell.run("init", *argv, "--location", "name=A,tripleseat_location=1,revel_establishment=8", environ=SECRETS)
    assert ran.status == 2
    assert "--set revel.user=ID (or that in --location) for locations[A]" in ran.err
    assert "--set revel.station=ID" in ran.err


def test_with_json_the_answer_says_what_was_written(shell: Shell, home: Path) -> None:
    ran = init(shell, "--json", "--location", CAFE)
    assert ran.status == 0
    assert ran.answer["config"].endswith(".config/tsrevel/config.toml")
    assert ran.answer["locations"] == ["Café"]
    assert ran.answer["next"] == ["tsrevel login", "tsrevel doctor", "tsrevel sync --dry-run"]
    assert "no [[charges]] yet" in ran.answer["open"][0]


def test_what_config_validate_finds_is_left_to_do(shell: Shell, home: Path) -> None:
    given = ("--set", "email.recipients=a@example.com", "--set", "hooks.on_held=/nowhere/hook")
    ran = init(shell, "--json", "--location", CAFE, "--charge", "Sales Tax=tax", *given)
    checked = shell.run("config", "validate", "--json")
    assert (ran.status, checked.status) == (0, 10)
    assert [each["key"] for each in checked.answer["problems"]] == ["hooks.on_held", "email.api_key", "email.sender"]
    assert ran.answer["open"] == checked.answer["error"].splitlines()


def test_no_secret_is_printed(shell: Shell, home: Path) -> None:
    for argv in (("--json",), ("-v", "--output", str(home / "b.toml")), ("--set", "timezone=Pacific")):
        ran = init(shell, *argv)
        assert "PLANTED" not in ran.out + ran.err


def test_a_secret_stays_in_the_file_or_command_that_gives_it(shell: Shell, home: Path, monkeypatch: Any) -> None:
    (home / "key.txt").write_text("PLANTED\n")
    monkeypatch.chdir(home)
    ran = init(shell, "--set", "revel.api_key_file=key.txt", "--set", "revel.api_secret_command=echo PLANTED")
    assert ran.status == 0
    assert written(home)["revel"]["api_key_file"] == str(home / "key.txt")
    assert written(home)["revel"]["api_secret_command"] == "echo PLANTED"
    assert not {"api_key", "api_secret"} & written(home)["revel"].keys()


def test_a_secret_file_that_is_not_there_writes_nothing(shell: Shell, home: Path) -> None:
    ran = init(shell, "--set", f"revel.api_key_file={home / 'nope'!s}")
    assert ran.status == 10
    assert "revel.api_key_file (config.toml): names a file that doesn't exist" in ran.err
    assert list(home.iterdir()) == []


def test_no_secret_is_taken_on_the_command_line(shell: Shell, home: Path) -> None:
    ran = init(shell, "--set", "revel.api_key=PLANTED")
    assert ran.status == 2
    assert "others can read the command line" in ran.err
    assert "PLANTED" not in ran.err


def test_any_other_setting_may_be_set(shell: Shell, home: Path) -> None:
    argv = (
        "--set",
        "time_gate.days_before=1",
        "--set",
        "safety.allowed_locations=1, 2",
        "--set",
        "orders.payments=none",
        *(
            each
            for at in "12"
            for each in ("--location", f"tripleseat_location={at},revel_establishment={at},station=1")
        ),
    )
    assert init(shell, *argv).status == 0
    document = written(home)
    assert document["time_gate"] == {"days_before": 1}
    assert document["safety"]["allowed_locations"] == [1, 2]
    assert shell.run("config", "validate").status == 0


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--set", "time_gate.days_bfore=1"), "Did you mean time_gate.days_before?"),
        (("--set", "sync.workers"), "write KEY=VALUE"),
        (("--set", "sync.workers=x"), "sync.workers can't be read. Write a whole number."),
        (("--set", "locations=[]"), "use --location or --charge"),
        (("--set", "safety.dry_run=false"), "init always writes safety.dry_run = true"),
        (("--location", "Bakery"), "write key=value"),
        (("--location", "name=A,establishment=8"), "establishment. Did you mean revel_est"),
        (("--charge", "Tax"), "write NAME=tax"),
        (("--charge", "Fee=item"), "write NAME=tax"),
        (("--charge", "Tax=tax:3"), "write NAME=tax"),
        (("--set", "revel.payment_type=TripleSeat"), "revel.payment_type can't be read"),
    ],
)
def test_an_option_that_cannot_be_understood_is_a_usage_error(
    shell: Shell, home: Path, argv: tuple[str, ...], said: str
) -> None:
    ran = init(shell, *argv)
    assert ran.status == 2
    assert said in " ".join(ran.err.split())
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("separator", ["", " / ", " - "])
def test_a_separator_is_written_as_it_is_given_and_kept_from_another_file(
    shell: Shell, home: Path, separator: str
) -> None:
    assert init(shell, "--set", f"orders.name_separator={separator}").status == 0
    assert written(home)["orders"]["name_separator"] == separator
    path = home / "new.toml"
    source = home / ".config" / "tsrevel" / "config.toml"
    assert shell.run("init", "--from", str(source), "--output", str(path)).status == 0
    assert tomllib.loads(path.read_text())["orders"]["name_separator"] == separator


def test_the_old_services_environment_becomes_a_file(shell: Shell, home: Path) -> None:
    old = {
        "REVEL_DOMAIN": "acme", "TRIPLESEAT_OAUTH_CLIENT_ID": "client", "TIMEZONE": "America/Denver",
        "TRIPLESEAT_SITE_ID": "15691", "REVEL_ESTABLISHMENT_ID": "8", "DRY_RUN": "false", "ALLOWED_LOCATIONS": "15691",
    }  # fmt: skip
    ran = shell.run("init", "--set", "revel.user=12", "--set", "revel.station=21", environ={**SECRETS, **old})
    assert ran.status == 0
    document = written(home)
    assert document["locations"] == [{"tripleseat_site": 15691, "revel_establishment": 8}]
    assert document["timezone"] == "America/Denver"
    assert document["safety"]["dry_run"] is True
    assert "environment DRY_RUN overrides the file, so runs here are live" in ran.err
    assert "Runs are dry" not in ran.out
    assert shell.run("config", "validate").status == 0


def test_another_settings_file_gives_what_is_not_said_otherwise(shell: Shell, home: Path) -> None:
    del shell.world.config["sync"]
    source = shell.write_config()
    path = home / "new.toml"
    ran = shell.run("init", "--from", str(source), "--output", str(path), "--set", "sync.hours_back=72")
    assert ran.status == 0
    document = tomllib.loads(path.read_text())
    assert document["locations"] == shell.world.config["locations"]
    assert document["charges"] == shell.world.config["charges"]
    assert document["tripleseat"] == shell.world.config["tripleseat"]
    assert document["sync"] == {"hours_back": 72}
    assert document["safety"]["dry_run"] is True
    assert source.read_text() != path.read_text()


def test_nobody_is_asked_off_a_terminal_nor_with_json_or_quiet(shell: Shell, home: Path) -> None:
    for argv in ((), ("--json",), ("-q",)):
        assert shell.run("init", *argv, environ={}, stdin=b"client\nsecret\n").status == 2


def test_on_a_full_disk_room_is_asked_for(shell: Shell, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(*_args: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", fill)
    ran = init(shell)
    assert ran.status == 10
    assert "The disk is full. Make room" in ran.err
    assert "Let this user write" not in ran.err
    assert list((home / ".config" / "tsrevel").iterdir()) == []
