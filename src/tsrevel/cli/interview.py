"""`init` on a terminal: what options and environment don't say is asked for, step by step, each answer checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tsrevel.cli.entries import charge_entry
from tsrevel.cli.init_settings import SettingsDraft
from tsrevel.cli.prompts import Check, Terminal
from tsrevel.config import check_document
from tsrevel.config.value_types import decode_whole
from tsrevel.config.write import ConfigTable
from tsrevel.errors import ConfigError
from tsrevel.tripleseat.locations import iana_zone

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
