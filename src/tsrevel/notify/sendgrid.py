"""Sends mails through SendGrid's v3 API: its library builds the request, our transport sends it, once.

The library's own client waits without limit, and knows neither our timeouts nor the rule that loopback needs no proxy.
Its builder knows SendGrid's request. The library is loaded only when a mail is due.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from tsrevel.config import EmailSettings
from tsrevel.errors import Unavailable
from tsrevel.redaction import Redactor
from tsrevel.transport.client import Transport, send_once
from tsrevel.transport.network import DIRECT, Network
from tsrevel.transport.responses import Json, decode_json

MAIL_SECONDS = 15.0
"""The seconds that one mail may take. An answer that comes later is lost, and the mail may be sent again."""
_PATH = "/v3/mail/send"


class SendVerdict(Enum):
    """The outcome of sending a mail. Each one calls for a different next step."""

    SENT = auto()
    UNACCEPTABLE = auto()
    """SendGrid refuses this mail. The next one may pass."""
    REFUSED = auto()
    """SendGrid refuses all our mails: a person must act."""
    LATER = auto()
    """SendGrid can't accept mails now."""


@dataclass(frozen=True, slots=True)
class Message:
    """A mail without its envelope."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class SendResult:
    """The result of one attempt to send a mail. `text` says why SendGrid didn't accept it and what to do."""

    verdict: SendVerdict
    text: str = ""


@dataclass(frozen=True, slots=True)
class SendGrid:
    """The account that sends mails, and their envelope. Its key must never be shown."""

    email: EmailSettings
    transport: Transport = None
    network: Network = DIRECT

    def send(self, message: Message) -> SendResult:
        """Send one mail, within MAIL_SECONDS. If no answer comes, it may have been sent nevertheless."""
        key = self.email.api_key.get_secret_value().strip()
        if not (key.isascii() and key.isprintable()):
            return SendResult(SendVerdict.REFUSED, "email.api_key has characters that no key has; set it again")
        body = self.encode(message)
        headers = {"Authorization": f"Bearer {key}", "User-Agent": "tsrevel"}
        url = self.email.base_url + _PATH
        try:
            status, answer = send_once(
                "POST", url, MAIL_SECONDS, self.transport, network=self.network, json=body, headers=headers
            )
        except Unavailable as error:
            return SendResult(SendVerdict.LATER, f"SendGrid: {error}")
        return _judge(status, answer, Redactor(key))

    def encode(self, message: Message) -> dict[str, Json]:
        """The request for SendGrid's v3 mail/send, which accepts each address only once.

        Click tracking is off, so that no service stands between a reader and TripleSeat.
        """
        from sendgrid.helpers.mail import (
            ClickTracking,
            Content,
            From,
            Header,
            Mail,
            OpenTracking,
            ReplyTo,
            Subject,
            To,
            TrackingSettings,
        )

        mail = Mail(from_email=From(), subject=Subject(message.subject))
        mail.from_email.email = self.email.sender  # an argument would be parsed by the library
        mail.from_email.name = self.email.sender_name or None
        if self.email.reply_to:
            mail.reply_to = ReplyTo()
            mail.reply_to.email = self.email.reply_to
        for address in {each.casefold(): each for each in self.email.recipients}.values():
            to = To()
            to.email = address
            mail.add_to(to)
        mail.add_header(Header("Auto-Submitted", "auto-generated"))
        mail.add_content(Content("text/plain", message.text))
        mail.add_content(Content("text/html", message.html))
        mail.tracking_settings = TrackingSettings(ClickTracking(False, False), OpenTracking(False))
        request: dict[str, Json] = mail.get()
        return request


def _judge(status: int, answer: bytes, redactor: Redactor) -> SendResult:
    if 200 <= status < 300:
        return SendResult(SendVerdict.SENT)
    said = f"SendGrid answered {status}{_name_fields(answer, redactor)}"
    if status == 401:
        return SendResult(SendVerdict.REFUSED, f"{said}; check email.api_key")
    if status == 403:
        advice = "check that email.sender is verified at SendGrid, and that the key may send mails"
        return SendResult(SendVerdict.REFUSED, f"{said}; {advice}")
    if status in {408, 429} or status >= 500:
        return SendResult(SendVerdict.LATER, said)
    return SendResult(SendVerdict.UNACCEPTABLE, f"{said}; check email.sender, email.recipients and email.base_url")


def _name_fields(answer: bytes, redactor: Redactor) -> str:
    """The fields that SendGrid complains about. Not its words, which may repeat addresses."""
    try:
        told = decode_json(answer)
    except ValueError:
        return ""
    errors = told.get("errors") if isinstance(told, dict) else None
    fields = [each.get("field") for each in errors or () if isinstance(each, dict)] if isinstance(errors, list) else []
    named = [each for each in fields if isinstance(each, str) and each.isascii() and each.isprintable()]
    return f" about {redactor.quote(', '.join(named))}" if named else ""
