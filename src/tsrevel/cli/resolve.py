"""`resolve`: store a person's decision on an event in the ledger. From then on runs leave the event alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Literal, TypeVar

import typer

from tsrevel.cli.answers.model import fill
from tsrevel.cli.answers.reports import NamedOrderJson, ResolveAnswer, answer_resolution, answer_status
from tsrevel.cli.arguments import find_event_id
from tsrevel.cli.context import CliContext, logging_to
from tsrevel.cli.output import NEVER_RUN, locate_files
from tsrevel.config import Settings
from tsrevel.config.settings import build_policy
from tsrevel.engine.fetch import fetch_event
from tsrevel.engine.outcomes import NEEDS_ATTENTION, REASONS
from tsrevel.errors import ConfigError, CredentialsRefused, Refused, ServiceDown, TryNextRun
from tsrevel.insight.history import find_changed
from tsrevel.ledger import Ledger, OrderRecord, Resolution, hold_lock
from tsrevel.ledger.queries import EventStatus
from tsrevel.planning.identity import known_local_ids, order_uuid
from tsrevel.planning.model import Event, EventId, OrderId, Policy
from tsrevel.planning.money import show, to_cents
from tsrevel.planning.reasons import Reason
from tsrevel.planning.screening import find_location, find_named
from tsrevel.reconcile.model import EVERY_EVENT, named_order, owner_of
from tsrevel.revel.client import Revel
from tsrevel.revel.decode import OrderRow
from tsrevel.text import is_id
from tsrevel.tripleseat.client import TripleSeat
from tsrevel.wiring import Runtime, Services, make_state_folder, open_ledger, open_services, why_disabled

T = TypeVar("T")
Word = Literal["done", "ignored", "open"]
LONGEST_NOTE = 500
"""In characters: a sentence or two."""
_UNSEEN = "no run has seen this event yet; check its id"


@dataclass(frozen=True, slots=True)
class ResolveOptions:
    """A person's decision. `order_id` is the event's Revel order, if the person named one.

    `no_order_exists`: the person checked that nobody has entered an order by hand.
    """

    word: Word
    note: str = ""
    order_id: str | None = None
    no_order_exists: bool = False


@dataclass(frozen=True, slots=True)
class _Before:
    """The ledger's rows of the event before the decision. `changes`: how it or its order has changed, still open."""

    standing: EventStatus | None = None
    record: OrderRecord | None = None
    resolution: Resolution | None = None
    changes: tuple[str, ...] = ()

    @property
    def is_finished(self) -> bool:
        """Whether it has its order. Then runs skip it anyway, and report its changes."""
        return self.record is not None and self.record.is_finished

    @property
    def is_doubled(self) -> bool:
        """Whether runs found several orders of it, of which none is taken in."""
        reason = self.standing.reason if self.standing else None
        return reason == Reason.DUPLICATE_ORDERS and not self.is_finished

    @property
    def has_foreign(self) -> bool:
        """Whether somebody else made its order. Opened again, the next run searches Revel for it."""
        return self.record is not None and self.record.state == "foreign"


@dataclass(frozen=True, slots=True)
class _Named:
    """The order that a person named, as Revel has it, and its event in TripleSeat.

    `row` and `event` are None if they weren't read; `unchecked` says why. `others`: further orders of the event that
    stand in Revel. `text` shows the order to the person.
    """

    order_id: OrderId
    row: OrderRow | None = None
    event: Event | None = None
    unchecked: str = ""
    others: tuple[OrderId, ...] = ()

    def text(self, policy: Policy) -> str:
        row = self.row
        if row is None:
            return ""
        names = [each.name for each in policy.locations if each.establishment == row.establishment]
        where = f"establishment {row.establishment or 'none'}" + (f" ({', '.join(names)})" if names else "")
        return f"Revel order {row.id}: {where}, written on {row.written or 'an unknown day'}, total {_total(row)}"


def resolve(ctx: CliContext, event: str, options: ResolveOptions) -> int:
    """Store a decision, or undo it (`open`). Exit status 0, or 3 if undoing it might make a second order.

    Revel is asked for each named order. Before it is stored, it must exist, at the event's establishment, and is shown;
    before the event is opened, it must be gone, unless runs know it as theirs.
    Raises ConfigError, RunLocked, LedgerUnusable, typer.BadParameter for options that make no sense and for two orders
    that stand, and for `open` ServiceDown and CredentialsRefused.
    """
    options = _check(options)
    order_id = OrderId(options.order_id) if options.order_id else None
    settings = ctx.load_settings(offline=options.word != "open")
    path = settings.ledger_path
    shows_text = not ctx.options.json and (ctx.stdout.isatty() or not ctx.options.quiet)
    with logging_to(ctx, "resolve"):
        make_state_folder(settings)
        with hold_lock(path), open_ledger(settings, ctx.runtime) as ledger:
            named = _look_for(ctx, order_id, event) if order_id else None  # no run makes an order meanwhile
            comparison: list[str] = []
            event_id = find_event_id(event, lambda each: _recall(ledger, each) != _Before())
            before, unused = _recall(ledger, event_id), not ledger.runs.latest(1)
            if options.word == "open":
                refusal = _find_refusal(settings, ctx.runtime, event_id, before, options)
                if refusal:
                    return ctx.fail(refusal, NEEDS_ATTENTION)
                ledger.events.reopen(event_id, options.note)
            else:
                comparison = _refuse_doubles(ctx, event_id) if before.is_doubled else []
                if named:
                    policy = build_policy(settings)
                    _refuse_order_of_another(ledger, event_id, named, policy)
                    comparison += _compare_named(event_id, named, before, policy)
                    if shows_text and named.row:
                        print(ctx.copyable(named.text(policy)), file=ctx.stdout, flush=True)
                ledger.events.resolve(event_id, options.word, options.note, order_id)
            after = ledger.events.resolutions([event_id]).get(event_id)
            standing = ledger.queries.event_status(event_id)
    warnings = [named.unchecked] if named and named.unchecked else []
    warnings += comparison
    if unused:
        warnings.append(f"{NEVER_RUN} ({path.absolute()})")
    warnings += _warnings(before, after, options)
    is_unseen = before.standing is None and before.record is None
    if is_unseen:  # a mistyped number may be that of an event to come
        ctx.log(_UNSEEN, "WARNING")
    if ctx.options.json:
        row = named.row if named else None
        answer = ResolveAnswer(
            event_id=event_id,
            verdict=options.word,
            reason=REASONS[after.verdict] if after and not before.is_finished else None,
            resolution=answer_resolution(after),
            before=answer_resolution(before.resolution),
            event=answer_status(standing) if standing else None,
            order=fill(NamedOrderJson, row, day=row.written, total=row.amounts["total"]) if row else None,
            warnings=(*warnings, *([_UNSEEN] if is_unseen else [])),
            **locate_files(settings),
        )
        ctx.answer(answer)
    if shows_text:
        for line in _lines(event_id, before, after, warnings):
            print(ctx.copyable(line), file=ctx.stdout)
    return 0


def _check(options: ResolveOptions) -> ResolveOptions:
    """The options without blanks around them, and the note on one line. Raises typer.BadParameter."""
    order_id = None if options.order_id is None else options.order_id.strip()
    note = " ".join(options.note.split())
    if not note and options.word != "open":
        raise typer.BadParameter("--note is missing; say in a few words what you did and why, without customers' names")
    if len(note) > LONGEST_NOTE:
        raise typer.BadParameter(f"--note has {len(note)} characters; the limit is {LONGEST_NOTE}")
    if not note.isprintable():
        raise typer.BadParameter("--note has characters that can't be printed")
    if order_id is not None and options.word != "done":
        raise typer.BadParameter("--order goes with --as done")
    if order_id is not None and not is_id(order_id):
        raise typer.BadParameter("--order must be the number of a Revel order")
    if options.no_order_exists and options.word != "open":
        raise typer.BadParameter("--no-order-exists goes with --as open")
    return replace(options, note=note, order_id=order_id)


def _ask(ctx: CliContext, question: Callable[[Services, Policy], T]) -> T | str:
    """The services' answer, or why they can't be asked."""
    try:
        settings = ctx.load_settings()
        why = why_disabled(settings, ctx.runtime)
        if why is None:
            with open_services(settings, ctx.runtime) as services:
                return question(services, build_policy(settings))
    except ConfigError:
        return "the settings for Revel are incomplete; run `tsrevel config validate`"
    except (CredentialsRefused, TryNextRun, Refused) as error:
        return str(error)
    return why


def _look_for(ctx: CliContext, order_id: OrderId, event: str) -> _Named:
    """The order as Revel has it, and its event. Raises typer.BadParameter if Revel hasn't got the order.

    An event id that is no number isn't asked for.
    """
    event_id = EventId(event.strip()) if is_id(event.strip()) else None

    def look(services: Services, policy: Policy) -> _Named:
        row = services.revel.find_by_id(order_id)
        if row is None or services.revel.is_gone(row):
            what = "is deleted or voided in Revel" if row else "doesn't exist in Revel"
            raise typer.BadParameter(f"order {order_id} {what}; nothing was stored; look up its number in Revel")
        if event_id is None:
            return _Named(order_id, row)
        standing = _find_standing(services.revel, event_id, policy)
        others = tuple(each for each in standing if each != order_id)
        return _with_event(_Named(order_id, row, others=others), services.tripleseat, event_id)

    found = _ask(ctx, look)
    if isinstance(found, str):
        return _Named(order_id, unchecked=f"whether Revel has order {order_id} wasn't checked: {found}")
    return found


def _find_standing(revel: Revel, event_id: EventId, policy: Policy) -> tuple[OrderId, ...]:
    """The orders under the event's uuid or one of its `local_id`s, unless they are voided."""
    uuid = order_uuid(event_id)
    found = (*revel.find_orders(uuid, known_local_ids(policy, event_id)), *revel.find_by_uuid(uuid))
    rows = {row.id: row for row in found}
    return tuple(sorted(row.id for row in rows.values() if not revel.is_gone(row)))


def _refuse_doubles(ctx: CliContext, event_id: EventId) -> list[str]:
    """Raise typer.BadParameter if Revel still has more than one order of the event. A warning if it can't be asked.

    No run looks at a resolved event without an order of its own again, so it would say nothing of them any more.
    """
    standing = _ask(ctx, lambda services, policy: _find_standing(services.revel, event_id, policy))
    if isinstance(standing, str):
        return [f"Revel had more than one order of it, and no run checks that again; now it wasn't checked: {standing}"]
    if len(standing) > 1:
        raise typer.BadParameter(
            f"Revel has {len(standing)} orders of event {event_id}: {', '.join(standing)}; nothing was stored; delete "
            "or void the wrong ones there, and the next run takes in the one that is left"
        )
    return []


def _with_event(named: _Named, tripleseat: TripleSeat, event_id: EventId) -> _Named:
    """The same with its event, or why TripleSeat doesn't return that."""
    try:
        found = fetch_event(tripleseat, event_id)
    except (ConfigError, CredentialsRefused, TryNextRun) as error:
        why = str(error)
    else:
        if isinstance(found, Event):
            return replace(named, event=found)
        why = found.text
    return replace(named, unchecked=f"order {named.order_id} wasn't compared with the event: {why}")


def _refuse_order_of_another(ledger: Ledger, event_id: EventId, named: _Named, policy: Policy) -> None:
    """Raise typer.BadParameter if the order stands for another event: then one of the two would have none."""
    owner = _find_owner(ledger, event_id, named.order_id, named.row, policy)
    if owner:
        other, why = owner
        raise typer.BadParameter(
            f"order {named.order_id} is the order of event {other} ({why}); nothing was stored; look up in Revel the "
            f"number of the order of event {event_id}"
        )


def _compare_named(event_id: EventId, named: _Named, before: _Before, policy: Policy) -> list[str]:
    """How the named order differs from the event. Raises typer.BadParameter if it is at another establishment.

    Our own order may be: its event may have moved since.
    """
    row, event = named.row, named.event
    if row is None:
        return []
    is_ours = row.uuid == order_uuid(event_id) or (before.record is not None and before.record.order_id == row.id)
    if event:
        location = find_location(event, policy)
    else:  # where it was when a run last saw it
        location = find_named(before.standing.location, policy) if before.standing else None
    if location and location.establishment != row.establishment and not is_ours:
        raise typer.BadParameter(
            f"{named.text(policy)}; but event {event_id} is at {location.name} "
            f"(establishment {location.establishment}). Nothing was stored; look up in Revel the number of the order "
            f"of event {event_id}. If it has none there, leave --order out"
        )
    found = []
    if named.others:
        ids = ", ".join(named.others)
        found.append(f"Revel order {ids} of this event stands, too; delete or void there what isn't wanted")
    if location and location.establishment != row.establishment:
        found.append(f"the event is at {location.name} (establishment {location.establishment}) now")
    elif location is None:
        found.append("the event's location is unknown; check that the order is at the right establishment")
    if event and event.grand_total is not None and to_cents(event.grand_total) != row.amounts["total"]:
        found.append(
            f"order {row.id} has the total {_total(row)}, but the event has {show(to_cents(event.grand_total))} in "
            "TripleSeat; check that it is the right order"
        )
    return found


def _total(row: OrderRow) -> str:
    return show(row.amounts["total"])


def _find_owner(
    ledger: Ledger, event_id: EventId, order_id: OrderId, order: OrderRow | None, policy: Policy
) -> tuple[EventId, str] | None:
    """Another event whose order it is, and how that shows. A uuid of ours proves more than a name."""
    if order:
        known = (each for each, _ in ledger.queries.recent_events("", EVERY_EVENT))
        named = owner_of(order, policy, chain([event_id], known))
        if named and named != event_id:
            by_uuid = order.uuid == order_uuid(named)
            return named, "by its uuid" if by_uuid else f"its local_id is {order.local_id!r}"
    for each in ledger.events.all_resolutions():
        if each.event_id != event_id and named_order(each) == order_id:
            return each.event_id, "a person named it when that event was resolved"
    others = [each for each in ledger.orders.events_of(order_id) if each != event_id]
    return (others[0], "according to the ledger") if others else None


def _recall(ledger: Ledger, event_id: EventId) -> _Before:
    reasons = [each.reason for each in find_changed(ledger) if each.event_id == event_id]
    return _Before(
        ledger.queries.event_status(event_id),
        ledger.orders.get(event_id),
        ledger.events.resolutions([event_id]).get(event_id),
        tuple(each for each in reasons if each != Reason.LEDGER_LOST),
    )


def _find_refusal(
    settings: Settings, runtime: Runtime, event_id: EventId, before: _Before, options: ResolveOptions
) -> str | None:
    """Why the event must not be opened again, or None.

    Runs can miss an order entered by hand, because of its local_id. So every order that was named since the event was
    last open must be gone, unless it is ours: runs find that by its uuid. If none was named, a person must say that
    there is none.
    """
    resolution = before.resolution
    if resolution is None or (before.is_finished and not before.has_foreign):
        return None
    if resolution.was_done and not resolution.orders and not options.no_order_exists:
        return (
            f"event {event_id} was resolved as done without --order. If its order was entered by hand, the "
            "next run may not find it and would make a SECOND one. Check in Revel. If there is one, run "
            f'`tsrevel resolve {event_id} --as done --order ID --note "entered by hand"`. If '
            f'there is none, run `tsrevel resolve {event_id} --as open --note "no order" --no-order-exists`'
        )
    if not resolution.orders:
        return None
    named = ", ".join(resolution.orders)
    why = why_disabled(settings, runtime)
    if why:
        return f"tsrevel can't check whether Revel order {named} still stands: {why}"
    try:
        with open_services(settings, runtime) as services:
            found = [row for each in resolution.orders if (row := services.revel.find_by_id(each))]
            rows = services.revel.standing(found)
    except (TryNextRun, Refused) as error:
        raise ServiceDown(f"tsrevel can't check whether Revel order {named} still stands: {error}") from error
    standing = ", ".join(row.id for row in rows if row.uuid != order_uuid(event_id))
    if not standing:
        return None
    return f"Revel order {standing} still stands, and a run would make a second one; delete or void it in Revel first"


def _lines(event_id: EventId, before: _Before, after: Resolution | None, warnings: Sequence[str]) -> list[str]:
    if after is None:
        was_settled = before.resolution or before.has_foreign
        told = _tell_opened(before) if was_settled else "was not resolved; nothing changed"
    elif before.is_finished:
        told = f"is noted as {after.verdict}"
    else:
        told = f"is resolved as {after.verdict}; runs skip it from now on ({REASONS[after.verdict]})"
    return [f"event {event_id} {told}", *(f"note: {each}" for each in warnings)]


def _tell_opened(before: _Before) -> str:
    """The next step for the event, now that it is open again."""
    record = before.record
    if record is None:
        return "is open again; the next run reads it again and decides"
    order = f"Revel order {record.order_id}" if record.order_id else "the order that it began"
    match record.state:
        case "settled":
            return f"is open again; tsrevel made {order} for it, so runs make no other and report its changes again"
        case "foreign":
            told = "is open again; the next run searches Revel, and if the event is due, makes an order"
            return f"{told} unless {order} or another stands"
        case "claimed":
            return f"is open again; the next run finishes {order}"
        case "disputed":
            return f"is open again; runs hold it until {order} is right"


def _warnings(before: _Before, after: Resolution | None, options: ResolveOptions) -> list[str]:
    """Facts that the person may not know."""
    found = []
    record, resolution = before.record, before.resolution
    if after and before.is_finished and before.standing and before.standing.reason == Reason.DUPLICATE_ORDERS:
        found.append("Revel has more than one order of it; runs go on reporting that (exit 14) until one is left")
    if after and record:
        if before.is_finished:
            found.append(f"the ledger has Revel order {record.order_id} for it; runs still report its changes")
            settled = ", ".join(before.changes)
            if settled:
                found.append(f"no run reports this again: {settled}. If Revel still needs a correction, make it now")
        elif record.state == "claimed":
            number = f"Revel order {record.order_id}" if record.order_id else "an order that may be in Revel"
            found.append(f"{number} is unfinished, and no run finishes it now; finish or delete it in Revel")
        elif record.state == "disputed":
            found.append(f"no run finishes or corrects Revel order {record.order_id}; correct or void it in Revel")
    if after and len(after.orders) > 1:
        found.append(f"orders named for it so far: {', '.join(after.orders)}")
    if options.word == "open" and resolution:
        if record and record.order_id and not before.has_foreign:
            found.append(
                f"if Revel order {record.order_id} was deleted and the event needs one, enter it by hand and run "
                f'`tsrevel resolve {record.event_id} --as done --order ID --note "entered by hand"`'
            )
        only_ours = record is not None and not before.has_foreign and set(resolution.orders) == {record.order_id}
        may_make = before.has_foreign or not (before.is_finished or (record and record.state == "disputed"))
        if resolution.verdict == "done" and may_make and not only_ours:
            found.append(
                "runs find an order entered by hand only by its local_id; without it, a run that makes an order for "
                "the event makes a SECOND one"
            )
    return found
