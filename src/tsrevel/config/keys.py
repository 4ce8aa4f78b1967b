"""The names under which a setting may be given: dotted keys, environment names old and new, flags.

Also the guess at what a misspelt name was meant to be. Reads no source itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from tsrevel.config.kinds import ValueKind
from tsrevel.config.settings import SETTINGS

OLD_NAMES = {
    "ENABLE_CONNECTOR": "safety.enable_connector",
    "DRY_RUN": "safety.dry_run",
    "ALLOWED_LOCATIONS": "safety.allowed_locations",
    "TIMEZONE": "timezone",
    "ENV": "environment",
    "TRIPLESEAT_OAUTH_CLIENT_ID": "tripleseat.client_id",
    "TRIPLESEAT_OAUTH_CLIENT_SECRET": "tripleseat.client_secret",
    "TRIPLESEAT_PUBLIC_API_KEY": "tripleseat.public_key",
    "TRIPLESEAT_WEBHOOK_SIGNING_KEY": "tripleseat.webhook_signing_keys",
    "REVEL_API_KEY": "revel.api_key",
    "REVEL_API_SECRET": "revel.api_secret",
    "REVEL_DOMAIN": "revel.domain",
    "SENDGRID_API_KEY": "email.api_key",
    "TRIPLESEAT_EMAIL_SENDER": "email.sender",
    "TRIPLESEAT_EMAIL_RECIPIENTS": "email.recipients",
}
"""Environment names of the service that tsrevel replaces. Its three place names are in `places`."""

_FLAGS = {
    "safety.allowed_locations": "--location",
    "safety.max_orders_per_run": "--max-orders",
}

VARIANTS = ("_file", "_command")
"""What may follow a secret's key: the name of a file that holds it, or a command that prints it."""

SECRETS = tuple(key for key, kind in SETTINGS.items() if kind.secret)

GIVABLE: dict[str, ValueKind] = SETTINGS | {key + variant: ValueKind.TEXT for key in SECRETS for variant in VARIANTS}
"""Every dotted key that a source may give."""

SECTION_NAMES = tuple(dict.fromkeys(key.partition(".")[0] for key in SETTINGS if "." in key))


def variable(key: str) -> str:
    """The environment name of today for a dotted key: safety.dry_run is TSREVEL_SAFETY__DRY_RUN."""
    return "TSREVEL_" + key.replace(".", "__").upper()


def variables(key: str) -> list[str]:
    """Every environment name of a dotted key, today's first."""
    return [variable(key), *(old for old, new in OLD_NAMES.items() if new == key)]


def flag(key: str) -> str:
    """The command line flag that sets a dotted key."""
    return _FLAGS.get(key) or "--" + key.rpartition(".")[2].replace("_", "-")


def suggest(name: str, known: Iterable[str]) -> str:
    """A sentence with the likeliest of `known` for a misspelt `name`, or where the names are to be found."""
    names = list(known)
    same_leaf = [other for other in names if other.rpartition(".")[2] == name.rpartition(".")[2]]
    close = same_leaf or get_close_matches(name, names, n=1, cutoff=0.6)
    return f"Did you mean {close[0]}?" if close else "Remove it; config.example.toml lists every setting."
