"""The settings as frozen objects: every section, every default. Reads nothing; `load` fills it.

DESIGN section 3 and `config.example.toml` say what each setting means to an operator. Annotations are evaluated at
once: as texts, pydantic would have to compile each of them at every start.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import time
from decimal import Decimal
from difflib import get_close_matches
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, SecretStr, Strict

from tsrevel.config.problems import DEFAULT, Origin, Source
from tsrevel.config.value_types import (
    Address,
    Clock,
    CommandLine,
    Currency,
    Days,
    Domain,
    Endpoint,
    EventUrl,
    Flag,
    Identifier,
    Key,
    LegacyId,
    LocalId,
    Money,
    Positive,
    Rate,
    Recipient,
    Reference,
    RevelUrl,
    SecretUrl,
    SenderName,
    SendGridUrl,
    Text,
    Trimmed,
    TripleSeatUrl,
    ValueKind,
    Word,
    Zone,
    check_host,
    check_some,
    decode_upper,
    list_settings,
    url_of_domain,
)
from tsrevel.planning.assumptions import AssumptionCode
from tsrevel.planning.model import (
    ChargeRule,
    EstablishmentId,
    Location,
    LocationId,
    Policy,
    ProductId,
    ProductMapping,
    SiteId,
    TimeGate,
    Treatment,
)
from tsrevel.planning.money import to_cents
from tsrevel.text import list_words
from tsrevel.transport.network import DIRECT, Network

Environment = Literal["production", "sandbox"]
Status = Annotated[Literal["PROSPECT", "TENTATIVE", "DEFINITE", "CLOSED", "WAITLIST"], BeforeValidator(decode_upper)]
"""TripleSeat's statuses except LOST, which is never eligible (facts TripleSeat 3.2)."""
Payload = Literal["verify", "trust"]
"""How far tsrevel trusts the body of a webhook delivery (DESIGN 4)."""
Occasion = Literal["injected", "held", "failed", "missed", "changed"]


MASK = "(set)"
"""`config show` prints it instead of a secret."""


class Section(BaseModel):
    """A part of the settings: frozen, and closed to unknown keys.

    Its validator is built when a value is first given for it, because most installations set few sections.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)


class SafetySettings(Section):
    """Limits that keep a run from doing harm. Amounts are in major units."""

    dry_run: Flag = True
    enable_connector: Flag = True
    allowed_locations: tuple[Identifier, ...] = ()
    max_orders_per_run: Positive = 100
    max_order_total: Money = Decimal("25000.00")
    accepted_assumptions: tuple[Annotated[AssumptionCode, BeforeValidator(decode_upper)], ...] = ()


class TripleSeatSettings(Section):
    """How to reach TripleSeat, and which of its events and documents count (facts TripleSeat 1, 3)."""

    base_url: TripleSeatUrl = "https://api.tripleseat.com"
    auth: Literal["oauth2", "client_credentials", "public_key"] = "oauth2"
    client_id: Trimmed = ""
    client_secret: SecretStr = SecretStr("")
    token_url: Endpoint = ""
    authorize_url: Endpoint = "https://login.tripleseat.com/oauth2/authorize"
    token_file: Text = ""
    public_key: SecretStr = SecretStr("")
    webhook_signing_keys: tuple[Key, ...] = ()
    payload: Payload = "verify"
    eligible_statuses: Annotated[tuple[Status, ...], AfterValidator(check_some)] = ("DEFINITE", "CLOSED")
    event_url: EventUrl = "https://login.tripleseat.com/events/{event_id}"
    order_document: Text = ""
    invoice_fallback: Flag = False
    requests_per_second: Rate = 5.0


class RevelSettings(Section):
    """How to reach Revel, and the defaults of locations (facts Revel 1, 5)."""

    base_url: RevelUrl = ""
    domain: Domain = ""
    api_key: SecretStr = SecretStr("")
    api_secret: SecretStr = SecretStr("")
    user: Reference = 0
    station: Reference = 0
    dining_option: Reference = 0
    payment_type: Reference = 0
    discount: Reference = 0
    requests_per_second: Rate = 4.0


class TimeGateSettings(Section):
    """When an event may become an order, in its location's time zone."""

    days_before: Days = 0
    opens_at: Clock = time(0, 0)
    days_after: Days = 0


class SyncSettings(Section):
    """How far a run looks back, and how much it does at once."""

    hours_back: Annotated[Positive, Field(le=87_840)] = 48
    workers: Annotated[Positive, Field(le=32)] = 1
    deadline_minutes: Annotated[Positive, Field(le=10_080)] = 30


class OrdersSettings(Section):
    """How an event becomes an order (facts Revel 3)."""

    local_id: LocalId = "Triple Seat_{event_id}"
    legacy_local_ids: Annotated[tuple[LegacyId, ...], AfterValidator(check_some)] = ("Triple Seat {event_id}",)
    unmapped_items: Literal["hold", "fallback"] = "hold"
    payments: Literal["recorded", "invoice_total", "none"] = "recorded"
    discounts: Literal["order", "prices"] = "order"
    name_separator: Text = " - "


class ChargeSettings(Section):
    """The treatment of TripleSeat billing totals with this name. `treat_as` is `as` in the file."""

    match: Word
    treat_as: Treatment = Field(alias="as")
    product: Identifier | None = None
    product_name: Text | None = None


class LocationSettings(Section):
    """The Revel establishment of a TripleSeat location, or else of a whole site. Defaults are filled in."""

    name: Text = ""
    tripleseat_location: Identifier | None = None
    tripleseat_site: Identifier | None = None
    revel_establishment: Identifier
    timezone: Zone = "America/Los_Angeles"
    user: Reference = 0
    station: Reference = 0
    dining_option: Reference = 0
    payment_type: Reference = 0
    discount: Reference = 0
    fallback_product: Reference = 0
    currency: Currency = "USD"


class ProductEntry(Section):
    """One `[[product]]` of mappings.toml: a menu item or a line name at an establishment → a Revel product."""

    establishment: Identifier
    menu_item_id: Identifier | None = None
    name: Word | None = None
    product: Identifier


class EmailSettings(Section):
    """Mails through SendGrid. None are sent unless key, sender and recipients are all set."""

    api_key: SecretStr = SecretStr("")
    base_url: SendGridUrl = "https://api.sendgrid.com"
    sender: Address = ""
    sender_name: SenderName = "tsrevel"
    reply_to: Address = ""
    recipients: tuple[Recipient, ...] = ()
    on: tuple[Occasion, ...] = ("injected", "held", "failed", "missed", "changed")
    digest: Flag = True

    @property
    def missing(self) -> tuple[str, ...]:
        """The keys that must be set before a mail can be sent."""
        parts = {"api_key": self.api_key.get_secret_value(), "sender": self.sender, "recipients": self.recipients}
        return tuple(f"email.{name}" for name, value in parts.items() if not value)

    @property
    def configured(self) -> bool:
        return not self.missing

    @property
    def is_half_set(self) -> bool:
        """Whether some of these keys are set, so that somebody expects mails, and none can be sent."""
        return bool(self.missing) and bool(self.api_key.get_secret_value() or self.sender or self.recipients)

    def describe_missing(self) -> str:
        """The missing keys in words, for a message."""
        return f"{list_words(self.missing)} {'isn' if len(self.missing) == 1 else 'aren'}'t set"


class MonitorSettings(Section):
    """The monitor that `sync` pings at its start and end. `fail_on_held`: exit status 3 isn't a success."""

    ping_url: SecretUrl = SecretStr("")
    fail_on_held: Flag = False


class HooksSettings(Section):
    """The operator's own commands, run after a run that made orders, held events or failed; "" for none."""

    on_injected: CommandLine = ""
    on_held: CommandLine = ""
    on_failure: CommandLine = ""


class LedgerSettings(Section):
    """The path of the ledger; "" for the default, which `place_state` chooses."""

    path: Text = ""


class ServeSettings(Section):
    """The webhook service `tsrevel serve`: where it listens, where deliveries wait, and what else it does."""

    host: Annotated[Word, AfterValidator(check_host)] = "127.0.0.1"
    port: Annotated[int, Strict(), Field(ge=0, le=65535)] = 8080
    spool: Text = ""
    token: SecretStr = SecretStr("")
    sync_every_minutes: Annotated[int, Strict(), Field(ge=0, le=10_080)] = 0


class TopLevel(Section):
    """The keys above all sections."""

    environment: Environment = "production"
    timezone: Zone = "America/Los_Angeles"

    @property
    def is_sandbox(self) -> bool:
        return self.environment == "sandbox"


class Configurable(TopLevel):
    """Everything that a file, the environment or a flag may set."""

    safety: SafetySettings = SafetySettings.model_construct()
    tripleseat: TripleSeatSettings = TripleSeatSettings.model_construct()
    revel: RevelSettings = RevelSettings.model_construct()
    time_gate: TimeGateSettings = TimeGateSettings.model_construct()
    sync: SyncSettings = SyncSettings.model_construct()
    orders: OrdersSettings = OrdersSettings.model_construct()
    charges: tuple[ChargeSettings, ...] = ()
    locations: tuple[LocationSettings, ...] = ()
    email: EmailSettings = EmailSettings.model_construct()
    monitor: MonitorSettings = MonitorSettings.model_construct()
    hooks: HooksSettings = HooksSettings.model_construct()
    ledger: LedgerSettings = LedgerSettings.model_construct()
    serve: ServeSettings = ServeSettings.model_construct()


class Settings(Configurable):
    """All settings of one invocation, checked, with paths resolved. Knows where each value came from.

    `config_path` is None if no file was found. `mappings_path` is the path of mappings.toml, even if it doesn't exist;
    None if there is no folder for it.
    """

    products: tuple[ProductEntry, ...] = ()
    config_path: Path | None = None
    mappings_path: Path | None = None
    ledger_path: Path
    token_path: Path
    spool_path: Path

    _origins: Mapping[str, Origin] = PrivateAttr(default_factory=dict)
    _network: Network = PrivateAttr(default=DIRECT)

    @classmethod
    def of(cls, checked: Mapping[str, Any], origins: Mapping[str, Origin], network: Network = DIRECT) -> Self:
        """The settings of these fields, which are already checked, with each value's origin by dotted key."""
        settings = cls.model_construct(**checked)
        settings._origins, settings._network = dict(origins), network  # noqa: SLF001 (of an object of this very class)
        return settings

    @property
    def network(self) -> Network:
        """The way out of this machine: proxies and certificates from the environment."""
        return self._network

    @property
    def token_url(self) -> str:
        """TripleSeat's token URL, given or default (facts TripleSeat 1.2, 1.4)."""
        return self.tripleseat.token_url or f"{self.tripleseat.base_url}/oauth2/token"

    @property
    def revel_url(self) -> str:
        """Revel's base URL, given or made from the domain, without a trailing slash."""
        return self.revel.base_url or url_of_domain(self.revel.domain)

    @property
    def secret_values(self) -> tuple[str, ...]:
        """Every secret, however it was given. No message may show one."""
        found: list[SecretStr] = []
        for key in SECRETS:
            value = attrgetter(key)(self)
            found += value if isinstance(value, tuple) else [value]
        return tuple(each.get_secret_value() for each in found if each.get_secret_value())

    def origin(self, key: str) -> Origin:
        """The origin of the value of `key` ("safety.dry_run"). Raises KeyError if there is no such setting."""
        if key not in SETTINGS and key != "products":
            raise KeyError(key)
        return self._origins.get(key, DEFAULT)

    @property
    def variables(self) -> frozenset[str]:
        """The environment variables that gave settings."""
        return frozenset(each.name for each in self._origins.values() if each.source is Source.ENVIRONMENT)

    def way(self, key: str) -> str:
        """The key under which the secret `key` was given: itself, or "revel.api_key_file", "revel.api_key_command"."""
        return next((key + end for end in ("_file", "_command") if key + end in self._origins), key)

    def gives(self, key: str) -> bool:
        """Whether the secret `key` was given, even if its file or command wasn't opened."""
        value = attrgetter(key)(self)
        plain = value.get_secret_value() if isinstance(value, SecretStr) else value
        return bool(plain) or self.way(key) != key


SETTINGS: dict[str, ValueKind] = dict(list_settings(Configurable))
"""Every setting by dotted key, in the file's order."""


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
"""Environment names of the service that tsrevel replaces. `rules` has its three names for ids of locations."""

_FLAGS = {"safety.allowed_locations": "--location", "safety.max_orders_per_run": "--max-orders"}

VARIANTS = ("_file", "_command")
"""Endings of a secret's key: for a file that holds the secret, or a command that prints it."""

SECRETS = tuple(key for key, kind in SETTINGS.items() if kind.secret)

GIVABLE: dict[str, ValueKind] = SETTINGS | {key + variant: ValueKind.TEXT for key in SECRETS for variant in VARIANTS}
"""Every dotted key that a source may give."""

VARIABLES: dict[str, tuple[str, ...]] = {
    key: (f"TSREVEL_{key.replace('.', '__').upper()}", *(old for old, new in OLD_NAMES.items() if new == key))
    for key in GIVABLE
}
"""Every environment name of each dotted key, the current one first: TSREVEL_SAFETY__DRY_RUN, then DRY_RUN."""

SECTION_NAMES = tuple(dict.fromkeys(key.partition(".")[0] for key in SETTINGS if "." in key))


def flag(key: str) -> str:
    """The command line flag that sets a dotted key."""
    return _FLAGS.get(key) or "--" + key.rpartition(".")[2].replace("_", "-")


def suggest(name: str, known: Iterable[str]) -> str:
    """A sentence with the most similar of `known` for a misspelt `name`, or where to find all names."""
    names = list(known)
    start = len("TSREVEL_") if name.startswith("TSREVEL_") else 0  # it makes no two names alike
    same_leaf = [other for other in names if other.rpartition(".")[2] == name.rpartition(".")[2]]
    alike = get_close_matches(name[start:], [other[start:] for other in names], n=1, cutoff=0.6)
    close = same_leaf or [name[:start] + other for other in alike]
    return f"Did you mean {close[0]}?" if close else "Remove it. config.example.toml lists every setting."


def build_policy(settings: Settings, only: frozenset[str] = frozenset()) -> Policy:
    """The settings that planning needs, as its `Policy`."""
    orders, safety = settings.orders, settings.safety
    return Policy(
        locations=tuple(_location(entry) for entry in settings.locations),
        default_timezone=settings.timezone,
        gate=TimeGate(settings.time_gate.days_before, settings.time_gate.opens_at, settings.time_gate.days_after),
        allowed=frozenset(str(each) for each in safety.allowed_locations),
        only=only,
        eligible_statuses=frozenset(settings.tripleseat.eligible_statuses),
        order_document=settings.tripleseat.order_document,
        charges=tuple(
            ChargeRule(each.match, each.treat_as, ProductId(each.product) if each.product else None, each.product_name)
            for each in settings.charges
        ),
        products=tuple(
            ProductMapping(
                establishment=EstablishmentId(each.establishment),
                product=ProductId(each.product),
                menu_item_id=str(each.menu_item_id) if each.menu_item_id else None,
                name=each.name,
            )
            for each in settings.products
        ),
        unmapped_items=orders.unmapped_items,
        payments=orders.payments,
        discounts=orders.discounts,
        name_separator=orders.name_separator,
        local_id=orders.local_id,
        legacy_local_ids=orders.legacy_local_ids,
        max_order_total=to_cents(safety.max_order_total),
        accepted_assumptions=frozenset(safety.accepted_assumptions),
    )


def _location(entry: LocationSettings) -> Location:
    location, site = entry.tripleseat_location, entry.tripleseat_site
    return Location(
        name=entry.name or f"TripleSeat {location or site}",
        tripleseat_location=LocationId(str(location)) if location else None,
        tripleseat_site=SiteId(str(site)) if site else None,
        establishment=EstablishmentId(entry.revel_establishment),
        timezone=entry.timezone,
        user=entry.user,
        station=entry.station,
        dining_option=entry.dining_option,
        payment_type=entry.payment_type,
        discount=entry.discount,
        fallback_product=entry.fallback_product,
        currency=entry.currency,
    )
