"""Stories to publish."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest
from stories_to_tell import NAMESPACE, make_member, make_story

from aggregator.model import Member, Story
from aggregator.publish.item import Channel


# They are functions without state, so one of each serves the whole session (and every hypothesis example).
@pytest.fixture(scope="session")
def member() -> Callable[..., Member]:
    return make_member


@pytest.fixture(scope="session")
def story() -> Callable[..., Story]:
    return make_story


@pytest.fixture(scope="session")
def namespace() -> UUID:
    return NAMESPACE


@pytest.fixture(scope="session")
def channel() -> Channel:
    return Channel(
        title="Stories: sea & shore",
        id="urn:uuid:7d9f0f7e-2d0c-5f0c-8f3b-1b2a1c3d4e5f",
        author="Stories",
        home="https://stories.example/feeds",
        address="https://stories.example/feeds/sea",
    )


@pytest.fixture(scope="session")
def homeless(channel: Channel) -> Channel:
    """A channel that is a file and nothing more."""
    return replace(channel, home=None, address=None)
