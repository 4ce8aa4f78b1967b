"""The answers of the `map` commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from tsrevel.cli.answers.model import Answer, Done, Id, Money
from tsrevel.planning.reasons import Reason, Status

First = Annotated[date, Field(serialization_alias="from")]
Last = Annotated[date, Field(serialization_alias="to")]


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingJson:
    """A mapping: of a name, or of a menu item, to a product."""

    establishment: Id
    name: str | None
    menu_item_id: Id | None
    product: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedMappingJson(MappingJson):
    """A mapping and its product. `exists` is null if Revel was not asked."""

    exists: bool | None
    product_name: str | None
    price: Money | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductJson:
    """An active product of an establishment."""

    id: Annotated[Id, Field(serialization_alias="product")]
    name: str
    establishment: Id
    price: Money | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MapProductsAnswer(Done):
    """The active products whose names match, as Revel shows them now."""

    source: Literal["revel"] = "revel"
    products: tuple[ProductJson, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateJson(ProductJson):
    """A product that a name may mean. `score`: 1 means the same name."""

    score: float
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NameJson:
    """A name without a product, where it was seen, and at which unit prices."""

    establishment: Id
    name: str
    menu_item_id: str | None
    why: str | None
    events: tuple[Id, ...]
    menus: tuple[str, ...]
    prices: tuple[Money, ...]
    candidates: tuple[CandidateJson, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenNameJson:
    """A name on events and menus. `matched_by`: how its product was found; null if it has none."""

    establishment: Id
    name: str
    menu_item_id: str | None
    way: Annotated[str | None, Field(serialization_alias="matched_by")]
    why: str | None
    product: Id | None
    product_name: str | None
    price: Money | None
    events: tuple[Id, ...]
    menus: tuple[str, ...]
    prices: tuple[Money, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOutJson:
    """An event that could not be read, and why."""

    event: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MapSuggestAnswer(Done):
    """The names without a product on the events of these days, and on menus, each with the likeliest products.

    `events_error`: why events may be missing.
    """

    days: int
    first: First
    last: Last
    menus_error: str | None
    events_error: str | None
    events_left_out: tuple[LeftOutJson, ...]
    unmapped: tuple[NameJson, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MapListAnswer(Done):
    """Every mapping."""

    path: str | None
    mappings: tuple[CheckedMappingJson, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MapListSeenAnswer(MapListAnswer):
    """The mappings, and with --seen every name on the events of these days and on menus."""

    days: int
    first: First
    last: Last
    menus_error: str | None
    events_error: str | None
    events_left_out: tuple[LeftOutJson, ...]
    seen: tuple[SeenNameJson, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MapSetAnswer(Done):
    """A mapping that was written. `product`: the product in Revel, if Revel was asked (`checked`)."""

    path: str
    mapping: MappingJson
    replaced: tuple[MappingJson, ...]
    checked: bool
    product: ProductJson | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MapUnsetAnswer(Done):
    """The mappings that were removed."""

    path: str
    removed: tuple[MappingJson, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageSummaryJson:
    """How many events there are, and how many would have each result."""

    events: int
    covered: int
    held: int
    failed: int
    skipped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UncoveredEventJson:
    """An event that would be held or fail. `names`: its lines without a product."""

    event_id: Annotated[Id, Field(serialization_alias="event")]
    day: Annotated[date | None, Field(serialization_alias="date")]
    location: str
    establishment: Id | None
    status: Status
    reason: Reason | None
    text: Annotated[str, Field(serialization_alias="error")]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MapCheckAnswer(Answer):
    """Whether every event of these days would become an order. `skipped`: how many are left out, by reason.

    `events_error`: why events may be missing.
    """

    success: bool
    days: int
    first: First
    last: Last
    summary: CoverageSummaryJson
    skipped: Mapping[str, int]
    held: tuple[UncoveredEventJson, ...]
    events_error: str | None
    exit_status: int
