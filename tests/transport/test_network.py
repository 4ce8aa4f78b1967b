"""The way out of this machine: every fault of it is found with the settings, and told without its value."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from tsrevel.errors import ConfigCode, ConnectionFault, ConnectionMisconfigured, TsrevelError, Unavailable
from tsrevel.transport.api import ApiClient
from tsrevel.transport.client import RateLimiter, Sender, send_once
from tsrevel.transport.network import DIRECT, NETWORK_VARIABLES, Network, read_network

from ..cli.bench import Shell
from ..planning.make import LOCATION
from ..world import World


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(World(tmp_path, "paid"))


PASSWORD = "pw5f1d2c9aQz"
BAD_PROXIES = [
    f"socks5://user:{PASSWORD}@127.0.0.1:1080",
    f"SOCKS5H://user:{PASSWORD}@127.0.0.1:1080",
    f"socks4://user:{PASSWORD}@127.0.0.1:1080",
    f"ftp://user:{PASSWORD}@127.0.0.1:21",
    f"{PASSWORD}://host",
    f"http://user:{PASSWORD}@127.0.0.1:99999",
    f"http://user:{PASSWORD}@127.0.0.1:port",
    f"http://user:{PASSWORD}@127.0.0.1:0",
    f"http://user:{PASSWORD}@127.0.0.1:-1",
    f"http://user:{PASSWORD}@",
    f"http://user:{PASSWORD}@[::1",
    f"http://us er:{PASSWORD}@127.0.0.1:1",
    f"http://us\x00er:{PASSWORD}@127.0.0.1:1",
    f"http://us\u00e9r:{PASSWORD}@127.0.0.1:1",
    f"user:{PASSWORD}",
    "http://",
    "://",
]


@pytest.mark.parametrize("value", BAD_PROXIES)
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_proxy_that_cant_be_used_is_named_by_its_variable(variable: str, value: str) -> None:
    (problem,) = read_network({variable: value}).problems
    assert (problem.key, problem.origin) == (variable, "environment")
    assert PASSWORD not in str(problem)


@given(st.text(min_size=1), st.text())
@settings(deadline=None)
def test_whatever_stands_in_the_environment_is_read_without_a_fault(value: str, excepted: str) -> None:
    network = read_network({"HTTPS_PROXY": value, "no_proxy": excepted})
    proxy = network.proxy_for("https", "api.example.com", None)
    assert proxy is None or proxy.host
    assert repr(network) == "Network(...)"


@pytest.mark.parametrize(
    ("value", "host", "port", "login"),
    [
        ("http://proxy.example.com:3128", "proxy.example.com", 3128, None),
        ("proxy.example.com:3128", "proxy.example.com", 3128, None),
        ("  http://proxy.example.com/  ", "proxy.example.com", 80, None),
        ("https://proxy.example.com", "proxy.example.com", 443, None),
        ("http://[2001:db8::1]:8080", "2001:db8::1", 8080, None),
        ("http://me:p%40ss%3A%2F@proxy.example.com:1", "proxy.example.com", 1, (b"me", b"p@ss:/")),
    ],
)
def test_a_proxy_is_read_as_it_is_written(value: str, host: str, port: int, login: tuple[bytes, bytes] | None) -> None:
    proxy = read_network({"HTTPS_PROXY": value}).proxy_for("https", "api.example.com", None)
    assert proxy is not None
    assert (proxy.host, proxy.port, proxy.login) == (host, port, login)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]", "a.localhost"])
def test_loopback_never_goes_through_a_proxy(host: str) -> None:
    network = read_network({"HTTP_PROXY": "http://p:1", "HTTPS_PROXY": "http://p:1", "ALL_PROXY": "http://p:1"})
    assert [network.proxy_for(scheme, host, None) for scheme in ("http", "https")] == [None, None]


@pytest.mark.parametrize(
    ("entry", "url", "excepted"),
    [
        ("*", ("https", "api.example.com", None), True),
        ("example.com", ("https", "api.example.com", None), True),
        ("example.com", ("https", "example.com", None), True),
        (".example.com", ("https", "api.example.com", None), True),
        ("*.example.com", ("https", "api.example.com", None), True),
        ("EXAMPLE.com.", ("https", "API.example.com.", None), True),
        ("example.com", ("https", "badexample.com", None), False),
        ("example.com:443", ("https", "api.example.com", None), True),
        ("example.com:8443", ("https", "api.example.com", None), False),
        ("example.com:8443", ("https", "api.example.com", 8443), True),
        ("https://example.com", ("https", "api.example.com", None), True),
        ("2001:db8::1", ("https", "2001:db8::1", None), True),
        ("[2001:db8::1]", ("https", "[2001:db8::1]", None), True),
        ("[2001:db8::1]:443", ("https", "2001:0db8::0001", None), True),
        ("[2001:db8::1]:8443", ("https", "2001:db8::1", None), False),
        ("2001:db8::/32", ("https", "2001:db8::1", None), True),
        ("10.0.0.0/8", ("https", "10.1.2.3", None), True),
        ("10.1.2.3", ("https", "10.1.2.4", None), False),
        ("10.0.0.0/8", ("https", "2001:db8::1", None), False),
        ("a, ,b  example.com", ("https", "example.com", None), True),
        ("[::1", ("https", "api.example.com", None), False),
        (":::::", ("https", "api.example.com", None), False),
        ("", ("https", "api.example.com", None), False),
        ("::1:99999999999999999999", ("https", "api.example.com", None), False),
    ],
)
def test_what_no_proxy_excepts(entry: str, url: tuple[str, str, int | None], excepted: bool) -> None:
    network = read_network({"ALL_PROXY": "http://proxy.example.com:1", "NO_PROXY": entry})
    assert network.problems == ()
    assert (network.proxy_for(*url) is None) is excepted


def test_lower_case_wins_and_empty_means_none() -> None:
    environ = {"HTTPS_PROXY": "http://upper.example.com", "https_proxy": "http://lower.example.com"}
    proxy = read_network(environ).proxy_for("https", "api.example.com", None)
    assert proxy is not None
    assert (proxy.host, proxy.variable) == ("lower.example.com", "https_proxy")
    assert read_network({**environ, "https_proxy": ""}).proxy_for("https", "api.example.com", None) is None


# Certificates and the key log


def files(folder: Path) -> dict[str, str]:
    (folder / "empty").write_text("")
    (folder / "junk").write_bytes(b"\x00\xff junk")
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    names = ("empty", "junk", "folder", "pipe", "missing", "missing/deeper")
    return {name: str(folder / name) for name in names} | {"nul": "a\0b"}


@pytest.mark.parametrize("name", ["empty", "junk", "folder", "pipe", "missing", "nul"])
def test_a_bad_certificate_file_is_named(tmp_path: Path, name: str) -> None:
    value = files(tmp_path)[name]
    (problem,) = read_network({"SSL_CERT_FILE": value}).problems
    assert (problem.code, problem.key) == (ConfigCode.NO_CERTIFICATES, "SSL_CERT_FILE")
    assert value not in str(problem)


@pytest.mark.parametrize("name", ["empty", "folder", "missing", "nul"])
def test_a_bad_certificate_folder_is_named(tmp_path: Path, name: str) -> None:
    (problem,) = read_network({"SSL_CERT_DIR": files(tmp_path)[name]}).problems
    assert (problem.code, problem.key) == (ConfigCode.NO_CERTIFICATES, "SSL_CERT_DIR")


def test_an_environment_without_any_is_the_direct_way() -> None:
    assert read_network({"SSL_CERT_FILE": "", "NO_PROXY": "x"}).problems == ()
    assert DIRECT.trust().verify_mode is ssl.CERT_REQUIRED


# Commands


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "all_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"])
@pytest.mark.parametrize("command", ["sync", "doctor", "config validate", "reconcile", "login"])
def test_every_command_that_asks_a_service_names_it(shell: Shell, command: str, variable: str) -> None:
    value = f"socks5://user:{PASSWORD}@127.0.0.1:1" if "proxy" in variable.lower() else f"/nowhere/{PASSWORD}/x"
    config = str(shell.write_config())
    ran = shell.run(*command.split(), "--config", config, environ={variable: value})
    assert ran.status == 10
    assert f"{variable} (environment)" in ran.out + ran.err
    assert PASSWORD not in ran.out + ran.err
    assert shell.requests == 0
    assert variable in NETWORK_VARIABLES


@pytest.mark.parametrize("command", ["status", "history", "pause", "resume"])
def test_commands_that_ask_nobody_dont_mind(shell: Shell, command: str) -> None:
    config = str(shell.write_config())
    assert shell.run(*command.split(), "--config", config, environ={"ALL_PROXY": "socks5://x"}).status == 0


def test_a_disabled_connector_doesnt_mind(shell: Shell) -> None:
    shell.world.config["safety"]["enable_connector"] = False
    assert shell.sync(environ={"ALL_PROXY": "socks5://x"}).status == 0


# TLS


def certificate(folder: Path, *, host: str = "127.0.0.1", age: int = 0) -> tuple[Path, Path]:
    """A self-signed certificate for `host`, valid for a day from `age` days ago, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    begin = datetime.now(UTC) - timedelta(days=age, minutes=5)
    try:
        names: x509.GeneralName = x509.IPAddress(ip_address(host))
    except ValueError:
        names = x509.DNSName(host)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


@contextmanager
def served(certificate: tuple[Path, Path] | None) -> Iterator[int]:
    """A server that answers `{}` to everything, by TLS where there is a certificate; its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if certificate:
        context.load_cert_chain(*certificate)

    def serve(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            wire = context.wrap_socket(connection, server_side=True) if certificate else connection
            wire.recv(65536)
            wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}")
            wire.close()

    def listen() -> None:
        with suppress(OSError):
            while True:
                serve(listener.accept()[0])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=listen, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def channel(port: int, network: Network) -> ApiClient:
    return connect(f"https://127.0.0.1:{port}", network)


def connect(url: str, network: Network) -> ApiClient:
    limiter = RateLimiter(1000, lambda: 0.0, lambda _: None)
    sender = Sender("Shop", url, rate_limiter=limiter, clock=lambda: datetime.now(UTC), network=network)
    return ApiClient(sender, sleep=lambda _: None)


@pytest.mark.parametrize(
    ("host", "age", "trusted", "error", "fault"),
    [
        ("127.0.0.1", 0, False, ConnectionMisconfigured, ConnectionFault.CERTIFICATE_UNTRUSTED),
        ("127.0.0.2", 0, True, ConnectionMisconfigured, ConnectionFault.CERTIFICATE_OF_OTHER_HOST),
        ("other.example.com", 0, True, ConnectionMisconfigured, ConnectionFault.CERTIFICATE_OF_OTHER_HOST),
        ("127.0.0.1", 3, True, Unavailable, ConnectionFault.CERTIFICATE_EXPIRED),
        ("127.0.0.1", -3, True, Unavailable, ConnectionFault.CERTIFICATE_NOT_YET_VALID),
    ],
)
def test_what_is_wrong_with_a_certificate_is_told(
    tmp_path: Path,
    host: str,
    age: int,
    trusted: bool,
    error: type[ConnectionMisconfigured | Unavailable],
    fault: ConnectionFault,
) -> None:
    paths = certificate(tmp_path, host=host, age=age)
    network = read_network({"SSL_CERT_FILE": str(paths[0])} if trusted else {})
    with served(paths) as port:
        shop = channel(port, network)
        for ask in (shop.read, lambda path: shop.write("POST", path, {}, LOCATION)):
            with pytest.raises(error) as caught:
                ask("/x")
            assert isinstance(caught.value, ConnectionMisconfigured | Unavailable)
            assert caught.value.fault is fault
            assert "127.0.0.1" in str(caught.value)
        with pytest.raises(Unavailable) as lost:
            send_once("GET", f"https://127.0.0.1:{port}/secret", 5, None, network=network)
        assert lost.value.fault is fault
        assert "certificate" in str(lost.value)
        assert "127.0.0.1" not in str(lost.value)
        shop.sender.close()


def test_a_certificate_of_ones_own_is_trusted_by_its_file(tmp_path: Path) -> None:
    paths = certificate(tmp_path)
    network = read_network({"SSL_CERT_FILE": str(paths[0])})
    assert network.problems == ()
    with served(paths) as port:
        shop = channel(port, network)
        assert shop.read("/x") == {}
        shop.sender.close()


def test_a_port_that_speaks_no_tls_is_told_as_that() -> None:
    with served(None) as port:
        shop = channel(port, DIRECT)
        with pytest.raises(ConnectionMisconfigured) as caught:
            shop.read("/x")
        assert caught.value.fault is ConnectionFault.NO_TLS
        shop.sender.close()


@contextmanager
def proxy(answer: bytes) -> Iterator[int]:
    """A proxy that gives one answer to every CONNECT, and hangs up."""

    def listen() -> None:
        with suppress(OSError):
            while True:
                connection = listener.accept()[0]
                connection.recv(65536)
                connection.sendall(answer)
                connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=listen, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("status", "error", "fault"),
    [
        (b"407 Proxy Authentication Required", ConnectionMisconfigured, ConnectionFault.PROXY_LOGIN_REFUSED),
        (b"407", ConnectionMisconfigured, ConnectionFault.PROXY_LOGIN_REFUSED),
        (b"403 Forbidden", Unavailable, None),
        (b"502 Bad Gateway (407)", Unavailable, None),
    ],
)
def test_what_a_proxy_refuses_was_never_sent(
    status: bytes, error: type[TsrevelError], fault: ConnectionFault | None
) -> None:
    with proxy(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n") as port:
        network = read_network({"HTTPS_PROXY": f"http://user:{PASSWORD}@127.0.0.1:{port}"})
        shop = connect("https://api.example.com", network)
        for ask in (shop.read, lambda path: shop.write("POST", path, {}, LOCATION)):
            with pytest.raises(error) as caught:
                ask("/x")
            assert isinstance(caught.value, ConnectionMisconfigured | Unavailable)
            assert caught.value.fault is fault
            assert "HTTPS_PROXY" in str(caught.value)
            assert PASSWORD not in str(caught.value)
        shop.sender.close()


@pytest.mark.parametrize("url", ["http://[::1", "http://127.0.0.1:99999/x", "http://a\x00b/", "", "ftp://127.0.0.1/"])
def test_an_address_that_is_none_is_no_answer(url: str) -> None:
    with pytest.raises(Unavailable):
        send_once("GET", url, 5, None)
