"""A shell in the sample day, and one in a week of few events, injected once for all tests."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import pytest

from ..cli.bench import Shell
from ..world import World
from .bench import FEW, fill_week


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(World(tmp_path))


@pytest.fixture(scope="session")
def injected(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """The ledger of a week of few events, and both services' rows."""
    folder = tmp_path_factory.mktemp("week")
    world = World(folder)
    fill_week(world, FEW)
    return folder, pickle.dumps((world.tripleseat.state, world.revel.state, world.time.now, world.config))


@pytest.fixture
def week(tmp_path: Path, injected: tuple[Path, bytes]) -> Shell:
    """That week in a world of the test's own."""
    folder, kept = injected
    world = World(tmp_path)
    own = world.config
    world.tripleseat.state, world.revel.state, world.time.now, world.config = pickle.loads(kept)  # noqa: S301 (our own)
    world.revel.page_cap = 250
    world.config["ledger"] = own["ledger"]
    world.config["tripleseat"]["token_file"] = own["tripleseat"]["token_file"]
    for file in ("token.json", "ledger.sqlite3"):
        shutil.copy(folder / file, tmp_path / file)
    return Shell(world)
