"""The desk at which stories are corrected: a store, a service that takes reports in, and a person."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from events import NOON

from aggregator.dedup.corrections import constraints
from aggregator.model import Report, Story
from aggregator.settings import Dedup
from aggregator.stories import correct
from aggregator.stories.ingest import IngestResult, ingest
from aggregator.stories.linker import Linker
from storage import corrections, stories
from storage.database import Database


def told(database: Database) -> dict[int, Story]:
    """The stories that are there, by id."""
    with database.reading() as tx:
        return {story.id: story for story in stories.load(tx, stories.recent(tx), database.uuid)}


def partition(database: Database) -> dict[int, set[int]]:
    """Story ids and the reports in each."""
    return {i: {member.id for member in story.members} for i, story in told(database).items()}


class Desk:
    """Reports that come in, and a person who corrects; each time with a linker that was running all along."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.service = Linker(Dedup())
        self.now = NOON

    def take(self, *found: Report) -> IngestResult:
        """The service takes reports in."""
        self.now += timedelta(minutes=1)
        with self.database.writing() as tx:
            return ingest(tx, self.service, found, self.now)

    def _do(self, work: Callable[..., correct.Outcome], *arguments: Any) -> correct.Outcome:
        self.now += timedelta(minutes=1)
        with self.database.writing() as tx:  # in another process: it knows nothing of the service's linker
            return work(tx, Linker(Dedup()), *arguments, self.now)

    def merge(self, *ids: int) -> correct.Outcome:
        return self._do(correct.merge, ids)

    def split(self, story: int, *out: int) -> correct.Outcome:
        return self._do(correct.split, story, out)

    def undo(self) -> correct.Outcome:
        return self._do(correct.undo)

    def stories(self) -> dict[int, Story]:
        return told(self.database)

    def partition(self) -> dict[int, set[int]]:
        return partition(self.database)

    def state(self) -> Any:
        """All that there is to see of the stories, but for the times at which they changed."""
        memberships = {
            (i, m.id): (m.copy_group, m.evidence, m.joined)
            for i, s in self.stories().items()
            for m in s.members
        }
        with self.database.reading() as tx:
            leads = {i: stories.resolve(tx, i) for i in range(1, 30)}
        heads = {i: (s.title, s.lead, s.created, s.voices) for i, s in self.stories().items()}
        known = {i: lead for i, lead in leads.items() if lead in heads}
        return memberships, heads, known

    def is_at(self, before: Any) -> bool:
        """Whether all is as it was; an id that was given since leads somewhere now."""
        memberships, heads, leads = self.state()
        return (memberships, heads) == before[:2] and leads.items() >= before[2].items()

    def honours_all(self) -> bool:
        """Whether every correction in force holds."""
        with self.database.reading() as tx:
            said = constraints(corrections.listed(tx))
        groups = list(self.partition().values())
        apart = all(
            not (group & others) for r, others in said.apart.items() for group in groups if r in group
        )
        return apart and all(any(group <= one for one in groups) for group in said.together.values())
