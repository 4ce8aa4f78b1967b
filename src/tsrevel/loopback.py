"""Whether a host is this very machine. Asks no network: a name is judged by how it reads."""

from __future__ import annotations

import socket
import unicodedata
from ipaddress import IPv4Address, IPv6Address, ip_address


def is_loopback(host: str) -> bool:
    """Whether `host` can only be this very machine, in any spelling that a connection takes.

    localhost and all below it, 127.0.0.0/8 and ::1; 0.0.0.0 and ::, which lead there as well. IPv4 also in short
    (127.1), as one number (2130706433), in hex or octal parts, and inside IPv6 (::ffff:127.0.0.1).
    """
    name = unicodedata.normalize("NFKC", host).strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _read_address(name)
    return address is not None and (address.is_loopback or address.is_unspecified)


def _read_address(name: str) -> IPv4Address | IPv6Address | None:
    """The address that a connection to `name` would take it for; of an IPv4 address in IPv6 the former."""
    try:
        address = ip_address(name)
    except ValueError:
        return _read_short_address(name)
    if isinstance(address, IPv6Address):
        compatible = IPv4Address(int(address)) if 1 < int(address) < 2**32 else None
        return address.ipv4_mapped or compatible or address
    return address


def _read_short_address(name: str) -> IPv4Address | None:
    """The old spellings of IPv4: "127.1", "2130706433", "0x7f.1", "0177.0.0.1"."""
    if not name or not set(name) <= set("0123456789abcdefx."):
        return None
    try:
        return IPv4Address(socket.inet_aton(name))
    except OSError:
        return None
