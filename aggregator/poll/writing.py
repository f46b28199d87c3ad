"""One writer for all: what waits to be written goes into one transaction together.

A commit that survives a power cut waits for the disk. With a thousand polls an hour that is nothing, with a
thousand at once it is most of the time. So whoever has its turn takes along what the others have ready, up to
a second's work. If that fails, each is done again by itself: nobody pays for another's defect.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from aggregator.errors import StoreError
from storage.database import Database

MOST = 100
"""The weight of what is written together: reports, as a rule. A stop waits for one such transaction."""

Result = TypeVar("Result")


@dataclass(slots=True, eq=False)
class _QueuedWrite:
    """Work, and what came of it."""

    work: Callable[[Any], Any]
    weight: int
    result: Any = None
    error: BaseException | None = None
    done: bool = False


class Writer:
    """Writes to the database, for one event loop.

    Args:
        database: open and current.
        forget: is called where something was rolled back: what is held in memory may be ahead.

    """

    def __init__(self, database: Database, forget: Callable[[], None]) -> None:
        self._database = database
        self._forget = forget
        self._turn = asyncio.Lock()
        self._orders: deque[_QueuedWrite] = deque()

    async def write(self, work: Callable[[Any], Result], weight: int = 1) -> Result:
        """Do work in a transaction, perhaps together with that of others.

        Args:
            work: takes the open transaction; may be called a second time where the first was rolled back.
            weight: how much it is; see `MOST`.

        Raises:
            StoreError: the database refused.
            Exception: what the work raised; nothing of it was kept.

        """
        order = _QueuedWrite(work, weight)
        self._orders.append(order)
        try:
            async with self._turn:
                if not order.done:
                    orders = self._taken()
                    await to_its_end(lambda: self._carry_out(orders))
        except asyncio.CancelledError:
            with contextlib.suppress(ValueError):  # it may have been taken along already
                self._orders.remove(order)
            raise
        if order.error is not None:
            raise order.error
        result: Result = order.result
        return result

    def _taken(self) -> list[_QueuedWrite]:
        """The orders of the next transaction, in the order in which they came."""
        taken, weight = [self._orders.popleft()], 0
        while self._orders and (weight := weight + taken[-1].weight) + self._orders[0].weight <= MOST:
            taken.append(self._orders.popleft())
        return taken

    def _carry_out(self, orders: list[_QueuedWrite]) -> None:
        self._transact(orders)
        failed = orders[0].error
        if len(orders) > 1 and failed is not None and not isinstance(failed, StoreError):
            for order in orders:
                self._transact([order])

    def _transact(self, orders: list[_QueuedWrite]) -> None:
        """Do all of it, or nothing; what came of it is in the orders."""
        failed: BaseException | None = None
        try:
            with self._database.writing() as tx:
                results = [order.work(tx) for order in orders]
        except BaseException as error:  # it is raised again by whoever ordered the work
            self._forget()
            failed, results = error, [None] * len(orders)
        for order, result in zip(orders, results, strict=True):
            order.result, order.error, order.done = result, failed, True


async def to_its_end(work: Callable[[], Result]) -> Result:
    """Do work in a thread; a cancelled caller still waits for its end."""
    doing = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait([doing])
        with contextlib.suppress(asyncio.CancelledError):
            doing.exception()  # nobody waits for it any more, and asyncio would say so
        raise
