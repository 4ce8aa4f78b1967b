"""`resolve`: a person's word on an event, stored in the ledger. From then on runs leave the event alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import typer

from tsrevel.cli.insights.speak import encode_resolution, encode_standing
from tsrevel.cli.logs import logging_to
from tsrevel.cli.world import Manner, World
from tsrevel.config import Settings, load_settings
from tsrevel.engine.resolved import REASONS
from tsrevel.errors import Refused, ServiceDown, TryNextRun
from tsrevel.ledger import Ledger, OrderRecord, Resolution, hold_lock
from tsrevel.ledger.queries import Standing
from tsrevel.planning.model import EventId, OrderId
from tsrevel.wiring import Seams, open_services

Word = Literal["done", "ignored", "open"]
LONGEST_NOTE = 500
"""Characters: a sentence or two on why, and no more."""
NEEDS_A_LOOK = 3


@dataclass(frozen=True, slots=True)
class ResolveOptions:
    """What a person says. `order_id` is the Revel order that the event has, where there is one to name."""

    word: Word
    note: str = ""
    order_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Before:
    """What was known of the event when the person spoke."""

    standing: Standing | None
    record: OrderRecord | None
    resolution: Resolution | None

    @property
    def is_finished(self) -> bool:
        """Whether it has its order: then runs skip it anyway, and tell its changes."""
        return self.record is not None and self.record.state in {"settled", "foreign"}


def resolve(world: World, manner: Manner, event: str, options: ResolveOptions) -> int:
    """Store it, or take it back (`open`): exit 0, or 3 where taking it back would make a second order.

    Raises ConfigError, RunLocked, LedgerUnusable, and typer.BadParameter for what makes no sense; to take back a word
    that named an order, Revel is asked, and ServiceDown and CredentialsRefused are raised.
    """
    note, event_id = _check(options), EventId(event)
    seams = world.seams or Seams()
    settings = load_settings(config=manner.config, environ=world.environ, offline=options.word != "open")
    path, environment = settings.ledger_path, settings.environment
    with (
        hold_lock(path),
        Ledger.open(path, environment=environment, clock=seams.clock, opened_by=seams.database) as ledger,
        logging_to(world.stderr, manner, "resolve"),
    ):
        before = _recall(ledger, event_id)
        if options.word == "open":
            objection = _objection(settings, seams, ledger, before.resolution)
            if objection:
                return _refuse(world, manner, objection)
            ledger.reopen(event_id, note)
        else:
            ledger.resolve(event_id, options.word, note, OrderId(options.order_id) if options.order_id else None)
        after = ledger.resolutions([event_id]).get(event_id)
    if manner.json:
        world.answer(_encode(event_id, before, after, options))
    elif world.stdout.isatty() or not manner.quiet:
        for line in _lines(event_id, before, after, options):
            print(line, file=world.stdout)
    return 0


def _check(options: ResolveOptions) -> str:
    """The note, on one line. Raises typer.BadParameter."""
    note = " ".join(options.note.split())
    if not note and options.word != "open":
        raise typer.BadParameter(
            "--note is needed: say in a few words, without customers' names, what was done and why"
        )
    if len(note) > LONGEST_NOTE:
        raise typer.BadParameter(f"--note has {len(note)} characters, and {LONGEST_NOTE} are the limit")
    if not note.isprintable():
        raise typer.BadParameter("--note holds characters that can't be printed")
    if options.order_id is not None and options.word != "done":
        raise typer.BadParameter("--order goes with --as done")
    if options.order_id is not None and not (options.order_id.isascii() and options.order_id.isdecimal()):
        raise typer.BadParameter("--order is the number of a Revel order")
    return note


def _recall(ledger: Ledger, event_id: EventId) -> _Before:
    return _Before(ledger.standing(event_id), ledger.order(event_id), ledger.resolutions([event_id]).get(event_id))


def _objection(settings: Settings, seams: Seams, ledger: Ledger, resolution: Resolution | None) -> str | None:
    """Why the event must not be opened again, or None.

    The order that a person named may carry a local_id by which no run would find it.
    """
    if resolution is None or resolution.order_id is None:
        return None
    order = resolution.order_id
    if not settings.safety.enable_connector or ledger.paused():
        return f"whether Revel order {order} still stands can't be asked while the connector is disabled or paused"
    try:
        with open_services(settings, seams) as services:
            row = services.revel.find_by_id(order)
    except (TryNextRun, Refused) as error:
        raise ServiceDown(f"whether Revel order {order} still stands can't be told: {error}") from error
    if row is None or row.deleted:
        return None
    return f"Revel order {order} stands, and a run would make a second one: delete it in Revel first, or leave it so"


def _refuse(world: World, manner: Manner, text: str) -> int:
    print(f"tsrevel: {text}", file=world.stderr)
    if manner.json:
        world.answer({"schema": 1, "success": False, "reason": None, "error": text, "exit_status": NEEDS_A_LOOK})
    return NEEDS_A_LOOK


def _encode(event_id: EventId, before: _Before, after: Resolution | None, options: ResolveOptions) -> dict[str, object]:
    return {
        "schema": 1,
        "success": True,
        "event_id": event_id,
        "verdict": options.word,
        "reason": REASONS[after.verdict] if after and not before.is_finished else None,
        "resolution": encode_resolution(after),
        "before": encode_resolution(before.resolution),
        "event": encode_standing(before.standing) if before.standing else None,
        "warnings": _warnings(before, after, options),
    }


def _lines(event_id: EventId, before: _Before, after: Resolution | None, options: ResolveOptions) -> list[str]:
    if after is None:
        told = (
            "is open again: the next run sees to it" if before.resolution else "was not resolved: nothing to take back"
        )
    elif before.is_finished:
        told = f"is noted as {after.verdict}"
    else:
        told = f"is resolved as {after.verdict}: runs skip it from now on ({REASONS[after.verdict]})"
    return [f"event {event_id} {told}", *(f"note: {each}" for each in _warnings(before, after, options))]


def _warnings(before: _Before, after: Resolution | None, options: ResolveOptions) -> list[str]:
    """What the person may not have thought of."""
    found = []
    record = before.record
    if before.standing is None and record is None:
        found.append("no run has seen this event yet: is its id right?")
    if after and record and before.is_finished:
        found.append(f"it has Revel order {record.order_id} already; runs go on to tell what changes of it")
    if after and record and record.state == "claimed":
        number = f"Revel order {record.order_id}" if record.order_id else "an order that may be at Revel"
        found.append(f"{number} was begun and is not finished by any run now: finish or delete it there")
    if after and after.verdict == "ignored" and record and record.state == "disputed":
        found.append(f"Revel order {record.order_id} still stands: void it there if it is not wanted")
    taken_back = options.word == "open" and before.resolution and before.resolution.verdict == "done"
    if taken_back and not before.is_finished:
        found.append(
            "an order entered by hand is found by its local_id alone: if it has another, the next run makes one"
        )
    return found
