"""Builds a run's context, and both services' clients, from the settings."""

from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple, Self
from uuid import uuid4

from tsrevel.config import CommandRunner, Settings, run_command
from tsrevel.config.settings import build_policy
from tsrevel.engine.context import Limits, RunContext, System
from tsrevel.engine.outcomes import Progress, describe_disabled
from tsrevel.errors import ConfigError
from tsrevel.files import ENTER, READ, WRITE, chown, make_folder, real_path, refusal, user_name
from tsrevel.ledger import SQLITE, Connect, Ledger, LedgerView, hold_lock, read_pause
from tsrevel.ledger.connection import reachable
from tsrevel.planning.assumptions import AssumptionCode, AssumptionResult
from tsrevel.redaction import Redactor, Secret
from tsrevel.revel.account import Account
from tsrevel.revel.client import ALL_CAPABILITIES, Capabilities, Revel
from tsrevel.revel.orders import OrderSearch
from tsrevel.revel.probes import RevelProbe
from tsrevel.transport.api import ApiClient, FixedHeaders
from tsrevel.transport.client import NEVER, Deadline, RateLimiter, Sender, Transport
from tsrevel.transport.write_gate import WriteGate
from tsrevel.tripleseat.auth import Access, ClientCredentials, PublicKey, RotatingToken, TokenUrl
from tsrevel.tripleseat.client import TripleSeat
from tsrevel.tripleseat.probes import TripleSeatProbe
from tsrevel.tripleseat.token_file import TokenFile

log = logging.getLogger(__name__)


utc_now = partial(datetime.now, UTC)


def new_run_id() -> str:
    return uuid4().hex


def correlate(run_id: str) -> str:
    """The correlation id in every log line, audit row and message of a run (DESIGN 4)."""
    return f"sync-{run_id[:8]}"


@dataclass(frozen=True, slots=True)
class Runtime:
    """A run's connections to the outside world, so a test can replace them. Transports: None is the network."""

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
    deadline: Deadline | None = None,
) -> Iterator[RunContext]:
    """The context of one run, with the run lock held and the ledger open. All is closed at the end.

    `only` and `max_orders` narrow what the settings allow, never widen it. `on_start` is called once the lock is held.
    `deadline` replaces the settings'. Raises RunLocked and LedgerUnusable.
    """
    policy = build_policy(settings, frozenset(only))
    gate = WriteGate(
        dry_run=settings.safety.dry_run,
        enabled=settings.safety.enable_connector,
        allowed=policy.allowed,
        only=policy.only,
        entries=policy.locations,
        sandbox=settings.is_sandbox,
    )
    with ExitStack() as stack:
        make_state_folder(settings)
        stack.enter_context(hold_lock(settings.ledger_path))
        on_start()
        mode, source = "dry run" if settings.safety.dry_run else "live run", settings.config_path or "environment"
        log.info("%s in %s; settings %s; ledger %s", mode, settings.environment, source, settings.ledger_path)
        if settings.email.is_half_set and not settings.safety.dry_run:
            log.warning("no mail can be sent: %s", settings.email.describe_missing())
        mail_on = frozenset(settings.email.on) if settings.email.configured else frozenset()
        ledger = stack.enter_context(open_ledger(settings, runtime, mail_on))
        clients = _ApiClients.of(settings, runtime, stack, deadline)
        tripleseat = clients.tripleseat()
        revel = Revel(clients.open_revel(gate), runtime.clock, read_capabilities(ledger))
        most = settings.safety.max_orders_per_run
        yield RunContext(
            tripleseat=tripleseat,
            revel=revel,
            ledger=ledger,
            policy=policy,
            write_gate=gate,
            limits=Limits(
                most if max_orders is None else min(most, max_orders), clients.deadline, settings.sync.workers
            ),
            system=System(
                runtime.clock, runtime.monotonic, runtime.sleep, runtime.new_run_id, correlate(run_id), progress
            ),
            run_id=run_id,
        )


def open_ledger(
    settings: Settings, runtime: Runtime, mail_on: Collection[str] = (), *, as_it_is: bool = False
) -> Ledger:
    """The installation's ledger, made if it is missing. Raises what `Ledger.open` raises."""
    return Ledger.open(
        settings.ledger_path,
        environment=settings.environment,
        clock=runtime.clock,
        mail_on=mail_on,
        opened_by=runtime.database,
        as_it_is=as_it_is,
    )


def read_capabilities(ledger: LedgerView | None) -> Capabilities:
    """The account's capabilities according to `doctor --assumptions`. Untested ones are assumed.

    Runs store what requests have shown, too.
    """
    if ledger is None:
        return ALL_CAPABILITIES
    results = {each.code: each.result for each in ledger.assumptions.answers()}
    failed = {code for code, result in results.items() if result is AssumptionResult.FAILS}
    return Capabilities(
        in_filter=AssumptionCode.REVEL_IN_FILTER not in failed,
        in_filter_shown=results.get(AssumptionCode.REVEL_IN_FILTER) is AssumptionResult.HOLDS,
        name_shown=results.get(AssumptionCode.REVEL_FINDS_BY_LOCAL_ID) is AssumptionResult.HOLDS,
        fields=AssumptionCode.REVEL_FIELDS not in failed,
        product_sets=AssumptionCode.REVEL_PRODUCT_SET not in failed,
    )


def make_state_folder(settings: Settings) -> None:
    """Makes the ledger's folder if it is missing. Root makes it for the owner of the settings file.

    Raises LedgerUnusable, also if root would begin a ledger in a folder that this owner can't use.
    """
    ledger = real_path(settings.ledger_path)
    with reachable(settings.ledger_path):
        make_folder(ledger.parent, settings.config_path)
        if settings.config_path and os.geteuid() == 0 and not ledger.exists():
            owner = settings.config_path.stat().st_uid
            if why := refusal(owner, ledger.parent, READ | WRITE | ENTER):
                cure = chown(owner, ledger.parent, [])
                advice = f"run `{cure}`" if cure else "set ledger.path to a folder that this user owns"
                text = f"root would own it, but {user_name(owner)} owns the settings and {why}; {advice}"
                raise PermissionError(errno.EPERM, text)


@dataclass(frozen=True, slots=True, repr=False)
class _ApiClients(Secret):
    """Opens the API clients of one invocation, and closes them with the stack. Each service has one rate limit."""

    settings: Settings
    runtime: Runtime
    stack: ExitStack
    deadline: Deadline
    redactor: Redactor
    tripleseat_rate: RateLimiter
    revel_rate: RateLimiter

    @classmethod
    def of(cls, settings: Settings, runtime: Runtime, stack: ExitStack, deadline: Deadline | None = None) -> Self:
        """`deadline` replaces the settings'. Raises ConfigError if the environment has a wrong proxy or certificate."""
        if settings.network.problems:
            raise ConfigError(*settings.network.problems)
        return cls(
            settings,
            runtime,
            stack,
            deadline or Deadline(timedelta(minutes=settings.sync.deadline_minutes), runtime.monotonic),
            Redactor(*settings.secret_values),
            RateLimiter(settings.tripleseat.requests_per_second, runtime.monotonic, runtime.sleep),
            RateLimiter(settings.revel.requests_per_second, runtime.monotonic, runtime.sleep),
        )

    def open_tripleseat(self, access: Access | None = None) -> ApiClient:
        sender = Sender(
            "TripleSeat",
            self.settings.tripleseat.base_url,
            rate_limiter=self.tripleseat_rate,
            clock=self.runtime.clock,
            transport=self.runtime.tripleseat,
            deadline=self.deadline,
            network=self.settings.network,
        )
        self.stack.callback(sender.close)
        return ApiClient(sender, sleep=self.runtime.sleep, authentication=access, redactor=self.redactor)

    def open_revel(self, gate: WriteGate) -> ApiClient:
        sender = Sender(
            "Revel",
            self.settings.revel_url,
            rate_limiter=self.revel_rate,
            clock=self.runtime.clock,
            gate=gate,
            transport=self.runtime.revel,
            deadline=self.deadline,
            network=self.settings.network,
        )
        self.stack.callback(sender.close)
        revel = self.settings.revel
        key, secret = revel.api_key.get_secret_value(), revel.api_secret.get_secret_value()
        return ApiClient(
            sender,
            sleep=self.runtime.sleep,
            authentication=FixedHeaders({"API-AUTHENTICATION": f"{key}:{secret}"}),  # facts Revel 1
            advice="; check revel.api_key and revel.api_secret, and the key's right to this resource",
            redactor=self.redactor,
        )

    def token_url(self) -> TokenUrl:
        tripleseat = self.settings.tripleseat
        secret = tripleseat.client_secret.get_secret_value()
        client = self.open_tripleseat()
        return TokenUrl(client, self.settings.token_url, tripleseat.client_id, secret, self.runtime.clock)

    def tripleseat(self) -> TripleSeat:
        tripleseat = self.settings.tripleseat
        access: Access
        if tripleseat.auth == "public_key":
            access = PublicKey(tripleseat.public_key.get_secret_value())
        elif tripleseat.auth == "client_credentials":
            access = ClientCredentials(self.token_url(), self.runtime.clock)
        else:
            file = TokenFile(self.settings.token_path, sandbox=self.settings.is_sandbox)
            access = RotatingToken(self.token_url(), file, self.runtime.clock)
        events = self.open_tripleseat(access)
        return TripleSeat(events, access, base_url=tripleseat.base_url, invoice_fallback=tripleseat.invoice_fallback)


class Services(NamedTuple):
    """Both services as configured, for commands that only read. No lock is held and no ledger is open."""

    tripleseat: TripleSeat
    revel: Revel
    account: Account
    order_search: OrderSearch
    deadline: Deadline
    revel_probe: RevelProbe
    tripleseat_probe: TripleSeatProbe


@contextmanager
def open_services(
    settings: Settings,
    runtime: Runtime,
    deadline: Deadline | None = None,
    capabilities: Capabilities = ALL_CAPABILITIES,
) -> Iterator[Services]:
    """Opens both services for reading: no write to Revel passes, whatever the settings say.

    No request is sent after `deadline`. Pass NEVER if the command waits for a person; the default is the settings'.
    Pass the ledger's `capabilities` if the command searches for orders.
    """
    gate = WriteGate(dry_run=True, enabled=False, allowed=frozenset(), only=frozenset(), sandbox=settings.is_sandbox)
    with ExitStack() as stack:
        clients = _ApiClients.of(settings, runtime, stack, deadline)
        revel, tripleseat = clients.open_revel(gate), clients.tripleseat()
        yield Services(
            tripleseat,
            Revel(revel, runtime.clock, capabilities),
            Account(revel),
            OrderSearch(revel, in_filter=capabilities.in_filter),
            clients.deadline,
            RevelProbe(revel),
            TripleSeatProbe(tripleseat),
        )


@contextmanager
def open_token_url(settings: Settings, runtime: Runtime) -> Iterator[TokenUrl]:
    """Opens TripleSeat's token URL, for `login`."""
    with ExitStack() as stack:
        yield _ApiClients.of(settings, runtime, stack, NEVER).token_url()


def why_disabled(settings: Settings, runtime: Runtime) -> str | None:
    """Why runs are disabled, in words: by the settings, or by a pause in the ledger. None if they aren't.

    Raises LedgerUnusable if the ledger can't be read. Don't call a service then, unless you report that otherwise.
    """
    if not settings.safety.enable_connector:
        return describe_disabled(None)
    pause = read_pause(settings.ledger_path, runtime.database)
    return describe_disabled(pause) if pause else None
