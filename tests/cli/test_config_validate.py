"""`config validate`: offline, every problem at once, each with its key, its origin and what to do."""

from __future__ import annotations

import json
import sys

import pytest
import tomli_w

from .bench import Shell


def test_sound_settings_are_told_in_one_line(shell: Shell) -> None:
    path = shell.write_config()
    ran = shell.run("config", "validate", "--config", str(path))
    assert ran.status == 0
    assert ran.lines == [f"{path}: no problems. sandbox, live; 2 locations, 2 charges, 0 mappings."]


def test_settings_without_a_location_are_warned_of(shell: Shell) -> None:
    shell.world.config["locations"] = []
    argv = ("config", "validate", "--config", str(shell.write_config()))
    plain, quiet, told = shell.run(*argv), shell.run(*argv, "-q"), shell.run(*argv, "--json")
    assert (plain.status, quiet.status, told.status) == (0, 0, 0)
    assert "warning: there are no [[locations]], so every event is held" in plain.err
    assert "every event is held" in quiet.err
    assert told.answer["success"] is True
    assert "every event is held" in told.answer["warnings"][0]


def test_a_missing_extra_is_a_problem_before_an_event_needs_it(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.world.config["tripleseat"]["invoice_fallback"] = True
    argv = ("config", "validate", "--json", "--config", str(shell.write_config()))
    assert shell.run(*argv).status == 0
    monkeypatch.setitem(sys.modules, "selectolax", None)
    (problem,) = shell.run(*argv).answer["problems"]
    assert problem["key"] == "tripleseat.invoice_fallback"


def test_no_service_is_called(shell: Shell) -> None:
    shell.run("config", "validate", "--config", str(shell.write_config()))
    shell.run("config", "show", "--config", str(shell.write_config()))
    assert shell.requests == 0


def test_quietly_sound_settings_are_not_worth_a_word(shell: Shell) -> None:
    ran = shell.run("config", "validate", "-q", "--config", str(shell.write_config()))
    assert (ran.status, ran.out, ran.err) == (0, "", "")


def test_every_problem_is_told_at_once(shell: Shell) -> None:
    del shell.world.config["sync"]
    path = shell.write_config()
    with path.open("a") as file:
        file.write("\n[sync]\nhours_back = 0\nhours = 3\n[time_gate]\nopens_at = '7 am'\n")
    ran = shell.run("config", "validate", "--config", str(path), environ={"TSREVEL_SAFTY__DRY_RUN": "1"})
    assert ran.status == 10
    assert ran.out == ""
    first, *rest = ran.err.splitlines()
    assert first == f"tsrevel: {path}: 4 problems"
    assert [line.split()[1] for line in rest] == [
        "sync.hours", "TSREVEL_SAFTY__DRY_RUN", "time_gate.opens_at", "sync.hours_back",
    ]  # fmt: skip
    assert "(config.toml): isn't a time of day. Write hours and minutes in quotes" in ran.err
    assert "Did you mean TSREVEL_SAFETY__DRY_RUN?" in ran.err


def test_with_json_each_problem_is_an_object(shell: Shell) -> None:
    path = shell.write_config()
    ran = shell.run("config", "validate", "--json", "--config", str(path), environ={"TSREVEL_SYNC__WORKERS": "99"})
    assert ran.status == ran.answer["exit_status"] == 10
    assert ran.answer["success"] is False
    assert ran.answer["config"] == str(path)
    assert ran.answer["problems"] == [
        {
            "key": "sync.workers",
            "origin": "environment TSREVEL_SYNC__WORKERS",
            "message": "must be at most 32",
            "remedy": "Write a smaller number.",
        }
    ]


def test_with_json_sound_settings_are_a_success(shell: Shell) -> None:
    ran = shell.run("config", "validate", "--json", "--config", str(shell.write_config()))
    assert ran.status == 0
    assert ran.answer["success"] is True
    assert (ran.answer["problems"], ran.answer["warnings"]) == ([], [])


def test_without_any_file_it_says_how_to_get_one(shell: Shell) -> None:
    ran = shell.run("config", "validate", environ={"HOME": str(shell.world.folder)})
    assert ran.status == 10
    assert "no settings file" in ran.err
    assert "run `tsrevel init` to write a file" in ran.err
    assert "revel.api_key (default): isn't set." in ran.err


def test_a_file_that_is_no_toml_is_told_by_its_line(shell: Shell) -> None:
    path = shell.world.folder / "broken.toml"
    path.write_text("[revel\napi_key = 'PLANTED'\n")
    ran = shell.run("config", "validate", "--config", str(path))
    assert ran.status == 10
    assert "isn't TOML at line 1" in ran.err
    assert "PLANTED" not in ran.err


def test_a_secret_command_is_run_and_its_failure_told(shell: Shell) -> None:
    shell.world.config["revel"].pop("api_key")
    shell.world.config["revel"]["api_key_command"] = "false"
    path = shell.world.folder / "config.toml"
    path.write_text(tomli_w.dumps(shell.world.config))
    ran = shell.run("config", "validate", "--json", "--config", str(path))
    assert [each["key"] for each in ran.answer["problems"]] == ["revel.api_key_command"]
    assert "failed with status 1" in json.dumps(ran.answer)


def test_what_no_run_stops_for_is_told_before_it_is_needed(shell: Shell) -> None:
    shell.world.config["hooks"] = {"on_held": "/nowhere/tell-the-kitchen --loud", "on_failure": "no-such-command-here"}
    shell.world.config["orders"] = {**shell.world.config.get("orders", {}), "unmapped_items": "fallback"}
    ran = shell.run("config", "validate", "--json", "--config", str(shell.write_config()))
    assert ran.status == 10
    told = {each["key"] for each in ran.answer["problems"]}
    assert told >= {"hooks.on_held", "hooks.on_failure"}
    assert any(each.endswith("].fallback_product") for each in told)
    assert shell.run("sync", "--config", str(shell.write_config())).status in {0, 3}


def test_a_file_that_was_named_and_is_not_there_is_reported_by_its_name(shell: Shell) -> None:
    missing = shell.world.folder / "nowhere.toml"
    ran = shell.run("config", "validate", "--config", str(missing))
    assert ran.status == 10
    assert ran.err.startswith(f"tsrevel: {missing}: ")
