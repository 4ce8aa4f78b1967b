"""`init`, `login`, `completion`, `config`, `doctor`, `notify`, `schedule`, `demo`, `sandbox`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from tsrevel.cli.boundary import NOTHING_WRITTEN
from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.options import app, command


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


def _declare() -> Iterator[inspect.Parameter]:
    for option in _OPTIONS:
        ways = [(option.key, option.metavar, option.text)]
        if option.secret:
            ways = [
                (f"{option.key}_file", "F", f"The file that holds {option.text}; it stays there."),
                (f"{option.key}_command", "C", f"A command that prints {option.text}."),
            ]
        for key, metavar, text in ways:
            name = "--" + key.replace(".", "-").replace("_", "-")
            kind = Annotated[str | None, typer.Option(name, metavar=metavar, help=text)]
            place = inspect.Parameter.POSITIONAL_OR_KEYWORD
            yield inspect.Parameter(key.replace(".", "__"), place, default=None, annotation=kind)


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
        typer.Option(
            "--from", metavar="F", help="Take what isn't given otherwise, and your comments, from this settings file."
        ),
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
    repeated = (tuple(each or ()) for each in (location, charge, settings))
    return verb.write_settings(ctx, flags, InitOptions(values, output or flags.config, prefill, source, *repeated))


_fixed = [each for each in inspect.signature(init, eval_str=True).parameters.values() if each.name != "given"]
vars(init)["__signature__"] = inspect.Signature([*_fixed, *_declare()])
command(app, "init", unfinished=NOTHING_WRITTEN)(init)


@command(app, acts=True, unfinished=NOTHING_WRITTEN)
def login(
    ctx: CliContext,
    flags: OutputOptions,
    status: Annotated[bool, typer.Option("--status", help="Only say whether there is a token: exit 0 or 12.")] = False,
    logout: Annotated[bool, typer.Option("--logout", help="Remove the token from this machine.")] = False,
    paste: Annotated[
        bool, typer.Option("--paste", help="No browser here: read the address it was sent to from standard input.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(
            "--port", min=0, max=65535, metavar="N", help="Wait at http://127.0.0.1:N/callback [default: 8765]."
        ),
    ] = None,
    redirect_uri: Annotated[
        str | None,
        typer.Option("--redirect-uri", metavar="URL", help="The app's redirect URL in TripleSeat, if it is another."),
    ] = None,
    scope: Annotated[
        str, typer.Option("--scope", metavar="SCOPES", help="What to ask for; several with spaces.")
    ] = "read",
    timeout: Annotated[
        int, typer.Option("--timeout", min=1, max=86_400, metavar="SECONDS", help="Wait so long for the approval.")
    ] = 300,
) -> int:
    """Let an ADMIN of TripleSeat approve this installation. That is needed once; the tokens are kept.

    It prints the address to open, and waits at the redirect URL for the browser to come back.
    With --json the address goes to stderr, and stdout gets {"schema", "success", "auth", "token_file", "valid_until"}.
    """
    from tsrevel.cli import login as verb

    if (status or logout) and (status is logout or paste or port is not None or redirect_uri is not None):
        raise typer.BadParameter("--status and --logout each go alone")
    if status:
        return verb.show_status(ctx, flags)
    if logout:
        return verb.log_out(ctx, flags)
    return verb.login(ctx, flags, verb.LoginOptions(port, redirect_uri, scope, timeout, paste))


@command(app)
def completion(
    ctx: CliContext,
    flags: OutputOptions,
    shell: Annotated[Literal["bash", "zsh", "fish"], typer.Argument(metavar="bash|zsh|fish", help="Your shell.")],
) -> int:
    """Print a script for your shell's completion.

    bash: eval "$(tsrevel completion bash)" in ~/.bashrc. zsh: the same with zsh in ~/.zshrc.
    fish: tsrevel completion fish > ~/.config/fish/completions/tsrevel.fish
    """
    from tsrevel.cli import completion as verb

    return verb.print_completion(ctx, flags, shell, app)


config = typer.Typer(name="config", help="Check the settings, or show them with their origins.", no_args_is_help=True)
app.add_typer(config)


@command(config)
def validate(ctx: CliContext, flags: OutputOptions) -> int:
    """Check the settings offline. Every problem is told at once; exit status 0 or 10.

    Files and commands that give secrets (api_key_file, api_key_command) are read and run; no service is called.
    With --json: {"success", "problems": [{"key", "origin", "message", "remedy"}], "config": the file, ...}.
    """
    from tsrevel.cli import settings as verb

    return verb.validate_settings(ctx, flags)


@command(config)
def show(
    ctx: CliContext,
    flags: OutputOptions,
    form: Annotated[Literal["toml", "json"], typer.Option("--format", help="--json is the same as json.")] = "toml",
) -> int:
    """Print every setting with its origin, secrets masked. What is wrong goes to stderr, with exit status 10.

    Files and commands that give secrets are read and run, to tell whether they are set; no service is called.
    """
    from tsrevel.cli import settings as verb

    return verb.show_settings(ctx, flags, form)


@command(app)
def doctor(ctx: CliContext, flags: OutputOptions) -> int:
    """Check the whole set-up and say what to do. It is the go-live checklist, and writes nothing anywhere.

    Each check ends ok, warning, problem or skipped. Exit 0 without a problem, else by the worst one: 14 ledger
    damaged, 12 credentials refused, 10 a setting is wrong, 13 a service is down, 3 anything else. While runs are
    paused or disabled it checks this machine alone, and ends with 3. With -q it tells problems alone. With --json:
    {"schema", "success", "exit_status", "checks": [{"name", "subject": a location or null, "verdict", "text",
    "remedy"}]}.
    """
    from tsrevel.cli import doctor as verb

    return verb.doctor(ctx, flags)


@command(app, acts=True)
def notify(
    ctx: CliContext,
    flags: OutputOptions,
    test: Annotated[bool, typer.Option("--test", help="Send one mail, one ping, and call each hook.")] = False,
) -> int:
    """Test the notifications: send one mail, one ping, and call the hooks, all with invented events.

    It sends in a dry run too. The ping counts as a success at the monitor; hooks get "test": true. While runs are
    paused or disabled it sends nothing, and ends with 3. Exit 0 if all that is set up works; 10 a setting is wrong,
    12 SendGrid refused the key, 13 a service is down, 3 a hook failed. With --json: {"schema", "success",
    "exit_status", "dry_run", "results": [{"name": mail, ping or a hook, "result": ok, skipped or failed, "text"}]}.
    """
    from tsrevel.cli import notify as verb

    if not test:
        raise typer.BadParameter("notify sends nothing without --test")
    return verb.send_test(ctx, flags)


@command(app)
def schedule(
    ctx: CliContext,
    flags: OutputOptions,
    kind: Annotated[Literal["cron", "systemd"], typer.Argument(metavar="cron|systemd", help="What starts the runs.")],
    user: Annotated[
        str | None,
        typer.Option("--user", metavar="NAME", help="Who runs it [default: you; for root the state's owner]."),
    ] = None,
    mailto: Annotated[
        list[str] | None,
        typer.Option("--mailto", metavar="ADDRESS", help="Whom to mail [default: email.recipients]; repeatable."),
    ] = None,
    log: Annotated[Path | None, typer.Option("--log", metavar="F", help="Append what runs print to this file.")] = None,
) -> int:
    """Print the crontab lines or systemd units that run this installation every 45 minutes.

    They name the program and the settings file in use, so they work from any PATH. Nothing is installed: the first
    lines say how. `doctor` checks what is installed. With --json: {"schema", "success", "kind", "user", "command",
    "files": texts by name, "install": steps, "warnings"}.
    """
    from tsrevel.cli import schedule as verb

    return verb.print_schedule(ctx, flags, kind, user, mailto or [], log)


@command(app)
def demo(ctx: CliContext, flags: OutputOptions) -> int:
    """Show the whole story, no account needed. The services are pretended, on this machine.

    It makes its own settings, so --config changes nothing.
    """
    from tsrevel.cli import demo as verb

    return verb.demo(ctx, flags)


@command(app, acts=True, unfinished="the pretend services are gone, with all that was in them")
def sandbox(
    ctx: CliContext,
    flags: OutputOptions,
    write_config: Annotated[
        Path | None,
        typer.Option("--write-config", metavar="F", help="Write a config that uses it, instead of printing it."),
    ] = None,
    tripleseat_port: Annotated[int, typer.Option("--tripleseat-port", min=0, max=65535, help="0: any free one.")] = 0,
    revel_port: Annotated[int, typer.Option("--revel-port", min=0, max=65535, help="0: any free one.")] = 0,
) -> int:
    """Serve the pretend services until interrupted. They listen on loopback, with a sample day in them.

    With --json: {"schema", "tripleseat": URL, "revel": URL, "config": the file written, or else its text}.
    It makes its own settings, so --config changes nothing.
    """
    from tsrevel.cli import sandbox as verb

    try:
        return verb.serve_sandbox(ctx, flags, write_config, (tripleseat_port, revel_port))
    except OSError as error:
        raise typer.BadParameter(f"the sandbox can't be served: {error.strerror or type(error).__name__}") from error
