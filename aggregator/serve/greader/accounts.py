"""Logging in, who one is, and to which feeds one is subscribed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends
from starlette.responses import JSONResponse, PlainTextResponse, Response

from aggregator.parse import opml
from aggregator.parse.opml import Outline
from aggregator.serve.greader import naming
from aggregator.serve.greader.asking import NOBODY, Asked, asked, login
from aggregator.serve.greader.items import plain
from aggregator.serve.visitors import APP_SESSION, Refusal

if TYPE_CHECKING:
    from aggregator.serve.greader import Service

_API = "/reader/api/0"
_TOKEN = 57  # letters, as apps expect them
_HOW = "sources are added and changed in the configuration: `aggregator add URL` there, or `import`"


def router(service: Service) -> APIRouter:
    """Its addresses."""
    found = APIRouter()
    found.post("/accounts/ClientLogin")(_client_login(service))

    def known(fields: Annotated[Asked, Depends(asked)]) -> None:
        with service.database.reading() as tx:
            login(tx, service.visitors, fields)

    @found.get(f"{_API}/token", dependencies=[Depends(known)])
    def token(fields: Annotated[Asked, Depends(asked)]) -> Response:
        said = hashlib.sha256(b"token" + fields.secret.encode("utf-8", "replace")).hexdigest()
        return PlainTextResponse(said[:_TOKEN])

    @found.get(f"{_API}/user-info")
    def user_info(fields: Annotated[Asked, Depends(asked)]) -> Response:
        with service.database.reading() as tx:
            reader = login(tx, service.visitors, fields).reader
        named = dict.fromkeys(("userName", "userEmail"), reader.name)
        return JSONResponse({"userId": str(reader.id), "userProfileId": str(reader.id)} | named)

    @found.get(f"{_API}/subscription/list", dependencies=[Depends(known)])
    def subscription_list() -> Response:
        return JSONResponse({"subscriptions": [_subscription(f) for f in naming.feeds(service.settings())]})

    @found.get(f"{_API}/subscription/export", dependencies=[Depends(known)])
    def subscription_export() -> Response:
        settings = service.settings()
        listed = [Outline(f.title, f.url, f.labels, None, {}) for f in naming.feeds(settings) if f.url]
        body = opml.write(listed, settings.publish.title)
        return Response(body, media_type="text/x-opml")

    @found.get(f"{_API}/tag/list", dependencies=[Depends(known)])
    def tag_list() -> Response:
        names = [naming.READING_LIST, naming.STARRED]
        folders = [f"{naming.LABEL}{label}" for label in naming.labels(service.settings())]
        tags = [{"id": name} for name in names] + [{"id": name, "type": "folder"} for name in folders]
        return JSONResponse({"tags": tags})

    @found.post(f"{_API}/subscription/quickadd", dependencies=[Depends(known)])
    def quickadd(fields: Annotated[Asked, Depends(asked)]) -> Response:
        return JSONResponse({"query": fields.one("quickadd"), "numResults": 0, "error": _HOW})

    @found.post(f"{_API}/subscription/edit", dependencies=[Depends(known)])
    @found.post(f"{_API}/rename-tag", dependencies=[Depends(known)])
    @found.post(f"{_API}/disable-tag", dependencies=[Depends(known)])
    def refused() -> Response:
        return PlainTextResponse(f"Error: {_HOW}\n", 403)

    return found


def _client_login(service: Service) -> Any:
    def client_login(fields: Annotated[Asked, Depends(asked)]) -> Response:
        """A session for a name and a password; whoever gives a token of theirs goes on with that."""
        name, password = fields.one("Email"), fields.one("Passwd")
        with service.database.reading() as tx:
            nameless = service.visitors.nameless(tx, fields.request)
            own = service.visitors.of_secret(tx, password)
        if nameless:
            secret = NOBODY
        elif own and own.reader.name == name:
            secret = password
        else:
            found = service.visitors.checked(name, password, fields.address)
            if isinstance(found, Refusal):
                return _refused(found)
            secret = service.visitors.begin(found, APP_SESSION)
        return PlainTextResponse(f"SID={secret}\nLSID=null\nAuth={secret}\n")

    return client_login


def _refused(refusal: Refusal) -> Response:
    body = f"Error=BadAuthentication\nInfo={refusal.said}\n"
    if refusal.wait is None:
        return PlainTextResponse(body, 401)
    return PlainTextResponse(body, 429, {"Retry-After": str(int(refusal.wait.total_seconds()) + 1)})


def _subscription(feed: naming.Feed) -> dict[str, Any]:
    return {
        "id": feed.id,
        "title": plain(feed.title),
        "categories": [{"id": f"{naming.LABEL}{label}", "label": label} for label in feed.labels],
        "url": feed.url,
        "htmlUrl": feed.url,
        "iconUrl": "",
        "sortid": feed.id.removeprefix("feed/"),
    }
