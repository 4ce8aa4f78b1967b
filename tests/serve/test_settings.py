"""When the service reads its settings again, and what it uses meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.serve import ServedCommands
from tsrevel.config import Settings
from tsrevel.config.secret_values import CommandFailure, CommandResult
from tsrevel.errors import ConfigError
from tsrevel.serve.app import build_app
from tsrevel.serve.worker import Worker
from tsrevel.webhook.spool import Spool

from ..cli.captured import sign
from ..world import World

PRINTED = CommandResult(output="key-of-the-vault")
FAILED = CommandResult(failure=CommandFailure.EXIT_STATUS, text="failed with status 1")
KEYS, TOKEN = "tripleseat.webhook_signing_keys", "serve.token"


@dataclass
class Vault:
    """A command that prints Revel's key, and counts how often it was asked."""

    answer: CommandResult = PRINTED
    asked: int = 0
    during: Callable[[], object] = bool

    def run(self, _words: Sequence[str], _environ: Mapping[str, str]) -> CommandResult:
        self.asked += 1
        self.during()
        return self.answer


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def vault() -> Vault:
    return Vault()


@pytest.fixture
def commands(world: World, vault: Vault) -> ServedCommands:
    """The commands of a service that has read its settings."""
    runtime = replace(world.runtime(), run_command=vault.run)
    ctx = CliContext(environ=world.environ, stand_in=runtime, options=OutputOptions(world.write_config()))
    commands = ServedCommands(ctx, {}, plain=False)
    commands.settings()
    return commands


def ask_the_vault(world: World) -> None:
    del world.config["revel"]["api_key"]
    world.config["revel"]["api_key_command"] = "vault read"
    world.write_config()


def set_key(world: World, key: str) -> None:
    world.config["tripleseat"]["webhook_signing_keys"] = [key]
    world.write_config()


def change(world: World, hours_back: int) -> None:
    world.config["sync"] = {"hours_back": hours_back}
    world.write_config()


def test_only_one_request_waits_for_new_settings(world: World, vault: Vault, commands: ServedCommands) -> None:
    last, meanwhile = commands.settings(), []
    vault.during = lambda: meanwhile.append(commands.latest_settings())
    ask_the_vault(world)
    assert commands.latest_settings().revel.api_key.get_secret_value() == "key-of-the-vault"
    assert meanwhile == [last]
    assert commands.settings() is commands.latest_settings() is not last
    assert vault.asked == 1


def test_settings_that_can_not_be_loaded_leave_the_last_in_use(
    world: World, vault: Vault, commands: ServedCommands
) -> None:
    last, vault.answer = commands.settings(), FAILED
    ask_the_vault(world)
    with pytest.raises(ConfigError):
        commands.settings()
    assert commands.latest_settings() is last


def test_requests_do_not_run_the_commands_of_settings_that_can_not_be_loaded_again(
    world: World, vault: Vault, commands: ServedCommands
) -> None:
    set_key(world, "hook-key")
    commands.settings()
    vault.answer = FAILED
    ask_the_vault(world)
    spool = Spool(world.folder / "spool")
    app = build_app(Worker(commands, spool), plain=False)
    with spool.hold(None):
        assert [post(app, "another-key") for _ in range(3)] == [401] * 3
        assert get(app, "/ready") == 503
        assert post(app, "hook-key") == 200
        assert vault.asked == 1
        world.time.move(seconds=31)
        vault.answer = PRINTED
        assert post(app, "another-key") == 401
    assert vault.asked == 2
    assert commands.settings().revel.api_key.get_secret_value() == "key-of-the-vault"


def test_settings_that_were_corrected_are_read_at_once(world: World, vault: Vault, commands: ServedCommands) -> None:
    vault.answer = FAILED
    ask_the_vault(world)
    with pytest.raises(ConfigError):
        commands.settings()
    del world.config["revel"]["api_key_command"]
    world.config["revel"]["api_key"] = "another-key"
    change(world, 72)
    assert commands.settings().sync.hours_back == 72


def test_settings_that_did_not_change_are_not_read_again(world: World, vault: Vault, commands: ServedCommands) -> None:
    ask_the_vault(world)
    first = commands.settings()
    assert all(commands.settings() is commands.latest_settings() is first for _ in range(3))
    assert vault.asked == 1


@pytest.mark.parametrize("by", ["file", "environment", "link"])
@pytest.mark.parametrize("key", [KEYS, TOKEN, "revel.api_key"])
def test_a_secret_that_changes_in_its_file_is_read_again(
    world: World, commands: ServedCommands, key: str, by: str
) -> None:
    section, name = key.split(".")
    secret = target = world.folder / "secret"
    if by == "link":
        target = world.folder / "version-1"
        secret.symlink_to(target)
    target.write_text("old-secret\n")
    world.config.setdefault(section, {}).pop(name, None)
    if by == "environment":
        world.environ[f"TSREVEL_{section}__{name}_FILE".upper()] = str(secret)
    else:
        world.config[section][f"{name}_file"] = str(secret)
    world.write_config()
    assert secrets_of(commands.settings(), key) == ["old-secret"]
    if by == "link":
        (world.folder / "version-2").write_text("new-secret\n")
        secret.unlink()
        secret.symlink_to(world.folder / "version-2")
    else:
        secret.write_text("new-secret, of all\n" if key == KEYS else "new-secret\n")
    assert secrets_of(commands.settings(), key)[0] == "new-secret"


def test_a_secret_whose_file_is_gone_for_a_moment_stays_in_use(world: World, commands: ServedCommands) -> None:
    secret = world.folder / "secret"
    secret.write_text("old-secret\n")
    world.config["serve"] = {"token_file": str(secret)}
    world.write_config()
    commands.settings()
    secret.unlink()
    assert secrets_of(commands.latest_settings(), TOKEN) == ["old-secret"]
    secret.write_text("new-secret\n")
    assert secrets_of(commands.settings(), TOKEN) == ["new-secret"]


@pytest.mark.parametrize("broken", [False, True])
def test_during_a_run_keys_are_changed(world: World, commands: ServedCommands, *, broken: bool) -> None:
    spool = Spool(world.folder / "spool")
    app = build_app(Worker(commands, spool), plain=False)  # the worker isn't started: as in a run, it loads nothing

    def send() -> list[int]:
        return [post(app, key) for key in ("hook-key", "new-key")]

    with spool.hold(None):
        set_key(world, "hook-key")
        assert send() == [200, 401]
        world.config["sync"] = {"hours_back": -1} if broken else {}
        set_key(world, "new-key")
        assert send() == ([200, 401] if broken else [401, 200])
        world.config["sync"] = {}
        world.write_config()
        assert send() == [401, 200]
        assert len(spool.waiting()) == 3


def test_during_a_run_a_token_is_withdrawn(world: World, commands: ServedCommands) -> None:
    world.config["serve"] = {"token": "the-token"}
    world.write_config()
    spool = Spool(world.folder / "spool")
    app = build_app(Worker(commands, spool), plain=False)
    usage = "/api/sync/tripleseat?event_id=none"
    with spool.hold(None):
        assert get(app, usage) == 400
        del world.config["serve"]
        world.write_config()
        assert get(app, usage) == 404


BODY = b'{"webhook_trigger_type": "UPDATE_EVENT", "event": {"id": 64000001}}'


def post(app: Starlette, key: str) -> int:
    """The status of a delivery that this key signed."""
    return ask(app, "POST", "/webhook", {"X-Signature": sign(BODY, key)}, BODY)


def get(app: Starlette, path: str) -> int:
    return ask(app, "GET", path, {"Authorization": "Bearer the-token"})


def ask(app: Starlette, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> int:
    async def send() -> int:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            answer = await client.request(method, path, headers=headers, content=body)
        return answer.status_code

    return asyncio.run(send())


def secrets_of(settings: Settings, key: str) -> list[str]:
    section, name = key.split(".")
    value = getattr(getattr(settings, section), name)
    return [each.get_secret_value() for each in (value if isinstance(value, tuple | list) else [value])]
