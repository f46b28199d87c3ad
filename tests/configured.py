"""What a configuration file gives, and what is said of one that is wrong."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from aggregator.configuration import load
from aggregator.errors import ConfigurationError
from aggregator.settings import Settings

SOURCES = "sources: [{name: Coast, url: https://coast.example/feed}]\n"


def loaded(text: str | bytes, environ: Mapping[str, str] | None = None) -> Settings:
    """What a file a.yaml with this text gives."""
    Path("a.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(Path("a.yaml"), environ or {})


def complaints(text: str | bytes, environ: Mapping[str, str] | None = None) -> list[str]:
    """The lines of the error about a file a.yaml with this text."""
    with pytest.raises(ConfigurationError) as caught:
        loaded(text, environ)
    return str(caught.value).split("\n")
