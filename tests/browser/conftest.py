"""Debian's Chromium, headless, each time with a profile of its own; and a page of `reconcile` to look at."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ..cli.bench import Shell
from ..reconcile.bench import NUMBERED, Revel, fill_week, reconcile
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
    Revel(shell.world).order(NUMBERED + 4)["final_total"] = Decimal("12376.01")
    shell.world.config["locations"][0]["name"] = "<b>Special</b> & \"Events\" <script>document.title='x'</script>"
    assert reconcile(shell, "--html", str(made["differs"])).status == 14
    return made


MEASURE = """
<script>
addEventListener("load", () => {
  const root = document.documentElement;
  const box = each => each.getBoundingClientRect();
  const inside = each => box(each).left >= -1 && box(each).right <= innerWidth + 1;
  const shown = each => box(each).width > 20 && box(each).height > 20;
  const spilt = each => each.clientWidth && each.scrollWidth > each.clientWidth + 1;
  const lines = each => {
    const range = document.createRange(); range.selectNodeContents(each);
    return new Set([...range.getClientRects()].map(rect => rect.top)).size;
  };
  const text = [...document.querySelectorAll("h1, h2, h3, p, td, th, a, caption, figcaption")]
    .filter(each => each.offsetParent);
  const out = top.document.createElement("pre"); out.id = "measured";
  out.textContent = JSON.stringify({
    width: innerWidth, scroll: root.scrollWidth, cut: text.filter(each => !inside(each)).map(each => each.textContent),
    spilt: text.filter(spilt).map(each => each.textContent),
    broken: [...document.querySelectorAll("td.sum, .word, .day th")].filter(each => lines(each) > 1)
      .map(each => each.textContent).filter(each => !each.includes(" ")),
    charts: [...document.querySelectorAll("svg")].map(shown),
    bars: [...document.querySelectorAll("svg rect")].filter(each => box(each).width > 1).length,
    letters: Math.min(...[...document.querySelectorAll("svg text")].map(each => box(each).height)),
    ink: getComputedStyle(document.body).color, paper: getComputedStyle(document.body).backgroundColor });
  top.document.body.append(out);
});
</script>
"""


def measure(page: Path, browse: Browse, width: int, *, dark: bool = False) -> dict[str, Any]:
    """What the browser makes of the page at that width. A copy is measured: the page itself may allow no script.

    A window has a least width, so the page stands in a frame.
    """
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text(encoding="utf-8"))
    srcdoc = text.replace("</body>", f"{MEASURE}</body>").replace("&", "&amp;").replace('"', "&quot;")
    framed = page.with_name(f"framed-{page.name}")
    framed.write_text(f'<body><iframe style="width:{width}px;height:900px;border:0" srcdoc="{srcdoc}"></iframe></body>')
    flags = ["--force-dark-mode", "--blink-settings=preferredColorScheme=0"] if dark else []
    looked = browse(framed, "--window-size=1200,1000", "--dump-dom", *flags)
    found = re.search(r'<pre id="measured">(.*?)</pre>', looked.out, re.DOTALL)
    assert found, looked.err
    return dict(json.loads(found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")))


def brightness(colour: str) -> int:
    """Of "rgb(r, g, b)"."""
    return sum(map(int, re.findall(r"\d+", colour)[:3]))
