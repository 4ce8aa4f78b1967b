from __future__ import annotations

import hmac
import random
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsrevel.errors import SignatureReason, SignatureRefused
from tsrevel.webhook.delivery import LONGEST_HEADER, MOST_PARTS, check_signature

NOW = datetime(2026, 11, 21, 14, 20, 14, 900_000, tzinfo=UTC)
STAMP = 1795270814
KEY = "example-key"
BODY = b'{"webhook_trigger_type": "UPDATE_EVENT"}'
SMALL = (
    *("a binary body", "a body that ends in a line break", "the smallest stamp"),
    *("a UTF-8 key", "RFC 4231, test case 2"),
)
"""Vectors of which each byte counts: one key, one digest, nothing that is ignored."""


@dataclass(frozen=True, slots=True)
class Vector:
    """A delivery that another tool signed."""

    name: str
    keys: list[str]
    body: bytes
    header: str
    timestamp: int | None = None
    plain: bool = False


def read_vectors() -> Iterator[Vector]:
    text = Path(__file__).with_name("vectors.toml").read_text(encoding="utf-8")
    for each in tomllib.loads(text)["vector"]:
        yield Vector(**{**each, "body": bytes.fromhex(each["body"])})


VECTORS = {vector.name: vector for vector in read_vectors()}


def digest(body: bytes = BODY, stamp: object = STAMP, key: str = KEY) -> str:
    return hmac.new(key.encode(), f"{stamp}.".encode() + body, "sha256").hexdigest()


def bare_digest(body: bytes = BODY, key: str = KEY) -> str:
    return hmac.new(key.encode(), body, "sha256").hexdigest()


def sign(body: bytes = BODY, stamp: object = STAMP, key: str = KEY) -> str:
    return f"t={stamp},v1={digest(body, stamp, key)}"


def refusal(
    header: str | None,
    keys: Sequence[str] = (KEY,),
    *,
    body: bytes = BODY,
    plain: bool = False,
    tolerance: int | None = None,
) -> SignatureRefused:
    with pytest.raises(SignatureRefused) as caught:
        check_signature(body, header, keys, plain=plain, tolerance=tolerance, now=NOW)
    return caught.value


def accepts(
    header: str, keys: Sequence[str] = (KEY,), *, body: bytes = BODY, plain: bool = False, tolerance: int | None = None
) -> bool:
    try:
        check_signature(body, header, keys, plain=plain, tolerance=tolerance, now=NOW)
    except SignatureRefused:
        return False
    return True


@pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)
def test_what_openssl_signed_is_accepted(vector: Vector) -> None:
    told = check_signature(vector.body, vector.header, vector.keys, plain=vector.plain, now=NOW)
    assert told == vector.timestamp


@pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)
def test_what_openssl_signed_is_refused_for_another_body_or_key(vector: Vector) -> None:
    longer = refusal(vector.header, vector.keys, body=vector.body + b" ", plain=vector.plain)
    others = refusal(vector.header, [f"{key}x" for key in vector.keys], body=vector.body, plain=vector.plain)
    assert longer.reason == others.reason == SignatureReason.SIGNATURE_MISMATCH
    assert longer.timestamp == others.timestamp == vector.timestamp


def mutants(text: bytes) -> Iterator[bytes]:
    """Every text that differs in exactly one byte."""
    for place, byte in enumerate(text):
        before, after = text[:place], text[place + 1 :]
        yield from (before + bytes([other]) + after for other in range(256) if other != byte)


def mutations(vector: Vector) -> Iterator[tuple[bytes, str, str]]:
    """Every single-byte change of body, header or key; bytes that aren't UTF-8 as the environment would give them."""
    (key,) = vector.keys
    yield from ((body, vector.header, key) for body in mutants(vector.body))
    yield from ((vector.body, header.decode("latin-1"), key) for header in mutants(vector.header.encode()))
    keys = (mutant.decode("utf-8", "surrogateescape") for mutant in mutants(key.encode()))
    yield from ((vector.body, vector.header, each) for each in keys)


def test_no_change_of_a_single_byte_is_accepted() -> None:
    tried, accepted = 0, []
    for vector in (VECTORS[name] for name in SMALL):
        for body, header, key in mutations(vector):
            tried += 1
            same = header.lower() == vector.header and (body, key) == (vector.body, vector.keys[0])
            if not same and accepts(header, [key], body=body, plain=vector.plain):
                accepted.append((vector.name, body, header, key))
    assert accepted == []
    assert tried >= 100_000


def test_whatever_bytes_are_signed_are_accepted() -> None:
    draw = random.Random(4)
    refused = []
    for _ in range(10_000):
        body = draw.randbytes(draw.randrange(300))
        key = "".join(chr(draw.randrange(1, 0x2000)) for _ in range(draw.randrange(90))) + "k"
        stamp = draw.randrange(10 ** draw.randint(1, 12))
        header = bare_digest(body, key) if draw.random() < 0.2 else sign(body, stamp, key)
        if not accepts(header, [key], body=body, plain="=" not in header):
            refused.append((body, header, key))
    assert refused == []


PIECES = [
    "t=1795270814",
    "v1=" + "a" * 64,
    "v1=" + "A" * 64,
    "t",
    "v1",
    "v0=",
    "=",
    ",",
    ",,",
    " ",
    "\t",
    "\0",
    "é",
    "t=0x1",
]
texts = (
    st.text(st.characters()) | st.text(st.characters(categories=["Cs"])) | st.text(st.sampled_from("\0 \t\r\n,=t1v"))
)
headers = st.none() | texts | st.lists(st.sampled_from(PIECES) | texts, max_size=50).map(",".join) | st.just(sign())


@settings(deadline=None)
@given(
    body=st.binary(),
    header=headers,
    keys=st.lists(texts, max_size=3),
    plain=st.booleans(),
    tolerance=st.none() | st.integers(),
    now=st.datetimes(timezones=st.just(UTC)),
)
def test_whatever_arrives_is_refused_by_the_typed_error_alone(
    body: bytes, header: str | None, keys: list[str], plain: bool, tolerance: int | None, now: datetime
) -> None:
    with pytest.raises(SignatureRefused) as caught:
        check_signature(body, header, keys, plain=plain, tolerance=tolerance, now=now)
    assert isinstance(caught.value.reason, SignatureReason)
    assert caught.value.exit_status == 4


@settings(deadline=None)
@given(body=st.binary(), key=st.text(min_size=1).filter(lambda key: key.strip() and "\0" not in key))
def test_whatever_key_signs_is_the_only_one_that_fits(body: bytes, key: str) -> None:
    header = sign(body, STAMP, key)
    assert check_signature(body, header, ["another", key], now=NOW) == STAMP
    assert refusal(header, [f"{key} "], body=body).reason == SignatureReason.SIGNATURE_MISMATCH


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(f"v1={digest()}", id="no stamp"),
        pytest.param(f"t={STAMP}", id="no digest"),
        pytest.param(f"t={STAMP},v2={digest()}", id="only a version that isn't known"),
        pytest.param(f"t={STAMP},{sign()}", id="the stamp twice"),
        pytest.param(f"t={STAMP},t={STAMP + 1},v1={digest()}", id="two stamps"),
        pytest.param(f"t=,v1={digest()}", id="an empty stamp"),
        pytest.param(f"t={STAMP}.0,v1={digest()}", id="a stamp with a fraction"),
        pytest.param(f"t=+{STAMP},v1={digest()}", id="a stamp with a sign"),
        pytest.param(f"t=-{STAMP},v1={digest()}", id="a negative stamp"),
        pytest.param(f"t=0x6b01,v1={digest()}", id="a stamp in hex"),
        pytest.param(f"t=1_795_270_814,v1={digest()}", id="a stamp with underscores"),
        pytest.param(f"t=1e9,v1={digest()}", id="a stamp with an exponent"),
        pytest.param(f"t=1234567890123,v1={digest()}", id="a stamp of 13 digits"),
        pytest.param(f"t= {STAMP},v1={digest()}", id="a blank before the stamp's value"),
        pytest.param(f"t ={STAMP},v1={digest()}", id="a blank after the stamp's name"),
        pytest.param(f"T={STAMP},v1={digest()}", id="names in capitals"),
        pytest.param(f"t=١٧٩٥٢٧٠٨١٤,v1={digest()}", id="a stamp of other digits"),
        pytest.param(f"t=²,v1={digest()}", id="a raised digit"),
        pytest.param(f"t={STAMP}\n,v1={digest()}", id="a line break after the stamp"),
        pytest.param(sign() + "\0", id="a NUL at the end"),
        pytest.param(sign().replace("v1=", "\ufeffv1="), id="a byte order mark inside"),
        pytest.param(sign().replace(",", "\uff0c"), id="a wide comma"),
        pytest.param(sign().replace("v1=", "v1=\u00a0"), id="a no-break space"),
        pytest.param(sign()[:-1], id="a digest of 63 digits"),
        pytest.param(sign() + "0", id="a digest of 65 digits"),
        pytest.param(sign()[:-1] + "g", id="a digest that isn't hex"),
        pytest.param(f"t={STAMP},v1=", id="an empty digest"),
        pytest.param(f"t={STAMP},v1={'é' * 64}", id="a digest that isn't ASCII"),
        pytest.param(f"t={STAMP},v1=\udc80{digest()[1:]}", id="a surrogate"),
        pytest.param(f"t={STAMP},v1= {digest()}", id="a blank before the digest's value"),
        pytest.param(f"t={STAMP},v1={digest()[:32]} {digest()[32:]}", id="a blank inside the digest"),
        pytest.param(f"t={STAMP},v1={'a' * 63},v1={digest()}", id="a good digest after a malformed one"),
        pytest.param(f"{sign()},v1=", id="a good digest before a malformed one"),
        pytest.param(f"{sign()},", id="an empty part at the end"),
        pytest.param(f",{sign()}", id="an empty part at the beginning"),
        pytest.param(sign().replace(",", ",,"), id="an empty part in the middle"),
        pytest.param(sign().replace(",", " ,\t, "), id="a blank part"),
        pytest.param(f"{sign()},v0=é", id="an ignored part that isn't ASCII"),
        pytest.param(f"{sign()},v0", id="a part without a value"),
        pytest.param(f"{sign()},=v0", id="a part without a name"),
        pytest.param(sign().replace(",", ";"), id="semicolons"),
        pytest.param(sign().replace("=", ":"), id="colons"),
        pytest.param(f"X-Signature: {sign()}", id="the header's name before it"),
        pytest.param(f'"{sign()}"', id="in quotes"),
        pytest.param(bare_digest(), id="a bare digest"),
        pytest.param(f"sha256={bare_digest()}", id="the digest as GitHub sends it"),
        pytest.param(",", id="a comma"),
        pytest.param("=", id="an equals sign"),
        pytest.param("t=1,v1=2", id="too short all over"),
        pytest.param("nonsense", id="nonsense"),
    ],
)
def test_a_malformed_header_is_refused_as_such(header: str) -> None:
    for plain in (False, True) if header != bare_digest() else (False,):
        error = refusal(header, plain=plain)
        assert (error.reason, error.timestamp) == (SignatureReason.MALFORMED_SIGNATURE_HEADER, None)


@pytest.mark.parametrize("header", [None, "", " ", "\t \t", "\r\n", " " * 5_000_000], ids=lambda each: repr(each)[:12])
def test_no_header_or_a_blank_one_is_a_missing_one(header: str | None) -> None:
    assert refusal(header, plain=True).reason == SignatureReason.MISSING_SIGNATURE_HEADER


@pytest.mark.parametrize("piece", [",", "=", " ", "t", "t=1,", f"{sign()},", "v1=" + "a" * 64, "\udc80", "a,\t "])
def test_a_header_of_megabytes_is_refused_at_once(piece: str) -> None:
    header = "x" + piece * (8_000_000 // len(piece))
    assert refusal(header).reason == SignatureReason.MALFORMED_SIGNATURE_HEADER


def test_a_header_is_bounded_in_length_and_parts() -> None:
    longest = f"{sign()},v0=".ljust(LONGEST_HEADER, "x")
    assert accepts(longest)
    assert not accepts(longest + "x")
    most = sign() + ",v0=x" * (MOST_PARTS - 2)
    assert accepts(most)
    assert not accepts(most + ",v0=x")


@pytest.mark.parametrize("keys", [[], [""], ["", ""], [" "], ["\t\n"], ["\0"], [f"{KEY}\0"], [f"\0{KEY}"], ["\ud800"]])
def test_without_a_usable_key_nothing_is_accepted(keys: list[str]) -> None:
    assert refusal(sign(), keys).reason == SignatureReason.SIGNING_KEY_NOT_CONFIGURED
    empty = sign(key="")
    assert refusal(empty, keys).reason == SignatureReason.SIGNING_KEY_NOT_CONFIGURED


def test_an_unusable_key_is_passed_over_beside_a_good_one() -> None:
    assert accepts(sign(), ["", "\0", "\ud800", KEY])
    assert not accepts(sign(key=""), ["", "\0", KEY])


def test_any_of_the_digests_may_be_of_any_of_the_keys() -> None:
    keys = ["first", "second", "third"]
    for signer in keys:
        for place in range(3):
            digests = [digest(key=f"unknown {number}") for number in range(3)]
            digests[place] = digest(key=signer)
            assert accepts(f"t={STAMP}," + ",".join(f"v1={each}" for each in digests), keys)
    assert not accepts(f"t={STAMP},v1={digest(key='unknown')},v1={digest(key='other')}", keys)


def test_what_is_first_missing_is_told_first() -> None:
    old = sign(stamp=1)
    told = [
        refusal(None, [], tolerance=0),
        refusal("nonsense", [], tolerance=0),
        refusal("nonsense", tolerance=0),
        refusal(old, ["another"], tolerance=0),
        refusal(old, tolerance=0),
    ]
    assert [error.reason for error in told] == [
        SignatureReason.MISSING_SIGNATURE_HEADER,
        SignatureReason.SIGNING_KEY_NOT_CONFIGURED,
        SignatureReason.MALFORMED_SIGNATURE_HEADER,
        SignatureReason.SIGNATURE_MISMATCH,
        SignatureReason.TIMESTAMP_OUT_OF_TOLERANCE,
    ]
    assert [error.timestamp for error in told] == [None, None, None, 1, 1]


def test_a_digest_in_capitals_is_the_same_digest() -> None:
    assert accepts(f"t={STAMP},v1={digest().upper()}")
    assert accepts(bare_digest().upper(), plain=True)
    assert refusal(f"t={STAMP},v1={digest(b'another').upper()}").reason == SignatureReason.SIGNATURE_MISMATCH


@pytest.mark.parametrize("around", ["{}\n", "{}\r\n", "\r\n {} \t", "\ufeff{}\r\n", "\u00a0{}\u200b"])
def test_what_surrounds_a_header_unseen_is_no_part_of_it(around: str) -> None:
    assert accepts(around.format(sign()))
    assert accepts(around.format(bare_digest()), plain=True)
    assert refusal(around.format("")).reason == SignatureReason.MISSING_SIGNATURE_HEADER


def test_a_plain_digest_is_accepted_when_asked_for_and_only_then() -> None:
    assert refusal(bare_digest()).reason == SignatureReason.MALFORMED_SIGNATURE_HEADER
    assert "--plain" in str(refusal(bare_digest()))
    assert check_signature(BODY, f" {bare_digest()}\t", [KEY], plain=True, now=NOW) is None
    assert check_signature(BODY, sign(), [KEY], plain=True, now=NOW) == STAMP
    assert refusal(digest(), plain=True).reason == SignatureReason.SIGNATURE_MISMATCH
    assert refusal(f"t={STAMP},v1={bare_digest()}", plain=True).reason == SignatureReason.SIGNATURE_MISMATCH
    assert refusal(f"v1={bare_digest()}", plain=True).reason == SignatureReason.MALFORMED_SIGNATURE_HEADER


def test_age_alone_is_no_reason() -> None:
    for stamp in (0, STAMP - 10**8, STAMP + 10**8, 999_999_999_999):
        assert accepts(sign(stamp=stamp))


@pytest.mark.parametrize("tolerance", [0, 1, 300])
def test_a_tolerance_holds_both_ways_and_includes_its_boundary(tolerance: int) -> None:
    for way in (-1, 1):
        assert accepts(sign(stamp=STAMP + way * tolerance), tolerance=tolerance)
        error = refusal(sign(stamp=STAMP + way * (tolerance + 1)), tolerance=tolerance)
        assert error.reason == SignatureReason.TIMESTAMP_OUT_OF_TOLERANCE
        assert error.timestamp == STAMP + way * (tolerance + 1)


def test_the_boundary_does_not_depend_on_fractions_or_zones() -> None:
    whole = NOW.replace(microsecond=0)
    for now in (whole, whole + timedelta(microseconds=999_999), whole.astimezone()):
        assert check_signature(BODY, sign(stamp=STAMP - 5), [KEY], tolerance=5, now=now) == STAMP - 5
        with pytest.raises(SignatureRefused):
            check_signature(BODY, sign(stamp=STAMP - 6), [KEY], tolerance=5, now=now)


def test_a_plain_digest_has_no_age_to_tolerate() -> None:
    error = refusal(bare_digest(), plain=True, tolerance=10**9)
    assert (error.reason, error.timestamp) == (SignatureReason.TIMESTAMP_OUT_OF_TOLERANCE, None)
    assert refusal(bare_digest(), ["another"], plain=True, tolerance=0).reason == SignatureReason.SIGNATURE_MISMATCH


def refusals() -> list[SignatureRefused]:
    """One of each kind, and of each wording."""
    return [
        refusal(None),
        refusal(sign(), [f"{KEY}\0"]),
        refusal(sign(), [f"{KEY}\ud800"]),
        refusal(sign(), [KEY], body=b"other"),
        refusal(sign(key="another")),
        refusal(sign(stamp=STAMP - 10), tolerance=5),
        refusal(sign(stamp=STAMP + 10), tolerance=5),
        refusal(bare_digest(), plain=True, tolerance=5),
        refusal(bare_digest()),
        refusal(sign() + "," * MOST_PARTS),
        refusal(sign() + "x" * LONGEST_HEADER),
        refusal(sign() + "é"),
        refusal(sign() + "x"),
        refusal(sign() + ",v0"),
        refusal(f"t={STAMP},{sign()}"),
        refusal(f"t=x{STAMP},v1={digest()}"),
        refusal(f"t={STAMP},v2={digest()}"),
    ]


def test_no_refusal_shows_a_key_a_digest_or_the_header() -> None:
    errors = refusals()
    assert {error.reason for error in errors} == set(SignatureReason)
    secrets = [KEY, digest(), bare_digest(), digest(key="another"), digest(b"other"), sign(), str(STAMP)]
    for error in errors:
        shown = f"{error} {error!r} {error.args} {error.__cause__} {error.__context__}"
        assert [secret for secret in secrets if secret in shown] == []


def test_every_refusal_is_one_line_that_names_its_code_and_what_to_do() -> None:
    for error in refusals():
        reason, text = str(error).split(": ", 1)
        assert reason == error.reason
        assert len(str(error).splitlines()) == 1
        assert any(word in text for word in ("pass on", "check", "copy", "leave out"))
