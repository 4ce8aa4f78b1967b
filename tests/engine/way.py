"""A way to Revel on which writes come late or twice, and lists lag."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx

from tsrevel.sandbox.revel_tables import Tables

from ..world import World


@dataclass(slots=True)
class _Loss:
    method: str
    path: str
    after: int
    answer: Callable[[httpx.Request], httpx.Response]
    seconds: float


class Way(httpx.BaseTransport):
    """Stands before the world's Revel. What is late is carried out once its time has come, whoever still runs."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._inner = world.wires["revel"]
        self._losses: list[_Loss] = []
        self._late: list[tuple[datetime, httpx.Request]] = []
        self._twice: list[str] = []
        self._snapshots: list[tuple[datetime, Tables]] = []
        self.lag = timedelta()
        world.wires["revel"] = self  # type: ignore[assignment]

    def lose(
        self, method: str, path: str, answer: int | type[httpx.RequestError], *, late: float, after: int = 0
    ) -> None:
        """The next such write but `after` gets that answer, and is applied `late` seconds after."""

        def give(request: httpx.Request) -> httpx.Response:
            if isinstance(answer, int):
                return httpx.Response(answer, request=request)
            raise answer("lost", request=request)

        self._losses.append(_Loss(method, path, after, give, late))

    def double(self, path: str) -> None:
        """The next such POST is sent twice by a proxy."""
        self._twice.append(path)

    def arrive(self) -> None:
        """Carry out what is late and due."""
        for each in [each for each in self._late if each[0] <= self._world.time.now]:
            self._late.remove(each)
            self._inner.handle_request(each[1]).read()
            self._keep()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.arrive()
        if request.method == "GET":
            return self._look(request)
        loss = next((each for each in self._losses if self._fits(each, request)), None)
        if loss:
            self._losses.remove(loss)
            self._late.append((self._world.time.now + timedelta(seconds=loss.seconds), request))
            self.arrive()
            return loss.answer(request)
        doubled = next((path for path in self._twice if re.search(path, request.url.path)), None)
        if doubled and request.method == "POST":
            self._twice.remove(doubled)
            self._inner.handle_request(request).read()
        response = self._inner.handle_request(request)
        self._keep()
        return response

    @staticmethod
    def _fits(loss: _Loss, request: httpx.Request) -> bool:
        if loss.method != request.method or not re.search(loss.path, request.url.path):
            return False
        loss.after -= 1
        return loss.after < 0

    def _keep(self) -> None:
        if self.lag:
            self._snapshots.append((self._world.time.now, copy.deepcopy(self._world.revel.state)))

    def _look(self, request: httpx.Request) -> httpx.Response:
        is_list = not re.search(r"/\d+/$", request.url.path)
        if not (self.lag and is_list):
            return self._inner.handle_request(request)
        now, revel = self._world.time.now, self._world.revel
        old = [state for at, state in self._snapshots if at <= now - self.lag]
        current, revel.state = revel.state, old[-1] if old else _without_orders(revel.state)
        try:
            return self._inner.handle_request(request)
        finally:
            revel.state = current


def _without_orders(state: Tables) -> Tables:
    empty = copy.deepcopy(state)
    for resource in ("Order", "OrderItem", "Payment", "OrderHistory"):
        empty.rows[resource].clear()
    return empty
