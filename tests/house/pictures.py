"""Makes the pictures of the README, of an invented day: `python -m tests.house.pictures` (needs Chromium).

A picture of the terminal is what `sync` prints there. A picture of a page is what Chromium makes of it, and holds the
hash of that page: a test compares it, and needs no browser.
"""

from __future__ import annotations

import io
import os
import struct
import subprocess
import tempfile
import zlib
from hashlib import sha256
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

from ..cli.bench import Shell
from ..world import MORNING, World
from .source import ROOT

PICTURES = ROOT / "docs" / "pictures"
TERMINAL = PICTURES / "sync.svg"
PAGE = PICTURES / "reconcile.png"
COLUMNS = 100
WINDOW = (1000, 1130)
KEY = b"Source"
"""The name of the text in a PNG file that holds its page's hash."""


def draw_terminal(folder: Path) -> str:
    """A live `sync` of the sample day on a terminal, as SVG. It loads no fonts from elsewhere."""
    shell = Shell(World(folder))
    usual = folder / ".config" / "tsrevel" / "config.toml"  # so the commands that `sync` prints name no path
    usual.parent.mkdir(parents=True)
    shell.write_config().rename(usual)
    ran = shell.run("sync", tty=True, environ={"COLUMNS": str(COLUMNS), "HOME": str(folder)})
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text("$ tsrevel sync", style="bold"))
    console.print(Text.from_ansi(ran.out))
    drawn = console.export_svg(title="tsrevel", theme=DIMMED_MONOKAI, unique_id="tsrevel")
    before, _, fonts = drawn.partition("    @font-face")
    return before + fonts[fonts.index("    .tsrevel-matrix") :]


def write_page(folder: Path) -> str:
    """The page of `reconcile` on the day after a cashier touched an order and a contract grew."""
    world = World(folder)
    shell = Shell(world)
    shell.sync()
    world.revel.pos_touch(world.orders_of(64000001)[0]["id"])
    world.rewrite_event(64000002, lines=[("Coffee Urn", 12, "24.00")])
    page, day = folder / "reconcile.html", str(MORNING.date())
    config = str(shell.write_config())
    shell.run("reconcile", "--config", config, "--from", day, "--to", day, "--html", str(page))
    return page.read_text(encoding="utf-8")


def photograph(page: str, folder: Path) -> bytes:
    """What Chromium shows of the page, as PNG."""
    source, target, profile = folder / "page.html", folder / "page.png", folder / "profile"
    source.write_text(page, encoding="utf-8")
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-background-networking")
    paths = (f"--user-data-dir={profile}", f"--screenshot={target}", f"--window-size={WINDOW[0]},{WINDOW[1]}")
    environ = {**os.environ, "HOME": str(folder)}
    command = ["chromium", *flags, *paths, source.as_uri()]
    subprocess.run(command, env=environ, capture_output=True, check=True, timeout=120)
    return target.read_bytes()


def mark(png: bytes, page: str) -> bytes:
    """The picture with its page's hash in it, behind the header (33 bytes)."""
    chunk = b"tEXt" + KEY + b"\0" + hash_of(page)
    sealed = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return png[:33] + sealed + png[33:]


def hash_of(page: str) -> bytes:
    """The hash of a page's text, in hex."""
    return sha256(page.encode()).hexdigest().encode()


def marked_in(png: bytes) -> bytes:
    """The hash that `mark` put into the picture."""
    return png.partition(b"tEXt" + KEY + b"\0")[2][:64]


def main() -> None:
    """Make both pictures."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for each in ("sync", "reconcile", "browser"):
            (folder / each).mkdir()
        TERMINAL.write_text(draw_terminal(folder / "sync"), encoding="utf-8")
        page = write_page(folder / "reconcile")
        PAGE.write_bytes(mark(photograph(page, folder / "browser"), page))


if __name__ == "__main__":
    main()
