"""The root of the command tree, `command`, which adds a command with the common options, and shared options."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tsrevel import __version__
from tsrevel.cli.boundary import HUNG_UP, INTERRUPTED, TERMINATED, UNEXPECTED, guard
from tsrevel.cli.context import CliContext, LogFormat, OutputOptions
from tsrevel.errors import USAGE
from tsrevel.text import is_whole

RUN, LOOK, SET_UP, CARE, TRY = "Run", "Look", "Set up", "Care", "Try"
PANELS = (RUN, LOOK, SET_UP, CARE, TRY)
"""The groups of commands, as `--help` lists them."""

LEDGER_EXITS = {
    10: "the settings, the ledger, this machine or an account must be corrected; `tsrevel doctor` says what",
    14: "the ledger is damaged",
}
SERVICE_EXITS = LEDGER_EXITS | {12: "a service refused the credentials", 13: "a service is unavailable"}
LOCK_EXITS = {11: "another run is under way"}
RUN_EXITS = (
    SERVICE_EXITS
    | LOCK_EXITS
    | {
        3: "an event was held or failed, or was first found missed or changed",
        14: "a person must check before anything more is written",
    }
)
ALWAYS_EXITS = {
    UNEXPECTED: "unexpected; please report it",
    USAGE: "the command line is wrong, or names something that doesn't exist",
    INTERRUPTED: f"interrupted ({HUNG_UP}: hung up, {TERMINATED}: terminated)",
}

Body = Callable[..., int]
"""A command: it takes the CliContext and its own options, and returns the exit status."""

Location = Annotated[
    list[str] | None,
    typer.Option("--location", metavar="ID", help="Only this TripleSeat location or site. May be repeated."),
]

COMMON_PANEL = "Common options"


def _output_options(
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="F", help="The settings file (TOML).", rich_help_panel=COMMON_PANEL),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object, also on failure.", rich_help_panel=COMMON_PANEL)
    ] = False,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Print only problems.", rich_help_panel=COMMON_PANEL)
    ] = False,
    verbose: Annotated[
        int,
        typer.Option(
            "-v",
            "--verbose",
            count=True,
            show_default=False,
            help="Log each step. `-vv`: also each request.",
            rich_help_panel=COMMON_PANEL,
        ),
    ] = 0,
    log_format: Annotated[
        LogFormat, typer.Option("--log-format", help="The format of the log on stderr.", rich_help_panel=COMMON_PANEL)
    ] = "text",
) -> OutputOptions:
    return OutputOptions(config, as_json, quiet, verbose, log_format)


_COMMON = inspect.signature(_output_options, eval_str=True).parameters
COMMON_OPTIONS = frozenset(
    name
    for each in _COMMON.values()
    for told in each.annotation.__metadata__
    for name in (told.default, *told.param_decls)
)


def _refuse_broken_text(values: Iterable[object]) -> None:
    """Raise typer.BadParameter for an argument that isn't UTF-8, unless it is a path. The ledger can't store it."""
    for value in values:
        for text in value if isinstance(value, list | tuple) else [value]:
            if isinstance(text, str) and not is_whole(text):
                raise typer.BadParameter(f"{text!r} isn't UTF-8 text")


def command(
    tree: typer.Typer,
    name: str | None = None,
    *,
    example: str,
    exits: Mapping[int, str],
    panel: str | None = None,
    acts: bool = False,
    unfinished: str = "",
) -> Callable[[Body], Body]:
    """Add a command to `tree`, with the common options and the error boundary.

    Its docstring is its help in Markdown; the first paragraph is the summary. The `example` and the exit statuses
    follow: those that every command has, and `exits` (entry 0 replaces the usual text). Its first parameter is
    the CliContext, all others are options. For `acts` see `guard`. `unfinished`: the state after an interrupt, until
    the command sets `ctx.unfinished` to something else.
    """
    statuses = {0: "done, or nothing to do"} | ALWAYS_EXITS | dict(exits)
    listed = "\n".join(f"- {status}: {statuses[status]}" for status in sorted(statuses))

    def register(body: Body) -> Body:
        _ctx, *own = inspect.signature(body, eval_str=True).parameters.values()
        for parameter in [*own, *_COMMON.values()]:
            for told in parameter.annotation.__metadata__:
                told.readable = False  # the command reports a file that can't be read, with its own exit status

        def run(context: typer.Context, **given: Any) -> None:  # noqa: ANN401 (typer has checked them)
            ctx: CliContext = context.obj
            ctx.options = _output_options(**{key: given.pop(key) for key in _COMMON})
            if str(ctx.options.config).startswith("~/"):  # a shell leaves that as it is in `--config=~/file`
                from tsrevel.config.paths import expand_path

                ctx.options = replace(ctx.options, config=expand_path(str(ctx.options.config), ctx.environ, None))
            _refuse_broken_text(given.values())
            ctx.unfinished = unfinished
            raise typer.Exit(guard(ctx, partial(body, ctx, **given), acts=acts))

        context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
        parameters = [context, *own, *_COMMON.values()]
        vars(run)["__signature__"] = inspect.Signature(parameters)  # what typer reads instead of **given
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        epilog = f"Example: `{example}`\n\nExit status:\n\n{listed}"
        tree.command(name or body.__name__, help=body.__doc__, epilog=epilog, rich_help_panel=panel)(run)
        return body

    return register


class _Tree(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 (typer doesn't export the type)
        """The commands by panel, then as declared; groups come last."""
        panels = {name: getattr(each, "rich_help_panel", None) for name, each in self.commands.items()}
        return sorted(panels, key=lambda name: PANELS.index(str(panels[name])))


app = typer.Typer(
    name="tsrevel",
    cls=_Tree,
    help="Make exactly one Revel POS order for each TripleSeat catering event, correct to the cent.",
    epilog="`tsrevel COMMAND --help` shows the options of a command, an example and its exit statuses.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def group(name: str, panel: str, summary: str) -> typer.Typer:
    """Add a group of commands to the root."""
    tree = typer.Typer(no_args_is_help=True)
    app.add_typer(tree, name=name, help=summary, rich_help_panel=panel)
    return tree


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


def new_file(value: Path | None) -> Path | None:
    """The file to write. Raises typer.BadParameter for `-`, which means standard output to many programs."""
    if value == Path("-"):
        raise typer.BadParameter("- would be the name of a file or folder here, not standard output; give another name")
    return value


_MOST_COMPLETED = 200
_WORD = re.compile(r"[\w.-]+")
_UNSAFE = re.compile(r"[^\w ,.-]+")
"""Characters that a shell may obey: zsh evaluates values and descriptions."""


def complete_event(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """The events that runs saw last, each with its description, which zsh and fish show.

    A key press must not print an error: on any failure nothing is offered. It prints nothing, calls no service, runs no
    command of the settings, and creates no file.
    """
    try:
        from tsrevel.config import examine_settings
        from tsrevel.config.secret_values import CommandResult
        from tsrevel.ledger import open_view

        ctx: CliContext = context.obj
        config: Path | None = context.params.get("config")
        settings, _ = examine_settings(config=config, environ=ctx.environ, run=lambda *_: CommandResult("unread"))
        view = open_view(settings.ledger_path, settings.environment)
        if view is None:
            return []
        with view:
            found = list(view.queries.recent_events(incomplete, _MOST_COMPLETED))
    except Exception:  # noqa: BLE001 (an error must not disturb a key press)
        return []
    return [(value, _UNSAFE.sub(" ", text)) for value, text in found if _WORD.fullmatch(value)]
