"""Real processes die, are stopped and race: whatever they leave behind, every event ends with exactly one whole order.

`CAMPAIGN_KILLS` (from 16), `CAMPAIGN_PAIRS` and `CAMPAIGN_SEED` set the sizes and the seed.
`python -m tests.campaign.processes` runs any number of cases and prints what they did.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from .installation import KINDS
from .processes import Campaign, open_campaign

pytestmark = pytest.mark.real_process

KILLS = int(os.environ.get("CAMPAIGN_KILLS", "16"))
PAIRS = int(os.environ.get("CAMPAIGN_PAIRS", "8"))
SEED = int(os.environ.get("CAMPAIGN_SEED", "1"))
STOPS = 8


@pytest.fixture
def campaign(tmp_path: Path) -> Iterator[Campaign]:
    with open_campaign(SEED, folder=tmp_path) as ready:
        yield ready


def assert_sound(campaign: Campaign) -> None:
    assert campaign.tally.violations == [], f"seed {SEED}\n{campaign.tally}"


def test_runs_killed_at_any_instant_leave_exactly_one_whole_order_each(campaign: Campaign) -> None:
    campaign.kill(KILLS)
    assert_sound(campaign)
    killed = campaign.tally.counts["killed"]
    assert killed.total() >= KILLS
    assert {row.partition(",")[0] for row in killed} == set(KINDS)
    assert campaign.tally.counts["killed: Revel shows"]["some of its parts"] > 0, "some must leave half an order"
    assert campaign.tally.counts["killed: the ledger knows"]["a step too few"] > 0, "some must land before a receipt"


def test_two_runs_at_once_make_exactly_one_whole_order_each(campaign: Campaign) -> None:
    campaign.race(PAIRS)
    assert_sound(campaign)
    assert campaign.tally.total("pairs") == PAIRS
    assert campaign.tally.counts["pairs"]["exit 0 and 11"] > 0, "the lock must have been met"


def test_runs_that_are_stopped_say_so_and_leave_the_rest_to_the_next_one(campaign: Campaign) -> None:
    campaign.stop(STOPS)
    assert_sound(campaign)
    assert campaign.tally.total("stopped") == STOPS
