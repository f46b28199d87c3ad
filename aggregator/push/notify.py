"""Tells other services (ntfy, Matrix and many more) through Apprise, which comes with the extra `notify`."""

from __future__ import annotations

from aggregator.errors import PushError


def send(address: str, title: str, text: str) -> None:
    """Tell one service; it blocks.

    Raises:
        PushError: the address is none, or the service did not take it.

    """
    try:
        import apprise  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise PushError("`notify` needs Apprise", hint="pip install 'story-aggregator[notify]'") from error
    service = apprise.Apprise()
    if not service.add(address):
        raise PushError(
            "`notify` is no Apprise URL", hint="write ntfy://host/topic, matrix://user:password@host/#room"
        )
    if not service.notify(body=text, title=title, body_format=apprise.NotifyFormat.TEXT):
        raise PushError("the service did not take it", hint="look at the address and at the service")
