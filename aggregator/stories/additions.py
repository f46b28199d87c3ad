"""What each report of a story adds: its sentences, names, numbers and quotes that none had said before.

Nothing is generated: every sentence is one of the report's own, whole. A sentence with a
name or a number that is new adds something; another one does not, where most of what it says stands in one
sentence that was read before, or nearly all of it in several.
"""

from __future__ import annotations

import itertools
import re
import threading
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from aggregator.dedup import text as cutting
from aggregator.dedup.text import Feature
from aggregator.model import Member, Story

_ENDS = re.compile(r"(?:(?<=[.!?…])|(?<=[.!?…][\"”’»)]))\s+|(?<=[。！？])|\n+")
_ABBREVIATED = re.compile(  # no sentence ends there
    r"(?:^|\s)(?:[A-Z]\w?|Mrs|Gen|Sen|Rep|Gov|Col|Prof|(?:\w\.)+\w?)\.$"
)
_QUOTED = re.compile(r"[“„«»「『\"]")
_REPEATED = 0.6  # share of a sentence that stands in one before
_NOTHING_NEW = 0.8  # the same, in all before together, where it takes several
_SHORT = 3  # letters of words that say nothing alone
_READ = 60  # sentences of a report that are read
_REPORTS = 60  # of a story that are read
_SHOWN = 12  # sentences of a report that are shown
_BRIEFLY = 4  # the same, in feeds
_BEGINNING = 600  # characters of a report that feeds look at
_TITLES = frozenset(("Mr", "Mrs", "Ms", "Dr", "Sir"))  # of people, and no names
_LISTED = 8  # names, or rows of numbers


@dataclass(frozen=True, slots=True)
class Addition:
    """A sentence that adds something.

    Attributes:
        sentence: as the report has it.
        names: those in it that no report had before.
        numbers: likewise.
        quote: whether it quotes somebody.

    """

    sentence: str
    names: tuple[str, ...]
    numbers: tuple[str, ...]
    quote: bool


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one report adds to those that were published before it.

    Attributes:
        report: its id.
        additions: sentences, in its order.
        more: how many further ones there are.

    """

    report: int
    additions: tuple[Addition, ...]
    more: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """A thing of which reports give different numbers.

    Attributes:
        what: the word behind the number.
        said: id of a report, and the number that it gives.

    """

    what: str
    said: tuple[tuple[int, str], ...]


class _Said:
    """All sentences that were read so far."""

    def __init__(self) -> None:
        self._where: defaultdict[int, list[int]] = defaultdict(list)
        self._sentences = 0

    def repeats(self, keys: Iterable[int]) -> bool:
        """Whether a sentence of these features was said, in one or in several."""
        found = set(keys)
        if not found:
            return True
        counts = Counter(place for key in found for place in self._where.get(key, ()))
        if counts and max(counts.values()) >= _REPEATED * len(found):
            return True
        return sum(key in self._where for key in found) >= _NOTHING_NEW * len(found)

    def knows(self, key: int) -> bool:
        """Whether any sentence has this feature."""
        return key in self._where

    def add(self, keys: Iterable[int]) -> None:
        """A sentence was read."""
        for key in set(keys):
            self._where[key].append(self._sentences)
        self._sentences += 1


class Additions:
    """Finds what each report of a story adds, and remembers it while the story stays as it is.

    Args:
        most: how many stories are remembered, the last asked for.

    """

    def __init__(self, most: int = 2000) -> None:
        self._most = most
        self._known: OrderedDict[int, tuple[object, dict[int, tuple[str, ...]]]] = OrderedDict()
        self._turn = threading.Lock()

    def __call__(self, stories: Iterable[Story]) -> list[Story]:
        """The stories, their reports with what they add to the best one and to those before them."""
        return [self._with(story) if story.voices > 1 else story for story in stories]

    def _with(self, story: Story) -> Story:
        state = (
            story.best,
            tuple((member.id, member.revised, member.copy_group) for member in story.members),
        )
        with self._turn:
            known = self._known.pop(story.id, None)
        if known is None or known[0] != state:
            found = contributions(
                [replace(each, text=_whole(each.text)) for each in story.members], story.best
            )
            adds = {
                each.report: tuple(one.sentence for one in each.additions[:_BRIEFLY])
                for each in found
                if each.report != story.best
            }
            known = state, adds
        with self._turn:
            self._known[story.id] = known
            if len(self._known) > self._most:
                self._known.popitem(last=False)
        members = tuple(replace(each, adds=known[1].get(each.id, ())) for each in story.members)
        return replace(story, members=members)


def _whole(text: str) -> str:
    """The beginning of a text, without a sentence that may be cut short."""
    if len(text) <= _BEGINNING:
        return text
    return "\n".join(sentences(text[:_BEGINNING])[:-1])


def contributions(members: Sequence[Member], best: int) -> list[Contribution]:
    """What each report adds, the best one first, the others in the order of publishing; copies left out."""
    said, found = _Said(), []
    for member in _texts(members, best):
        additions: list[Addition] = []
        for sentence in sentences(f"{member.title}\n{member.text}")[:_READ]:
            features = _features(sentence, member.language)
            fresh = [each for each in features if (each.name or each.number) and not said.knows(each.hash)]
            keys = [each.hash for each in features]
            if (fresh or not said.repeats(keys)) and sentence != member.title.strip():
                additions.append(_addition(sentence, fresh))
            said.add(keys)
        found.append(Contribution(member.id, tuple(additions[:_SHOWN]), max(0, len(additions) - _SHOWN)))
    return found


def _texts(members: Sequence[Member], best: int) -> list[Member]:
    """One report of each copy group, the best one first."""
    by_time = sorted(members, key=lambda member: (member.id != best, member.published, member.id))
    seen: set[int] = set()
    kept = []
    for member in by_time:
        if member.copy_group not in seen:
            seen.add(member.copy_group)
            kept.append(member)
    return kept[:_REPORTS]


def _addition(sentence: str, fresh: Iterable[Feature]) -> Addition:
    found = (each.shown.removesuffix("'s") for each in fresh if each.name)
    names = dict.fromkeys(name for name in found if name not in _TITLES)
    numbers = dict.fromkeys(each.shown for each in fresh if each.number)
    return Addition(sentence, tuple(names), tuple(numbers), bool(_QUOTED.search(sentence)))


def sentences(text: str) -> list[str]:
    """The sentences of a text, each on one line."""
    found: list[str] = []
    for piece in _ENDS.split(text):
        line = " ".join(piece.split())
        if found and line and _ABBREVIATED.search(found[-1]):
            found[-1] = f"{found[-1]} {line}"
        elif line:
            found.append(line)
    return found


def _features(sentence: str, language: str) -> list[Feature]:
    """What a sentence says: its numbers, names and longer words; a capital at its head makes no name."""
    found: list[Feature] = []
    opens = True
    for token in cutting.tokens(sentence):
        feature = cutting.feature(token, language)
        if feature is None:
            opens = opens or cutting.ends(token)
            continue
        if opens and feature.name:
            feature = feature._replace(name=False)
        opens = False
        if feature.number or feature.name or len(token) > _SHORT or not token.isascii():
            found.append(feature)
    return found


def differences(members: Sequence[Member]) -> list[Difference]:
    """The things of which reports that are no copies of each other give different numbers."""
    counted: defaultdict[str, dict[int, str]] = defaultdict(dict)
    shown: dict[str, str] = {}
    for member in _texts(members, 0):
        for sentence in sentences(f"{member.title}\n{member.text}")[:_READ]:
            features = [
                each
                for token in cutting.tokens(sentence)
                if (each := cutting.feature(token, member.language))
            ]
            for one, other in itertools.pairwise(features):
                if one.number and not other.number and len(other.shown) > _SHORT and not other.name:
                    shown.setdefault(other.key, other.shown)
                    counted[other.key].setdefault(member.id, one.shown)
    rows = [
        Difference(shown[key], tuple(said.items()))
        for key, said in counted.items()
        if len(set(said.values())) > 1
    ]
    return sorted(rows, key=lambda row: -len(row.said))[:_LISTED]


def only_here(members: Sequence[Member]) -> dict[int, tuple[str, ...]]:
    """The names that stand in one report and in none of the others, of those that are no copies."""
    texts = _texts(members, 0)
    where: defaultdict[int, set[int]] = defaultdict(set)
    spelt: dict[int, str] = {}
    for member in texts:
        for sentence in sentences(member.text)[:_READ]:
            for feature in _features(sentence, member.language):
                where[feature.hash].add(member.id)
                if feature.name:
                    spelt.setdefault(feature.hash, feature.shown.removesuffix("'s"))
    found: defaultdict[int, list[str]] = defaultdict(list)
    for key, name in spelt.items():
        if len(where[key]) == 1 and len(texts) > 1:
            found[next(iter(where[key]))].append(name)
    return {report: tuple(dict.fromkeys(names))[:_LISTED] for report, names in found.items()}
