"""What `login` leaves on this machine, and `login --status` and `--logout`: nothing is asked of TripleSeat here.

No token is ever shown, only where it lies and its times.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.logs import logging_to
from tsrevel.config import Settings, load_settings
from tsrevel.errors import ConfigError, CredentialsRefused
from tsrevel.tripleseat.token_file import TokenFile

APP_PAGE = "Settings, Tripleseat API & Webhooks"
"""Where TripleSeat shows the app (facts TripleSeat 1.2)."""
NO_TOKEN = CredentialsRefused.exit_status


def show_status(ctx: CliContext, flags: OutputOptions) -> int:
    """Say whether there is a token, since when and until when; 0, or 12 where there is none that can be used.

    Nothing is asked of TripleSeat.
    """
    with settled(ctx, flags) as settings:
        if settings.tripleseat.auth != "oauth2":
            return tell_nothing_to_do(ctx, flags, settings)
        file = TokenFile(settings.token_path)
        try:
            token, written_at = file.load(), file.written_at()
        except ConfigError as error:
            return _tell_no_token(ctx, flags, settings, str(error))
    until, written = instant_of(token.expires_at) if token.access else None, instant_of(written_at)
    expired = token.expires_within(0, _now(ctx).timestamp())
    if flags.json:
        facts = describe(settings, token_file=str(settings.token_path), valid_until=spell(until))
        ctx.answer({**facts, "written_at": spell(written), "expired": expired})
    elif not flags.quiet:
        life = f"expired {_show(until)}: the next run renews it" if expired else f"good until {_show(until)}"
        lines = [
            f"TripleSeat tokens: {settings.token_path}",
            f"written:           {_show(written)}, at the login or at the last renewal",
            f"access token:      {life if token.access else 'none yet: the next run gets one'}",
        ]
        print("\n".join(lines), file=ctx.stdout)
    return 0


def _tell_no_token(ctx: CliContext, flags: OutputOptions, settings: Settings, error: str) -> int:
    print(f"tsrevel: {error}", file=ctx.stderr)
    if flags.json:
        facts = describe(settings, token_file=str(settings.token_path), valid_until=None)
        failed = {"success": False, "reason": None, "error": error, "exit_status": NO_TOKEN}
        ctx.answer({**facts, "written_at": None, "expired": None, **failed})
    return NO_TOKEN


def log_out(ctx: CliContext, flags: OutputOptions) -> int:
    """Delete the token file, if there is one; 0. Raises ConfigError where it can't be."""
    with settled(ctx, flags) as settings:
        ctx.wrote = True
        removed = TokenFile(settings.token_path).remove()
    done = f"{settings.token_path} is removed" if removed else f"There was no token file ({settings.token_path})"
    if flags.json:
        ctx.answer({**describe(settings, token_file=str(settings.token_path), valid_until=None), "removed": removed})
    elif not flags.quiet:
        text = f"TripleSeat still trusts the app: an admin can take that back there ({APP_PAGE})."
        print(f"{done}. {text}", file=ctx.stdout)
    return 0


@contextmanager
def settled(ctx: CliContext, flags: OutputOptions) -> Iterator[Settings]:
    """The settings, as far as they are there: Revel may come later. The log goes to stderr meanwhile."""
    settings = load_settings(config=flags.config, environ=ctx.environ, offline=True)
    with logging_to(ctx.stderr, flags, "login"):
        yield settings


def describe(settings: Settings, *, token_file: str | None, valid_until: str | None) -> dict[str, object]:
    """What every answer of `login` says with --json."""
    return {
        "schema": 1,
        "success": True,
        "auth": settings.tripleseat.auth,
        "token_file": token_file,
        "valid_until": valid_until,
    }


def _now(ctx: CliContext) -> datetime:
    return ctx.runtime.clock() if ctx.runtime else datetime.now(UTC)


def instant_of(seconds: float) -> datetime | None:
    """An instant from epoch seconds; None where the calendar doesn't reach."""
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
    except (ValueError, OverflowError, OSError):
        return None


def spell(instant: datetime | None) -> str | None:
    """An instant as --json has it."""
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}" if instant else None


def _show(instant: datetime | None) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC" if instant else "an unknown time"


def tell_nothing_to_do(ctx: CliContext, flags: OutputOptions, settings: Settings) -> int:
    """Say that this way in needs no login; 0."""
    auth = settings.tripleseat.auth
    if flags.json:
        ctx.answer(describe(settings, token_file=None, valid_until=None))
    elif not flags.quiet:
        text = f'Nothing to do: with tripleseat.auth = "{auth}" nobody has to log in, and no token is kept.'
        print(text, file=ctx.stdout)
    return 0
