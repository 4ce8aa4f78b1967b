"""How fast `serve` accepts deliveries, compared with a bare route, and how its memory grows with them."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlsplit

from benchmarks.measure import HERE
from benchmarks.place import FIRST_EVENT, TSREVEL, Installation, install
from benchmarks.report import Goal, print_table, progress, show
from benchmarks.starts import sign

ROUNDS, REQUESTS, CLIENTS = 5, 400, 8
MANY = 10_000
MOST = 1.5
MOST_GROWTH = 20.0


def measure_deliveries() -> list[Goal]:
    """Alternate rounds of both, so a busy machine slows both equally. Runs are paused, so only accepting counts.

    In the last row the service also processes deliveries meanwhile.
    """
    with install() as place, _bare_route(place) as bare, _service(place) as (served, process):
        place.add_events(1)
        _pause(place, "pause")
        times: dict[str, list[float]] = {bare: [], served: []}
        walls: dict[str, list[float]] = {bare: [], served: []}
        for n in range(ROUNDS + 1):
            progress(f"deliveries, round {n} of {ROUNDS}")
            for url in times:
                took, wall = _load(place, url, REQUESTS, n)
                if n:
                    times[url] += took
                    walls[url].append(wall)
        before = _resident(process.pid)
        progress(f"{MANY} deliveries")
        _load(place, served, MANY, ROUNDS + 1)
        growth = _resident(process.pid) - before
        _pause(place, "resume")
        busy, busy_wall = _load(place, served, REQUESTS, ROUNDS + 2)
    rows = [_row("bare route", times[bare], walls[bare]), _row("tsrevel serve", times[served], walls[served])]
    rows.append(_row("tsrevel serve, worker at work", busy, [busy_wall]))
    heads = ("", "deliveries/s", "median ms", "99th percentile ms")
    print_table(f"Deliveries accepted, {CLIENTS} clients at once, body and answer durable", heads, rows)
    print(f"\nMemory growth with {MANY} waiting deliveries: {show(growth)} MB.")
    return [
        Goal("time for a delivery, against a bare route", median(walls[served]) / median(walls[bare]), MOST),
        Goal(
            "99th percentile of the answer's time, against a bare route", _p99(times[served]) / _p99(times[bare]), MOST
        ),
        Goal(f"growth of memory over {MANY} deliveries", growth, MOST_GROWTH, "MB"),
    ]


def _p99(times: list[float]) -> float:
    return quantiles(times, n=100)[-1]


def _row(name: str, times: list[float], walls: list[float]) -> list[str]:
    return [name, show(REQUESTS / median(walls)), show(median(times) * 1000), show(_p99(times) * 1000)]


def _load(place: Installation, url: str, count: int, round_number: int) -> tuple[list[float], float]:
    """Send `count` different deliveries with CLIENTS clients at once. Returns the seconds of each, and of all."""
    event = place.seat.event(FIRST_EVENT)
    bodies = [
        json.dumps({"webhook_trigger_type": "UPDATE_EVENT", "message": f"{round_number} {n}", "event": event}).encode()
        for n in range(count)
    ]
    signed = [(body, sign(body)) for body in bodies]
    times: list[float] = []

    def send(part: list[tuple[bytes, str]]) -> None:
        line = http.client.HTTPConnection(urlsplit(url).netloc)
        for body, signature in part:
            began = time.perf_counter()
            line.request("POST", "/webhook", body, {"X-Signature": signature})
            answer = line.getresponse()
            answer.read()
            times.append(time.perf_counter() - began)
            if answer.status != 200:
                raise RuntimeError(f"{url} answered {answer.status}")
        line.close()

    threads = [threading.Thread(target=send, args=(signed[n::CLIENTS],)) for n in range(CLIENTS)]
    began = time.perf_counter()
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    if len(times) != count:
        raise RuntimeError(f"{url}: {count - len(times)} deliveries weren't accepted")
    return times, time.perf_counter() - began


@contextmanager
def _bare_route(place: Installation) -> Iterator[str]:
    folder = place.folder / "bare"
    folder.mkdir()
    command = [sys.executable, str(HERE / "bare_route.py"), str(folder)]
    with _running(command, place, "stdout") as (process, line):
        del process
        yield line.strip()


@contextmanager
def _service(place: Installation) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = [TSREVEL, "serve", "--port", "0", "--config", str(place.config)]
    with _running(command, place, "stderr") as (process, line):
        yield line.split()[2].removesuffix("/webhook"), process


@contextmanager
def _running(command: list[str], place: Installation, stream: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process and the first line that it prints. It is killed at the end."""
    with (place.folder / "said").open("w") as said:
        streams = {"stdout": said, "stderr": said, stream: subprocess.PIPE}
        process = subprocess.Popen(command, env=place.environ, text=True, **streams)  # type: ignore[call-overload]
        try:
            yield process, getattr(process, stream).readline()
        finally:
            process.kill()
            process.communicate()


def _pause(place: Installation, command: str) -> None:
    subprocess.run(
        [TSREVEL, command, "--config", str(place.config)], env=place.environ, check=True, capture_output=True
    )


def _resident(pid: int) -> float:
    """Resident memory in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / 1_000_000
