"""`init`: write options, the environment and a person's answers to a commented settings file of mode 0600."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import typer

from tsrevel.cli.answers.setup import InitAnswer
from tsrevel.cli.boundary import PERHAPS_WRITTEN
from tsrevel.cli.context import CliContext, logging_to
from tsrevel.cli.init_settings import TREATMENTS, InitOptions, SettingsDraft, charge_entry, gather
from tsrevel.cli.prefill import prefill
from tsrevel.cli.prompts import Terminal, may_ask
from tsrevel.config import Settings, check_document, config_folder, examine_settings
from tsrevel.config.paths import SYSTEM_CONFIG, PathProblem, is_there, place_state, read_path
from tsrevel.config.render import ConfigTable
from tsrevel.config.settings import SECRETS, VARIABLES
from tsrevel.config.sources import lookup
from tsrevel.errors import ConfigCode, ConfigError, ConfigProblem, TsrevelError
from tsrevel.files import create_private, real_path
from tsrevel.tripleseat.account import iana_zone
from tsrevel.wiring import correlate

_OFFER = "Ask both services for locations, stations, users and other ids?"
_INTRODUCTION = """\
This writes a settings file for tsrevel. It writes nothing before the end, and
calls no service unless you say so. Press Enter to accept a value in [brackets],
Ctrl-C to stop without changes."""


def write_settings(ctx: CliContext, options: InitOptions) -> int:
    """Write the file. Before that it may raise ConfigError, typer.BadParameter, or the error of a service."""
    path = _find_target(ctx, options)
    if os.path.lexists(path):
        remedy = "Edit it, move it away, or name another file with --output (--from copies this one's settings)."
        message = "exists, and init never overwrites a file"
        raise ConfigError(ConfigProblem(ConfigCode.FILE_EXISTS, "config", str(path), message, remedy))
    terminal = Terminal(ctx) if may_ask(ctx) else None
    draft = gather(options, ctx.environ)
    ask_services = options.prefill
    if terminal:
        ask_services = _Interview(terminal, draft, ctx.environ).ask_all(path, prefill=options.prefill)
    # TripleSeat's token is where the login with the settings before stored it.
    settings = _check(ctx, draft, draft.replaces or path, places=not ask_services)
    left = _prefill(ctx, draft, settings, terminal) if ask_services else []
    found = options.output is None or path == SYSTEM_CONFIG or _is_usual(path, ctx.environ)
    old = None if found else draft.replaces  # a file in its final place stays there
    kept = draft.keep_state() if draft.replaces else []  # also for runs with the new file before it replaces the old
    after = _check(ctx, draft, path, places=True)
    if terminal and not terminal.confirm(f"Write {path}?", default=True):
        terminal.say("Nothing was written.")
        return 0
    made = not is_there(path.parent)
    ctx.unfinished = PERHAPS_WRITTEN
    create_private(path, draft.render())
    hand_over = [] if old else _hand_over(path, after, ctx.environ, made=made)
    next_steps = _next_steps(old or path, settings if old else after, ctx.environ)
    steps = next_steps
    if old:  # which keeps its owner and mode
        new = shlex.quote(str(path))
        steps = [f"cp {new} {shlex.quote(str(old))} && rm {new}", *steps]
    elif draft.replaces:
        steps = [*_copy_mappings(settings, after), *steps]
    left = [*draft.left, *left]
    _tell(ctx, path, draft, left, hand_over, steps, kept)
    return 0


def _find_target(ctx: CliContext, options: InitOptions) -> Path:
    if options.output:
        return options.output
    if named := lookup(ctx.environ, "TSREVEL_CONFIG"):
        path = read_path(named, ctx.environ, None)
        if isinstance(path, PathProblem):
            origin = "environment TSREVEL_CONFIG"
            raise ConfigError(ConfigProblem(path.code, "config", origin, path.message, path.remedy))
        return path
    folder = config_folder(ctx.environ)
    if folder is None:
        raise typer.BadParameter("HOME is not set; name the file with --output")
    return folder / "config.toml"


def _check(ctx: CliContext, draft: SettingsDraft, path: Path, *, places: bool) -> Settings:
    """The settings as they will be read back. If only options are missing, a usage error names them."""
    try:
        return draft.check(path, ctx.environ, places=places)
    except ConfigError as error:
        missing = [_name_missing(problem, draft) for problem in error.problems]
        if not all(missing):
            raise
        if not draft.replaces:
            missing.append("or --from F, if the settings file F has them")
        text = "\n  ".join(["nothing was written. Without a terminal, init needs these:", *dict.fromkeys(missing)])
        raise typer.BadParameter(text) from error


def _name_missing(problem: ConfigProblem, draft: SettingsDraft) -> str:
    """The options that provide the missing setting; "" if the problem is about a setting that was given."""
    key = problem.key
    if key.startswith("locations[") and key.endswith((".user", ".station")) and problem.code is ConfigCode.NOT_SET:
        return f"--set revel.{key.rpartition('.')[2]}=ID (or that in --location) for {key.rpartition('.')[0]}"
    if key not in {"tripleseat.client_id", "revel.domain", *SECRETS} or draft.has(key):
        return ""
    if key in SECRETS:
        return f"--set {key}_file=F, --set {key}_command=C, or {VARIABLES[key][-1]} in the environment"
    other = ", --set revel.base_url=URL" if key == "revel.domain" else ""
    return f"--set {key}=NAME{other}, or {VARIABLES[key][-1]} in the environment"


def _prefill(ctx: CliContext, draft: SettingsDraft, settings: Settings, terminal: Terminal | None) -> list[str]:
    """Fill the draft from both services; return the texts on what is left to do. Raises the error of a service."""
    known = [dict(each.values) for each in draft.locations]
    try:
        with logging_to(ctx, correlate(ctx.runtime.new_run_id())):
            filled = prefill(settings, ctx.runtime, draft.values, known, terminal)
    except TsrevelError as error:
        if terminal:
            terminal.say(f"tsrevel: {error}")
            if terminal.confirm("Continue without the services' lists?", default=True):
                return [str(error)]
        ctx.log(f"nothing was written{'' if terminal else '; leave out --prefill to call no service'}")
        raise
    for key, value in filled.values.items():
        draft.put(key, value)
    draft.remarks |= filled.remarks
    begun = [
        replace(new, remarks=old.remarks + new.remarks)
        for old, new in zip(draft.locations, filled.locations, strict=False)
    ]
    draft.locations = begun + filled.locations[len(begun) :]
    return filled.open


def _tell(
    ctx: CliContext,
    path: Path,
    draft: SettingsDraft,
    left: list[str],
    hand_over: list[str],
    steps: list[str],
    kept: list[str],
) -> None:
    todo = [*left]
    if not draft.locations:
        todo.append("there are no [[locations]] yet; every event is held until you add one")
    if not draft.charges:
        todo.append("there are no [[charges]] yet; events with a tax, fee or gratuity are held until you add each name")
    settings, problems = examine_settings(config=path, environ=ctx.environ)
    todo += map(str, problems)
    if not settings.safety.dry_run:
        todo.append(f"{settings.origin('safety.dry_run')} overrides the file, so runs here are live")
    if ctx.options.json:
        names = tuple(str(each.values.get("name") or "") for each in draft.locations if each.live)
        next_steps = (*hand_over, *steps)
        ctx.answer(
            InitAnswer(config=str(path), locations=names, open=tuple(todo), next=next_steps, continues=tuple(kept))
        )
        return
    if ctx.options.quiet:
        return
    for text in todo:
        ctx.log(f"to do: {text}", "INFO")
    dry = " Runs are dry until you change safety.dry_run." if settings.safety.dry_run else ""
    ctx.say(f"Wrote {path}, which only you can read.{dry}")
    if kept:
        ctx.say(f"It continues with the state of {draft.replaces}: {', '.join(kept)}.")
    head = "Next:"
    if hand_over:
        given = "Next, run these as root. Replace USER with the user that runs tsrevel:"
        print("\n  ".join([given, *hand_over]), file=ctx.stdout)
        head = "Then run these as that user:"
    print("\n  ".join([head, *steps]), file=ctx.stdout)


def _is_usual(path: Path, environ: Mapping[str, str]) -> bool:
    """Whether this user's commands find the file without `--config`."""
    folder = config_folder(environ)
    return folder is not None and path == folder / "config.toml" and not lookup(environ, "TSREVEL_CONFIG")


def _copy_mappings(before: Settings, after: Settings) -> list[str]:
    """The command that takes the mappings of the settings before along: they are beside each settings file."""
    old, new = before.mappings_path, after.mappings_path
    if old is None or new is None or not is_there(old) or real_path(old) == real_path(new):
        return []
    return [f"cp -i {shlex.quote(str(old))} {shlex.quote(str(new))}"]


def _hand_over(path: Path, settings: Settings, environ: Mapping[str, str], *, made: bool) -> list[str]:
    """The commands by which root gives settings, such as those below /etc, to the user that runs tsrevel.

    `made`: their folder is new. Such a folder, and one of tsrevel's own, is given too: `map` writes there. State
    that exists already stays with its owner.
    """
    real, state = real_path(path), place_state(path, environ)
    if os.geteuid() != 0 or state is None or state.folder == real.parent:
        return []
    own = made or "tsrevel" in real.parent.parts
    given = [real.parent, real] if own else [real]
    files = (settings.ledger_path, settings.token_path)
    folders = dict.fromkeys(each.parent for each in files if not is_there(each))
    return [
        f"chown USER {' '.join(shlex.quote(str(each)) for each in given)}",
        *(f"install -d -o USER -m 700 {shlex.quote(str(each))}" for each in folders if each != real.parent),
    ]


def _next_steps(path: Path, settings: Settings, environ: Mapping[str, str]) -> list[str]:
    end = "" if _is_usual(path, environ) else f" --config {shlex.quote(str(path.absolute()))}"
    verbs = ["login"] if settings.tripleseat.auth == "oauth2" and not is_there(settings.token_path) else []
    return [f"tsrevel {verb}{end}" for verb in [*verbs, "doctor", "sync --dry-run"]]


class _Interview:
    """Asks for the settings that the draft lacks. Each `refuse` function returns why an answer is refused, or ""."""

    def __init__(self, terminal: Terminal, draft: SettingsDraft, environ: Mapping[str, str]) -> None:
        self.terminal, self.draft, self.environ = terminal, draft, environ

    def ask_all(self, path: Path, *, prefill: bool) -> bool:
        """Ask for the settings of the file at `path`; return whether to ask both services for the rest."""
        self.terminal.say(_INTRODUCTION)
        self._ask_access()
        if not self.draft.has("timezone"):
            question = "Time zone for locations without their own"
            zone = self.terminal.ask(question, "America/Los_Angeles", self._refuse_zone)
            self.draft.put("timezone", iana_zone(zone) or zone)
        self.terminal.say("\nLocations")
        prefill = prefill or self.terminal.confirm(_OFFER, default=True)
        if prefill:
            self._ask_public_key(path)
        elif not self.draft.locations:
            self._ask_locations()
        self._ask_number("revel.dining_option", "Number of the Revel dining option (empty: 0, to go)")
        if not self.draft.charges:
            self._ask_charges()
        return prefill

    def _ask_access(self) -> None:
        """Ask for the credentials of both services (facts TripleSeat 1, Revel 1)."""
        pretended = self.draft.values.get("environment") == "sandbox"
        self.terminal.say("\nTripleSeat (an OAuth 2 app: Settings, Tripleseat API & Webhooks)")
        if pretended:
            self._ask("tripleseat.base_url", "Base URL on this machine")
        self._ask("tripleseat.auth", "Authentication: oauth2, client_credentials or public_key", "oauth2")
        auth = self.draft.values.get("tripleseat.auth", "oauth2")
        if auth == "public_key":
            self._ask_secret("tripleseat.public_key", "TripleSeat public API key")
        else:
            self._ask("tripleseat.client_id", "Client id")
        if auth in {"oauth2", "client_credentials"}:
            self._ask_secret("tripleseat.client_secret", "TripleSeat client secret")
        self.terminal.say("\nRevel (an API key: management console)")
        if pretended:
            self._ask("revel.base_url", "Base URL on this machine")
        elif not self.draft.has("revel.base_url"):
            self._ask("revel.domain", "Account (acme for https://acme.revelup.com)")
        self._ask_secret("revel.api_key", "Revel API key")
        self._ask_secret("revel.api_secret", "Revel API secret")

    def _ask_public_key(self, path: Path) -> None:
        """Ask for the key: before the login only it lists TripleSeat's locations and sites (facts TripleSeat 1.6)."""
        settings = self.draft.check(path, self.environ, places=False)
        seat = settings.tripleseat
        if seat.auth == "oauth2" and not is_there(settings.token_path) and not self.draft.has("tripleseat.public_key"):
            self.terminal.say("Before the login, TripleSeat lists its locations only for the public API key.")
            if key := self.terminal.ask_secret("TripleSeat public API key (not shown; empty: list them later)"):
                self.draft.put("tripleseat.public_key", key)

    def _ask_locations(self) -> None:
        def number(question: str) -> int:
            return int(self.terminal.ask(question, check=_refuse_number))

        if not self.draft.has("revel.user"):
            self.draft.put("revel.user", number("Id of the Revel user who makes the orders"))
        self._ask_number("revel.payment_type", "Id of the Revel payment type for TripleSeat payments (empty: none)")
        self._ask_number("revel.discount", "Id of the Revel discount for TripleSeat discounts (empty: none)")
        while name := self.terminal.ask("Name of a location (empty: no more)"):
            entry: dict[str, object] = {"name": name}
            entry["tripleseat_location"] = number("  Its TripleSeat location id")
            entry["revel_establishment"] = number("  Its Revel establishment id")
            entry["station"] = number("  The Revel POS station for its orders")
            zone = self.terminal.ask("  Its time zone", str(self.draft.values["timezone"]), self._refuse_zone)
            self.draft.locations.append(ConfigTable(entry | {"timezone": iana_zone(zone) or zone}))

    def _ask_charges(self) -> None:
        self.terminal.say("\nTaxes, fees and gratuities that TripleSeat adds. An unknown one holds its event")
        while name := self.terminal.ask("Name in TripleSeat, such as Sales Tax (empty: no more)"):
            question = f"  It is: {', '.join(TREATMENTS[:-1])} or {TREATMENTS[-1]}"
            treatment = self.terminal.ask(
                question, "tax", lambda text: "" if text in TREATMENTS else "Type one of these."
            )
            product = ""
            if treatment == "item":
                product = self.terminal.ask("  Revel product (id or exact name)", check=_refuse_nothing)
            self.draft.charges.append(ConfigTable(charge_entry(name, treatment, product)))

    def _ask(self, key: str, question: str, default: str = "") -> None:
        if not self.draft.has(key):
            answer = self.terminal.ask(question, default, lambda text: _refuse_nothing(text) or self._refuse(key, text))
            self.draft.put(key, answer)

    def _ask_number(self, key: str, question: str) -> None:
        """Ask for an optional number."""
        if not self.draft.has(key):
            answer = self.terminal.ask(question, check=lambda text: text and _refuse_number(text))
            if answer:
                self.draft.put(key, int(answer))

    def _ask_secret(self, key: str, what: str) -> None:
        """Ask for the secret itself, without showing it; or for the file that has it, or the command that prints it."""

        def absolute(path: str) -> str:
            return path if path.startswith("~/") else str(Path(path).absolute())

        def refuse_file(text: str) -> str:
            return text and self._refuse(f"{key}_file", absolute(text))

        def refuse_command(text: str) -> str:
            return text and self._refuse(f"{key}_command", text)

        while not self.draft.has(key):
            if secret := self.terminal.ask_secret(f"{what} (not shown; empty: name a file or a command)"):
                self.draft.put(key, secret)
            elif path := self.terminal.ask("  File that holds it (empty: a command)", check=refuse_file):
                self.draft.put(f"{key}_file", absolute(path))
            elif line := self.terminal.ask("  Command that prints it", check=refuse_command):
                self.draft.put(f"{key}_command", line)

    def _refuse_zone(self, text: str) -> str:
        return self._refuse("timezone", iana_zone(text) or text)

    def _refuse(self, key: str, value: object) -> str:
        """Why the rules of the settings refuse the value, or ""."""
        document: dict[str, object] = {"environment": self.draft.values.get("environment", "production")}
        section, _, leaf = key.rpartition(".")
        document |= {section: {leaf: value}} if section else {leaf: value}
        try:
            check_document(document, Path("config.toml"), self.environ)
        except ConfigError as error:
            return next((f"That {each.message}. {each.remedy}" for each in error.problems if each.key == key), "")
        return ""


def _refuse_nothing(text: str) -> str:
    return "" if text else "Type a value."


def _refuse_number(text: str) -> str:
    return "" if text.isascii() and text.isdigit() and int(text) > 0 else "Type a whole number above zero."
