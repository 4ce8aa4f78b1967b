"""Raw requests to TripleSeat, to test assumptions about it. Rows are returned as they come, and none is left out.

Only reads, one page for each request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from tsrevel.errors import (
    ConfigError,
    ConnectionMisconfigured,
    CredentialsRefused,
    Refused,
    StopRun,
    TokenRefused,
    TryNextRun,
    TsrevelError,
    Unreadable,
)
from tsrevel.transport.responses import Json, ProbeAnswer
from tsrevel.tripleseat.client import TripleSeat
from tsrevel.tripleseat.decode import unwrap
from tsrevel.tripleseat.fields import read_number

EventRow = Mapping[str, Json]
_FINANCIALS = {"show_financial": "true"}
_PREFIXES = ("/v1", "/api/v1")
"""facts TripleSeat 1.8: webhook endpoints are documented under the longer one."""


@dataclass(frozen=True, slots=True)
class TripleSeatAnswer(ProbeAnswer):
    """Rows, if it is a good answer."""

    rows: tuple[EventRow, ...] = ()
    pages: int | None = None


class TripleSeatProbe:
    """Sends raw requests to one TripleSeat account. It raises nothing: the answer says what went wrong.

    If TripleSeat can't be reached, or there is no token, it sends no further request. `has_answered`: at least one
    answer could be used; `error` is why the last one couldn't.
    """

    def __init__(self, tripleseat: TripleSeat) -> None:
        self._tripleseat = tripleseat
        self._unreachable = ""
        self.has_answered = False
        self.error: TsrevelError | None = None

    @property
    def skew(self) -> float | None:
        """Seconds by which TripleSeat's clock is ahead of ours. None if no answer had a date."""
        return self._tripleseat.skew

    def search(self, prefix: str, first: date, last: date, page: int = 1) -> TripleSeatAnswer:
        """One page of a search: by the event's day ("event") or last change ("event_updated") (facts TripleSeat 2)."""
        span = {f"{prefix}_start_date": f"{first:%m/%d/%Y}", f"{prefix}_end_date": f"{last:%m/%d/%Y}"}
        order = {"order": "created_at", "sort_direction": "asc", "page": str(page)}
        return self._ask("/v1/events/search", {**span, **order}, "event", listed="results")

    def event(self, event_id: str) -> TripleSeatAnswer:
        """One event with its money, as the answer's only row."""
        return self._ask(f"/v1/events/{event_id}", _FINANCIALS, "event")

    def webhook_endpoints(self, site_id: str) -> TripleSeatAnswer:
        """The webhook endpoints of a site (facts TripleSeat 6.1)."""
        answer = TripleSeatAnswer(refused=404)
        for prefix in _PREFIXES:
            if answer.refused == 404:
                answer = self._ask(f"{prefix}/sites/{site_id}/webhook_endpoints", {}, "webhook_endpoint", listed="")
        return answer

    def _ask(self, path: str, params: Mapping[str, str], name: str, listed: str | None = None) -> TripleSeatAnswer:
        """`listed`: the key of the list in the answer, "" if the answer may be the list, None if it is one object."""
        if self._unreachable:
            return TripleSeatAnswer(problem=self._unreachable)
        try:
            answer = self._tripleseat.read(path, params)
            if listed is None:
                row = unwrap(answer, name)
                self.has_answered = True
                return TripleSeatAnswer((row,))
            rows = answer.get(listed or f"{name}s") if isinstance(answer, dict) else None if listed else answer
            if not isinstance(rows, list):
                raise Unreadable(f"{path} answered without a list")
            self.has_answered = True
            total = read_number(answer.get("total_pages")) if isinstance(answer, dict) else None
            found = tuple(unwrap(row, name) for row in rows if isinstance(row, dict))
            return TripleSeatAnswer(found, int(total) if total is not None else None)
        except Refused as refused:
            self.error = refused
            return TripleSeatAnswer(refused=refused.status)
        except CredentialsRefused as refused:
            self.error = refused
            if isinstance(refused, TokenRefused):
                self._unreachable = refused.without_advice
            return TripleSeatAnswer(problem=refused.without_advice)
        except (TryNextRun, StopRun) as error:
            self.error = error
            text = " ".join(str(error).split())
            if isinstance(error, ConfigError | ConnectionMisconfigured) or not self._tripleseat.answered:
                self._unreachable = text
            return TripleSeatAnswer(problem=text)
