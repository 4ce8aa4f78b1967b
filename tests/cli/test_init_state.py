"""`init --from`: the account goes on with its ledger and token, and no other account gets them."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from tsrevel.config import Settings, load_settings

from .bench import Ran, Shell
from .test_init import home as home  # the fixture


def write(path: Path, document: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(tomli_w.dumps(document))
    path.chmod(0o600)
    return path


def usual(home: Path) -> Path:
    return home / ".config" / "tsrevel" / "config.toml"


def read(path: Path, **environ: str) -> Settings:
    return load_settings(config=path, environ=environ)


def places(path: Path) -> tuple[Path, Path, Path]:
    settings = read(path)
    return settings.ledger_path, settings.token_path, settings.spool_path


@pytest.fixture
def old(shell: Shell, home: Path) -> Path:
    """Settings of an account elsewhere, whose state is in its default place: finished orders, a pause, a decision."""
    document = shell.world.config
    document.pop("ledger", None)
    token = Path(document["tripleseat"].pop("token_file"))
    path = write(home / "old" / "brand.toml", document)
    shutil.copy(token, path.with_name("brand.tripleseat-token.json"))
    assert run(shell, path, "sync").status == 3
    assert run(shell, path, "resolve", "64000003", "--as", "done", "--note", "entered by hand").status == 0
    assert run(shell, path, "pause").status == 0
    return path


def run(shell: Shell, config: Path, *argv: str) -> Ran:
    return shell.run(*argv, "--config", str(config))


def live(path: Path) -> None:
    path.write_text(path.read_text().replace("dry_run = true", "dry_run = false"))


def steps(ran: Ran) -> list[str]:
    return [line.strip() for line in ran.lines[ran.lines.index("Next:") + 1 :]]


def test_for_the_same_account_the_new_file_continues_with_the_ledger_and_the_token(
    shell: Shell, home: Path, old: Path
) -> None:
    ran = shell.run("init", "--from", str(old))
    assert ran.status == 0, ran.err
    new = usual(home)
    assert places(new) == places(old)
    told = " ".join(ran.out.split())
    assert f"It continues with the state of {old}: {old.with_name('brand.ledger.sqlite3')}, " in told
    assert steps(ran) == ["tsrevel doctor", "tsrevel sync --dry-run"]


def test_that_runs_stop_being_live_is_to_do(shell: Shell, home: Path, old: Path) -> None:
    answer = shell.run("init", "--from", str(old), "--json").answer
    assert any("safety.dry_run = false" in each and f"{old} is live" in each for each in answer["open"])
    ran = shell.run("init", "--from", str(usual(home)), "--output", str(home / "third.toml"))
    assert "safety.dry_run = false" not in ran.err


def test_so_a_pause_and_what_a_person_resolved_still_hold(shell: Shell, home: Path, old: Path) -> None:
    made = len(shell.world.revel.orders)
    shell.run("init", "--from", str(old))
    live(usual(home))
    assert run(shell, usual(home), "sync", "--json").answer["reason"] == "CONNECTOR_DISABLED"
    assert run(shell, usual(home), "resume").status == 0
    shell.world.time.move(minutes=45)
    shell.world.revel.add_product(8200, "Ube Celebration Cake", 8, "86.00")
    assert run(shell, usual(home), "sync", "--json").answer["summary"]["injected"] == 0
    assert len(shell.world.revel.orders) == made
    assert shell.world.orders_of(64000003) == []


def test_with_json_the_files_of_state_are_named(shell: Shell, home: Path, old: Path) -> None:
    old.with_name("brand.spool").mkdir()
    answer = shell.run("init", "--from", str(old), "--json").answer
    assert answer["continues"] == [str(path) for path in places(old)]
    assert places(usual(home)) == places(old)


def test_a_file_named_by_the_environment_continues_too(shell: Shell, home: Path, old: Path) -> None:
    new = home / "named.toml"
    assert shell.run("init", "--from", str(old), environ={"TSREVEL_CONFIG": str(new)}).status == 0
    assert places(new) == places(old)


def test_only_state_that_exists_is_named(shell: Shell, home: Path, old: Path) -> None:
    for path in places(old)[:2]:
        path.unlink()
    answer = shell.run("init", "--from", str(old), "--json").answer
    assert answer["continues"] == []
    assert places(usual(home))[0] == usual(home).with_name("ledger.sqlite3")
    assert answer["next"][0] == "tsrevel login"


def test_an_option_that_names_a_ledger_wins(shell: Shell, home: Path, old: Path) -> None:
    given = home / "mine.sqlite3"
    shell.run("init", "--from", str(old), "--set", f"ledger.path={given}")
    assert places(usual(home))[:2] == (given, places(old)[1])


def test_a_relative_path_of_the_environment_is_where_the_old_file_has_it(
    shell: Shell, home: Path, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    environ = {"TSREVEL_LEDGER__PATH": "state/mine.sqlite3", "TSREVEL_SERVE__SPOOL": "box"}
    assert shell.run("init", "--from", "old/brand.toml", environ=environ).status == 0
    kept = places(usual(home))
    assert (kept[0], kept[2]) == (old.parent / "state" / "mine.sqlite3", old.parent / "box")
    assert kept[0] == read(old, **environ).ledger_path


@pytest.mark.parametrize("name", ["old/new.toml", "new.toml", "tsrevel/bakery/config.toml"])
def test_a_file_that_is_to_replace_the_old_one_continues_before_and_after(
    shell: Shell, home: Path, old: Path, name: str
) -> None:
    new, before = home / name, places(old)
    ran = shell.run("init", "--from", str(old), "--output", str(new), "--json")
    assert ran.answer["next"][0] == f"cp {new} {old} && rm {new}"
    assert ran.answer["continues"] == [str(path) for path in before[:2]]
    assert places(new) == before
    live(new)
    assert run(shell, new, "sync", "--json").answer["reason"] == "CONNECTOR_DISABLED"
    new.replace(old)
    assert places(old) == before


def test_a_file_that_was_moved_away_still_has_its_ledger(shell: Shell, home: Path, old: Path) -> None:
    config = usual(home)
    shell.run("init", "--from", str(old))
    config.rename(config.with_name("config.before.toml"))
    assert shell.run("init", "--from", str(config.with_name("config.before.toml"))).status == 0
    assert places(config) == places(old)


def test_the_mappings_are_copied_by_the_first_step(shell: Shell, home: Path, old: Path) -> None:
    mappings = read(old).mappings_path
    assert mappings is not None
    mappings.write_text('[[product]]\nestablishment = 8\nname = "Ube Celebration Cake"\nproduct = 8107\n')
    ran = shell.run("init", "--from", str(old))
    new = usual(home).with_name("mappings.toml")
    assert steps(ran)[0] == f"cp -i {mappings} {new}"
    assert not new.exists()
    shutil.copy(mappings, new)
    assert read(usual(home)).products == read(old).products


# Another account


OF_ANOTHER = [
    ("--set", "tripleseat.client_id=brand-b-app"),
    ("--set", "revel.domain=brand-b"),
    ("--set", "tripleseat.client_id=brand-b-app", "--set", "revel.domain=brand-b"),
    ("--set", "revel.base_url=https://brand-b.revelup.com"),
    ("--set", "tripleseat.base_url=https://api.tripleseat.example"),
]


@pytest.fixture
def brand(shell: Shell, home: Path) -> Path:
    """Production settings that name their state by relative paths."""
    document = shell.world.config
    document["environment"] = "production"
    document["tripleseat"].pop("base_url")
    document["revel"].pop("base_url")
    document["revel"]["domain"] = "brand-a"
    document["ledger"] = {"path": "state/ledger.sqlite3"}
    document["tripleseat"]["token_file"] = "state/token.json"
    document["serve"] = {"spool": "state/box"}
    return write(home / "a" / "config.toml", document)


@pytest.mark.parametrize("argv", [*OF_ANOTHER, ("--set", "environment=sandbox")])
def test_another_account_is_refused(shell: Shell, home: Path, brand: Path, argv: tuple[str, ...]) -> None:
    ran = shell.run("init", "--from", str(brand), *argv, "--output", str(home / "new.toml"))
    assert ran.status == 2
    assert "without --from" in " ".join(ran.err.split())
    assert not (home / "new.toml").exists()


@pytest.mark.parametrize("name", ["REVEL_DOMAIN", "TRIPLESEAT_OAUTH_CLIENT_ID"])
def test_so_is_one_that_the_environment_names(shell: Shell, home: Path, brand: Path, name: str) -> None:
    ran = shell.run("init", "--from", str(brand), "--output", str(home / "new.toml"), environ={name: "brand-b"})
    assert ran.status == 2


@pytest.mark.parametrize(
    "argv",
    [
        ("--set", "revel.domain=brand-a"),
        ("--set", "revel.domain=https://Brand-A.revelup.com/"),
        ("--set", "revel.base_url=https://brand-a.revelup.com"),
        ("--set", "timezone=America/Denver"),
    ],
)
def test_the_same_account_and_anything_else_may_be_named(
    shell: Shell, home: Path, brand: Path, argv: tuple[str, ...]
) -> None:
    assert shell.run("init", "--from", str(brand), *argv).status == 0
    assert places(usual(home)) == places(brand)
    assert read(usual(home)).spool_path == brand.parent / "state" / "box"


def test_what_the_old_file_left_open_makes_no_other_account(shell: Shell, home: Path, brand: Path) -> None:
    document = tomllib.loads(brand.read_text())
    document["tripleseat"].pop("client_id")
    document["revel"].pop("domain")
    write(brand, document)
    assert shell.run("init", "--from", str(brand), *OF_ANOTHER[2]).status == 0
    assert places(usual(home))[0] == brand.parent / "state" / "ledger.sqlite3"
