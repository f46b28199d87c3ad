"""Point 7: who we are, what we never send, and answers that hold only what is new."""

import pytest

FIELDS = {"Host", "User-Agent", "Accept", "Accept-Encoding", "Connection"}
CONDITIONAL = FIELDS | {"If-None-Match", "If-Modified-Since", "A-IM"}


def test_who_we_are(service, publisher, fresh):
    """The User-Agent names the program, its version and the contact of the YAML."""
    publisher.say(fresh())
    service.poll()
    assert publisher.asked[0].fields["User-Agent"] == "story-aggregator/1.2.3 (+https://example.org/bot)"


def test_nothing_else_is_sent(service, publisher, said, fresh):
    """No cookie, no Referer, nothing against caches: not at first, not later, not after a redirect."""
    cookie = {"Set-Cookie": "id=1; Path=/", "ETag": '"1"', "Last-Modified": "long ago"}
    publisher.say(
        fresh(1, **cookie),
        said(302, {"Location": "/new", "Set-Cookie": "id=2; Path=/"}),
    )
    publisher.say(fresh(2, **cookie), path="/new")
    service.poll(3)
    sent = [set(asked.fields.keys()) for asked in publisher.asked]
    assert sent == [FIELDS, *[CONDITIONAL] * 4]
    assert {asked.path for asked in publisher.asked} == {"/feed", "/new"}, "no parameter against caches"


def test_a_226_is_taken_as_what_is_new(service, publisher, said, fresh):
    """What was there stays, the next condition has its validators, and the bytes it spared are saved."""
    whole, new = fresh(1, ETag='"1"'), fresh(2)
    long = whole.body.replace(b"<item>", b"<!--" + b"x" * 5000 + b"--><item>", 1)
    publisher.say(
        said(200, whole.fields, long), said(226, {"ETag": '"2"', "IM": "feed"}, new.body), said(304)
    )
    service.poll()
    assert service.poll().new == 1
    service.poll()
    assert publisher.asked[2].fields["If-None-Match"] == '"2"'
    overview = service.overview()
    assert (overview.stats.reports, overview.state.fresh, overview.state.unchanged) == (2, 2, 1)
    assert overview.state.bytes_saved == (len(long) - len(new.body)) + len(long)


@pytest.mark.parametrize(
    ("etag", "im", "said_so"),
    [
        (None, "feed", "226 IM Used to a request that asked for all"),
        ('"1"', "vcdiff", "a difference (vcdiff) that was not asked for"),
        ('"1"', "feed, gzip", "a difference (feed, gzip) that was not asked for"),
    ],
)
def test_a_226_that_nobody_can_read(service, publisher, said, fresh, etag, im, said_so):
    """Without a condition, or as another kind of difference, it is an error, and no validator is lost."""
    first = fresh(1, **({"ETag": etag} if etag else {}))
    publisher.say(first, said(226, {"ETag": '"2"', "IM": im}, fresh(2).body))
    service.poll()
    assert said_so in str(service.poll().error)
    assert service.state().etag == etag
