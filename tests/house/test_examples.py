"""The generated examples are what their values say, and the names in them are tsrevel's."""

from __future__ import annotations

import runpy

from tsrevel.config.settings import VARIABLES

from .source import ROOT

ACCOUNTS = ROOT / "examples" / "accounts"


def test_the_examples_are_as_their_values_list_makes_them() -> None:
    made = runpy.run_path(str(ACCOUNTS / "generate.py"))["render"]()
    assert {name: (ACCOUNTS / name).read_text(encoding="utf-8") for name in made} == made


def test_the_variables_of_the_cron_job_are_settings() -> None:
    text = (ACCOUNTS / "cronjobs.yaml").read_text(encoding="utf-8")
    named = {line.split()[-1] for line in text.splitlines() if "- name: TSREVEL_" in line}
    known = {name for names in VARIABLES.values() for name in names}
    assert named
    assert named <= known
    assert text.count("concurrencyPolicy: Forbid") == text.count("kind: CronJob") == 2
    assert text.count('command: ["tsrevel", "sync", ') == 2, "the image has no entry point"
