"""A spool folder of captured deliveries, signed as TripleSeat signs them (facts TripleSeat 6.4)."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .bench import Ran

KEY = "planted-signing-key"
STAMP = 1797098400
Json = dict[str, Any]


def sign(body: bytes, key: str = KEY, *, stamp: int = STAMP) -> str:
    """What X-Signature holds."""
    return f"t={stamp},v1={hmac.new(key.encode(), f'{stamp}.'.encode() + body, 'sha256').hexdigest()}"


def sign_plainly(body: bytes) -> str:
    """A bare digest of the body."""
    return hmac.new(KEY.encode(), body, "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class Spool:
    """Where a receiver leaves what it captured."""

    folder: Path

    def put(self, name: str, body: bytes, signature: str | None = "") -> Path:
        """Capture a delivery, well signed unless another signature is given; None: without one."""
        path = self.folder / f"{name}.json"
        path.write_bytes(body)
        if signature is not None:
            path.with_suffix(".sig").write_text(signature or sign(body))
        return path

    @property
    def left(self) -> list[str]:
        """What lies in it."""
        return names_in(self.folder)

    def __str__(self) -> str:
        return str(self.folder)


def names_in(folder: Path) -> list[str]:
    """What lies in a folder, by name."""
    return sorted(each.name for each in folder.iterdir())


def answers(ran: Ran) -> list[Json]:
    """The JSON objects on stdout, one a line."""
    return [json.loads(line) for line in ran.lines]
