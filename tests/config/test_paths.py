"""One settings file is one ledger and one token, whoever runs tsrevel; a path means what it says or nothing."""

from __future__ import annotations

import os
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from tsrevel.config import Settings, load_settings
from tsrevel.config.load import load_for_ledger, name_moves
from tsrevel.config.mappings import MappingKey, set_mapping
from tsrevel.config.paths import SYSTEM_CONFIG, StatePlace, config_to_name, place_state
from tsrevel.config.sources import SANDBOX_MAPPINGS
from tsrevel.errors import ConfigCode, ConfigError
from tsrevel.files import user_name
from tsrevel.ledger import Ledger

from ..users import OTHER, give_to_other
from .bench import SOUND, Bench, sound

ANOTHER_HOME = {"HOME": "/var/spool/cron", "XDG_STATE_HOME": "/srv/state"}
SANDBOX = {
    "environment": "sandbox",
    "tripleseat": {"base_url": "http://127.0.0.1:8001"},
    "revel": {"domain": None, "base_url": "http://127.0.0.1:8002"},
}
CAKE = MappingKey(8, "Ube Celebration Cake")


# By the settings file


def test_ledger_and_token_lie_beside_the_settings_file_whoever_runs_it(bench: Bench) -> None:
    for environ in (bench.environ, ANOTHER_HOME, {"HOME": ""}):
        settings = bench.load(env=environ)
        assert settings.ledger_path == bench.folder / "ledger.sqlite3"
        assert settings.token_path == bench.folder / "tripleseat-token.json"


def test_two_settings_files_in_a_folder_share_neither_ledger_nor_token(bench: Bench) -> None:
    brand = load_settings(config=bench.write(tomli_w.dumps(SOUND), "brand.toml"), environ=bench.environ)
    assert brand.ledger_path == bench.folder / "brand.ledger.sqlite3"
    assert brand.token_path == bench.folder / "brand.tripleseat-token.json"


@pytest.mark.parametrize(
    ("config", "ledger"),
    [
        ("/etc/tsrevel/config.toml", "/var/lib/tsrevel/ledger.sqlite3"),
        ("/etc/tsrevel/brand.toml", "/var/lib/tsrevel/brand.ledger.sqlite3"),
        ("/etc/tsrevel/north/config.toml", "/var/lib/tsrevel/north/ledger.sqlite3"),
        ("/etc/other/config.toml", "/var/lib/tsrevel/etc/other/ledger.sqlite3"),
        ("/etcetera/config.toml", "/etcetera/ledger.sqlite3"),
        ("/srv/prod.conf", "/srv/prod.conf.ledger.sqlite3"),
        ("/etc/tsrevel/..2026_11_30_10_00_00.1/config.toml", "/var/lib/tsrevel/ledger.sqlite3"),
        ("/etc/tsrevel/north/..2026_11_30_10_00_00.1/config.toml", "/var/lib/tsrevel/north/ledger.sqlite3"),
        ("/etc/tsrevel/..2026_11_30_10_00_00.1/north/config.toml", "/var/lib/tsrevel/north/ledger.sqlite3"),
        ("/etc/tsrevel/..brand.toml", "/var/lib/tsrevel/..brand.ledger.sqlite3"),
    ],
)
def test_the_state_of_settings_below_etc_lies_below_var(config: str, ledger: str) -> None:
    place = place_state(Path(config), {})
    assert place is not None
    assert place.ledger == Path(ledger)


def test_the_usual_system_settings_have_the_usual_system_state() -> None:
    assert place_state(SYSTEM_CONFIG, {"HOME": "/root"}) == StatePlace(Path("/var/lib/tsrevel"))


@pytest.mark.parametrize("named", ["", "data/l.sqlite3"])
def test_a_link_to_the_settings_file_changes_nothing(bench: Bench, named: str) -> None:
    config = bench.write(tomli_w.dumps(sound({"ledger": {"path": named}})), "real/config.toml")
    link = bench.folder / "link.toml"
    link.symlink_to(config)
    one, other = (load_settings(config=each, environ=bench.environ) for each in (config, link))
    assert (one.ledger_path, one.token_path, one.mappings_path) == (
        other.ledger_path,
        other.token_path,
        other.mappings_path,
    )
    assert one.ledger_path == bench.folder / "real" / (named or "ledger.sqlite3")


def test_a_relative_name_of_the_settings_file_changes_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.write(tomli_w.dumps(SOUND))
    monkeypatch.chdir(bench.folder)
    settings = load_settings(config=Path("config.toml"), environ=bench.environ)
    assert settings.ledger_path == bench.folder / "ledger.sqlite3"


def test_mappings_that_lie_beside_a_link_are_not_missed_in_silence(bench: Bench) -> None:
    config = bench.write(tomli_w.dumps(SOUND), "real/config.toml")
    (bench.folder / "config.toml").symlink_to(config)
    bench.write(tomli_w.dumps({"product": []}), "mappings.toml")
    with pytest.raises(ConfigError) as caught:
        load_settings(config=bench.folder / "config.toml", environ=bench.environ)
    (problem,) = caught.value.problems
    assert (problem.code, problem.key) == (ConfigCode.MAPPINGS_BESIDE_LINK, "mappings")
    assert "`mv " in problem.remedy


def publish(bench: Bench, stamp: str, *names: str, document: dict[str, Any] = SOUND) -> Path:
    """The settings as Kubernetes mounts a ConfigMap, for the first time or after an edit; with it, files `names`."""
    bench.write(tomli_w.dumps(document), f"etc/..{stamp}/config.toml")
    data = bench.folder / "etc" / "..data"
    data.with_name("..data_tmp").symlink_to(f"..{stamp}")
    data.with_name("..data_tmp").replace(data)
    for name in names:
        bench.write("", f"etc/..{stamp}/{name}")
    for name in ("config.toml", *names):
        if not (link := data.with_name(name)).is_symlink():
            link.symlink_to(f"..data/{name}")
    return data.with_name("config.toml")


@pytest.mark.parametrize("named", ["", "data/l.sqlite3"])
@pytest.mark.parametrize("through", ["etc/config.toml", "etc/..data/config.toml", "link.toml"])
def test_an_edit_of_a_configmap_changes_neither_ledger_nor_mappings(bench: Bench, named: str, through: str) -> None:
    (bench.folder / "link.toml").symlink_to("etc/config.toml")
    for stamp in ("2026_11_30_10_00_00.1", "2026_11_30_11_00_00.2"):
        publish(bench, stamp, "mappings.toml", document=sound({"ledger": {"path": named}}))
        settings = load_settings(config=bench.folder / through, environ=bench.environ)
        assert settings.ledger_path == bench.folder / "etc" / (named or "ledger.sqlite3")
        assert settings.token_path.parent == settings.spool_path.parent == settings.ledger_path.parent
        assert settings.mappings_path == bench.folder / "etc" / "mappings.toml"


def test_a_ledger_in_the_folder_of_an_edit_is_never_left_for_a_new_one_in_silence(bench: Bench) -> None:
    bench.write("an older ledger", "..2026_11_30_10_00_00.1/ledger.sqlite3")
    old = bench.write("a ledger", "..2026_11_30_11_00_00.2/ledger.sqlite3")
    problem = bench.problem()
    assert problem.code is ConfigCode.STATE_LEFT_BEHIND
    assert f"mv {old} {bench.folder / 'ledger.sqlite3'}" in problem.remedy


@pytest.mark.parametrize("environ", [{}, {"HOME": ""}, {"HOME": "somewhere"}, {"HOME": ".", "XDG_STATE_HOME": "x"}])
def test_without_a_settings_file_and_a_usable_home_the_ledger_needs_a_path(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(config=None, environ=environ)
    assert "ledger.path" in [problem.key for problem in caught.value.problems]


# A state of before


def test_a_ledger_of_before_is_never_left_for_a_new_one_in_silence(bench: Bench) -> None:
    old = bench.write("a ledger", "home/.local/state/tsrevel/ledger.sqlite3")
    problem = bench.problem()
    assert (problem.code, problem.key, problem.origin) == (ConfigCode.STATE_LEFT_BEHIND, "ledger.path", "default")
    assert f"mv {old} {bench.folder / 'ledger.sqlite3'}" in problem.remedy
    assert bench.load({"ledger": {"path": str(old)}}).ledger_path == old
    old.rename(bench.folder / "ledger.sqlite3")
    assert bench.load().ledger_path == bench.folder / "ledger.sqlite3"


def test_the_log_of_a_ledger_of_before_is_moved_with_it(bench: Bench) -> None:
    bench.write("a ledger", "home/.local/state/tsrevel/ledger.sqlite3")
    log = bench.write("its log", "home/.local/state/tsrevel/ledger.sqlite3-wal")
    assert f"&& mv {log} {bench.folder / 'ledger.sqlite3-wal'}" in bench.problem().remedy


def test_a_token_of_before_is_told_as_well(bench: Bench) -> None:
    old = bench.write("{}", "home/.local/state/tsrevel/tripleseat-token.json")
    problem = bench.problem()
    assert (problem.code, problem.key) == (ConfigCode.STATE_LEFT_BEHIND, "tripleseat.token_file")
    assert f"mv {old} " in problem.remedy
    bench.load({"tripleseat": {"token_file": str(old)}})
    bench.load({"tripleseat": {"auth": "public_key", "public_key": "key"}})


def make_ledger(path: Path, environment: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Ledger.open(path, environment=environment, clock=lambda: datetime(2026, 11, 20, tzinfo=UTC)).close()
    return path


@pytest.mark.parametrize("offline", [True, False])
def test_a_ledger_of_before_stops_every_command_with_settings_for_production(bench: Bench, offline: bool) -> None:
    make_ledger(bench.folder / "home/.local/state/tsrevel/ledger.sqlite3", "production")
    assert bench.problem(offline=offline).key == "ledger.path"


@pytest.mark.parametrize("environment", ["production", "sandbox"])
def test_a_trial_in_the_sandbox_is_stopped_by_no_ledger_of_before(bench: Bench, environment: str) -> None:
    make_ledger(bench.folder / "home/.local/state/tsrevel/ledger.sqlite3", environment)
    bench.write("{}", "home/.local/state/tsrevel/tripleseat-token.json")
    config = bench.write(tomli_w.dumps(sound(SANDBOX)), "elsewhere/try.toml")
    settings = load_settings(config=config, environ=bench.environ)
    assert settings.ledger_path == config.parent / "try.ledger.sqlite3"


def test_root_does_not_drop_the_ledger_in_the_home_of_who_owns_the_settings(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "cron"
    old = make_ledger(home / ".local/state/tsrevel/ledger.sqlite3", "production")
    config = bench.write(tomli_w.dumps(SOUND), "etc/config.toml")
    give_to_other(config, old)
    monkeypatch.setattr("tsrevel.config.load.home_of", {OTHER: home}.get)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(ConfigError) as caught:
        load_settings(config=config, environ=bench.environ, offline=True)
    (problem,) = caught.value.problems
    assert f"as root, `mv {old} {config.parent / 'ledger.sqlite3'}" in problem.remedy


def test_the_command_for_a_missing_folder_makes_it_for_who_runs_tsrevel(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = bench.write("a ledger", "home/.local/state/tsrevel/ledger.sqlite3")
    settings = bench.load({"ledger": {"path": "/nowhere/state/tsrevel/ledger.sqlite3"}})
    assert settings.config_path
    give_to_other(old, settings.config_path)
    name = user_name(OTHER)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    new = settings.ledger_path
    command = f"as root, `install -d -o {name} -m 700 {new.parent} && mv {old} {new} && chown {name} {new}`"
    assert name_moves(old, new, settings) == command


# What a path may be

FUNNY = [
    "~elsewhere/l.db",
    "~",
    "$HOME/l.db",
    "${XDG_STATE_HOME}/l.db",
    "%h/l.db",
    "file:l.db",
    "file:///srv/l.db?mode=rw",
    "FILE:/srv/l.db",
    "sqlite:///srv/l.db",
    ":memory:",
    "l\x00.db",
    "l.db\n/x",
    "data/",
    "..",
    " ",
]


@pytest.mark.parametrize("text", FUNNY)
@pytest.mark.parametrize("key", ["ledger.path", "tripleseat.token_file", "revel.api_key_file"])
def test_a_path_that_another_program_would_read_otherwise_is_refused(bench: Bench, key: str, text: str) -> None:
    section, _, name = key.partition(".")
    changes: dict[str, Any] = {section: {name: text}}
    if name == "api_key_file":
        changes["revel"]["api_key"] = None
    problem = bench.problem(changes)
    assert (problem.code, problem.key) == (ConfigCode.MALFORMED_PATH, key)
    assert problem.origin == "config.toml"
    assert problem.remedy
    assert sorted(each.name for each in bench.folder.iterdir()) == ["config.toml"]


@pytest.mark.parametrize("text", [each for each in FUNNY if each.strip() and "\x00" not in each])
def test_the_environment_is_no_exception(bench: Bench, text: str) -> None:
    problem = bench.problem(env={"TSREVEL_LEDGER__PATH": text})
    assert (problem.code, problem.key) == (ConfigCode.MALFORMED_PATH, "ledger.path")
    assert problem.origin == "environment TSREVEL_LEDGER__PATH"


@pytest.mark.parametrize("home", ["", "somewhere", None])
@pytest.mark.parametrize("key", ["ledger.path", "tripleseat.token_file"])
def test_a_tilde_needs_an_absolute_home(bench: Bench, key: str, home: str | None) -> None:
    bench.environ.pop("HOME")
    section, _, name = key.partition(".")
    problem = bench.problem({section: {name: "~/state/x"}}, env={} if home is None else {"HOME": home})
    assert (problem.code, problem.key) == (ConfigCode.NO_HOME, key)


def test_the_name_of_the_settings_file_is_no_exception(bench: Bench) -> None:
    environ = {"TSREVEL_CONFIG": "~/config.toml"}
    with pytest.raises(ConfigError) as caught:
        load_settings(config=None, environ=environ)
    problem = caught.value.problems[0]
    assert (problem.code, problem.origin) == (ConfigCode.NO_HOME, "environment TSREVEL_CONFIG")


# Regular files


def make_irregular(path: Path, kind: str) -> None:
    match kind:
        case "a named pipe":
            os.mkfifo(path)
        case "a folder":
            path.mkdir()
        case "a device":
            path.symlink_to("/dev/zero")
        case "broken link":
            path.symlink_to("nowhere")
        case _:
            path.symlink_to(path.name)


IRREGULAR = ["a named pipe", "a folder", "a device", "broken link", "symbolic links"]


@pytest.mark.parametrize("kind", IRREGULAR)
@pytest.mark.parametrize("name", ["config.toml", "mappings.toml"])
def test_settings_and_mappings_are_regular_files_or_refused(bench: Bench, name: str, kind: str) -> None:
    config = bench.write(tomli_w.dumps(SOUND))
    (bench.folder / name).unlink(missing_ok=True)
    make_irregular(bench.folder / name, kind)
    with pytest.raises(ConfigError, match=kind):
        load_settings(config=config, environ=bench.environ)


@pytest.mark.parametrize("kind", IRREGULAR)
def test_settings_in_the_usual_place_are_not_passed_over(bench: Bench, kind: str) -> None:
    usual = bench.folder / "home" / ".config" / "tsrevel" / "config.toml"
    usual.parent.mkdir(parents=True)
    make_irregular(usual, kind)
    bench.write(tomli_w.dumps(SOUND), "etc/config.toml")
    with pytest.raises(ConfigError, match=kind):
        load_settings(config=None, environ=bench.environ)


@pytest.mark.parametrize("kind", [each for each in IRREGULAR if each != "broken link"])
def test_a_secret_is_read_from_a_regular_file_alone(bench: Bench, kind: str) -> None:
    make_irregular(bench.folder / "key", kind)
    problem = bench.problem({"revel": {"api_key": None, "api_key_file": "key"}})
    assert problem.code == ConfigCode.FILE_UNREADABLE


def test_a_settings_file_without_end_is_refused(bench: Bench) -> None:
    config = bench.write(tomli_w.dumps(SOUND))
    os.truncate(config, 5 * 1024 * 1024)
    with pytest.raises(ConfigError, match="more than"):
        load_settings(config=config, environ=bench.environ)


# Mappings of a sandbox


def test_a_sandbox_beside_production_has_mappings_of_its_own(bench: Bench) -> None:
    bench.write(tomli_w.dumps(SOUND))
    bench.write(tomli_w.dumps({"product": []}), "mappings.toml")
    sandbox = load_settings(config=bench.write(tomli_w.dumps(sound(SANDBOX)), "try.toml"), environ=bench.environ)
    assert sandbox.mappings_path == bench.folder / "try.mappings.toml"
    assert bench.load().mappings_path == bench.folder / "mappings.toml"


def test_the_environment_alone_makes_no_sandbox_of_productions_mappings(bench: Bench) -> None:
    environ = {
        "ENV": "sandbox",
        "TSREVEL_TRIPLESEAT__BASE_URL": "http://127.0.0.1:1",
        "TSREVEL_REVEL__BASE_URL": "http://127.0.0.1:2",
    }
    settings = bench.load({"environment": "production", "revel": {"domain": None}}, env=environ)
    assert settings.mappings_path == bench.folder / "config.mappings.toml"


@pytest.mark.parametrize("other", ["[tool.ruff]\nline-length = 120\n", 'environment = "sandbox"\n', "no = toml ="])
def test_a_sandbox_beside_anything_else_has_mappings_toml(bench: Bench, other: str) -> None:
    bench.write(other, "other.toml")
    assert bench.load(SANDBOX).mappings_path == bench.folder / "mappings.toml"


@pytest.mark.parametrize("name", ["config.toml", "main.toml"])
def test_so_has_one_beside_production_with_a_byte_order_mark(bench: Bench, name: str) -> None:
    bench.write(f"\ufeff{tomli_w.dumps(SOUND)}", name)
    sandbox = load_settings(config=bench.write(tomli_w.dumps(sound(SANDBOX)), "try.toml"), environ=bench.environ)
    assert sandbox.mappings_path == bench.folder / "try.mappings.toml"


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_production_that_comes_later_refuses_the_mappings_of_a_sandbox(bench: Bench, mark: str) -> None:
    set_mapping(bench.folder / "mappings.toml", CAKE, 8107, sandbox=True)
    assert (bench.folder / "mappings.toml").read_text().startswith(SANDBOX_MAPPINGS)
    bench.write(f"{mark}{(bench.folder / 'mappings.toml').read_text()}", "mappings.toml")
    assert [each.product for each in bench.load(SANDBOX).products] == [8107]
    problem = bench.problem()
    assert (problem.code, problem.key) == (ConfigCode.MAPPINGS_OF_SANDBOX, "mappings")


# Mappings of several accounts


def of_account(bench: Bench, name: str, domain: str, **changes: Any) -> Path:
    return bench.write(tomli_w.dumps(sound({"revel": {"domain": domain}, **changes})), f"{name}.toml")


def load(bench: Bench, config: Path) -> Settings:
    return load_settings(config=config, environ=bench.environ)


def test_settings_of_two_revel_accounts_in_a_folder_share_no_mappings(bench: Bench) -> None:
    bakery, events = of_account(bench, "bakery", "bakery"), of_account(bench, "events", "events")
    for config in (bakery, events):
        path = load(bench, config).mappings_path
        assert path == config.with_name(f"{config.stem}.mappings.toml")
        set_mapping(path, CAKE, 8107 if config is bakery else 579)
    assert [[entry.product for entry in load(bench, each).products] for each in (bakery, events)] == [[8107], [579]]
    bakery.unlink()
    assert [entry.product for entry in load(bench, events).products] == [579]


@pytest.mark.parametrize("name", ["bakery", "config"])
def test_mappings_that_two_accounts_shared_are_used_by_neither_until_a_person_divides_them(
    bench: Bench, name: str
) -> None:
    first, events = of_account(bench, name, "bakery"), of_account(bench, "events", "events")
    shared = bench.folder / "mappings.toml"
    set_mapping(shared, CAKE, 8107)
    for config in (events, first):
        if config.name == "config.toml":
            assert load(bench, config).mappings_path == shared
            continue
        with pytest.raises(ConfigError) as caught:
            load(bench, config)
        (problem,) = caught.value.problems
        own = config.with_name(f"{config.stem}.mappings.toml")
        assert (problem.code, problem.key) == (ConfigCode.MAPPINGS_SHARED, "mappings")
        assert f"cp {shared} {own}" in problem.remedy
        own.touch()
        assert load(bench, config).products == ()


def test_mappings_that_two_accounts_shared_keep_nobody_from_the_kill_switch(bench: Bench) -> None:
    of_account(bench, "bakery", "bakery")
    set_mapping(bench.folder / "mappings.toml", CAKE, 8107)
    settings, problems = load_for_ledger(config=of_account(bench, "events", "events"), environ=bench.environ)
    assert settings.ledger_path == bench.folder / "events.ledger.sqlite3"
    assert [each.code for each in problems] == [ConfigCode.MAPPINGS_SHARED]


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("brand.before.toml", sound({"revel": {"domain": "https://ACME.revelup.com/"}})),
        ("brand.before.toml", sound({"revel": {"domain": None, "base_url": "https://acme.revelup.com/resources"}})),
        ("open.toml", sound({"revel": {"domain": None}})),
        ("try.toml", sound(SANDBOX)),
        ("config.example.toml", sound({"revel": {"domain": "another"}})),
        ("pyproject.toml", {"tool": {"ruff": {}}}),
    ],
)
def test_settings_that_have_no_other_account_beside_them_keep_their_mappings(
    bench: Bench, name: str, other: dict[str, Any]
) -> None:
    bench.write(tomli_w.dumps(other), name)
    set_mapping(bench.folder / "mappings.toml", CAKE, 8107)
    assert [entry.product for entry in load(bench, of_account(bench, "brand", "acme")).products] == [8107]


def test_a_command_has_to_name_only_settings_that_it_does_not_find(tmp_path: Path) -> None:
    usual, other = tmp_path / ".config" / "tsrevel" / "config.toml", tmp_path / "it's mine.toml"
    usual.parent.mkdir(parents=True)
    usual.touch()
    environ = {"HOME": str(tmp_path)}
    assert config_to_name(None, environ) == config_to_name(usual, environ) == ""
    assert shlex.split(config_to_name(other, environ)) == [str(other)]
    assert shlex.split(config_to_name(None, environ | {"TSREVEL_CONFIG": str(other)})) == [str(other)]
