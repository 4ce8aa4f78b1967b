"""Secrets stay out of output, whoever repeats them."""

from __future__ import annotations

import base64
import codecs
import html
import json
import string
from collections.abc import Callable
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.pretty import pretty_repr

from tests.transport.test_api import HERE, Wire, answer
from tsrevel.cli.login import ConsentAnswer
from tsrevel.config.problems import DEFAULT, GivenValue
from tsrevel.config.secret_values import CommandResult
from tsrevel.errors import TsrevelError
from tsrevel.redaction import _INNOCENT, LEFT_OUT, LONGEST_QUOTE, Redactor
from tsrevel.transport.api import FixedHeaders
from tsrevel.transport.responses import decode_json, quote_answer
from tsrevel.tripleseat.token_file import Token

KEY = "k3Y-5f1d2c9aQz77.Lm_x"
SECRETS = st.text(string.ascii_letters + string.digits, min_size=12, max_size=48).filter(
    lambda each: len(set(each)) > 6 and not is_of_usual_words(each)
)


def is_of_usual_words(text: str) -> bool:
    """Whether a piece of it stands in words that services use innocently, "authorization code" say."""
    return any(text[at : at + 8].casefold() in _INNOCENT for at in range(len(text) - 7))


def percent_all(text: str) -> str:
    return "".join(f"%{ord(each):02x}" for each in text)


ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "JSON escapes": lambda text: "".join(f"\\u{ord(each):04x}" for each in text),
    "JSON escapes, one letter": lambda text: f"\\u{ord(text[0]):04X}{text[1:]}",
    "hex escapes": lambda text: "".join(f"\\x{ord(each):02x}" for each in text),
    "percent": percent_all,
    "percent twice": lambda text: quote(percent_all(text)),
    "decimal entities": lambda text: "".join(f"&#{ord(each)};" for each in text),
    "hex entities": lambda text: "".join(f"&#x{ord(each):X};" for each in text),
    "escaped entities": lambda text: html.escape("".join(f"&#{ord(each)};" for each in text)),
    "quoted printable": lambda text: "".join(f"={ord(each):02X}" for each in text),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 of user and secret": lambda text: base64.b64encode(f"client:{text}".encode()).decode(),
    "base64 behind a word": lambda text: f"Basic{base64.b64encode(f'ab:{text}'.encode()).decode()}",
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 twice": lambda text: base64.b64encode(base64.b64encode(text.encode())).decode(),
    "base64 in lines": lambda text: "\n".join(
        base64.b64encode(text.encode()).decode()[at : at + 5] for at in range(0, 80, 5)
    ),
    "hex": lambda text: text.encode().hex(),
    "upper hex": lambda text: text.encode().hex().upper(),
    "hex with colons": lambda text: text.encode().hex(":"),
    "blanks between": " ".join,
    "dashes between": "-".join,
    "line breaks": lambda text: "\n".join(text[at : at + 3] for at in range(0, len(text), 3)),
    "zero width": "\u200b".join,
    "upper case": str.upper,
    "lower case": str.lower,
    "full width": lambda text: "".join(chr(ord(each) + 0xFEE0) for each in text),
    "its first half": lambda text: text[: max(8, len(text) // 2)],
    "its second half": lambda text: text[-max(8, len(text) // 2) :],
}


def readable(shown: str, secret: str) -> bool:
    """Whether a person could still read the secret, or most of it, out of `shown`."""
    tight = "".join(filter(str.isalnum, shown.casefold()))
    return any(secret.casefold()[at : at + 8] in tight for at in range(len(secret) - 7))


@pytest.mark.parametrize("name", ENCODINGS)
@given(secret=SECRETS)
@settings(max_examples=15, deadline=None)
def test_no_quotation_tells_a_secret_in_any_encoding(name: str, secret: str) -> None:
    sent = ENCODINGS[name](secret)
    for text in (sent, f"no right: {sent}", f"key {sent} is bad", f"[{sent}]"):
        shown = Redactor(secret).quote(text)
        assert shown == LEFT_OUT or not readable(shown, secret)
        assert sent not in shown
        assert shown in (LEFT_OUT, text.replace(secret, "(hidden)")[:LONGEST_QUOTE])


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429, 500])
@pytest.mark.parametrize("escaped", [False, True])
def test_no_refusal_tells_what_was_sent(name: str, status: int, escaped: bool) -> None:
    sent = ENCODINGS[name](KEY)
    told: list[str] = []
    for body in ({"error": f"no right: {sent}"}, {"error_message": sent}, {sent: ["bad"]}, {"Order": {sent: "x"}}):
        text = json.dumps(body)
        if escaped:
            text = "".join(f"\\u{ord(each):04x}" if each.isalnum() else each for each in text)
        wire = Wire(answer(status, content=text.encode()))
        channel = wire.channel(FixedHeaders({"API-AUTHENTICATION": f"{KEY}:hush-hush-hush"}))
        with pytest.raises(TsrevelError) as caught:
            channel.read("/v1/x")
        told.append(str(caught.value))
        with pytest.raises(TsrevelError) as caught:
            channel.write("POST", "/x", {}, HERE)
        told.append(str(caught.value))
    assert [each for each in told if sent in each or KEY[:8] in each or readable(each, KEY)] == []


@pytest.mark.parametrize(
    "text",
    [
        "Token resource owner not found",
        "invalid client secret",
        "The refresh token is invalid, expired, or does not match the client",
        "This field is required: final_total",
        "ümläut 漢字 \U0001f469 &amp; 100 % of 12, 34, 56, 78",
    ],
)
def test_what_is_innocent_is_quoted_whole(text: str) -> None:
    assert Redactor(KEY, "sandbox-client-secret", "abcd").quote(text) == text


def test_a_secret_at_the_end_of_the_quotation_isnt_cut_into_sight() -> None:
    text = "x" * (LONGEST_QUOTE - 10) + KEY
    assert KEY[:4] not in Redactor(KEY).quote(text)


def test_a_secret_learnt_in_one_request_isnt_told_in_the_next() -> None:
    wire = Wire(answer(json={"access_token": "a"}), answer(401, json={"error": f"who is {KEY}?"}))
    channel = wire.channel()
    channel.post_form("https://shop.example.com/token", {"refresh_token": KEY})
    with pytest.raises(TsrevelError, match=r"\(hidden\)"):
        channel.read("/v1/x")


def test_the_secrets_of_one_channel_are_hidden_in_all_that_share_them() -> None:
    shared = Redactor()
    one = Wire(answer()).channel(FixedHeaders({"X-API-Key": KEY}), redactor=shared)
    other = Wire(answer(401, json={"error": KEY})).channel(redactor=shared)
    one.read("/x")
    with pytest.raises(TsrevelError, match=r"\(hidden\)"):
        other.read("/x")


def test_a_secret_in_the_data_is_hidden_before_anybody_sees_it() -> None:
    escaped = "".join(f"\\u{ord(each):04x}" for each in KEY)
    for body in (f'{{"name": ["a {KEY}", 1], "{KEY}": null}}', f'{{"name": ["a {escaped}", 1], "{escaped}": null}}'):
        wire = Wire(answer(content=body.encode()))
        read = wire.channel(FixedHeaders({"X-API-Key": KEY})).read("/x")
        assert read == {"name": ["a (hidden)", 1], "(hidden)": None}


def test_data_that_a_short_secret_is_in_by_chance_stays_as_it_is() -> None:
    wire = Wire(answer(json={"total": "2025.00"}))
    assert wire.channel(FixedHeaders({"X-API-Key": "2025"})).read("/x") == {"total": "2025.00"}


def test_a_link_to_an_invoice_page_is_a_secret() -> None:
    link = "0123456789abcdef0123456789abcdef01234567"
    wire = Wire(answer(403, json={"error": f"/doc/{link}"}))
    with pytest.raises(TsrevelError) as caught:
        wire.channel().read_page(f"https://portal.example.com/doc/{link}/17", "invoice page")
    assert link not in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"{", codecs.BOM_UTF8])
def test_an_answer_without_words_has_no_quotation(body: bytes) -> None:
    assert quote_answer(body, Redactor(KEY), names_only=False) == ""


def test_deep_nesting_is_no_trouble() -> None:
    body = b"[" * 300 + b'"' + KEY.encode() + b'"' + b"]" * 300
    assert KEY not in str(Redactor(KEY).scrub(body, decode_json(body)))


def test_a_whole_answer_that_is_one_text_is_cleaned() -> None:
    assert httpx.Response(200, json=KEY).json() == KEY
    assert Redactor(KEY).scrub(json.dumps(KEY).encode(), KEY) == "(hidden)"


def test_what_the_data_itself_told_is_never_quoted_and_stays_in_the_data() -> None:
    redactor = Redactor(KEY)
    redactor.add("f00dfeedf00dfeedf00d", KEY, stay=True)
    body = json.dumps({"url": "/doc/f00dfeedf00dfeedf00d", "key": KEY}).encode()
    assert redactor.scrub(body, decode_json(body)) == {"url": "/doc/f00dfeedf00dfeedf00d", "key": "(hidden)"}
    assert "f00dfeed" not in redactor.quote("no page at /doc/f00dfeedf00dfeedf00d")


@pytest.mark.parametrize(
    "record", [Token("hush", "hush", 1), GivenValue("hush", DEFAULT), CommandResult("hush"), ConsentAnswer(code="hush")]
)
def test_a_record_of_a_secret_does_not_show_it(record: object) -> None:
    for shown in (repr(record), str(record), pretty_repr(record), pretty_repr([record], expand_all=True)):
        assert "hush" not in shown
        assert f"{type(record).__name__}(" in shown
