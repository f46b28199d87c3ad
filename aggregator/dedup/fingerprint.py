"""What is kept of a report to compare it with others: its sketch, its MinHash signature and its band keys.

The *sketch* holds the report's features as hashes with their counts, so that any two reports can be weighed
against each other without their texts. The *signature* is a MinHash (Broder 1997) of its word 3-shingles: it
tells copies. The *band keys* bring reports together that are worth weighing (locality-sensitive hashing,
Indyk and Motwani 1998), and there are two kinds. A rare feature is a key by itself: of the same-story pairs
of four corpora 84-99 % meet so, while 64 bands of MinHash over the same features bring together 68-80 %. A
feature that the stream has made too common to be a key alone ("Kremlin", in a week about it) still counts in
twos: bands of two MinHashes over the report's distinctive features.

Every sketch carries the recipe that made it, so that another recipe means a new fingerprint, not a mystery.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from aggregator.dedup import text as cutting
from aggregator.dedup.frequency import Floats, Hashes, StreamCounts
from aggregator.dedup.identifiers import GLOBAL, KINDS, ROUNDUP, Identifier, identifiers
from aggregator.dedup.lexicon import Tokens, cut
from aggregator.dedup.minhash import PERMUTATIONS, SCHEME, SEED, Signature, agreement, minhash
from aggregator.dedup.roundups import is_roundup

RECIPE: Final = f"text{cutting.RECIPE}/{SCHEME}/{PERMUTATIONS}/{SEED}/keys3/rates/dates/things/roundups"

HEAD, LEAD, NAME, NUMBER, INSTANCE, DATE, THING, SERIAL = 1, 2, 4, 8, 16, 32, 64, 128  # flags of a feature
_HEAD_FEATURES = 20  # of the text, where there is no title
_LEAD_FEATURES = 60  # of the text, after the title: what a feed's summary would show
_MOST_FEATURES = 600  # a report; the rest of a very long text says nothing new
_DISTINCTIVE = 16  # features of a report that may be band keys
_MOST_OFTEN = 65_000.0  # a rate that half precision can still hold
_SHINGLE = 3  # features in a row
_RARE = 0.02  # and of these, what stands in at most this share of documents
_FEWEST = 3  # keys of a report, however common its words
_FULLEST = 100  # and in at most about so many of the reports that are counted: it bounds the candidates
_BANDS = 16  # of two MinHashes each, over the distinctive features

_FACTORS = np.array([0x9E3779B1, 0x85EBCA6B, 0xC2B2AE35], dtype=np.uint32)  # one a place in a shingle

_KIND_BITS = 27  # of the hash of an identifier, above which its kind stands
_NAMES_ONE_THING, _NAMES_NOTHING = 0.01, 60_000.0  # rates: as a word in no list has, and as no key ever has

_RECORD = np.dtype([("hash", "<u4"), ("count", "u1"), ("flags", "u1"), ("rate", "<f2")])


@dataclass(frozen=True, slots=True)
class Sketch:
    """A report's features and signature.

    Attributes:
        language: ISO 639-1; features of different languages have different hashes.
        hashes: shape (n,), sorted, unique.
        counts: shape (n,), occurrences, at most 255.
        flags: shape (n,), an or of HEAD (title), LEAD, NAME, NUMBER, INSTANCE, DATE (see `text`), THING and
            SERIAL (global and serial kinds of `identifiers`; the kind is in the hash, see `kind_of`).
        rates: shape (n,), occurrences of the feature in a million words of the language.
        signature: shape (PERMUTATIONS,), MinHash of the shingles.
        length: features in all, repetitions included.
    """

    language: str
    hashes: Hashes
    counts: npt.NDArray[np.uint8]
    flags: npt.NDArray[np.uint8]
    rates: Floats
    signature: Signature
    length: int

    def pack(self) -> bytes:
        """Bytes for the database: about 8 a feature and 512 for the signature."""
        record = np.empty(len(self.hashes), dtype=_RECORD)
        record["hash"], record["count"] = self.hashes, self.counts
        record["flags"], record["rate"] = self.flags, np.minimum(self.rates, _MOST_OFTEN)
        head = self.language.encode().ljust(4)[:4] + np.uint32(self.length).tobytes()
        return head + self.signature.astype("<u4").tobytes() + record.tobytes()

    @classmethod
    def unpack(cls, packed: bytes) -> Sketch:
        """The inverse of `pack`."""
        language, length = packed[:4].decode().strip(), int.from_bytes(packed[4:8], "little")
        end = 8 + 4 * PERMUTATIONS
        record = np.frombuffer(packed, dtype=_RECORD, offset=end)
        return cls(
            language=language,
            hashes=record["hash"].copy(),
            counts=record["count"].copy(),
            flags=record["flags"].copy(),
            rates=record["rate"].astype(np.float32),
            signature=np.frombuffer(packed, dtype="<u4", offset=8, count=PERMUTATIONS).copy(),
            length=length,
        )


def hashes_of(packed: bytes) -> Hashes:
    """The hashes alone of a packed sketch."""
    hashes: Hashes = np.frombuffer(packed, dtype=_RECORD, offset=8 + 4 * PERMUTATIONS)["hash"].copy()
    return hashes


@dataclass(frozen=True, slots=True)
class FeatureSequence:
    """A report's features in their order, with repetitions: what its sketch is made of.

    Attributes:
        language: ISO 639-1.
        headline: the features of its title.
        body: those of its text.
        named: the identifiers in it, each with its flags.
    """

    language: str
    headline: Tokens
    body: Tokens
    named: tuple[tuple[Identifier, int], ...] = ()

    def spelling(self, wanted: Hashes) -> dict[int, cutting.Feature]:
        """For each of these hashes a feature as it stood in the report; as a name, where it stood as one."""
        asked = set(wanted.tolist())
        spelt: dict[int, cutting.Feature] = {
            key: cutting.Feature(one.value, key, one.value)
            for one, _ in self.named
            if (key := hash_of(one)) in asked
        }
        for part in (self.headline, self.body):
            for place, (key, named) in enumerate(zip(part.hashes.tolist(), part.named.tolist(), strict=True)):
                if key in asked and (key not in spelt or (named and not spelt[key].name)):
                    spelt[key] = part[place]
        return spelt


def read(title: str, text: str, language: str) -> FeatureSequence:
    """Cut a report into its features."""
    in_title = {*identifiers(title), *([ROUNDUP] if is_roundup(title) else ())}
    named = dict.fromkeys(identifiers(text), LEAD) | dict.fromkeys(in_title, HEAD | LEAD)
    flagged = tuple((each, flag | (THING if each.kind in GLOBAL else SERIAL)) for each, flag in named.items())
    return FeatureSequence(language, cut(title, language), cut(text, language), flagged)


def hash_of(identifier: Identifier) -> int:
    """The hash of an identifier; its kind is in the upper bits."""
    key = int.from_bytes(hashlib.blake2b(identifier.value.encode(), digest_size=4).digest(), "little")
    return (KINDS.index(identifier.kind) + 1) << _KIND_BITS | key >> (32 - _KIND_BITS)


def kind_of(hashes: Hashes) -> Hashes:
    """The number of the kind of each hash, of features that are THING or SERIAL."""
    return hashes >> np.uint32(_KIND_BITS)


def sketch(title: str, text: str, language: str) -> Sketch:
    """The sketch of a report; a text without any feature gives an empty one."""
    return sketch_of(read(title, text, language))


def sketch_of(reading: FeatureSequence) -> Sketch:
    """The sketch of a report that was cut."""
    headline, body = reading.headline, reading.body
    said = np.concatenate([headline.hashes, body.hashes])
    hashes, first, which, counts = np.unique(said, return_index=True, return_inverse=True, return_counts=True)
    kept = np.sort(np.argsort(first)[:_MOST_FEATURES])  # the top of a report says what happened
    flags = _flags(reading, which, len(hashes))[kept]
    rates = np.concatenate([headline.rates, body.rates])[first[kept]]
    hashes, counts, flags, rates = _with_identifiers(reading, hashes[kept], counts[kept], flags, rates)
    return Sketch(
        language=reading.language,
        hashes=hashes,
        counts=np.minimum(counts, 255).astype(np.uint8),
        flags=flags,
        rates=rates,
        signature=minhash(_shingles(said)),
        length=len(said),
    )


def _with_identifiers(
    reading: FeatureSequence,
    hashes: Hashes,
    counts: npt.NDArray[np.intp],
    flags: npt.NDArray[np.uint8],
    rates: Floats,
) -> tuple[Hashes, npt.NDArray[np.intp], npt.NDArray[np.uint8], Floats]:
    """The features of a text and, beside them, its identifiers; sorted by hash."""
    fresh = {hash_of(each): flag for each, flag in reading.named}
    named = np.setdiff1d(np.array(list(fresh), dtype=np.uint32), hashes)
    if not len(named):
        return hashes, counts, flags, rates
    own = np.array([fresh[key] for key in named.tolist()], dtype=np.uint8)
    rare = np.where(own & THING, _NAMES_ONE_THING, _NAMES_NOTHING)
    order = np.argsort(np.concatenate([hashes, named]), kind="stable")
    return (
        np.concatenate([hashes, named])[order],
        np.concatenate([counts, np.ones_like(named, dtype=counts.dtype)])[order],
        np.concatenate([flags, own])[order],
        np.concatenate([rates, rare]).astype(np.float32)[order],
    )


def _shingles(hashes: Hashes) -> Hashes:
    """Hashes of the 3-shingles of a text's features; a shorter text is one shingle."""
    if not len(hashes):
        return hashes
    padded = np.concatenate([hashes, np.zeros(max(_SHINGLE - len(hashes), 0), dtype=np.uint32)])
    starts = len(padded) - _SHINGLE + 1
    mixed = sum(padded[i : starts + i] * factor for i, factor in enumerate(_FACTORS))
    return np.unique(mixed)


def _flags(reading: FeatureSequence, which: npt.NDArray[np.intp], size: int) -> npt.NDArray[np.uint8]:
    """The flags of each feature, from the places where it stands; a title's capitals make no names.

    Args:
        reading: the report.
        which: the feature that stands in each place, shape (places,).
        size: how many features there are.

    """
    headline, body = reading.headline, reading.body
    in_title = len(headline)
    titled = list(headline)
    instances, dates = cutting.instances(titled), cutting.dates(titled)
    flags = np.zeros(size, dtype=np.uint8)
    places: dict[int, slice | list[int] | npt.NDArray[Any]] = {
        LEAD: slice(in_title + _LEAD_FEATURES),
        HEAD: slice(in_title or _HEAD_FEATURES),
        NAME: in_title + np.flatnonzero(body.named),
        NUMBER: np.concatenate([headline.numbers, body.numbers]),
        INSTANCE: [i for i, feature in enumerate(titled) if feature.key in instances],
        DATE: [i for i, feature in enumerate(titled) if feature.key in dates],
    }
    for flag, where in places.items():
        flags[which[where]] |= flag
    return flags


def band_keys(sketch: Sketch, counts: StreamCounts) -> list[int]:
    """The index keys of a report, as signed 64-bit integers: features, the heaviest first, then bands.

    Only the `_DISTINCTIVE` heaviest features take part, and of these only what is rare in the language and so
    far in the stream: common ones would make candidates of everything, and the long tail of a long report
    would drown what it is about. A report with no rare feature gets its three rarest.
    """
    if not len(sketch.hashes):
        return []
    share = counts.share(sketch.language, sketch.hashes, sketch.rates)
    repeats = 1.0 + np.log(np.maximum(sketch.counts + ((sketch.flags & HEAD) > 0), 1))
    heaviest = np.argsort(np.log(share) * repeats, kind="stable")[:_DISTINCTIVE]
    distinctive = heaviest[share[heaviest] <= _RARE]
    rare = distinctive[share[distinctive] <= _FULLEST / max(counts.documents(sketch.language), 1)]
    if len(rare) < _FEWEST:
        rare = np.argsort(share, kind="stable")[:_FEWEST]
    keys: list[int] = sketch.hashes[rare].astype(np.int64).tolist()
    return keys + _bands(sketch.hashes[distinctive])


def _bands(hashes: Hashes) -> list[int]:
    """LSH keys of a set of features, beyond 32 bits, so that none is the key of a feature by chance."""
    if len(hashes) < 2:
        return []
    rows = minhash(hashes)[: 2 * _BANDS].astype(np.uint64).reshape(_BANDS, 2)
    # The band's number is mixed in: equal rows of different bands must not meet.
    numbers = np.arange(1, _BANDS + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed = ((rows[:, 0] << np.uint64(32)) | rows[:, 1]) ^ numbers
    keys: list[int] = (mixed | np.uint64(1 << 62)).astype(np.int64).tolist()
    return keys


def resemblance(a: Sketch, b: Sketch) -> float:
    """Estimated Jaccard resemblance of two texts' shingles, in [0, 1]."""
    if not (len(a.hashes) and len(b.hashes)):
        return 0.0
    return agreement(a.signature, b.signature)
