"""Flags narrow a run and never widen it; every setting may come from the environment."""

from __future__ import annotations

import pytest

from tsrevel import __version__
from tsrevel.cli.app import app

from .bench import Shell

COMMON = ("--config", "--json", "--quiet", "--verbose", "--log-format")


def statuses(shell: Shell, *argv: str) -> dict[str, str]:
    events = shell.sync("--json", *argv).answer["events"]
    return {each["id"]: each["reason"] or each["status"] for each in events}


def test_from_and_to_choose_event_days(shell: Shell) -> None:
    assert statuses(shell, "--from", "2026-12-18", "--to", "2026-12-18") == {"64000004": "TOO_EARLY"}
    assert shell.world.revel.orders == []


def test_hours_back_decides_how_far_a_run_looks(shell: Shell) -> None:
    assert "64000005" in statuses(shell, "--dry-run", "--hours-back", "48")
    assert "64000005" not in statuses(shell, "--dry-run", "--hours-back", "1")


@pytest.mark.parametrize("place", ["30502", "15692"])
def test_location_narrows_by_location_or_site(shell: Shell, place: str) -> None:
    shell.world.config["locations"][1]["tripleseat_site"] = 15692
    found = statuses(shell, "--location", place)
    assert (found["64000002"], found["64000001"]) == ("injected", "LOCATION_NOT_ALLOWED")


def test_several_locations_may_be_named(shell: Shell) -> None:
    found = statuses(shell, "--location", "30502", "--location", "30501")
    assert (found["64000002"], found["64000001"]) == ("injected", "injected")


def test_location_never_widens_what_the_settings_allow(shell: Shell) -> None:
    shell.world.config["safety"]["allowed_locations"] = [30502]
    found = statuses(shell, "--location", "30501")
    assert (found["64000001"], found["64000002"]) == ("LOCATION_NOT_ALLOWED", "LOCATION_NOT_ALLOWED")
    assert shell.world.revel.orders == []


def test_max_orders_leaves_the_rest_for_the_next_run(shell: Shell) -> None:
    found = statuses(shell, "--max-orders", "1")
    assert (found["64000002"], found["64000001"]) == ("injected", "RUN_LIMIT_REACHED"), "the earlier one first"
    assert len(shell.world.revel.orders) == 1


def test_max_orders_never_widens_what_the_settings_allow(shell: Shell) -> None:
    shell.world.config["safety"]["max_orders_per_run"] = 1
    statuses(shell, "--max-orders", "50")
    assert len(shell.world.revel.orders) == 1


def test_there_is_a_dry_run_and_no_live(shell: Shell) -> None:
    shell.world.config["safety"]["dry_run"] = True
    assert shell.sync("--live").status == 2
    assert shell.sync("--no-dry-run").status == 2
    shell.sync()
    assert shell.world.writes == []


def test_a_dry_run_flag_wins_over_live_settings(shell: Shell) -> None:
    shell.environ["DRY_RUN"] = "false"
    shell.sync("--dry-run")
    assert shell.world.writes == []


def test_a_named_event_passes_the_time_gate_only_when_told_so(shell: Shell) -> None:
    (early,) = shell.sync_event("64000004", "--json").answer["events"]
    assert early["reason"] == "TOO_EARLY"
    (done,) = shell.sync_event("64000004", "--json", "--ignore-time-gate").answer["events"]
    assert done["status"] == "injected"


def test_ignoring_the_time_gate_is_no_way_round_the_kill_switch_or_a_dry_run(shell: Shell) -> None:
    shell.sync_event("64000004", "--ignore-time-gate", "--dry-run")
    shell.world.config["safety"]["enable_connector"] = False
    ran = shell.sync_event("64000004", "--ignore-time-gate", "--json")
    assert ran.answer["reason"] == "CONNECTOR_DISABLED"
    assert shell.world.writes == []


def test_config_problems_are_told_all_at_once_before_any_request(shell: Shell) -> None:
    config = shell.write_config()
    config.write_text(config.read_text().replace("revel_establishment = 8", 'revel_establishment = "x"'))
    shell.environ |= {"TSREVEL_SAFETY__DRYRUN": "true", "TIMEZONE": "Mars/Olympus", "DRY_RUN": "perhaps"}
    ran = shell.run("sync", "--config", str(config))
    assert (ran.status, ran.out, shell.requests) == (10, "", 0)
    for key in ("TSREVEL_SAFETY__DRYRUN", "timezone", "safety.dry_run", "revel_establishment"):
        assert key in ran.err
    assert all(line.startswith("tsrevel: ") for line in ran.err.splitlines())


def test_a_config_file_that_is_not_there_is_told_with_what_to_do(shell: Shell) -> None:
    ran = shell.run("sync", "--config", str(shell.world.folder / "nowhere.toml"))
    assert ran.status == 10
    assert "config.example.toml" in ran.err


def test_version_and_help(shell: Shell) -> None:
    assert shell.run("--version").out == f"tsrevel {__version__}\n"
    helped = shell.run("--help")
    assert helped.status == 0
    assert all(name in helped.out for name in ("sync", "sync-event", "demo", "sandbox"))
    assert shell.run("sync", "-h").status == 0


def test_no_command_at_all_shows_help_and_is_a_usage_error(shell: Shell) -> None:
    ran = shell.run()
    assert ran.status == 2
    assert "Usage: tsrevel" in ran.out + ran.err


@pytest.mark.parametrize("name", [each.name or "" for each in app.registered_commands])
def test_every_command_takes_the_common_options(shell: Shell, name: str) -> None:
    text = shell.run(name, "--help").out
    assert all(option in text for option in COMMON)


@pytest.mark.parametrize("name", [each.name or "" for each in app.registered_commands])
def test_every_command_refuses_an_unknown_log_format(shell: Shell, name: str) -> None:
    ran = shell.run(name, "--log-format", "xml")
    assert (ran.status, ran.out) == (2, "")
    assert "'xml'" in ran.err


def test_a_typing_error_in_a_command_is_answered_with_a_guess(shell: Shell) -> None:
    ran = shell.run("snyc")
    assert ran.status == 2
    assert "Did you mean 'sync'" in ran.err
