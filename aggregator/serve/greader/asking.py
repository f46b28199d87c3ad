"""What an app asks: its fields, from the address and from the body, and whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from fastapi import HTTPException, Request

from aggregator.model import ANYBODY
from aggregator.serve.visitors import Login, Visitors

NOBODY = "anybody"
"""What is given for a session where nobody has a name."""

_BAD_TOKEN = ("Google-Bad-Token", "X-Reader-Google-Bad-Token")  # apps look for one or the other
_SCHEME = "GoogleLogin auth="
_MOST_FIELDS = 20_000
_LONGEST_SECRET = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """The fields of a request.

    Attributes:
        values: those of each name, in order.
        secret: that shows whose request it is.
        request: the whole of it.
    """

    values: dict[str, list[str]]
    secret: str
    request: Request

    @property
    def address(self) -> str:
        """The address that it came from."""
        return self.request.client.host if self.request.client else ""

    def one(self, name: str, default: str = "") -> str:
        """The first of these fields."""
        return self.values.get(name, [default])[0]

    def all(self, name: str) -> list[str]:
        """All of them."""
        return self.values.get(name, [])

    def number(self, name: str, default: int, most: int) -> int:
        """The field as a number from 1 to `most`."""
        said = self.one(name)
        given = int(said) if said.isascii() and said.isdigit() and len(said) < 10 else default
        return min(max(given, 1), most)


async def asked(request: Request) -> Asked:
    """The fields of a request; a dependency of every route."""
    body = (await request.body()).decode("utf-8", "replace")
    values: dict[str, list[str]] = {}
    for text in (request.url.query, body):
        try:
            pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
        except ValueError as error:
            raise HTTPException(400, "too many fields") from error
        for name, value in pairs:
            values.setdefault(name, []).append(value)
    said = request.headers.get("Authorization", "")
    secret = said.removeprefix(_SCHEME).strip() if said.startswith(_SCHEME) else ""
    return Asked(values, secret[:_LONGEST_SECRET], request)


def login(tx: Any, visitors: Visitors, asked: Asked) -> Login:
    """Whose request it is.

    It has to bring the header in any case: no page of another site can make a browser send that, so there is
    no need for the API's own token against such pages, and it is not compared.

    Raises:
        HTTPException: nobody's.

    """
    found = visitors.of_secret(tx, asked.secret) if asked.secret else None
    if found is None and asked.secret and visitors.nameless(tx, asked.request):
        return Login(ANYBODY, writes=True)
    if found is None:
        raise HTTPException(401, "log in first", dict.fromkeys(_BAD_TOKEN, "true"))
    return found
