"""Settings in, a ready context for a run out: the one place that knows every package."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol
from uuid import uuid4

from tsrevel.config import ChargeSettings, CommandRunner, LocationSettings, ProductEntry, Settings, run_command
from tsrevel.engine.context import Environment, Limits, Progress, RunContext, RunIdentity
from tsrevel.errors import ConfigError
from tsrevel.files import ENTER, READ, WRITE, chown, make_folder, real_path, refusal, user_name
from tsrevel.ledger import SQLITE, Connect, Ledger, hold_lock, read_pause
from tsrevel.ledger.connection import reachable
from tsrevel.planning import model
from tsrevel.planning.money import to_cents
from tsrevel.redaction import Redactor
from tsrevel.revel.account import Account
from tsrevel.revel.client import Revel
from tsrevel.revel.orders import OrderSearch
from tsrevel.transport.client import ApiClient, Transport
from tsrevel.transport.deadline import NEVER, Deadline
from tsrevel.transport.rate_limit import RateLimiter
from tsrevel.transport.write_gate import WriteGate
from tsrevel.tripleseat.auth import Access, ClientCredentials, PublicKey, RotatingToken, TokenUrl
from tsrevel.tripleseat.client import TripleSeat
from tsrevel.tripleseat.token_file import TokenFile

Headers = Callable[[], Mapping[str, str]]


def utc_now() -> datetime:
    """The real time."""
    return datetime.now(UTC)


def new_run_id() -> str:
    """A name for a run that no other run has."""
    return uuid4().hex


def correlate(run_id: str) -> str:
    """What every log line, audit row and message of a run carries (DESIGN 4)."""
    return f"sync-{run_id[:8]}"


@dataclass(frozen=True, slots=True)
class Runtime:
    """All that ties a run to the world outside, so that a test can stand in for it. Transports: None is the network."""

    clock: Callable[[], datetime] = utc_now
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    new_run_id: Callable[[], str] = new_run_id
    tripleseat: Transport = None
    revel: Transport = None
    sendgrid: Transport = None
    monitor: Transport = None
    database: Connect = SQLITE
    run_command: CommandRunner = run_command


@contextmanager
def open_run(
    settings: Settings,
    run_id: str,
    *,
    runtime: Runtime,
    only: Sequence[str] = (),
    max_orders: int | None = None,
    progress: Progress = lambda _done, _of: None,
    on_start: Callable[[], None] = lambda: None,
) -> Iterator[RunContext]:
    """All that one run needs, the run lock held and the ledger open; all is closed again at the end.

    `only` and `max_orders` narrow what the settings allow, never widen it. `on_start` is called once the lock is held.
    Raises RunLocked and LedgerUnusable.
    """
    policy = build_policy(settings, frozenset(only))
    gate = WriteGate(
        dry_run=settings.safety.dry_run,
        enabled=settings.safety.enable_connector,
        allowed=policy.allowed,
        only=policy.only,
        sandbox=settings.environment == "sandbox",
    )
    with ExitStack() as stack:
        make_state_folder(settings)
        stack.enter_context(hold_lock(settings.ledger_path))
        on_start()
        path, environment = settings.ledger_path, settings.environment
        ledger = Ledger.open(
            path, environment=environment, clock=runtime.clock, opened_by=runtime.database, mail_on=_occasions(settings)
        )
        stack.enter_context(ledger)
        shared = _share(settings, runtime)
        tripleseat = _connect_tripleseat(settings, runtime, stack, shared)
        revel = Revel(_open_revel_channel(settings, gate, runtime, stack, shared), runtime.clock)
        most = settings.safety.max_orders_per_run
        yield RunContext(
            tripleseat=tripleseat,
            revel=revel,
            ledger=ledger,
            policy=policy,
            gate=gate,
            limits=Limits(
                most if max_orders is None else min(most, max_orders), shared.deadline, settings.sync.workers
            ),
            environment=Environment(runtime.clock, runtime.monotonic, runtime.sleep, runtime.new_run_id, progress),
            identity=RunIdentity(run_id, correlate(run_id)),
        )


def make_state_folder(settings: Settings) -> None:
    """Make the ledger's folder if it is missing; by root, for the owner of the settings file.

    Raises LedgerUnusable, also where root would begin a ledger in a folder that this owner can't use.
    """
    ledger = real_path(settings.ledger_path)
    with reachable(settings.ledger_path):
        make_folder(ledger.parent, settings.config_path)
        if settings.config_path and os.geteuid() == 0 and not ledger.exists():
            owner = settings.config_path.stat().st_uid
            why = refusal(owner, ledger.parent, READ | WRITE | ENTER)
            if why:
                cure = chown(owner, ledger.parent, [ledger.parent])
                text = f"root would begin it for itself: {user_name(owner)}, who owns the settings, {why}; run: {cure}"
                raise PermissionError(errno.EPERM, text)


class Shared(NamedTuple):
    """What the requests of one invocation have in common: how fast and until when they go out, what is never quoted."""

    tripleseat: RateLimiter
    revel: RateLimiter
    redactor: Redactor
    deadline: Deadline


def _share(settings: Settings, runtime: Runtime, deadline: Deadline | None = None) -> Shared:
    """`deadline`: where it isn't the settings'. Raises ConfigError where the environment allows no way out."""
    if settings.network.problems:
        raise ConfigError(settings.network.problems)
    return Shared(
        RateLimiter(settings.tripleseat.requests_per_second, runtime.monotonic, runtime.sleep),
        RateLimiter(settings.revel.requests_per_second, runtime.monotonic, runtime.sleep),
        Redactor(*settings.secret_values),
        deadline or Deadline(timedelta(minutes=settings.sync.deadline_minutes), runtime.monotonic),
    )


class Services(NamedTuple):
    """Both services as they are set up, for commands that only look. No lock is held and no ledger is open."""

    tripleseat: TripleSeat
    revel: Revel
    account: Account
    books: OrderSearch
    deadline: Deadline


@contextmanager
def open_services(settings: Settings, runtime: Runtime, deadline: Deadline | None = None) -> Iterator[Services]:
    """Both services, to be read: whatever the settings say, not one write to Revel passes.

    Nothing is asked after `deadline`: NEVER where a person is waited for in between, else it is the settings'.
    """
    gate = WriteGate(
        dry_run=True, enabled=False, allowed=frozenset(), only=frozenset(), sandbox=settings.environment == "sandbox"
    )
    shared = _share(settings, runtime, deadline)
    with ExitStack() as stack:
        channel = _open_revel_channel(settings, gate, runtime, stack, shared)
        tripleseat = _connect_tripleseat(settings, runtime, stack, shared)
        yield Services(
            tripleseat, Revel(channel, runtime.clock), Account(channel), OrderSearch(channel), shared.deadline
        )


@contextmanager
def open_token_url(settings: Settings, runtime: Runtime) -> Iterator[TokenUrl]:
    """Where TripleSeat's tokens come from, for `login`."""
    with ExitStack() as stack:
        channel = _tripleseat_channel(settings, runtime, stack, _share(settings, runtime, NEVER))()
        seat = settings.tripleseat
        yield TokenUrl(
            channel, settings.token_url, seat.client_id, seat.client_secret.get_secret_value(), runtime.clock
        )


def _occasions(settings: Settings) -> frozenset[str]:
    """What is to be mailed, if mails can be sent."""
    return frozenset(settings.email.on) if settings.email.configured else frozenset()


def build_policy(settings: Settings, only: frozenset[str] = frozenset()) -> model.Policy:
    """What planning needs of the settings, in planning's words."""
    orders, safety = settings.orders, settings.safety
    return model.Policy(
        locations=tuple(_location(entry) for entry in settings.locations),
        default_timezone=settings.timezone,
        gate=model.TimeGate(settings.time_gate.days_before, settings.time_gate.opens_at, settings.time_gate.days_after),
        allowed=frozenset(str(each) for each in safety.allowed_locations),
        only=only,
        eligible_statuses=frozenset(settings.tripleseat.eligible_statuses),
        order_document=settings.tripleseat.order_document,
        charges=tuple(_charge(entry) for entry in settings.charges),
        products=tuple(_product(entry) for entry in settings.products),
        unmapped_items=orders.unmapped_items,
        payments=orders.payments,
        discounts=orders.discounts,
        name_separator=orders.name_separator,
        local_id=orders.local_id,
        legacy_local_ids=orders.legacy_local_ids,
        max_order_total=to_cents(safety.max_order_total),
    )


def _location(entry: LocationSettings) -> model.Location:
    location, site = entry.tripleseat_location, entry.tripleseat_site
    return model.Location(
        name=entry.name or f"TripleSeat {location or site}",
        tripleseat_location=model.LocationId(str(location)) if location else None,
        tripleseat_site=model.SiteId(str(site)) if site else None,
        establishment=model.EstablishmentId(entry.revel_establishment),
        timezone=entry.timezone,
        user=entry.user,
        station=entry.station,
        dining_option=entry.dining_option,
        payment_type=entry.payment_type,
        discount=entry.discount,
        fallback_product=entry.fallback_product,
        currency=entry.currency,
    )


def _charge(entry: ChargeSettings) -> model.ChargeRule:
    product = model.ProductId(entry.product) if entry.product else None
    return model.ChargeRule(entry.match, entry.treat_as, product, entry.product_name)


def _product(entry: ProductEntry) -> model.ProductMapping:
    return model.ProductMapping(
        establishment=model.EstablishmentId(entry.establishment),
        product=model.ProductId(entry.product),
        menu_item_id=str(entry.menu_item_id) if entry.menu_item_id else None,
        name=entry.name,
    )


class _Connect(Protocol):
    def __call__(self, headers: Headers = ..., renew: Callable[[], bool] = ...) -> ApiClient: ...


def _connect_tripleseat(settings: Settings, runtime: Runtime, stack: ExitStack, shared: Shared) -> TripleSeat:
    seat = settings.tripleseat
    connect = _tripleseat_channel(settings, runtime, stack, shared)
    access = _access(settings, connect, runtime)
    events = connect(access.headers, access.renew)
    return TripleSeat(events, access, base_url=seat.base_url, invoice_fallback=seat.invoice_fallback)


def _tripleseat_channel(settings: Settings, runtime: Runtime, stack: ExitStack, shared: Shared) -> _Connect:
    """What opens channels to TripleSeat that share one pace."""

    def connect(headers: Headers = dict, renew: Callable[[], bool] = lambda: False) -> ApiClient:
        channel = ApiClient(
            "TripleSeat",
            settings.tripleseat.base_url,
            pace=shared.tripleseat,
            clock=runtime.clock,
            sleep=runtime.sleep,
            headers=headers,
            renew=renew,
            transport=runtime.tripleseat,
            redactor=shared.redactor,
            deadline=shared.deadline,
            network=settings.network,
        )
        stack.callback(channel.close)
        return channel

    return connect


def _access(settings: Settings, connect: Callable[[], ApiClient], runtime: Runtime) -> Access:
    seat = settings.tripleseat
    if seat.auth == "public_key":
        return PublicKey(seat.public_key.get_secret_value())
    secret = seat.client_secret.get_secret_value()
    token_url = TokenUrl(connect(), settings.token_url, seat.client_id, secret, runtime.clock)
    if seat.auth == "client_credentials":
        return ClientCredentials(token_url, runtime.clock)
    return RotatingToken(token_url, TokenFile(settings.token_path), runtime.clock)


def _open_revel_channel(
    settings: Settings, gate: WriteGate, runtime: Runtime, stack: ExitStack, shared: Shared
) -> ApiClient:
    key, secret = settings.revel.api_key.get_secret_value(), settings.revel.api_secret.get_secret_value()
    channel = ApiClient(
        "Revel",
        settings.revel_url,
        pace=shared.revel,
        clock=runtime.clock,
        sleep=runtime.sleep,
        headers=lambda: {"API-AUTHENTICATION": f"{key}:{secret}"},  # facts Revel 1
        gate=gate,
        advice="; check revel.api_key and revel.api_secret, and the key's right to this resource",
        transport=runtime.revel,
        redactor=shared.redactor,
        deadline=shared.deadline,
        network=settings.network,
    )
    stack.callback(channel.close)
    return channel


def why_disabled(settings: Settings, runtime: Runtime) -> str | None:
    """The kill switch in the settings, or the pause in the ledger, in words; None while services may be asked."""
    if not settings.safety.enable_connector:
        return "the connector is disabled (safety.enable_connector)"
    pause = read_pause(settings.ledger_path, runtime.database)
    return f"runs are {pause}" if pause else None
