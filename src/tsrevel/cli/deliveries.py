"""Captured webhook deliveries as the command line names them: files, folders, standard input. `verify-signature`.

It uses no network and no ledger, and imports nothing heavy.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import typer

from tsrevel.cli.context import CliContext
from tsrevel.config import Settings
from tsrevel.config.paths import is_there
from tsrevel.errors import DeliveryRefused
from tsrevel.files import real_path
from tsrevel.text import reason_of, show_controls
from tsrevel.webhook.delivery import check_signature
from tsrevel.webhook.spool import list_bodies, read_body, read_captured

STDIN = Path("-")
_STDIN = {STDIN, *map(Path, ("/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"))}


def list_captured(paths: Sequence[Path]) -> list[Path]:
    """The files to replay, in order, each once; of a folder each `*.json` by name, except hidden ones.

    Standard input is STDIN under any of its names, because it can't be moved. Raises typer.BadParameter for a missing
    or unreadable path.
    """
    found: list[Path] = []
    for path in paths:
        if path != STDIN and not is_there(path):
            raise typer.BadParameter(f"{show_path(path)} doesn't exist")
        try:
            found += list_bodies(path) if path.is_dir() else [STDIN if path in _STDIN else path]
        except OSError as error:
            raise typer.BadParameter(f"{show_path(path)} can't be read: {reason_of(error)}") from error
    return list(dict.fromkeys(found))


def show_path(path: Path) -> str:
    """The path on one line, for any stream: a name may have line breaks, and bytes that are no characters."""
    return show_controls(os.fsencode(path).decode(errors="backslashreplace"))


def open_body(ctx: CliContext, path: Path) -> bytes:
    """The raw body, from standard input or a regular file. Raises BodyTooLarge and OSError."""
    return read_body(ctx.stdin) if path in _STDIN else read_captured(path)


def open_archive(folder: Path, captured: Sequence[Path], settings: Settings) -> None:
    """Make the folder for finished deliveries. Raises typer.BadParameter if it can't be used.

    The token file isn't moved away: it, too, is named `*.json`.
    """
    state = {real_path(each) for each in (settings.ledger_path, settings.token_path)}
    files = {path: real_path(path) for path in captured if path != STDIN}
    ours = next((path for path, real in files.items() if real in state), None)
    if ours:
        text = (
            f"{show_path(ours)} is tsrevel's token file or ledger, and no delivery: name the folder of the deliveries"
        )
        raise typer.BadParameter(text)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        inside = real_path(folder) in {real.parent for real in files.values()}
    except OSError as error:
        raise typer.BadParameter(f"--archive {folder} can't be used: {reason_of(error)}") from error
    if inside:
        raise typer.BadParameter(f"--archive {folder} is where the deliveries are: name another folder")


# Their signatures

_KEYS = "tripleseat.webhook_signing_keys"


def verify_signature(ctx: CliContext, file: Path, header: str | None, *, tolerance: int | None, plain: bool) -> int:
    """Report whether the signature of the body in `file` ("-": standard input) is valid. Exit status 0 or 4.

    Raises ConfigError.
    """
    settings = ctx.load_settings(offline=True, secrets=[_KEYS])
    keys = [key.get_secret_value() for key in settings.tripleseat.webhook_signing_keys]
    now = ctx.now()
    refused = None
    try:
        body = open_body(ctx, file)
        timestamp = check_signature(body, header, keys, plain=plain, tolerance=tolerance, now=now)
    except OSError as error:
        raise typer.BadParameter(f"{file} can't be read: {reason_of(error)}") from error
    except DeliveryRefused as refusal:
        ctx.log(str(refusal))
        refused, timestamp = refusal, refusal.timestamp
    if ctx.options.json:
        from tsrevel.cli.answers.setup import SignatureAnswer  # answer types take long to load

        reason = refused.reason if refused else None
        ctx.answer(SignatureAnswer(ok=not refused, reason=reason, timestamp=timestamp))
    elif not refused and ctx.stdout.isatty():
        print(f"The signature is good: {_tell_when(timestamp)}.", file=ctx.stdout)
    return refused.exit_status if refused else 0


def _tell_when(timestamp: int | None) -> str:
    if timestamp is None:
        return "a plain digest, without the time of signing"
    try:
        return f"signed {datetime.fromtimestamp(timestamp, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):  # twelve digits reach beyond the calendar
        return f"signed {timestamp} seconds after 1970"
