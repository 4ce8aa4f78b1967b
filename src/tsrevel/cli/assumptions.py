"""`doctor --assumptions`: test in the account what tsrevel only assumes."""

from __future__ import annotations

from tsrevel.cli.answers.assumptions import AssumptionsAnswer, encode_answer
from tsrevel.cli.context import CliContext
from tsrevel.cli.doctor import show_findings
from tsrevel.cli.logs import logging_to
from tsrevel.cli.output import NOTHING_CHECKED
from tsrevel.config import examine_settings
from tsrevel.doctor import Installation, exit_status
from tsrevel.doctor.assumptions import check_assumptions, describe_answer
from tsrevel.doctor.checks import keep_off
from tsrevel.engine.outcomes import most_severe
from tsrevel.errors import ConfigError
from tsrevel.planning.assumptions import AssumptionResult, summarize
from tsrevel.planning.reasons import Reason


def probe_account(ctx: CliContext) -> int:
    """Test every assumption. Exit status 10 if a critical one doesn't hold and isn't accepted.

    If a service gave no answer that could be used, it is that of a run which meets the same problem.
    """
    settings, problems = examine_settings(config=ctx.options.config, environ=ctx.environ)
    installation = Installation(settings, problems, ctx.environ, ctx.runtime)
    why = installation.switched_off()
    if why:
        text = f"nothing was tested: {why}"
        if ctx.options.json:
            ctx.answer(
                AssumptionsAnswer(
                    success=False,
                    exit_status=NOTHING_CHECKED,
                    stored=False,
                    assumptions=(),
                    reason=Reason.CONNECTOR_DISABLED,
                    error=text,
                )
            )
        else:
            ctx.say(f"{text[0].upper()}{text[1:]} (exit status {NOTHING_CHECKED}).")
        return NOTHING_CHECKED
    off = {name: keep_off(installation, name) for name in ("revel", "tripleseat")}
    with logging_to(ctx, "doctor", shows_warnings=False):
        reasons = {name: each.because if each else None for name, each in off.items()}
        report = check_assumptions(settings, ctx.runtime, reasons["revel"], reasons["tripleseat"])
    accepted = settings.safety.accepted_assumptions
    found = [*report.silent, *(describe_answer(each, each.code in accepted) for each in report.answers)]
    config_wrong = ConfigError.exit_status if any(off.values()) else 0
    status = most_severe({exit_status(found), config_wrong})
    if report.problem:
        ctx.log(f"the answers couldn't be stored, so runs don't know them: {report.problem}")
    if ctx.options.json:
        ctx.answer(
            AssumptionsAnswer(
                success=status == 0,
                exit_status=status,
                stored=not report.problem,
                error="; ".join(each.text for each in report.silent) or None,
                assumptions=tuple(encode_answer(each, each.code in accepted) for each in report.answers),
            )
        )
        return status
    show_findings(found, ctx)
    if not ctx.options.quiet:
        told = [each for each in report.answers if each.result is not AssumptionResult.UNTOLD]
        counts = summarize(told) if told else "Nothing could be tested"
        end = "Runs may write." if status == 0 else f"Runs write nothing (exit status {status})."
        if report.silent:
            end = f"Solve that problem first, then test again (exit status {status})."
        if config_wrong:
            end = f"Correct the settings first: `tsrevel doctor` names what is wrong (exit status {status})."
        ctx.say(f"{counts}. {end}")
    return status
