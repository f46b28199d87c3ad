"""The Google Reader API: streams, items and marks as apps take them."""

import json
import xml.etree.ElementTree as ET
from datetime import timedelta
from urllib.parse import quote

import pytest
from apps import NOON, PASSWORD, SETTINGS, STATE, opened

from aggregator.model import Enclosure, Media
from aggregator.serve.greader import naming
from aggregator.serve.greader.items import moment, plain
from aggregator.serve.visitors import digest
from storage import marks, media, readers, stories
from storage.database import Database

MINUTE = timedelta(minutes=1)
HARBOUR, HILL, TWICE = (feed.id for feed in naming.feeds(SETTINGS))


@pytest.fixture
def served(tmp_path):
    """A store with three stories; ida is logged in."""
    database = Database(f"sqlite:///{tmp_path}/a.db")
    with opened(database) as found:
        found.story({"title": "Ferry <b>sinks</b> & burns", "text": "A ferry sank.\n\nNobody was hurt."})
        found.story({"title": "Hills", "source": "Hill Post", "tags": ("Land",)}, at=NOON + MINUTE)
        found.story({"title": "Both"}, {"source": "Hill Post", "publisher": "Hill"}, at=NOON + 2 * MINUTE)
        found.now = NOON + 5 * MINUTE
        found.named()
        yield found
    database.close()


@pytest.mark.parametrize(
    ("stream", "fields", "ids"),
    [
        (f"{STATE}reading-list", {}, [3, 2, 1]),
        ("user/1/state/com.google/reading-list", {}, [3, 2, 1]),
        (f"{STATE}reading-list", {"xt": f"{STATE}read"}, [3, 2]),
        (f"{STATE}reading-list", {"it": f"{STATE}read"}, [1]),
        (f"{STATE}reading-list", {"it": f"{STATE}unread"}, [3, 2]),
        (f"{STATE}reading-list", {"it": f"{STATE}starred"}, [2]),
        (f"{STATE}reading-list", {"xt": "user/1/state/com.google/starred"}, [3, 1]),
        (f"{STATE}reading-list", {"r": "o"}, [1, 2, 3]),
        (f"{STATE}reading-list", {"ot": str(int(NOON.timestamp()) + 60)}, [3, 2]),
        (f"{STATE}reading-list", {"nt": str(int(NOON.timestamp()) + 60)}, [2, 1]),
        (f"{STATE}reading-list", {"n": "2"}, [3, 2]),
        (f"{STATE}reading-list", {"n": "0"}, [3]),
        (f"{STATE}reading-list", {"n": "-7", "ot": "x", "c": "x", "r": "?"}, [3, 2, 1]),
        (f"{STATE}starred", {}, [2]),
        (f"{STATE}read", {}, [1]),
        (f"{STATE}kept-unread", {}, [3, 2]),
        (f"{STATE}broadcast", {}, []),
        (HARBOUR, {}, [3, 1]),
        (HARBOUR, {"xt": f"{STATE}read"}, [3]),
        (HILL, {}, [3, 2]),
        ("feed/https://harbour.example/feed", {}, [3, 1]),
        (TWICE, {}, [3]),
        ("feed/12", {}, []),
        ("user/-/label/land", {}, [2]),
        ("user/1/label/Land", {}, [2]),
        ("user/-/label/none\0", {}, []),
        ("no such stream", {}, []),
    ],
)
def test_a_stream_is_the_same_whole_as_ids_and_as_atom(served, stream, fields, ids):
    """1 was read and 2 is starred; what no parameter means is passed over."""
    with served.database.writing() as tx:
        marks.read(tx, 1, {1: 1}, NOON)
        marks.star(tx, 1, [2], NOON)
    assert served.api("stream/items/ids", s=stream, output="json", **fields).ids == ids
    assert served.api(f"stream/contents/{quote(stream, safe='')}", **fields).ids == ids
    assert served.api("stream/contents", s=stream, **fields).ids == ids
    atom = ET.fromstring(served.ask(f"/reader/atom/{quote(stream, safe='')}", **fields).text)
    found = [each.text.rpartition("/")[2] for each in atom.findall("{*}entry/{*}id")]
    assert [int(each, 16) for each in found] == ids


def test_an_item_says_all_that_apps_show(served):
    """Its id in both forms, its times, its feed, its labels; its title is text, its content is HTML."""
    (item,) = served.api("stream/items/contents", "i=1").json["items"]
    assert item["id"] == "tag:google.com,2005:reader/item/0000000000000001"
    assert item["title"] == "Ferry ＜b＞sinks＜/b＞ & burns"
    assert item["summary"]["content"].startswith("<p>A ferry sank.</p>\n<p>1 publisher")
    assert item["published"] == int(NOON.timestamp())
    assert item["crawlTimeMsec"] == f"{int(NOON.timestamp())}000"
    assert item["timestampUsec"] == f"{int(NOON.timestamp())}000000"
    assert item["origin"] == {
        "streamId": HARBOUR,
        "title": "Harbour News",
        "htmlUrl": "https://harbour.example/feed",
    }
    assert item["categories"] == [f"{STATE}reading-list", "user/-/label/Sea"]
    assert item["alternate"] == item["canonical"]
    assert item["canonical"][0]["href"] == "https://harbour.example/1"
    assert item["author"] == "Harbour News"


def test_files_come_along_and_what_each_report_adds(served):
    """An episode is heard in the app; a second report says there what only it says."""
    said = "Its captain, Ines Marrow, was asleep for 41 minutes."
    story = served.story({"text": "A ferry sank."}, {"text": said})
    with served.database.writing() as tx:
        (told,) = stories.load(tx, [story], served.database.uuid)
        episode = Enclosure("https://harbour.example/e.mp3", "audio/mpeg", 12, 34)
        media.add(tx, {told.best: Media(enclosures=(episode,))})
    (item,) = served.api("stream/items/contents", f"i={story}").json["items"]
    assert item["enclosure"] == [{"href": episode.url, "type": "audio/mpeg", "length": 12}]
    assert f"<blockquote>{said}</blockquote>" in item["summary"]["content"]
    atom = ET.fromstring(served.ask("/reader/atom/user/-/state/com.google/reading-list").text)
    links = [each.get("href") for each in atom.findall(".//{*}link") if each.get("rel") == "enclosure"]
    assert links == [episode.url]


def test_an_item_without_a_link_has_an_empty_one(served):
    """Apps take the first of its links without looking whether there is one."""
    story = served.story({"url": None})
    (item,) = served.api("stream/items/contents", f"i={story}").json["items"]
    assert item["canonical"][0]["href"] == item["alternate"][0]["href"] == ""


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        (["1", "2"], [1, 2]),
        (["2", "1", "2"], [2, 1]),
        (["0000000000000002"], [2]),
        (["tag:google.com,2005:reader/item/0000000000000003"], [3]),
        (["tag%3Agoogle.com%2C2005%3Areader%2Fitem%2F0000000000000003"], [3]),
        (["9", "-1", "0", "x", "", "99999999999999999999999", "ffffffffffffffff"], []),
        (["%00", "%ff", "1%00"], []),
    ],
)
def test_items_are_given_by_long_and_short_ids(served, asked, ids):
    """In the order asked for, each once; what is none is passed over."""
    assert served.api("stream/items/contents", "&".join(f"i={each}" for each in asked)).ids == ids


def test_pages_follow_each_other(served):
    """Each says where the next one begins, the last does not."""
    for n in range(7):
        served.story({"title": f"More {n}"}, at=NOON)  # all of the same time
    for path in ("stream/items/ids", f"stream/contents/{STATE}reading-list"):
        found: list[int] = []
        more: dict[str, str] = {}
        while True:
            page = served.api(path, n="3", **more)
            found += page.ids
            if "continuation" not in page.json:
                break
            more = {"c": page.json["continuation"]}
        assert found == [3, 2, 10, 9, 8, 7, 6, 5, 4, 1]


def test_a_story_comes_back_unread_when_it_says_something_new(served):
    """Reading it reads every copy that comes; not so a text of its own. What changed is new to `ot`."""
    assert served.api("edit-tag", f"i=1&a={STATE}read").text == "OK"
    unread = {"s": f"{STATE}reading-list", "xt": f"{STATE}read"}
    since = str(int(served.now.timestamp()) + 1)
    assert served.api("stream/items/ids", **unread).ids == [3, 2]
    served.grow(1, copy_of=1)
    assert served.api("stream/items/ids", **unread).ids == [3, 2]
    served.grow(1)
    assert served.api("stream/items/ids", **unread).ids == [1, 3, 2]
    assert served.api("stream/items/ids", ot=since, **unread).ids == [1]


def test_a_merged_story_is_where_its_id_leads(served):
    """An app that knows the old id gets the one story, and marks that."""
    with served.database.writing() as tx:
        stories.merge(tx, absorbed=2, survivor=1, score=0.9, now=NOON)
    assert served.api("stream/items/contents", "i=2&i=1").ids == [1]
    served.api("edit-tag", f"i=2&a={STATE}starred")
    assert served.api("stream/items/ids", s=f"{STATE}starred").ids == [1]


@pytest.mark.parametrize(
    ("edits", "read", "starred"),
    [
        ([f"a={STATE}read"], True, False),
        ([f"a={STATE}read", f"r={STATE}read"], False, False),
        ([f"a={STATE}read", f"a={STATE}kept-unread&a={STATE}tracking-kept-unread"], False, False),
        ([f"a={STATE}read&r={STATE}kept-unread&ac=edit&T=x"], True, False),
        ([f"a=user/1/state/com.google/read&a={STATE}starred"], True, True),
        ([f"a={STATE}starred", f"r={STATE}starred"], False, False),
        ([f"a={STATE}like", f"a={STATE}broadcast", "a=user/-/label/mine", ""], False, False),
    ],
)
def test_states_are_added_and_removed(served, edits, read, starred):
    """Those that mean nothing here are passed over: apps send them on the side."""
    for edit in edits:
        assert served.api("edit-tag", f"i=1&i=2&{edit}").text == "OK"
    assert served.api("stream/items/ids", s=f"{STATE}read").ids == ([2, 1] if read else [])
    assert served.api("stream/items/ids", s=f"{STATE}starred").ids == ([2, 1] if starred else [])


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("", [3, 2, 1]),
        (f"s={STATE}reading-list", [3, 2, 1]),
        (f"s={HILL}", [3, 2]),
        ("s=user/-/label/land", [2]),
        (f"s={STATE}reading-list&ts={int(NOON.timestamp())}", [1]),
        (f"s={STATE}reading-list&ts={int(NOON.timestamp())}000000", [1]),
        (f"s={STATE}reading-list&ts={int(NOON.timestamp()) + 60}000", [2, 1]),
        ("s=feed/12", []),
    ],
)
def test_a_whole_stream_is_read(served, said, read):
    """Up to a time, in whatever unit the app counts it."""
    assert served.api("mark-all-as-read", said).text == "OK"
    assert served.api("stream/items/ids", s=f"{STATE}read").ids == read


def test_unread_items_are_counted_by_stream(served):
    """Feeds, labels and all; with the time of the newest."""
    served.api("edit-tag", f"i=3&a={STATE}read")
    counts = {each["id"]: each for each in served.api("unread-count").json["unreadcounts"]}
    assert {name: each["count"] for name, each in counts.items()} == {
        **{HARBOUR: 1, HILL: 1, TWICE: 0, f"{STATE}reading-list": 2},
        **{"user/-/label/Land": 1, "user/-/label/Sea": 0},
    }
    assert counts[HILL]["newestItemTimestampUsec"] == f"{int(NOON.timestamp()) + 60}000000"


def test_feeds_are_sources_and_selections(served):
    """With their tags as labels; no password of an address leaves the house."""
    found = {each["id"]: each for each in served.api("subscription/list").json["subscriptions"]}
    assert [each["title"] for each in found.values()] == ["Harbour News", "Hill Post", "Told twice"]
    assert [each["label"] for each in found[HILL]["categories"]] == ["Land", "sea"]
    opml = served.api("subscription/export").text
    assert "https://harbour.example/feed" in opml
    assert "secret" not in json.dumps(found) + opml
    tags = [each["id"] for each in served.api("tag/list").json["tags"]]
    assert tags == [f"{STATE}reading-list", f"{STATE}starred", "user/-/label/Land", "user/-/label/Sea"]


@pytest.mark.parametrize("way", ["", "/api/greader.php"])
def test_both_roots_answer(served, way):
    """That of FreshRSS, and that of Google."""
    assert served.ask(f"{way}/reader/api/0/user-info").json["userName"] == "ida"
    assert len(served.ask(f"{way}/reader/api/0/token").text) == 57


def test_what_is_not_done_here_is_refused_with_the_way_to_do_it(served):
    """Sources are in the configuration, and so are their tags."""
    for path in ("subscription/edit", "rename-tag", "disable-tag"):
        answer = served.api(path, f"s={HARBOUR}&ac=unsubscribe")
        assert answer.status == 403
        assert "`aggregator add URL`" in answer.text
    quick = served.api("subscription/quickadd", "quickadd=https://new.example/").json
    assert (quick["numResults"], "`aggregator add URL`" in quick["error"]) == (0, True)


@pytest.mark.parametrize(
    "path",
    [
        "user-info",
        "token",
        "subscription/list",
        "tag/list",
        "unread-count",
        "stream/items/ids",
        "stream/contents",
    ],
)
@pytest.mark.parametrize("secret", ["", "wrong", "anybody"])
def test_nobody_reads_without_logging_in(served, path, secret):
    """Once somebody has a name."""
    served.secret = secret
    assert served.api(path).status == 401


def test_a_token_is_a_password_for_apps(served):
    """One that may only read reads."""
    with served.database.writing() as tx:
        readers.give(tx, 1, digest("for-reading"), "phone", "read", NOON)
        readers.give(tx, 1, digest("for-writing"), "desk", "write", NOON)
    assert "Auth=for-reading\n" in served.log_in("ida", "for-reading").text
    assert served.api("stream/items/ids").ids == [3, 2, 1]
    for path in ("edit-tag", "mark-all-as-read"):
        assert served.api(path, f"i=1&a={STATE}read").status == 403
    served.log_in("ida", "for-writing")
    assert served.api("edit-tag", f"i=1&a={STATE}read").text == "OK"
    assert served.log_in("eve", "for-writing").status == 401


def test_passwords_cannot_be_guessed(served):
    """After five wrong ones the app is told when to come back."""
    said = [served.log_in("ida", "wrong horse") for _ in range(6)]
    assert [each.status for each in said] == [401] * 5 + [429]
    assert "Error=BadAuthentication" in said[0].text
    assert int(said[5].headers["Retry-After"]) > 600
    assert served.log_in("ida", PASSWORD).status == 429


@pytest.mark.parametrize(("passed_on", "status"), [({}, 200), ({"X-Forwarded-For": "192.0.2.1"}, 401)])
def test_where_nobody_has_a_name(tmp_path, passed_on, status):
    """At this machine whatever the app is given will do; from elsewhere nothing. Without the header never."""
    database = Database(f"sqlite:///{tmp_path}/a.db")
    with opened(database) as served:
        served.passed_on = passed_on
        story = served.story()
        assert served.log_in("whoever", "whatever").status == status
        served.secret = served.secret or "anybody"
        assert served.api("user-info").status == status
        assert served.api("edit-tag", f"i={story}&a={STATE}read").status == status
        served.secret = ""
        assert served.api("edit-tag", f"i={story}&a={STATE}read").status == 401
    database.close()


@pytest.mark.parametrize("body", ["", "i=", "i=x", "i=1&i=x", "&".join(["i=1"] * 10_001), "i=1&" * 20_001])
def test_what_cannot_be_is_refused(served, body):
    """Nothing is marked."""
    assert served.api("edit-tag", f"{body}&a={STATE}read").status == 400
    assert served.api("stream/items/ids", s=f"{STATE}read").ids == []


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("1763640000", 1763640000), ("1763640000000", 1763640000), ("1763640000000000", 1763640000)]
    + [(said, None) for said in ("", "0", "-1", "1e9", "x", "9" * 30, "١٢")],
)
def test_times_are_read_in_any_unit(said, seconds):
    """Seconds, thousandths, millionths; what is none is none."""
    found = moment(said)
    assert (found and found.timestamp()) == seconds


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("AT&T", "AT&T"),
        ("a & b", "a & b"),
        ("&lt;b&gt;", "＆lt;b＆gt;"),
        ("&#60;", "＆#60;"),
        ("<i>", "＜i＞"),
    ],
)
def test_titles_read_the_same_as_text_and_as_html(text, shown):
    """Some apps take them for one, some for the other."""
    assert plain(text) == shown
