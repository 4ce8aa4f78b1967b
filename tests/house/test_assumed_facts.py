"""Every assumption is named where its fact stands, and in the operators' table with what a run does without it."""

from __future__ import annotations

import re

import pytest

from tsrevel.planning.assumptions import ASSUMPTIONS, AssumptionCode

from .source import ROOT
from .test_citations import PAGES

OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
FACTS = sorted({each.fact for each in ASSUMPTIONS.values()})


@pytest.mark.parametrize("fact", FACTS)
def test_a_fact_says_what_of_it_is_tested(fact: str) -> None:
    service, _, number = fact.partition(" ")
    page = PAGES[service].read_text(encoding="utf-8")
    section = re.split(r"^#{2,3} ", page, flags=re.MULTILINE)
    own = next(each for each in section if re.match(rf"{re.escape(number)}[. ]", each))
    codes = [each.code for each in ASSUMPTIONS.values() if each.fact == fact]
    assert "`tsrevel doctor --assumptions` tests this" in own
    assert re.findall(r"^- `([A-Z_]+)`: (.+)\.$", own, re.MULTILINE) == [
        (code, ASSUMPTIONS[code].sentence) for code in codes
    ]


@pytest.mark.parametrize("code", AssumptionCode)
def test_the_table_for_operators_has_each_assumption(code: AssumptionCode) -> None:
    row, mark = ASSUMPTIONS[code], " **critical**" if ASSUMPTIONS[code].critical else ""
    start, end = f"| `{code}`{mark} | {row.sentence} ({row.fact}) | ", f" | {row.otherwise} |"
    lines = [line for line in OPERATIONS.splitlines() if line.startswith(start) and line.endswith(end)]
    assert len(lines) == 1
