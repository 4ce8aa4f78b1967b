"""The one error boundary: whatever a command raises becomes a message on stderr and an exit status."""

from __future__ import annotations

import signal
import traceback
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

import typer

from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.streams import is_reader_gone, trouble_of
from tsrevel.errors import ConfigError, Terminated, TsrevelError

UNEXPECTED = 1
USAGE = 2
INTERRUPTED = 130
TERMINATED = 143


NOTHING_WRITTEN = "nothing was written"
_PERHAPS_WRITTEN = "whether it had written is unknown"
UNFINISHED = "what a run had begun, the next one finishes"


def guard(
    ctx: CliContext,
    flags: OutputOptions,
    command: Callable[[], int],
    *,
    acts: bool = False,
    unfinished: str = UNFINISHED,
) -> int:
    """The exit status of `command`, its errors told. With --json stdout gets one object, also on failure (DESIGN 2).

    `acts`: it does more than to print, and its status stays what it is though nothing could be printed. `unfinished`:
    what is left of it where it is interrupted; NOTHING_WRITTEN is said only while the world doesn't know better. A
    typer.BadParameter passes: it is a usage error like those that typer finds itself, which tells it on stderr.
    """
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        return _complete(ctx, command, acts=acts)
    except typer.BadParameter as error:
        if flags.json:
            ctx.answer(_encode_failure(error.message, USAGE))
        raise
    except ConfigError as error:
        problems = [
            {"key": p.key, "origin": p.origin, "message": p.message, "remedy": p.remedy} for p in error.problems
        ]
        return _fail(ctx, flags, str(error), error.exit_status, problems=problems)
    except TsrevelError as error:
        return _fail(ctx, flags, str(error), error.exit_status)
    except KeyboardInterrupt:
        return _fail(ctx, flags, _join("interrupted", ctx, unfinished), INTERRUPTED)
    except Terminated:
        return _fail(ctx, flags, _join("terminated", ctx, unfinished), TERMINATED)
    except Exception as error:  # noqa: BLE001 (the last resort: told with its place, without data that its text may quote)
        return _fail(ctx, flags, describe_fault(error), UNEXPECTED)
    finally:
        signal.signal(signal.SIGTERM, before)


def status_of(error: BaseException) -> int:
    """The exit status that `error`, uncaught, ends a command with."""
    if isinstance(error, TsrevelError):
        return error.exit_status
    statuses = {KeyboardInterrupt: INTERRUPTED, Terminated: TERMINATED, typer.BadParameter: USAGE}
    return statuses.get(type(error), UNEXPECTED)


def describe_fault(error: Exception) -> str:
    """A fault of ours with its place, to be reported; without its text, which may quote data."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    return f"a fault in tsrevel: {type(error).__name__}; please report it with these lines:\n{frames}"


def _complete(ctx: CliContext, command: Callable[[], int], *, acts: bool) -> int:
    status = command()
    ctx.stdout.flush()
    trouble = trouble_of(ctx.stdout)
    if trouble and not is_reader_gone(trouble):
        print(f"tsrevel: not everything could be printed on standard output ({trouble.strerror})", file=ctx.stderr)
    return UNEXPECTED if trouble and status == 0 and not acts else status


def _fail(
    ctx: CliContext, flags: OutputOptions, text: str, status: int, problems: list[dict[str, str]] | None = None
) -> int:
    for line in text.splitlines():
        print(f"tsrevel: {line}", file=ctx.stderr)
    if flags.json:
        ctx.answer(_encode_failure(text, status) | ({"problems": problems} if problems else {}))
    return status


def _encode_failure(text: str, status: int) -> dict[str, object]:
    return {"schema": 1, "success": False, "reason": None, "error": text, "exit_status": status}


def _join(end: str, ctx: CliContext, unfinished: str) -> str:
    perhaps_written = unfinished == NOTHING_WRITTEN and ctx.wrote
    return f"{end}; {_PERHAPS_WRITTEN if perhaps_written else unfinished}"


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated
