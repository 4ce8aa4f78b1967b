"""Signs bodies as TripleSeat does (facts TripleSeat 6.4)."""

from __future__ import annotations

import hashlib
import hmac

KEY = "sandbox-signing-key-1"


def sign(body: bytes, key: str = KEY, at: int = 1_797_100_000) -> str:
    """What the X-Signature header of a delivery holds."""
    digest = hmac.new(key.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"
