"""The routes of the service (DESIGN 7). A delivery is checked, stored and answered here; the worker does the rest."""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import NoReturn

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tsrevel import __version__
from tsrevel.config import Settings
from tsrevel.config.policy import build_policy
from tsrevel.engine.deliveries import understand
from tsrevel.errors import (
    ConfigError,
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
from tsrevel.planning.identity import is_id
from tsrevel.planning.screening import covered_locations
from tsrevel.serve.worker import Document, Worker
from tsrevel.text import reason_of
from tsrevel.webhook.signature import check_signature
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
        """The last good settings. The worker reports what is wrong with new ones."""
        return self._worker.commands.latest_settings()

    def _newest_settings(self) -> Settings:
        """The settings as their files are now; the last good ones if these can't be loaded."""
        try:
            return self._worker.commands.settings()
        except ConfigError:
            return self.settings()

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
            _refuse(400, "USAGE", "give event_id or hours_back, once")
        event_id, hours = asked.get("event_id"), asked.get("hours_back")
        if event_id is not None and not is_id(event_id):
            _refuse(400, "USAGE", "event_id must be the number of a TripleSeat event")
        if hours is not None and not (_HOURS.fullmatch(hours) and int(hours) <= 87_840):
            _refuse(400, "USAGE", "hours_back must be a whole number from 1 to 87840")
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
            _refuse(503, "SHUTTING_DOWN", "the service is shutting down")

    def _require_token(self, request: Request) -> None:
        """404 if the settings have no token, 401 if the request lacks it."""
        token = self.settings().serve.token.get_secret_value()
        if not token:
            _refuse(404, "NOT_FOUND", "there is nothing here")
        given = request.headers.getlist("authorization")
        scheme, _, shown = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        right = hmac.compare_digest(shown.strip().encode("latin-1", "replace"), token.encode())
        if scheme.lower() != "bearer" or not right:
            log.warning("%s: refused, the bearer token is missing or wrong", request.url.path)
            _refuse(401, "TOKEN_REQUIRED", "the bearer token is missing or wrong", {"WWW-Authenticate": "Bearer"})

    @asynccontextmanager
    async def _receive(self, request: Request) -> AsyncIterator[bytes]:
        """The request's body, counted as in memory. Refuses a body that is too long, or if memory is short."""
        declared = request.headers.get("content-length", "0")
        if "transfer-encoding" in request.headers and "content-length" in request.headers:
            _refuse(400, "MALFORMED_REQUEST", "the request has both Content-Length and Transfer-Encoding")
        if int(declared) > LARGEST_BODY:  # h11 accepts only digits
            self._refuse_too_large()
        chunks: list[bytes] = []
        size = 0
        try:
            async for chunk in request.stream():
                if size + len(chunk) > LARGEST_BODY:
                    self._refuse_too_large()
                if self._in_memory + len(chunk) > MOST_IN_MEMORY:
                    _refuse(503, "BUSY", "too much is being received at once", {"Retry-After": "5"})
                self._in_memory += len(chunk)
                size += len(chunk)
                chunks.append(chunk)
            yield b"".join(chunks)
        finally:
            self._in_memory -= size

    def _refuse_too_large(self) -> NoReturn:
        log.warning("a delivery was refused: it has more than %d MiB", LARGEST_BODY // 2**20)
        _refuse(413, DeliveryReason.PAYLOAD_TOO_LARGE, f"the body has more than {LARGEST_BODY // 2**20} MiB")

    def _check(self, body: bytes, headers: list[str]) -> str:
        """The signature of a body from TripleSeat. Refuses any other request."""
        try:
            if len(headers) > 1:
                text = f"the delivery has {len(headers)} X-Signature headers, and must have one"
                raise SignatureRefused(SignatureReason.MALFORMED_SIGNATURE_HEADER, text)
            try:
                self._check_keys(body, headers, self.settings())
            except SignatureRefused:  # by a new key? While a run goes on, the worker doesn't load it
                self._check_keys(body, headers, self._newest_settings())
        except SignatureRefused as error:
            log.warning("a delivery was refused: %s", error)
            _refuse(401, error.reason, "the signature isn't accepted")
        return "".join(headers)

    def _check_keys(self, body: bytes, headers: list[str], settings: Settings) -> None:
        keys = [key.get_secret_value() for key in settings.tripleseat.webhook_signing_keys]
        check_signature(body, "".join(headers), keys, plain=self._plain, now=utc_now())

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
            _refuse(503, "NOT_STORED", "the delivery can't be stored now", {"Retry-After": "60"})
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
            _refuse(503, "SHUTTING_DOWN", str(error))
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


def _refuse(status: int, reason: str, text: str, headers: Mapping[str, str] | None = None) -> NoReturn:
    raise HTTPException(status, f"{reason}: {text}", headers)


async def _answer_refusal(_request: Request, error: Exception) -> Response:
    """A refusal as JSON, including Starlette's own (no such route, wrong method)."""
    if not isinstance(error, HTTPException):
        raise error
    reason, _, text = error.detail.partition(": ")
    document = _encode_delivery(reason.upper().replace(" ", "_")) | {"error": text or reason}
    return JSONResponse(document, error.status_code, error.headers)


async def _answer_nobody(_request: Request, _error: Exception) -> Response:
    return Response(status_code=400)  # the client is gone


async def _answer_fault(_request: Request, error: Exception) -> Response:
    log.error("%s", describe_fault(error))
    return JSONResponse(_encode_delivery("INTERNAL_ERROR"), 500)
