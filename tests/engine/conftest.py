"""The whole sample day, and a world with its richest event alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..world import World

FULL, PAID, UNMAPPED, EARLY, MISSED, LOST, TWINS = range(64000001, 64000008)
"""The sample day's events by their stories. FULL has five items, a discount, a tax and one payment."""


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, "full")


@pytest.fixture
def day(tmp_path: Path) -> World:
    return World(tmp_path)
