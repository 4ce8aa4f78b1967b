"""`init`: settings from options, the environment and a person's answers become a commented file of mode 0600."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import typer

from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.fold import fold
from tsrevel.cli.init_settings import InitOptions, SettingsDraft, gather, list_locations, plain_key
from tsrevel.cli.logs import logging_to
from tsrevel.cli.prefill import prefill
from tsrevel.cli.prompts import Terminal, may_ask
from tsrevel.config import Settings, config_folder
from tsrevel.config.paths import SYSTEM_CONFIG, PathProblem, place_state, read_path
from tsrevel.config.settings import SECRETS, variables
from tsrevel.config.sources import lookup, parse_flag
from tsrevel.errors import ConfigCode, ConfigError, ConfigProblem, TsrevelError
from tsrevel.files import create_private, real_path
from tsrevel.wiring import Runtime, correlate

USAGE = 2


def write_settings(ctx: CliContext, flags: OutputOptions, options: InitOptions) -> int:
    """Write the file, or raise without having written: ConfigError, typer.BadParameter, or what a service said."""
    path = _target(ctx, flags, options)
    _refuse_to_overwrite(path)
    terminal = Terminal(ctx) if may_ask(ctx, flags) else None
    draft = gather(options, ctx.environ)
    ask_services = options.prefill
    if terminal:
        from tsrevel.cli.interview import interview

        ask_services = interview(terminal, draft, path, ctx.environ, prefill=options.prefill)
    # The token that the services are asked with lies where the login with the settings of before has put it.
    settings = _check(ctx, flags, draft, draft.replaces or path, places=not ask_services)
    left = _prefill(ctx, flags, draft, settings, terminal) if ask_services else []
    after = _check(ctx, flags, draft, path, places=True)
    found = options.output is None or path == SYSTEM_CONFIG or _is_usual(path, ctx.environ)
    old = None if found else draft.replaces  # a file that lies where settings are looked for stays there
    if terminal and not terminal.confirm(f"Write {path}?", default=True):
        terminal.say("Nothing was written.")
        return 0
    made = not path.parent.is_dir()
    ctx.wrote = True
    create_private(path, draft.render())
    settings = settings if old else after
    hand_over = [] if old else _hand_over(path, settings, ctx.environ, made=made)
    steps = [*_put_in_place(path, old), *_next_steps(old or path, settings, ctx.environ)]
    _tell(ctx, flags, path, draft, left, hand_over, steps)
    return 0


def _target(ctx: CliContext, flags: OutputOptions, options: InitOptions) -> Path:
    named = lookup(ctx.environ, "TSREVEL_CONFIG")
    folder = config_folder(ctx.environ)
    if options.output:
        return options.output
    if named:
        path = read_path(named, ctx.environ, None)
        if isinstance(path, PathProblem):
            origin = "environment TSREVEL_CONFIG"
            raise ConfigError((ConfigProblem(path.code, "config", origin, path.message, path.remedy),))
        return path
    if folder is None:
        _misuse(ctx, flags, "there is no home folder to write to; name the file with --output")
    return folder / "config.toml"


def _refuse_to_overwrite(path: Path) -> None:
    if os.path.lexists(path):
        remedy = "Edit it, move it away, or name another file with --output."
        message = "is there already, and init never overwrites"
        raise ConfigError((ConfigProblem(ConfigCode.FILE_EXISTS, "config", str(path), message, remedy),))


def _check(ctx: CliContext, flags: OutputOptions, draft: SettingsDraft, path: Path, *, places: bool) -> Settings:
    """The settings that would be read back. What only lacks an option is a usage error that names it."""
    try:
        return draft.check(path, ctx.environ, places=places)
    except ConfigError as error:
        missing = [_name_missing(problem, draft) for problem in error.problems]
        if not all(missing):
            raise
        _misuse(ctx, flags, "\n  ".join(["nothing was written. Missing, off a terminal:", *dict.fromkeys(missing)]))


def _name_missing(problem: ConfigProblem, draft: SettingsDraft) -> str:
    """The options that would give what the problem says is missing; "" where it is about something that was given."""
    key = problem.key
    if key.startswith("locations[") and key.endswith((".user", ".station")) and problem.code is ConfigCode.NOT_SET:
        leaf = key.rpartition(".")[2]
        return f"--revel-{leaf} (or {leaf}= in --location) for {key.rpartition('.')[0]}"
    if key not in {"tripleseat.client_id", "revel.domain", *SECRETS} or draft.has(key):
        return ""
    option = "--" + plain_key(key).replace(".", "-").replace("_", "-")
    if key in SECRETS:
        return f"{option}-file, {option}-command, or {variables(key)[-1]} in the environment"
    return (
        f"{option}{', --revel-base-url' if key == 'revel.domain' else ''}, or {variables(key)[-1]} in the environment"
    )


def _misuse(ctx: CliContext, flags: OutputOptions, text: str) -> NoReturn:
    """A usage error, told by typer on stderr and, with --json, as the one object."""
    if flags.json:
        ctx.answer({"schema": 1, "success": False, "reason": None, "error": text, "exit_status": USAGE})
    raise typer.BadParameter(text)


def _prefill(
    ctx: CliContext, flags: OutputOptions, draft: SettingsDraft, settings: Settings, terminal: Terminal | None
) -> list[str]:
    """Take what both services offer into the draft; what is left to do. Raises what a service said."""
    runtime = ctx.runtime or Runtime()
    known = [dict(each.values) for each in draft.locations]
    try:
        with logging_to(ctx.stderr, flags, correlate(runtime.new_run_id())):
            filled = prefill(settings, runtime, draft.values, draft.names, known, terminal)
    except TsrevelError as error:
        if terminal is None or not _go_on_without(terminal, error):
            print("tsrevel: nothing was written; without --prefill no service is asked", file=ctx.stderr)
            raise
        return [str(error)]
    for key, value in filled.values.items():
        draft.put(key, value)
    draft.locations, draft.remarks = filled.locations, filled.remarks
    return filled.open


def _go_on_without(terminal: Terminal, error: TsrevelError) -> bool:
    terminal.say(f"tsrevel: {error}")
    return terminal.confirm("Go on without what the services would tell?", default=False)


def _tell(
    ctx: CliContext,
    flags: OutputOptions,
    path: Path,
    draft: SettingsDraft,
    left: list[str],
    hand_over: list[str],
    steps: list[str],
) -> None:
    todo = [*left, *_find_gaps(draft), *_overruled(ctx.environ)]
    if flags.json:
        answer = {"schema": 1, "success": True, "reason": None, "config": str(path)}
        ctx.answer(answer | {"locations": list_locations(draft), "open": todo, "next": [*hand_over, *steps]})
        return
    if not flags.quiet:
        for text in todo:
            print(fold(f"tsrevel: left to do: {text}", ctx.stderr, ctx.environ), file=ctx.stderr)
        wrote = f"Wrote {path}, readable by you alone. It is a dry run until you change safety.dry_run."
        print(fold(wrote, ctx.stdout, ctx.environ), file=ctx.stdout)
        lines = ["Next:", *(f"  {step}" for step in steps)]
        if hand_over:
            head = "Next, as root, with the name of the user that cron runs tsrevel as in the place of USER:"
            lines = [head, *(f"  {step}" for step in hand_over), "Then, as that user:", *lines[1:]]
        print("\n".join(lines), file=ctx.stdout)


def _find_gaps(draft: SettingsDraft) -> list[str]:
    gaps = []
    if not draft.locations:
        gaps.append("no [[locations]] yet: every event is held until there is one")
    if not draft.charges:
        gaps.append("no [[charges]] yet: an event with a tax, fee or gratuity is held until each is named there")
    return gaps


def _overruled(environ: Mapping[str, str]) -> list[str]:
    """The environment goes before the file: one that says live makes the file's dry run no dry run."""
    for name in variables("safety.dry_run"):
        try:
            live = bool(lookup(environ, name)) and not parse_flag(lookup(environ, name))
        except ValueError:
            continue
        if live:
            return [f"{name}={lookup(environ, name)} in the environment wins over the file: runs here are live"]
    return []


def _is_usual(path: Path, environ: Mapping[str, str]) -> bool:
    """Whether this user's commands find the file there by themselves."""
    folder = config_folder(environ)
    return folder is not None and path == folder / "config.toml" and not lookup(environ, "TSREVEL_CONFIG")


def _put_in_place(path: Path, old: Path | None) -> list[str]:
    """How the new file takes the place of the one it was made from; that one's owner and mode stay."""
    if old is None:
        return []
    new, real = shlex.quote(str(path)), shlex.quote(str(real_path(old)))
    try:
        before, after = old.stat(), path.stat()
    except OSError:
        return [f"mv {new} {real}"]
    alike = (before.st_uid, before.st_gid, before.st_mode) == (after.st_uid, after.st_gid, after.st_mode)
    return [f"mv {new} {real}"] if alike else [f"cp {new} {real} && rm {new}"]


def _hand_over(path: Path, settings: Settings, environ: Mapping[str, str], *, made: bool) -> list[str]:
    """How root gives settings whose state lies elsewhere, such as those below /etc, to the user that runs tsrevel.

    `made`: their folder is new. It is given away too, as one of tsrevel's own is: `map` writes there.
    """
    real, state = real_path(path), place_state(path, environ)
    if os.geteuid() != 0 or state is None or state.folder == real.parent:
        return []
    own = made or "tsrevel" in real.parent.parts
    given = [real.parent, real] if own else [real]
    folders = dict.fromkeys(each.parent for each in (settings.ledger_path, settings.token_path))
    return [
        f"chown USER {' '.join(shlex.quote(str(each)) for each in given)}",
        *(f"install -d -o USER -m 700 {shlex.quote(str(each))}" for each in folders if each != real.parent),
    ]


def _next_steps(path: Path, settings: Settings, environ: Mapping[str, str]) -> list[str]:
    end = "" if _is_usual(path, environ) else f" --config {shlex.quote(str(path))}"
    verbs = ["login"] if settings.tripleseat.auth == "oauth2" and not settings.token_path.exists() else []
    return [f"tsrevel {verb}{end}" for verb in [*verbs, "doctor", "sync --dry-run"]]
