"""`pause` and `resume`: the kill switch kept in the ledger. Neither waits for a run, nor calls a service."""

from __future__ import annotations

from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.render import encode_pause
from tsrevel.cli.which import NEVER_RUN, describe_files, encode_files
from tsrevel.config import Settings, load_settings
from tsrevel.ledger import Ledger, Pause
from tsrevel.wiring import Runtime, make_state_folder


def pause(ctx: CliContext, flags: OutputOptions, reason: str) -> int:
    """Stop all runs until `resume`; where they are stopped already, tell since when and leave it at that."""
    settings = load_settings(config=flags.config, environ=ctx.environ, offline=True)
    with _open_ledger(ctx, settings) as ledger:
        before = ledger.pause(reason)
        now, unused = ledger.paused(), not ledger.runs(1)
    text = (
        f"Runs were stopped before: {before}. {_say_what_stays(before, reason)}"
        if before
        else f"Runs are {now}. One under way finishes the order in hand and begins no other."
    )
    if settings.monitor.ping_url.get_secret_value():
        text += " They don't ping the monitor meanwhile: pause its check too, or it will alarm."
    return _tell(ctx, flags, settings, now, changed=before != now, text=text, unused=unused)


def _say_what_stays(before: Pause, reason: str) -> str:
    if not before.reason and reason:
        return f"That stays so. Its reason is kept now: {reason}."
    other = "; the new reason isn't kept" if reason not in {"", before.reason} else ""
    return f"That stays so, with its reason{other}." if before.reason else "That stays so."


def resume(ctx: CliContext, flags: OutputOptions) -> int:
    """Let runs work again; fine as well where they weren't paused."""
    settings = load_settings(config=flags.config, environ=ctx.environ, offline=True)
    with _open_ledger(ctx, settings) as ledger:
        before, unused = ledger.resume(), not ledger.runs(1)
    why = f" ({before.reason})" if before and before.reason else ""
    text = f"Runs work again; they were paused since {before.since:%Y-%m-%d %H:%M} UTC{why}." if before else ""
    text = text or "Runs weren't paused."
    return _tell(ctx, flags, settings, None, changed=before is not None, text=text, unused=unused)


def _open_ledger(ctx: CliContext, settings: Settings) -> Ledger:
    runtime = ctx.runtime or Runtime()
    path, environment = settings.ledger_path, settings.environment
    make_state_folder(settings)
    return Ledger.open(path, environment=environment, clock=runtime.clock, opened_by=runtime.database)


def _tell(
    ctx: CliContext,
    flags: OutputOptions,
    settings: Settings,
    now: Pause | None,
    *,
    changed: bool,
    text: str,
    unused: bool,
) -> int:
    """`unused`: no run ever went by this ledger, so perhaps none is paused by it; told even where all else is quiet."""
    warnings = [NEVER_RUN] if unused else []
    for each in warnings:
        print(f"tsrevel: warning: {each} ({settings.ledger_path.absolute()})", file=ctx.stderr)
    if flags.json:
        answer = {"schema": 1, "success": True, "changed": changed, "paused": encode_pause(now), "text": text}
        ctx.answer(answer | {"warnings": warnings} | encode_files(settings))
    elif not flags.quiet:
        print("\n".join([text, *describe_files(settings)]), file=ctx.stdout)
    return 0
