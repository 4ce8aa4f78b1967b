"""`verify-signature`: check one captured webhook body. It uses no network and no ledger, and imports nothing heavy."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import typer

from tsrevel.cli.context import CliContext
from tsrevel.cli.deliveries import open_body
from tsrevel.errors import DeliveryRefused
from tsrevel.text import reason_of
from tsrevel.webhook.signature import check_signature

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
