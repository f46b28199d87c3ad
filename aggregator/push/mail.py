"""Sends e-mails over SMTP, with TLS unless the configuration says otherwise."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import TYPE_CHECKING

from aggregator.errors import PushError

if TYPE_CHECKING:
    from datetime import datetime

    from aggregator.settings import Mail

_PATIENCE = 30.0  # seconds for each step of the server


def composed(
    settings: Mail, to: Sequence[str], subject: str, text: str, html: str, now: datetime
) -> EmailMessage:
    """A message with both forms of its text."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = settings.sender, ", ".join(to), subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = make_msgid(domain=settings.sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    message.add_alternative(html, subtype="html")
    return message


def send(settings: Mail, message: EmailMessage) -> None:
    """Hand a message to the server; it blocks.

    Raises:
        PushError: the server cannot be reached, or does not take it.

    """
    where = f"{settings.host}, port {settings.port}"
    context = ssl.create_default_context()
    try:
        with (
            smtplib.SMTP_SSL(settings.host, settings.port, timeout=_PATIENCE, context=context)
            if settings.security == "tls"
            else smtplib.SMTP(settings.host, settings.port, timeout=_PATIENCE)
        ) as server:
            if settings.security == "starttls":
                server.starttls(context=context)
            if settings.user:
                server.login(settings.user, settings.password or "")
            server.send_message(message)
    except smtplib.SMTPNotSupportedError as error:
        raise PushError(
            f"{where}: {error}", hint="set push.mail.security to what the server offers"
        ) from error
    except (smtplib.SMTPException, OSError) as error:
        raise PushError(f"{where}: {error}", hint="look at push.mail, and at the server") from error
