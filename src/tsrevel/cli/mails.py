"""The mails that are due, old and new: from the ledger's outbox to SendGrid, and back what became of each."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta

from tsrevel.config import Settings
from tsrevel.errors import LedgerUnusable, RunLocked
from tsrevel.ledger import Ledger, hold_mail_lock
from tsrevel.ledger.outbox import DueMail
from tsrevel.notify.message import MailItem, Message, write_message
from tsrevel.notify.sendgrid import SendGrid, SendResult, SendVerdict
from tsrevel.wiring import Runtime

log = logging.getLogger(__name__)

MAILS_SECONDS = 30.0
"""So long a run goes on sending mails; the rest is the next one's."""
MOST_REFUSALS = 5
"""A mail that SendGrid doesn't accept as it is was given so many chances: the sender may be put right meanwhile."""
OLDEST = timedelta(days=7)
"""A mail that couldn't be sent for so long is news no more."""


def send_mails(settings: Settings, runtime: Runtime) -> None:
    """Send what is due, if mails are set up and this is no dry run. What goes wrong is logged, and left for later.

    The next run may begin meanwhile: it isn't kept waiting for SendGrid.
    """
    if not settings.email.configured or settings.safety.dry_run or not settings.safety.enable_connector:
        return
    path, environment = settings.ledger_path, settings.environment
    try:
        with (
            hold_mail_lock(path),
            Ledger.open(path, environment=environment, clock=runtime.clock, opened_by=runtime.database) as ledger,
        ):
            _send_due(ledger, settings, runtime)
    except RunLocked:
        log.info("another run is sending mails: those that are due are left to it, or to the next one")
    except LedgerUnusable as error:
        log.warning("mails that are due can't be sent now: %s", error)


def _send_due(ledger: Ledger, settings: Settings, runtime: Runtime) -> None:
    email = settings.email
    account = SendGrid(
        email.base_url,
        email.api_key.get_secret_value().strip(),
        email.sender,
        email.recipients,
        runtime.sendgrid,
        settings.network,
    )
    began = runtime.monotonic()
    for mail in ledger.make_mails(digest=email.digest):
        if ledger.paused():
            return
        if runtime.monotonic() - began >= MAILS_SECONDS:
            log.warning("mail %s and what follows wasn't sent: it took too long; the next run goes on", mail.number)
            return
        delivery = account.send(_write(ledger, mail, sandbox=settings.environment == "sandbox"))
        _note(ledger, mail, delivery, runtime)
        if delivery.verdict in {SendVerdict.REFUSED, SendVerdict.LATER}:
            return


def _write(ledger: Ledger, mail: DueMail, *, sandbox: bool) -> Message:
    orders = ledger.orders(notice.event_id for notice in mail.notices)
    stories: Sequence[MailItem] = [
        MailItem(
            occasion=notice.occasion,
            event_id=notice.event_id,
            correlation_id=notice.correlation_id,
            day=notice.day,
            location=notice.location,
            order_id=notice.order_id,
            reason=notice.reason,
            text=notice.text,
            plan=orders[notice.event_id].plan if notice.event_id in orders else None,
        )
        for notice in mail.notices
    ]
    return write_message(stories, number=mail.number, sandbox=sandbox)


def _note(ledger: Ledger, mail: DueMail, delivery: SendResult, runtime: Runtime) -> None:
    if delivery.verdict is SendVerdict.SENT:
        ledger.mail_sent(mail.number)
        log.info("mail %s is sent", mail.number)
        return
    refused = delivery.verdict is SendVerdict.UNACCEPTABLE
    give_up = (refused and mail.refusals + 1 >= MOST_REFUSALS) or runtime.clock() - mail.made_at >= OLDEST
    ledger.mail_failed(mail.number, delivery.text, refused=refused, give_up=give_up)
    level = logging.WARNING if delivery.verdict is SendVerdict.LATER and not give_up else logging.ERROR
    end = f"it is given up after {mail.attempts + 1} attempts" if give_up else "a later run sends it"
    log.log(level, "mail %s wasn't sent: %s; %s", mail.number, delivery.text, end)
