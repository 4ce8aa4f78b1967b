"""Several users, one installation: one settings file is one ledger and one lock, and root locks nobody out."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import tomli_w

from tsrevel.config import paths
from tsrevel.doctor.machine import check_users
from tsrevel.files import chown, user_name
from tsrevel.ledger import Ledger

from ..users import OTHER, as_other, folder_of_other, give_to_other
from ..world import World
from .bench import Doorman, Ran, Shell, execute, served_world
from .consent import Admin, log_in_with

FULL = 64000001
LIVE = {"DRY_RUN": "false"}
NOBODY = 65534


@pytest.mark.real_process
@pytest.mark.parametrize("other", ["another home", "no home", "a link", "another folder"])
def test_two_users_at_once_make_one_order(tmp_path: Path, other: str) -> None:
    """Root looks at one event by hand while cron's run is at its order."""
    folder = tmp_path / "installation"
    config = folder / "config.toml"
    by_name, environ = config, LIVE | {"HOME": str(tmp_path / "root")}
    seen: list[Ran] = []
    match other:
        case "no home":
            environ = LIVE | {"HOME": ""}
        case "a link":
            by_name = tmp_path / "elsewhere" / "prod.toml"
            by_name.parent.mkdir()
            by_name.symlink_to(config)
        case "another folder":
            (tmp_path / "way").symlink_to(folder)
            by_name = tmp_path / "way" / "config.toml"

    def look() -> None:
        seen.append(execute("sync-event", str(FULL), "--config", str(by_name), environ=environ))

    doorman: list[Doorman] = []

    def stand(app: object) -> Doorman:
        doorman.append(Doorman(app, 6, look))  # type: ignore[arg-type]
        return doorman[0]

    with served_world(folder, "full", revel=stand) as world:
        del world.config["ledger"]
        world.write_config()
        ran = execute("sync", "--config", str(config), environ=LIVE | {"HOME": str(tmp_path / "cron")})
        assert (ran.status, [each.status for each in seen]) == (0, [11]), ran.err
        after = execute("sync-event", str(FULL), "--config", str(by_name), "--json", environ=environ)
        assert after.answer["events"][0]["reason"] == "ALREADY_INJECTED"
        assert world.flaws(FULL) == []
    assert (folder / "ledger.sqlite3").exists()
    assert not (tmp_path / "cron").exists()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user may enter, and that belongs to them where root runs the tests."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        yield folder


def test_what_root_runs_locks_the_user_of_cron_out_of_nothing(open_folder: Path) -> None:
    """Where the tests don't run as root, one user is both."""
    shell = Shell(World(open_folder))
    del shell.world.config["ledger"]
    config = shell.write_config()
    owner = NOBODY if os.geteuid() == 0 else os.geteuid()
    for path in open_folder.iterdir():
        os.chown(path, owner, -1)
    shell.world.time.move(hours=3)  # the token has expired: root's command must renew it
    listed = shell.run("doctor", "--config", str(config), "--json")
    synced = shell.run("sync", "--config", str(config), "--json", environ=LIVE)
    mapped = shell.run("map", "set", "Anything", "8107", "--establishment", "8", "--offline", "--config", str(config))
    paused = shell.run("pause", "--config", str(config))
    assert (synced.status in {0, 3}, mapped.status, paused.status) == (True, 0, 0), listed.err
    strangers = [each.name for each in open_folder.rglob("*") if each.stat().st_uid != owner]
    assert strangers == []
    root = os.geteuid()
    os.seteuid(owner)
    try:
        resumed = shell.run("resume", "--config", str(config))
        again = shell.run("sync", "--config", str(config), "--json", environ=LIVE)
    finally:
        os.seteuid(root)
    assert (resumed.status, again.status) == (0, synced.status), again.err


def test_who_may_not_open_the_ledger_is_told_so(open_folder: Path) -> None:
    shell = Shell(World(open_folder))
    shell.sync(environ=LIVE)
    config = shell.write_config()
    for path in open_folder.iterdir():
        path.chmod(0o644 if path.suffix in {".toml", ".json"} else 0)
    open_folder.chmod(0o755)
    root = os.geteuid()
    os.seteuid(NOBODY - 1 if root == 0 else root)
    try:
        ran = shell.run("sync", "--config", str(config), environ=LIVE)
        before = shell.requests
        asked = shell.run("map", "products", "urn", "--config", str(config), environ=LIVE)
    finally:
        os.seteuid(root)
    assert (ran.status, asked.status, shell.requests) == (10, 10, before)
    assert "ledger" in ran.err
    assert "Permission denied" in ran.err


@pytest.mark.parametrize("end", ["", "-shm"])
def test_a_file_of_the_ledger_that_may_only_be_read_is_named_by_every_command_until_it_is_cured(end: str) -> None:
    with folder_of_other() as top:
        folder = top / "tsrevel"
        folder.mkdir()
        shell = Shell(World(folder))
        config = shell.write_config()
        give_to_other(folder, *folder.iterdir())
        file = folder / f"ledger.sqlite3{end}"

        def type_all() -> list[Ran]:
            commands = (["sync"], ["pause"], ["status"], ["doctor"])
            return [shell.run(*each, "--config", str(config), environ=LIVE) for each in commands]

        with as_other():
            shell.run("sync", "--config", str(config), environ=LIVE)
            file.touch()
            file.chmod(0o444)
            before = sorted(folder.iterdir())
            synced, paused, told, checked = type_all()
            everywhere = shell.run("status", "--all", str(folder), "--config", str(config))
            assert (synced.status, paused.status, told.status) == (10, 10, 0)
            for text in (synced.err, paused.err, told.out, checked.out):
                assert f"chmod u+rw {file}" in text
            assert "this user can't write to the ledger" in everywhere.out
            assert [each.name for each in sorted(folder.iterdir()) if each not in before] == []
            file.chmod(0o600)
            synced, paused, told, checked = type_all()
            assert (synced.status in {0, 3}, paused.status) == (True, 0)
            assert "chmod u+rw" not in told.out + checked.out


# Settings below /etc


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with an etc and a var/lib of its own, which are root's and which everybody may enter."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        for below in ("etc", "var/lib"):
            (folder / below).mkdir(parents=True)
        for each in folder.rglob("*"):
            each.chmod(0o755)
        monkeypatch.setattr(paths, "_ETC", folder / "etc")
        monkeypatch.setattr(paths, "SYSTEM_STATE", folder / "var/lib/tsrevel")
        monkeypatch.setattr(os, "geteuid", lambda effective=os.geteuid: effective() if os.getuid() == 0 else 0)
        yield folder


def type_init(shell: Shell, config: Path) -> Ran:
    day = shell.world.day
    secrets = {
        "REVEL_API_KEY": day.api_key,
        "REVEL_API_SECRET": day.api_secret,
        "TRIPLESEAT_OAUTH_CLIENT_SECRET": day.client_secret,
    }
    options = {
        "environment": "sandbox",
        "tripleseat.base_url": "http://127.0.0.1:8001",
        "tripleseat.client_id": day.client_id,
        "revel.base_url": "http://127.0.0.1:8002",
        "revel.user": "12",
    }
    pairs = [part for key, value in options.items() for part in ("--set", f"{key}={value}")]
    place = "name=Special Events,tripleseat_location=30501,revel_establishment=8,station=21"
    return shell.run("init", *pairs, "--location", place, "--output", str(config), environ=secrets)


def test_settings_that_root_writes_below_etc_are_handed_over_by_the_commands_it_prints(
    shell: Shell, system: Path
) -> None:
    config, state = system / "etc/tsrevel/config.toml", system / "var/lib/tsrevel"
    shell.environ["HOME"] = "/nonexistent"
    ran = type_init(shell, config)
    assert ran.status == 0, ran.err
    commands = [line.strip() for line in ran.lines if "USER " in line and not line.startswith("Next")]
    assert commands == [f"chown USER {config.parent} {config}", f"install -d -o USER -m 700 {state}"]
    assert ran.lines[-4:] == [
        "Then run these as that user:",
        f"  tsrevel login --config {config}",
        f"  tsrevel doctor --config {config}",
        f"  tsrevel sync --dry-run --config {config}",
    ]
    for command in commands:
        subprocess.run(command.replace("USER", str(OTHER)), shell=True, check=True)  # noqa: S602
    with as_other():
        visit = Admin(shell.world).approve
        assert log_in_with(shell, config, visit=visit).status == 0
        new = config.with_name("new.toml")
        prefilled = shell.run("init", "--prefill", "--from", str(config), "--output", str(new))
        assert f"  cp {new} {config} && rm {new}" in prefilled.lines, prefilled.err
        new.replace(config)
        synced = shell.run("sync", "--config", str(config), "--json")
        mapped = shell.run("map", "set", "A", "8107", "--establishment", "8", "--offline", "--config", str(config))
    assert synced.status in {0, 3}, synced.err
    assert mapped.status == 0, mapped.err
    assert {each.stat().st_uid for each in state.rglob("*")} == {OTHER}


@pytest.mark.parametrize("named", [True, False])
def test_state_that_new_settings_continue_with_stays_with_its_owner(shell: Shell, system: Path, *, named: bool) -> None:
    if not named:
        shell.world.config["ledger"].pop("path")
    old, config = shell.write_config(), system / "etc/tsrevel/config.toml"
    assert shell.sync().status == 3
    ran = shell.run("init", "--from", str(old), environ={"TSREVEL_CONFIG": str(config), "HOME": "/nonexistent"})
    assert ran.status == 0, ran.err
    commands = [line.strip() for line in ran.lines if "USER " in line and not line.startswith("Next")]
    assert commands == [f"chown USER {config.parent} {config}"]


@pytest.mark.parametrize("verb", ["pause", "resume", "sync"])
@pytest.mark.parametrize("folder", ["missing", "root's"])
def test_root_never_begins_a_state_that_the_owner_of_the_settings_cant_use(
    shell: Shell, system: Path, verb: str, folder: str
) -> None:
    config, state = system / "etc/tsrevel/config.toml", system / "var/lib/tsrevel"
    assert type_init(shell, config).status == 0
    give_to_other(config.parent, config)
    if folder == "root's":
        state.mkdir(mode=0o755)
    root_is_other = state.parent.stat().st_uid == OTHER
    ran = shell.run(verb, "--config", str(config))
    if folder == "missing" or root_is_other:
        assert {each.stat().st_uid for each in (state, *state.rglob("*"))} == {OTHER}
    else:
        assert ran.status == 10
        assert f"chown -R {user_name(OTHER)} {state}" in ran.err
        assert list(state.iterdir()) == []


def test_the_command_for_root_names_files_of_the_folder_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    with folder_of_other() as folder:
        shell = Shell(World(folder))
        config = shell.write_config()
        config.chmod(0o600)
        monkeypatch.chdir(folder)
        with as_other():
            ran = shell.run("sync", "--config", config.name)
        if os.geteuid() == 0:
            assert ran.status == 10
            assert f"chown {user_name(OTHER)} {config}" in ran.err


def test_files_that_root_owns_are_told_with_the_command_that_gives_them_back() -> None:
    with folder_of_other() as top:
        folder = top / "tsrevel"
        folder.mkdir()
        shell = Shell(World(folder))
        shell.sync(environ=LIVE)
        config = shell.write_config()
        give_to_other(folder, config)
        checked = shell.run("doctor", "--config", str(config))
        with as_other():
            ran = shell.run("pause", "--config", str(config))
        if os.geteuid() == 0:
            assert ran.status == 10
            cure = f"chown -R {user_name(OTHER)} {folder}"
            assert cure in ran.err
            assert f"user {user_name(OTHER)} may not read and write to {folder / 'ledger.sqlite3'}" in checked.out
            assert f"Run `{cure}`." in checked.out
            subprocess.run(cure.split(), check=True)
            assert "file.owner" not in shell.run("doctor", "--config", str(config)).out
        with as_other():
            assert shell.run("pause", "--config", str(config)).status == 0


def test_settings_that_the_user_of_a_scheduled_run_may_not_read_are_a_problem() -> None:
    with folder_of_other() as folder:
        settings, config = World(folder).settings(), folder / "config.toml"
        config.chmod(0o600)
        found = list(check_users(settings, [OTHER]))
        if os.geteuid() == 0:  # only root can ask for another user
            assert (found[0].code, found[0].exit_status) == ("RUN_SHUT_OUT", 10)
            assert found[0].remedy == f"Run `chown {user_name(OTHER)} {config}`."
        give_to_other(*folder.iterdir())
        assert list(check_users(settings, [OTHER])) == []


# Mappings beside settings of another user


def test_mappings_beside_settings_that_this_user_may_only_read_can_be_made_and_changed() -> None:
    with folder_of_other() as folder:
        shell = Shell(World(folder))
        config = shell.write_config()
        config.chmod(0o644)
        for product in ("8107", "8109"):
            argv = ("map", "set", "Ube Cake", product, "--establishment", "8", "--offline", "--config", str(config))
            with as_other():
                ran = shell.run(*argv)
            assert ran.status == 0, ran.err
        written = (folder / "mappings.toml").stat()
        assert (written.st_mode & 0o777, written.st_uid) == (0o644, OTHER)


def test_mappings_of_another_user_are_not_taken_from_that_user() -> None:
    with folder_of_other() as folder:
        shell = Shell(World(folder))
        config = shell.write_config()
        config.chmod(0o644)
        (folder / "mappings.toml").touch(0o644)
        argv = ("map", "set", "Ube Cake", "8109", "--establishment", "8", "--offline", "--config", str(config))
        with as_other():
            ran = shell.run(*argv)
        assert ran.status == (10 if os.geteuid() == 0 else 0)


# Folders that are shut


@pytest.mark.parametrize(
    ("argv", "status"),
    [
        (("doctor",), 10), (("doctor", "--assumptions"), 10), (("report", "--offline"), 0), (("status",), 10),
        (("schedule", "cron"), 0), (("schedule", "systemd"), 0), (("login", "--status"), 12),
        (("login", "--logout"), 10), (("sync",), 10), (("ledger", "prune", "--older-than", "400"), 10),
        (("ledger", "backup", "new"), 10), (("init", "--from", "config.toml", "--output", "new.toml"), 0),
        (("init", "--prefill", "--from", "config.toml", "--output", "new.toml"), 10),
        (("init", "--from", "config.toml", "--output", "shut/new/new.toml"), 10), (("replay", "shut/one.json"), 2),
        (("reconcile", "--html", "shut/page.html"), 2),
    ],
)  # fmt: skip
def test_a_folder_that_this_user_cannot_enter_is_no_fault_of_tsrevel(argv: tuple[str, ...], status: int) -> None:
    with folder_of_other() as folder:
        shell = Shell(World(folder))
        shell.world.config["ledger"] = {"path": str(folder / "shut/state/ledger.sqlite3")}
        shell.world.config["tripleseat"].pop("token_file", None)
        (folder / "shut/state").mkdir(parents=True)
        config = shell.write_config()
        give_to_other(folder / "shut", *folder.iterdir())
        (folder / "shut").chmod(0)
        words = [str(folder / each) if "." in each or each == "new" else each for each in argv]
        with as_other():
            ran = shell.run(*words, "--config", str(config))
        assert ran.status == status, ran.err
        assert "a fault in tsrevel" not in ran.out + ran.err


@pytest.mark.parametrize(
    ("argv", "status"),
    [
        (("sync", "--config", "FILE"), 10),
        (("status", "--config", "FILE"), 10),
        (("init", "--from", "FILE", "--output", "new.toml"), 10),
        (("ledger", "check", "FILE"), 10),
        (("replay", "FILE", "--unsigned"), 3),
        (("verify-signature", "FILE", "--signature", "t=1,v1=00"), 2),
    ],
)  # fmt: skip
def test_the_command_itself_reports_a_file_that_this_user_may_not_read(argv: tuple[str, ...], status: int) -> None:
    with folder_of_other() as folder:
        shell = Shell(World(folder))
        config, file = shell.write_config(), folder / "shut"
        file.write_text("text")
        file.chmod(0)
        give_to_other(*folder.iterdir())
        words = [str(file) if each == "FILE" else each for each in argv]
        with as_other():
            ran = shell.run(*words, *(() if "--config" in words else ("--config", str(config))))
        assert ran.status == status, ran.err
        assert "can't be" in ran.out + ran.err
        assert "Invalid value" not in ran.err


# A ledger of before


@pytest.mark.parametrize(
    "argv",
    [
        ("pause",), ("resume",), ("resolve", "64000001", "--as", "ignored", "--note", "no order"), ("sync",),
        ("sync-event", "64000001"), ("replay", "--held"), ("ledger", "prune", "--older-than", "30"),
        ("login", "--status"),
    ],
)  # fmt: skip
def test_no_command_begins_a_ledger_while_the_old_one_lies_elsewhere(tmp_path: Path, argv: tuple[str, ...]) -> None:
    (tmp_path / "installation").mkdir()
    shell = Shell(World(tmp_path / "installation"))
    home = tmp_path / "home"
    old = home / ".local/state/tsrevel/ledger.sqlite3"
    old.parent.mkdir(parents=True)
    Ledger.open(old, environment="production", clock=lambda: datetime(2026, 11, 20, tzinfo=UTC)).close()
    del shell.world.config["ledger"]
    shell.world.config["environment"] = "production"
    config = tmp_path / "installation" / "config.toml"
    config.write_text(tomli_w.dumps(shell.world.config))
    ran = shell.run(*argv, "--config", str(config), environ={"HOME": str(home)})
    assert ran.status == 10
    assert f"mv {old} {config.parent / 'ledger.sqlite3'}" in ran.err
    assert not list(config.parent.glob("*.sqlite3*"))
    shell.world.config["environment"] = "sandbox"
    config.write_text(tomli_w.dumps(shell.world.config))
    assert (
        "exists from an earlier version"
        not in shell.run(*argv, "--config", str(config), environ={"HOME": str(home)}).err
    )


# Commands for root


@pytest.mark.parametrize(
    ("folder", "command"),
    [
        ("/etc", "chown {user} /etc/brand.toml"),
        ("/srv", "chown {user} /srv/brand.toml"),
        ("/home/bob", "chown {user} /home/bob/brand.toml"),
        ("/etc/nginx/conf.d", "chown {user} /etc/nginx/conf.d/brand.toml"),
        ("/var/lib/postgresql", "chown {user} /var/lib/postgresql/brand.toml"),
        ("/etc/tsrevel", "chown -R {user} /etc/tsrevel"),
        ("/var/lib/tsrevel/east", "chown -R {user} /var/lib/tsrevel/east"),
        ("/home/company/bob", "chown {user} /home/company/bob/brand.toml"),
        ("/srv/catering/state", "chown {user} /srv/catering/state/brand.toml"),
    ],
)
def test_no_command_gives_away_a_folder_that_others_share(folder: str, command: str) -> None:
    shared = not command.startswith("chown -R")
    user = user_name(OTHER)
    assert chown(OTHER, Path(folder), [Path(folder, "brand.toml")]) == command.format(user=user)
    assert chown(OTHER, Path(folder), []) == ("" if shared else command.format(user=user))


@pytest.mark.parametrize("way", ["..", "link"])
def test_no_way_round_to_a_shared_folder_makes_it_tsrevels_own(tmp_path: Path, way: str) -> None:
    own = tmp_path / "tsrevel"
    own.mkdir()
    folder = own.joinpath(*[".."] * (len(own.parts) - 1), "etc") if way == ".." else own / "state"
    if way == "link":
        folder.symlink_to("/etc")
    file = folder / "brand.toml"
    assert chown(OTHER, folder, [file]) == f"chown {user_name(OTHER)} {file}"
    assert chown(OTHER, folder, []) == ""
