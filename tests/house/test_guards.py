"""The guards of `tests/conftest.py` bite, and their words name the fix."""

from __future__ import annotations

import os
import socket
import sqlite3
import time
from pathlib import Path

import pytest

from tsrevel.sandbox import RevelSandbox, serve

Refusal = pytest.fail.Exception


@pytest.mark.parametrize("host", ["192.0.2.1", "198.51.100.7"])
def test_a_connection_that_leaves_this_machine_is_refused(host: str) -> None:
    with socket.socket() as wire, pytest.raises(Refusal, match=r"serve the sandbox on 127\.0\.0\.1"):
        wire.connect((host, 443))


def test_no_name_is_looked_up() -> None:
    with pytest.raises(Refusal, match=r"api\.example\.com"):
        socket.getaddrinfo("api.example.com", 443)


def test_no_datagram_is_sent() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as wire, pytest.raises(Refusal, match="pass a transport in"):
        wire.sendto(b"", ("192.0.2.1", 53))


def test_loopback_is_open() -> None:
    with serve(RevelSandbox()) as server, socket.create_connection(("127.0.0.1", server.port)) as wire:
        assert wire.getpeername()[0] == "127.0.0.1"


def test_home_is_a_temporary_folder(empty_home: Path) -> None:
    assert Path.home() == empty_home
    assert Path(os.environ["XDG_STATE_HOME"]).is_relative_to(empty_home)
    assert Path(os.environ["XDG_CONFIG_HOME"]).is_relative_to(empty_home)


def test_no_setting_of_this_machine_is_seen() -> None:
    seen = [name for name in os.environ if name.startswith(("TSREVEL_", "TRIPLESEAT_", "REVEL_", "SENDGRID_"))]
    assert seen == []
    assert not {"DRY_RUN", "ENABLE_CONNECTOR", "ENV", "TIMEZONE", "NO_COLOR", "https_proxy"} & set(os.environ)


@pytest.mark.parametrize("path", ["/etc/tsrevel/config.toml", "/etc/tsrevel/ledger.sqlite3"])
def test_a_real_installation_is_never_opened(path: str) -> None:
    with pytest.raises(Refusal, match="paths in tmp_path"):
        Path(path).read_bytes()
    with pytest.raises(Refusal, match="a real installation's"):
        sqlite3.connect(path)


def test_nobody_waits_by_accident() -> None:
    with pytest.raises(Refusal, match="pass a virtual `sleep` in"):
        time.sleep(0.3)


def test_what_took_hold_of_sleep_before_is_watched_too(tmp_path: Path) -> None:
    from tsrevel.wiring import Runtime

    with pytest.raises(Refusal, match="mark it real_process"):
        Runtime().sleep(5)


@pytest.mark.real_process
def test_a_test_marked_so_may_wait() -> None:
    began = time.monotonic()
    time.sleep(0.21)
    assert time.monotonic() - began >= 0.2
