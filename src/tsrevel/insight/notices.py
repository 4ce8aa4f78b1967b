"""Finds the notices of a mail that are no longer true. Only reads the ledger.

A mail that couldn't be sent is sent by a later run. Until then a person may have settled what it reports.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tsrevel.insight.drift import find_changed
from tsrevel.ledger import LastResult, LedgerView, OrderRecord, Resolution
from tsrevel.ledger.outbox import Notice
from tsrevel.notify.message import Ending, StateSince
from tsrevel.planning.reasons import TROUBLE, Reason, Status


@dataclass(frozen=True, slots=True)
class _Known:
    """One event as the ledger knows it. `told`: the open change's reason; `still`: what of it wasn't undone.

    `in_trouble`: `status` lists it as held or failed, though a person may have resolved it.
    """

    last: LastResult | None
    record: OrderRecord | None
    resolution: Resolution | None
    told: str | None
    still: tuple[str, ...]
    in_trouble: bool

    @property
    def is_finished(self) -> bool:
        return self.record is not None and self.record.is_finished


def find_states_since(view: LedgerView, notices: Sequence[Notice]) -> list[StateSince | None]:
    """For each notice None if it is still true, else how its event stands now."""
    ids = [each.event_id for each in notices if each.occasion != "injected"]
    if not ids:
        return [None] * len(notices)
    with view.reading():
        results, records = view.events.last_results(ids), view.orders.find(ids)
        resolutions = view.events.resolutions(ids)
        told = {each.event_id: each.reason for each in view.queries.open_changes()}
        still = [(each.event_id, each.reason) for each in find_changed(view)] if told else []
        trouble = {each.event_id for each in view.queries.held_or_failed()}
    states: list[StateSince | None] = []
    for notice in notices:
        event = notice.event_id
        known = _Known(
            last=results.get(event),
            record=records.get(event),
            resolution=resolutions.get(event),
            told=told.get(event),
            still=tuple(reason for changed, reason in still if changed == event),
            in_trouble=event in trouble,
        )
        states.append(_find_state(notice, known))
    return states


def _find_state(notice: Notice, known: _Known) -> StateSince | None:
    match notice.occasion:
        case "injected":
            return None
        case "changed":
            return _find_state_after_change(notice, known)
        case _:
            return _find_state_without_order(notice, known)


def _find_state_after_change(notice: Notice, known: _Known) -> StateSince | None:
    """A person settles a change. Unsettled, it may be another one by now, or event and order may agree again."""
    if known.told is None:
        ending = Ending.RESOLVED if known.resolution else Ending.REOPENED
        return None if known.is_finished and not known.resolution else StateSince(ending)
    if known.still:
        return None if notice.reason in known.still else StateSince(Ending.OTHER, Status.SKIPPED, known.still[0])
    was_looked_at = known.last is not None and known.last.run_id != notice.run_id
    return StateSince(Ending.AGREES) if known.is_finished and was_looked_at else None


def _find_state_without_order(notice: Notice, known: _Known) -> StateSince | None:
    """A held, failed or missed event may have its order by now, or be in another state."""
    if known.resolution and not known.in_trouble:
        return StateSince(Ending.RESOLVED)
    last = known.last
    if last and notice.occasion == "missed":
        is_same = last.reason == Reason.EVENT_DAY_PASSED and last.was_missed_on(notice.day)
    else:
        is_same = last is None or (last.status, last.reason) == (notice.occasion, notice.reason)
    if is_same and not (known.is_finished and (last is None or notice.occasion == "missed")):
        return None
    if known.record and known.is_finished and (last is None or last.status not in TROUBLE):
        return StateSince(Ending.ORDER_FOUND if known.record.state == "foreign" else Ending.ORDER_MADE)
    return StateSince(Ending.OTHER, Status(last.status), last.reason) if last else None
