"""A sketch keeps what is compared, and index keys bring alike reports together."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.dedup import fingerprint, signals
from aggregator.dedup.frequency import StreamCounts

TEXTS = st.text(max_size=400) | st.lists(
    st.sampled_from(
        ["fire", "ferry", "Lundvall", "243", "5.9", "harbour", "the", "of", "起火", "渡轮", "пожар"]
    ),
    max_size=60,
).map(" ".join)


def word(number: int) -> str:
    """A word of its own for every number, in letters that no stemmer touches."""
    return "q" + "".join("bcdfghjkmn"[int(digit)] + "o" for digit in str(number)) + "x"


@settings(max_examples=100, deadline=None)
@given(TEXTS, TEXTS, st.sampled_from(["en", "ru", "zh", "und", "xx"]))
def test_any_report_has_a_sketch_that_survives_packing(title: str, body: str, language: str) -> None:
    """Nothing raises; what is packed and unpacked compares as before, but for the rates' last digits."""
    sketch = fingerprint.sketch(title, body, language)
    again = fingerprint.Sketch.unpack(sketch.pack())
    for name in ("hashes", "counts", "flags", "signature"):
        assert np.array_equal(getattr(sketch, name), getattr(again, name))
    assert (again.language, again.length) == (sketch.language, sketch.length)
    assert np.allclose(sketch.rates, again.rates, rtol=0.4, atol=1e-3) or sketch.rates.max() > 65_000
    assert fingerprint.Sketch.unpack(again.pack()).pack() == again.pack()


@settings(max_examples=100, deadline=None)
@given(TEXTS, TEXTS, TEXTS)
def test_signals_are_symmetric_and_one_on_oneself(one: str, other: str, third: str) -> None:
    """The order of two reports makes no difference; a report is all of itself."""
    counts = StreamCounts()
    sketches = [fingerprint.sketch(text[:30], text, "en") for text in (one, other, third)]
    for sketch in sketches:
        counts.add(sketch.language, sketch.hashes)
    weighed = [signals.weigh(sketch, counts) for sketch in sketches]
    forth, back = (signals.compare(weighed[i], [weighed[1 - i]])[0] for i in (0, 1))
    assert np.allclose(forth, back, atol=1e-5)
    itself = signals.compare(weighed[0], [weighed[0]])[0]
    if weighed[0].vectors[:, 0].any():
        assert np.isclose(itself[0], 1.0, atol=1e-4)
    together = signals.compare(weighed[0], weighed)
    assert np.allclose(together[1], forth, atol=1e-5)


@pytest.mark.parametrize(("among", "distinctive"), [(50, True), (70, False)])
def test_what_stands_in_three_of_a_hundred_reports_is_ordinary(among: int, distinctive: bool) -> None:
    """Of the stream and the archive before it together, which are 2,000 here."""
    counts, profiles = StreamCounts(), fingerprint.sketch(word(1), "", "en")
    for number in range(1000):
        counts.add("en", profiles.hashes if number < among else profiles.hashes + 1)
    assert bool(signals.weigh(profiles, counts).distinctive[0] > 0) is distinctive


def test_a_date_that_is_a_number_elsewhere_weighs_the_same_both_ways() -> None:
    """All that happened on a day shares it, whichever of the two reports comes first."""
    profiles = [
        ("Vesna Tomac quits on 5 April 2026", "Vesna Tomac left the council when the viaduct fell."),
        ("Vesna Tomac swims in Orlec", "In April Vesna Tomac swam 5 lengths, and 2026 children sang to it."),
    ]
    counts, sketches = StreamCounts(), [fingerprint.sketch(*words, "en") for words in profiles]
    for sketch in sketches:  # they are short: among such reports a day is distinctive
        counts.add(sketch.language, sketch.hashes)
    one, other = signals.weigh_all(sketches, counts)
    forth, back = signals.compare(one, [other])[0], signals.compare(other, [one])[0]
    assert np.allclose(forth, back, atol=1e-5)


def test_keys_find_what_brute_force_finds() -> None:
    """Of the pairs that weigh enough to be one event, at least 98 in 100 share an index key."""
    rng = random.Random(3)
    common = [
        "the",
        "of",
        "and",
        "to",
        "in",
        "is",
        "that",
        "for",
        "it",
        "was",
        "on",
        "with",
        "as",
        "at",
        "by",
        "from",
        "said",
        "have",
        "has",
        "not",
        "they",
        "were",
    ]
    sketches = []
    for event in range(60):
        words = [word(100 * event + i) for i in range(25)]
        for _ in range(4):
            body = rng.sample(words, 12) + rng.choices(common, k=60)
            rng.shuffle(body)
            sketches.append(fingerprint.sketch("", " ".join(body), "en"))
    counts = StreamCounts()
    for sketch in sketches:
        counts.add(sketch.language, sketch.hashes)
    weighed = [signals.weigh(sketch, counts) for sketch in sketches]
    keys = [set(fingerprint.band_keys(sketch, counts)) for sketch in sketches]
    met = [
        bool(keys[i] & keys[j])
        for i in range(len(sketches))
        for j, row in enumerate(signals.compare(weighed[i], weighed[:i]))
        if row[0] > 0.2
    ]
    assert len(met) > 200
    assert sum(met) >= 0.98 * len(met)


def test_common_words_make_no_candidates() -> None:
    """Reports that share only what every report has do not meet."""
    sketches = [
        fingerprint.sketch(
            "", " ".join(["the minister said on Monday that", *map(word, range(4 * i, 4 * i + 4))]), "en"
        )
        for i in range(200)
    ]
    counts = StreamCounts()
    for sketch in sketches:
        counts.add(sketch.language, sketch.hashes)
    keys = [set(fingerprint.band_keys(sketch, counts)) for sketch in sketches]
    assert not any(keys[0] & other for other in keys[1:])


def test_keys_are_signed_integers_of_64_bits_and_differ() -> None:
    """A database can hold every key, and no key comes twice."""
    sketch = fingerprint.sketch("Night fire on the Maren Skou", "Lundvall of the coastguard spoke.", "en")
    keys = fingerprint.band_keys(sketch, StreamCounts())
    assert keys
    assert len(keys) == len(set(keys))
    assert all(-(2**63) <= key < 2**63 for key in keys)


def test_a_reprint_resembles_and_another_report_does_not() -> None:
    """The signature tells a reprint with a new line from a report in other words."""
    text = " ".join(word(i % 70) + " " + word(i + 100) for i in range(120))
    original, reprint, other = (
        fingerprint.sketch("", body, "en")
        for body in (text, text + " Reporting by somebody", " ".join(reversed(text.split())))
    )
    assert fingerprint.resemblance(original, reprint) > 0.9
    assert fingerprint.resemblance(original, other) < 0.1
    assert fingerprint.resemblance(original, fingerprint.sketch("", "", "en")) == 0.0
