"""A minimal webhook receiver: a Starlette route that writes each body to a file and fsyncs it.

`python bare_route.py FOLDER` prints its URL and serves until it is killed.
"""

from __future__ import annotations

import os
import socket
import sys
from itertools import count
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

FOLDER = Path(sys.argv[1])
NUMBERS = count()


def write(body: bytes) -> None:
    """Write the body durably. The folder isn't fsynced, so the file's name may be lost."""
    with (FOLDER / f"{next(NUMBERS)}.json").open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())


async def receive(request: Request) -> Response:
    """Write, then answer."""
    await run_in_threadpool(write, await request.body())
    return JSONResponse({"ok": True})


with socket.create_server(("127.0.0.1", 0)) as listening:
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    app = Starlette(routes=[Route("/webhook", receive, methods=["POST"])])
    config = uvicorn.Config(app, http="h11", loop="asyncio", lifespan="off", log_config=None, access_log=False)
    uvicorn.Server(config).run([listening])
