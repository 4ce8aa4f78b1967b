from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tsrevel.ledger import Ledger

from .samples import TickingClock, make_run, open_ledger


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "ledger.db"


@pytest.fixture
def clock() -> TickingClock:
    return TickingClock()


@pytest.fixture
def ledger(path: Path, clock: TickingClock) -> Iterator[Ledger]:
    """A new ledger with one run begun."""
    with open_ledger(path, clock=clock) as opened:
        opened.runs.begin(make_run())
        yield opened
