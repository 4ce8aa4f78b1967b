"""The page of `reconcile --html` in a real browser: complete, readable at any width, quiet, and cheap to print."""

from __future__ import annotations

import json
import re
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from .conftest import Browse

pytestmark = [pytest.mark.browser, pytest.mark.real_process]
EACH = pytest.mark.parametrize("name", ["clean", "differs"])
OF_CHROMIUM = re.compile(r"[./](google|googleapis|gvt1)\.com$")
"""Hosts that the browser asks for by itself, whatever it shows; the page names no host at all."""
MEASURE = """
<script>
addEventListener("load", () => {
  const root = document.documentElement;
  const box = each => each.getBoundingClientRect();
  const inside = each => box(each).left >= -1 && box(each).right <= innerWidth + 1;
  const shown = each => box(each).width > 20 && box(each).height > 20;
  const spilt = each => each.clientWidth && each.scrollWidth > each.clientWidth + 1;
  const text = [...document.querySelectorAll("h1, h2, p, td, th, figcaption")].filter(each => each.offsetParent);
  const out = document.createElement("pre"); out.id = "measured";
  out.textContent = JSON.stringify({
    width: innerWidth, scroll: root.scrollWidth, cut: text.filter(each => !inside(each)).map(each => each.textContent),
    spilt: text.filter(spilt).map(each => each.textContent),
    charts: [...document.querySelectorAll("svg")].map(shown),
    bars: [...document.querySelectorAll("svg rect")].filter(each => each.getBoundingClientRect().width > 1).length,
    letters: Math.min(...[...document.querySelectorAll("svg text")].map(each => each.getBoundingClientRect().height)),
    title: document.title, scripts: document.scripts.length,
    ink: getComputedStyle(document.body).color, paper: getComputedStyle(document.body).backgroundColor });
  document.body.append(out);
});
</script>
"""


def measure(page: Path, browse: Browse, width: int, *flags: str) -> dict[str, Any]:
    """What the browser makes of the page at that width. A copy is measured: the page itself allows no script."""
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text(encoding="utf-8"))
    inner = page.with_name(f"measured-{page.name}")
    inner.write_text(text.replace("</body>", f"{MEASURE}</body>"), encoding="utf-8")
    looked = browse(inner, f"--window-size={width},1400", "--dump-dom", *flags)
    found = re.search(r'<pre id="measured">(.*?)</pre>', looked.out, re.DOTALL)
    assert found, looked.err
    plain = found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return dict(json.loads(plain))


@EACH
def test_it_loads_without_a_complaint_and_asks_for_nothing(pages: dict[str, Path], browse: Browse, name: str) -> None:
    log = pages[name].with_name(f"{name}.netlog.json")
    looked = browse(pages[name], "--dump-dom", f"--log-net-log={log}", "--net-log-capture-mode=IncludeSensitive")
    assert looked.complaints == []
    assert "Total a day" in looked.out
    asked = re.findall(r'"url":"([a-z]+://[^/"]*)', log.read_text(encoding="utf-8"))
    assert {url for url in asked if not url.startswith(("file:", "chrome")) and not OF_CHROMIUM.search(url)} == set()
    assert "://" not in pages[name].read_text(encoding="utf-8")


@EACH
@pytest.mark.parametrize("width", [500, 1280])
def test_text_fits_and_charts_are_seen(pages: dict[str, Path], browse: Browse, name: str, width: int) -> None:
    found = measure(pages[name], browse, width)
    assert found["width"] == width
    assert (found["scroll"], found["cut"], found["spilt"]) == (width, [], [])
    assert found["charts"] == [True, True] if name == "clean" else len(found["charts"]) >= 2
    assert found["bars"] >= 24
    assert found["letters"] >= 10


@EACH
def test_text_fits_on_a_telephone(pages: dict[str, Path], browse: Browse, name: str) -> None:
    """A window has a least width, so the page stands in a frame of 390 pixels."""
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", pages[name].read_text(encoding="utf-8"))
    told = MEASURE.replace("document.body.append(out)", "top.document.body.append(out)")
    inner = pages[name].with_name(f"framed-{name}.html")
    srcdoc = text.replace("</body>", f"{told}</body>").replace("&", "&amp;").replace('"', "&quot;")
    inner.write_text(f'<body><iframe style="width:390px;height:900px;border:0" srcdoc="{srcdoc}"></iframe></body>')
    looked = browse(inner, "--window-size=900,1000", "--dump-dom")
    found = re.search(r'<pre id="measured">(.*?)</pre>', looked.out, re.DOTALL)
    assert found, looked.err
    plain = json.loads(found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    assert (plain["width"], plain["scroll"], plain["cut"], plain["spilt"]) == (390, 390, [], [])
    assert plain["letters"] >= 10


def test_what_a_service_calls_its_places_is_text_and_never_markup(pages: dict[str, Path], browse: Browse) -> None:
    looked = browse(pages["differs"], "--dump-dom")
    assert "&lt;script&gt;" in looked.out
    assert "<script" not in looked.out
    assert "<title>TripleSeat and Revel" in looked.out


def test_it_is_dark_where_the_reader_wants_that(pages: dict[str, Path], browse: Browse) -> None:
    light = measure(pages["clean"], browse, 1280)
    dark = measure(pages["clean"], browse, 1280, "--force-dark-mode", "--blink-settings=preferredColorScheme=0")
    assert brightness(light["paper"]) > brightness(light["ink"])
    assert brightness(dark["paper"]) < brightness(dark["ink"])


def brightness(colour: str) -> int:
    """Of "rgb(r, g, b)"."""
    return sum(map(int, re.findall(r"\d+", colour)[:3]))


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
