"""`config show`: what is in force and whence, whatever is wrong with it, and no secret."""

from __future__ import annotations

import tomllib

import pytest

from .bench import ROOT, Shell


def test_it_prints_toml_with_origins(shell: Shell) -> None:
    path = shell.write_config()
    ran = shell.run("config", "show", "--config", str(path), environ={"DRY_RUN": "true"})
    assert (ran.status, ran.err) == (0, "")
    assert ran.lines[0] == f"# config: {path}"
    document = tomllib.loads(ran.out)
    assert document["safety"]["dry_run"] is True
    assert next(line for line in ran.lines if line.startswith("dry_run")).endswith("# environment DRY_RUN")
    assert [each["name"] for each in document["locations"]] == ["Special Events", "Lakeside Bakery"]
    assert [each["match"] for each in document["charges"]] == ["Service Charge", "Sales Tax"]


@pytest.mark.parametrize("flags", [("--json",), ("--format", "json"), ("--json", "--format", "toml")])
def test_it_prints_one_json_object(shell: Shell, flags: tuple[str, ...]) -> None:
    ran = shell.run("config", "show", "--config", str(shell.write_config()), *flags)
    assert ran.status == 0
    assert ran.answer["success"] is True
    assert ran.answer["settings"]["safety.max_orders_per_run"] == {"value": 100, "origin": "default"}
    (first, _) = ran.answer["settings"]["locations"]["value"]
    assert first["tripleseat_location"] == {"value": 30501, "origin": "config.toml"}
    assert ran.answer["ledger"].endswith("ledger.sqlite3")


def test_no_secret_is_printed_in_any_form(shell: Shell) -> None:
    path = shell.write_config()
    day = shell.world.day
    secrets = {day.client_secret, day.api_key, day.api_secret}
    for argv in ((), ("--json",), ("-v",)):
        ran = shell.run("config", "show", "--config", str(path), *argv)
        assert not any(secret in ran.out + ran.err for secret in secrets)
        assert "(set)" in ran.out


def test_what_is_wrong_is_told_and_the_rest_shown(shell: Shell) -> None:
    del shell.world.config["sync"]
    path = shell.write_config()
    environ = {"TSREVEL_SYNC__WORKERS": "many", "REVEL_API_KEY": "PLANTED"}
    ran = shell.run("config", "show", "--config", str(path), environ=environ)
    assert ran.status == 10
    assert "sync.workers (environment TSREVEL_SYNC__WORKERS): can't be read. Write a whole number." in ran.err
    assert tomllib.loads(ran.out)["sync"]["workers"] == 1
    assert "PLANTED" not in ran.out + ran.err


def test_with_json_problems_are_in_the_object_too(shell: Shell) -> None:
    path = shell.write_config()
    ran = shell.run("config", "show", "--json", "--config", str(path), environ={"TSREVEL_SYNC__WORKERS": "0"})
    assert ran.status == ran.answer["exit_status"] == 10
    assert [each["key"] for each in ran.answer["problems"]] == ["sync.workers"]
    origin = "default, because environment TSREVEL_SYNC__WORKERS can't be used"
    assert ran.answer["settings"]["sync.workers"] == {"value": 1, "origin": origin}


def test_mappings_are_shown_too(shell: Shell) -> None:
    path = shell.write_config()
    path.with_name("mappings.toml").write_text('[[product]]\nestablishment = 8\nname = "Ube"\nproduct = 8104\n')
    ran = shell.run("config", "show", "--config", str(path))
    assert tomllib.loads(ran.out)["product"] == [{"establishment": 8, "name": "Ube", "product": 8104}]


def test_the_example_is_printed_without_any_settings(shell: Shell) -> None:
    example = (ROOT / "config.example.toml").read_text()
    ran = shell.run("config", "generate")
    assert (ran.status, ran.out) == (0, example)
    assert shell.run("config", "generate", "--json").answer["text"] == example
