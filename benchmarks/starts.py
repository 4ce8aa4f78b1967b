"""The starting time of commands, compared with importing typer and pydantic."""

from __future__ import annotations

import hashlib
import hmac
import sys
import time
from statistics import median

from benchmarks.measure import run_child, run_sync
from benchmarks.place import SIGNING_KEY, TSREVEL, Installation, install
from benchmarks.report import Goal, print_table, progress

ROUNDS = 15
IMPORTS = [sys.executable, "-c", "import typer, pydantic; pydantic.BaseModel"]
MOST = {"--version": 1.0, "--help": 2.5, "verify-signature": 2.0, "status": 2.2, "sync, nothing to do": 3.0}
SETTLED = 5


def measure_starts() -> list[Goal]:
    """Measure in interleaved rounds, so a busy machine slows all equally. The first round is a warm-up."""
    with install() as place:
        place.add_events(SETTLED)
        run_sync(place, injected=SETTLED)
        commands = {"import typer, pydantic": IMPORTS, **_commands(place)}
        times: dict[str, list[float]] = {name: [] for name in commands}
        for n in range(ROUNDS + 1):
            progress(f"cold starts, round {n} of {ROUNDS}")
            for name, command in commands.items():
                took = run_child(command, place.environ)[0]
                if n:
                    times[name].append(took)
    medians = {name: median(each) for name, each in times.items()}
    unit = medians["import typer, pydantic"]
    rows = [
        [name, f"{took * 1000:.0f}", f"{min(times[name]) * 1000:.0f}", f"{took / unit:.2f}"]
        for name, took in medians.items()
    ]
    print_table(f"Cold starts, {ROUNDS} rounds", ("tsrevel", "median ms", "least ms", "of the imports"), rows)
    return [Goal(f"cold start of {name}", medians[name] / unit, most) for name, most in MOST.items()]


def _commands(place: Installation) -> dict[str, list[str]]:
    body = place.folder / "delivery.json"
    body.write_bytes(b'{"webhook_trigger_type": "UPDATE_EVENT", "event": {"id": 64100001}}')
    config = ["--config", str(place.config)]
    return {
        "--version": [TSREVEL, "--version"],
        "--help": [TSREVEL, "--help"],
        "verify-signature": [TSREVEL, "verify-signature", str(body), "--signature", sign(body.read_bytes()), *config],
        "status": [TSREVEL, "status", *config],
        "sync, nothing to do": place.sync,
    }


def sign(body: bytes) -> str:
    """The value of TripleSeat's X-Signature header (facts TripleSeat 6.4)."""
    now = int(time.time())
    return f"t={now},v1={hmac.new(SIGNING_KEY.encode(), f'{now}.'.encode() + body, hashlib.sha256).hexdigest()}"
