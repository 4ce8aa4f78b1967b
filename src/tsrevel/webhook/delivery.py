"""Checks a webhook delivery's signature, and reads its trigger and subject (facts TripleSeat 6.2, 6.3, 6.4). Pure.

The signature is an HMAC-SHA256 over the raw bytes; checking it never reads what they say. No message contains a key,
digest or header.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from tsrevel.errors import DeliveryFault, DeliveryUnreadable, NotJson, SignatureReason, SignatureRefused
from tsrevel.text import count_of, trim
from tsrevel.transport.responses import Json, decode_json

LONGEST_HEADER = 4096
"""Characters. One digest for each of two keys takes about 150."""
MOST_PARTS = 32

_STAMP = re.compile(r"[0-9]{1,12}")
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")
_BLANKS = " \t"

_MISSING = (
    "the delivery has no signature; pass on the value of its X-Signature header; if the receiver got none, find out "
    "what drops it"
)
_NO_KEY = (
    "there is no usable signing key; copy the key from TripleSeat (Settings, Tripleseat API & Webhooks) to "
    "tripleseat.webhook_signing_keys"
)
_MISMATCH = (
    "no configured key signed this body; check whether the key changed in TripleSeat "
    "(tripleseat.webhook_signing_keys takes several), and whether the body is byte for byte what arrived"
)
_NO_STAMP = "a plain digest has no time of signing, so its age can't be checked; leave out the tolerance"


def check_signature(
    body: bytes,
    header: str | None,
    keys: Sequence[str],
    *,
    plain: bool = False,
    tolerance: int | None = None,
    now: datetime,
) -> int | None:
    """The time of signing, in epoch seconds; None for a plain digest. Raises only SignatureRefused.

    Invisible characters around the header are ignored, and a digest may be in capitals. `plain` also accepts a bare
    digest of the body, which proves less: it may come from another delivery whose signed text was that body.
    `tolerance`: the seconds that the stamp may lie before or after `now`.
    """
    header = trim(header or "")
    if not header:
        raise SignatureRefused(SignatureReason.MISSING_SIGNATURE_HEADER, _MISSING)
    usable = [key for key in map(_encode_key, keys) if key]
    if not usable:
        raise SignatureRefused(SignatureReason.SIGNING_KEY_NOT_CONFIGURED, _NO_KEY)
    stamp, digests = _read_header(header, plain=plain)
    timestamp = None if stamp is None else int(stamp)
    prefix = b"" if stamp is None else f"{stamp}.".encode()
    if not _is_signed(prefix, body, digests, usable):
        raise SignatureRefused(SignatureReason.SIGNATURE_MISMATCH, _MISMATCH, timestamp)
    if tolerance is None:
        return timestamp
    reason = SignatureReason.TIMESTAMP_OUT_OF_TOLERANCE
    if timestamp is None:
        raise SignatureRefused(reason, _NO_STAMP)
    age = int(now.timestamp()) - timestamp
    if abs(age) > tolerance:
        apart = count_of(abs(age), "second")
        where = f"{apart} ago" if age > 0 else f"{apart} ahead of this machine's clock"
        remedy = "a retry comes late, so leave out the tolerance" if age > 0 else "check that clock"
        raise SignatureRefused(reason, f"signed {where}, and the tolerance is {tolerance}; {remedy}", timestamp)
    return timestamp


def _encode_key(key: str) -> bytes:
    """The key as bytes, unchanged if the environment isn't UTF-8; b"" if it can't be used.

    HMAC pads keys with NULs, so a key with NULs may equal one without.
    """
    try:
        return b"" if not key.strip() or "\0" in key else key.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return b""


def _read_header(header: str, *, plain: bool) -> tuple[str | None, list[str]]:
    """The stamp as it was sent, and the digests. A plain digest of the body has no stamp."""
    if len(header) > LONGEST_HEADER:
        _refuse_header(f"is longer than {LONGEST_HEADER} characters")
    if not header.isascii():
        _refuse_header("holds a character that isn't ASCII")
    parts = [part.strip(_BLANKS) for part in header.split(",")]
    if len(parts) == 1 and _DIGEST.fullmatch(parts[0]):
        if not plain:
            _refuse_header("is a bare digest, and only --plain accepts those")
        return None, [parts[0].lower()]
    if len(parts) > MOST_PARTS:
        _refuse_header(f"has more than {MOST_PARTS} parts")
    fields = [part.partition("=") for part in parts]
    if not all(name and sign for name, sign, _ in fields):
        _refuse_header("has a part that isn't NAME=VALUE")
    # Parts with other names are versions that tsrevel doesn't know.
    stamps = [value for name, _, value in fields if name == "t"]
    digests = [value.lower() for name, _, value in fields if name == "v1"]
    if len(stamps) != 1:
        _refuse_header(f"has {len(stamps)} t parts")
    if not _STAMP.fullmatch(stamps[0]):
        _refuse_header("has a t that isn't 1 to 12 decimal digits")
    if not digests:
        _refuse_header("has no v1 part")
    if not all(_DIGEST.fullmatch(digest) for digest in digests):
        _refuse_header("has a v1 that isn't 64 hex digits")
    return stamps[0], digests


def _refuse_header(what: str) -> NoReturn:
    text = f"the signature {what}; it must read t=SECONDS,v1=DIGEST; pass on X-Signature exactly as it arrived"
    raise SignatureRefused(SignatureReason.MALFORMED_SIGNATURE_HEADER, text)


def _is_signed(prefix: bytes, body: bytes, digests: list[str], keys: list[bytes]) -> bool:
    """Whether any key made any of the digests. Compares all pairs, so that timing reveals nothing."""
    found = False
    for key in keys:
        signing = hmac.new(key, prefix, "sha256")
        signing.update(body)
        expected = signing.hexdigest()
        for digest in digests:
            found |= hmac.compare_digest(expected, digest)
    return found


ACTIONABLE = frozenset(
    {
        "CREATE_EVENT",
        "UPDATE_EVENT",
        "STATUS_CHANGE_EVENT",
        "CREATE_BOOKING",
        "UPDATE_BOOKING",
        "STATUS_CHANGE_BOOKING",
        "EVENT_CREATED",
        "EVENT_UPDATED",
        "BOOKING_CREATED",
        "BOOKING_UPDATED",
        "CHANGE_EVENT_DATETIME",
        "CHANGE_EVENT_GUEST_COUNTS",
        "REASSIGN_EVENT_LOCATION",
        "CREATE_EVENT_DOCUMENT",
        "UPDATE_EVENT_DOCUMENT",
        "DELETE_EVENT",
    }
)
"""The triggers that may affect an order (DESIGN 4)."""
DELETION = "DELETE_EVENT"
_TRIGGER = re.compile(r"[A-Z0-9_]{1,64}")

_ROOTS = ("event", "booking", "document_layout")


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery, with the object under its root key as it came. `body_hash` distinguishes otherwise equal deliveries.

    `root` is "event", "booking" or "document_layout"; "" if it has none of them, such as a lead.
    """

    trigger: str
    root: str
    row: dict[str, Json]
    body_hash: str

    @property
    def is_actionable(self) -> bool:
        return self.trigger in ACTIONABLE


def read_delivery(body: bytes) -> Delivery:
    """The delivery in a raw body. Raises DeliveryUnreadable, whose text quotes nothing of the body."""
    try:
        content = decode_json(body)
    except NotJson as error:
        raise DeliveryUnreadable(f"it is {error}, not a delivery", DeliveryFault.NOT_JSON) from error
    trigger = content.get("webhook_trigger_type") if isinstance(content, dict) else None
    trigger = trigger.strip().upper() if isinstance(trigger, str) else ""
    if not _TRIGGER.fullmatch(trigger):
        raise DeliveryUnreadable("it has no webhook_trigger_type", DeliveryFault.NO_TRIGGER)
    root = next((root for root in _ROOTS if isinstance(content.get(root), dict)), "")
    if trigger in ACTIONABLE and not root:
        raise DeliveryUnreadable("it has neither an event nor a booking", DeliveryFault.NO_SUBJECT)
    row = content[root] if root else {}
    inner = row.get(root)  # the API wraps a single object once more, and some senders forward that
    return Delivery(trigger, root, inner if isinstance(inner, dict) else row, hashlib.sha256(body).hexdigest())
