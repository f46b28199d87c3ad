"""A mail (`.eml`) to one entry: newsletters and alerts, as a mail program saves them."""

from __future__ import annotations

from contextlib import suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import getaddresses

from aggregator.errors import ParseError
from aggregator.model import Entry, Parsed
from aggregator.parse import charset, entry_fields, markup
from aggregator.parse.entry_fields import Limits
from aggregator.parse.plaintext import paragraphs


def parse(body: bytes, limits: Limits) -> Parsed:
    """The one entry of a mail: its subject, and its plain text or else its HTML. Attachments are left.

    Raises:
        ParseError: there is neither a subject nor a text.
    """
    mail = message_from_bytes(body, policy=policy.default)
    people = getaddresses([_header(mail, "From")])
    entry = Entry(
        guid=_header(mail, "Message-ID"),
        title=markup.line(_header(mail, "Subject")),
        text=_text(mail),
        authors=tuple(name or address for name, address in people),
        published=_header(mail, "Date"),
        language=_header(mail, "Content-Language"),
        publisher=next((name or address for name, address in people), None),
    )
    trimmed = entry_fields.trim(entry, limits)
    if trimmed is None:
        raise ParseError("a mail without subject and text", hint="save it from the mail program as a whole")
    return Parsed(entries=(trimmed,))


def _header(mail: EmailMessage, name: str) -> str:
    # The library's own header parser fails in many ways on headers that are made to.
    with suppress(Exception):
        return str(mail[name] or "")
    return ""


def _text(mail: EmailMessage) -> str:
    """The first part that is text, plain before HTML."""
    parts = [part for part in mail.walk() if not part.is_multipart() and not _attached(part)]
    for kind, read in (("text/plain", paragraphs), ("text/html", markup.plain)):
        for part in parts:
            if part.get_content_type() == kind and (text := read(_content(part))):
                return text
    return ""


def _attached(part: EmailMessage) -> bool:
    return _header(part, "Content-Disposition").lower().startswith("attachment")


def _content(part: EmailMessage) -> str:
    payload = part.get_payload(decode=True)
    return charset.decode(payload, _header(part, "Content-Type")) if isinstance(payload, bytes) else ""
