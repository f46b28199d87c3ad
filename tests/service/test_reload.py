"""What a new configuration changes in a service that runs."""

from pathlib import Path
from typing import Any

import pytest

from aggregator.service.reload import change
from aggregator.settings import Settings

A = {"name": "A", "url": "https://a.example/feed"}
B = {"name": "B", "url": "https://b.example/feed"}
C = {"name": "C", "folder": "drop"}


def made(*sources: dict[str, Any], **more: Any) -> Settings:
    return Settings.model_validate({"sources": list(sources)} | more)


def test_sources_come_change_and_go():
    """Each is counted, and the names of those that are gone are known."""
    changed = change(made(A, B), made(A | {"every": "1h"}, C))
    assert changed.settings.sources == made(A | {"every": "1h"}, C).sources
    assert changed.gone == {"B"}
    assert changed.summary == "2 sources: 1 new, 1 changed, 1 gone"


def test_nothing_new_is_nothing_changed():
    """The same file again."""
    changed = change(made(A), made(A))
    assert (changed.held, changed.tools, changed.gone) == ((), False, frozenset())
    assert changed.settings == made(A)


@pytest.mark.parametrize(
    ("name", "value"),
    [("database", "sqlite:///other.db"), ("serve", {"port": 1}), ("serve", {"enabled": False})],
)
def test_what_needs_a_restart_is_held(name, value):
    """And said; everything else of the new configuration holds."""
    old = made(A)
    changed = change(old, made(B, log={"level": "debug"}, **{name: value}))
    assert changed.held == (name,)
    assert getattr(changed.settings, name) == getattr(old, name)
    assert changed.settings.sources == made(B).sources
    assert changed.settings.log.level == "debug"


@pytest.mark.parametrize(
    ("given", "tools"),
    [
        ({"fetch": {"timeout": "5s"}}, True),
        ({"parse": {"max_entries": 5}}, True),
        ({"publish": {"directory": str(Path("elsewhere"))}}, False),
        ({"dedup": {"story_bar": 0.8}}, False),
    ],
)
def test_only_what_has_changed_is_made_anew(given, tools):
    """Connections and parser processes outlive a change that does not concern them."""
    assert change(made(A), made(A, **given)).tools is tools
