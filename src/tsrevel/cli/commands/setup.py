"""`init`: its many options are read off one table, each named after the setting it gives."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from tsrevel.cli.boundary import NOTHING_WRITTEN
from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.options import command
from tsrevel.cli.tree import app


@dataclass(frozen=True, slots=True)
class _Option:
    """The option of one setting, with its help. A secret has two, for a file and for a command: `text` names it."""

    key: str
    metavar: str
    text: str
    secret: bool = False


_OPTIONS = (
    _Option("environment", "WORD", "production, or sandbox (pretend services on this machine)."),
    _Option("timezone", "ZONE", 'For locations that name none: IANA, or "Pacific Time (US & Canada)".'),
    _Option("tripleseat.auth", "WORD", "oauth2 (default), client_credentials or public_key."),
    _Option("tripleseat.client_id", "ID", "From TripleSeat: Settings, Tripleseat API & Webhooks."),
    _Option("tripleseat.client_secret", "", "TripleSeat's client secret", secret=True),
    _Option("tripleseat.public_key", "", "TripleSeat's public API key", secret=True),
    _Option("tripleseat.token_file", "F", "Where the tokens are kept."),
    _Option("tripleseat.base_url", "URL", "Where TripleSeat is, if not where it always is."),
    _Option("revel.domain", "NAME", "The Revel account: acme for https://acme.revelup.com."),
    _Option("revel.base_url", "URL", "Instead of the domain."),
    _Option("revel.api_key", "", "Revel's API key", secret=True),
    _Option("revel.api_secret", "", "Revel's API secret", secret=True),
    _Option("revel.user", "ID", "Revel user that orders are made by; with --prefill also its name."),
    _Option("revel.station", "ID", "Revel POS station, for every location; with --prefill also its name."),
    _Option("revel.dining_option", "ID", "Revel dining option."),
    _Option("revel.payment_type", "ID", "Revel payment type; with --prefill also its name."),
    _Option("revel.discount", "ID", "Revel discount; with --prefill also its name."),
)


def _declare() -> list[inspect.Parameter]:
    return [each for option in _OPTIONS for each in _declare_one(option)]


def _declare_one(option: _Option) -> list[inspect.Parameter]:
    if not option.secret:
        return [_parameter(option.key, option.metavar, option.text)]
    return [
        _parameter(f"{option.key}_file", "F", f"The file that holds {option.text}; it stays there."),
        _parameter(f"{option.key}_command", "C", f"A command that prints {option.text}."),
    ]


def _parameter(key: str, metavar: str, text: str) -> inspect.Parameter:
    name = "--" + key.replace(".", "-").replace("_", "-")
    kind = Annotated[str | None, typer.Option(name, metavar=metavar, help=text)]
    return inspect.Parameter(
        key.replace(".", "__"), inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=kind
    )


def init(
    ctx: CliContext,
    flags: OutputOptions,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="F", help="The file to write [default: --config, or the user's config]."),
    ] = None,
    prefill: Annotated[
        bool, typer.Option("--prefill", help="Ask both services for locations and ids; exact names are matched.")
    ] = False,
    location: Annotated[
        list[str] | None,
        typer.Option(
            "--location",
            metavar="K=V,...",
            help="Place: name, tripleseat_location (or _site), revel_establishment, station...; or JSON; repeatable.",
        ),
    ] = None,
    charge: Annotated[
        list[str] | None,
        typer.Option(
            "--charge",
            metavar="NAME=AS",
            help="A tax, fee or gratuity: NAME=tax, =gratuity, =ignore or =item:PRODUCT (id or name); repeatable.",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any other setting; repeatable.")
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="F", help="Take what isn't given otherwise from this settings file."),
    ] = None,
    **given: Any,  # noqa: ANN401 (texts or None, by the table above)
) -> int:
    """Write the settings file. It asks on a terminal and takes options off it; the file is its owner's alone.

    It never overwrites a file, and what it writes is a dry run. Settings in the environment (REVEL_API_KEY,
    TSREVEL_REVEL__API_KEY, ...) are taken into the file; options go before them. No secret is taken on the command
    line: name a file or a command, set it in the environment, or type it unseen.
    With --json: {"success", "config": the file written, "locations", "open": what is left to do, "next": commands}.
    """
    from tsrevel.cli import init as verb
    from tsrevel.cli.init_settings import InitOptions

    values = {name.replace("__", "."): text for name, text in given.items() if text is not None}
    options = InitOptions(
        values,
        output or flags.config,
        prefill,
        source,
        tuple(location or ()),
        tuple(charge or ()),
        tuple(settings or ()),
    )
    return verb.write_settings(ctx, flags, options)


_fixed = [each for each in inspect.signature(init, eval_str=True).parameters.values() if each.name != "given"]
vars(init)["__signature__"] = inspect.Signature([*_fixed, *_declare()])
command(app, "init", unfinished=NOTHING_WRITTEN)(init)
