"""What each reader app sends from logging in to starring, and what it needs in the answers.

The requests are those that the apps' sources send; `{…}` stands for what an earlier answer gave. What an app
cannot do without stands as a path into the answer: apps end the whole refresh where a single one is missing.
"""

import re
from typing import Any, NamedTuple

import pytest
from apps import NOON, PASSWORD, STATE, Answer, Served, hashed, opened

from aggregator.serve.greader import PREFIX
from storage import readers
from storage.database import Database


class Request(NamedTuple):
    """One request of an app.

    Attributes:
        path: with its query.
        body: of a POST; None for a GET.
        needs: paths into the JSON that have to lead somewhere, ``items.*.id``.
        says: a pattern that the text has to match whole.
    """

    path: str
    body: str | None = None
    needs: tuple[str, ...] = ()
    says: str = ""


API = "/reader/api/0/"
LONG = "tag:google.com,2005:reader/item/{hex}"
DONE = r"OK"
LOGGED_IN = r"SID=\S+\nLSID=\S+\nAuth=\S+\n"
TOKEN = Request(f"{API}token", says=r"\w{57}")
CREDENTIALS = f"Email=ida&Passwd={PASSWORD.replace(' ', '%20')}"
SUBSCRIBED = ("subscriptions.*.id", "subscriptions.*.title", "subscriptions.*.categories")
IDS = ("itemRefs.*.id",)
READ, STARRED, ALL = f"{STATE}read", f"{STATE}starred", f"{STATE}reading-list"

APPS = {
    "NetNewsWire": [
        Request("/accounts/ClientLogin", CREDENTIALS, says=LOGGED_IN),
        TOKEN,
        Request(f"{API}tag/list?output=json", needs=("tags.*.id",)),
        Request(f"{API}subscription/list?output=json", needs=(*SUBSCRIBED, "subscriptions.*.url")),
        Request(f"{API}stream/items/ids?s={ALL}&n=1000&output=json&ot={{before}}", needs=IDS),
        Request(f"{API}stream/items/ids?s={ALL}&n=1000&xt={READ}&output=json", needs=IDS),
        Request(
            f"{API}stream/items/contents",
            f"T={{token}}&output=json&i={LONG}",
            (
                "id",
                "updated",
                "items.*.id",
                "items.*.summary.content",
                "items.*.alternate.*.href",
                "items.*.categories.0",
                "items.*.origin.streamId",
                "items.*.crawlTimeMsec",
                "items.*.published",
            ),
        ),
        Request(f"{API}edit-tag", f"T={{token}}&a={READ}&i={LONG}", says=DONE),
        Request(f"{API}edit-tag", f"T={{token}}&r={READ}&i={LONG}", says=DONE),
        Request(f"{API}edit-tag", f"T={{token}}&a={STARRED}&i={LONG}", says=DONE),
        Request(f"{API}stream/items/ids?s={STARRED}&n=10000&output=json", needs=IDS),
    ],
    "Reeder": [
        Request(
            "/accounts/ClientLogin",
            f"accountType=HOSTED_OR_GOOGLE&service=reader&{CREDENTIALS}&source=Reeder",
            says=LOGGED_IN,
        ),
        Request(f"{API}user-info?output=json&ck=1", needs=("userId", "userName")),
        Request(f"{API}subscription/list?output=json&ck=1", needs=SUBSCRIBED),
        Request(f"{API}tag/list?output=json&ck=1", needs=("tags.*.id",)),
        Request(f"{API}unread-count?output=json&ck=1", needs=("max", "unreadcounts.*.count")),
        Request(f"{API}stream/items/ids?output=json&n=5000&s={ALL}&xt={READ}&r=n&ck=1", needs=IDS),
        Request(
            f"{API}stream/items/contents?output=json",
            "i={short}&T=x",
            ("items.*.timestampUsec", "items.*.title", "items.*.origin.title"),
        ),
        Request(f"{API}edit-tag?client=reeder", f"i={{short}}&a={READ}&T=x", says=DONE),
        Request(f"{API}mark-all-as-read", "s={feed}&ts={usec}&T=x", says=DONE),
    ],
    "Read You": [
        Request(
            "/accounts/ClientLogin",
            f"output=json&{CREDENTIALS}&client=ReadYou&accountType=HOSTED_OR_GOOGLE&service=reader",
            says=LOGGED_IN,
        ),
        TOKEN,
        Request(f"{API}user-info?output=json", needs=("userId", "userName", "userProfileId", "userEmail")),
        Request(f"{API}subscription/list?output=json", needs=(*SUBSCRIBED, "subscriptions.*.htmlUrl")),
        Request(f"{API}stream/items/ids?output=json&s={READ}&ot={{before}}&n=10000", needs=("itemRefs",)),
        Request(f"{API}stream/items/ids?output=json&s={ALL}&xt={READ}&n=10000", needs=IDS),
        Request(f"{API}stream/items/ids?output=json&s={STARRED}&n=10000", needs=("itemRefs",)),
        Request(
            f"{API}stream/items/contents?output=json",
            "i={hex}&T={token}",
            ("items.*.id", "items.*.origin.streamId", "items.*.canonical.*.href", "items.*.summary.content"),
        ),
        Request(f"{API}edit-tag?output=json", f"i={LONG}&a={READ}&T={{token}}", says=DONE),
        Request(f"{API}mark-all-as-read?output=json", f"s={ALL}&T={{token}}", says=DONE),
        Request(
            f"{API}subscription/quickadd?output=json&quickadd=https://x.example/",
            "quickadd=https%3A%2F%2Fx.example%2F&T={token}",
            ("numResults", "error"),
        ),
    ],
    "Readrops": [
        Request("/accounts/ClientLogin", CREDENTIALS, says=LOGGED_IN),
        TOKEN,
        Request(f"{API}user-info", needs=("userName",)),
        Request(f"{API}subscription/list?output=json", needs=(*SUBSCRIBED, "subscriptions.*.url")),
        Request(f"{API}tag/list?output=json", needs=("tags.*.id",)),
        Request(
            f"{API}stream/contents/{ALL}?xt={READ}&n=5000&ot={{before}}",
            needs=("items.*.id", "items.*.published", "items.*.alternate.0.href", "items.*.origin.streamId"),
        ),
        Request(f"{API}stream/items/ids?s={ALL}&xt={READ}&n=5000", needs=IDS),
        Request(f"{API}edit-tag", f"T={{token}}&a={READ}&i={LONG}", says=DONE),
        Request(f"{API}edit-tag", f"T={{token}}&a={STARRED}&i={LONG}", says=DONE),
    ],
    "Fluent Reader": [
        Request("/accounts/ClientLogin", CREDENTIALS, says=LOGGED_IN),
        Request(f"{API}user-info", needs=("userId",)),
        Request(f"{API}subscription/list?output=json", needs=SUBSCRIBED),
        Request(f"{API}stream/items/ids?output=json&s={ALL}&xt={READ}&n=1000", needs=IDS),
        Request(f"{API}stream/items/ids?output=json&s={STARRED}&n=1000", needs=("itemRefs",)),
        Request(
            f"{API}stream/contents?output=json&n=125&ot={{before}}",
            needs=(
                "items.*.id",
                "items.*.canonical.0.href",
                "items.*.summary.content",
                "items.*.title",
                "items.*.origin.streamId",
                "items.*.published",
                "items.*.crawlTimeMsec",
                "items.*.categories.0",
            ),
        ),
        Request(f"{API}edit-tag", f"i={{short}}&a={READ}", says=DONE),
        Request(f"{API}edit-tag", f"i={{short}}&r={STARRED}", says=DONE),
        Request(f"{API}mark-all-as-read", "s={feed}", says=DONE),
    ],
    "Capy Reader": [
        Request(f"/accounts/ClientLogin?{CREDENTIALS}", "", says=LOGGED_IN),
        TOKEN,
        Request(
            f"{API}subscription/list?output=json",
            needs=(*SUBSCRIBED, "subscriptions.*.url", "subscriptions.*.htmlUrl", "subscriptions.*.iconUrl"),
        ),
        Request(f"{API}stream/items/ids?s={ALL}&n=10000&xt={READ}&output=json", needs=IDS),
        Request(f"{API}stream/items/ids?s={STARRED}&n=10000&output=json", needs=("itemRefs",)),
        Request(
            f"{API}stream/items/contents?output=json",
            "i={short}&T={token}",
            (
                "items.*.id",
                "items.*.published",
                "items.*.title",
                "items.*.canonical.*.href",
                "items.*.summary.content",
                "items.*.origin.streamId",
                "items.*.origin.htmlUrl",
                "items.*.origin.title",
            ),
        ),
        Request(f"{API}edit-tag?output=json", f"i={{short}}&T={{token}}&a={READ}", says=DONE),
        Request(f"{API}edit-tag?output=json", f"i={{short}}&T={{token}}&r={READ}", says=DONE),
    ],
}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A store with a story that has no link, one without a title, and one whose source is gone."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('apps')}/a.db")
    with opened(database) as found:
        found.story({"title": "Whole"})
        found.story({"url": None})
        found.story({"title": "", "text": "Only a text."})
        found.story({"title": "Orphan", "source": "Gone", "publisher": "Gone"})
        with database.writing() as tx:
            readers.add(tx, "ida", hashed(PASSWORD), NOON)
        yield found
    database.close()


def found_at(value: Any, path: str) -> list[Any]:
    """What a path leads to; ``*`` is every one of a list that has some."""
    head, _, rest = path.partition(".")
    if not path:
        return [value]
    if head == "*":
        assert value, path
        return [each for one in value for each in found_at(one, rest)]
    return found_at(value[int(head)] if head.isdigit() else value[head], rest)


def learn(known: dict[str, str], request: Request, answer: Answer) -> None:
    """Keep what later requests use."""
    if request is TOKEN:
        known["token"] = answer.text
    if "subscription/list" in request.path:
        known["feed"] = answer.json["subscriptions"][0]["id"]
    if "items/ids" in request.path and answer.json["itemRefs"]:
        known["short"] = answer.json["itemRefs"][0]["id"]
        known["hex"] = f"{int(known['short']):016x}"


@pytest.mark.parametrize("root", [PREFIX, ""])
@pytest.mark.parametrize("app", APPS)
def test_an_app_gets_all_that_it_needs(served: Served, app, root):
    """From logging in to starring."""
    served.secret = ""
    moment = int(NOON.timestamp())
    known = {"before": str(moment - 60), "usec": f"{moment}000000", "short": "1", "hex": f"{1:016x}"}
    for request in APPS[app]:
        path, body = (text and text.format(**known) for text in (request.path, request.body))
        answer = served.ask(root + path, body)
        assert answer.status == 200, (path, answer.text)
        if request.says:
            assert re.fullmatch(request.says, answer.text), path
        for need in request.needs:
            assert None not in found_at(answer.json, need), (path, need)
        if "ClientLogin" in path:
            served.secret = answer.text.rpartition("Auth=")[2].strip()
        learn(known, request, answer)
    with served.database.writing() as tx:  # as it was, for the next app
        tx.exec_driver_sql("DELETE FROM mark")
