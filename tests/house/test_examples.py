"""The generated examples are what their values say, and the names in them are tsrevel's."""

from __future__ import annotations

import re
import runpy
import shutil

import pytest

from tsrevel.config import run_command
from tsrevel.config.settings import VARIABLES

from .source import ROOT

ACCOUNTS = ROOT / "examples" / "accounts"


def test_the_examples_are_as_their_values_list_makes_them() -> None:
    made = runpy.run_path(str(ACCOUNTS / "generate.py"))["render"]()
    assert {name: (ACCOUNTS / name).read_text(encoding="utf-8") for name in made} == made


def test_the_template_unit_reports_failures_and_is_as_closed_as_schedules() -> None:
    unit = ACCOUNTS / "tsrevel@.service"
    assert "OnFailure=tsrevel-failed@%i.service" in unit.read_text(encoding="utf-8")
    assert "status --no-pager --lines=50 tsrevel@%i.service" in (ACCOUNTS / "tsrevel-failed@.service").read_text()
    environ = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
    judged = run_command(["systemd-analyze", "security", "--offline=true", str(unit)], environ).output
    levels = re.findall(r"exposure level for \S+: ([\d.]+)", judged)
    assert [float(level) <= 2.0 for level in levels] == [True] * (shutil.which("systemd-analyze") is not None)


@pytest.mark.parametrize("name", ["tsrevel@.service", "tsrevel-failed@.service", "tsrevel@.timer"])
def test_each_template_unit_describes_itself_by_its_account(name: str) -> None:
    (told,) = re.findall(r"^Description=(.*)$", (ACCOUNTS / name).read_text(encoding="utf-8"), re.MULTILINE)
    assert "tsrevel@%i" in told


def test_the_template_unit_ends_no_account_before_its_own_deadline() -> None:
    (limit,) = re.findall(r"^TimeoutStartSec=(.*)$", (ACCOUNTS / "tsrevel@.service").read_text(), re.MULTILINE)
    assert limit == "infinity"


def test_the_variables_of_the_cron_job_are_settings() -> None:
    text = (ACCOUNTS / "cronjobs.yaml").read_text(encoding="utf-8")
    named = {line.split()[-1] for line in text.splitlines() if "- name: TSREVEL_" in line}
    known = {name for names in VARIABLES.values() for name in names}
    assert named
    assert named <= known
    assert text.count("concurrencyPolicy: Forbid") == text.count("kind: CronJob") == 2
    assert text.count('command: ["tsrevel", "sync", ') == 2, "the image has no entry point"
