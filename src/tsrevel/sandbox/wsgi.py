"""Decodes HTTP requests and encodes answers for both pretend services.

Standard library only. Routing, state and business rules are elsewhere.
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
"""One JSON object. Money that Revel sends as a number is a Decimal here, and a JSON number in answers."""


def copy_json(value: Copied) -> Copied:
    """A copy that shares no list or dict with `value`. Several times faster than `copy.deepcopy`."""
    if isinstance(value, dict):
        return {key: copy_json(each) for key, each in value.items()}  # type: ignore[return-value]
    if isinstance(value, list):
        return [copy_json(each) for each in value]  # type: ignore[return-value]
    return value


class ConnectionCut(ConnectionError):
    """The connection ends without an answer.

    The WSGI call raises it. The loopback server then closes the socket; an in-process transport may raise the client
    library's read error.
    """


class AnswerError(Exception):
    """Ends a request early, with this answer."""

    def __init__(self, response: Response) -> None:
        self.response = response
        super().__init__(str(response.status))


@dataclass(frozen=True, slots=True)
class Request:
    """One request. The query is ordered pairs; header names are in lower case."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes

    def first(self, name: str) -> str | None:
        """The first value of a query parameter; None if it is missing."""
        return next((value for key, value in self.query if key == name), None)

    def listed(self, name: str) -> list[str]:
        """The values of a list parameter: `a=1,2`, `a=1&a=2` and `a[]=1&a[]=2` mean the same."""
        given = [value for key, value in self.query if key in (name, f"{name}[]")]
        return [part.strip() for value in given for part in value.split(",") if part.strip()]

    def form(self) -> dict[str, str]:
        """The body as a form; {} if its content type is another one."""
        if not self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return {}
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def json_object(self) -> Json | None:
        """The body as one JSON object with exact decimals; None if it isn't one."""
        try:
            decoded = json.loads(self.body, parse_float=Decimal)
        except ValueError:
            return None
        return decoded if isinstance(decoded, dict) else None


@dataclass(frozen=True, slots=True)
class Response:
    """One complete answer. Nothing is streamed."""

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
    """An answer in JSON. Decimals become JSON numbers, as in Revel's answers."""
    body = json.dumps(data, default=_plain_number, ensure_ascii=False).encode()
    return Response(status, body, (("Content-Type", "application/json; charset=utf-8"), *headers))


def html_response(text: str, status: int = 200) -> Response:
    return Response(status, text.encode(), (("Content-Type", "text/html; charset=utf-8"),))


def _plain_number(value: object) -> float:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} can't be sent as JSON")
