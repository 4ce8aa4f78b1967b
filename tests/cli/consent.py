"""A login with somebody at the browser: what is printed as an address is opened, as an admin would."""

from __future__ import annotations

import io
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx

from tsrevel.cli import context as surroundings
from tsrevel.cli.app import run_command

from ..world import World
from .bench import Ran, Shell

Visit = Callable[[str], object]


class Screen(io.StringIO):
    """A stream that shows each address printed on it to `visit`, which goes its own way."""

    def __init__(self, visit: Visit, *, tty: bool = False) -> None:
        super().__init__()
        self._visit, self._tty = visit, tty
        self.threads: list[threading.Thread] = []

    def isatty(self) -> bool:
        return self._tty

    def write(self, text: str) -> int:
        if text.startswith("http"):
            self.threads.append(threading.Thread(target=self._visit, args=[text]))
            self.threads[-1].start()
        return super().write(text)


class Clipboard(io.BytesIO):
    """Standard input into which a person pastes, one line each time one is asked for."""

    def __init__(self, *lines: Callable[[], str], tty: bool = False) -> None:
        super().__init__()
        self._lines, self._tty = list(lines), tty

    def isatty(self) -> bool:
        return self._tty

    def readline(self, _size: int | None = -1, /) -> bytes:
        return f"{self._lines.pop(0)()}\n".encode() if self._lines else b""


@dataclass
class Admin:
    """An ADMIN of the pretend TripleSeat, and the browser: `pages` are (status, text) of what came back."""

    world: World
    pages: list[tuple[int, str]] = field(default_factory=list)
    url: str = ""

    @property
    def asked(self) -> dict[str, str]:
        """What the address asks for."""
        return {key: values[0] for key, values in parse_qs(urlsplit(self.url).query).items()}

    def read(self, url: str) -> None:
        """See the address, and take its redirect URL for the one the app is registered with."""
        self.url = url
        self.world.tripleseat.tokens.redirect_uri = self.asked["redirect_uri"]

    def consent(self) -> str:
        """Agree; the address that the browser is sent to."""
        with httpx.Client(transport=httpx.WSGITransport(app=self.world.tripleseat)) as browser:
            return browser.get(self.url).headers["Location"]

    def approve(self, url: str) -> None:
        """Open the address, agree, and go where the browser is sent."""
        self.read(url)
        self.go(self.consent())

    def answer(self, **query: str) -> str:
        """The redirect URL with a query of one's own."""
        return f"{self.asked['redirect_uri']}?{httpx.QueryParams(query)}"

    def go(self, url: str, method: str = "GET") -> None:
        """Request the redirect URL; its page."""
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=60) as page:  # noqa: S310
                self.pages.append((page.status, page.read().decode()))
        except urllib.error.HTTPError as page:
            self.pages.append((page.code, page.read().decode()))


def log_in(
    shell: Shell, *argv: str, visit: Visit, stdin: io.BytesIO | None = None, tty: bool = False, port: bool = True
) -> Ran:
    """`login` at any free port, with `visit` looking at what it prints."""
    return log_in_with(shell, shell.write_config(), *argv, visit=visit, stdin=stdin, tty=tty, port=port)


def log_in_with(
    shell: Shell,
    config: Path,
    *argv: str,
    visit: Visit,
    stdin: io.BytesIO | None = None,
    tty: bool = False,
    port: bool = True,
) -> Ran:
    """The same with that settings file."""
    out, err = Screen(visit, tty=tty), Screen(visit if "--json" in argv else str, tty=tty)
    options = ["--port", "0"] if port else []
    world = surroundings.CliContext(
        environ=shell.environ, stdin=stdin or io.BytesIO(), stdout=out, stderr=err, stand_in=shell.world.runtime()
    )
    status = run_command(["login", "--config", str(config), *options, *argv], world)
    for thread in [*out.threads, *err.threads]:
        thread.join()
    return Ran(status, out.getvalue(), err.getvalue())
