"""No secret is told or kept, whatever is typed and whatever goes wrong: every command, every secret marked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tsrevel.cli.app import app
from tsrevel.config.settings import SECRETS

from ..house.test_documents import commands
from ..world import World
from .bench import Shell
from .captured import sign

BODY = b'{"webhook_trigger_type": "UPDATE_EVENT", "event": {"id": 64000001}}'
PLANTED = {
    "tripleseat.public_key": "PLANTEDPUBLIC",
    "tripleseat.webhook_signing_keys": "PLANTEDSIGNING",
    "email.api_key": "PLANTEDMAIL",
    "monitor.ping_url": "https://127.0.0.1:9/PLANTEDPING",
    "serve.token": "PLANTEDTOKEN",
}
"""Beside those that the sandbox knows: see `secrets`."""
TYPED: dict[str, list[str]] = {
    "sync": [],
    "sync-event": ["64000001", "64000003"],
    "verify-signature": ["-", "--signature", sign(BODY, "PLANTEDSIGNING")],
    "replay": ["-", "--signature", sign(BODY, "another")],
    "config show": [],
    "config validate": [],
    "init": ["--output", "new.toml", "--from", "config.toml"],
    "login": ["--status"],
    "doctor": [],
    "map list": [],
    "map suggest": [],
    "map products": ["cake"],
    "map set": ["Ube Celebration Cake", "8107"],
    "map unset": ["Ube Celebration Cake"],
    "map check": [],
    "status": [],
    "history": ["64000003"],
    "explain": ["64000001"],
    "resolve": ["64000003", "--as", "ignored", "--note", "entered by hand"],
    "reconcile": ["--html", "page.html"],
    "pause": ["--reason", "stocktaking"],
    "resume": [],
    "ledger check": [],
    "ledger backup": ["copy.db"],
    "ledger export": [],
    "ledger prune": ["--older-than", "400"],
    "schedule": ["cron"],
    "notify": ["--test"],
    "rehearse": ["64000001", "--yes"],
    "report": [],
}
OF_THEIR_OWN = {"config generate", "demo", "man", "sandbox", "schema"}
"""They take no settings: what they use is written down in this repository."""
ELSEWHERE = {"serve"}
"""It runs until it is told to end: see tests/serve."""


def break_nothing(_world: World) -> None:
    """All is well."""


def refuse_keys(world: World) -> None:
    world.revel.faults.add("status", "GET", "/", times=None, status=401)
    world.tripleseat.faults.add("status", "GET", "/", times=None, status=401)


def quote_all(world: World, status: int = 422, key: str = "error") -> None:
    """Both services answer with whatever they were sent."""
    tokens, day = world.tripleseat.tokens, world.day
    for service, path, sent in (
        (world.revel, "/", f"{day.api_key}:{day.api_secret}"),
        (world.tripleseat, "/v1/", " ".join(tokens.access)),
        (world.tripleseat, "/oauth2/", f"{tokens.refresh} {day.client_secret}"),
    ):
        service.faults.add("status", None, path, times=None, status=status, body={key: f"no right: {sent}"})


def quote_all_and_refuse(world: World) -> None:
    quote_all(world, 401)


def quote_all_and_forbid(world: World) -> None:
    quote_all(world, 403)


def quote_all_and_fail(world: World) -> None:
    quote_all(world, 500, "error_message")


def crash(world: World) -> None:
    """A fault of ours whose text holds every secret."""

    def fall() -> None:
        raise ZeroDivisionError(" ".join(secrets(world)))

    for service in ("Revel", "TripleSeat"):
        world.at(f"before GET .* of {service}", fall)


def secrets(world: World) -> list[str]:
    """Every secret there is, with the tokens of this moment."""
    tokens = world.tripleseat.tokens
    held = [world.day.api_key, world.day.api_secret, world.day.client_secret, tokens.refresh, *tokens.access]
    return [*held, *("PLANTEDPUBLIC", "PLANTEDSIGNING", "PLANTEDMAIL", "PLANTEDPING", "PLANTEDTOKEN")]


def test_every_command_is_typed_here() -> None:
    assert set(TYPED) | OF_THEIR_OWN | ELSEWHERE == set(commands(app))


def test_every_secret_is_planted_or_the_sandbox_s_own() -> None:
    assert set(SECRETS) - set(PLANTED) == {"tripleseat.client_secret", "revel.api_key", "revel.api_secret"}


@pytest.mark.parametrize(
    "trouble",
    [break_nothing, refuse_keys, quote_all, quote_all_and_refuse, quote_all_and_forbid, quote_all_and_fail, crash],
)
@pytest.mark.parametrize("name", sorted(TYPED))
def test_no_secret_is_told_or_kept(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, name: str, trouble: Callable[[World], None]
) -> None:
    world = shell.world
    monkeypatch.chdir(world.folder)
    for key, marker in PLANTED.items():
        section, _, field = key.partition(".")
        world.config.setdefault(section, {})[field] = [marker] if field.endswith("keys") else marker
    world.config["email"]["base_url"] = "http://127.0.0.1:9"
    told, known = "", set(secrets(world))
    config = shell.write_config()
    for manner, tty in ((["-vv"], True), (["--json", "-vv", "--log-format", "json"], False)):
        trouble(world)
        ran = shell.run(*name.split(), *TYPED[name], "--config", str(config), *manner, tty=tty, stdin=BODY)
        told += ran.out + ran.err
        known |= set(secrets(world))
    kept = "".join(each.read_bytes().decode("latin-1") for each in written_by_us(world.folder, config))
    assert [word for word in known if word in told + kept] == []
    assert told or name == "config validate"


def written_by_us(folder: Path, config: Path) -> list[Path]:
    """Every file but the two that are there to hold secrets: the settings (also a draft of them) and the tokens."""
    private = {config.name, "new.toml", "token.json"}
    return [each for each in folder.rglob("*") if each.is_file() and each.name not in private]
