"""A real `tsrevel serve` on loopback, between both pretend services and whoever sends it deliveries."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from ..cli.bench import PATIENCE, Process, Ran, finish, first_line, served_world, start, track
from ..cli.captured import KEY, sign
from ..engine.deliveries import delivery
from ..forks import Forks, bare_environment
from ..world import World

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

FULL, PAID = 64000001, 64000002
TOKEN = "invented-token-of-the-tests"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
SECOND_KEY = "planted-second-key"


@dataclass
class Service:
    """The service, while it runs."""

    world: World
    process: Process
    client: httpx.Client
    spool: Path
    _numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 10**9)))

    def body(self, event_id: int = FULL, trigger: str = "UPDATE_EVENT", **changes: Any) -> bytes:
        """A delivery of the event as it is now; no two are the same."""
        whole = json.loads(delivery(self.world, event_id, trigger, **changes))
        return json.dumps({**whole, "message": f"No. {next(self._numbers)}"}).encode()

    def send(self, body: bytes, signature: str | None = "", path: str = "/webhook", **headers: str) -> httpx.Response:
        """Send a delivery, well signed unless another signature is given; None: without one."""
        signed = {} if signature is None else {"X-Signature": signature or sign(body)}
        return self.client.post(path, content=body, headers={**signed, **headers})

    @property
    def waiting(self) -> list[str]:
        """The bodies that wait in the spool."""
        return sorted(each.name for each in self.spool.glob("*.json"))

    def settle(self) -> None:
        """Wait until nothing waits."""
        until(lambda: not self.waiting)

    def health(self) -> dict[str, Any]:
        """What /health answers."""
        return dict(self.client.get("/health").json())

    def stop(self) -> Ran:
        """End it as an operator does."""
        self.process.send_signal(signal.SIGTERM)
        return finish(self.process)


def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait for it."""
    latest = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < latest, "it never came to that"
        time.sleep(0.02)


@contextmanager
def world_to_serve(
    folder: Path,
    *stories: str,
    revel: Callable[[WSGIApplication], WSGIApplication] = lambda app: app,
    tripleseat: Callable[[WSGIApplication], WSGIApplication] = lambda app: app,
) -> Iterator[World]:
    """Both pretend services, and live settings for a service before them."""
    with served_world(folder, *stories, revel=revel, tripleseat=tripleseat) as world:
        world.config["tripleseat"]["webhook_signing_keys"] = [KEY, SECOND_KEY]
        world.config["serve"] = {"port": 0, "token": TOKEN}
        world.write_config()
        yield world


@contextmanager
def run_service(world: World, *flags: str, forks: Forks | None = None) -> Iterator[Service]:
    """The service of that world, until the block ends. `forks`: where it isn't the usual ones that start it."""
    argv = ("serve", "--config", str(world.folder / "config.toml"), *flags)
    process = track(forks.pipe(*argv, environ=bare_environment())) if forks else start(*argv)
    try:
        url = first_line(process, "stderr", "Serving on").split()[2].removesuffix("/webhook")
        with httpx.Client(base_url=url, timeout=PATIENCE, trust_env=False) as client:
            yield Service(world, process, client, world.folder / "spool")
    finally:
        process.kill()
        process.communicate()


@contextmanager
def served(folder: Path, *stories: str, **config: Any) -> Iterator[Service]:
    """Both at once; `config` goes into `[serve]`."""
    with world_to_serve(folder, *(stories or ("full", "paid"))) as world:
        world.config["serve"] |= config
        world.write_config()
        with run_service(world) as service:
            yield service
