"""Two names of one clock are one clock; two clocks that agree only now are two."""

from __future__ import annotations

import pytest

from tsrevel.tripleseat.account import same_clock

from ..world import MORNING


@pytest.mark.parametrize("other", ["America/Los_Angeles", "US/Pacific", "America/Tijuana"])
def test_names_of_the_same_clock_agree(other: str) -> None:
    assert same_clock("America/Los_Angeles", other, MORNING)


@pytest.mark.parametrize("other", ["America/Denver", "Etc/GMT+8", "UTC"])
def test_clocks_that_part_in_summer_do_not(other: str) -> None:
    assert not same_clock("America/Los_Angeles", other, MORNING)


def test_arizona_is_denver_in_winter_alone() -> None:
    assert not same_clock("America/Phoenix", "America/Denver", MORNING)
