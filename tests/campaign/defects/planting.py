"""How a defect is planted: as a patch of production code, with the schedules in which the campaign must notice it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from ..rig import Rig

Original = Callable[..., Any]
"""The function or method that a patch stands in for."""
Plant = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True, slots=True)
class Defect:
    """A small wrong patch. In some of the `schedules` it causes violations, in one of each `violates` is found.

    `quirks`: attributes of the pretend Revel, set with and without the defect.
    """

    plant: Plant
    schedules: tuple[str, ...]
    violates: str
    quirks: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What it is called."""
        return self.plant.__name__

    @property
    def text(self) -> str:
        """What it stands for."""
        return self.plant.__doc__ or ""


DEFECTS: list[Defect] = []
"""Every planted defect."""


def caught_in(*schedules: str, violates: str, **quirks: Any) -> Callable[[Plant], Plant]:
    """Add the decorated function to the defects."""

    def add(plant: Plant) -> Plant:
        DEFECTS.append(Defect(plant, schedules, violates, quirks))
        return plant

    return add


def around(patch: pytest.MonkeyPatch, owner: object, name: str, change: Callable[..., Any]) -> None:
    """Put `change` in place of a function or method; it gets the original first, then what that would get."""
    original = getattr(owner, name)
    patch.setattr(owner, name, lambda *args, **kwargs: change(original, *args, **kwargs))


def instead(patch: pytest.MonkeyPatch, owner: object, name: str, answer: object) -> None:
    """Let a function or method do nothing but give that answer."""
    patch.setattr(owner, name, lambda *_args, **_kwargs: answer)


def lay_quirks(patch: pytest.MonkeyPatch, quirks: Mapping[str, Any]) -> None:
    """Let every rig's Revel have those quirks."""

    def begin(original: Original, rig: Rig, *args: Any, **kwargs: Any) -> None:
        original(rig, *args, **kwargs)
        for name, value in quirks.items():
            setattr(rig.revel, name, value)

    around(patch, Rig, "__init__", begin)
