"""A shell in a world with the whole sample day, and a spool folder for captured deliveries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..world import World
from .bench import Shell, end_started
from .captured import Spool


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(World(tmp_path))


@pytest.fixture(autouse=True)
def _no_process_is_left() -> Iterator[None]:
    """What a test that failed left running is ended with it."""
    yield
    end_started()


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    folder = tmp_path / "spool"
    folder.mkdir()
    return Spool(folder)
