"""`verify-signature` as its users meet it: a captured body, the header that came with it, and an exit status."""

from __future__ import annotations

import hmac
import io
import json
import os
import re
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from tsrevel.errors import BodyTooLarge, SignatureReason
from tsrevel.webhook.spool import LARGEST_BODY, read_body

from ..world import MORNING
from .bench import PATIENCE, ROOT, TELL_IMPORTS, Ran, Shell, execute, imported_by

NOW = int(MORNING.timestamp())
STAMP = 1795270814
"""2026-11-21 14:20:14 UTC."""
OLD, NEW = "old-example-key", "new-example-key"
BODY = '{"event": {"name": "Crème brûlée für Zoë"}}\r\n'.encode()
ENVIRON = {"TRIPLESEAT_WEBHOOK_SIGNING_KEY": NEW}
HEAVY = {"httpx", "rich", "sqlite3", "tenacity", "asyncio"}
OF_OURS = {
    *("tsrevel.engine", "tsrevel.ledger", "tsrevel.tripleseat", "tsrevel.revel", "tsrevel.wiring"),
    *("tsrevel.transport.api", "tsrevel.transport.write_gate", "tsrevel.cli.sync", "tsrevel.cli.replay"),
}
GOOD = {"schema": 1, "ok": True, "reason": None, "timestamp": STAMP}


def bare(body: bytes = BODY, key: str = NEW) -> str:
    return hmac.new(key.encode(), body, "sha256").hexdigest()


def sign(body: bytes = BODY, stamp: int = STAMP, key: str = NEW) -> str:
    return f"t={stamp},v1={bare(f'{stamp}.'.encode() + body, key)}"


@pytest.fixture(autouse=True)
def _rotation(shell: Shell) -> None:
    """Two keys, as while a key is being changed."""
    shell.world.config["tripleseat"]["webhook_signing_keys"] = [OLD, NEW]


def verify(
    shell: Shell, *argv: str, header: str | None = None, body: bytes | BinaryIO = BODY, tty: bool = False
) -> Ran:
    """Type `verify-signature` with the world's settings, the body on standard input."""
    signature = [] if header is None else ["--signature", header]
    given = ["--config", str(shell.write_config()), *signature, *argv]
    return shell.run("verify-signature", *given, tty=tty, stdin=body)


@pytest.fixture
def captured(tmp_path: Path) -> Path:
    path = tmp_path / "delivery.json"
    path.write_bytes(BODY)
    return path


def test_a_good_signature_is_silent_off_a_terminal(shell: Shell) -> None:
    ran = verify(shell, header=sign())
    assert (ran.status, ran.out, ran.err) == (0, "", "")


def test_a_good_signature_is_a_plain_sentence_on_a_terminal(shell: Shell) -> None:
    ran = verify(shell, header=sign(), tty=True)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out == "The signature is good: signed 2026-11-21 14:20:14 UTC.\n"


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (sign(stamp=999_999_999_999), "signed 999999999999 seconds after 1970."),
        (bare(), "a plain digest, without the time of signing."),
    ],
)
def test_a_signature_without_a_day_is_told_as_it_is(shell: Shell, header: str, told: str) -> None:
    ran = verify(shell, "--plain", header=header, tty=True)
    assert (ran.status, ran.out) == (0, f"The signature is good: {told}\n")


@pytest.mark.parametrize("tty", [False, True])
def test_json_is_one_object_of_three_keys_and_nothing_else(shell: Shell, tty: bool) -> None:
    good = verify(shell, "--json", header=sign(), tty=tty)
    assert good.out == f'{{"schema": 1, "ok": true, "reason": null, "timestamp": {STAMP}}}\n'
    assert (good.status, good.err) == (0, "")
    bad = verify(shell, "--json", header=sign(key="another"), tty=tty)
    assert bad.out == f'{{"schema": 1, "ok": false, "reason": "SIGNATURE_MISMATCH", "timestamp": {STAMP}}}\n'
    assert bad.status == 4
    assert bad.err.startswith("tsrevel: SIGNATURE_MISMATCH: ")


def test_a_plain_digest_has_no_timestamp(shell: Shell) -> None:
    assert verify(shell, "--json", "--plain", header=bare()).answer == {
        "schema": 1,
        "ok": True,
        "reason": None,
        "timestamp": None,
    }
    assert verify(shell, "--json", header=bare()).answer["reason"] == "MALFORMED_SIGNATURE_HEADER"


REFUSALS = [
    (SignatureReason.MISSING_SIGNATURE_HEADER, None, []),
    (SignatureReason.MISSING_SIGNATURE_HEADER, " ", []),
    (SignatureReason.MALFORMED_SIGNATURE_HEADER, sign() + ",", []),
    (SignatureReason.MALFORMED_SIGNATURE_HEADER, bare(), []),
    (SignatureReason.SIGNATURE_MISMATCH, sign(b"other"), []),
    (SignatureReason.SIGNATURE_MISMATCH, bare(b"other"), ["--plain"]),
    (SignatureReason.TIMESTAMP_OUT_OF_TOLERANCE, sign(), ["--tolerance", "300"]),
    (SignatureReason.TIMESTAMP_OUT_OF_TOLERANCE, bare(), ["--plain", "--tolerance", "300"]),
]


@pytest.mark.parametrize("manner", [[], ["--json"], ["-q"], ["-vv"]], ids=str)
@pytest.mark.parametrize(("reason", "header", "flags"), REFUSALS)
def test_a_refusal_is_one_line_on_stderr_in_every_manner(
    shell: Shell, reason: SignatureReason, header: str | None, flags: list[str], manner: list[str]
) -> None:
    for tty in (False, True):
        ran = verify(shell, *flags, *manner, header=header, tty=tty)
        assert ran.status == 4
        assert re.fullmatch(rf"tsrevel: {reason}: .+", " ".join(ran.err.split()))
        assert tty or ran.err.count("\n") == 1
        assert bool(ran.out) == ("--json" in manner)


@pytest.mark.parametrize(("reason", "header", "flags"), REFUSALS)
def test_no_key_digest_or_header_is_ever_shown(
    shell: Shell, reason: SignatureReason, header: str | None, flags: list[str]
) -> None:
    secrets = [OLD, NEW, *re.findall(r"\w{64}", (header or "") + sign() + bare() + sign(key=OLD)), sign(), "Crème"]
    for argv in (flags, [*flags, "--json"], [*flags, "-vv", "--log-format", "json"]):
        ran = verify(shell, *argv, header=header)
        assert reason in ran.err
        assert [secret for secret in secrets if secret in ran.out + ran.err] == []


def test_the_body_is_taken_from_a_file_or_from_standard_input(shell: Shell, captured: Path) -> None:
    assert verify(shell, "--json", header=sign()).answer == GOOD
    assert verify(shell, "--json", "-", header=sign()).answer == GOOD
    assert verify(shell, "--json", str(captured), header=sign(), body=b"").answer == GOOD


def test_the_bytes_count_as_they_are(shell: Shell, captured: Path) -> None:
    captured.write_bytes(BODY.replace(b"\r\n", b"\n"))
    assert verify(shell, str(captured), header=sign()).status == 4
    captured.write_bytes(bytes(range(256)))
    assert verify(shell, str(captured), header=sign(bytes(range(256)))).status == 0
    assert verify(shell, header=sign(b""), body=b"").status == 0


@pytest.mark.parametrize("name", ["nowhere.json", "", "no/such/folder"])
def test_a_file_that_cannot_be_read_is_a_usage_error(shell: Shell, tmp_path: Path, name: str) -> None:
    ran = verify(shell, "--json", str(tmp_path / name), header=sign())
    assert (ran.status, ran.answer["exit_status"]) == (2, 2)
    assert "can't be read: " in ran.err


@pytest.mark.parametrize("flags", [["--tolerance", "-1"], ["--tolerance", "soon"], ["one", "two"], ["--key", "x"]])
def test_wrong_flags_are_usage_errors(shell: Shell, flags: list[str]) -> None:
    assert verify(shell, *flags, header=sign()).status == 2


def test_either_key_is_good_while_a_key_is_being_changed(shell: Shell) -> None:
    assert verify(shell, header=sign(key=OLD)).status == 0
    assert verify(shell, header=sign(key=NEW)).status == 0
    shell.world.config["tripleseat"]["webhook_signing_keys"] = [NEW]
    assert verify(shell, header=sign(key=OLD)).status == 4


def test_a_key_may_come_from_the_environment_alone(shell: Shell) -> None:
    environ = {**ENVIRON, "HOME": str(shell.world.folder)}
    ran = shell.run("verify-signature", "--json", "--signature", sign(), environ=environ, stdin=BODY)
    assert (ran.status, ran.answer) == (0, GOOD)


def test_without_a_key_nothing_is_good_and_the_setting_is_named(shell: Shell) -> None:
    del shell.world.config["tripleseat"]["webhook_signing_keys"]
    ran = verify(shell, "--json", header=sign(key=""))
    assert (ran.status, ran.answer) == (
        4,
        {"schema": 1, "ok": False, "reason": "SIGNING_KEY_NOT_CONFIGURED", "timestamp": None},
    )
    assert "tripleseat.webhook_signing_keys" in ran.err


def test_wrong_settings_are_told_as_everywhere(shell: Shell) -> None:
    config = shell.write_config()
    config.write_text(config.read_text().replace(f'"{NEW}"', '""'))
    ran = shell.run("verify-signature", "--json", "--config", str(config), "--signature", sign(), stdin=BODY)
    assert (ran.status, ran.answer["problems"][0]["key"]) == (10, "tripleseat.webhook_signing_keys")


def test_a_tolerance_goes_by_the_clock_in_both_directions(shell: Shell) -> None:
    for stamp in (NOW - 300, NOW + 300):
        assert verify(shell, "--tolerance", "300", header=sign(stamp=stamp)).status == 0
    for stamp, clue in ((NOW - 301, "301 seconds ago"), (NOW + 301, "301 seconds ahead of this machine's clock")):
        ran = verify(shell, "--tolerance", "300", "--json", header=sign(stamp=stamp))
        assert (ran.status, ran.answer["timestamp"]) == (4, stamp)
        assert clue in ran.err
    assert verify(shell, "--tolerance", "0", header=sign(stamp=NOW)).status == 0


def test_it_calls_nobody_and_keeps_no_ledger(shell: Shell) -> None:
    verify(shell, header=sign())
    verify(shell, header=sign(key="another"))
    assert shell.requests == 0
    assert not Path(shell.world.settings().ledger_path).exists()


class Spring(io.RawIOBase):
    """So many bytes, made as they are read, a few at a time; it counts what was taken."""

    def __init__(self, size: int, at_once: int = 65_536) -> None:
        self.left, self.at_once, self.taken = size, at_once, 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        count = min(self.left, self.at_once, self.left if size < 0 else size)
        self.left -= count
        self.taken += count
        return b"x" * count


def stream(spring: Spring) -> BinaryIO:
    return cast("BinaryIO", spring)


def test_a_body_of_50_mb_is_refused_in_constant_memory(shell: Shell) -> None:
    spring = Spring(50_000_000)
    verify(shell, header=sign())
    tracemalloc.start()
    try:
        ran = verify(shell, "--json", header=sign(), body=stream(spring))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (ran.status, ran.answer) == (4, {"schema": 1, "ok": False, "reason": "PAYLOAD_TOO_LARGE", "timestamp": None})
    assert re.fullmatch(r"tsrevel: PAYLOAD_TOO_LARGE: .+ 16 MiB.+\n", ran.err)
    assert spring.taken == LARGEST_BODY + 1
    assert peak < 24_000_000


def test_a_body_of_3_mb_is_fine(shell: Shell) -> None:
    ran = verify(shell, "--json", header=sign(b"x" * 3_000_000), body=stream(Spring(3_000_000)))
    assert (ran.status, ran.answer) == (0, GOOD)


def test_the_largest_body_is_read_whole_and_one_byte_more_is_not() -> None:
    assert read_body(stream(Spring(LARGEST_BODY))) == b"x" * LARGEST_BODY
    with pytest.raises(BodyTooLarge) as caught:
        read_body(stream(Spring(LARGEST_BODY + 1)))
    assert (caught.value.exit_status, caught.value.reason) == (4, "PAYLOAD_TOO_LARGE")


def test_a_body_that_comes_in_drops_is_whole() -> None:
    assert read_body(stream(Spring(10_000, at_once=7))) == b"x" * 10_000
    assert read_body(io.BytesIO()) == b""


@pytest.mark.parametrize("reason", [*SignatureReason, "PAYLOAD_TOO_LARGE"])
def test_the_guide_explains_every_refusal(reason: str) -> None:
    assert f"| `{reason}` |" in (ROOT / "docs" / "replay.md").read_text(encoding="utf-8")


@pytest.mark.real_process
@pytest.mark.parametrize(("key", "status"), [(NEW, 0), (OLD, 4)])
def test_nothing_heavy_is_loaded_for_it(captured: Path, key: str, status: int) -> None:
    told = ENVIRON | TELL_IMPORTS
    ran = execute("verify-signature", str(captured), "--json", "--signature", sign(key=key), environ=told)
    assert (ran.status, ran.answer["ok"]) == (status, status == 0)
    loaded = imported_by(ran)
    assert "tsrevel.webhook.delivery" in loaded
    assert {name.partition(".")[0] for name in loaded} & HEAVY == set()
    assert loaded & OF_OURS == set()


@pytest.mark.real_process
def test_a_body_comes_down_a_pipe_as_bytes() -> None:
    body = bytes(range(256)) * 1000
    done = subprocess.run(
        [sys.executable, "-m", "tsrevel", "verify-signature", "--json", "--signature", sign(body)],
        input=body,
        env={**os.environ, **ENVIRON, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout) == GOOD
