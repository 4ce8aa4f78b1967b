"""Raw requests to Revel, to test assumptions about it. Rows are returned as they come, without any check.

Only reads, one page for each request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from tsrevel.errors import ConnectionMisconfigured, CredentialsRefused, Refused, StopRun, TryNextRun, TsrevelError
from tsrevel.revel.decode import Row
from tsrevel.revel.paging import decode_page
from tsrevel.transport.api import ApiClient, ApiService
from tsrevel.transport.responses import ProbeAnswer


@dataclass(frozen=True, slots=True)
class RevelAnswer(ProbeAnswer):
    """A page of rows, if it is a good answer. `next` and `total` come from the page's `meta`."""

    rows: tuple[Row, ...] = ()
    next: str | None = None
    total: int | None = None


class RevelProbe(ApiService):
    """Sends raw requests to one Revel account. It raises nothing: the answer says what went wrong.

    If Revel can't be reached, it sends no further request. `has_answered`: at least one answer could be used; `error`
    is why the last one couldn't.
    """

    def __init__(self, client: ApiClient) -> None:
        super().__init__(client)
        self._unreachable = ""
        self.has_answered = False
        self.error: TsrevelError | None = None

    def list_rows(self, resource: str, **params: str) -> RevelAnswer:
        """The first page of a list. `params` are sent as they are."""
        return self._ask(f"/resources/{resource}/", params, resource)

    def follow(self, resource: str, page: RevelAnswer, params: Mapping[str, str]) -> RevelAnswer:
        """The page after `page`. `params` are the parameters of the request for `page`."""
        query = dict(parse_qsl(urlsplit(page.next or "").query, keep_blank_values=True))
        return self._ask(f"/resources/{resource}/", {**params, **query}, resource)

    def one(self, resource: str, row_id: str) -> RevelAnswer:
        """The row with that id, as the answer's only row."""
        return self._ask(f"/resources/{resource}/{row_id}/", {}, "")

    def several(self, resource: str, row_ids: tuple[str, ...]) -> RevelAnswer:
        """The rows with these ids, in one request (facts Revel 2.1)."""
        return self._ask(f"/resources/{resource}/set/{';'.join(row_ids)}/", {}, resource)

    def _ask(self, path: str, params: Mapping[str, str], resource: str) -> RevelAnswer:
        if self._unreachable:
            return RevelAnswer(problem=self._unreachable)
        try:
            answer = self._client.read(path, dict(params))
            page = decode_page(answer, resource) if resource else None
        except Refused as refused:
            self.error = refused
            return RevelAnswer(refused=refused.status)
        except CredentialsRefused as refused:
            self.error = refused
            return RevelAnswer(problem=refused.without_advice)
        except (TryNextRun, StopRun) as error:
            self.error = error
            text = " ".join(str(error).split())
            if isinstance(error, ConnectionMisconfigured) or not self._client.sender.answered:
                self._unreachable = text
            return RevelAnswer(problem=text)
        self.has_answered = True
        if page is None:
            return RevelAnswer((answer,) if isinstance(answer, dict) else (), total=1)
        return RevelAnswer(page.rows, page.next, page.total)
