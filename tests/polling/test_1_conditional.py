"""Point 1: on a condition after the first time; validators come back as they came, and none is invented."""

import pytest

VALIDATORS = [
    {"ETag": '"1"', "Last-Modified": "Fri, 20 Nov 2026 10:00:00 GMT"},
    {"ETag": 'W/"weak, with a comma"'},
    {"ETag": "unquoted"},
    {"ETag": '""'},
    {"Last-Modified": "yesterday, more or less"},
    {"Last-Modified": "Fri, 20 Nov 2026 23:00:00 +0200"},
]
CONDITIONS = {"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}


def conditions(asked):
    """The validators that a request sends."""
    return {
        name: asked.fields[field] for name, field in CONDITIONS.items() if asked.fields[field] is not None
    }


@pytest.mark.parametrize("fields", VALIDATORS, ids=str)
def test_validators_come_back_byte_for_byte(service, publisher, fresh, said, fields):
    """The first poll has none; each later one has exactly those that came, also after a restart."""
    publisher.say(fresh(**fields), said(304))
    service.poll(2)
    service.poll()
    assert [conditions(asked) for asked in publisher.asked] == [{}, fields, fields]


def test_nothing_is_invented(service, publisher, fresh):
    """Without validators there is no condition: a Date is not Last-Modified, nor is our own clock."""
    publisher.say(fresh(Date="Fri, 20 Nov 2026 10:00:00 GMT", Expires="Fri, 20 Nov 2026 10:00:00 GMT"))
    service.poll(3)
    assert [conditions(asked) for asked in publisher.asked] == [{}] * 3


def test_saved_after_every_200_and_with_a_304(service, publisher, fresh, said):
    """The newest ones count, and a 200 without any leaves none."""
    publisher.say(
        fresh(1, ETag='"1"', Last_Modified="long ago"),
        fresh(2, ETag='"2"'),
        said(304, {"ETag": '"3"'}),
        said(304),
        fresh(4),
        fresh(5),
    )
    service.poll(6)
    sent = [conditions(asked) for asked in publisher.asked]
    assert sent[1] == {"ETag": '"1"', "Last-Modified": "long ago"}
    assert sent[2:] == [{"ETag": '"2"'}, {"ETag": '"3"'}, {"ETag": '"3"'}, {}]


def test_dropped_when_the_address_changes(service, publisher, fresh):
    """What an address said is not told to another one."""
    publisher.say(fresh(ETag='"1"'))
    publisher.say(fresh(ETag='"1"'), path="/new")
    service.poll()
    service.configure({"name": "A", "url": publisher.url("/new")})
    service.poll(2)
    assert [conditions(asked) for asked in publisher.asked] == [{}, {}, {"ETag": '"1"'}]


def test_none_of_a_damaged_body(service, publisher, fresh, said):
    """A body that was cut off comes again in full."""
    whole = fresh(ETag='"1"')
    cut = whole.body.replace(b"</channel>", b"<item><title>The second bell</ti")
    publisher.say(said(200, whole.fields, cut), whole)
    assert service.poll().warning
    service.poll(2)
    assert [conditions(asked) for asked in publisher.asked] == [{}, {}, {"ETag": '"1"'}]
