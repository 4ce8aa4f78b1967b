"""The mails of runs: those that are due are written from the ledger and sent. A failure is only logged."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tsrevel.config import Settings
from tsrevel.engine.outcomes import recall_resolved
from tsrevel.errors import LedgerUnusable, RunLocked
from tsrevel.ledger import Ledger, OrderRecord, Resolution, hold_mail_lock
from tsrevel.ledger.outbox import DueMail, Notice
from tsrevel.notify.sendgrid import Message, SendGrid, SendResult, SendVerdict
from tsrevel.wiring import Runtime, open_ledger

if TYPE_CHECKING:
    from tsrevel.notify.message import StateSince
    from tsrevel.planning.model import OrderId

log = logging.getLogger(__name__)

MAILS_SECONDS = 30.0
"""After this time a run stops sending mails; the next run sends the rest."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=15), timedelta(hours=6)
"""The pause after a mail wasn't accepted, however many runs there are. It doubles with each attempt."""
MOST_ATTEMPTS = 33
"""With these pauses they take a week. After that the mail is no longer news."""


def send_mails(settings: Settings, runtime: Runtime) -> None:
    """Send the due mails, if mails are set up and this is no dry run. Failures are logged; a later run tries again.

    The next run may begin meanwhile: it doesn't wait for SendGrid.
    """
    if not settings.email.configured or settings.safety.dry_run or not settings.safety.enable_connector:
        return
    try:
        with hold_mail_lock(settings.ledger_path), open_ledger(settings, runtime) as ledger:
            _send_due(ledger, settings, runtime)
    except RunLocked:
        log.info("another run is sending mails; it or the next run sends those that are due")
    except LedgerUnusable as error:
        log.warning("the mails that are due can't be sent now: %s", error)


def _send_due(ledger: Ledger, settings: Settings, runtime: Runtime) -> None:
    account = SendGrid(settings.email, runtime.sendgrid, settings.network)
    began = runtime.monotonic()
    for mail in ledger.outbox.make_mails(digest=settings.email.digest):
        if ledger.runs.paused():
            return
        if _must_wait(mail, runtime.clock()):
            continue
        if runtime.monotonic() - began >= MAILS_SECONDS:
            log.warning("mail %s and later ones weren't sent: it took too long; the next run continues", mail.number)
            return
        delivery = account.send(_write(ledger, mail, settings))
        _note(ledger, mail, delivery)
        if delivery.verdict in {SendVerdict.REFUSED, SendVerdict.LATER}:
            return


def _must_wait(mail: DueMail, now: datetime) -> bool:
    """Whether the pause after the last attempt isn't over. If that seems to be in the future, the clock was fast."""
    if mail.tried_at is None:
        return False
    pause: timedelta = min(FIRST_PAUSE * 2 ** min(mail.attempts - 1, 9), LONGEST_PAUSE)
    return mail.tried_at <= now < mail.tried_at + pause


def _write(ledger: Ledger, mail: DueMail, settings: Settings) -> Message:
    from tsrevel.insight.notices import find_states_since
    from tsrevel.notify.message import MailContext, MailItem, write_message

    states = find_states_since(ledger, mail.notices)
    orders = ledger.orders.find(notice.event_id for notice in mail.notices)
    resolutions = ledger.events.resolutions(notice.event_id for notice in mail.notices)
    resolved = {
        event_id: recall_resolved(resolution)
        for event_id, resolution in resolutions.items()
        if not (event_id in orders and orders[event_id].is_finished)
    }
    failed = ledger.orders.failed_writes(notice.event_id for notice in mail.notices)
    items = [
        MailItem(
            occasion=notice.occasion,
            event_id=notice.event_id,
            correlation_id=notice.correlation_id,
            day=notice.day,
            location=notice.location,
            order_id=_find_order_id(notice, state, orders.get(notice.event_id), resolutions.get(notice.event_id)),
            reason=notice.reason,
            text=notice.text,
            plan=orders[notice.event_id].plan if notice.event_id in orders else None,
            failed_write=failed.get(notice.event_id) if state or notice.occasion in {"failed", "missed"} else None,
            foreign=notice.event_id in orders and orders[notice.event_id].state == "foreign",
            resolved=resolved.get(notice.event_id) if notice.occasion == "changed" else None,
            since=state,
            agrees=notice.occasion == "changed" and _agrees(ledger, orders.get(notice.event_id)),
        )
        for notice, state in zip(mail.notices, states, strict=True)
    ]
    return write_message(items, MailContext(mail.number, mail.made_at, settings))


def _find_order_id(
    notice: Notice, since: StateSince | None, record: OrderRecord | None, resolution: Resolution | None
) -> OrderId | None:
    """The event's order now, if the notice is no longer true; else the notice's."""
    if since is None:
        return notice.order_id
    named = resolution.order_id if resolution else None
    return named or (record.order_id if record else None) or notice.order_id


def _agrees(ledger: Ledger, record: OrderRecord | None) -> bool:
    """Whether event and order agree again. An order whose plan, or event's details, aren't known doesn't show that."""
    from tsrevel.insight.drift import recall_drift

    if record is None or not record.is_finished:
        return False
    contents = ledger.orders.contents([record.event_id]).get(record.event_id)
    is_known = record.plan and contents and contents.made_details
    if not is_known and record.state != "foreign":
        return False
    return recall_drift(record, ledger.audit.rows(record.event_id), contents) is None


def _note(ledger: Ledger, mail: DueMail, delivery: SendResult) -> None:
    if delivery.verdict is SendVerdict.SENT:
        ledger.outbox.note_sent(mail.number)
        log.info("mail %s is sent", mail.number)
        return
    give_up = mail.attempts + 1 >= MOST_ATTEMPTS
    ledger.outbox.note_failed(mail.number, delivery.text, give_up=give_up)
    level = logging.WARNING if delivery.verdict is SendVerdict.LATER and not give_up else logging.ERROR
    end = f"attempt {mail.attempts + 1} was the last one" if give_up else "a later run sends it"
    log.log(level, "mail %s wasn't sent: %s; %s", mail.number, delivery.text, end)
