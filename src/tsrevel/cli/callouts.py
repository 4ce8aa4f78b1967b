"""Hooks: which command is called, with what on its standard input, and what is said of one that fails."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from tsrevel.cli.context import CliContext
from tsrevel.cli.render import encode_report
from tsrevel.config import Settings
from tsrevel.config.settings import SECRETS, variables
from tsrevel.engine.outcomes import Outcome, RunReport
from tsrevel.notify.hooks import run_hook, without_secrets

log = logging.getLogger(__name__)

Hook = Literal["on_injected", "on_held", "on_failure"]


def call_out(
    ctx: CliContext,
    settings: Settings,
    hook: Hook,
    report: RunReport,
    outcomes: Sequence[Outcome],
    *,
    anyway: bool = False,
) -> None:
    """Run the command of this hook, if there is one and it has something to be told; `anyway`, if only of the run.

    It gets the report as --json prints it, with these events alone, and "hook". Whatever it does, the run is as it was.
    """
    command: str = getattr(settings.hooks, hook)
    if not command or not (outcomes or anyway):
        return
    told = encode_report(replace(report, outcomes=tuple(outcomes)))["events"]
    document = {"hook": hook, **encode_report(report), "events": told}
    environ = without_secrets(ctx.environ, _secret_names(), settings.secret_values)
    failure = run_hook(command, json.dumps(document, ensure_ascii=False), environ)
    if failure:
        log.error("the command of hooks.%s %s; run it by hand, with JSON on its standard input", hook, failure.text)


def _secret_names() -> set[str]:
    """Every variable by which a secret of ours may have come."""
    return {name for key in SECRETS for name in variables(key)}
