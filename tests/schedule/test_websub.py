"""What a feed says of its hub, and whom to believe."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import settings as bounds
from hypothesis import strategies as st

from aggregator.model import Answer, Parsed
from aggregator.schedule.websub import after_request, authentic, challenge, denied, lease, offer

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
FEED = "https://a.example/feed"
HUB = "https://hub.example/"


@pytest.mark.parametrize(
    ("link", "hub", "topic", "found"),
    [
        (f'<{HUB}>; rel="hub", <{FEED}>; rel="self"', None, None, (HUB, FEED)),
        (f"<{HUB}>;rel=hub,<{FEED}>;rel=self", None, None, (HUB, FEED)),
        (f'<{HUB}>; title="x"; REL="next hub", <{FEED}>; rel="SELF"', None, None, (HUB, FEED)),
        (
            '</hub>; rel="hub", </me>; rel="self"',
            None,
            None,
            ("https://a.example/hub", "https://a.example/me"),
        ),
        ("", HUB, FEED, (HUB, FEED)),
        (f'<{HUB}>; rel="hub"', "https://other.example/", FEED, (HUB, FEED)),
        ('<javascript:alert(1)>; rel="hub"', HUB, FEED, (HUB, FEED)),
        (f'<{HUB}>; rel="hub"', None, None, None),
        (f'<{FEED}>; rel="self"', None, None, None),
        ("", HUB, None, None),
        ("", "file:///etc/passwd", FEED, None),
        ("<" * 8000, None, None, None),
        (f"<{HUB}>" + "; rel=" * 1000, None, None, None),
    ],
)
def test_a_hub_is_offered_with_the_feeds_own_address(link, hub, topic, found):
    """Both are needed; the fields of the answer come before what the feed says."""
    answer = Answer(200, FEED, headers={"link": link})
    made = offer(answer, Parsed(entries=(), hub=hub, topic=topic))
    assert (made and (made.hub, made.topic)) == found


def signed(body: bytes, secret: str = "secret", method: str = "sha256") -> str:
    return f"{method}={hmac.new(secret.encode(), body, getattr(hashlib, method)).hexdigest()}"


@pytest.mark.parametrize("method", ["sha256", "sha384", "sha512"])
def test_what_is_signed_with_the_secret_is_believed(method):
    """By any method that is strong enough, in any case."""
    assert authentic(b"body", signed(b"body", method=method), "secret")
    assert authentic(b"body", signed(b"body", method=method).upper(), "secret")


@pytest.mark.parametrize(
    "signature",
    [
        *(None, "", "=", "sha256", "sha256=", "md5=0", signed(b"body", "other"), signed(b"other")),
        *(signed(b"body", method="sha1"), signed(b"body")[:-1], signed(b"body") + "0", "sha256=é"),
        signed(b"body").replace("sha256", "sha512"),
    ],
)
def test_nothing_else_is(signature):
    """No signature, another secret or body, a weak method, a part of it."""
    assert not authentic(b"body", signature, "secret")


@bounds(max_examples=50, deadline=None)
@given(st.binary(max_size=50), st.text(max_size=80))
def test_no_signature_is_right_by_chance(body, signature):
    """And none makes the check fail in another way."""
    assert not authentic(body, signature, "secret")


ASKED = {"hub.mode": "subscribe", "hub.topic": FEED, "hub.challenge": "c-1"}


@pytest.mark.parametrize(
    ("change", "asked", "answer"),
    [
        ({}, NOON, "c-1"),
        ({}, NOON - timedelta(hours=23), "c-1"),
        ({}, NOON - timedelta(hours=25), None),
        ({}, None, None),
        ({"hub.mode": "unsubscribe"}, NOON, None),
        ({"hub.topic": f"{FEED}2"}, NOON, None),
        ({"hub.challenge": ""}, NOON, None),
        ({"hub.challenge": "x" * 3000}, NOON, None),
    ],
)
def test_only_what_we_asked_for_is_confirmed(change, asked, answer):
    """That topic, that mode, lately."""
    assert challenge(ASKED | change, FEED, asked, NOON) == answer


def test_a_refusal_is_understood():
    """With the hub's reason, for this topic."""
    said = {"hub.mode": "denied", "hub.topic": FEED, "hub.reason": "not here"}
    assert denied(said, FEED) == "the hub has refused: not here"
    assert denied(said | {"hub.reason": "a\0b\u202e"}, FEED) == r"the hub has refused: a\x00b\u202e"
    assert denied(said, "https://b.example/") is None
    assert denied(ASKED, FEED) is None


@pytest.mark.parametrize(
    ("said", "length"),
    [
        ("864000", timedelta(days=10)),
        ("1", timedelta(hours=1)),
        ("999999999", timedelta(days=30)),
        ("", timedelta(days=1)),
        ("-5", timedelta(days=1)),
        ("9" * 4000, timedelta(days=1)),
    ],
)
def test_a_lease_is_renewed_before_it_ends(said, length):
    """Whatever the hub says, it lasts from an hour to thirty days."""
    until, renew = lease({"hub.lease_seconds": said}, NOON)
    assert until == NOON + length
    assert NOON < renew < until


def test_a_silent_hub_is_asked_ever_more_rarely():
    """After an hour first, at last once a day."""
    assert [after_request(tries, NOON) - NOON for tries in (0, 1, 2, 50)] == [
        *(timedelta(hours=hours) for hours in (1, 2, 4)),
        timedelta(days=1),
    ]
