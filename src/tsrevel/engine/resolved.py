"""Events that a person has settled: runs leave them alone, and say once if such an event changes afterwards. Pure."""

from __future__ import annotations

from dataclasses import replace

from tsrevel.engine.report import Outcome, not_written
from tsrevel.ledger import Resolution
from tsrevel.planning.model import Skip
from tsrevel.planning.reasons import Reason

REASONS = {"done": Reason.ALREADY_INJECTED, "ignored": Reason.STATUS_NOT_ELIGIBLE}
"""No code of the fixed list is about a person's word: these say what that word comes to. The event has what it needs,
or it is none that may become an order."""


def leave_resolved(about: Outcome, resolution: Resolution, *, changed: bool) -> Outcome:
    """Skipped, for a person said so; `changed`: told as news, since the person may think otherwise now."""
    known = replace(about, order_id=resolution.order_id or about.order_id)
    if not changed:
        return not_written(known, Skip(REASONS[resolution.verdict], describe_resolution(resolution)))
    has_order = resolution.verdict == "done" and known.order_id
    reason = Reason.CHANGED_AFTER_INJECTION if has_order else REASONS[resolution.verdict]
    text = f"it has changed since: {describe_resolution(resolution)}"
    return replace(not_written(known, Skip(reason, text)), news=True)


def has_changed(resolution: Resolution, digest: str | None) -> bool:
    """Whether the event's content, as the listing tells it, is another than when it was resolved, or last told."""
    return digest is not None and resolution.digest is not None and digest != resolution.digest


def describe_resolution(resolution: Resolution) -> str:
    """Who said what, when, and how to take it back; without the note, which is for `history`."""
    order = f" with Revel order {resolution.order_id}" if resolution.order_id else ""
    said = f"a person resolved it as {resolution.verdict}{order} on {resolution.resolved_at:%Y-%m-%d %H:%M} UTC"
    return f"{said}; `tsrevel resolve {resolution.event_id} --as open --note T` takes that back"
