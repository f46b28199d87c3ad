"""Do two reports tell the same event? A probability from a few signals, with every step open to the reader.

The probability is a logistic model (Cox 1958) over the signals of `signals`; its weights stand in
``weights.json`` beside this file and are made by ``benchmarks/fit_weights.py``. The cosines go in as square
roots, because between 0.1 and 0.3 lies most of what tells events apart.

Time counts in hours: ``soon`` falls from 1 to 1/e in six of them, for two pieces of one morning are more
often of one event than two of one week. Between two reports of one publisher what it says all the time counts
little (`voice`): that does what a flat doubt about one publisher did, and does not part two pieces on one
event. Four weights are set by hand. What an identifier is worth: no labelled file holds enough of them. That
strangers are no event, nor two that share two words and nothing else, nor two that share names and no deed:
the windows are of days on which the stream was known, and these keep apart what meets in an empty database,
where every name is rare.

A *veto* overrules the weights: what it sees cannot be one event, however much the words agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from aggregator.dedup.fingerprint import HEAD, NUMBER, SERIAL, THING, Sketch, resemblance
from aggregator.dedup.identifiers import GLOBAL, KINDS
from aggregator.dedup.signals import SIGNALS, Matrix, WeightedSketch, compare
from aggregator.dedup.voice import Voice
from aggregator.dedup.weights import Model, shipped

_COSINES: Final = 3  # the first signals go in as square roots
MEANING: Final = {
    "words": "root of the cosine of all weighted words",
    "lead": "root of the cosine of title and first lines",
    "title": "root of the cosine of the titles",
    "length": "log of the words of the shorter report: how much there was to compare",
    "thin": "1 if the texts share nothing but two words, 0 if they share enough beside them",
    "names": "1 if they share a name and beside it nothing that is distinctive",
    "strangers": "1 if both texts name names, and none stands in the other",
    "several": "log of the number of distinctive words in both",
    "identifier": "share of the identifiers of one that stand in the other",
    "days": "log of the days between the two",
    "soon": "near 1 if they were published within hours, 0 after a day",
    "publisher": "1 if both are by one publisher",
}
CIRCUMSTANCES: Final = ("days", "soon", "publisher")
TERMS: Final = (*SIGNALS, *CIRCUMSTANCES)
_SOON = 6.0  # hours after which `soon` has fallen to 1/e
_SECONDS = 86400.0  # in a day

Floats = npt.NDArray[np.float64]
Probabilities = npt.NDArray[np.float64]


def shipped_model() -> Model:
    """The model that ships with the package."""
    return shipped(TERMS)


@dataclass(frozen=True, slots=True)
class Profile:
    """A report as the verdict sees it.

    Attributes:
        id: of the report; 0 for one that is not stored.
        weighed: its features.
        published: when; only believed where `dated`.
        dated: whether the source gave the date.
        copy_group: id of the first report with this text.
        publisher: whose it is, case folded, where that is known for certain.
        voice: what that publisher says all the time; None where it is not known.
    """

    id: int
    weighed: WeightedSketch
    published: datetime
    dated: bool
    copy_group: int = 0
    publisher: str | None = None
    voice: Voice | None = None


def terms(signals: Matrix) -> Floats:
    """The terms of the model from the signals, both of shape (n, len(SIGNALS))."""
    rooted = signals.astype(np.float64)
    rooted[:, :_COSINES] = np.sqrt(rooted[:, :_COSINES])
    return rooted


def circumstances(one: Profile, others: Sequence[Profile], gap: Floats) -> Floats:
    """What speaks about a pair beside its words, shape (n, len(CIRCUMSTANCES)).

    Args:
        one: a report.
        others: those that it is compared with.
        gap: days between it and each of them.

    """
    publisher = one.publisher
    alike = [float(publisher is not None and other.publisher == publisher) for other in others]
    return np.column_stack([np.log1p(gap), np.exp(-gap * (24.0 / _SOON)), alike])


def gaps(one: Profile, others: Sequence[Profile]) -> Floats:
    """Days between the publication of `one` and of each of the others; 0 where a date is not believed."""
    if not one.dated:
        return np.zeros(len(others))
    at, dated = _moments(others)
    days: Floats = np.abs(at - one.published.timestamp()) * dated / _SECONDS
    return days


def _moments(profiles: Sequence[Profile]) -> tuple[Floats, Floats]:
    """When each was published, in seconds, and 1 where that is believed; shape (n,) each."""
    at = np.array([profile.published.timestamp() for profile in profiles])
    return at, np.array([float(profile.dated) for profile in profiles])


def probability(signals: Matrix, beside: Floats, model: Model) -> Probabilities:
    """Probability of one event for each pair, shape (n,), from its signals and its circumstances."""
    logit = model.intercept + np.column_stack([terms(signals), beside]) @ model.weights
    unlike = (signals[:, SIGNALS.index("words")] <= 0) & (signals[:, SIGNALS.index("identifier")] <= 0)
    return np.where(unlike, 0.0, 1.0 / (1.0 + np.exp(-np.clip(logit, -30, 30))))


def evidence(one: Profile, others: Sequence[Profile]) -> Matrix:
    """The signals of `one` with each of the others, in the voice of its publisher where they share that."""
    weighed = [other.weighed for other in others]
    if one.voice is None:
        return compare(one.weighed, weighed)
    alike = np.array([other.voice is one.voice for other in others], dtype=np.float32)
    return compare(one.weighed, weighed, one.voice.share(one.weighed.sketch.hashes), alike)


def pair_terms(one: Profile, other: Profile) -> Floats:
    """The terms of the model for one pair, shape (len(TERMS),)."""
    found: Floats = np.concatenate(
        [terms(evidence(one, [other]))[0], circumstances(one, [other], gaps(one, [other]))[0]]
    )
    return found


def account(
    one: Profile, other: Profile, model: Model | None = None
) -> list[tuple[str, float, float, float, str]]:
    """How the probability of a pair comes about: name, value, weight, product and meaning of each term."""
    model = model or shipped_model()
    values = pair_terms(one, other)
    rows = [("intercept", 1.0, model.intercept, model.intercept, "log odds with nothing in common")]
    for name, value, weight in zip(TERMS, values, model.weights.tolist(), strict=True):
        rows.append((name, float(value), weight, float(value) * weight, MEANING[name]))
    return rows


def apart(one: Profile, others: Sequence[Profile], window: timedelta) -> npt.NDArray[np.bool_]:
    """Which of the others were published too far from `one` to be compared; only believed dates count."""
    return gaps(one, others) > _days(window)


def apart_each(profiles: Sequence[Profile], window: timedelta) -> npt.NDArray[np.bool_]:
    """The same for every pair of these reports, shape (n, n)."""
    at, dated = _moments(profiles)
    days = np.abs(at[:, None] - at) * dated[:, None] * dated / _SECONDS
    found: npt.NDArray[np.bool_] = days > _days(window)
    return found


def _days(window: timedelta) -> float:
    return window / timedelta(days=1)


def veto(one: Profile, other: Profile, window: timedelta) -> str | None:
    """Why these two cannot be one event whatever their words say, or None."""
    if apart(one, [other], window).item():
        gap = abs(one.published - other.published)
        return f"published {gap.days} days apart, more than the window of {window.days}"
    return _another(one, other)


def _another(report: Profile, peer: Profile) -> str | None:
    """What the titles say that makes them two events, or nothing to tell one by; or None."""
    one, other = report.weighed, peer.weighed
    if max(one.sketch.length, other.sketch.length) < _FEWEST:
        return "neither says more than two words: that tells no event"
    if (one.roundup or other.roundup) and not np.array_equal(one.sketch.hashes, other.sketch.hashes):
        return "a round-up, a quiz or letters: it tells of many events, or of none"
    if one.rubric and one.rubric == other.rubric and one.under.isdisjoint(other.under):
        return "a short title is all they share: it is the name of a column"
    if _another_day(one, other):
        return "the titles name two different days"
    if _another_instance(one, other):
        return "the titles are alike, but name another day, magnitude or number of a series"
    return _other_things(one, other, report.voice is not None and report.voice is peer.voice)


def _other_things(one: WeightedSketch, other: WeightedSketch, one_voice: bool) -> str | None:
    """Why two reports with identifiers in their titles are of two things, or None.

    One that both have overrules the others. Of one publisher, alike titles with different identifiers of any
    kind are two items of a series, and different global ones are two things however they are worded.
    """
    if not one.things.isdisjoint(other.things):
        return None
    parted = [kind for kind, keys in one.titled.items() if keys.isdisjoint(other.titled.get(kind, keys))]
    if not parted:
        return None
    known = [KINDS[kind - 1] for kind in parted]
    worldwide = [kind for kind in known if kind in GLOBAL]
    if worldwide and (one_voice or _alike(one, other)):
        return f"the titles name different ones: {worldwide[0]}"
    if one_voice and _alike(one, other):
        return f"one publisher, alike titles, another {known[0]}"
    return None


def _title_words(sketch: Sketch) -> set[int]:
    words = ((sketch.flags & HEAD) > 0) & ((sketch.flags & _NO_WORD) == 0)
    return set(sketch.hashes[words].tolist())


def _alike(one: WeightedSketch, other: WeightedSketch) -> bool:
    """Whether half of all words of two titles, numbers aside, stand in both."""
    words_one, words_other = (_title_words(each.sketch) for each in (one, other))
    return len(words_one & words_other) >= _SERIES * max(len(words_one | words_other), 1)


_FEWEST = 3  # features; two reports that say "Live updates" tell no event
_SERIES = 0.5  # the same, where identifiers say that it is one
_NO_WORD = NUMBER | THING | SERIAL
_ALIKE = 0.6  # share of all words of two titles that both have, for them to be of one series


def _another_day(one: WeightedSketch, other: WeightedSketch) -> bool:
    """Whether two titles name different days: bulletins and programmes, however they are worded."""
    return not (one.days <= other.days or other.days <= one.days)


def _another_instance(one: WeightedSketch, other: WeightedSketch) -> bool:
    """Whether two titles differ in little but what says which one of a series they are."""
    if one.marks <= other.marks or other.marks <= one.marks:
        return False
    words_one, words_other = (_title_words(each.sketch) - each.marks for each in (one, other))
    return len(words_one & words_other) >= _ALIKE * max(len(words_one | words_other), 1)


def judge(
    one: Profile, others: Sequence[Profile], window: timedelta, model: Model | None = None
) -> Probabilities:
    """Probability that `one` tells the same event as each of `others`, shape (len(others),).

    Args:
        one: a report.
        others: those that it is compared with.
        window: reports further apart are not of one event.
        model: the weights; those that ship where none are given.
    """
    if not others:
        return np.zeros(0)
    gap = gaps(one, others)
    found = probability(evidence(one, others), circumstances(one, others, gap), model or shipped_model())
    found[gap > _days(window)] = 0.0
    mine = one.weighed
    if mine.marks or mine.rubric or mine.titled or mine.sketch.length < _FEWEST:
        found[[_another(one, other) is not None for other in others]] = 0.0
    else:
        found[[other.weighed.roundup for other in others]] = 0.0
    return found


_SHORTEST_COPY = 8  # features; two headlines of five words are no proof of one text


def is_copy(one: Profile, other: Profile, bar: float) -> float:
    """Resemblance of the two texts if they are copies of one, else 0."""
    if min(one.weighed.sketch.length, other.weighed.sketch.length) < _SHORTEST_COPY:
        return 0.0
    found = resemblance(one.weighed.sketch, other.weighed.sketch)
    return found if found >= bar else 0.0
