"""`doctor`: print every finding, for a person or as JSON. The checks are in the package `doctor`.

`doctor --assumptions` tests in the account what tsrevel only assumes. `report` is a text to send to a colleague.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from zoneinfo import ZoneInfo

from tsrevel.cli.answers.model import fill
from tsrevel.cli.answers.setup import AssumptionsAnswer, CheckJson, DoctorAnswer, ReportAnswer, encode_answer
from tsrevel.cli.context import CliContext, logging_to
from tsrevel.cli.output import NOTHING_CHECKED, TextOutput
from tsrevel.config import examine_settings
from tsrevel.doctor import CheckFinding, CheckResult, Installation, exit_status, run_checks
from tsrevel.doctor.assumptions import check_assumptions, describe_answer
from tsrevel.doctor.checks import keep_off
from tsrevel.doctor.report import collect_report, render_report
from tsrevel.engine.outcomes import most_severe
from tsrevel.errors import USAGE, ConfigError
from tsrevel.files import create_file
from tsrevel.planning.assumptions import AssumptionResult, summarize
from tsrevel.planning.reasons import Reason
from tsrevel.text import capitalised, count_of, reason_of

_VERDICT, _NAME, _GAP = 7, 16, 2
"""Columns: the longest verdict, and the longest name without its group."""
_HANG = _VERDICT + _GAP + _NAME + _GAP
_GROUPS = {"tripleseat": "TripleSeat", "revel": "Revel", "assumptions": "Assumptions"}
_AROUND = frozenset({"clock", "email", "monitor", "schedule", "runs", "file.owner"})


def open_installation(ctx: CliContext) -> Installation:
    """The installation in use, even if some of its settings are wrong."""
    settings, problems = examine_settings(config=ctx.options.config, environ=ctx.environ)
    ctx.zone = ZoneInfo(settings.timezone)
    return Installation(settings, problems, ctx.environ, ctx.runtime)


def doctor(ctx: CliContext) -> int:
    """Check the installation and report each finding; the exit status of the worst."""
    installation = open_installation(ctx)
    with logging_to(ctx, "doctor", shows_warnings=False):  # they are among the findings
        found = tuple(show_findings(run_checks(installation), ctx))
    why = installation.switched_off()
    status = most_severe({exit_status(found), NOTHING_CHECKED if why else 0})
    unchecked = f"no service was checked: {why}" if why else ""
    if ctx.options.json:
        checks = tuple(fill(CheckJson, each) for each in found)
        reason = Reason.CONNECTOR_DISABLED if unchecked else None
        answer = DoctorAnswer(
            success=status == 0, exit_status=status, checks=checks, reason=reason, error=unchecked or None
        )
        ctx.answer(answer)
    elif unchecked or not ctx.options.quiet:
        verdicts = Counter(each.verdict for each in found)
        counts = []
        for each in CheckResult:
            number, is_noun = verdicts[each], each in {CheckResult.WARNING, CheckResult.PROBLEM}
            if number:
                counts.append(count_of(number, each) if is_noun else f"{number} {each}")
        end = "tsrevel is ready." if status == 0 else f"Fix the problems first (exit status {status})."
        if unchecked:
            end = f"{capitalised(unchecked)} (exit status {status})."
        TextOutput(ctx).line(f"{', '.join(counts)}. {end}", hang=0)
    return status


def probe_account(ctx: CliContext) -> int:
    """Test every assumption. Exit status 10 if a critical one doesn't hold and isn't accepted.

    If a service gave no answer that could be used, it is that of a run which meets the same problem.
    """
    installation = open_installation(ctx)
    why = installation.switched_off()
    if why:
        text = f"nothing was tested: {why}"
        status, reason = NOTHING_CHECKED, Reason.CONNECTOR_DISABLED
        if ctx.options.json:
            ctx.answer(
                AssumptionsAnswer(
                    success=False, exit_status=status, stored=False, assumptions=(), reason=reason, error=text
                )
            )
        else:
            TextOutput(ctx).line(f"{capitalised(text)} (exit status {status}).", hang=0)
        return status
    off = [skip.because if (skip := keep_off(installation, name)) else None for name in ("revel", "tripleseat")]
    with logging_to(ctx, "doctor", shows_warnings=False):
        report = check_assumptions(installation.settings, ctx.runtime, *off)
    accepted = installation.settings.safety.accepted_assumptions
    found = [*report.silent, *(describe_answer(each, each.code in accepted) for each in report.answers)]
    config_wrong = ConfigError.exit_status if any(off) else 0
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


def show_findings(findings: Iterable[CheckFinding], ctx: CliContext) -> list[CheckFinding]:
    """Print each finding as soon as it is made, and return them all."""
    page, group, found = TextOutput(ctx), "", []
    for each in findings:
        if not ctx.options.json and (not ctx.options.quiet or each.verdict is CheckResult.PROBLEM):
            if page.is_terminal:
                group = _show(each, group, page)
            else:  # in a file or a pipe: a line that can be searched
                subject = f" [{each.subject}]" if each.subject else ""
                remedy = f". {each.remedy}" if each.remedy else ""
                page.line(f"{each.verdict:<{_VERDICT}}  {each.name}{subject}: {each.text}{remedy}")
        found.append(each)
    return found


def _show(finding: CheckFinding, before: str, page: TextOutput) -> str:
    """Print one finding on a terminal, after the heading of its group if that is new; return the group."""
    prefix, _, rest = finding.name.partition(".")
    other = "Around the runs" if finding.name in _AROUND else "This machine"
    group = finding.subject or _GROUPS.get(prefix, other)
    if group != before:
        page.line(group, "bold")
    name = rest if finding.subject or prefix in _GROUPS else finding.name
    label = f"{finding.verdict:<{_VERDICT}}  {name}"
    page.line(finding.text, indent=2, hang=_HANG, label=label, mark=finding.verdict)
    if finding.remedy:
        page.line(f"-> {finding.remedy}", indent=2 + _HANG, hang=3)
    return group


# The report


def write_report(ctx: CliContext, output: Path | None, *, offline: bool) -> int:
    """Print the report, or write it to `output`, which must be a new file."""
    installation = open_installation(ctx)
    with logging_to(ctx, "report", shows_warnings=False):
        sections = collect_report(installation, offline=offline)
    text, status = render_report(sections), ConfigError.exit_status if installation.problems else 0
    if output:
        try:
            create_file(output, text.encode())
        except OSError as error:
            return ctx.fail(f"--output: {output} can't be written ({reason_of(error)})", USAGE)
    if ctx.options.json:
        file = str(output) if output else None
        ctx.answer(ReportAnswer(success=status == 0, exit_status=status, file=file, text=text))
    elif output:
        ctx.say(f"Written to {output}. Read it before you send it.")
    else:
        print(text, end="", file=ctx.stdout)
    return status
