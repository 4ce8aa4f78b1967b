"""What both pretend services need to speak HTTP: requests in, answers out, nothing else.

Standard library only. No routing, no state and no business rule lives here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from http.client import responses
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

Copied = TypeVar("Copied")
Json = dict[str, Any]
"""One JSON object. Money that Revel sends as a number is held as Decimal and leaves as a JSON number."""


def copy_json(value: Copied) -> Copied:
    """A copy that shares no list and no object with `value`; several times as fast as `copy.deepcopy`."""
    if isinstance(value, dict):
        return {key: copy_json(each) for key, each in value.items()}  # type: ignore[return-value]
    if isinstance(value, list):
        return [copy_json(each) for each in value]  # type: ignore[return-value]
    return value


class ConnectionCut(ConnectionError):
    """The connection ends without a byte of answer.

    It leaves the WSGI call as an exception: the loopback server closes the socket, and an in-process
    transport may turn it into the client library's own read error.
    """


class AnswerError(Exception):
    """Ends the work on a request early, with this answer."""

    def __init__(self, response: Response) -> None:
        self.response = response
        super().__init__(str(response.status))


@dataclass(frozen=True, slots=True)
class Request:
    """One request, its query as ordered pairs and its header names in lower case."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes

    def first(self, name: str) -> str | None:
        """The first value of a query parameter; None when it isn't there."""
        return next((value for key, value in self.query if key == name), None)

    def listed(self, name: str) -> list[str]:
        """A list parameter: `a=1,2`, `a=1&a=2` and `a[]=1&a[]=2` all mean the same."""
        given = [value for key, value in self.query if key in (name, f"{name}[]")]
        return [part.strip() for value in given for part in value.split(",") if part.strip()]

    def form(self) -> dict[str, str]:
        """The body as a form; empty when it isn't sent as one."""
        if not self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return {}
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def json_object(self) -> Json | None:
        """The body as one JSON object with exact decimals; None when it is anything else."""
        try:
            decoded = json.loads(self.body, parse_float=Decimal)
        except ValueError:
            return None
        return decoded if isinstance(decoded, dict) else None


@dataclass(frozen=True, slots=True)
class Response:
    """One answer, complete: nothing is streamed."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def status_line(self) -> str:
        return f"{self.status} {responses.get(self.status, 'Unknown')}"


def read_request(environ: WSGIEnvironment) -> Request:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    headers = {
        key[5:].replace("_", "-").lower(): str(value) for key, value in environ.items() if key.startswith("HTTP_")
    }
    headers["content-type"] = str(environ.get("CONTENT_TYPE") or "")
    return Request(
        method=str(environ["REQUEST_METHOD"]).upper(),
        path=str(environ.get("PATH_INFO") or "/"),
        query=tuple(parse_qsl(str(environ.get("QUERY_STRING") or ""), keep_blank_values=True)),
        headers=headers,
        body=environ["wsgi.input"].read(length) if length else b"",
    )


def json_response(data: object, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """An answer in JSON; Decimals leave as plain JSON numbers, as Revel sends them."""
    body = json.dumps(data, default=_plain_number, ensure_ascii=False).encode()
    return Response(status, body, (("Content-Type", "application/json; charset=utf-8"), *headers))


def html_response(text: str, status: int = 200) -> Response:
    return Response(status, text.encode(), (("Content-Type", "text/html; charset=utf-8"),))


def _plain_number(value: object) -> float:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} can't be sent as JSON")
