"""`status --all DIR`: a line for each settings file of a folder, and the exit status of the worst."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import typer

from tsrevel.cli.answers.reports import AllStatusAnswer, InstallationJson
from tsrevel.cli.context import CliContext
from tsrevel.cli.output import look
from tsrevel.config.paths import MAPPINGS_NAME
from tsrevel.engine.outcomes import NEEDS_ATTENTION, most_severe
from tsrevel.errors import LedgerDamaged, TsrevelError
from tsrevel.insight.status import take_stock
from tsrevel.text import count_of, reason_of, show_span


def show_all(ctx: CliContext, folder: Path) -> int:
    """Report the state of each installation; return the worst status. An unreadable one doesn't hide the others."""
    files = find_settings(folder)
    if not files:
        raise typer.BadParameter(f"there is no settings file in {folder}: neither *.toml nor */*.toml")
    rows = [_look_at(ctx, folder, each) for each in files]
    worst = most_severe([each.exit_status for each in rows])
    if ctx.options.json:
        ctx.answer(AllStatusAnswer(success=worst == 0, exit_status=worst, installations=tuple(rows)))
        return worst
    for row in rows:
        if row.exit_status or not ctx.options.quiet:
            ctx.say(_line(row))
    return worst


def find_settings(folder: Path) -> list[Path]:
    """The settings files in the folder and in the folders directly below it, without mappings.

    A folder that this user may not list counts as one with a config.toml: reading that will report the reason. The
    folders behind a ConfigMap of Kubernetes don't count (`settings_file`). Raises typer.BadParameter.
    """
    found = list[Path]()
    try:
        names = list(folder.iterdir())
    except OSError as error:
        raise typer.BadParameter(f"{folder} can't be read: {reason_of(error)}") from error
    for each in names:
        try:
            found += [] if each.name.startswith("..") else [each, *each.iterdir()]
        except (NotADirectoryError, FileNotFoundError):
            found.append(each)
        except OSError:
            found.append(each / "config.toml")
    found = [each for each in found if each.suffix == ".toml"]
    return sorted(each for each in found if each.name != MAPPINGS_NAME and not each.name.endswith(f".{MAPPINGS_NAME}"))


def _look_at(ctx: CliContext, folder: Path, file: Path) -> InstallationJson:
    named = file.relative_to(folder).with_suffix("")
    name = str(named.parent if named.name == "config" and named.parent.parts else named)
    try:
        with look(replace(ctx, options=replace(ctx.options, config=file))) as (settings, view, now):
            status = take_stock(view, settings, now, 1)
    except TsrevelError as error:
        return InstallationJson(name=name, config=str(file), exit_status=error.exit_status, error=str(error))
    is_stopped = status.pause is not None or not status.enabled
    events = (status.held, status.failed, status.missed, status.changed, status.overdue)
    found = NEEDS_ATTENTION if any(events) or status.warnings else 0
    return InstallationJson(
        name=name,
        config=str(file),
        exit_status=LedgerDamaged.exit_status if status.has_alarm else found,
        last_good_at=(status.good.finished_at or status.good.started_at) if status.good else None,
        ago=show_span(status.since_good) if status.since_good is not None else None,
        stale=status.is_stale,
        held=len(status.held),
        failed=len(status.failed),
        missed=len(status.missed),
        changed=len(status.changed),
        overdue=len(status.overdue),
        paused=is_stopped,
        dry_run=status.dry_run,
        disputed=status.is_disputed,
        alarm=status.has_alarm,
        unwritable=bool(status.unwritable),
        warnings=status.warnings,
    )


def _line(row: InstallationJson) -> str:
    if row.error is not None:
        return f"{row.name}: {row.error.splitlines()[0]}"
    good = f"good run {row.ago} ago" if row.ago else "no good run yet"
    words = [f"{good}{' (too long)' if row.stale and row.ago else ''}"]
    words += [f"{row.held} held", f"{row.failed} failed", f"{row.missed} missed", f"{row.changed} changed"]
    words += [f"{row.overdue} overdue"] if row.overdue else []
    words += [
        word
        for word, holds in (
            ("paused", row.paused),
            ("dry run", row.dry_run),
            ("a person must check an order", row.alarm),
            ("this user can't write to the ledger", row.unwritable),
        )
        if holds
    ]
    words += [count_of(len(row.warnings), "warning")] if row.warnings else []
    return f"{row.name}: {', '.join(words)}"
