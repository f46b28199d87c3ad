"""Point 2: never earlier than what server and feed ask for, nor than the floor."""

from datetime import timedelta

import pytest

from aggregator.errors import ConfigurationError
from aggregator.settings import Settings

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TTL = "<ttl>{}</ttl>".format
PERIOD = "<sy:updatePeriod>{}</sy:updatePeriod><sy:updateFrequency>{}</sy:updateFrequency>".format
HOURS = "<skipHours><hour>{}</hour><hour>{}</hour></skipHours>".format
DAYS = "<skipDays><day>{}</day></skipDays>".format

# fields of the answer, what the channel says, the wait from Friday noon, and the reason
WISHES = [
    ({}, "", 15 * MINUTE, "every 15 min"),
    ({"Cache-Control": "max-age=7200"}, "", 2 * HOUR, "server says max-age 7200"),
    ({"Cache-Control": "max-age=7200", "Age": "1800"}, "", 90 * MINUTE, "max-age 7200 (age 1800)"),
    ({"Cache-Control": "max-age=60"}, "", 15 * MINUTE, "every 15 min"),
    ({"Cache-Control": "max-age=9999999"}, "", DAY, "cut to 1 day"),
    ({"Expires": "Fri, 20 Nov 2026 14:00:00 GMT"}, "", 2 * HOUR, "expires at Fri 2026-11-20 14:00 GMT"),
    ({"Expires": "0"}, "", 15 * MINUTE, "every 15 min"),
    (
        {"Cache-Control": "max-age=3600", "Expires": "Fri, 20 Nov 2026 22:00:00 GMT"},
        "",
        HOUR,
        "max-age 3600",
    ),
    ({"Retry-After": "86400"}, "", 15 * MINUTE, "every 15 min"),
    ({}, TTL(60), HOUR, "feed says ttl 60 min"),
    ({}, TTL(99999), DAY, "cut to 1 day"),
    ({}, PERIOD("hourly", 1), HOUR, "60 min"),
    ({}, PERIOD("daily", 4), 6 * HOUR, "360 min"),
    ({}, TTL(60) + PERIOD("daily", 8), 3 * HOUR, "180 min"),
    ({}, TTL(240) + PERIOD("daily", 8), 4 * HOUR, "240 min"),
    ({}, HOURS(12, 13), 2 * HOUR, "not to be polled before Fri 2026-11-20 14:00 GMT"),
    ({}, DAYS("Friday"), 12 * HOUR, "not to be polled before Sat 2026-11-21 00:00 GMT"),
    ({}, HOURS(0, 1) + DAYS("Friday"), 14 * HOUR, "not to be polled before Sat 2026-11-21 02:00 GMT"),
    ({"Cache-Control": "max-age=7200"}, TTL(180), 3 * HOUR, "feed says ttl 180 min"),
    ({"Cache-Control": "max-age=7200"}, HOURS(14, 15), 4 * HOUR, "before Fri 2026-11-20 16:00 GMT"),
]


@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_the_latest_wish_wins(service, publisher, said, fresh, wish):
    """From the server's fields and the feed's own words, with the reason; and it is kept to."""
    fields, channel, wait, reason = wish
    publisher.say(said(200, fields, fresh(channel=channel).body))
    service.poll()
    assert service.wait() == wait
    assert reason in service.overview().why
    service.live(wait - MINUTE, step=max(wait / 10, MINUTE))
    assert len(publisher.asked) == 1
    service.now = publisher.asked[0].at + wait
    service.run(service.tick)
    assert len(publisher.asked) == 2


RETRY = [
    (429, "7200", 2 * HOUR, "429: asked to wait until Fri 2026-11-20 14:00 GMT"),
    (429, "Fri, 20 Nov 2026 14:00:00 GMT", 2 * HOUR, "429: asked to wait until Fri 2026-11-20 14:00 GMT"),
    (503, "7200", 2 * HOUR, "503: asked to wait until Fri 2026-11-20 14:00 GMT"),
    (503, "Sat, 21 Nov 2026 12:00:00 GMT", DAY, "503: asked to wait until Sat 2026-11-21 12:00 GMT"),
    (429, "99999999", 7 * DAY, "429: asked to wait until Fri 2026-11-27 12:00 GMT"),
    (429, "5", 30 * MINUTE, "429: polled too often, next try in 30 min"),
    (500, "7200", 15 * MINUTE, "failed, next try in 15 min"),
]


@pytest.mark.parametrize(("status", "field", "wait", "reason"), RETRY)
def test_retry_after(service, publisher, said, status, field, wait, reason):
    """In seconds or as a date, on 429 and 503, up to a cap; a short one does not shorten the pause."""
    publisher.say(said(status, {"Retry-After": field}))
    service.poll()
    assert (service.wait(), service.overview().why) == (wait, reason)


def test_a_person_passes_the_floor_but_no_retry_after(service, publisher, said, fresh):
    """`once --all`, also after a restart and although a fresh answer would still be good for days."""
    publisher.say(fresh(Cache_Control="max-age=86400"), said(503, {"Retry-After": "3600"}), fresh())
    service.poll()

    async def allowed(pipeline):
        return [source.name for source in pipeline.allowed()]

    service.now += MINUTE
    assert service.run(allowed) == ["A"]
    service.poll()
    service.now += 59 * MINUTE
    assert service.run(allowed) == []
    service.now += MINUTE
    assert service.run(allowed) == ["A"]


@pytest.mark.parametrize("every", ["1s", "14m59s"])
def test_the_floor_holds_whatever_the_yaml_says(service, publisher, fresh, every):
    """A shorter `every` needs a host of one's own; a lower floor is refused."""
    publisher.say(fresh())
    service.configure({"name": "A", "url": publisher.url(), "every": every})
    service.poll()
    assert service.wait() == 15 * MINUTE
    with pytest.raises(ValueError, match="15m, which no setting changes"):
        service.configure({"name": "A", "url": publisher.url()}, floor=every)
    mine = {"name": "Mine", "url": publisher.url(), "every": "1s", "i_own_this_host": True}
    service.configure(mine)
    service.poll()
    assert service.wait("Mine") == timedelta(seconds=1)


def test_a_yaml_with_a_low_floor_does_not_start(tmp_path):
    """And says where, and what to do."""
    from aggregator.configuration import load

    file = tmp_path / "a.yaml"
    file.write_text("sources: [{name: A, url: https://a.example/}]\nfetch:\n  floor: 1m\n")
    with pytest.raises(ConfigurationError, match=r"a.yaml:3:10: fetch.floor: 1m is under 15m.*i_own_this"):
        load(file, {})
    assert Settings.model_validate({"sources": [{"name": "A", "url": "https://a.example/"}]}).fetch.floor
