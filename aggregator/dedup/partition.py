"""Partition reports as a whole: the same reports end in the same stories, in whatever order they came.

Average linkage (Sokal and Michener 1958) over the log odds of all pairs: the two groups whose members agree
most become one, as long as they agree at the bar and at what their size costs. It is done apart in each
component of reports that are linked by pairs which are not wholly unlike; one that is too large for that
keeps the stories it has. Ties are broken by what the reports
say and by when, never by their ids, which tell the order of arrival.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from aggregator.dedup.thresholds import Floats, Thresholds, log_odds, strictness, sure
from aggregator.dedup.verdict import Profile, apart_each, judge

_LINKED = (-2.0, -1.0, 0.0, 0.4)
"""Log odds that link two reports into one component; the next where a component grows beyond `_LARGEST`."""

_LARGEST = 400  # reports of a component that is partitioned at once; the time grows with the cube
_NEVER = -math.inf

Places = npt.NDArray[np.intp]


def partition(
    profiles: Sequence[Profile],
    candidates: Iterable[tuple[int, int]],
    thresholds: Thresholds,
    judged: dict[tuple[int, int], float],
    present: Mapping[int, int],
) -> list[frozenset[int]]:
    """The stories of these reports, by id.

    Args:
        profiles: the reports.
        candidates: pairs of ids that are worth judging.
        thresholds: the bar is `story`.
        judged: probability by pair of ids, the smaller first; what is missing is judged and added.
        present: the story that each report is in, for those whose component is too large.

    """
    ordered = sorted(profiles, key=_by_content)
    place = {profile.id: i for i, profile in enumerate(ordered)}
    pairs = {_pair(place[a], place[b]) for a, b in candidates if a in place and b in place and a != b}
    near: dict[int, list[int]] = {}
    for i, j in sorted(pairs):
        near.setdefault(i, []).append(j)
    table = _Judged(ordered, thresholds, judged)
    linked = [(i, j, odds) for i, others in near.items() for j, odds in table.row(i, others)]
    return [
        frozenset(ordered[i].id for i in group)
        for component in _components(np.arange(len(ordered)), linked)
        for group in (
            _stories(component, table)
            if len(component) <= _LARGEST
            else _as_they_are(component, [present[ordered[i].id] for i in component])
        )
    ]


def agreement(
    ones: Sequence[Profile],
    others: Sequence[Profile],
    thresholds: Thresholds,
    judged: dict[tuple[int, int], float],
) -> float:
    """How far two groups tell one event: the probability of the mean log odds of their pairs; 0 without any.

    Args:
        ones: some reports.
        others: some others.
        thresholds: pairs beyond `window` do not count.
        judged: as in `partition`.

    """
    table = _Judged([*ones, *others], thresholds, judged)
    places = range(len(ones), len(ones) + len(others))
    counts = ~apart_each(table.profiles, thresholds.window)
    odds = [value for i in range(len(ones)) for j, value in table.row(i, places) if counts[i, j]]
    return sure(sum(odds) / len(odds)) if odds else 0.0


def _as_they_are(component: Sequence[int], stories: Sequence[int]) -> list[list[int]]:
    groups: dict[int, list[int]] = {}
    for i, story in zip(component, stories, strict=True):
        groups.setdefault(story, []).append(i)
    return list(groups.values())


def _by_content(profile: Profile) -> tuple[float, bytes, bytes]:
    return profile.published.timestamp(), *words_first(profile)[:2]


def words_first(profile: Profile) -> tuple[bytes, bytes, float]:
    """An order in which the same texts stand side by side, whoever came first."""
    sketch = profile.weighed.sketch
    return sketch.signature.tobytes(), sketch.hashes.tobytes(), profile.published.timestamp()


class _Judged:
    """Log odds of pairs, by places; judged when they are asked for."""

    def __init__(
        self, profiles: Sequence[Profile], thresholds: Thresholds, judged: dict[tuple[int, int], float]
    ) -> None:
        self.profiles, self.thresholds, self._judged = profiles, thresholds, judged

    def row(self, i: int, others: Sequence[int]) -> Iterator[tuple[int, float]]:
        """Each of these others with the log odds that it tells the event of report `i`."""
        one = self.profiles[i]
        keys = [_pair(one.id, self.profiles[j].id) for j in others]
        missing = [k for k, key in enumerate(keys) if key not in self._judged]
        if missing:
            asked = [self.profiles[others[k]] for k in missing]
            found = judge(one, asked, self.thresholds.window, self.thresholds.model)
            self._judged.update((keys[k], score) for k, score in zip(missing, found.tolist(), strict=True))
        odds = log_odds(np.array([self._judged[key] for key in keys]))
        yield from zip(others, odds.tolist(), strict=True)


def _pair(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)


def _components(
    places: Places, linked: Sequence[tuple[int, int, float]], floors: Sequence[float] = _LINKED
) -> Iterator[list[int]]:
    """Reports that are linked directly or through others; large components by a higher bar again."""
    leader = {int(i): int(i) for i in places}

    def root(i: int) -> int:
        while leader[i] != i:
            leader[i] = leader[leader[i]]
            i = leader[i]
        return i

    for i, j, odds in linked:
        if odds >= floors[0]:
            one, other = sorted((root(i), root(j)))
            leader[other] = one
    groups: dict[int, list[int]] = {}
    for i in leader:
        groups.setdefault(root(i), []).append(i)
    for group in groups.values():
        if len(group) > _LARGEST and len(floors) > 1:
            inside = set(group)
            within = [each for each in linked if each[0] in inside and each[1] in inside]
            yield from _components(np.array(group), within, floors[1:])
        else:
            yield group


def _stories(component: Sequence[int], table: _Judged) -> list[list[int]]:
    """Average linkage within a component."""
    groups: list[list[int]] = [[i] for i in component]
    if len(component) == 1:
        return groups
    sums, counts = _matrix(component, table)
    sizes = np.ones(len(component))
    bar = float(log_odds(np.array(table.thresholds.story)))
    while len(groups) > 1:
        cost = strictness(np.minimum(sizes[:, None], sizes))
        agreement = np.where(counts > 0, sums / np.maximum(counts, 1.0), _NEVER) - cost
        np.fill_diagonal(agreement, _NEVER)
        i, j = np.unravel_index(int(np.argmax(agreement)), agreement.shape)
        if agreement[i, j] < bar:
            break
        groups[i] += groups.pop(j)
        sizes[i] += sizes[j]
        sums, counts = (_folded(each, int(i), int(j)) for each in (sums, counts))
        sizes = np.delete(sizes, j)
    return groups


def _matrix(component: Sequence[int], table: _Judged) -> tuple[Floats, Floats]:
    """Log odds of all pairs of a component, and 1 where a pair counts; shape (n, n) each."""
    size = len(component)
    odds = np.zeros((size, size))
    for k, i in enumerate(component[:-1]):
        odds[k, k + 1 :] = [value for _, value in table.row(i, component[k + 1 :])]
    counts = (~apart_each([table.profiles[i] for i in component], table.thresholds.window)).astype(np.float64)
    np.fill_diagonal(counts, 0.0)
    return (odds + odds.T) * counts, counts


def _folded(matrix: Floats, i: int, j: int) -> Floats:
    """Row and column `j` added to those of `i`, and taken out; `i` comes before `j`."""
    matrix[i] += matrix[j]
    matrix[:, i] += matrix[:, j]
    return np.delete(np.delete(matrix, j, axis=0), j, axis=1)
