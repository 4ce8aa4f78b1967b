"""Mails in a real browser: nothing overflows on a telephone, long codes and names break, light and dark."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from ..ledger.samples import make_plan
from ..notify.test_message import HELD, INJECTED, many, write
from .conftest import Browse, brightness, measure

pytestmark = [pytest.mark.browser, pytest.mark.real_process]
LONG = "Boxed-lunch-without-a-blank-" * 8


@pytest.fixture(scope="module")
def mails(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A usual mail, one of a hundred orders, and one in which all that can be long is long."""
    plan = make_plan(price=2_499_999)
    plan = replace(plan, items=(replace(plan.items[0], line=LONG), *plan.items))
    wordy = replace(HELD, location=LONG, reason="A_CODE_WITHOUT_AN_END_" * 6, text=LONG * 2)
    changed = replace(HELD, occasion="changed", reason="CHANGED_AFTER_INJECTION", order_id="5550101", plan=plan)
    written = {
        "usual": write(INJECTED, HELD),
        "hundred": write(*many(100, 6)),
        "long": write(wordy, changed, replace(INJECTED, plan=plan, day=date(2024, 11, 30))),
    }
    folder = tmp_path_factory.mktemp("mails")
    for name, message in written.items():
        (folder / f"{name}.html").write_text(message.html, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in written}


@pytest.mark.parametrize("name", ["usual", "hundred", "long"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 900])
def test_nothing_overflows(mails: dict[str, Path], browse: Browse, name: str, width: int, dark: bool) -> None:
    found = measure(mails[name], browse, width, dark=dark)
    assert (found["width"], found["scroll"], found["cut"], found["spilt"]) == (width, width, [], [])
    assert (brightness(found["paper"]) < brightness(found["ink"])) is dark
