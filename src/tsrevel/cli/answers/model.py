"""The parts of answers: how money, ids and instants are printed, the failure, and the encoding."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, PlainSerializer, TypeAdapter

from tsrevel.planning.money import Cents, show
from tsrevel.planning.reasons import Reason

T = TypeVar("T")


def show_instant(at: datetime) -> str:
    """An instant as all answers print it: to the second, in UTC."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


_AMOUNT = Annotated[str, Field(pattern=r"^-?[0-9]+\.[0-9]{2}$")]
_INSTANT = Annotated[
    str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z$", json_schema_extra={"format": "date-time"})
]

Money = Annotated[Cents, PlainSerializer(show, return_type=_AMOUNT)]
"""An amount with two decimals, as a string."""
Instant = Annotated[datetime, PlainSerializer(show_instant, return_type=_INSTANT)]
Id = Annotated[int | str, PlainSerializer(str, return_type=str)]
"""Every id is a string."""
OrderId = Annotated[Id | None, Field(serialization_alias="revel_order_id")]
Text = Annotated[str | None, PlainSerializer(lambda text: text or None, return_type=str | None)]
"""A text; null for an empty one."""
IfAny = Annotated[T, Field(exclude_if=lambda value: value is None or value == ())]
"""The key is left out if its value is null or empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The keys of every answer. `schema` is raised when a key changes its meaning or is removed."""

    schema: Literal[1] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Done(Answer):
    """The keys of a command that has no other answer but success. A failure is a FailureAnswer."""

    success: Literal[True] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemJson:
    """One problem of the settings."""

    key: str
    origin: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureAnswer(Answer):
    """The answer of any command that failed. `problems`: every problem of the settings."""

    success: Literal[False] = False
    reason: Reason | None = None
    error: str
    exit_status: int
    problems: IfAny[tuple[ProblemJson, ...]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingCheckedAnswer(FailureAnswer):
    """The answer of a command that could check nothing, such as while runs are paused or disabled."""

    text: str


def fill(kind: type[T], source: object, **more: object) -> T:
    """An answer with the fields `more`, and for the rest the attributes of `source` with the same names."""
    names = [each.name for each in fields(kind) if each.name not in more and hasattr(source, each.name)]  # type: ignore[arg-type]
    return kind(**{name: getattr(source, name) for name in names}, **more)


def encode(answer: Answer) -> dict[str, Any]:
    """The answer as the JSON object that is printed."""
    kind: Any = type(answer)
    encoded: dict[str, Any] = adapter(kind).dump_python(answer, mode="json", by_alias=True, warnings=False)
    return encoded


@cache
def adapter(kind: Any) -> TypeAdapter[Any]:  # noqa: ANN401 (a class, or a union of several)
    """The encoder of answers of this type; it also writes their schema."""
    return TypeAdapter(kind)
