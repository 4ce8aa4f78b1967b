"""`pause` and `resume`: the kill switch kept in the ledger. Neither waits for a run, nor calls a service."""

from __future__ import annotations

from tsrevel.cli.render import encode_pause
from tsrevel.cli.world import Manner, World
from tsrevel.config import Settings, load_settings
from tsrevel.ledger import Ledger, Pause
from tsrevel.wiring import Seams, make_state_folder


def pause(world: World, manner: Manner, reason: str) -> int:
    """Stop all runs until `resume`; where they are stopped already, tell since when and leave it at that."""
    settings = load_settings(config=manner.config, environ=world.environ, offline=True)
    with _open_ledger(world, settings) as ledger:
        before = ledger.pause(reason)
        now = ledger.paused()
    text = (
        f"Runs were stopped before: {before}. That stays so, with its reason."
        if before
        else f"Runs are {now}. One under way finishes the order in hand and begins no other."
    )
    if settings.monitor.ping_url.get_secret_value():
        text += " They don't ping the monitor meanwhile: pause its check too, or it will alarm."
    return _tell(world, manner, now, changed=before is None, text=text)


def resume(world: World, manner: Manner) -> int:
    """Let runs work again; fine as well where they weren't paused."""
    with _open_ledger(world, load_settings(config=manner.config, environ=world.environ, offline=True)) as ledger:
        before = ledger.resume()
    why = f" ({before.reason})" if before and before.reason else ""
    text = f"Runs work again; they were paused since {before.since:%Y-%m-%d %H:%M} UTC{why}." if before else ""
    return _tell(world, manner, None, changed=before is not None, text=text or "Runs weren't paused.")


def _open_ledger(world: World, settings: Settings) -> Ledger:
    seams = world.seams or Seams()
    path, environment = settings.ledger_path, settings.environment
    make_state_folder(settings)
    return Ledger.open(path, environment=environment, clock=seams.clock, opened_by=seams.database)


def _tell(world: World, manner: Manner, now: Pause | None, *, changed: bool, text: str) -> int:
    if manner.json:
        world.answer({"schema": 1, "success": True, "changed": changed, "paused": encode_pause(now), "text": text})
    elif not manner.quiet:
        print(text, file=world.stdout)
    return 0
