"""Titles of texts about many events, or about none: briefings, press reviews, quizzes, letters, open threads.

Such a text shares words with every story that it mentions, and belongs to none. What names them is the same
for years, so it is a list, ``roundups.txt``, for the languages in which most feeds are written. A title that
names one event beside it ("In pictures: the storm over Hestoy") is not meant.
"""

from __future__ import annotations

import functools
import re
from importlib import resources


def is_roundup(title: str) -> bool:
    """Whether a title is of a text about many events, or about none."""
    return _listed().search(title) is not None


@functools.cache
def _listed() -> re.Pattern[str]:
    lines = resources.files("aggregator.dedup").joinpath("roundups.txt").read_text("utf-8").splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)
