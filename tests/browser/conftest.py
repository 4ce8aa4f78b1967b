"""Debian's Chromium, headless, each time with a profile of its own; and a page of `reconcile` to look at."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ..cli.bench import Shell
from ..reconcile.bench import fill_week, reconcile
from ..reconcile.test_week import plant
from ..world import World

CHROMIUM = shutil.which("chromium")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--disable-dev-shm-usage"),
    *("--disable-extensions", "--disable-default-apps", "--no-pings", "--host-resolver-rules=MAP * ~NOTFOUND"),
    *("--enable-logging=stderr", "--log-level=0"),
)
PATIENCE = 60


@dataclass(frozen=True, slots=True)
class Looked:
    """What the browser printed, and what it complained of."""

    out: str
    err: str

    @property
    def complaints(self) -> list[str]:
        """What a person would see in the console."""
        return re.findall(r".*CONSOLE.*", self.err)


Browse = Callable[..., Looked]


@pytest.fixture
def browse(tmp_path: Path) -> Browse:
    """Open a file in the browser with more flags."""
    assert CHROMIUM, "Chromium isn't installed: apt-get install chromium"

    def look(page: Path, *flags: str) -> Looked:
        profile = tmp_path / "profile"
        shutil.rmtree(profile, ignore_errors=True)
        profile.mkdir()
        done = subprocess.run(
            [str(CHROMIUM), *FLAGS, f"--user-data-dir={profile}", *flags, page.as_uri()],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env={**os.environ, "HOME": str(profile), "XDG_CONFIG_HOME": str(profile), "XDG_CACHE_HOME": str(profile)},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return Looked(done.stdout, done.stderr)

    return look


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A page of a clean week, and one of a week in which all that can differ differs."""
    shell = Shell(World(tmp_path_factory.mktemp("world")))
    fill_week(shell.world, 42)
    folder = tmp_path_factory.mktemp("pages")
    made = {"clean": folder / "clean.html", "differs": folder / "differs.html"}
    assert reconcile(shell, "--html", str(made["clean"])).status == 0
    plant(shell.world)
    shell.world.config["locations"][0]["name"] = "<b>Special</b> & \"Events\" <script>document.title='x'</script>"
    assert reconcile(shell, "--html", str(made["differs"])).status == 14
    return made
