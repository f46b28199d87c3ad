"""Do two reports tell the same event? A probability from a few signals, with every step open to the reader.

The probability is a logistic model (Cox 1958) over the signals of `signals`; its weights stand in
``weights.json`` beside this file and are made by ``benchmarks/fit_weights.py``. The cosines go in as square
roots, because between 0.1 and 0.3 lies most of what tells events apart. The longer the shorter report, the
more the cosines must show: two headlines that agree in half their weight are rarer than two pages.

Five things that labelled files do not teach, for want of dates, outlets and short reports, are set by hand;
the first and the last, and the intercept, by 284 pairs of a real stream that were read for it. Evidence ages:
of the pairs that were near enough to merge, half were one event within six hours, two in five up to the
second day, and none of thirteen later. One publisher seldom tells one event twice in other words: what its
reports share is more often a column, a programme or a running topic. Two reports whose texts name names, none
of which stands in the other, tell of other people in other places. Two that share two words and nothing else,
though both have a line of text, share a place or a person, no event. And neither need those be one that share
names and no deed.

A *veto* overrules the weights: what it sees cannot be one event, however much the words agree.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources
from typing import Final

import numpy as np
import numpy.typing as npt

from aggregator.dedup.fingerprint import HEAD, NUMBER, resemblance
from aggregator.dedup.signals import SIGNALS, Matrix, Weighed, compare

_COSINES: Final = 3  # the first signals go in as square roots
MEANING: Final = {
    "words": "root of the cosine of all weighted words",
    "lead": "root of the cosine of title and first lines",
    "title": "root of the cosine of the titles",
    "length": "log of the words of the shorter report: more text must show more",
    "thin": "1 if the texts share nothing but two words, 0 if they share enough beside them",
    "names": "1 if they share a name and beside it nothing that is distinctive",
    "days": "days between the two",
    "publisher": "1 if both are by one publisher",
    "strangers": "1 if both texts name names, and none stands in the other",
}
_DAY = -0.5  # log odds for each day between the two: half as likely after a day and a half
_ONE_PUBLISHER = -1.0  # log odds
_SECONDS = 86400.0  # in a day

Floats = npt.NDArray[np.float64]
Probabilities = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Model:
    """The logistic model: ``logit = intercept + sum(weights * terms)``.

    Attributes:
        intercept: log odds with nothing in common.
        weights: one for each of `SIGNALS`, shape (len(SIGNALS),).
    """

    intercept: float
    weights: npt.NDArray[np.float64]


@functools.cache
def shipped_model() -> Model:
    """The model that ships with the package."""
    read = json.loads(resources.files("aggregator.dedup").joinpath("weights.json").read_text("utf-8"))
    return Model(read["intercept"], np.array([read["weights"][name] for name in SIGNALS]))


@dataclass(frozen=True, slots=True)
class Telling:
    """A report as the verdict sees it.

    Attributes:
        id: of the report; 0 for one that is not stored.
        weighed: its features.
        published: when; only believed where `dated`.
        dated: whether the source gave the date.
        copy_group: id of the first report with this text.
        publisher: whose it is, case folded, where that is known for certain.
    """

    id: int
    weighed: Weighed
    published: datetime
    dated: bool
    copy_group: int = 0
    publisher: str | None = None


def terms(signals: Matrix) -> Floats:
    """The terms of the model from the signals, both of shape (n, len(SIGNALS))."""
    rooted = signals.astype(np.float64)
    rooted[:, :_COSINES] = np.sqrt(rooted[:, :_COSINES])
    return rooted


def circumstances(one: Telling, others: Sequence[Telling], gap: Floats) -> tuple[Floats, Floats]:
    """What speaks about a pair beside its words: days apart, and 1 for one publisher."""
    publisher = one.publisher
    alike = [float(publisher is not None and other.publisher == publisher) for other in others]
    return gap, np.array(alike)


def gaps(one: Telling, others: Sequence[Telling]) -> Floats:
    """Days between the publication of `one` and of each of the others; 0 where a date is not believed."""
    if not one.dated:
        return np.zeros(len(others))
    at, dated = _moments(others)
    days: Floats = np.abs(at - one.published.timestamp()) * dated / _SECONDS
    return days


def _moments(told: Sequence[Telling]) -> tuple[Floats, Floats]:
    """When each was published, in seconds, and 1 where that is believed; shape (n,) each."""
    at = np.array([telling.published.timestamp() for telling in told])
    return at, np.array([float(telling.dated) for telling in told])


def probability(signals: Matrix, beside: Floats | float = 0.0) -> Probabilities:
    """Probability of one event for each row of signals, shape (n,); `beside` is added to the log odds."""
    model = shipped_model()
    logit = model.intercept + terms(signals) @ model.weights + beside
    nothing = signals[:, SIGNALS.index("words")] <= 0
    return np.where(nothing, 0.0, 1.0 / (1.0 + np.exp(-np.clip(logit, -30, 30))))


def account(one: Telling, other: Telling) -> list[tuple[str, float, float, float, str]]:
    """How the probability of a pair comes about: name, value, weight, product and meaning of each term."""
    model = shipped_model()
    values = terms(compare(one.weighed, [other.weighed]))[0]
    rows = [("intercept", 1.0, model.intercept, model.intercept, "log odds with nothing in common")]
    for name, value, weight in zip(SIGNALS, values.tolist(), model.weights.tolist(), strict=True):
        rows.append((name, value, weight, value * weight, MEANING[name]))
    days, publisher = (values.item() for values in circumstances(one, [other], gaps(one, [other])))
    for name, value, weight in (("days", days, _DAY), ("publisher", publisher, _ONE_PUBLISHER)):
        rows.append((name, value, weight, value * weight, MEANING[name]))
    return rows


def apart(one: Telling, others: Sequence[Telling], window: timedelta) -> npt.NDArray[np.bool_]:
    """Which of the others were published too far from `one` to be compared; only believed dates count."""
    return gaps(one, others) > _days(window)


def apart_each(told: Sequence[Telling], window: timedelta) -> npt.NDArray[np.bool_]:
    """The same for every pair of these reports, shape (n, n)."""
    at, dated = _moments(told)
    days = np.abs(at[:, None] - at) * dated[:, None] * dated / _SECONDS
    found: npt.NDArray[np.bool_] = days > _days(window)
    return found


def _days(window: timedelta) -> float:
    return window / timedelta(days=1)


def veto(one: Telling, other: Telling, window: timedelta) -> str | None:
    """Why these two cannot be one event whatever their words say, or None."""
    if apart(one, [other], window).item():
        gap = abs(one.published - other.published)
        return f"published {gap.days} days apart, more than the window of {window.days}"
    return _another(one.weighed, other.weighed)


def _another(one: Weighed, other: Weighed) -> str | None:
    """What the titles say that makes them two events, or nothing to tell one by; or None."""
    if max(one.sketch.length, other.sketch.length) < _FEWEST:
        return "neither says more than two words: that tells no event"
    if one.rubric and one.rubric == other.rubric and one.under.isdisjoint(other.under):
        return "a short title is all they share: it is the name of a column"
    if _another_day(one, other):
        return "the titles name two different days"
    if _another_instance(one, other):
        return "the titles are alike, but name another day, magnitude or number of a series"
    return None


_FEWEST = 3  # features; two reports that say "Live updates" tell no event
_ALIKE = 0.6  # share of all words of two titles that both have, for them to be of one series


def _another_day(one: Weighed, other: Weighed) -> bool:
    """Whether two titles name different days: bulletins and programmes, however they are worded."""
    return not (one.days <= other.days or other.days <= one.days)


def _another_instance(one: Weighed, other: Weighed) -> bool:
    """Whether two titles differ in little but what says which one of a series they are."""
    if one.marks <= other.marks or other.marks <= one.marks:
        return False
    words_one, words_other = (
        set(sketch.hashes[((sketch.flags & HEAD) > 0) & ((sketch.flags & NUMBER) == 0)].tolist()) - marks
        for sketch, marks in ((one.sketch, one.marks), (other.sketch, other.marks))
    )
    return len(words_one & words_other) >= _ALIKE * max(len(words_one | words_other), 1)


def judge(one: Telling, others: Sequence[Telling], window: timedelta) -> Probabilities:
    """Probability that `one` tells the same event as each of `others`, shape (len(others),)."""
    gap = gaps(one, others)
    days, publisher = circumstances(one, others, gap)
    beside = _DAY * days + _ONE_PUBLISHER * publisher
    found = probability(compare(one.weighed, [other.weighed for other in others]), beside)
    found[gap > _days(window)] = 0.0
    if one.weighed.marks or one.weighed.rubric or one.weighed.sketch.length < _FEWEST:
        found[[_another(one.weighed, other.weighed) is not None for other in others]] = 0.0
    return found


_SHORTEST_COPY = 8  # features; two headlines of five words are no proof of one text


def is_copy(one: Telling, other: Telling, bar: float) -> float:
    """Resemblance of the two texts if they are copies of one, else 0."""
    if min(one.weighed.sketch.length, other.weighed.sketch.length) < _SHORTEST_COPY:
        return 0.0
    found = resemblance(one.weighed.sketch, other.weighed.sketch)
    return found if found >= bar else 0.0
