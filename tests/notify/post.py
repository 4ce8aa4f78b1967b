"""A pretend SendGrid that takes what its v3 documentation lets pass, a pretend monitor, and a world that uses both.

The rules are those of SendGrid's OpenAPI description of `POST /v3/mail/send` and of its table of errors.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx

from tsrevel.wiring import Runtime

from ..world import World

KEY = "SG.invented-key-of-a-pretended-account"
SENDER = "tsrevel@example.com"
RECIPIENTS = ["catering@example.com", "Manager@example.com"]
PING_URL = "http://127.0.0.1:8004/ping/11111111-2222-4333-8444-555555555555"
_FIELDS = {
    "personalizations", "from", "reply_to", "reply_to_list", "subject", "content", "attachments", "template_id",
    "headers", "categories", "custom_args", "send_at", "batch_id", "asm", "ip_pool_name", "mail_settings",
    "tracking_settings",
}  # fmt: skip
_OF_PERSONALIZATION = {
    "from", "to", "cc", "bcc", "subject", "headers", "substitutions", "dynamic_template_data", "custom_args", "send_at",
}  # fmt: skip
_RESERVED = {
    "x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding", "to", "from",
    "subject", "reply-to", "cc", "bcc",
}  # fmt: skip
_TRACKING = {
    "click_tracking": {"enable", "enable_text"},
    "open_tracking": {"enable", "substitution_tag"},
    "subscription_tracking": {"enable", "text", "html", "substitution_tag"},
    "ganalytics": {"enable", "utm_source", "utm_medium", "utm_term", "utm_content", "utm_campaign"},
}
_ADDRESS = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;]+")
_LARGEST = 30 * 1024 * 1024
_LONGEST_SUBJECT = 998


def find_faults(body: bytes) -> list[str]:
    """Whatever SendGrid's documentation objects to in a request; none in a good one."""
    mail = json.loads(body)
    faults = [f"unknown field {name}" for name in mail.keys() - _FIELDS]
    faults += [f"missing {name}" for name in ("personalizations", "from", "subject", "content") if not mail.get(name)]
    if faults:
        return faults
    faults += ["larger than 30 MB"] if len(body) > _LARGEST else []
    faults += _faults_of_address("from", mail["from"])
    faults += _faults_of_address("reply_to", mail["reply_to"]) if "reply_to" in mail else []
    faults += [f"header {name}" for name in mail.get("headers", {}) if name.lower() in _RESERVED]
    tracking = mail.get("tracking_settings", {})
    faults += [f"unknown tracking_settings.{name}" for name in tracking.keys() - _TRACKING.keys()]
    faults += [f"tracking_settings.{name}" for name in tracking if tracking[name].keys() - _TRACKING.get(name, set())]
    faults += _faults_of_subject(mail["subject"])
    faults += _faults_of_personalizations(mail["personalizations"])
    return faults + _faults_of_content(mail["content"])


def _faults_of_subject(subject: Any) -> list[str]:
    whole = isinstance(subject, str) and 1 <= len(subject) <= _LONGEST_SUBJECT and len(subject.splitlines()) == 1
    return [] if whole else ["subject"]


def _faults_of_personalizations(envelopes: Any) -> list[str]:
    if not isinstance(envelopes, list) or len(envelopes) > 1000:
        return ["personalizations"]
    faults, everyone = [], []
    for envelope in envelopes:
        faults += [f"unknown personalizations.{name}" for name in envelope.keys() - _OF_PERSONALIZATION]
        faults += [] if envelope.get("to") else ["the to parameter is required"]
        everyone += [each for name in ("to", "cc", "bcc") for each in envelope.get(name, [])]
    faults += [fault for each in everyone for fault in _faults_of_address("to", each)]
    named = [each.get("email", "").lower() for each in everyone]
    faults += ["an address is named twice"] if len(set(named)) != len(named) else []
    return faults + (["more than 1000 recipients"] if len(named) > 1000 else [])


def _faults_of_address(where: str, address: Any) -> list[str]:
    if not isinstance(address, dict) or address.keys() - {"email", "name"}:
        return [f"{where} is no address"]
    if not isinstance(address.get("name", ""), str):
        return [f"{where}.name"]
    email = address.get("email")
    return [] if isinstance(email, str) and _ADDRESS.fullmatch(email) else [f"{where}.email"]


def _faults_of_content(content: Any) -> list[str]:
    if not isinstance(content, list) or any(set(each) != {"type", "value"} for each in content):
        return ["content"]
    faults = [f"content of {each['type']} is empty" for each in content if not each["value"]]
    kinds = [each["type"] for each in content]
    faults += [f"content type {kind}" for kind in kinds if ";" in kind or not kind.isprintable()]
    in_order = sorted(kinds, key=["text/plain", "text/html"].index)
    return faults + ([] if kinds == in_order else ["text/plain must be first, then text/html"])


class SendGridFake(httpx.BaseTransport):
    """Takes mails; gives the listed statuses first, one a request: a number, or what is to be raised."""

    def __init__(self, *answers: int | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []
        self.faults: list[str] = []
        self.mails: list[dict[str, Any]] = []
        """What was taken, as it was sent."""
        self.on_request: Callable[[], object] = lambda: None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        self.on_request()
        self.faults += [] if request.url.path == "/v3/mail/send" else [request.url.path]
        self.faults += [] if request.headers["Authorization"] == f"Bearer {KEY}" else ["key"]
        self.faults += find_faults(request.read())
        answer = self.answers.pop(0) if self.answers else 202
        if isinstance(answer, Exception):
            raise answer
        if answer == 202:
            self.mails.append(json.loads(request.content))
            return httpx.Response(202)
        told = {"message": "about someone@example.com", "field": "from.email", "help": None}
        return httpx.Response(answer, json={"errors": [told]})

    @property
    def subjects(self) -> list[str]:
        return [mail["subject"] for mail in self.mails]

    @property
    def texts(self) -> str:
        return "\n".join(part["value"] for mail in self.mails for part in mail["content"])


class MonitorFake(httpx.BaseTransport):
    """Takes pings, and answers them with `status`."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.pings: list[str] = []
        self.rids: list[str] = []
        self.bodies: list[dict[str, Any]] = []
        self.agents: set[str] = set()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        assert request.method == "POST"
        base = httpx.URL(PING_URL).path
        assert request.url.path.startswith(base)
        self.pings.append(request.url.path.removeprefix(base))
        self.rids.append(request.url.params["rid"])
        self.bodies.append(json.loads(request.read()))
        self.agents.add(request.headers["User-Agent"])
        return httpx.Response(self.status, text="OK")


class ToldWorld(World):
    """A world whose runs are told to a pretend SendGrid and, with `watch`, to a pretend monitor."""

    def __init__(self, folder: Path, *stories: str) -> None:
        super().__init__(folder, *stories)
        self.sendgrid = SendGridFake()
        self.monitor = MonitorFake()
        self.monitor_at: httpx.BaseTransport = self.monitor
        self.config["email"] = {
            "api_key": KEY,
            "base_url": "http://127.0.0.1:8003",
            "sender": SENDER,
            "recipients": RECIPIENTS,
        }

    def watch(self) -> None:
        """From now on the monitor is told of runs."""
        self.config["monitor"] = {"ping_url": PING_URL}

    def runtime(self) -> Runtime:
        return replace(super().runtime(), sendgrid=self.sendgrid, monitor=self.monitor_at)


@dataclass
class Envelope:
    """A mail as its readers get it."""

    mail: dict[str, Any]
    to: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.to = [each["email"] for each in self.mail["personalizations"][0]["to"]]

    @property
    def text(self) -> str:
        return str(self.mail["content"][0]["value"])

    @property
    def html(self) -> str:
        return str(self.mail["content"][1]["value"])
