"""The root of the command tree, and `command`, which hangs a command into it and adds the options that all have."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tsrevel import __version__
from tsrevel.cli.boundary import UNFINISHED, guard
from tsrevel.cli.context import LogFormat, OutputOptions

Body = Callable[..., int]
"""A command: takes the CliContext, the OutputOptions and its own options; its result is the exit status."""

Location = Annotated[
    list[str] | None,
    typer.Option("--location", metavar="ID", help="Only this TripleSeat location or site; repeatable."),
]


def _output_options(
    config: Annotated[Path | None, typer.Option("--config", metavar="F", help="The settings file (TOML).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, also on failure.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Log and print errors alone off a terminal.")] = False,
    verbose: Annotated[
        int, typer.Option("-v", "--verbose", count=True, show_default=False, help="Log more; twice for still more.")
    ] = 0,
    log_format: Annotated[LogFormat, typer.Option("--log-format", help="The form of the log on stderr.")] = "text",
) -> OutputOptions:
    return OutputOptions(config, as_json, quiet, verbose, log_format)


_COMMON = inspect.signature(_output_options, eval_str=True).parameters


def command(
    tree: typer.Typer, name: str | None = None, *, acts: bool = False, unfinished: str = UNFINISHED
) -> Callable[[Body], Body]:
    """Hang a command into `tree`: with its own options, the common ones after them, and the error boundary around it.

    For `acts` and `unfinished` see `guard`. Its docstring is its help; its first two parameters are the CliContext and
    the OutputOptions, all others are options.
    """

    def register(body: Body) -> Body:
        _ctx, _flags, *own = inspect.signature(body, eval_str=True).parameters.values()

        def run(context: typer.Context, **given: Any) -> None:  # noqa: ANN401 (typer has checked them by then)
            flags = _output_options(**{key: given.pop(key) for key in _COMMON})
            call = partial(body, context.obj, flags, **given)
            raise typer.Exit(guard(context.obj, flags, call, acts=acts, unfinished=unfinished))

        context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
        parameters = [context, *own, *_COMMON.values()]
        vars(run)["__signature__"] = inspect.Signature(parameters)  # what typer reads instead of **given
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        run.__doc__ = body.__doc__
        tree.command(name or body.__name__)(run)
        return body

    return register


ORDER = (
    "sync", "sync-event", "replay", "verify-signature", "status", "history", "explain", "resolve", "reconcile", "pause",
    "resume", "ledger", "init", "login", "doctor", "notify", "schedule", "config", "map", "completion", "demo",
    "sandbox",
)  # fmt: skip
"""The commands as `--help` lists them."""


class _Tree(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 (typer keeps the type to itself)
        return sorted(super().list_commands(ctx), key=ORDER.index)


app = typer.Typer(
    name="tsrevel",
    cls=_Tree,
    help="Carries catering orders from TripleSeat to Revel POS: exactly one order an event, to the cent.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tsrevel {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    del version
