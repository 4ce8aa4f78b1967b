"""The types of settings' values, how each is written outside TOML, and the rules for URLs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from datetime import time
from decimal import Decimal
from enum import Enum, auto
from ipaddress import ip_address
from string import Formatter
from typing import Annotated, get_args, get_origin
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, SecretStr, Strict
from pydantic_core import PydanticCustomError

from tsrevel.errors import ConfigCode
from tsrevel.text import LARGEST_ID, trim
from tsrevel.transport.network import is_loopback as is_loopback_host


class ValueKind(Enum):
    """How a setting's value is read from an environment variable."""

    FLAG = auto()
    WHOLE = auto()
    NUMBER = auto()
    TEXT = auto()
    LIST = auto()
    TABLES = auto()
    SECRET = auto()
    SECRETS = auto()

    @property
    def secret(self) -> bool:
        """Whether the value must never be shown."""
        return self in {ValueKind.SECRET, ValueKind.SECRETS}


_PLAIN = {bool: ValueKind.FLAG, int: ValueKind.WHOLE, float: ValueKind.NUMBER, SecretStr: ValueKind.SECRET}


def kind_of(annotation: object) -> ValueKind:
    """The kind of a model field with this annotation."""
    if get_origin(annotation) is not tuple:
        return next((kind for plain, kind in _PLAIN.items() if annotation is plain), ValueKind.TEXT)
    item = get_args(annotation)[0]
    item = get_args(item)[0] if get_origin(item) is Annotated else item
    if isinstance(item, type) and issubclass(item, BaseModel):
        return ValueKind.TABLES
    return ValueKind.SECRETS if item is SecretStr else ValueKind.LIST


def list_settings(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, ValueKind]]:
    """Every setting of the `model` and its sections by dotted key, in its order."""
    for name, field in model.model_fields.items():
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from list_settings(annotation, f"{prefix}{name}.")
        else:
            yield f"{prefix}{field.alias or name}", kind_of(annotation)


_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


def split_url(text: str) -> SplitResult | None:
    """The parts of `text`, None unless it is scheme://host[:port][/path] and nothing more."""
    if not text.isascii() or not text.isprintable() or any(sign in text for sign in " ?#@\\"):
        return None
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    usable = parts.scheme in {"http", "https"} and port != 0 and (":" in host or _HOST.fullmatch(host))
    return parts if usable else None


def is_loopback(url: str) -> bool:
    """Whether the host of `url` is this machine."""
    parts = split_url(url)
    return bool(parts and parts.hostname and is_loopback_host(parts.hostname))


def url_of_domain(domain: str) -> str:
    """The base URL of a Revel account given as "acme", "acme.revelup.com" or a whole URL; "" for ""."""
    text = domain.strip().rstrip("/").lower()
    if not text or "://" in text:
        return text
    whole = "." in text or ":" in text or text == "localhost"
    return f"https://{text}" if whole else f"https://{text}.revelup.com"


_CENT = Decimal("0.01")
_WHOLE = re.compile(r"\d{1,18}", re.ASCII)
_MONEY = re.compile(r"\d{1,9}(\.\d{1,2})?", re.ASCII)
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}")
_ADDRESS = re.compile(
    r"(?=.{1,254}$)(?=[^@]{1,64}@)[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*"
    r"@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]",
    re.ASCII | re.IGNORECASE,
)
"""A mail address as SendGrid accepts it: ASCII, dots only between other characters, a domain with a dot."""


def refuse(code: ConfigCode, message: str, remedy: str) -> PydanticCustomError:
    """The error that a validator raises. The operator sees both texts."""
    return PydanticCustomError("setting", "{message}", {"code": code, "message": message, "remedy": remedy})


def decode_whole(value: object) -> object:
    """Turn an id given as quoted digits into a number. The type checks any other value."""
    return int(value) if isinstance(value, str) and _WHOLE.fullmatch(value) else value


def decode_trimmed(value: object) -> object:
    """Remove surrounding blanks and line ends, which pasted text often has."""
    return trim(value) if isinstance(value, str) else value


def decode_rate(value: object) -> object:
    """Turn the file's exact decimal into the float that the rate limiter needs."""
    return float(value) if isinstance(value, Decimal) else value


def decode_money(value: object) -> Decimal:
    """Turn major units, as quoted text or an exact number, into a Decimal above zero with two decimals."""
    text = str(value).strip() if isinstance(value, str | int | Decimal) else ""
    amount = Decimal(text).quantize(_CENT) if _MONEY.fullmatch(text) else Decimal(0)
    if amount <= 0:
        remedy = 'Write it like "25000.00".'
        raise refuse(ConfigCode.MALFORMED_AMOUNT, "isn't an amount of money above zero in whole cents", remedy)
    return amount


def decode_clock(value: object) -> time:
    """Turn "07:30" into a time of day. It has no time zone: the location's own applies."""
    found = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        remedy = 'Write hours and minutes in quotes, from "00:00" to "23:59".'
        raise refuse(ConfigCode.MALFORMED_TIME, "isn't a time of day", remedy)
    return time(int(found[1]), int(found[2]))


def decode_upper(value: object) -> object:
    """Statuses (facts TripleSeat 2) and currencies are upper case, but people write them in any case."""
    return value.strip().upper() if isinstance(value, str) else value


def check_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        remedy = 'Use an IANA name such as "America/Los_Angeles".'
        raise refuse(ConfigCode.UNKNOWN_TIMEZONE, "isn't a known time zone", remedy) from None
    return value


def check_url(value: str) -> str:
    """A base URL without a trailing slash; "" is not set. https, unless the host is this machine."""
    if not value:
        return ""
    parts = split_url(value)
    if parts is None:
        remedy = "Write https://host, without user name, query or fragment."
        raise refuse(ConfigCode.MALFORMED_URL, "isn't a usable URL", remedy)
    if parts.scheme != "https" and not is_loopback(value):
        remedy = "Begin it with https://."
        raise refuse(ConfigCode.HTTPS_REQUIRED, "isn't https, and its host isn't this machine", remedy)
    return value.rstrip("/")


def cut_paths(*paths: str) -> Callable[[str], str]:
    """A check of a base URL. It cuts off one of `paths`, which people may copy though tsrevel adds it itself."""

    def check(value: str) -> str:
        url = check_url(value)
        path = next((each for each in paths if url.lower().endswith(each)), "")
        return url[: len(url) - len(path)].rstrip("/")

    return check


def _is_query(text: str) -> bool:
    return text.isascii() and text.isprintable() and not any(sign in text for sign in " #")


def check_endpoint(value: str) -> str:
    """A URL that is used unchanged: a trailing slash and a query are part of it; "" is not set."""
    base, _, query = value.partition("?")
    if not _is_query(query):
        remedy = "Write https://host/path?name=value, without blanks or fragment."
        raise refuse(ConfigCode.MALFORMED_URL, "isn't a usable URL", remedy)
    check_url(base)
    return value


def check_event_url(value: str) -> str:
    """The address of an event's page, for links. It must hold {event_id}; "" is not set."""
    address = value.replace("{event_id}", "1")
    if value and (address == value or not _is_query(address.replace("#", "")) or set(address) & set("{}\"'<>")):
        remedy = 'Write it like "https://login.tripleseat.com/events/{event_id}".'
        raise refuse(ConfigCode.MALFORMED_URL, "isn't a URL with {event_id} in it", remedy)
    check_endpoint(address.partition("#")[0])
    return value


def check_secret_url(value: SecretStr) -> SecretStr:
    """Like `check_url`, for a URL that is itself a secret. It may have a query such as "?create=1"."""
    base, mark, query = value.get_secret_value().partition("?")
    if not _is_query(query) or (base and split_url(base) is None):
        raise refuse(ConfigCode.MALFORMED_URL, "isn't a usable URL", "Write the address as the monitor shows it.")
    return SecretStr(check_url(base) + mark + query)


def check_domain(value: str) -> str:
    """A Revel account: "acme", "acme.revelup.com" or the URL of its host; "" is not set."""
    url = url_of_domain(value)
    parts = split_url(url)
    if url and (parts is None or parts.path):
        raise refuse(ConfigCode.MALFORMED_DOMAIN, "isn't a Revel domain", 'Write the account\'s name, such as "acme".')
    check_url(url)
    return value


def check_template(value: str) -> str:
    """A `local_id`: it must hold {event_id}, and nothing else in braces (facts Revel 3.4)."""
    try:
        pieces = [piece for piece in Formatter().parse(value) if piece[1] is not None]
    except ValueError:
        pieces = []
    if not pieces or any(piece[1:] != ("event_id", "", None) for piece in pieces):
        remedy = 'Write it like "Triple Seat_{event_id}".'
        raise refuse(ConfigCode.MALFORMED_LOCAL_ID, "must hold {event_id}, and no other braces", remedy)
    return value


def check_prefixed(value: str) -> str:
    """A `local_id` to write: a station may give its own orders plain numbers (facts Revel 3.4)."""
    if not any(map(str.isalpha, value.replace("{event_id}", ""))):
        message = "must hold a letter beside {event_id}"
        remedy = 'Write it like "Triple Seat_{event_id}". If orders have the old one, add that to legacy_local_ids.'
        raise refuse(ConfigCode.MALFORMED_LOCAL_ID, message, remedy)
    return value


def check_address(value: str) -> str:
    """An address for a mail's From or To; "" is not set."""
    if value and not _ADDRESS.fullmatch(value):
        raise refuse(ConfigCode.MALFORMED_MAIL_ADDRESS, "isn't a mail address", "Write it like orders@example.com.")
    return value


def check_sender_name(value: str) -> str:
    """The name beside the sender's address, on one line; "" for none."""
    if not value.isprintable() or len(value) > 100:
        remedy = 'Write it like "Catering orders".'
        raise refuse(ConfigCode.MALFORMED_MAIL_ADDRESS, "isn't one line of at most 100 characters", remedy)
    return value


def check_recipient(value: str) -> str:
    return check_address(value or " ")


def check_present(value: SecretStr) -> SecretStr:
    """A secret in a list. An empty one would verify anybody's signature."""
    if not value.get_secret_value().strip():
        raise refuse(ConfigCode.EMPTY, "is empty", "Remove it, or write the key.")
    return value


def check_currency(value: str) -> str:
    if not _CURRENCY.fullmatch(value):
        remedy = 'Write its three letters, such as "USD".'
        raise refuse(ConfigCode.MALFORMED_CURRENCY, "isn't the code of a currency", remedy)
    return value


def check_command(value: str) -> str:
    """A command line that can be split into words; "" is not set."""
    try:
        words = shlex.split(value)
    except ValueError:
        remedy = "Close the quote."
        raise refuse(ConfigCode.MALFORMED_COMMAND, "isn't a command line: a quote isn't closed", remedy) from None
    if value and not words:
        raise refuse(ConfigCode.EMPTY, "is blank", "Write a command, or leave it empty.")
    return value


def check_host(value: str) -> str:
    """The host at which a server listens: a name or an address, without port or URL."""
    try:
        usable = bool(_HOST.fullmatch(value.lower()) or ip_address(value))
    except ValueError:
        usable = False
    if not usable:
        remedy = 'Write only a host or address, such as "127.0.0.1", "0.0.0.0" or "::1".'
        raise refuse(ConfigCode.MALFORMED_HOST, "isn't a host to listen at", remedy)
    return value


def check_some(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise refuse(ConfigCode.EMPTY, "is empty", "Name at least one.")
    return value


Flag = Annotated[bool, Strict()]
Text = Annotated[str, Strict()]
Word = Annotated[str, Strict(), Field(min_length=1)]
Days = Annotated[int, Strict(), Field(ge=0, le=3660)]
Positive = Annotated[int, Strict(), Field(ge=1)]
Reference = Annotated[int, Strict(), BeforeValidator(decode_whole), Field(ge=0, le=LARGEST_ID)]
"""An id at Revel; 0 means none, except for dining options (facts Revel 5.5)."""
Identifier = Annotated[int, Strict(), BeforeValidator(decode_whole), Field(ge=1, le=LARGEST_ID)]
Rate = Annotated[float, Strict(), BeforeValidator(decode_rate), Field(gt=0, allow_inf_nan=False)]
Money = Annotated[Decimal, BeforeValidator(decode_money)]
Clock = Annotated[time, BeforeValidator(decode_clock)]
Zone = Annotated[str, Strict(), AfterValidator(check_zone)]
Currency = Annotated[str, Strict(), BeforeValidator(decode_upper), AfterValidator(check_currency)]
Trimmed = Annotated[str, Strict(), BeforeValidator(decode_trimmed)]
Endpoint = Annotated[str, Strict(), BeforeValidator(decode_trimmed), AfterValidator(check_endpoint)]
EventUrl = Annotated[str, Strict(), BeforeValidator(decode_trimmed), AfterValidator(check_event_url)]
TripleSeatUrl = Annotated[str, Strict(), BeforeValidator(decode_trimmed), AfterValidator(cut_paths("/api/v1", "/v1"))]
"""Its newer pages write /api/v1, its clients use /v1 (facts TripleSeat 1.8): both mean the same host."""
RevelUrl = Annotated[str, Strict(), BeforeValidator(decode_trimmed), AfterValidator(cut_paths("/resources"))]
SendGridUrl = Annotated[
    str, Strict(), BeforeValidator(decode_trimmed), AfterValidator(cut_paths("/v3/mail/send", "/v3"))
]
SecretUrl = Annotated[SecretStr, AfterValidator(check_secret_url)]
Domain = Annotated[str, Strict(), AfterValidator(check_domain)]
LegacyId = Annotated[str, Strict(), AfterValidator(check_template)]
LocalId = Annotated[LegacyId, AfterValidator(check_prefixed)]
Address = Annotated[str, Strict(), AfterValidator(check_address)]
SenderName = Annotated[str, Strict(), BeforeValidator(decode_trimmed), AfterValidator(check_sender_name)]
Recipient = Annotated[str, Strict(), AfterValidator(check_recipient)]
CommandLine = Annotated[str, Strict(), AfterValidator(check_command)]
Key = Annotated[SecretStr, AfterValidator(check_present)]
