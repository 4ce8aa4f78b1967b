"""The answers of `ledger check`, `backup`, `export`, `prune`, and of `pause` and `resume`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from tsrevel.cli.answers.model import Answer, Done, IfAny, Instant
from tsrevel.cli.answers.runs import PauseJson
from tsrevel.ledger import OrderState


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSummaryAnswer(Done):
    """A sound ledger. `last_at`: the time of the last row of its audit."""

    path: str
    size: Annotated[int, Field(serialization_alias="bytes")]
    version: int
    newest: Annotated[int, Field(serialization_alias="newest_version")]
    facts: Annotated[int, Field(serialization_alias="audit_rows")]
    last_at: IfAny[Instant | None] = None
    tables: Mapping[str, int]
    orders: Mapping[OrderState, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerCheckAnswer(LedgerSummaryAnswer):
    """A sound ledger. `exists` is always true: if there is none, the command fails."""

    exists: Literal[True] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerBackupAnswer(LedgerSummaryAnswer):
    """A copy of the ledger, checked."""

    backup: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerExportAnswer(Done):
    """An export to a file. Without --output each row is printed as a JSON line."""

    output: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow(Answer):
    """A row of a table of the ledger, with its columns."""

    __pydantic_config__ = ConfigDict(extra="allow")
    table: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPruneAnswer(Done):
    """How many rows of each table are removed, or would be in a dry run."""

    dry_run: bool
    older_than_days: int
    dropped: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PausedAnswer(Done):
    """Whether runs are paused now, and whether this command changed that."""

    changed: bool
    paused: PauseJson | None
    text: str
    warnings: tuple[str, ...]
    settings: str | None
    ledger: str
