"""`report`: a text to send to a colleague, or to attach to an issue."""

from __future__ import annotations

from pathlib import Path

from tsrevel.cli.answers.setup import ReportAnswer
from tsrevel.cli.context import CliContext
from tsrevel.cli.doctor import open_installation
from tsrevel.cli.logs import logging_to
from tsrevel.doctor.report import collect_report, render_report
from tsrevel.errors import USAGE, ConfigError
from tsrevel.files import create_file
from tsrevel.text import reason_of


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
