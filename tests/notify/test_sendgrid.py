"""One attempt to send a mail: the request against SendGrid's documented v3 schema, and what each answer means."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tsrevel.config import EmailSettings
from tsrevel.notify.sendgrid import Message, SendGrid, SendVerdict

from .post import KEY, RECIPIENTS, SENDER, SendGridFake, find_faults

MESSAGE = Message("tsrevel: 1 held", "HELD: event 1", "<p>Held</p>")


EMAIL: dict[str, Any] = {
    "api_key": KEY,
    "base_url": "http://127.0.0.1:8003",
    "sender": SENDER,
    "sender_name": "",
    "recipients": RECIPIENTS,
}


def account(wire: httpx.BaseTransport, **changes: object) -> SendGrid:
    return SendGrid(EmailSettings(**EMAIL | changes), wire)


def test_the_request_is_as_sendgrid_documents_it() -> None:
    fake = SendGridFake()
    assert account(fake).send(MESSAGE).verdict is SendVerdict.SENT
    assert fake.faults == []
    (request,) = fake.asked
    assert (request.method, request.url.path) == ("POST", "/v3/mail/send")
    assert request.headers["Content-Type"] == "application/json"
    assert json.loads(request.content) == {
        "personalizations": [{"to": [{"email": each} for each in RECIPIENTS]}],
        "from": {"email": SENDER},
        "subject": MESSAGE.subject,
        "headers": {"Auto-Submitted": "auto-generated"},
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
        },
        "content": [{"type": "text/plain", "value": MESSAGE.text}, {"type": "text/html", "value": MESSAGE.html}],
    }


def test_the_senders_name_and_where_answers_go_can_be_set() -> None:
    fake = SendGridFake()
    named = account(fake, sender_name='Catering "Desk", Café', reply_to="desk@example.com")
    assert named.send(MESSAGE).verdict is SendVerdict.SENT
    assert fake.faults == []
    [mail] = fake.mails
    assert mail["from"] == {"email": SENDER, "name": 'Catering "Desk", Café'}
    assert mail["reply_to"] == {"email": "desk@example.com"}


def test_an_address_that_is_given_twice_is_named_once() -> None:
    recipients = ("a@example.com", "A@example.com", "b@example.com")
    mail = account(SendGridFake(), recipients=recipients).encode(MESSAGE)
    assert [each["email"] for each in mail["personalizations"][0]["to"]] == ["A@example.com", "b@example.com"]


@pytest.mark.parametrize(
    "spoil",
    [
        {"subject": ""},
        {"from": {"mail": SENDER}},
        {"personalizations": [{"to": []}]},
        {"personalizations": [{"to": [{"email": "a@example.com"}, {"email": "A@example.com"}]}]},
        {"personalizations": [{"to": [{"email": f"a{number}@example.com"} for number in range(1001)]}]},
        {"content": [{"type": "text/html", "value": "x"}, {"type": "text/plain", "value": "x"}]},
        {"content": [{"type": "text/plain", "value": ""}]},
        {"text": "x"},
        {"reply_to": {"email": "nobody"}},
        {"headers": {"Reply-To": "a@example.com"}},
        {"tracking_settings": {"clicks": {"enable": False}}},
    ],
)
def test_the_check_against_the_schema_finds_what_sendgrid_refuses(spoil: dict[str, object]) -> None:
    good = account(SendGridFake()).encode(MESSAGE)
    assert find_faults(json.dumps(good).encode()) == []
    assert find_faults(json.dumps(good | spoil).encode()) != []


@pytest.mark.parametrize(
    ("answer", "verdict", "said"),
    [
        (400, SendVerdict.UNACCEPTABLE, "from.email"),
        (401, SendVerdict.REFUSED, "email.api_key"),
        (403, SendVerdict.REFUSED, "email.sender"),
        (404, SendVerdict.UNACCEPTABLE, "email.base_url"),
        (413, SendVerdict.UNACCEPTABLE, "413"),
        (429, SendVerdict.LATER, "429"),
        (500, SendVerdict.LATER, "500"),
        (503, SendVerdict.LATER, "503"),
        (302, SendVerdict.UNACCEPTABLE, "302"),
        (httpx.ConnectError("refused"), SendVerdict.LATER, "refused or unreachable"),
        (httpx.ReadTimeout("slow"), SendVerdict.LATER, "it took too long"),
    ],
)
def test_what_an_answer_means(answer: int | Exception, verdict: SendVerdict, said: str) -> None:
    delivery = account(SendGridFake(answer)).send(MESSAGE)
    assert delivery.verdict is verdict
    assert said in delivery.text
    assert "someone@example.com" not in delivery.text
    assert KEY not in delivery.text


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"errors": 3}', b'{"errors": [{"field": 4}, null]}'])
def test_an_answer_that_says_nothing_usable_is_told_by_its_status(body: bytes) -> None:
    wire = httpx.MockTransport(lambda _request: httpx.Response(400, content=body))
    delivery = account(wire).send(MESSAGE)
    assert delivery.verdict is SendVerdict.UNACCEPTABLE
    assert "400" in delivery.text


def test_a_key_that_no_header_can_hold_is_told_before_anything_is_sent() -> None:
    fake = SendGridFake()
    delivery = account(fake, api_key="SG.ü").send(MESSAGE)
    assert (delivery.verdict, fake.asked) == (SendVerdict.REFUSED, [])
    assert "ü" not in delivery.text
