"""`login` and `completion`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from tsrevel.cli.boundary import NOTHING_WRITTEN
from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.options import command
from tsrevel.cli.tree import app


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
    from tsrevel.cli import tokens

    if (status or logout) and (status is logout or paste or port is not None or redirect_uri is not None):
        raise typer.BadParameter("--status and --logout each go alone")
    if status:
        return tokens.show_status(ctx, flags)
    if logout:
        return tokens.log_out(ctx, flags)
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
