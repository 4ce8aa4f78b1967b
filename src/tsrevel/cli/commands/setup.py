"""`init`, `login`, `schema`, `man`, `config`, `doctor`, `report`, `notify`, `schedule`, `demo`, `sandbox`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from tsrevel.cli.boundary import NOTHING_WRITTEN, require_extra
from tsrevel.cli.context import CliContext
from tsrevel.cli.options import LEDGER_EXITS, SERVICE_EXITS, SET_UP, TRY, app, command, group, new_file
from tsrevel.text import reason_of


@command(
    app,
    panel=SET_UP,
    example="tsrevel init --prefill",
    exits=SERVICE_EXITS
    | {
        3: "runs are paused or disabled, so --prefill called no service",
        10: "a setting is wrong, or the file can't be written",
    },
    unfinished=NOTHING_WRITTEN,
)
def init(
    ctx: CliContext,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="F",
            callback=new_file,
            help="The file to write. [default: --config, or the user's settings file]",
        ),
    ] = None,
    prefill: Annotated[
        bool, typer.Option("--prefill", help="Ask both services for locations and ids. Only exact names match.")
    ] = False,
    location: Annotated[
        list[str] | None,
        typer.Option(
            "--location",
            metavar="K=V,...",
            help="A location: name, tripleseat_location (or _site), revel_establishment, … May be repeated.",
        ),
    ] = None,
    charge: Annotated[
        list[str] | None,
        typer.Option(
            "--charge",
            metavar="NAME=AS",
            help="A tax, fee or gratuity: NAME=tax, =gratuity, =ignore or =item:PRODUCT (id or name). May be repeated.",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any setting, like revel.domain=acme. May be repeated."),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="F",
            help="Take all other settings from this settings file, and go on with its ledger, token and spool.",
        ),
    ] = None,
) -> int:
    """Write the settings file.

    On a terminal it asks. Without a terminal it takes options. The file has comments, mode 0600 and dry-run on.
    `init` never overwrites a file. Settings in the environment (REVEL_API_KEY, TSREVEL_REVEL__API_KEY, …) go into
    the file, and options override them. No option takes a secret: name a file or a command
    (`--set revel.api_key_file=F`, `--set revel.api_key_command=C`), set it in the environment, or type it when asked
    (it isn't shown).
    """
    from tsrevel.cli import init as verb
    from tsrevel.cli.init_settings import InitOptions

    repeated = (tuple(each or ()) for each in (location, charge, settings))
    return verb.write_settings(ctx, InitOptions(output or ctx.options.config, prefill, source, *repeated))


@command(
    app,
    panel=SET_UP,
    example="tsrevel login",
    exits={10: LEDGER_EXITS[10], 12: "there is no token, or TripleSeat refused", 13: SERVICE_EXITS[13]},
    acts=True,
    unfinished=NOTHING_WRITTEN,
)
def login(
    ctx: CliContext,
    status: Annotated[
        bool, typer.Option("--status", help="Only report whether there is a token: exit status 0 or 12.")
    ] = False,
    logout: Annotated[bool, typer.Option("--logout", help="Remove the token from this machine.")] = False,
    paste: Annotated[
        bool, typer.Option("--paste", help="Read the browser's address after the approval from standard input.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(
            "--port", min=0, max=65535, metavar="N", help="Wait at http://127.0.0.1:N/callback. [default: 8765]"
        ),
    ] = None,
    redirect_uri: Annotated[
        str | None,
        typer.Option("--redirect-uri", metavar="URL", help="The app's redirect URL in TripleSeat, if it differs."),
    ] = None,
    scope: Annotated[
        str, typer.Option("--scope", metavar="SCOPES", help="The scopes to ask for, with spaces between them.")
    ] = "read",
    timeout: Annotated[
        int, typer.Option("--timeout", min=1, max=86_400, metavar="SECONDS", help="Seconds to wait for the approval.")
    ] = 300,
) -> int:
    """Let a TripleSeat admin approve this installation, once.

    It prints the address to open, waits at the redirect URL for the browser to come back, and stores the tokens. With
    `--json` the address goes to stderr. It works while runs are paused or disabled too.
    """
    from tsrevel.cli import login as verb

    if (status or logout) and (status is logout or paste or port is not None or redirect_uri is not None):
        raise typer.BadParameter("--status and --logout can't be combined with other options of login")
    if status:
        return verb.show_status(ctx)
    if logout:
        return verb.log_out(ctx)
    return verb.login(ctx, verb.LoginOptions(port, redirect_uri, scope, timeout, paste))


config = group("config", SET_UP, "Check the settings, or show them with their origins.")
_SETTINGS_EXITS = {10: "a setting is wrong"}


@command(config, example="tsrevel config validate", exits=_SETTINGS_EXITS)
def validate(ctx: CliContext) -> int:
    """Check the settings, and report every problem at once.

    It reads the files and runs the commands that provide secrets (`api_key_file`, `api_key_command`). It calls no
    service.
    """
    from tsrevel.cli import settings as verb

    return verb.validate_settings(ctx)


@command(config, example="tsrevel config generate > config.toml", exits={})
def generate(ctx: CliContext) -> int:
    """Print an example settings file, with a comment for every setting.

    It needs no settings and calls no service. `tsrevel init` writes a file with your own values instead.
    """
    from tsrevel.cli import settings as verb

    return verb.print_example(ctx)


@command(config, example="tsrevel config show", exits=_SETTINGS_EXITS)
def show(
    ctx: CliContext,
    form: Annotated[Literal["toml", "json"], typer.Option("--format", help="--json also means json.")] = "toml",
) -> int:
    """Print every setting with its origin, and secrets masked.

    Problems go to stderr. It reads the files and runs the commands that provide secrets, to see whether each is set. It
    calls no service.
    """
    from tsrevel.cli import settings as verb

    return verb.show_settings(ctx, form)


@command(
    app,
    panel=SET_UP,
    example="tsrevel doctor --assumptions",
    exits=SERVICE_EXITS | {0: "no problem", 3: "any other problem, or runs are paused or disabled"},
)
def doctor(
    ctx: CliContext,
    assumptions: Annotated[
        bool, typer.Option("--assumptions", help="Only test in your account what tsrevel assumes of both services.")
    ] = False,
) -> int:
    """Check the whole installation, and say what to do.

    This is the go-live checklist. It writes to neither service. Each check ends as ok, warning, problem or skipped, and
    the worst problem decides the exit status. While runs are paused or disabled it checks only this machine. With `-q`
    it prints only problems.

    `--assumptions` makes about 40 requests, and stores the answers in the ledger, where runs read them. Each assumption
    holds, doesn't hold, or can't be told here. If a critical one doesn't hold, the exit status is 10, and runs write
    nothing until `safety.accepted_assumptions` names its code. It isn't 0 if a service gives no
    usable answer.
    """
    from tsrevel.cli import doctor as verb

    return verb.probe_account(ctx) if assumptions else verb.doctor(ctx)


@command(
    app,
    panel=SET_UP,
    example="tsrevel report --output report.txt",
    exits={0: "written; it names what couldn't be read", 10: "written, though a setting is wrong"},
)
def report(
    ctx: CliContext,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", callback=new_file, help="Write the report to this new file."),
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Call no service.")] = False,
) -> int:
    """Write a text that you can send to a colleague.

    It has versions, settings, the last runs, the results of assumptions and rehearsals, the codes of `doctor`, and the
    field names and types in both services' current answers. It has no customer data, no secret, and no name from the
    settings.
    """
    from tsrevel.cli import doctor as verb

    return verb.write_report(ctx, output, offline=offline)


@command(
    app,
    panel=SET_UP,
    example="tsrevel notify --test",
    exits=SERVICE_EXITS | {0: "everything that is set up works", 3: "a hook failed, or runs are paused or disabled"},
    acts=True,
)
def notify(
    ctx: CliContext,
    test: Annotated[bool, typer.Option("--test", help="Send one mail, one ping, and call each hook.")] = False,
) -> int:
    """Send one test mail and one ping, and call each hook.

    All their events are invented. It sends them in a dry run too. The ping counts as a success at the monitor. Hooks
    get `"test": true`. While runs are paused or disabled it sends nothing.
    """
    from tsrevel.cli import notify as verb

    if not test:
        raise typer.BadParameter("notify sends nothing without --test")
    return verb.send_test(ctx)


@command(app, panel=SET_UP, example="tsrevel schedule cron", exits={10: "a setting is wrong"})
def schedule(
    ctx: CliContext,
    kind: Annotated[
        Literal["cron", "systemd"], typer.Argument(metavar="cron|systemd", help="The program that starts the runs.")
    ],
    user: Annotated[
        str | None,
        typer.Option("--user", metavar="NAME", help="Who runs tsrevel. [default: you; for root, the state's owner]"),
    ] = None,
    mailto: Annotated[
        list[str] | None,
        typer.Option("--mailto", metavar="ADDRESS", help="Who gets mail. May be repeated. [default: email.recipients]"),
    ] = None,
    log: Annotated[
        Path | None, typer.Option("--log", metavar="F", callback=new_file, help="Append what runs print to this file.")
    ] = None,
) -> int:
    """Print the crontab lines or systemd units to install.

    They start `sync` every 45 minutes. They name the program and the settings file in use, so they work with any PATH.
    Nothing is installed: the first lines say how to do that. `doctor` checks the installed schedule.
    """
    from tsrevel.cli import schedule as verb

    return verb.print_schedule(ctx, kind, user, mailto or [], log)


@command(app, panel=SET_UP, example="tsrevel schema sync", exits={})
def schema(
    ctx: CliContext,
    name: Annotated[
        list[str] | None, typer.Argument(metavar="COMMAND", help="A command, such as sync or map list.")
    ] = None,
) -> int:
    """Print the JSON Schema of a command's answer.

    Without a command it prints all schemas, as one object by command. For `map`, `ledger` or `config` it prints those
    of the group. `hook` is the schema of a hook's input. It needs no settings.
    """
    from tsrevel.cli import reference as verb

    return verb.print_schema(ctx, " ".join(name or ()))


@command(app, panel=SET_UP, example="tsrevel man > tsrevel.1", exits={})
def man(ctx: CliContext) -> int:
    """Print the man page.

    To install it: `tsrevel man > ~/.local/share/man/man1/tsrevel.1`. It needs no settings.
    """
    from tsrevel.cli import reference as verb

    return verb.print_man_page(ctx)


@command(app, panel=TRY, example="tsrevel demo", exits={})
def demo(
    ctx: CliContext,
    serve: Annotated[bool, typer.Option("--serve", help="Also send a webhook delivery to `tsrevel serve`.")] = False,
) -> int:
    """Run everything once in the sandbox, without an account.

    The sandbox runs on this machine. The demo makes its own settings and ignores `--config`.
    """
    from tsrevel.cli import sandbox as verb

    if serve:
        require_extra("serve", "starlette", "uvicorn")
    return verb.demo(ctx, serve=serve)


@command(
    app,
    panel=TRY,
    example="tsrevel sandbox --write-config sandbox.toml",
    exits={10: "the file can't be written"},
    acts=True,
    unfinished="the sandbox is stopped, and everything in it is gone",
)
def sandbox(
    ctx: CliContext,
    write_config: Annotated[
        Path | None,
        typer.Option(
            "--write-config",
            metavar="F",
            callback=new_file,
            help="Write the settings to this file, instead of printing them.",
        ),
    ] = None,
    tripleseat_port: Annotated[int, typer.Option("--tripleseat-port", min=0, max=65535, help="0: any free port.")] = 0,
    revel_port: Annotated[int, typer.Option("--revel-port", min=0, max=65535, help="0: any free port.")] = 0,
    login_port: Annotated[
        int, typer.Option("--login-port", min=1, max=65535, help="The `--port` that `login` will use.")
    ] = 8765,
    broken: Annotated[
        list[str] | None,
        typer.Option("--break", metavar="NAME", help="Break one assumption, such as uuid-filter. May be repeated."),
    ] = None,
) -> int:
    """Run the sandbox until you interrupt it.

    It serves a TripleSeat and a Revel on loopback, with a sample day. It makes its own settings and ignores `--config`.
    You can also rehearse `login` with it: open the address that `login` prints, and nobody has to approve.
    """
    from tsrevel.cli import sandbox as verb

    try:
        ports = (tripleseat_port, revel_port)
        return verb.serve_sandbox(ctx, write_config, ports, login_port, broken or [])
    except OSError as error:
        raise typer.BadParameter(f"the sandbox can't start: {reason_of(error)}") from error
