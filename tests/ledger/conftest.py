from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tsrevel.ledger import Ledger

from .samples import make_run, open_ledger


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    """A new ledger with one run begun."""
    with open_ledger(path) as opened:
        opened.begin_run(make_run())
        yield opened
