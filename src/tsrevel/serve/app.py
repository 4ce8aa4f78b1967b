"""The service's routes (DESIGN 7), and the HTTP server that runs them.

A delivery is checked, stored and answered here; the worker does the rest. The server is uvicorn, with limits on how
long a client may take, and a shutdown that finishes started work.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from enum import Enum, auto
from functools import partial
from http import HTTPStatus
from types import FrameType
from typing import ClassVar, NoReturn

import h11
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from tsrevel import __version__
from tsrevel.config import Settings
from tsrevel.config.settings import build_policy
from tsrevel.engine.deliveries import understand
from tsrevel.errors import (
    ConfigCode,
    ConfigError,
    ConfigProblem,
    DeliveryReason,
    DeliveryRefused,
    Halted,
    LedgerCode,
    LedgerUnusable,
    SignatureReason,
    SignatureRefused,
    TsrevelError,
    describe_fault,
)
from tsrevel.ledger import open_view
from tsrevel.planning.screening import covered_locations
from tsrevel.serve.worker import Document, Worker
from tsrevel.text import is_id, reason_of
from tsrevel.webhook.delivery import check_signature
from tsrevel.webhook.spool import LARGEST_BODY
from tsrevel.wiring import utc_now

log = logging.getLogger(__name__)

MOST_IN_MEMORY = 4 * LARGEST_BODY
"""Bytes of all request bodies in memory. A delivery that exceeds them is refused for now."""
_HOURS = re.compile(r"0{0,20}[1-9][0-9]{0,4}")
_HTTP_STATUSES = {0: 200, 3: 200, 14: 200, 2: 400, 11: 409, 12: 502, 13: 502}
"""The HTTP status by exit status; 500 for any other."""


def build_app(worker: Worker, *, plain: bool) -> Starlette:
    """The service's routes as an ASGI app. `plain`: it also accepts a bare digest of the body as its signature."""
    endpoints = Endpoints(worker, plain=plain)
    app = Starlette(
        routes=[
            Route("/webhook", endpoints.take_delivery, methods=["POST"]),
            Route("/webhooks/tripleseat", endpoints.take_delivery, methods=["POST"]),
            Route("/test/webhook", endpoints.plan_delivery, methods=["POST"]),
            Route("/api/sync/tripleseat", endpoints.run_sync, methods=["GET", "POST"]),
            Route("/health", endpoints.tell_health),
            Route("/ready", endpoints.tell_readiness),
        ],
        exception_handlers={HTTPException: _answer_refusal, ClientDisconnect: _answer_nobody, Exception: _answer_fault},
    )
    app.router.redirect_slashes = False  # a redirect would name whatever host the request named
    return app


class Endpoints:
    """The endpoints. They share the worker, and the count of bytes in memory."""

    def __init__(self, worker: Worker, *, plain: bool) -> None:
        self._worker, self._spool, self._plain = worker, worker.spool, plain
        self._began = time.monotonic()
        self._in_memory = 0

    def settings(self) -> Settings:
        """The settings as their files are now; the last good ones if these can't be loaded."""
        return self._worker.commands.latest_settings()

    async def take_delivery(self, request: Request) -> Response:
        """Answer 200 once the delivery is stored durably. The worker handles it later."""
        self._refuse_while_stopping()
        async with self._receive(request) as body:
            return await run_in_threadpool(self._store, body, request.headers.getlist("x-signature"))

    async def plan_delivery(self, request: Request) -> Response:
        """The result that a delivery would have. If it has a signature, the signature must be valid."""
        await run_in_threadpool(self._require_token, request)
        self._refuse_while_stopping()
        async with self._receive(request) as body:
            headers = request.headers.getlist("x-signature")
            if headers:
                await run_in_threadpool(self._check, body, headers)
            return await self._run(partial(self._worker.commands.plan, body))

    async def run_sync(self, request: Request) -> Response:
        """Run `sync`, or `sync-event` if `event_id` is given. Answers the report as --json prints it."""
        await run_in_threadpool(self._require_token, request)
        self._refuse_while_stopping()
        asked = request.query_params
        unknown = sorted(set(asked) - {"event_id", "hours_back"})
        if unknown or len(asked.multi_items()) > 1:
            raise _Refusal(400, "USAGE", "give event_id or hours_back, once")
        event_id, hours = asked.get("event_id"), asked.get("hours_back")
        if event_id is not None and not is_id(event_id):
            raise _Refusal(400, "USAGE", "event_id must be the number of a TripleSeat event")
        if hours is not None and not (_HOURS.fullmatch(hours) and int(hours) <= 87_840):
            raise _Refusal(400, "USAGE", "hours_back must be a whole number from 1 to 87840")
        return await self._run(partial(self._sync, event_id, int(hours) if hours else None))

    async def tell_health(self, _request: Request) -> Response:
        """200 while the process lives."""
        return JSONResponse(await run_in_threadpool(self._encode_health))

    async def tell_readiness(self, _request: Request) -> Response:
        """200 while deliveries can be stored and worked off."""
        checks = await run_in_threadpool(self._check_readiness)
        return JSONResponse({"ok": all(checks.values()), "checks": checks}, 200 if all(checks.values()) else 503)

    def _refuse_while_stopping(self) -> None:
        if self._worker.is_stopping:
            raise _Refusal(503, "SHUTTING_DOWN", "the service is shutting down")

    def _require_token(self, request: Request) -> None:
        """404 if the settings have no token, 401 if the request lacks it."""
        token = self.settings().serve.token.get_secret_value()
        if not token:
            raise _Refusal(404, "NOT_FOUND", "there is nothing here")
        given = request.headers.getlist("authorization")
        scheme, _, shown = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        right = hmac.compare_digest(shown.strip().encode("latin-1", "replace"), token.encode())
        if scheme.lower() != "bearer" or not right:
            log.warning("%s: refused, the bearer token is missing or wrong", request.url.path)
            text = "the bearer token is missing or wrong"
            raise _Refusal(401, "TOKEN_REQUIRED", text, {"WWW-Authenticate": "Bearer"})

    @asynccontextmanager
    async def _receive(self, request: Request) -> AsyncIterator[bytes]:
        """The request's body, counted as in memory. Refuses a body that is too long, or if memory is short."""
        declared = request.headers.get("content-length", "0")
        if "transfer-encoding" in request.headers and "content-length" in request.headers:
            raise _Refusal(400, "MALFORMED_REQUEST", "the request has both Content-Length and Transfer-Encoding")
        if int(declared) > LARGEST_BODY:  # h11 accepts only digits
            self._refuse_too_large()
        chunks: list[bytes] = []
        size = 0
        try:
            async for chunk in request.stream():
                if size + len(chunk) > LARGEST_BODY:
                    self._refuse_too_large()
                if self._in_memory + len(chunk) > MOST_IN_MEMORY:
                    raise _Refusal(503, "BUSY", "too much is being received at once", {"Retry-After": "5"})
                self._in_memory += len(chunk)
                size += len(chunk)
                chunks.append(chunk)
            yield b"".join(chunks)
        finally:
            self._in_memory -= size

    def _refuse_too_large(self) -> NoReturn:
        log.warning("a delivery was refused: it has more than %d MiB", LARGEST_BODY // 2**20)
        raise _Refusal(413, DeliveryReason.PAYLOAD_TOO_LARGE, f"the body has more than {LARGEST_BODY // 2**20} MiB")

    def _check(self, body: bytes, headers: list[str]) -> str:
        """The signature of a body from TripleSeat. Refuses any other request."""
        try:
            if len(headers) > 1:
                text = f"the delivery has {len(headers)} X-Signature headers, and must have one"
                raise SignatureRefused(SignatureReason.MALFORMED_SIGNATURE_HEADER, text)
            keys = [key.get_secret_value() for key in self.settings().tripleseat.webhook_signing_keys]
            check_signature(body, "".join(headers), keys, plain=self._plain, now=utc_now())
        except SignatureRefused as error:
            log.warning("a delivery was refused: %s", error)
            raise _Refusal(401, error.reason, "the signature isn't accepted") from error
        return "".join(headers)

    def _store(self, body: bytes, headers: list[str]) -> Response:
        signature = self._check(body, headers)
        trigger = event_id = None
        try:
            _, answer = understand(body)
            trigger, event_id = answer.trigger, answer.event_id
        except DeliveryRefused as error:
            log.info("storing a delivery that can't be read: %s", error)
        try:
            name = self._spool.store(body, signature)
        except OSError as error:
            log.error("a delivery can't be stored: %s", reason_of(error))  # noqa: TRY400
            raise _Refusal(503, "NOT_STORED", "the delivery can't be stored now", {"Retry-After": "60"}) from error
        self._worker.wake()
        log.info("accepted %s: %s, event %s", name, trigger, event_id)
        return JSONResponse(_encode_delivery("ACCEPTED", trigger, event_id))

    def _sync(self, event_id: str | None, hours_back: int | None) -> Document:
        commands = self._worker.commands
        report = commands.sync(hours_back) if event_id is None else commands.sync_event(event_id)
        return commands.encode(report) | {"exit_status": report.exit_status}

    async def _run(self, job: Callable[[], Document]) -> Response:
        """Run a job in the worker, and answer with its result."""
        try:
            document = await asyncio.wrap_future(self._worker.submit(job))
        except Halted as error:
            raise _Refusal(503, "SHUTTING_DOWN", str(error)) from error
        except TsrevelError as error:
            status, text = error.exit_status, str(error)
            document = {"schema": 1, "success": False, "reason": None, "error": text, "exit_status": status}
        return JSONResponse(document, _HTTP_STATUSES.get(int(str(document.get("exit_status", 0))), 500))

    def _encode_health(self) -> Document:
        status, now, good = self._spool.count(), utc_now(), None
        try:
            good = self._find_last_good()
        except TsrevelError as error:
            log.info("the ledger can't be read: %s", error)
        return {
            "ok": True,
            "version": __version__,
            "uptime_seconds": int(time.monotonic() - self._began),
            "waiting": status.waiting,
            "oldest_waiting_seconds": int((now - status.oldest).total_seconds()) if status.oldest else None,
            "failed": status.failed,
            "seconds_since_good_run": good,
        }

    def _find_last_good(self) -> int | None:
        """Seconds since the last good run ended; None if there was none. Raises LedgerUnusable without a ledger."""
        settings = self.settings()
        view = open_view(settings.ledger_path, settings.environment)
        if view is None:
            raise LedgerUnusable(LedgerCode.ABSENT, f"There is no ledger at {settings.ledger_path}.")
        with view:
            good = view.runs.last_good(covered_locations(build_policy(settings)), utc_now())
        return int((utc_now() - (good.finished_at or good.started_at)).total_seconds()) if good else None

    def _check_readiness(self) -> dict[str, bool]:
        checks = {"settings": True, "ledger": True, "spool": True}
        checks["worker"] = self._worker.is_alive() and not self._worker.is_stopping
        try:
            self._worker.commands.settings()
        except TsrevelError:
            checks["settings"] = False
        try:
            self._find_last_good()
        except TsrevelError as error:
            log.warning("not ready: %s", error)
            checks["ledger"] = False
        try:
            self._spool.check_writable()
        except OSError as error:
            log.warning("not ready: %s can't be written (%s)", error.filename, error.strerror)
            checks["spool"] = False
        return checks


def _encode_delivery(reason: str, trigger: str | None = None, event_id: str | None = None) -> Document:
    """The answer to a delivery (DESIGN 4)."""
    ok = reason == "ACCEPTED"
    return {"ok": ok, "processed": False, "trigger": trigger, "reason": reason, "event_id": event_id}


class _Refusal(HTTPException):
    """Raised for a request that isn't accepted, with the `reason` of its answer."""

    def __init__(self, status: int, reason: str, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, text, headers)
        self.reason = reason


async def _answer_refusal(_request: Request, error: Exception) -> Response:
    """A refusal as JSON, including Starlette's own (no such route, wrong method)."""
    if not isinstance(error, HTTPException):
        raise error
    reason = error.reason if isinstance(error, _Refusal) else HTTPStatus(error.status_code).name
    return JSONResponse(_encode_delivery(reason) | {"error": error.detail}, error.status_code, error.headers)


async def _answer_nobody(_request: Request, _error: Exception) -> Response:
    return Response(status_code=400)  # the client is gone


async def _answer_fault(_request: Request, error: Exception) -> Response:
    log.error("%s", describe_fault(error))
    return JSONResponse(_encode_delivery("INTERNAL_ERROR"), 500)


# The HTTP server. uvicorn sets no limit on how long a request may take to arrive. Each limit is for a whole phase of
# h11's, so that single bytes don't renew it.

MOST_CONNECTIONS = 64
_LARGEST_HEAD = 32 * 1024
_TOO_MANY = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n"


class Phase(Enum):
    """The step of its client that a connection waits for."""

    HEAD = auto()
    BODY = auto()
    REST_OF_BODY = auto()  # of a request that is answered already: some clients read only after they have sent all
    READING = auto()  # of the answer


SECONDS = {Phase.HEAD: 10.0, Phase.BODY: 30.0, Phase.REST_OF_BODY: 5.0, Phase.READING: 30.0}
"""The seconds that each may last."""


class GuardedProtocol(H11Protocol):
    """One connection. It is cut if its client is slow or silent, and refused beyond MOST_CONNECTIONS."""

    seconds: ClassVar[Mapping[Phase, float]] = SECONDS
    _phase: Phase | None = None
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.write(_TOO_MANY)
            transport.close()
        else:
            self._set_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._enter(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)
        self._set_timer()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Whether the connection stays open: a client that sends no more still gets its answer."""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete or cycle.more_body:
            return False
        cycle.keep_alive = False
        return True

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._set_timer()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._enter(Phase.READING)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._set_timer()

    def _set_timer(self) -> None:
        """Start the timer of the connection's phase, unless it runs already."""
        if self.flow.write_paused:
            return  # until the client reads
        theirs = self.conn.their_state
        phase = None
        if theirs is h11.IDLE:
            phase = Phase.HEAD
        elif theirs is h11.SEND_BODY:
            phase = Phase.REST_OF_BODY if self.conn.our_state in {h11.DONE, h11.MUST_CLOSE} else Phase.BODY
        if phase is not self._phase:
            self._enter(phase)

    def _enter(self, phase: Phase | None) -> None:
        if self._timer:
            self._timer.cancel()
        self._phase = phase
        self._timer = self.loop.call_later(self.seconds[phase], self.transport.abort) if phase else None


class DrainingServer(Server):
    """Ends at SIGTERM, SIGINT or SIGHUP once the worker has ended. Until then it answers requests, deliveries with 503.

    After a second signal it doesn't wait for the worker. `last_signal` is the number of the last one.
    """

    last_signal = 0

    def __init__(self, config: Config, worker: Worker) -> None:
        super().__init__(config)
        self._worker = worker

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        del frame
        self.last_signal = sig
        self.should_exit = self._worker.is_stopping
        self._worker.stop()

    async def on_tick(self, counter: int) -> bool:
        if self._worker.is_stopping and not self._worker.is_alive():
            self.should_exit = True
        return await super().on_tick(counter)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises ConfigError."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((host, port), family=family, backlog=2 * MOST_CONNECTIONS)
    except OSError as error:
        message = f"can't be used with port {port}: {error.strerror or error}"
        remedy = "Set an address of this machine and a free port."
        problem = ConfigProblem(ConfigCode.UNUSABLE_VALUE, "serve.host", "settings or flags", message, remedy)
        raise ConfigError(problem) from error


def run_server(app: Starlette, worker: Worker, listening: socket.socket) -> int:
    """Serve until SIGTERM, SIGINT or SIGHUP, and return the number of the last signal.

    A client's claims about itself (X-Forwarded-...) are ignored.
    """
    config = Config(
        app,
        http=GuardedProtocol,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        h11_max_incomplete_event_size=_LARGEST_HEAD,
    )
    server = DrainingServer(config, worker)
    hangup = signal.getsignal(signal.SIGHUP)
    if hangup is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, server.handle_exit)  # uvicorn itself handles the two others
    try:
        server.run(sockets=[listening])
    finally:
        signal.signal(signal.SIGHUP, hangup)
    return server.last_signal
