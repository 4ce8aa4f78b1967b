"""A shell in a world with the whole sample day, and a spool folder for captured deliveries."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..world import World
from .bench import Shell
from .captured import Spool


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(World(tmp_path))


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    folder = tmp_path / "spool"
    folder.mkdir()
    return Spool(folder)
