"""`login`: get the first token after an admin's consent, which the browser brings (facts TripleSeat 1.2).

The address to open goes to stdout. stderr says who must open it, and how long `login` waits. Neither ever shows a code
or a token.
"""

from __future__ import annotations

import hmac
import re
import secrets
import socket
import socketserver
import sys
import termios
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

import typer

from tsrevel.cli.answers.setup import LoginAnswer, LoginStatusAnswer, LogoutAnswer
from tsrevel.cli.boundary import PERHAPS_WRITTEN
from tsrevel.cli.context import CliContext, logging_to
from tsrevel.cli.prompts import no_echo, plain_address, read_line
from tsrevel.config import Settings, is_loopback
from tsrevel.config.problems import DEFAULT
from tsrevel.config.settings import VARIABLES
from tsrevel.errors import ConfigCode, ConfigError, ConfigProblem, CredentialsRefused, ServiceDown, TryNextRun
from tsrevel.redaction import Secret
from tsrevel.text import reason_of
from tsrevel.transport.responses import tidy
from tsrevel.tripleseat.auth import TokenUrl, consent_url, redeem_code
from tsrevel.tripleseat.token_file import Token, TokenFile
from tsrevel.wiring import open_token_url

APP_PAGE = "Settings, Tripleseat API & Webhooks"
"""Where TripleSeat shows the app (facts TripleSeat 1.2)."""
NO_TOKEN = CredentialsRefused.exit_status


def show_status(ctx: CliContext) -> int:
    """Report whether there is a token, since when and until when. Exit status 0, or 12 without a usable one.

    It doesn't call TripleSeat.
    """
    settings = ctx.load_settings(offline=True)
    with logging_to(ctx, "login"):
        if settings.tripleseat.auth != "oauth2":
            return _tell_nothing_to_do(ctx, settings)
        file = TokenFile(settings.token_path, sandbox=settings.is_sandbox)
        try:
            token, written_at = file.load(), file.written_at()
        except ConfigError as error:
            ctx.log(str(error))
            if ctx.options.json:
                path, why = str(settings.token_path), str(error)
                ctx.answer(
                    LoginStatusAnswer(success=False, auth="oauth2", token_file=path, error=why, exit_status=NO_TOKEN)
                )
            return NO_TOKEN
    until, written = _find_end(token), _instant_of(written_at)
    expired = token.expires_within(0, ctx.now().timestamp())
    auth, path = settings.tripleseat.auth, str(settings.token_path)
    life = f"expired {_show(until)}; the next run tries to renew it" if expired else f"good until {_show(until)}"
    return ctx.conclude(
        LoginStatusAnswer(auth=auth, token_file=path, valid_until=until, written_at=written, expired=expired),
        f"TripleSeat tokens: {path}",
        f"written:           {_show(written)}, at the login or at the last renewal",
        f"access token:      {life if token.access else 'none yet: the next run gets one'}",
    )


def log_out(ctx: CliContext) -> int:
    """Delete the token file, if there is one. Exit status 0. Raises ConfigError if it can't be deleted."""
    settings = ctx.load_settings(offline=True)
    with logging_to(ctx, "login"):
        ctx.unfinished = PERHAPS_WRITTEN
        removed = TokenFile(settings.token_path).remove()
    done = f"{settings.token_path} was removed" if removed else f"There was no token file ({settings.token_path})"
    return ctx.conclude(
        LogoutAnswer(auth=settings.tripleseat.auth, token_file=str(settings.token_path), removed=removed),
        f"{done}. TripleSeat still trusts the app. An admin can change that in TripleSeat ({APP_PAGE}).",
    )


def _find_end(token: Token) -> datetime | None:
    """When the access token expires; None if there is none yet."""
    return _instant_of(token.expires_at) if token.access else None


def _instant_of(seconds: float) -> datetime | None:
    """The instant of these epoch seconds; None if it is outside the calendar."""
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
    except (ValueError, OverflowError, OSError):
        return None


def _show(instant: datetime | None) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC" if instant else "an unknown time"


def _tell_nothing_to_do(ctx: CliContext, settings: Settings) -> int:
    auth = settings.tripleseat.auth
    text = f'Nothing to do: tripleseat.auth = "{auth}" needs no login and stores no token.'
    return ctx.conclude(LoginAnswer(auth=auth, token_file=None), text)


PORT = 8765
PATH = "/callback"
_REFUSALS = {
    "access_denied": "the approval was refused; only an ADMIN user of TripleSeat can approve",
    "invalid_scope": "the app in TripleSeat doesn't have this scope; name its scopes with --scope",
    "unauthorized_client": "the app in TripleSeat may not ask for codes; check its grants",
    "unsupported_response_type": "the app in TripleSeat may not ask for codes; check its grants",
    "server_error": "TripleSeat reported an internal error; try again later",
    "temporarily_unavailable": "TripleSeat can't answer at the moment; try again later",
}


@dataclass(frozen=True, slots=True)
class LoginOptions:
    """The flags of `login`. `timeout` is in seconds; `redirect_uri` replaces the one made from `port`."""

    port: int | None = None
    redirect_uri: str | None = None
    scope: str = "read"
    timeout: int = 300
    paste: bool = False


@dataclass(frozen=True, slots=True)
class _RedirectTarget:
    """Where TripleSeat sends the browser. `served`: this machine can listen there."""

    host: str
    port: int
    path: str
    given: str | None
    served: bool

    def uri(self, port: int) -> str:
        """The redirect URL as it must be registered."""
        return self.given or f"http://{self.host}:{port}{self.path}"


@dataclass(frozen=True, slots=True)
class _Login:
    """One login under way."""

    ctx: CliContext
    options: LoginOptions
    settings: Settings
    token_url: TokenUrl
    state: str
    verifier: str

    def say(self, text: str) -> None:
        """Print for the operator on stderr; nothing with -q."""
        if not self.ctx.options.quiet:
            self.ctx.tell(text)

    def warn(self, why: str) -> None:
        """Report that an answer doesn't belong to this login."""
        self.ctx.log(f"refused an answer: {why}; still waiting for the right one", "INFO")

    def invite(self, uri: str) -> None:
        """Print who must open which address, and the redirect URL that the app must have."""
        seat, scope = self.settings.tripleseat, self.options.scope
        where = seat.authorize_url
        if self.settings.is_sandbox and self.settings.origin("tripleseat.authorize_url") == DEFAULT:
            where = f"{seat.base_url}/oauth2/authorize"  # the real TripleSeat only if the settings say so
        self.say(f'An ADMIN user of TripleSeat must open this address and approve. The scope is "{scope}".\n')
        url = consent_url(where, seat.client_id, uri, scope, self.state, self.verifier)
        stdout, stderr = self.ctx.stdout, self.ctx.stderr
        if not self.ctx.options.json:
            print(url, file=stdout, flush=True)
        if self.ctx.options.json or (stderr.isatty() and not stdout.isatty()):
            print(url, file=stderr, flush=True)
        self.say(f"\nThe app in TripleSeat ({APP_PAGE}) must have exactly this redirect URL: {uri}")

    def redeem(self, answer: ConsentAnswer, uri: str) -> Token:
        """The token for an answer, already stored. Raises CredentialsRefused, ServiceDown, ConfigError."""
        if answer.error:
            why = _REFUSALS.get(answer.error, "run this command again")
            said = f". It said: {self.token_url.quote(answer.description)}" if answer.description else ""
            raise CredentialsRefused(f"TripleSeat returned no code: {answer.error} ({why}){said}")
        self.ctx.unfinished = PERHAPS_WRITTEN
        try:
            return redeem_code(self.token_url, TokenFile(self.settings.token_path), answer.code, uri, self.verifier)
        except TryNextRun as error:
            raise ServiceDown(f"{error}. No token was stored; run this command again") from error


def login(ctx: CliContext, options: LoginOptions) -> int:
    """Get and store the first token. Exit status 0. Raises what `_Login.redeem` raises, and typer.BadParameter."""
    settings = ctx.load_settings(offline=True, secrets=["tripleseat.client_secret"])  # those of Revel may come later
    with logging_to(ctx, "login"):
        if settings.tripleseat.auth != "oauth2":
            return _tell_nothing_to_do(ctx, settings)
        _check_app(settings)
        target = _find_target(options)
        paste = options.paste or not target.served
        if paste and not options.paste and not ctx.stdin.isatty():
            text = "this machine can't listen at that --redirect-uri; add --paste, and paste the URL"
            raise typer.BadParameter(text)
        TokenFile(settings.token_path).prepare(settings.config_path)
        with open_token_url(settings, ctx.runtime) as token_url:
            state = secrets.token_urlsafe(32)
            verifier = secrets.token_urlsafe(64)  # 86 characters; RFC 7636 4.1 allows 43 to 128
            under_way = _Login(ctx, options, settings, token_url, state, verifier)
            token = (_take_pasted if paste else _take_redirected)(under_way, target)
    return ctx.conclude(
        LoginAnswer(auth=settings.tripleseat.auth, token_file=str(settings.token_path), valid_until=_find_end(token)),
        f"Logged in. The tokens are in {settings.token_path}, and only this user can read them. Runs renew them.",
    )


def _take_redirected(login: _Login, target: _RedirectTarget) -> Token:
    try:
        server = CallbackServer(target.host, target.port, target.path, login.state, login.warn)
    except OSError as error:
        where = f"this machine can't listen at {target.host}:{target.port} ({reason_of(error)})"
        raise typer.BadParameter(f"{where}; use --paste, or another --port that is registered in TripleSeat") from error
    with server:
        uri = target.uri(server.port)
        login.invite(uri)
        login.say(
            f"\nWaiting on {target.host}:{server.port} for {login.options.timeout} s. If the browser is on another"
            f" machine, run this command again with --paste, or first run there"
            f" `ssh -L {server.port}:127.0.0.1:{server.port} HOST` (HOST is this machine)."
        )
        answer = server.wait(login.options.timeout)
        if answer is None:
            raise _too_late(login.options)
        return login.redeem(answer, uri)


def _take_pasted(login: _Login, target: _RedirectTarget) -> Token:
    uri = target.uri(target.port)
    with no_echo(login.ctx.stdin, termios.ECHONL):  # a code is a secret until it is used
        login.invite(uri)
        login.say(
            "\nThen the browser opens the redirect URL, and may show an error. Paste the whole address that it shows"
            " (your input stays hidden), and press Enter:"
        )
        answer = _read_pasted(login)
    return login.redeem(answer, uri)


def _read_pasted(login: _Login) -> ConsentAnswer:
    """The answer in a pasted address. On a terminal a person may try again; elsewhere there is one try."""
    stdin = login.ctx.stdin
    while True:
        line = read_line(stdin, login.options.timeout)
        if line is None:
            raise _too_late(login.options)
        text = plain_address(line)
        if not text and line and stdin.isatty():
            continue
        if not text:
            raise CredentialsRefused("no address was pasted; run this command again")
        _, mark, query = text.partition("?")
        found: ConsentAnswer | Rejected = Rejected("it is not the whole address with code and state")
        if mark:
            found = read_answer(query.partition("#")[0], login.state)
        if isinstance(found, ConsentAnswer):
            return found
        if not stdin.isatty():
            raise CredentialsRefused(f"the pasted address was refused: {found.why}; run this command again")
        login.warn(found.why)


def _find_target(options: LoginOptions) -> _RedirectTarget:
    if options.redirect_uri is None:
        return _RedirectTarget("127.0.0.1", PORT if options.port is None else options.port, PATH, None, served=True)
    if options.port is not None:
        raise typer.BadParameter("--redirect-uri has its own port; leave --port out")
    given = options.redirect_uri
    try:
        parts = urlsplit(given)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        parts, port, host = urlsplit(""), None, ""
    usable = parts.scheme in {"http", "https"} and host and not parts.fragment and "@" not in parts.netloc
    if not usable or not given.isascii() or not given.isprintable() or " " in given:
        raise typer.BadParameter("--redirect-uri isn't a URL; give it exactly as TripleSeat has it")
    address = f"http://[{host}]" if ":" in host else f"http://{host}"
    served = parts.scheme == "http" and not parts.query and is_loopback(address)
    return _RedirectTarget("127.0.0.1" if host == "localhost" else host, port or 80, parts.path or "/", given, served)


def _check_app(settings: Settings) -> None:
    """Raise ConfigError if the app's id or secret is missing. No other setting is needed yet."""
    seat = settings.tripleseat
    missing = [
        ConfigProblem(
            ConfigCode.NOT_SET,
            f"tripleseat.{name}",
            str(settings.origin(f"tripleseat.{name}")),
            "isn't set",
            f"TripleSeat shows it under {APP_PAGE}; set it in [tripleseat], or {VARIABLES[f'tripleseat.{name}'][0]}.",
        )
        for name, value in (("client_id", seat.client_id), ("client_secret", seat.client_secret.get_secret_value()))
        if not value.strip()
    ]
    if missing:
        raise ConfigError(*missing)


def _too_late(options: LoginOptions) -> CredentialsRefused:
    return CredentialsRefused(
        f"nobody approved within {options.timeout} s; run this command again, with a longer --timeout if need be"
    )


# The loopback server to which TripleSeat sends the browser after the person's decision. It accepts a GET of one path
# with the login's `state`, once. It refuses everything else. It has no log, and its pages never repeat what the browser
# sent.

REQUEST_SECONDS = 10
"""How long a browser may take to send its request: some connect in advance and send nothing."""
PAGE_SECONDS = 3
"""How long the end of the login waits for the browser to take its page."""
_MOST_FIELDS = 20
_LONGEST_CODE = 4096
_WORD = re.compile(r"[a-z_]{1,40}")
_HEADERS = (
    ("Content-Type", "text/html; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'"),
    ("Connection", "close"),
)


@dataclass(frozen=True, slots=True, repr=False)
class ConsentAnswer(Secret):
    """The person's decision: a code, or an error word with TripleSeat's description."""

    code: str = ""
    error: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A redirect that isn't the answer to this login, and why."""

    why: str


def read_answer(query: str, state: str) -> ConsentAnswer | Rejected:
    """The answer in a redirect's query, if it has the login's `state` (compared in constant time)."""
    try:
        fields = parse_qs(query, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return Rejected("it has too many fields")
    states, codes, errors = (fields.get(name, []) for name in ("state", "code", "error"))
    if len(states) != 1 or not hmac.compare_digest(states[0].encode(), state.encode()):
        said = f" (its error is {_tell_word(errors[0])!r})" if errors else ""
        return Rejected(f"its state belongs to another login{said}")
    if errors:
        return ConsentAnswer(
            error=_tell_word(errors[0]), description=tidy(" ".join(fields.get("error_description", [])))
        )
    if len(codes) == 1 and 0 < len(codes[0]) <= _LONGEST_CODE and codes[0].isascii() and codes[0].isprintable():
        return ConsentAnswer(codes[0])
    return Rejected("it has no code and no error")


def _tell_word(error: str) -> str:
    return error if _WORD.fullmatch(error) else "an error without a name"


class CallbackServer(socketserver.ThreadingTCPServer):
    """Listens at the redirect address until it is closed; it is a context manager.

    `tell` is called once, with the reason, when a redirect is refused. Raises OSError if the port can't be opened.
    """

    allow_reuse_address = True
    daemon_threads = True  # a silent browser delays nobody, not even the end

    def __init__(self, host: str, port: int, path: str, state: str, tell: Callable[[str], None]) -> None:
        self.path, self.shown = path, threading.Event()
        self._state, self._tell = state, tell
        self._lock = threading.Lock()
        self._answer: ConsentAnswer | None = None
        self._stray = False
        self._arrived = threading.Event()
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)
        self.port: int = self.server_address[1]
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def __exit__(self, *args: object) -> None:
        self.close()

    def wait(self, seconds: float) -> ConsentAnswer | None:
        """The person's answer; None if none comes within `seconds`.

        This waits one second at a time, because a signal that arrives just before a wait is handled only after it.
        """
        latest = time.monotonic() + seconds
        while (left := latest - time.monotonic()) > 0 and not self._arrived.wait(min(left, 1.0)):
            pass
        return self._answer

    def close(self) -> None:
        """Stop listening, once the browser has its page."""
        if self._answer is not None:
            self.shown.wait(PAGE_SECONDS)
        self.shutdown()
        self.server_close()

    def respond(self, query: str) -> tuple[int, str, str]:
        """The status, title and text of the page for a redirect."""
        answer = read_answer(query, self._state)
        if isinstance(answer, Rejected):
            with self._lock:
                first, self._stray = not self._stray, True
            if first:
                self._tell(answer.why)
            text = "This answer belongs to another login, so tsrevel refused it. Open the address that"
            return 400, "Refused", f"{text} `tsrevel login` printed last."
        with self._lock:  # only the first answer counts
            if self._answer is None:
                self._answer = answer
                self._arrived.set()
        return 200, "Received", "Go back to the terminal: `tsrevel login` says there whether it worked."

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore a browser that closes the connection during its request."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    server: CallbackServer
    timeout = REQUEST_SECONDS
    protocol_version = default_request_version = "HTTP/1.1"
    server_version, sys_version = "tsrevel", ""

    def do_GET(self) -> None:
        """Answer only at the redirect URL's path."""
        path, _, query = self.path.partition("?")
        if path != self.server.path:
            self._send(404, "Nothing here", "This address doesn't exist.")
            return
        status, title, text = self.server.respond(query)
        self._send(status, title, text)
        if status == HTTPStatus.OK:
            self.server.shown.set()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """Send a page of ours: the base class's repeats what the browser sent."""
        if code == HTTPStatus.NOT_IMPLEMENTED:
            self._send(405, "Not supported", "This address only accepts a browser that comes back from TripleSeat.")
        else:
            self._send(code, "Not understood", "This was not a browser's request.")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Write no log: the address holds the code."""

    def _send(self, status: int, title: str, text: str) -> None:
        page = (
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>tsrevel: {title}</title></head>\n'
            f"<body><h1>{title}</h1><p>{text}</p></body></html>\n"
        ).encode()
        self.send_response(status)
        allow = (("Allow", "GET"),) if status == HTTPStatus.METHOD_NOT_ALLOWED else ()
        for name, value in (*_HEADERS, *allow, ("Content-Length", str(len(page)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(page)
