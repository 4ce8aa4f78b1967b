"""Base URLs and Revel domains as text: what may be one, and whether it stays on this machine. No network."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from tsrevel.transport.network import is_loopback as is_loopback_host

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


def split_url(text: str) -> SplitResult | None:
    """`text` taken apart, or None unless it is scheme://host[:port][/path] and nothing more."""
    if not text.isascii() or not text.isprintable() or any(sign in text for sign in " ?#@\\"):
        return None
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    usable = parts.scheme in {"http", "https"} and port != 0 and (":" in host or _HOST.fullmatch(host))
    return parts if usable else None


def is_loopback(url: str) -> bool:
    """Whether `url` names this very machine."""
    parts = split_url(url)
    return bool(parts and parts.hostname and is_loopback_host(parts.hostname))


def url_of_domain(domain: str) -> str:
    """The base URL of a Revel account given as "acme", "acme.revelup.com" or a whole URL; "" for ""."""
    text = domain.strip().rstrip("/").lower()
    if not text or "://" in text:
        return text
    whole = "." in text or ":" in text or text == "localhost"
    return f"https://{text}" if whole else f"https://{text}.revelup.com"
