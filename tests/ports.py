"""Ports that a test names before anything listens on them."""

from __future__ import annotations

import os
import random
import socket

FIRST, LAST = 20_000, 32_000
"""Below 32,768, where Linux begins to hand ports out: no connection that some process opens gets one of these."""
SHARE = 1000
"""So many of them for each of xdist's workers."""
_given: set[int] = set()


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on, and that no other test is told of."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    start = FIRST + worker * SHARE % (LAST - FIRST)
    for port in random.sample(range(start, start + SHARE), SHARE):
        if port not in _given and _is_free(port):
            _given.add(port)
            return port
    raise AssertionError(f"no port from {start} to {start + SHARE - 1} is free")


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
