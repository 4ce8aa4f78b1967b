"""`ledger check`, `backup`, `export`, `prune`, and `pause` and `resume`. None of them calls a service."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import TextIO

from tsrevel.cli.answers import runs as answers
from tsrevel.cli.answers.model import fill
from tsrevel.cli.answers.runs import answer_pause
from tsrevel.cli.context import CliContext
from tsrevel.cli.output import NEVER_RUN, ORDER_STATES, Row, TextOutput, columns_of, describe_files, locate_files
from tsrevel.cli.streams import encode_json
from tsrevel.config import Settings, load_for_ledger
from tsrevel.config.paths import is_there
from tsrevel.errors import LedgerCode, LedgerUnusable
from tsrevel.files import draft_of
from tsrevel.ledger import Pause, hold_lock
from tsrevel.ledger.maintenance import back_up_ledger as copy_to
from tsrevel.ledger.maintenance import check_ledger as check_file
from tsrevel.ledger.maintenance import count_prunable, export_rows, prune_details, unwritable
from tsrevel.text import count_of
from tsrevel.wiring import make_state_folder, open_ledger


def check_ledger(ctx: CliContext, file: Path | None) -> int:
    """Check the ledger, or another file, and report what is in it. Raises LedgerDamaged, LedgerUnusable."""
    settings = ctx.load_settings(offline=True)
    path = file or settings.ledger_path
    summary = check_file(path, settings.environment, ctx.runtime.database)
    if summary is None:
        text = f"There is no file {path}: name the ledger or backup to check."
        if not file:
            origin = settings.origin("ledger.path")
            text = (
                f"There is no ledger at {path.absolute()} (ledger.path: {origin}). Before the first run that is right: "
                "the run creates it. After that the ledger is lost, or the path is wrong."
            )
        raise LedgerUnusable(LedgerCode.ABSENT, text)
    if ctx.options.json:
        ctx.answer(fill(answers.LedgerCheckAnswer, summary, path=str(path), **asdict(summary.inspection)))
        return 0
    if ctx.options.quiet:
        return 0
    look, page = summary.inspection, TextOutput(ctx, settings)
    last = f", the last of {page.at(look.last_at)}" if look.last_at else ""
    newer = f", which the next run brings to {look.newest}" if look.version < look.newest else ""
    orders = ", ".join(f"{number:,} {ORDER_STATES[state]}" for state, number in summary.orders.items())
    page.line(f"{path}: sound, {summary.size:,} bytes, version {look.version}{newer}.")
    page.line(f"Every page, reference and audit hash is correct. The audit has {count_of(look.facts, 'row')}{last}.")
    page.line("The orders, receipts and resolutions agree with the audit.")
    page.line(f"Orders: {orders}.")
    rows = [Row((table, f"{number:,}")) for table, number in summary.tables.items()]
    page.table(columns_of("Table", "Rows:amount"), rows, bare=True)
    return 0


def back_up_ledger(ctx: CliContext, target: Path) -> int:
    """Copy the ledger to a new file and check the copy. Raises LedgerUnusable, LedgerDamaged."""
    settings = ctx.load_settings(offline=True)
    path = settings.ledger_path
    summary = copy_to(path, target, settings.environment, ctx.runtime.database)
    facts = count_of(summary.inspection.facts, "row")
    return ctx.conclude(
        fill(answers.LedgerBackupAnswer, summary, path=str(path), backup=str(target), **asdict(summary.inspection)),
        f"{target}: a copy of {path}, {summary.size:,} bytes, checked, {facts} in its audit.",
    )


def export_ledger(ctx: CliContext, output: Path | None) -> int:
    """Print every row as a JSON line, or write them to a new file. Raises LedgerUnusable, LedgerDamaged."""
    settings = ctx.load_settings(offline=True)
    rows = (
        encode_json({"schema": 1, **row}, ctx.stdout, compact=True)
        for row in export_rows(settings.ledger_path, settings.environment, ctx.runtime.database)
    )
    if output is None:
        for row in rows:
            print(row, file=ctx.stdout)
        return 0
    first = next(rows)  # before the file is made: there may be no ledger
    count = 0
    with _new_file(output) as stream:
        for row in chain([first], rows):
            print(row, file=stream)
            count += 1
    done = f"{output}: {count_of(count, 'row')} of {settings.ledger_path}, without free text."
    return ctx.conclude(answers.LedgerExportAnswer(output=str(output), rows=count), done)


def prune_ledger(ctx: CliContext, older_than: int, *, dry_run: bool) -> int:
    """Remove details of old settled orders, or only count them. Raises RunLocked (not in a dry run), LedgerUnusable."""
    settings = ctx.load_settings(offline=True)
    path = settings.ledger_path
    before = ctx.runtime.clock() - timedelta(days=older_than)
    if dry_run or not is_there(path):  # create nothing, and take no lock
        gone = count_prunable(path, settings.environment, before, ctx.runtime.database)
    else:
        with hold_lock(path), open_ledger(settings, ctx.runtime) as ledger:
            gone = prune_details(ledger, before, older_than)
    done = "would be removed" if dry_run else "removed"
    told = ", ".join(f"{number:,} {table.replace('_', ' ')}" for table, number in gone.items())
    return ctx.conclude(
        answers.LedgerPruneAnswer(dry_run=dry_run, older_than_days=older_than, dropped=gone),
        f"Of orders settled before {before:%Y-%m-%d}: {told} {done}.",
        "The order of each event and the audit stay.",
    )


@contextmanager
def _new_file(path: Path) -> Iterator[TextIO]:
    """A new file to write to, readable only by its owner. It is there with all its text, or not at all.

    Raises LedgerUnusable if it exists or can't be written.
    """
    try:
        if os.path.lexists(path):
            raise FileExistsError
        with draft_of(path) as draft:
            with os.fdopen(draft.descriptor, "w", encoding="utf-8", closefd=False) as stream:
                yield stream
            draft.link()
    except FileExistsError as error:
        raise LedgerUnusable(LedgerCode.EXISTS, f"The file {path} exists already; name a new one.") from error
    except OSError as error:
        raise unwritable(path, error) from error


def pause(ctx: CliContext, reason: str) -> int:
    """Stop all runs until `resume`. An earlier pause is reported; it stays, and so does its reason if it has one.

    Faults of the settings are only warnings here, unless they leave open which ledger it is.
    """
    settings, problems = load_for_ledger(config=ctx.options.config, environ=ctx.environ)
    make_state_folder(settings)
    with open_ledger(settings, ctx.runtime, as_it_is=True) as ledger:
        before = ledger.runs.pause(reason)
        now, unused = ledger.runs.paused(), ledger.runs.is_empty()
    if not before:
        text = f"Runs are {now}. A run that is under way finishes its current order and begins no other."
    else:
        kept = "and its reason stay" if before.reason else "stays"
        kept = kept if now == before else f"stays, and its reason is now: {reason}"
        text = f"Runs were stopped before: {before}. That pause {kept}."
    if settings.gives("monitor.ping_url"):
        text += " Paused runs don't ping the monitor: pause its check too, or it raises an alarm."
    warnings = []
    if problems:
        found = count_of(len(problems), "problem")
        what = f"the settings have {found}, so neither a run nor resume works with them"
        warnings.append(f"{what}; run `tsrevel config validate`")
    return _tell(ctx, settings, now, changed=before != now, text=text, unused=unused, warnings=warnings)


def resume(ctx: CliContext) -> int:
    """Let runs work again. It is no error if they weren't paused."""
    settings = ctx.load_settings(offline=True)
    make_state_folder(settings)
    with open_ledger(settings, ctx.runtime, as_it_is=True) as ledger:
        before, unused = ledger.runs.resume(), ledger.runs.is_empty()
    text = "Runs weren't paused."
    if before:
        why = f" ({before.reason})" if before.reason else ""
        text = f"Runs work again. They were paused since {before.since:%Y-%m-%d %H:%M} UTC{why}."
    return _tell(ctx, settings, None, changed=before is not None, text=text, unused=unused)


def _tell(
    ctx: CliContext,
    settings: Settings,
    now: Pause | None,
    *,
    changed: bool,
    text: str,
    unused: bool,
    warnings: Sequence[str] = (),
) -> int:
    """Warnings are printed even with -q. `unused`: no run ever used this ledger, so perhaps it pauses none."""
    for each in warnings:
        ctx.log(each, "WARNING")
    if unused:
        warnings = [*warnings, NEVER_RUN]
        ctx.log(f"{NEVER_RUN} ({settings.ledger_path.absolute()})", "WARNING")
    if ctx.options.json:
        paused, files = answer_pause(now), locate_files(settings)
        ctx.answer(answers.PausedAnswer(changed=changed, paused=paused, text=text, warnings=tuple(warnings), **files))
    elif not ctx.options.quiet:
        page = TextOutput(ctx, settings)
        for line in (text, *describe_files(settings)):
            page.line(line)
    return 0
