"""The one error boundary: each exception of a command becomes a message on stderr and an exit status."""

from __future__ import annotations

import errno
from collections.abc import Callable
from importlib.util import find_spec

import typer

from tsrevel.cli.context import CliContext
from tsrevel.cli.streams import trouble_of
from tsrevel.errors import (
    USAGE,
    ConfigCode,
    ConfigError,
    ConfigProblem,
    HungUp,
    Terminated,
    TsrevelError,
    describe_fault,
)
from tsrevel.signals import ending_by_signals
from tsrevel.text import capitalised, install_extra, reason_of

UNEXPECTED = 1
HUNG_UP = 129
INTERRUPTED = 130
TERMINATED = 143
_ENDS = {KeyboardInterrupt: "interrupted", Terminated: "terminated", HungUp: "hung up"}

NOTHING_WRITTEN = "nothing was written"
PERHAPS_WRITTEN = "it may have written already"
UNFINISHED = "the next run continues from there"


def guard(ctx: CliContext, command: Callable[[], int], *, acts: bool = False) -> int:
    """Run `command`, report its errors, and return its exit status. With --json a failure is an object too (DESIGN 2).

    `acts`: the command does more than print, so lost output doesn't change its exit status. A typer.BadParameter passes
    through: `run_command` reports it like typer's own usage errors.
    """
    with ending_by_signals():
        try:
            status = command()
            ctx.stdout.flush()
            trouble = trouble_of(ctx.stdout)
            if trouble and trouble.errno != errno.EPIPE:  # a reader such as `head` ends early: it has all that it wants
                ctx.log(f"some output could not be written to standard output ({reason_of(trouble)})")
                if status == 0 and not acts:
                    status = UNEXPECTED
        except typer.BadParameter:
            raise
        except TsrevelError as error:
            problems = error.problems if isinstance(error, ConfigError) else ()
            return ctx.fail(str(error), error.exit_status, problems)
        except (KeyboardInterrupt, Terminated) as error:
            end = _ENDS[type(error)]
            return ctx.fail(f"{end}; {ctx.unfinished}" if ctx.unfinished else end, status_of(error))
        except Exception as error:  # noqa: BLE001 (the last resort: reported by its place, as its text may quote data)
            return ctx.fail(describe_fault(error), UNEXPECTED)
        else:
            return status


def status_of(error: BaseException) -> int:
    """The exit status of a command that `error` ends."""
    if isinstance(error, TsrevelError):
        return error.exit_status
    statuses = {KeyboardInterrupt: INTERRUPTED, Terminated: TERMINATED, HungUp: HUNG_UP, typer.BadParameter: USAGE}
    return statuses.get(type(error), UNEXPECTED)


def require_extra(extra: str, *packages: str) -> None:
    """Raise ConfigError if a package of the extra isn't installed."""
    if not all(map(find_spec, packages)):
        remedy = f"{capitalised(install_extra(extra))}."
        message = f"needs the extra `{extra}`"
        raise ConfigError(ConfigProblem(ConfigCode.EXTRA_MISSING, extra, "this installation", message, remedy))
