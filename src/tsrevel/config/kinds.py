"""Which settings there are, and how each is written outside TOML: read off the model, so that none is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, auto
from typing import Annotated, get_args, get_origin

from pydantic import BaseModel, SecretStr


class ValueKind(Enum):
    """How a setting's value is read from an environment variable."""

    FLAG = auto()
    WHOLE = auto()
    NUMBER = auto()
    TEXT = auto()
    LIST = auto()
    TABLES = auto()
    SECRET = auto()
    SECRETS = auto()

    @property
    def secret(self) -> bool:
        """Whether the value must never be shown."""
        return self in {ValueKind.SECRET, ValueKind.SECRETS}


_PLAIN = {bool: ValueKind.FLAG, int: ValueKind.WHOLE, float: ValueKind.NUMBER, SecretStr: ValueKind.SECRET}


def kind_of(annotation: object) -> ValueKind:
    """The kind of a model field with this annotation."""
    if get_origin(annotation) is not tuple:
        return next((kind for plain, kind in _PLAIN.items() if annotation is plain), ValueKind.TEXT)
    item = get_args(annotation)[0]
    item = get_args(item)[0] if get_origin(item) is Annotated else item
    if isinstance(item, type) and issubclass(item, BaseModel):
        return ValueKind.TABLES
    return ValueKind.SECRETS if item is SecretStr else ValueKind.LIST


def list_settings(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, ValueKind]]:
    """Every setting of `model` by dotted key, in its order, sections opened."""
    for name, field in model.model_fields.items():
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from list_settings(annotation, f"{prefix}{name}.")
        else:
            yield f"{prefix}{field.alias or name}", kind_of(annotation)
