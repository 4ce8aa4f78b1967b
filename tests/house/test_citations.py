"""Every citation has its target: "facts Revel 2.4" and "DESIGN 4" name a heading."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .source import ROOT, project_files

PAGES = {
    "TripleSeat": ROOT / "docs" / "apis" / "tripleseat.md",
    "Revel": ROOT / "docs" / "apis" / "revel.md",
    "DESIGN": ROOT / "docs" / "design.md",
}
NUMBERS = r"(\d+(?:\.\d+)?)((?:(?:, | and |-)\d+(?:\.\d+)?)*)"
CITATION = re.compile(rf"(?:(?:facts|Facts) (TripleSeat|Revel)|(DESIGN)(?: section)?) {NUMBERS}")


def headings(page: Path) -> set[str]:
    return set(re.findall(r"^#{2,3} (\d+(?:\.\d+)?)[. ]", page.read_text(encoding="utf-8"), re.MULTILINE))


def citations(text: str) -> list[tuple[str, str]]:
    """The page and the heading's number of each citation in `text`; "facts Revel 2.2, 3.3" names two."""
    found = []
    for match in CITATION.finditer(re.sub(r"\s*\n[\s#*>|]*", " ", text)):
        page = match[1] or match[2]
        numbers = [match[3], *re.findall(r"\d+(?:\.\d+)?", match[4] or "")]
        found += [(page, number) for number in numbers]
    return found


def test_a_citation_is_read_with_all_its_numbers() -> None:
    text = "as facts Revel 2.2, 3.3 and 8 have it (DESIGN 4), and facts\n    TripleSeat 6.4."
    assert citations(text) == [
        ("Revel", "2.2"),
        ("Revel", "3.3"),
        ("Revel", "8"),
        ("DESIGN", "4"),
        ("TripleSeat", "6.4"),
    ]


@pytest.mark.parametrize("page", PAGES)
def test_the_pages_that_are_cited_have_numbered_headings(page: str) -> None:
    assert len(headings(PAGES[page])) >= 7


def test_every_citation_names_a_heading_that_is_there() -> None:
    known = {page: headings(path) for page, path in PAGES.items()}
    files = [each for each in project_files() if each.suffix in {".py", ".md", ".toml", ".sql"}]
    lost = [
        f"{path.relative_to(ROOT)}: {page} {number}"
        for path in files
        for page, number in citations(path.read_text(encoding="utf-8"))
        if number not in known[page]
    ]
    assert lost == []
