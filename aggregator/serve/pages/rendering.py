"""Templates into answers, and the three files that every page loads, named after what is in them."""

from __future__ import annotations

import functools
import hashlib
from datetime import datetime, timedelta
from importlib import resources
from typing import Any, Literal
from urllib.parse import quote, urlencode

from fastapi import APIRouter
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from aggregator.model import headline
from aggregator.publish.words import address

_KINDS = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_FOR_EVER = "public, max-age=31536000, immutable"
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; img-src 'self'"
)
_IMAGES = {"proxy": "", "direct": " http: https:", "none": ""}
_HEADERS = {
    "Referrer-Policy": "same-origin",  # without one a browser names no origin for a form
    "Cache-Control": "private, no-cache",
}


@functools.cache
def _file(name: str) -> bytes:
    return resources.files(__package__).joinpath("static", name).read_bytes()


@functools.cache
def static(name: str) -> str:
    """The address of a file: as long as it is the same, a browser asks once."""
    return f"/static/{hashlib.sha256(_file(name)).hexdigest()[:16]}/{name}"


def router() -> APIRouter:
    """The files."""
    found = APIRouter(include_in_schema=False)

    @found.get("/static/{digest}/{name}")
    def file(digest: str, name: str) -> Response:
        if name not in _KINDS or static(name) != f"/static/{digest}/{name}":
            return PlainTextResponse("there is nothing here\n", 404)
        return Response(_file(name), headers={"Content-Type": _KINDS[name], "Cache-Control": _FOR_EVER})

    return found


def _ago(moment: datetime, now: datetime) -> str:
    """How long ago, in a word or two; what lies ahead is `in` so long."""
    seconds = (now - moment).total_seconds()
    size = abs(seconds)
    if size < 60:
        return "now"
    units = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"))
    said = next(f"{size / unit:.0f} {name}" for unit, name in units if size >= unit)
    return f"in {said}" if seconds < 0 else f"{said} ago"


def _query(**values: Any) -> str:
    """A query string of those that are set, after its question mark."""
    given = {name: "1" if value is True else value for name, value in values.items() if value}
    return f"?{urlencode(given)}" if given else "?"


def _size(count: int) -> str:
    """Bytes as people say them."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count} {unit}"
        count = round(count / 1000)
    return f"{count} GB"


@functools.cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"static": static, "query": _query, "headline": headline}
    made.filters |= {
        "ago": _ago,
        "link": address,
        "day": lambda moment: f"{moment:%Y-%m-%d %H:%M}",
        "iso": lambda moment: moment.isoformat(),
        "part": lambda text: quote(text, safe=""),
        "size": _size,
        "lasts": lambda seconds: str(timedelta(seconds=seconds)).removeprefix("0:"),
        "share": lambda share: "" if share is None else f"{share:.0%}",
    }
    return made


def page(
    template: str, status: int = 200, *, images: Literal["proxy", "direct", "none"] = "none", **values: Any
) -> HTMLResponse:
    """A page: what it shows is escaped, and it loads nothing but our files, and pictures.

    Args:
        template: the name of its file.
        status: of the answer.
        images: from where it may load pictures, as `Serve.pictures`.
        values: what the template shows.

    """
    text = _environment().get_template(template).render(values)
    headers = _HEADERS | {"Content-Security-Policy": _POLICY + _IMAGES[images]}
    return HTMLResponse(text.encode("utf-8", "replace"), status, headers)
