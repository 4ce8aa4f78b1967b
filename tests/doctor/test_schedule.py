"""What starts a run: a crontab line that really is one, of these settings; a timer that is due."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import pytest

from tsrevel.config import CommandFailure, CommandResult, examine_settings, load_settings
from tsrevel.doctor.findings import CheckFinding, CheckResult
from tsrevel.doctor.schedule import CRON_TIMES, check_schedule, read_crontab, read_crontabs
from tsrevel.files import user_name

from ..users import OTHER, as_other, folder_of_other, give_to_other
from ..world import World

ROOT = Path(__file__).parents[2]
WHEN = "0 0-21/3 * * *"
EVERY_45 = ("0,45 0-21/3 * * *", "30 1-22/3 * * *", "15 2-23/3 * * *")
NOW = datetime(2026, 12, 12, 18, tzinfo=UTC)
SECRET = "PLANTED"
NONE = CommandResult(failure=CommandFailure.EXIT_STATUS, text="failed with status 1")


class Machine:
    """Commands of a machine, by their words or their first word."""

    def __init__(self, answers: Mapping[str, CommandResult]) -> None:
        self.answers = answers

    def __call__(self, words: Sequence[str], environ: Mapping[str, str]) -> CommandResult:
        return self.answers.get(" ".join(words), self.answers.get(words[0], NONE))


def write(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def examine(
    folder: Path,
    answers: Mapping[str, CommandResult],
    config: Mapping[str, Mapping[str, object]] = MappingProxyType({}),
    **environ: str,
) -> list[CheckFinding]:
    """What is found on the machine below `folder`/root; its programs are in `folder`/bin."""
    for name in ("tsrevel", "python3"):
        write(folder / "bin" / name, "#!/bin/sh\n", 0o755)
    world = World(folder)
    for section, values in config.items():
        world.config[section] = {**world.config.get(section, {}), **values}
    settings = world.settings()
    return list(check_schedule(settings, environ, Machine(answers), NOW, folder / "root"))


def place(text: str, folder: Path) -> str:
    return text.replace("HERE", f"{folder}/config.toml").replace("BIN", f"{folder}/bin")


def find(
    folder: Path, *lines: str, config: Mapping[str, Mapping[str, object]] = MappingProxyType({}), **environ: str
) -> CheckFinding:
    """What is found of a crontab with these lines; HERE in them is the file that is examined, BIN its program's."""
    table = place("\n".join(["PATH=BIN", *lines]), folder)
    (found,) = examine(folder, {"crontab": CommandResult(table)}, config, **environ)
    return found


def scheduled(*times: str) -> list[str]:
    return [f"{each} tsrevel sync --config HERE" for each in times]


@pytest.mark.parametrize(
    "command",
    [
        "tsrevel sync --config HERE",
        "BIN/tsrevel sync -q --config=HERE >/dev/null 2>&1",
        "python3 -m tsrevel sync --config HERE",
        "TSREVEL_CONFIG=HERE tsrevel sync",
        "flock -n /tmp/tsrevel.lock tsrevel sync --config HERE",
        "sudo -u tsrevel tsrevel sync --config HERE # go",
        "bash -lc 'tsrevel sync --config HERE'",
        "cd /tmp && tsrevel sync --config HERE % input",
    ],
)
def test_a_line_that_runs_sync_with_these_settings_is_enough(tmp_path: Path, command: str) -> None:
    found = find(tmp_path, "# m h dom mon dow command", *(f"{when} {command}" for when in EVERY_45))
    assert (found.verdict, found.code) == (CheckResult.OK, "OK")
    assert "3 lines with `tsrevel sync`, a run every 45 minutes" in found.text


def test_the_tables_own_environment_may_name_the_settings(tmp_path: Path) -> None:
    assert find(tmp_path, 'TSREVEL_CONFIG = "HERE"', "@hourly tsrevel sync").verdict is CheckResult.OK


def test_the_shipped_example_is_understood() -> None:
    starts = list(read_crontab("crontab", (ROOT / "crontab.example").read_text(), ""))
    assert [(each.text, each.dry_run, each.config) for each in starts] == [
        ("tsrevel sync", False, Path("/etc/tsrevel/config.toml"))
    ] * 3


def test_the_usual_place_needs_no_name_and_a_folder_counts(tmp_path: Path) -> None:
    home = tmp_path / ".config" / "tsrevel"
    home.mkdir(parents=True)
    assert find(home, "@hourly tsrevel sync", HOME=str(tmp_path)).verdict is CheckResult.OK
    assert find(home, f"@hourly cd {home} && tsrevel sync --config config.toml").verdict is CheckResult.OK


@pytest.mark.parametrize(
    "line",
    [
        "",
        f"# {WHEN} tsrevel sync --config HERE",
        "MAILTO=tsrevel-sync@example.com",
        "MAILTO = tsrevel sync",
        f"{WHEN} tsrevel sync-event 5 --config HERE",
        f"{WHEN} tsrevel doctor --config HERE; sync",
        f"{WHEN} echo tsrevel sync",
        f"{WHEN} tsrevel --config=HERE sync",
        f"{WHEN} tsrevel -q sync --config HERE",
        f"{WHEN} backup --what tsrevel-sync",
        "@reboot tsrevel sync --config HERE",
        "tsrevel sync --config HERE",
    ],
)
def test_without_one_the_line_to_add_is_told(tmp_path: Path, line: str) -> None:
    found = find(tmp_path, line)
    assert found.verdict is CheckResult.WARNING
    assert found.code == "NOT_SCHEDULED"
    assert "`tsrevel schedule cron`" in found.remedy


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("tsrevel sync --dry-run --config HERE", "is a dry run"),
        ("tsrevel sync --config /other.toml", "reads /other.toml"),
        ("TSREVEL_CONFIG=/other.toml tsrevel sync", "reads /other.toml"),
        ("tsrevel sync", "names and finds no settings file"),
        ("tsrevel sync --config HERE --from 2026-12-12", "is limited to some days"),
        ("tsrevel sync --config HERE --to=$(date +\\%F)", "is limited to some days"),
    ],
)
def test_a_run_that_is_not_of_this_installation_is_told_as_such(tmp_path: Path, command: str, why: str) -> None:
    found = find(tmp_path, f"{WHEN} REVEL_API_KEY=PLANTED {command}")
    assert (found.verdict, found.code) == (CheckResult.WARNING, "OTHER_RUN")
    assert why in found.text
    assert "PLANTED" not in found.text + found.remedy


def test_settings_from_the_environment_alone_need_a_file_before_a_schedule(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "TRIPLESEAT_OAUTH_CLIENT_ID": "a", "REVEL_DOMAIN": "acme"}
    settings, _ = examine_settings(config=None, environ=environ)
    (found,) = check_schedule(settings, environ, Machine({}), NOW, tmp_path)
    assert found.code == "NOT_SCHEDULED"
    assert "`tsrevel init`" in found.remedy


@pytest.mark.parametrize(
    ("times", "code"),
    [
        (["* * * * *"], "OK"),
        (["*/15 * * * *"], "OK"),
        (["@hourly"], "OK"),
        (["0 6-22 * * *"], "OK"),
        (["0 * * * *", "30 11 * * *"], "OK"),
        (["7~9 * * * *"], "OK"),
        (["*/45 * * * *"], "GAPS_UNEVEN"),
        (["0,45 * * * *"], "GAPS_UNEVEN"),
        (["0-59/45 6-20 * * 1-7"], "GAPS_UNEVEN"),
        (["*/7 * * * *"], "GAPS_UNEVEN"),
        (["*/40 * * * *"], "GAPS_UNEVEN"),
        (EVERY_45[:2], "GAPS_UNEVEN"),
        (["0 */4 * * *"], "SELDOM"),
        (["@daily"], "SELDOM"),
        (["0 6-22 * * 1-5"], "GAPS_TOO_LONG"),
        (["*/15 * 1-15 * *"], "GAPS_TOO_LONG"),
        (["*/45 * * 12 *"], "GAPS_TOO_LONG"),
        (["@weekly"], "GAPS_TOO_LONG"),
        (["@monthly"], "GAPS_TOO_LONG"),
        (["0 0 1 1 *"], "GAPS_TOO_LONG"),
        (["@yearly"], "GAPS_TOO_LONG"),
        (["61 * * * *"], "TIMES_UNREADABLE"),
        (["0 0 30 2 *"], "TIMES_UNREADABLE"),
    ],
)
def test_the_gaps_between_runs_are_judged(tmp_path: Path, times: Sequence[str], code: str) -> None:
    found = find(tmp_path, *scheduled(*times))
    assert found.code == code
    assert (found.exit_status == 3) == (found.verdict is CheckResult.PROBLEM)
    assert (found.verdict is CheckResult.PROBLEM) == (code not in {"OK", "SELDOM"})
    assert (EVERY_45[0] in found.remedy) == (code != "OK")


def test_the_gaps_are_named(tmp_path: Path) -> None:
    assert "15 minutes and 45 minutes" in find(tmp_path, *scheduled("*/45 * * * *")).text


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (["PATH=/usr/bin:/bin", "@hourly tsrevel sync --config HERE"], "COMMAND_NOT_FOUND"),
        (["PATH=$PATH:BIN", "@hourly tsrevel sync --config HERE"], "OK"),
        (["PATH=$PATH", "@hourly tsrevel sync --config HERE"], "COMMAND_NOT_FOUND"),
        (["PATH=~/bin", "@hourly tsrevel sync --config HERE"], "COMMAND_NOT_FOUND"),
        (["@hourly /no/such/tsrevel sync --config HERE"], "COMMAND_NOT_FOUND"),
        (["@hourly HERE/../tsrevel sync --config HERE"], "COMMAND_NOT_FOUND"),
        (["@hourly PATH=/none tsrevel sync --config HERE"], "COMMAND_NOT_FOUND"),
        (["PATH=", "@hourly /usr/bin/env python9 -m tsrevel sync --config HERE"], "COMMAND_NOT_FOUND"),
        (["PATH=", "@hourly BIN/python3 -m tsrevel sync --config HERE"], "OK"),
        (["PATH=", "@hourly cd BIN && ./tsrevel sync --config HERE"], "OK"),
        (["PATH=", "@hourly . BIN/activate && tsrevel sync --config HERE"], "OK"),
        (["PATH=", "@hourly bash -lc 'tsrevel sync --config HERE'"], "OK"),
    ],
)
def test_the_command_is_looked_for_where_cron_looks(tmp_path: Path, lines: Sequence[str], code: str) -> None:
    assert find(tmp_path, *lines).code == code


def test_without_a_path_cron_looks_in_two_folders_alone(tmp_path: Path) -> None:
    table = place("@hourly tsrevel sync --config HERE", tmp_path)
    found = examine(tmp_path, {"crontab": CommandResult(table)}, PATH=f"{tmp_path}/bin")
    assert [each.code for each in found] == ["COMMAND_NOT_FOUND"]


@pytest.mark.parametrize("name", ["etc/crontab", "etc/cron.d/tsrevel"])
def test_the_systems_tables_count_and_name_the_user(tmp_path: Path, name: str) -> None:
    line = place("@hourly root BIN/tsrevel sync --config HERE\n", tmp_path)
    write(tmp_path / "root" / name, line)
    found = examine(tmp_path, {})
    assert [each.code for each in found] == ["OK"]
    assert f"/{name}" in found[0].text


def test_cron_reads_no_file_with_a_dot_in_its_name(tmp_path: Path) -> None:
    write(tmp_path / "root/etc/cron.d/tsrevel.cron", place("@hourly root BIN/tsrevel sync --config HERE\n", tmp_path))
    assert [each.code for each in examine(tmp_path, {})] == ["NOT_SCHEDULED"]


@pytest.mark.parametrize("shut", ["etc/cron.d", "etc", "var/spool/cron/crontabs", "etc/systemd/system", "etc/systemd"])
def test_a_folder_that_this_user_cannot_read_counts_as_empty(shut: str) -> None:
    with folder_of_other() as folder:
        folders = [folder / "root" / each for each in ("etc/cron.d", "var/spool/cron/crontabs", "etc/systemd/system")]
        for each in folders:
            each.mkdir(parents=True)
        table = place("@hourly BIN/tsrevel sync --config HERE\n", folder)
        closed = folder / "root" / shut
        give_to_other(closed)
        closed.chmod(0)
        with as_other():
            found = examine(folder, {"crontab": CommandResult(table)})
        closed.chmod(0o755)
        assert [each.code for each in found] == ["OK"]


def test_two_schedules_of_one_installation_are_one_too_many(tmp_path: Path) -> None:
    line = place("@hourly root BIN/tsrevel sync --config HERE\n", tmp_path)
    write(tmp_path / "root/etc/cron.d/tsrevel", line)
    found = examine(tmp_path, {"crontab": CommandResult(line.replace("root ", ""))})
    assert [each.code for each in found] == ["OK", "OK", "STARTED_TWICE"]


CITY, LAKE = "--location 30501", "--location=30502"


def over(when: str, *options: str) -> str:
    return f"{when} tsrevel sync --config HERE {' '.join(options)}"


def test_a_run_that_lacks_a_variable_of_this_terminal_is_a_problem(tmp_path: Path) -> None:
    world = World(tmp_path)
    given = {"REVEL_API_KEY": SECRET, "TRIPLESEAT_OAUTH_CLIENT_SECRET": SECRET, "HOME": str(tmp_path)}
    for section, key in (("revel", "api_key"), ("revel", "api_key_file"), ("tripleseat", "client_secret")):
        world.config[section].pop(key, None)
    world.write_config()
    write(tmp_path / "bin" / "tsrevel", "#!/bin/sh\n", 0o755)
    settings = load_settings(config=tmp_path / "config.toml", environ=given)

    def check_all(*lines: str) -> list[CheckFinding]:
        table = CommandResult(place("\n".join(["PATH=BIN:/bin", *lines]), tmp_path))
        return list(check_schedule(settings, given, Machine({"crontab": table}), NOW, tmp_path / "root"))

    def check(*lines: str) -> CheckFinding:
        return check_all(*lines)[0]

    found, other = check_all(*(f"{when} tsrevel sync --config HERE" for when in CRON_TIMES))
    assert other.code == "OK"
    assert (found.verdict, found.code, found.exit_status) == (CheckResult.PROBLEM, "RUN_MISCONFIGURED", 10)
    assert "REVEL_API_KEY, TRIPLESEAT_OAUTH_CLIENT_SECRET" in found.text
    assert SECRET not in found.text + found.remedy
    same = [f"{name}={value}" for name, value in given.items() if name != "HOME"]
    assert check(*same, "@hourly tsrevel sync --config HERE").code == "OK"
    write(tmp_path / "root/etc/environment", "\n".join(same))
    assert check("@hourly tsrevel sync --config HERE").code == "OK"
    (tmp_path / "root/etc/environment").unlink()
    for unknown in (". BIN/../env && tsrevel", "with-secrets -- tsrevel"):
        assert check(f"@hourly {unknown} sync --config HERE").code == "OK"
    assert check("BASH_ENV=BIN/../env", "@hourly tsrevel sync --config HERE").code == "OK"


def find_all(folder: Path, *lines: str) -> list[tuple[str, str]]:
    table = place("\n".join(["PATH=BIN", *lines]), folder)
    return [(each.code, each.text) for each in examine(folder, {"crontab": CommandResult(table)})]


def test_a_line_for_each_location_is_judged_by_itself(tmp_path: Path) -> None:
    (ok, told), (late, told_late) = find_all(tmp_path, over("0 * * * *", CITY), over("30 */4 * * *", LAKE))
    assert (ok, late) == ("OK", "SELDOM")
    assert "crontab over Special Events: 1 line with `tsrevel sync`, a run every 60 minutes" in told
    assert "crontab over Lakeside Bakery: at `30 */4 * * *` runs start 4 hours apart" in told_late


@pytest.mark.parametrize(
    "lines",
    [
        [over("@hourly", CITY, LAKE)],
        [over("@hourly"), over("30 3 * * *", CITY)],
        [over("@hourly", "--location $PLACE")],
        [over("@hourly", CITY) + f"; tsrevel sync --config HERE {LAKE}"],
    ],
)
def test_lines_that_together_cover_every_location_are_enough(tmp_path: Path, lines: Sequence[str]) -> None:
    assert {code for code, _ in find_all(tmp_path, *lines)} <= {"OK", "GAPS_UNEVEN"}


def test_a_location_that_no_line_covers_is_told_by_its_name(tmp_path: Path) -> None:
    (ok, _), (code, told) = find_all(tmp_path, over("@hourly", CITY))
    assert (ok, code) == ("OK", "LOCATION_LEFT_OUT")
    assert "leave out Lakeside Bakery" in told
    some_days = over("@hourly", LAKE, "--from 2026-12-12")
    assert find_all(tmp_path, over("@hourly", CITY), some_days)[1] == (code, told)


def test_two_schedules_for_different_locations_are_not_too_many(tmp_path: Path) -> None:
    line = place(f"@hourly root BIN/tsrevel sync --config HERE {LAKE}\n", tmp_path)
    write(tmp_path / "root/etc/cron.d/tsrevel", line)
    assert [code for code, _ in find_all(tmp_path, over("30 * * * *", CITY))] == ["OK"] * 2


@pytest.mark.parametrize(
    ("lines", "warnings"),
    [
        ([over("@hourly", CITY), over("0 * * * *", LAKE)], 1),
        ([over("@hourly", CITY), over("*/7 * * * *", CITY, LAKE)], 1),
        ([over("@hourly"), over("0 4 * * 1", CITY)], 1),
        ([over("@hourly", CITY), over("1 * * * *", LAKE)], 0),
        ([over("@hourly", CITY) + f"; tsrevel sync --config HERE {LAKE}"], 0),
        ([over("61 * * * *", CITY), over("61 * * * *", LAKE)], 0),
    ],
)
def test_lines_that_start_in_the_same_minute_are_told_because_one_of_them_finds_the_lock_held(
    tmp_path: Path, lines: Sequence[str], warnings: int
) -> None:
    assert [code for code, _ in find_all(tmp_path, *lines)].count("STARTED_TOGETHER") == warnings


def test_lines_of_two_tables_that_start_together_are_told_once(tmp_path: Path) -> None:
    write(
        tmp_path / "root/etc/cron.d/tsrevel", place(f"@hourly root BIN/tsrevel sync --config HERE {LAKE}\n", tmp_path)
    )
    *_, (code, told) = find_all(tmp_path, over("@hourly", CITY))
    assert (code, "(crontab)" in told, "(/etc/cron.d/tsrevel)" in told) == ("STARTED_TOGETHER", True, True)


def elapses(*times: str) -> CommandResult:
    """What `systemd-analyze calendar` prints."""
    first, *rest = times
    more = [f"       Iter. #{n}: Sat 2026-12-12 {each} UTC" for n, each in enumerate(rest, 2)]
    return CommandResult("\n".join([f"    Next elapse: Sat 2026-12-12 {first} UTC", *more]))


def units(
    folder: Path, timer: str, service: str = "ExecStart=BIN/tsrevel sync --config HERE", *, on: bool = True
) -> None:
    system = folder / "root/etc/systemd/system"
    write(system / "ours.timer", f"[Timer]\n{timer}\n[Install]\nWantedBy=timers.target\n")
    write(system / "ours.service", place(f"[Service]\n{service}\n", folder))
    if on:
        (system / "timers.target.wants").mkdir()
        (system / "timers.target.wants/ours.timer").symlink_to("../ours.timer")


@pytest.mark.parametrize(
    ("timer", "printed", "code"),
    [
        ("OnCalendar=00/3:00,45", elapses("18:00:00", "18:45:00", "19:30:00"), "OK"),
        ("OnCalendar=*:0/45", elapses("18:00:00", "18:45:00", "19:00:00", "19:45:00"), "GAPS_UNEVEN"),
        ("OnCalendar=0/4:00", elapses("00:00:00", "04:00:00", "08:00:00"), "SELDOM"),
        ("OnCalendar=daily", NONE, "OK"),
        ("OnBootSec=1\nOnUnitActiveSec=45min", CommandResult("      μs: 2700000000"), "OK"),
        ("OnBootSec=1\nOnUnitActiveSec=1y", CommandResult("      μs: 31557600000000"), "GAPS_TOO_LONG"),
        ("OnUnitActiveSec=45min", CommandResult("      μs: 2700000000"), "TIMER_OFF"),
    ],
)
def test_a_timer_is_judged_alike(tmp_path: Path, timer: str, printed: CommandResult, code: str) -> None:
    units(tmp_path, timer)
    found = examine(tmp_path, {"systemd-analyze": printed})
    assert [each.code for each in found] == [code]
    assert "ours.timer" in found[0].text


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("Environment=TSREVEL_CONFIG=HERE\nExecStart=BIN/tsrevel \\\n  sync", "OK"),
        ("ExecStart=/bin/true\nExecStart=\nExecStart=-BIN/tsrevel sync --config HERE", "OK"),
        ("ExecStart=/no/tsrevel sync --config HERE", "COMMAND_NOT_FOUND"),
        ("ExecStart=BIN/tsrevel sync --config /other.toml", "OTHER_RUN"),
        ("EnvironmentFile=-/none\nExecStart=BIN/tsrevel sync --config HERE", "OK"),
        ("EnvironmentFile=HERE.env\nExecStart=BIN/tsrevel sync", "OK"),
        ("ExecStart=BIN/tsrevel doctor --config HERE", "NOT_SCHEDULED"),
    ],
)
def test_the_service_of_a_timer_is_read(tmp_path: Path, service: str, code: str) -> None:
    write(tmp_path / "config.toml.env", place("export TSREVEL_CONFIG=HERE\n", tmp_path))
    units(tmp_path, "OnCalendar=hourly", service)
    assert [each.code for each in examine(tmp_path, {})] == [code]


def test_a_drop_in_counts(tmp_path: Path) -> None:
    units(tmp_path, "Unit=theirs.service\nOnCalendar=hourly")
    drop = tmp_path / "root/etc/systemd/system/ours.timer.d/unit.conf"
    write(drop, "[Timer]\nUnit=ours.service\n")
    assert [each.code for each in examine(tmp_path, {})] == ["OK"]


@pytest.mark.parametrize("never", ["n/a n/a", "- -"])
def test_a_timer_that_never_elapses_starts_nothing(tmp_path: Path, never: str) -> None:
    units(tmp_path, "OnCalendar=hourly")
    line = f"{never} Sat 2026-12-12 06:00:00 PST 2h ago ours.timer ours.service"
    (found,) = examine(tmp_path, {"systemctl": CommandResult(line)})
    assert (found.verdict, found.code) == (CheckResult.WARNING, "TIMER_OFF")
    assert "systemctl enable --now ours.timer" in found.remedy


def test_a_timer_that_was_never_enabled_is_told_as_such(tmp_path: Path) -> None:
    units(tmp_path, "OnCalendar=hourly", on=False)
    assert [each.code for each in examine(tmp_path, {})] == ["TIMER_OFF"]


@pytest.mark.parametrize(
    ("minutes", "line", "codes"),
    [
        (45, "", ["OK"]),
        (150, "", ["SELDOM"]),
        (10_080, "", ["GAPS_TOO_LONG"]),
        (45, f"{EVERY_45[0]} tsrevel sync --config /other.toml", ["OK"]),
        (45, "@hourly tsrevel sync --config HERE", ["OK", "OK", "STARTED_TWICE"]),
    ],
)
def test_the_poll_of_serve_starts_runs_too(tmp_path: Path, minutes: int, line: str, codes: list[str]) -> None:
    table = CommandResult(place(f"PATH=BIN\n{line}", tmp_path))
    found = examine(tmp_path, {"crontab": table}, {"serve": {"sync_every_minutes": minutes}})
    assert [each.code for each in found] == codes
    assert "serve.sync_every_minutes" in found[-1].text


def test_times_that_cannot_be_read_may_be_as_far_apart_as_runs_look_back(tmp_path: Path) -> None:
    def read() -> Generator[object, None, None]:
        found = yield from check_schedule(World(tmp_path).settings(), {}, Machine({}), NOW, tmp_path / "root")
        assert found is not None
        assert found.longest == timedelta(hours=48)

    write(tmp_path / "bin/tsrevel", "#!/bin/sh\n", 0o755)
    units(tmp_path, "OnCalendar=daily")
    list(read())


@pytest.mark.parametrize("known_by", ["link", "list"])
def test_the_instances_of_the_shipped_template_are_read(tmp_path: Path, known_by: str) -> None:
    folder, instances = tmp_path / "bakery", ("tsrevel@bakery.timer", "tsrevel@events.timer")
    system = folder / "root/etc/systemd/system"
    for name in ("tsrevel@.timer", "tsrevel@.service"):
        text = (ROOT / "examples/accounts" / name).read_text()
        text = text.replace("/opt/tsrevel/.venv/bin", f"{folder}/bin").replace("/etc/tsrevel", str(tmp_path))
        write(system / name, text)
    answers = {"systemd-analyze": elapses("18:00:00", "18:45:00", "19:30:00")}
    for name in instances if known_by == "link" else ():
        write(system / "timers.target.wants" / name, "")
    if known_by == "list":
        lines = [f"Sat 2026-12-12 18:00:00 UTC 2min left - - {name} its.service" for name in instances]
        answers["systemctl"] = CommandResult("\n".join(lines))
    (found,) = examine(folder, answers)
    assert (found.code, found.text) == ("OK", "tsrevel@bakery.timer: a run every 45 minutes")


def test_a_template_without_an_instance_starts_nothing(tmp_path: Path) -> None:
    units(tmp_path, "OnCalendar=hourly", on=False)
    system = tmp_path / "root/etc/systemd/system"
    for name in ("ours.timer", "ours.service"):
        (system / name).rename(system / name.replace("ours", "ours@"))
    (found,) = examine(tmp_path, {})
    assert found.code == "NOT_SCHEDULED"


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("etc/cron.d/tsrevel", "@hourly {} BIN/tsrevel sync"),
        ("etc/crontab", "@hourly {} BIN/tsrevel sync"),
        ("var/spool/cron/crontabs/{}", "@hourly BIN/tsrevel sync"),
    ],
)
def test_who_starts_a_run_is_known(tmp_path: Path, place: str, line: str) -> None:
    name = user_name(OTHER)
    write(tmp_path / place.format(name), line.format(name))
    (found,) = read_crontabs(tmp_path, {}, "")
    assert found.user == OTHER
