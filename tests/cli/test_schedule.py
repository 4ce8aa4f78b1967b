"""`schedule`: what it prints passes systemd's own tools and `doctor`'s check, wherever this installation lies."""

from __future__ import annotations

import codecs
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tsrevel.cli.schedule import name_units
from tsrevel.config import CommandFailure, CommandResult, run_command
from tsrevel.doctor.findings import CheckFinding
from tsrevel.doctor.schedule import check_schedule

from ..test_crontab import fires
from ..world import World
from .bench import Shell

NOW = datetime(2026, 12, 12, 18, tzinfo=UTC)
SYSTEMD = shutil.which("systemd-analyze") is not None
"""Whether systemd's tools can judge here. Where they can't, `doctor` can't tell when a timer elapses either."""


def ask(shell: Shell, *words: str, **environ: str) -> dict[str, Any]:
    return shell.run("schedule", *words, "--json", "--config", str(shell.write_config()), environ=environ).answer


def check(shell: Shell, table: str, root: Path) -> list[CheckFinding]:
    """What `doctor` says of this crontab, and of the machine below `root`; systemd's tools are the real ones."""

    def answer(words: Sequence[str], environ: Mapping[str, str]) -> CommandResult:
        if words[0] == "systemd-analyze":
            return run_command(words, environ)
        return CommandResult(table if words[0] == "crontab" else "")

    return list(check_schedule(shell.world.settings(), {"PATH": "/usr/bin:/bin"}, answer, NOW, root))


def unit_of(answer: Mapping[str, Any], kind: str = "service") -> str:
    """The text of the unit that runs `sync`, or of its timer."""
    files: Mapping[str, str] = answer["files"]
    return next(text for name, text in files.items() if name.endswith(f".{kind}") and "-failed" not in name)


def install(files: Mapping[str, str], root: Path) -> list[str]:
    """The units below `root`, the timer enabled; their paths."""
    for name, text in files.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    wanted = root / "etc/systemd/system/timers.target.wants"
    wanted.mkdir()
    timer = Path(next(name for name in files if name.endswith(".timer"))).name
    (wanted / timer).symlink_to(f"../{timer}")
    return [str(root / name.lstrip("/")) for name in files]


@pytest.mark.parametrize("kind", ["cron", "systemd"])
@pytest.mark.parametrize("option", ["--user", "--mailto", "--log"])
@pytest.mark.parametrize("text", ["a\n* * * * * root true", "a\rb", "a\x07", "a\u2028b"])
def test_what_would_break_a_line_of_the_schedule_is_a_usage_error(
    shell: Shell, kind: str, option: str, text: str
) -> None:
    ran = shell.run("schedule", kind, option, text, "--config", str(shell.write_config()))
    assert (ran.status, ran.out) == (2, "")
    assert f"{option} has a line break or another character that can't be printed" in ran.err


def test_a_settings_file_whose_name_would_break_a_line_is_a_usage_error(shell: Shell, tmp_path: Path) -> None:
    odd = tmp_path / "a\nb.toml"
    odd.write_bytes(shell.write_config().read_bytes())
    ran = shell.run("schedule", "cron", "--config", str(odd))
    assert (ran.status, "the command to run has a line break" in ran.err) == (2, True)


@pytest.mark.parametrize("more", [[], ["--log", "/var/log/100% new.log"], ["--mailto", "a@example.com"]])
def test_the_crontab_passes_the_doctors_check(shell: Shell, tmp_path: Path, more: list[str]) -> None:
    table = ask(shell, "cron", *more)["files"]["crontab"]
    assert [each.code for each in check(shell, table, tmp_path)] == ["OK"]
    assert re.search(r"^[^#\n]*(?<!\\)%", table, re.MULTILINE) is None


def test_a_folder_with_an_odd_name_is_no_trouble(tmp_path: Path) -> None:
    folder = tmp_path / "Ann's (new) events"
    folder.mkdir()
    shell = Shell(World(folder))
    answer = ask(shell, "cron")
    assert [each.code for each in check(shell, answer["files"]["crontab"], tmp_path)] == ["OK"]


def test_the_command_needs_no_path_and_names_its_settings(shell: Shell) -> None:
    command = ask(shell, "cron")["command"]
    assert Path(command[0]).is_absolute()
    assert command[-3:] == ["sync", "--config", str(shell.world.folder / "config.toml")]


def test_the_units_pass_the_doctors_check(shell: Shell, tmp_path: Path) -> None:
    secret = tmp_path / "the key"
    secret.write_text(shell.world.config["revel"].pop("api_key"))
    shell.world.config["revel"]["api_key_file"] = str(secret)
    install(ask(shell, "systemd")["files"], tmp_path / "root")
    (found,) = check(shell, "", tmp_path / "root")
    often = "a run every 45 minutes" if SYSTEMD else "its times can't be read here"
    assert (found.code, found.text.endswith(f".timer: {often}")) == ("OK", True)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/etc/tsrevel/config.toml", "tsrevel"),
        ("/home/ann/.config/tsrevel/config.toml", "tsrevel"),
        ("/etc/tsrevel/brand1.toml", "tsrevel-brand1"),
        ("/etc/tsrevel/brand 2.toml", "tsrevel-brand-2"),
        ("/etc/tsrevel/tsrevel.toml", "tsrevel-tsrevel"),
        ("/srv/Ann's events/config.toml", "tsrevel-Ann-s-events"),
    ],
)
def test_the_units_of_each_settings_file_have_their_own_name(path: str, name: str) -> None:
    assert name_units(Path(path)) == name


def test_every_unit_names_the_others_of_its_installation(shell: Shell, tmp_path: Path) -> None:
    brand = tmp_path / "brand1.toml"
    brand.write_bytes(shell.write_config().read_bytes())
    answer = shell.run("schedule", "systemd", "--json", "--config", str(brand)).answer
    ends = ("service", "timer", "failed.service")
    assert [Path(each).name.removeprefix("tsrevel-brand1")[1:] for each in answer["files"]] == list(ends)
    assert "OnFailure=tsrevel-brand1-failed.service" in unit_of(answer)
    assert "--lines=50 tsrevel-brand1.service | mail" in "".join(answer["files"].values())
    assert answer["install"][-1] == "systemctl enable --now tsrevel-brand1.timer"
    told = re.findall(r"^Description=(.*)$", "\n".join(answer["files"].values()), re.MULTILINE)
    assert ["tsrevel-brand1" in each for each in told] == [True] * 3


@pytest.mark.parametrize("more", [[], ["--log", "/var/log/tsrevel.log", "--mailto", "o'neill %x@example.com"]])
def test_systemd_takes_the_units_and_finds_them_safe(shell: Shell, tmp_path: Path, more: list[str]) -> None:
    paths = install(ask(shell, "systemd", "--user", "nobody", *more)["files"], tmp_path / "root")
    environ = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
    verified = run_command(["systemd-analyze", "verify", *paths], environ)
    assert verified.failure is (None if SYSTEMD else CommandFailure.NOT_FOUND), verified.text
    judged = run_command(["systemd-analyze", "security", "--offline=true", paths[0]], environ).output
    levels = re.findall(r"exposure level for \S+: ([\d.]+)", judged)
    assert [float(level) <= 2.0 for level in levels] == [True] * SYSTEMD


def test_systemd_reads_back_each_path_of_the_units_as_it_was_given(tmp_path: Path) -> None:
    folder = tmp_path / "new events"
    folder.mkdir()
    shell = Shell(World(folder))
    secret = folder / "the key"
    secret.write_text("s3cret")
    del shell.world.config["revel"]["api_key"]
    shell.world.config["revel"]["api_key_file"] = str(secret)
    shell.world.config["tripleseat"]["token_file"] = "/var/lib/tsrevel/brand 7/token.json"
    log = "/var/log/50% of it.log"
    answer = ask(shell, "systemd", "--user", "nobody", "--log", log)
    files, unit = answer["files"], unit_of(answer)
    assert f"StandardOutput=append:{log.replace('%', '%%')}\n" in unit
    assert f"LoadCredential=revel.api_key_file:{secret}\n" in unit
    assert 'StateDirectory="tsrevel/brand 7"\n' in unit
    paths = install(files, tmp_path / "root")
    environ = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "SYSTEMD_LOG_LEVEL": "debug"}
    command = ["sh", "-c", 'systemd-analyze verify "$@" 2>/dev/null; true', "sh", *paths]
    told = subprocess.run(command, env=environ, capture_output=True, text=True, check=False).stdout
    for line in (f"StandardOutputFileToAppend: {log}", "StateDirectory: tsrevel/brand 7", f"ReadWritePaths: {folder}"):
        assert (line in told) is bool(SYSTEMD)


def test_the_timer_elapses_when_cron_would_start(shell: Shell) -> None:
    timer = unit_of(ask(shell, "systemd"), "timer")
    times = set[str]()
    for hours, minutes in re.findall(r"^OnCalendar=(\d\d/3):([\d,]+)$", timer, re.MULTILINE):
        times |= {f"{hour:02}:{minute}" for hour in range(int(hours[:2]), 24, 3) for minute in minutes.split(",")}
    assert times == {f"{moment:%H:%M}" for moment in fires()}


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_a_secret_in_a_file_reaches_the_service_as_a_credential(shell: Shell, tmp_path: Path, mark: bytes) -> None:
    secret = tmp_path / "key file"
    secret.write_text("s3cret")
    del shell.world.config["revel"]["api_key"]
    shell.world.config["revel"]["api_key_file"] = str(secret)
    config = shell.write_config()
    config.write_bytes(mark + config.read_bytes())
    ran = shell.run("schedule", "systemd", "--config", str(config), "--json")
    unit = unit_of(ran.answer)
    assert f"LoadCredential=revel.api_key_file:{secret}\n" in unit
    assert "Environment=TSREVEL_REVEL__API_KEY_FILE=%d/revel.api_key_file" in unit
    assert "s3cret" not in unit


def test_what_only_this_environment_says_is_a_warning(shell: Shell) -> None:
    assert ask(shell, "cron")["warnings"] == []
    (told,) = ask(shell, "cron", TSREVEL_REVEL__STATION="5")["warnings"]
    assert "revel.station" in told


@pytest.mark.parametrize(("kind", "place"), [("cron", "crontab"), ("systemd", "service")])
def test_so_is_a_proxy_or_certificate_by_name(shell: Shell, kind: str, place: str) -> None:
    answer = ask(shell, kind, HTTPS_PROXY="http://u:PLANTED@proxy.example:3128", NO_PROXY=".example")
    told = [f"{name} is set in this environment; set it in the {place}" for name in ("HTTPS_PROXY", "NO_PROXY")]
    assert [each.partition(" for ")[0] for each in answer["warnings"]] == told
    assert "PLANTED" not in str(answer)


def test_a_user_that_this_machine_does_not_have_is_a_warning(shell: Shell) -> None:
    assert ask(shell, "systemd", "--user", "root")["warnings"] == []
    (told,) = ask(shell, "systemd", "--user", "no-such-user")["warnings"]
    assert "no-such-user" in told


def test_the_crontab_says_who_mails_what(shell: Shell) -> None:
    def comments(*words: str) -> str:
        table = ask(shell, "cron", *words)["files"]["crontab"]
        return "\n".join(line for line in table.splitlines() if line.startswith("#"))

    assert "cron mails the output" in comments()
    logged = comments("--log", "/var/log/tsrevel.log")
    assert ("cron mails" in logged, "nothing until [email] is set" in logged) == (False, True)
    mail = {"base_url": "http://127.0.0.1:9", "api_key": "k", "sender": "a@example.com"}
    shell.world.config["email"] = mail | {"recipients": ["b@example.com"]}
    assert "what [email] says" in comments("--log", "/var/log/tsrevel.log")


def test_without_a_settings_file_nothing_can_be_scheduled(shell: Shell) -> None:
    ran = shell.run("schedule", "cron", environ={"TSREVEL_REVEL__DOMAIN": "acme", "HOME": "/nowhere"})
    assert (ran.status, ran.out) == (2, "")


@pytest.mark.parametrize("kind", ["cron", "systemd"])
def test_people_get_the_same_files_with_how_to_install_them(shell: Shell, kind: str) -> None:
    answer = ask(shell, kind)
    ran = shell.run("schedule", kind, "--config", str(shell.write_config()))
    assert ran.status == 0
    assert all(text in ran.out for text in answer["files"].values())
    assert all(f"# To install: {step}" in ran.out for step in answer["install"])
