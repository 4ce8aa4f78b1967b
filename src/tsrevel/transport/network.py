"""The way out of this machine: proxies and certificates from the environment, and which hosts are loopback."""

from __future__ import annotations

import os
import socket
import ssl
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

import certifi

from tsrevel.errors import ConfigCode, ConfigProblem
from tsrevel.redaction import Secret


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine, in any spelling that a connection accepts.

    That is localhost and all names below it, 127.0.0.0/8, ::1, 0.0.0.0 and ::. IPv4 may also be short (127.1), one
    number (2130706433), in hex or octal parts, or inside IPv6 (::ffff:127.0.0.1).
    """
    name = unicodedata.normalize("NFKC", host).strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _read_address(name)
    return address is not None and (address.is_loopback or address.is_unspecified)


def _read_address(name: str) -> IPv4Address | IPv6Address | None:
    """The address to which a connection to `name` would go. An IPv4 address inside IPv6 becomes IPv4."""
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


_PROXIES = ("http", "https", "all")
CA_FILE, CA_FOLDER = "SSL_CERT_FILE", "SSL_CERT_DIR"
NETWORK_VARIABLES = (*(f"{each.upper()}_PROXY" for each in _PROXIES), *(f"{each}_proxy" for each in _PROXIES))
NETWORK_VARIABLES += (CA_FILE, CA_FOLDER)
"""The variables that may be wrong. NO_PROXY can't be: an unreadable entry of it has no effect."""
_USUAL_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, repr=False)
class Proxy(Secret):
    """One proxy: `variable` names it in messages, `login` is user name and password."""

    variable: str
    scheme: str
    host: str
    port: int
    login: tuple[bytes, bytes] | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Network(Secret):
    """The way out. `proxies` are by the scheme of the requested URL, or "all". `problems` are its faults."""

    proxies: Mapping[str, Proxy]
    excepted: tuple[str, ...] = ()
    ca_file: str | None = None
    ca_folder: str | None = None
    problems: tuple[ConfigProblem, ...] = ()

    def proxy_for(self, scheme: str, host: str, port: int | None) -> Proxy | None:
        """The proxy for a URL, None for a direct connection."""
        host = host.strip("[]").rstrip(".").lower()
        if not self.proxies or is_loopback(host):
            return None
        if any(_covers(entry, host, port or _USUAL_PORTS.get(scheme, 0)) for entry in self.excepted):
            return None
        return self.proxies.get(scheme) or self.proxies.get("all")

    def trust(self) -> ssl.SSLContext:
        """The trusted certificates, loaded only once. Raises OSError (ssl.SSLError) if they can't be loaded."""
        return _load_authorities(self.ca_file, self.ca_folder)


DIRECT = Network({})
"""No proxy, and the usual certificates."""


def read_network(environ: Mapping[str, str]) -> Network:
    """The way out that `environ` describes. Checks the files that it names, but sends nothing."""
    proxies: dict[str, Proxy] = {}
    problems: list[ConfigProblem] = []
    for scheme in _PROXIES:
        variable, value = _find(environ, scheme)
        if value:
            proxy = _read_proxy(variable, value)
            if isinstance(proxy, Proxy):
                proxies[scheme] = proxy
            else:
                problems.append(proxy)
    _, excepted = _find(environ, "no")
    paths = {name: environ.get(name) or None for name in (CA_FILE, CA_FOLDER)}
    problems += _check_paths(paths)
    if paths[CA_FILE]:
        paths[CA_FOLDER] = None  # the file wins
    entries = tuple(excepted.replace(",", " ").split())
    return Network(proxies, entries, paths[CA_FILE], paths[CA_FOLDER], tuple(problems))


def _find(environ: Mapping[str, str], scheme: str) -> tuple[str, str]:
    """The variable of a scheme and its value. Lower case wins, as in curl. Under CGI, HTTP_PROXY doesn't count."""
    lower, upper = f"{scheme}_proxy", f"{scheme.upper()}_PROXY"
    if lower in environ:
        return lower, environ[lower].strip()
    if scheme == "http" and "REQUEST_METHOD" in environ:
        return upper, ""  # under CGI, a web client could set it
    return upper, environ.get(upper, "").strip()


def _read_proxy(variable: str, value: str) -> Proxy | ConfigProblem:
    remedy = "Write it like http://proxy.example.com:3128."
    malformed = _problem(ConfigCode.MALFORMED_PROXY, variable, "isn't the address of a proxy", remedy)
    usable = value.isascii() and value.isprintable() and " " not in value and "\\" not in value
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        port = parts.port
    except ValueError:
        return malformed
    if port == 0 or not usable or not parts.hostname:
        return malformed
    if parts.scheme.startswith("socks"):
        message = "names a SOCKS proxy, and tsrevel only supports HTTP proxies"
        return _problem(ConfigCode.UNSUPPORTED_PROXY, variable, message, _OTHER_PROXY)
    if parts.scheme not in _USUAL_PORTS:
        return _problem(ConfigCode.UNSUPPORTED_PROXY, variable, "names a proxy of an unknown kind", _OTHER_PROXY)
    login = None
    if parts.username is not None or parts.password is not None:
        login = unquote_to_bytes(parts.username or ""), unquote_to_bytes(parts.password or "")
    return Proxy(variable, parts.scheme, parts.hostname, port or _USUAL_PORTS[parts.scheme], login)


_OTHER_PROXY = (
    "Write it like http://proxy.example.com:3128, or unset it for tsrevel (in its crontab line: NAME= tsrevel)."
)


def _covers(entry: str, host: str, port: int) -> bool:
    """Whether an entry of NO_PROXY covers a host: by its name or one above it, address or network, and by its port."""
    entry = entry.lower().partition("://")[2] or entry.lower()
    if entry == "*":
        return True
    name, mark, told = entry.rpartition(":")
    if mark and told.isdigit() and (":" not in name or name.endswith("]")):
        if int(told[:6]) != port:
            return False
        entry = name
    entry = entry.strip("[]").removeprefix("*").strip(".")
    try:
        return ip_address(host) in ip_network(entry, strict=False)
    except ValueError:
        return entry != "" and (host == entry or host.endswith(f".{entry}"))


def _check_paths(paths: Mapping[str, str | None]) -> Iterator[ConfigProblem]:
    file, folder = paths[CA_FILE], paths[CA_FOLDER]
    if file and not _holds_certificates(file):
        message = "names no readable file with certificates"
        yield _problem(ConfigCode.NO_CERTIFICATES, CA_FILE, message, _NO_AUTHORITIES)
    if folder and not file and not any(_has_certificates(each) for each in folder.split(os.pathsep)):
        message = "names no folder with certificates (prepared by `openssl rehash`)"
        yield _problem(ConfigCode.NO_CERTIFICATES, CA_FOLDER, message, _NO_AUTHORITIES)


_NO_AUTHORITIES = "Correct it or unset it. Without certificates tsrevel can trust no service."


def _holds_certificates(file: str) -> bool:
    try:
        if not Path(file).is_file():  # opening a pipe would wait
            return False
        _load_authorities(file, None)
    except (OSError, ValueError):
        return False
    return True


def _has_certificates(folder: str) -> bool:
    try:
        return any(len(each.stem) == 8 and each.suffix[1:].isdigit() for each in Path(folder).iterdir())
    except (OSError, ValueError):
        return False


@cache
def _load_authorities(file: str | None, folder: str | None) -> ssl.SSLContext:
    """Loads the certificates only once, because that takes longer than a request."""
    if file is None and folder is None:
        file = certifi.where()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(file, folder)
    return context


def _problem(code: ConfigCode, variable: str, message: str, remedy: str) -> ConfigProblem:
    return ConfigProblem(code, variable, "environment", message, remedy)
