"""Guards round every test: no network but loopback, no installation of this machine, no waiting by accident.

Each fails the test on the spot and names the fix. `tests/house/test_guards.py` tests them.
"""

from __future__ import annotations

import gc
import ipaddress
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, SupportsIndex

import hypothesis
import pytest

from tsrevel.config import config_folder, state_folder
from tsrevel.config.paths import SYSTEM_CONFIG, SYSTEM_STATE
from tsrevel.config.settings import OLD_NAMES

LONGEST_NAP = 0.2
"""Seconds that a test may sleep in real time without being marked real_process."""
REAL_PLACES = tuple(
    str(each)
    for each in (config_folder(os.environ), state_folder(os.environ), SYSTEM_CONFIG.parent, SYSTEM_STATE)
    if each
)
"""Where an installation on this very machine keeps its settings and its ledger."""
PLACE_NAMES = ("TRIPLESEAT_SITE_ID", "REVEL_ESTABLISHMENT_ID", "REVEL_LOCATION_ID")
AMBIENT = ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "COLUMNS", "LINES")
"""Variables that change what is printed or where requests go; proxies are found by their ending."""
MEMORY = Path("/dev/shm")  # noqa: S108 (Linux's file system in memory)
if MEMORY.is_dir() and os.access(MEMORY, os.W_OK):
    os.environ.setdefault("TMPDIR", str(MEMORY))  # thousands of ledgers needn't reach a disk
    tempfile.tempdir = None  # whatever was found before

gc.disable()  # until all tests are collected: nothing of that is garbage

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or each worker and each process compiles everything again
sys.dont_write_bytecode = False

for each, ends in ((signal.SIGHUP, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
    if signal.getsignal(each) is signal.SIG_IGN:  # by nohup, or in a shell's background job: children would inherit it
        signal.signal(each, ends)

hypothesis.settings.register_profile("untimed", deadline=None)  # a busy machine must not fail a test
hypothesis.settings.load_profile("untimed")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that start processes or wait are spread among the others, which use the cores meanwhile.

    The campaign begins first, as it takes longest. Of the rest each fifth is in turn: those side by side wait alike.
    """
    slow = [each for each in items if each.get_closest_marker("real_process")]
    longest = [each for each in slow if "campaign" in each.path.parts]
    apart = [each for start in range(5) for each in slow[start::5] if each not in longest]
    quick = [each for each in items if each not in slow]
    beside = len(quick) * 3 // 4 // max(len(slow), 1)
    rest = iter(quick)
    items[:] = [each for first in (*longest, *apart) for each in (first, *islice(rest, beside))]
    items += rest


def pytest_collection_finish() -> None:
    """Garbage is looked for less often, and not among what was collected here: a tenth of the time otherwise."""
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


@dataclass(slots=True)
class Watch:
    """Whether a test is running, and what it may do. One for the whole process: the hooks below can't be taken out."""

    on: bool = False
    may_nap: bool = False


WATCH = Watch()


def _watch_calls(event: str, args: tuple[Any, ...]) -> None:
    check = _CHECKS.get(event)
    if check and WATCH.on:
        check(args)


def _check_connection(args: tuple[Any, ...]) -> None:
    address = args[1]
    if isinstance(address, tuple):  # a path is a Unix socket: this machine
        _check_host(address[0])


def _check_lookup(args: tuple[Any, ...]) -> None:
    _check_host(args[0])


def _check_host(host: str | bytes | None) -> None:
    name = host.decode() if isinstance(host, bytes) else host or "localhost"
    if name == "localhost":
        return
    try:
        loopback = ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        pytest.fail(f"a test reached for {name}: pass a transport in, or serve the sandbox on 127.0.0.1")


def _check_place(args: tuple[Any, ...]) -> None:
    if isinstance(args[0], str | bytes | os.PathLike):
        path = os.fsdecode(args[0])
        if path.startswith(REAL_PLACES):
            pytest.fail(f"a test touched {path}, a real installation's: pass `environ`, `config` or paths in tmp_path")


_CHECKS: dict[str, Callable[[tuple[Any, ...]], None]] = {
    "socket.connect": _check_connection,
    "socket.sendto": _check_connection,
    "socket.getaddrinfo": _check_lookup,
    "socket.gethostbyname": _check_lookup,
    "open": _check_place,
    "os.mkdir": _check_place,
    "sqlite3.connect": _check_place,
}


Sleep = Callable[[float | SupportsIndex], None]


def _watch_sleep(real: Sleep) -> Sleep:
    def sleep(seconds: float | SupportsIndex) -> None:
        if WATCH.on and not WATCH.may_nap and float(seconds) > LONGEST_NAP:
            pytest.fail(f"a test slept {seconds} s in real time: pass a virtual `sleep` in, or mark it real_process")
        real(seconds)

    return sleep


sys.addaudithook(_watch_calls)
time.sleep = _watch_sleep(time.sleep)  # now, before anything of ours takes hold of the real one


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of every test. Nothing may be left in it."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _clean_surroundings(monkeypatch: pytest.MonkeyPatch, empty_home: Path) -> Iterator[None]:
    """No setting of this machine is seen, and home is a temporary folder that must stay empty."""
    for name in list(os.environ):
        ours = name.startswith("TSREVEL_") or name in {*OLD_NAMES, *PLACE_NAMES, *AMBIENT}
        if ours or name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)
    for name, below in {"HOME": "", "XDG_CONFIG_HOME": ".config", "XDG_STATE_HOME": ".local/state"}.items():
        monkeypatch.setenv(name, str(empty_home / below))
    yield
    left = sorted(each.name for each in empty_home.iterdir())
    assert not left, f"a test left {left} in the home folder: pass `environ` or paths in tmp_path"


@pytest.fixture(autouse=True)
def _watched(request: pytest.FixtureRequest) -> Iterator[None]:
    """The watch is on from set-up to the end of the test."""
    WATCH.on, WATCH.may_nap = True, request.node.get_closest_marker("real_process") is not None
    yield
    WATCH.on = False
