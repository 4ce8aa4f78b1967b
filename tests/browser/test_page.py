"""The page of `reconcile --html` in a real browser: complete, readable at any width, quiet, and cheap to print."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path

import pytest

from .conftest import Browse, brightness, measure

pytestmark = [pytest.mark.browser, pytest.mark.real_process]
EACH = pytest.mark.parametrize("name", ["clean", "differs"])
OF_CHROMIUM = re.compile(r"[./](google|googleapis|gvt1)\.com$")
"""Hosts that the browser asks for by itself, whatever it shows; the page names no host at all."""


@EACH
def test_it_loads_without_a_complaint_and_asks_for_nothing(pages: dict[str, Path], browse: Browse, name: str) -> None:
    log = pages[name].with_name(f"{name}.netlog.json")
    looked = browse(pages[name], "--dump-dom", f"--log-net-log={log}", "--net-log-capture-mode=IncludeSensitive")
    assert looked.complaints == []
    assert "Total by day" in looked.out
    asked = re.findall(r'"url":"([a-z]+://[^/"]*)', log.read_text(encoding="utf-8"))
    assert {url for url in asked if not url.startswith(("file:", "chrome")) and not OF_CHROMIUM.search(url)} == set()
    addresses = set(re.findall(r"\w+://[^/\"]*", pages[name].read_text(encoding="utf-8")))
    assert addresses <= {"https://login.tripleseat.com"}  # links to events; nothing is loaded


@EACH
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 900])
def test_text_fits_and_charts_are_seen(
    pages: dict[str, Path], browse: Browse, name: str, width: int, dark: bool
) -> None:
    found = measure(pages[name], browse, width, dark=dark)
    assert (found["width"], found["scroll"], found["cut"], found["spilt"]) == (width, width, [], [])
    assert found["broken"] == []
    assert found["charts"] == [True, True] if name == "clean" else len(found["charts"]) >= 2
    assert found["bars"] >= 24
    assert found["letters"] >= 10
    assert (brightness(found["paper"]) < brightness(found["ink"])) is dark


def test_what_a_service_calls_its_places_is_text_and_never_markup(pages: dict[str, Path], browse: Browse) -> None:
    looked = browse(pages["differs"], "--dump-dom")
    assert "&lt;script&gt;" in looked.out
    assert "<script" not in looked.out
    assert "<title>TripleSeat and Revel" in looked.out


@EACH
def test_it_prints_on_few_pages(pages: dict[str, Path], browse: Browse, tmp_path: Path, name: str) -> None:
    target = tmp_path / "page.pdf"
    browse(pages[name], f"--print-to-pdf={target}", "--no-pdf-header-footer")
    printed = len(re.findall(rb"/Type\s*/Page\b", target.read_bytes()))
    assert 1 <= printed <= {"clean": 2, "differs": 5}[name]


@EACH
def test_a_picture_of_it_is_not_empty(pages: dict[str, Path], browse: Browse, tmp_path: Path, name: str) -> None:
    target = tmp_path / "page.png"
    browse(pages[name], f"--screenshot={target}", "--window-size=1280,900")
    assert len(colours(target.read_bytes())) > 8


def colours(png: bytes) -> set[bytes]:
    """The pixels' different values in the rows' filtered bytes: a blank picture has next to none."""
    at, data = 8, b""
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        data += png[at + 8 : at + 8 + length] if png[at + 4 : at + 8] == b"IDAT" else b""
        at += 12 + length
    rows = zlib.decompress(data)
    return {rows[n : n + 3] for n in range(0, len(rows) - 3, 97)}
