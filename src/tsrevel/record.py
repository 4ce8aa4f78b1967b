"""Records: rows of named values that never change. What the rooms hand each other is made of them.

They are msgspec structs: a run knows some sixty kinds of record by the time it begins, and to define as many frozen
dataclasses took a tenth of what a run takes that finds nothing to do (docs/performance.md, "The whole run").

What changes as it works is a dataclass, and copied by `dataclasses.replace`; `replace` is for records alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, dataclass_transform

from msgspec import Struct
from msgspec import field as field

if TYPE_CHECKING:
    from dataclasses import replace as replace  # msgspec's takes any value; of this one, mypy checks names and kinds
else:
    from msgspec.structs import replace as replace


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Record(Struct, frozen=True):
    """The base of every record. Two are equal when they are of one kind and all their values are."""


class SecretRecord(Record):
    """The base of a record that holds a secret: nothing of it is shown, whoever prints it."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """What rich asks for instead: msgspec would tell it everything."""
        return []
