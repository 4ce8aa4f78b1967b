"""`sandbox`: the pretend services on loopback with a sample day in them, and the settings that use them."""

from __future__ import annotations

import errno
import json
import shlex
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import tomlkit
import typer

from tsrevel.cli.answers.setup import SandboxAnswer
from tsrevel.cli.boundary import UNEXPECTED
from tsrevel.cli.context import CliContext
from tsrevel.cli.streams import trouble_of
from tsrevel.errors import ConfigCode, ConfigError, ConfigProblem
from tsrevel.files import look_at, read_regular, replace_file
from tsrevel.wiring import utc_now

if TYPE_CHECKING:
    from tsrevel.sandbox import RevelSandbox, SampleDay, TripleSeatSandbox

MARK = "# Written by `tsrevel sandbox`, which may overwrite it."
"""The first line of settings that a sandbox wrote."""


@dataclass(frozen=True, slots=True)
class Served:
    """Both pretend services, which run at `urls` (TripleSeat, Revel), and settings (TOML) that use them."""

    urls: tuple[str, str]
    tripleseat: TripleSeatSandbox
    revel: RevelSandbox
    day: SampleDay
    config: str


def serve_sandbox(
    ctx: CliContext, write_config: Path | None, ports: tuple[int, int], login_port: int, broken: Sequence[str]
) -> int:
    """Serve both services until interrupted; the settings go to `write_config`, or to stdout.

    `login_port`: where `login` waits for the browser. `broken`: the assumptions that the services break. Raises
    typer.BadParameter for an unknown one, ConfigError if the file exists and no sandbox wrote it, and OSError if a port
    is taken or the file can't be written.
    """
    if write_config and look_at(write_config) is not None and not read_regular(write_config).startswith(MARK.encode()):
        remedy = "Name a new file in a folder of its own."
        text = f"{write_config} exists and isn't a sandbox's settings file; nothing was written"
        problem = ConfigProblem(ConfigCode.FILE_NOT_OURS, "--write-config", "the command line", text, remedy)
        raise ConfigError(problem)  # it may be settings of production
    from tsrevel.sandbox import BREAKS, add_orders_by_hand, break_services

    unknown = [each for each in broken if each not in BREAKS]
    if unknown:
        raise typer.BadParameter(f"--break {unknown[0]} is unknown; there are: {', '.join(BREAKS)}")
    with run_services(ports) as served:
        served.tripleseat.tokens.redirect_uri = f"http://127.0.0.1:{login_port}/callback"
        add_orders_by_hand(served.revel, served.day)
        served.tripleseat.clock_ahead = served.revel.clock_ahead = timedelta()
        break_services(served.tripleseat, served.revel, *broken)
        if write_config:
            replace_file(write_config, f"{MARK}\n{served.config}".encode())
        if ctx.options.json:
            config = str(write_config) if write_config else served.config
            ctx.answer(SandboxAnswer(tripleseat=served.urls[0], revel=served.urls[1], config=config))
        elif not write_config:
            print(served.config, file=ctx.stdout, flush=True)
        trouble = trouble_of(ctx.stdout)
        if trouble:  # nobody knows the addresses; a reader that has gone wants nothing more
            return 0 if trouble.errno == errno.EPIPE else UNEXPECTED
        if not ctx.options.quiet:
            if write_config:
                shown = shlex.quote(str(write_config))
                print(f"Try:  tsrevel sync --config {shown}", file=ctx.stderr)
                print(f"      tsrevel login --config {shown} --port {login_port}   (a rehearsal)", file=ctx.stderr)
            text = "Serving on loopback until interrupted (Ctrl-C); everything in it is invented."
            if broken:
                text = f"{text} Broken: {', '.join(broken)}."
            print(text, file=ctx.stderr, flush=True)
        threading.Event().wait()
    return 0


@contextmanager
def run_services(ports: tuple[int, int] = (0, 0)) -> Iterator[Served]:
    """Both services on loopback, with events of today. Their token file and ledger are deleted when they end."""
    from tsrevel.sandbox import RevelSandbox, TripleSeatSandbox, seed_day, serve

    tripleseat, revel = TripleSeatSandbox(utc_now), RevelSandbox(utc_now)
    day = seed_day(tripleseat, revel, utc_now())
    with (
        TemporaryDirectory(prefix="tsrevel-sandbox-") as folder,
        serve(tripleseat, port=ports[0]) as seat,
        serve(revel, port=ports[1]) as till,
    ):
        answer = tripleseat.issue_tokens()
        token = {key: answer[key] for key in ("access_token", "refresh_token")}
        token["expires_at"] = answer["created_at"] + answer["expires_in"]
        replace_file(Path(folder, "token.json"), json.dumps(token).encode())
        config = _encode_config(day, seat.url, till.url, Path(folder))
        yield Served((seat.url, till.url), tripleseat, revel, day, config)


def _encode_config(day: SampleDay, tripleseat_url: str, revel_url: str, folder: Path) -> str:
    """Settings that point at the services. Dry run is left at its default: on."""
    settings = {
        "environment": "sandbox",
        "tripleseat": {
            "base_url": tripleseat_url,
            "client_id": day.client_id,
            "client_secret": day.client_secret,
            "token_file": str(folder / "token.json"),
            "requests_per_second": 200,
        },
        "revel": {
            "base_url": revel_url,
            "api_key": day.api_key,
            "api_secret": day.api_secret,
            "requests_per_second": 200,
        },
        "ledger": {"path": str(folder / "ledger.sqlite3")},
        "charges": [
            {"match": match, "as": treat_as} | ({"product_name": product_name} if product_name else {})
            for match, treat_as, product_name in day.charges
        ],
        "locations": [
            {
                "name": spot.place.name,
                "tripleseat_location": spot.place.location_id,
                "revel_establishment": spot.establishment,
                "timezone": spot.place.zone,
                "user": spot.user,
                "station": spot.station,
                "dining_option": spot.dining_option,
                "payment_type": spot.payment_type,
                "discount": spot.discount,
            }
            for spot in day.locations
        ],
    }
    return tomlkit.dumps(settings)
