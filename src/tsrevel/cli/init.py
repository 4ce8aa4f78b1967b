"""`init`: settings from options, the environment and a person's answers become a commented file of mode 0600."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import typer

from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.init_settings import InitOptions, SettingsDraft, charge_entry, gather, list_locations, plain_key
from tsrevel.cli.logs import logging_to
from tsrevel.cli.prefill import prefill
from tsrevel.cli.prompts import Check, Terminal, may_ask
from tsrevel.cli.streams import fold
from tsrevel.config import Settings, check_document, config_folder
from tsrevel.config.paths import SYSTEM_CONFIG, PathProblem, place_state, read_path
from tsrevel.config.settings import SECRETS, variables
from tsrevel.config.sources import lookup, parse_flag
from tsrevel.config.value_types import decode_whole
from tsrevel.config.write import ConfigTable
from tsrevel.errors import ConfigCode, ConfigError, ConfigProblem, TsrevelError
from tsrevel.files import create_private, real_path
from tsrevel.tripleseat.locations import iana_zone
from tsrevel.wiring import Runtime, correlate

USAGE = 2


def write_settings(ctx: CliContext, flags: OutputOptions, options: InitOptions) -> int:
    """Write the file, or raise without having written: ConfigError, typer.BadParameter, or what a service said."""
    path = _target(ctx, flags, options)
    _refuse_to_overwrite(path)
    terminal = Terminal(ctx) if may_ask(ctx, flags) else None
    draft = gather(options, ctx.environ)
    ask_services = options.prefill
    if terminal:
        ask_services = interview(terminal, draft, path, ctx.environ, prefill=options.prefill)
    # The token that the services are asked with lies where the login with the settings of before has put it.
    settings = _check(ctx, flags, draft, draft.replaces or path, places=not ask_services)
    left = _prefill(ctx, flags, draft, settings, terminal) if ask_services else []
    after = _check(ctx, flags, draft, path, places=True)
    found = options.output is None or path == SYSTEM_CONFIG or _is_usual(path, ctx.environ)
    old = None if found else draft.replaces  # a file that lies where settings are looked for stays there
    if terminal and not terminal.confirm(f"Write {path}?", default=True):
        terminal.say("Nothing was written.")
        return 0
    made = not path.parent.is_dir()
    ctx.wrote = True
    create_private(path, draft.render())
    settings = settings if old else after
    hand_over = [] if old else _hand_over(path, settings, ctx.environ, made=made)
    steps = [*_put_in_place(path, old), *_next_steps(old or path, settings, ctx.environ)]
    _tell(ctx, flags, path, draft, left, hand_over, steps)
    return 0


def _target(ctx: CliContext, flags: OutputOptions, options: InitOptions) -> Path:
    named = lookup(ctx.environ, "TSREVEL_CONFIG")
    folder = config_folder(ctx.environ)
    if options.output:
        return options.output
    if named:
        path = read_path(named, ctx.environ, None)
        if isinstance(path, PathProblem):
            origin = "environment TSREVEL_CONFIG"
            raise ConfigError((ConfigProblem(path.code, "config", origin, path.message, path.remedy),))
        return path
    if folder is None:
        _misuse(ctx, flags, "there is no home folder to write to; name the file with --output")
    return folder / "config.toml"


def _refuse_to_overwrite(path: Path) -> None:
    if os.path.lexists(path):
        remedy = "Edit it, move it away, or name another file with --output."
        message = "is there already, and init never overwrites"
        raise ConfigError((ConfigProblem(ConfigCode.FILE_EXISTS, "config", str(path), message, remedy),))


def _check(ctx: CliContext, flags: OutputOptions, draft: SettingsDraft, path: Path, *, places: bool) -> Settings:
    """The settings that would be read back. What only lacks an option is a usage error that names it."""
    try:
        return draft.check(path, ctx.environ, places=places)
    except ConfigError as error:
        missing = [_name_missing(problem, draft) for problem in error.problems]
        if not all(missing):
            raise
        _misuse(ctx, flags, "\n  ".join(["nothing was written. Missing, off a terminal:", *dict.fromkeys(missing)]))


def _name_missing(problem: ConfigProblem, draft: SettingsDraft) -> str:
    """The options that would give what the problem says is missing; "" where it is about something that was given."""
    key = problem.key
    if key.startswith("locations[") and key.endswith((".user", ".station")) and problem.code is ConfigCode.NOT_SET:
        leaf = key.rpartition(".")[2]
        return f"--revel-{leaf} (or {leaf}= in --location) for {key.rpartition('.')[0]}"
    if key not in {"tripleseat.client_id", "revel.domain", *SECRETS} or draft.has(key):
        return ""
    option = "--" + plain_key(key).replace(".", "-").replace("_", "-")
    if key in SECRETS:
        return f"{option}-file, {option}-command, or {variables(key)[-1]} in the environment"
    return (
        f"{option}{', --revel-base-url' if key == 'revel.domain' else ''}, or {variables(key)[-1]} in the environment"
    )


def _misuse(ctx: CliContext, flags: OutputOptions, text: str) -> NoReturn:
    """A usage error, told by typer on stderr and, with --json, as the one object."""
    if flags.json:
        ctx.answer({"schema": 1, "success": False, "reason": None, "error": text, "exit_status": USAGE})
    raise typer.BadParameter(text)


def _prefill(
    ctx: CliContext, flags: OutputOptions, draft: SettingsDraft, settings: Settings, terminal: Terminal | None
) -> list[str]:
    """Take what both services offer into the draft; what is left to do. Raises what a service said."""
    runtime = ctx.runtime or Runtime()
    known = [dict(each.values) for each in draft.locations]
    try:
        with logging_to(ctx.stderr, flags, correlate(runtime.new_run_id())):
            filled = prefill(settings, runtime, draft.values, draft.names, known, terminal)
    except TsrevelError as error:
        if terminal is None or not _go_on_without(terminal, error):
            print("tsrevel: nothing was written; without --prefill no service is asked", file=ctx.stderr)
            raise
        return [str(error)]
    for key, value in filled.values.items():
        draft.put(key, value)
    draft.locations, draft.remarks = filled.locations, filled.remarks
    return filled.open


def _go_on_without(terminal: Terminal, error: TsrevelError) -> bool:
    terminal.say(f"tsrevel: {error}")
    return terminal.confirm("Go on without what the services would tell?", default=False)


def _tell(
    ctx: CliContext,
    flags: OutputOptions,
    path: Path,
    draft: SettingsDraft,
    left: list[str],
    hand_over: list[str],
    steps: list[str],
) -> None:
    todo = [*left, *_find_gaps(draft), *_overruled(ctx.environ)]
    if flags.json:
        answer = {"schema": 1, "success": True, "reason": None, "config": str(path)}
        ctx.answer(answer | {"locations": list_locations(draft), "open": todo, "next": [*hand_over, *steps]})
        return
    if not flags.quiet:
        for text in todo:
            print(fold(f"tsrevel: left to do: {text}", ctx.stderr, ctx.environ), file=ctx.stderr)
        wrote = f"Wrote {path}, readable by you alone. It is a dry run until you change safety.dry_run."
        print(fold(wrote, ctx.stdout, ctx.environ), file=ctx.stdout)
        lines = ["Next:", *(f"  {step}" for step in steps)]
        if hand_over:
            head = "Next, as root, with the name of the user that cron runs tsrevel as in the place of USER:"
            lines = [head, *(f"  {step}" for step in hand_over), "Then, as that user:", *lines[1:]]
        print("\n".join(lines), file=ctx.stdout)


def _find_gaps(draft: SettingsDraft) -> list[str]:
    gaps = []
    if not draft.locations:
        gaps.append("no [[locations]] yet: every event is held until there is one")
    if not draft.charges:
        gaps.append("no [[charges]] yet: an event with a tax, fee or gratuity is held until each is named there")
    return gaps


def _overruled(environ: Mapping[str, str]) -> list[str]:
    """The environment goes before the file: one that says live makes the file's dry run no dry run."""
    for name in variables("safety.dry_run"):
        try:
            live = bool(lookup(environ, name)) and not parse_flag(lookup(environ, name))
        except ValueError:
            continue
        if live:
            return [f"{name}={lookup(environ, name)} in the environment wins over the file: runs here are live"]
    return []


def _is_usual(path: Path, environ: Mapping[str, str]) -> bool:
    """Whether this user's commands find the file there by themselves."""
    folder = config_folder(environ)
    return folder is not None and path == folder / "config.toml" and not lookup(environ, "TSREVEL_CONFIG")


def _put_in_place(path: Path, old: Path | None) -> list[str]:
    """How the new file takes the place of the one it was made from; that one's owner and mode stay."""
    if old is None:
        return []
    new, real = shlex.quote(str(path)), shlex.quote(str(real_path(old)))
    try:
        before, after = old.stat(), path.stat()
    except OSError:
        return [f"mv {new} {real}"]
    alike = (before.st_uid, before.st_gid, before.st_mode) == (after.st_uid, after.st_gid, after.st_mode)
    return [f"mv {new} {real}"] if alike else [f"cp {new} {real} && rm {new}"]


def _hand_over(path: Path, settings: Settings, environ: Mapping[str, str], *, made: bool) -> list[str]:
    """How root gives settings whose state lies elsewhere, such as those below /etc, to the user that runs tsrevel.

    `made`: their folder is new. It is given away too, as one of tsrevel's own is: `map` writes there.
    """
    real, state = real_path(path), place_state(path, environ)
    if os.geteuid() != 0 or state is None or state.folder == real.parent:
        return []
    own = made or "tsrevel" in real.parent.parts
    given = [real.parent, real] if own else [real]
    folders = dict.fromkeys(each.parent for each in (settings.ledger_path, settings.token_path))
    return [
        f"chown USER {' '.join(shlex.quote(str(each)) for each in given)}",
        *(f"install -d -o USER -m 700 {shlex.quote(str(each))}" for each in folders if each != real.parent),
    ]


def _next_steps(path: Path, settings: Settings, environ: Mapping[str, str]) -> list[str]:
    end = "" if _is_usual(path, environ) else f" --config {shlex.quote(str(path))}"
    verbs = ["login"] if settings.tripleseat.auth == "oauth2" and not settings.token_path.exists() else []
    return [f"tsrevel {verb}{end}" for verb in [*verbs, "doctor", "sync --dry-run"]]


_SECRETS = {
    "public_key": (("tripleseat.public_key", "TripleSeat public API key"),),
    "oauth2": (("tripleseat.client_secret", "TripleSeat client secret"),),
    "client_credentials": (("tripleseat.client_secret", "TripleSeat client secret"),),
}
_OFFER = "Ask both services for places, stations, users, payment types, discounts?"
_INTRODUCTION = """\
This writes a settings file for tsrevel: nothing is written before the end, and
no service is asked unless you say so. Enter takes what stands in [brackets],
Ctrl-C leaves everything as it is."""


def interview(
    terminal: Terminal, draft: SettingsDraft, path: Path, environ: Mapping[str, str], *, prefill: bool
) -> bool:
    """Ask for what the draft of the file at `path` lacks; whether both services are to be asked for the rest."""
    asker = _Asker(terminal, draft, environ)
    terminal.say(_INTRODUCTION)
    asker.ask_tripleseat()
    asker.ask_revel()
    asker.ask_zone()
    terminal.say("\nLocations")
    prefill = prefill or terminal.confirm(_OFFER, default=True)
    if prefill:
        asker.ask_public_key(path)
    elif not draft.locations:
        asker.ask_locations()
    asker.ask_number("revel.dining_option", "Number of the Revel dining option (empty: 0, to go; no list has it)")
    if not draft.charges:
        asker.ask_charges()
    return prefill


class _Asker:
    def __init__(self, terminal: Terminal, draft: SettingsDraft, environ: Mapping[str, str]) -> None:
        self.terminal, self.draft, self.environ = terminal, draft, environ

    def ask_tripleseat(self) -> None:
        """How to get into TripleSeat (facts TripleSeat 1)."""
        self.terminal.say("\nTripleSeat (an OAuth 2 app: Settings, Tripleseat API & Webhooks)")
        if self.draft.values.get("environment") == "sandbox":
            self._ask("tripleseat.base_url", "Base URL on this machine")
        self._ask("tripleseat.auth", "Way in: oauth2, client_credentials or public_key", "oauth2")
        auth = str(self.draft.values.get("tripleseat.auth", "oauth2"))
        if auth != "public_key":
            self._ask("tripleseat.client_id", "Client id")
        for key, what in _SECRETS.get(auth, ()):
            self._ask_secret(key, what)

    def ask_revel(self) -> None:
        """How to get into Revel (facts Revel 1)."""
        self.terminal.say("\nRevel (an API key: management console)")
        if self.draft.values.get("environment") == "sandbox":
            self._ask("revel.base_url", "Base URL on this machine")
        elif not self.draft.has("revel.base_url"):
            self._ask("revel.domain", "Account (acme for https://acme.revelup.com)")
        self._ask_secret("revel.api_key", "Revel API key")
        self._ask_secret("revel.api_secret", "Revel API secret")

    def ask_zone(self) -> None:
        """The zone of locations that name none, by its IANA or its TripleSeat name."""
        if not self.draft.has("timezone"):
            told = self.terminal.ask(
                "Time zone of locations that name none", "America/Los_Angeles", lambda text: self._zone_refusal(text)
            )
            self.draft.put("timezone", iana_zone(told) or told)

    def ask_public_key(self, path: Path) -> None:
        """Before the login only this key lists TripleSeat's locations and sites (facts TripleSeat 1.6)."""
        settings = self.draft.check(path, self.environ, places=False)
        seat = settings.tripleseat
        if seat.auth == "oauth2" and not settings.token_path.exists() and not self.draft.has("tripleseat.public_key"):
            self.terminal.say("Before the login, TripleSeat lists its locations for its public API key alone.")
            if key := self.terminal.ask_secret("TripleSeat public API key (unseen; empty: list them later)"):
                self.draft.put("tripleseat.public_key", key)

    def ask_number(self, key: str, question: str) -> None:
        """A number that may be left out."""
        if not self.draft.has(key):
            answer = self.terminal.ask(question, check=lambda text: text and _need_number(text))
            if answer:
                self.draft.put(key, int(answer))

    def ask_locations(self) -> None:
        """One location after the other."""
        if not self.draft.has("revel.user"):
            self.draft.put("revel.user", self._number("Id of the Revel user that orders are made by"))
        self.ask_number("revel.payment_type", "Id of the Revel payment type for TripleSeat payments (empty: none)")
        self.ask_number("revel.discount", "Id of the Revel discount for TripleSeat discounts (empty: none)")
        while name := self.terminal.ask("Name of a location (empty: no more)"):
            entry: dict[str, object] = {"name": name}
            entry["tripleseat_location"] = self._number("  Its TripleSeat location id")
            entry["revel_establishment"] = self._number("  Its Revel establishment id")
            entry["station"] = self._number("  The Revel POS station its orders are booked on")
            zone = self.terminal.ask("  Its time zone", str(self.draft.values["timezone"]), self._zone_refusal)
            self.draft.locations.append(ConfigTable(entry | {"timezone": iana_zone(zone) or zone}))

    def ask_charges(self) -> None:
        """One tax, fee or gratuity after the other."""
        self.terminal.say("\nTaxes, fees and gratuities that TripleSeat adds: an event with one not named is held")
        words = {"tax", "gratuity", "item", "ignore"}
        while name := self.terminal.ask("Name in TripleSeat, such as Sales Tax (empty: no more)"):
            treatment = self.terminal.ask(
                "  It is: tax, gratuity, item or ignore", "tax", lambda text: "" if text in words else "One of these."
            )
            product = (
                self.terminal.ask("  Revel product (id or exact name)", check=_need) if treatment == "item" else ""
            )
            key = "product" if product.isdecimal() else "product_name"
            self.draft.charges.append(
                ConfigTable(charge_entry(name, treatment, {key: decode_whole(product)} if product else {}))
            )

    def _ask(self, key: str, question: str, default: str = "") -> None:
        if not self.draft.has(key):
            answer = self.terminal.ask(question, default, lambda text: _need(text) or self._refusal(key, text))
            self.draft.put(key, answer)

    def _ask_secret(self, key: str, what: str) -> None:
        """The secret itself, unseen; or the file that holds it, or the command that prints it."""
        while not self.draft.has(key):
            if secret := self.terminal.ask_secret(f"{what} (unseen; empty: name a file or a command)"):
                self.draft.put(key, secret)
            elif path := self.terminal.ask("  File that holds it (empty: a command)", check=self._way(f"{key}_file")):
                self.draft.put(f"{key}_file", self._absolute(path))
            elif line := self.terminal.ask("  Command that prints it", check=self._way(f"{key}_command")):
                self.draft.put(f"{key}_command", line)

    def _way(self, way: str) -> Check:
        return lambda text: self._refusal(way, self._absolute(text) if way.endswith("_file") else text) if text else ""

    def _number(self, question: str) -> int:
        return int(self.terminal.ask(question, check=_need_number))

    @staticmethod
    def _absolute(path: str) -> str:
        return path if path.startswith("~/") else str(Path(path).absolute())

    def _zone_refusal(self, text: str) -> str:
        return self._refusal("timezone", iana_zone(text) or text)

    def _refusal(self, key: str, value: object) -> str:
        """Why the value can't be taken, by the settings' own rules."""
        document: dict[str, object] = {}
        for name, each in {"environment": self.draft.values.get("environment", "production"), key: value}.items():
            section, _, leaf = name.rpartition(".")
            inner = document.setdefault(section, {}) if section else document
            if isinstance(inner, dict):
                inner[leaf] = each
        try:
            check_document(document, Path("config.toml"), self.environ)
        except ConfigError as error:
            return next((f"That {each.message}. {each.remedy}" for each in error.problems if each.key == key), "")
        return ""


def _need(text: str) -> str:
    return "" if text else "It is needed."


def _need_number(text: str) -> str:
    return "" if text.isascii() and text.isdigit() and int(text) > 0 else "Type a whole number above zero."
