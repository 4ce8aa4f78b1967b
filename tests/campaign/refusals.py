"""What a service says when it refuses: in every shape that was met, and repeating what was sent (facts Revel 2.3)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .scenario import CONTACT

if TYPE_CHECKING:
    from collections.abc import Callable

    from .alphabet import Point

NAMES = " ".join(CONTACT)


def refusal(point: Point) -> tuple[str, str]:
    """An error's content type and body, its shape decided by the point's number.

    Where a read is answered, the `error` text itself is clean, since a run may quote it; what stands beside it isn't.
    """
    shapes = _OF_REVEL if point.service == "Revel" else _OF_TRIPLESEAT
    said = shapes[point.number % len(shapes)](_sent(point), point.method != "GET")
    if isinstance(said, str):
        return "text/html; charset=utf-8" if said.startswith("<") else "text/plain; charset=utf-8", said
    return "application/json", json.dumps(said)


def _sent(point: Point) -> str:
    body = point.body.decode("utf-8", "replace")
    return f"{body or point.path} of {NAMES}"


def _text(sent: str, written: bool) -> str:
    return f"could not save {sent}" if written else "the request could not be carried out"


_OF_REVEL: tuple[Callable[[str, bool], object], ...] = (
    lambda sent, _: {"error": {"Order": {"call_name": [f"{sent} is too long"], "notes": [sent]}}},
    lambda sent, written: {"error": _text(sent, written)},
    lambda sent, written: {"error_message": _text(sent, written), "traceback": f"Traceback: {sent}"},
    lambda sent, _: {"Order": {"call_name": [sent]}},
    lambda sent, _: {"call_name": [sent], "notes": [sent]},
    lambda sent, _: sent,
    lambda sent, _: f"<h1>Server Error</h1><pre>{sent}</pre>",
    lambda _sent, _: "",
)
_OF_TRIPLESEAT: tuple[Callable[[str, bool], object], ...] = (
    lambda sent, _: {"errors": {"contact": [f"{NAMES} must be selected"], "base": [sent]}},
    lambda _sent, _: {"error": "the request could not be carried out"},
    lambda sent, _: {"success": False, "error": "the request could not be carried out", "request": sent},
    lambda sent, _: f"<h1>We're sorry</h1><pre>{sent}</pre>",
    lambda _sent, _: "",
)
