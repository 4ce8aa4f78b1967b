"""Settings in, a ready engine out: nothing that the settings forbid survives the wiring."""

from __future__ import annotations

from datetime import time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tsrevel.config.settings import build_policy
from tsrevel.errors import LedgerUnusable, RunLocked
from tsrevel.ledger import hold_lock
from tsrevel.wiring import Runtime, correlate, new_run_id, open_run, utc_now

from .world import World, verdict

PAID = 64000002


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, "paid")


def change(world: World, section: str, **values: Any) -> None:
    world.config[section] = {**world.config.get(section, {}), **values}


def test_a_run_id_is_new_each_time_and_its_correlation_id_begins_like_it() -> None:
    ids = {new_run_id() for _ in range(50)}
    assert len(ids) == 50
    assert all(correlate(each) == f"sync-{each[:8]}" for each in ids)


def test_now_is_aware() -> None:
    assert utc_now().utcoffset() == timedelta(0)


def test_without_seams_a_run_uses_the_network() -> None:
    assert (Runtime().tripleseat, Runtime().revel) == (None, None)


def test_the_policy_says_what_the_settings_say(world: World) -> None:
    change(world, "safety", allowed_locations=[30502], max_order_total="99.50")
    change(world, "time_gate", days_before=2, opens_at="07:30", days_after=1)
    change(world, "orders", payments="none", discounts="prices", unmapped_items="fallback", name_separator=" / ")
    policy = build_policy(world.settings(), frozenset({"30501"}))
    assert (sorted(policy.allowed), sorted(policy.only)) == (["30502"], ["30501"])
    assert policy.max_order_total == Decimal("99.50") * 100
    assert (policy.gate.days_before, policy.gate.opens_at, policy.gate.days_after) == (2, time(7, 30), 1)
    assert (policy.payments, policy.discounts, policy.unmapped_items) == ("none", "prices", "fallback")
    assert policy.name_separator == " / "
    assert [(rule.match, rule.product_name) for rule in policy.charges] == [
        ("Service Charge", "Service Charge"),
        ("Sales Tax", None),
    ]
    assert [place.establishment for place in policy.locations] == [8, 9]


def test_mappings_beside_the_config_file_are_part_of_the_policy(world: World) -> None:
    text = '[[product]]\nestablishment = 8\nname = "Ube Celebration Cake"\nproduct = 8107\n'
    (world.folder / "mappings.toml").write_text(text)
    (mapping,) = build_policy(world.settings()).products
    assert (mapping.establishment, mapping.name, mapping.menu_item_id, mapping.product) == (
        8,
        "Ube Celebration Cake",
        None,
        8107,
    )


@pytest.mark.parametrize(("setting", "flag", "limit"), [(3, None, 3), (3, 1, 1), (3, 50, 3)])
def test_the_lower_of_setting_and_flag_limits_a_run(world: World, setting: int, flag: int | None, limit: int) -> None:
    change(world, "safety", max_orders_per_run=setting)
    with world.open_run(max_orders=flag) as ctx:
        assert ctx.limits.max_orders == limit


def test_the_deadline_comes_from_the_settings(world: World) -> None:
    change(world, "sync", deadline_minutes=7)
    with world.open_run() as ctx:
        assert ctx.limits.deadline.length == timedelta(minutes=7)


def test_the_gate_is_shut_in_a_dry_run(world: World) -> None:
    with world.open_run(dry_run=True) as ctx:
        assert ctx.write_gate.dry_run
    with world.open_run() as ctx:
        assert not ctx.write_gate.dry_run


def test_one_run_at_a_time_holds_the_ledger(world: World) -> None:
    with world.open_run(), pytest.raises(RunLocked), world.open_run():
        pass
    with world.open_run():
        pass


def test_the_lock_is_taken_before_anything_else_is_opened(world: World) -> None:
    path = world.settings().ledger_path
    with hold_lock(path), pytest.raises(RunLocked), world.open_run():
        pass
    assert not path.exists()


def test_a_ledger_of_the_sandbox_refuses_production(world: World) -> None:
    world.sync()
    settings = world.settings().model_copy(update={"environment": "production"})
    with pytest.raises(LedgerUnusable), open_run(settings, new_run_id(), runtime=world.runtime()):
        pass


def test_client_credentials_are_one_way_in(world: World) -> None:
    world.tripleseat.client_credentials = "works"
    change(world, "tripleseat", auth="client_credentials", token_file=str(world.folder / "none.json"))
    assert verdict(world.sync(), PAID) == "injected"


def test_a_public_key_in_a_header_is_another(world: World) -> None:
    world.tripleseat.accepts_key_header = True
    change(world, "tripleseat", auth="public_key", public_key=world.day.public_key)
    assert verdict(world.sync(), PAID) == "injected"
    assert world.tripleseat.count(path="oauth2") == 0


def test_a_token_url_of_its_own_is_used(world: World) -> None:
    world.tripleseat.expire_access_tokens()
    change(world, "tripleseat", token_url="http://localhost:8001/oauth2/token")
    assert verdict(world.sync(), PAID) == "injected"
    assert world.tripleseat.count("POST", "/oauth2/token") == 1


def test_requests_are_paced_as_set(world: World) -> None:
    change(world, "revel", requests_per_second=2)
    world.sync()
    assert 0.5 in world.time.naps


def test_everything_is_closed_when_the_run_ends(world: World) -> None:
    establishment = build_policy(world.settings()).locations[0].establishment
    with world.open_run() as ctx:
        ctx.revel.catalogue(establishment)
    with pytest.raises(RuntimeError, match="closed"):
        ctx.revel.catalogue(establishment)
