"""One writer for all: what waits is written together, and nobody pays for another's defect."""

import asyncio
import threading
from typing import Any

import pytest
import sqlalchemy as sa

from aggregator.errors import StoreError
from aggregator.poll.writing import MOST, Writer
from storage import schema
from storage.database import Database


class Desk:
    """A writer over an empty store; counts transactions, and what was forgotten."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self.database, self.transactions, self.forgotten = database, 0, 0
        self.writer = Writer(database, self.forget)
        writing = database.writing

        def counted() -> Any:
            self.transactions += 1
            return writing()

        monkeypatch.setattr(database, "writing", counted)

    def forget(self) -> None:
        self.forgotten += 1

    def put(self, key: str, *, error: Exception | None = None) -> Any:
        """Work that writes a key, and then fails where it is told to."""

        def work(tx: Any) -> str:
            tx.execute(sa.insert(schema.meta).values(key=key, value="x"))
            if error:
                raise error
            return key

        return work

    def all_at_once(self, *works: Any, weight: int = 1) -> list[Any]:
        async def run() -> list[Any]:
            writes = (self.writer.write(work, weight) for work in works)
            return await asyncio.gather(*writes, return_exceptions=True)

        return asyncio.run(run())

    def kept(self) -> set[str]:
        with self.database.reading() as tx:
            return set(tx.execute(sa.select(schema.meta.c.key)).scalars()) - {"uuid"}


@pytest.fixture
def desk(database, monkeypatch) -> Desk:
    return Desk(database, monkeypatch)


def test_what_waits_is_written_together(desk):
    """Each has its own result; there are far fewer transactions than works."""
    names = [f"{number}" for number in range(40)]
    assert desk.all_at_once(*map(desk.put, names)) == names
    assert desk.kept() == set(names)
    assert desk.transactions <= 2


def test_a_transaction_is_bounded(desk):
    """As much as a second's work goes into one."""
    desk.all_at_once(*(desk.put(f"{number}") for number in range(10)), weight=MOST // 2)
    assert desk.transactions >= 5


@pytest.mark.parametrize("poisoned", [0, 3, 9])
def test_nobody_pays_for_anothers_defect(desk, poisoned):
    """Who failed sees its own error, the others are written, and memory is not believed."""
    works = [desk.put(f"{n}", error=ZeroDivisionError() if n == poisoned else None) for n in range(10)]
    results = desk.all_at_once(*works)
    assert [n for n, result in enumerate(results) if isinstance(result, ZeroDivisionError)] == [poisoned]
    assert desk.kept() == {f"{n}" for n in range(10)} - {f"{poisoned}"}
    assert desk.forgotten >= 1


def test_a_database_that_refuses_is_not_asked_again_for_each(desk):
    """All that went together are told at once: a locked database would be waited for so often."""
    works = [desk.put(f"{n}", error=StoreError("the disk is full") if n == 1 else None) for n in range(10)]
    results = desk.all_at_once(*works)
    assert sum(isinstance(result, StoreError) for result in results) >= 9
    assert desk.transactions <= 2


def test_who_is_cancelled_while_waiting_is_not_written(desk):
    """And the one whose transaction runs waits for its end."""
    entered, go = threading.Event(), threading.Event()

    def slow(tx: Any) -> None:
        entered.set()
        go.wait(10)
        desk.put("slow")(tx)

    async def run() -> None:
        first = asyncio.create_task(desk.writer.write(slow))
        await asyncio.to_thread(entered.wait, 10)
        second = asyncio.create_task(desk.writer.write(desk.put("second")))
        await asyncio.sleep(0)
        second.cancel()
        first.cancel()
        await asyncio.sleep(0)
        assert not first.done()
        go.set()
        await asyncio.gather(first, second, return_exceptions=True)

    asyncio.run(run())
    assert desk.kept() == {"slow"}


def test_what_asyncio_cannot_hand_over_is_an_error_too(desk):
    """A StopIteration in a thread would be waited for for ever."""

    def ended(_: Any) -> None:
        next(iter(()))

    (result,) = desk.all_at_once(ended)
    assert isinstance(result, RuntimeError)
