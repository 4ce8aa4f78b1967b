"""A shell in a world with the whole sample day."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..world import World
from .bench import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(World(tmp_path))
