"""Whose turn it is: one connection a host, a pause between two, so many hosts at a time."""

import asyncio
from datetime import timedelta

import pytest
from answers import ok, redirect

from aggregator.schedule.host_queue import HostQueue


class Time:
    """A clock that moves when somebody sleeps on it."""

    def __init__(self):
        self.now = 1000.0
        self.slept = []

    def clock(self):
        return self.now

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


def test_host_spacing(serve, fetcher):
    """Two requests to one host, a redirect too, are the pause apart; another host waits for nothing."""
    time = Time()
    host_queue = HostQueue(4, 2.5, clock=time.clock, sleep=time.sleep)

    async def run():
        async with serve(redirect(302, "/a"), ok()) as server, fetcher(host_queue=host_queue) as door:
            await door.get(server.url, allow_private=True)
            await door.get(server.url, allow_private=True)
            async with serve(ok(), host="127.0.0.2") as other:
                await door.get(other.url, allow_private=True)

    asyncio.run(run())
    assert time.slept == [2.5, 2.5]


def test_one_connection_a_host(serve, fetcher, names):
    """Requests to one host come one after the other, those to several at the same time, up to the bound."""
    active: dict[str, int] = {}
    peaks: dict[str, int] = {"all": 0}

    async def slow(server_name):
        active[server_name] = active.get(server_name, 0) + 1
        peaks[server_name] = max(peaks.get(server_name, 0), active[server_name])
        peaks["all"] = max(peaks["all"], sum(active.values()))
        await asyncio.sleep(0.01)
        active[server_name] -= 1

    def script(name):
        async def talk(_, writer):
            await slow(name)
            writer.write(ok())

        return talk

    async def run():
        async with (
            serve(script("a"), host="127.0.0.1") as a,
            serve(script("b"), host="127.0.0.2") as b,
            serve(script("c"), host="127.0.0.3") as c,
            fetcher(concurrency=2) as door,
        ):
            polls = [door.get(server.url, allow_private=True) for server in (a,) * 4 + (b,) * 4 + (c,) * 4]
            return await asyncio.gather(*polls)

    assert len(asyncio.run(run())) == 12
    assert peaks == {"all": 2, "a": 1, "b": 1, "c": 1}


def test_waiting_in_the_queue_is_no_fault_of_the_server(serve, fetcher):
    """The deadline counts the poll's own requests, not the wait for those of others."""

    async def slow(_, writer):
        await asyncio.sleep(0.2)
        writer.write(ok())

    async def run():
        limits = {"timeout": timedelta(seconds=0.3), "first_byte_timeout": timedelta(seconds=0.3)}
        async with serve(slow) as server, fetcher(**limits) as door:
            return await asyncio.gather(*(door.get(server.url, allow_private=True) for _ in range(4)))

    assert [answer.status for answer in asyncio.run(run())] == [200] * 4


def test_turns_forget_hosts():
    """Hosts that nobody waits for are not remembered for ever."""
    time = Time()
    host_queue = HostQueue(4, 1.0, clock=time.clock, sleep=time.sleep)

    async def run():
        for number in range(500):
            async with host_queue.take(f"host{number}.example"):
                time.now += 0.5

    asyncio.run(run())
    assert len(host_queue._hosts) < 5


def test_a_poll_that_is_cancelled_leaves_its_turn(serve, fetcher):
    """Shutting down in the middle of a poll keeps nobody else waiting."""

    async def run():
        asked = asyncio.Event()

        async def never(_, writer):
            asked.set()
            await asyncio.sleep(60)

        async with serve(never, ok()) as server, fetcher(concurrency=1) as door:
            stuck = asyncio.create_task(door.get(server.url, allow_private=True))
            await asked.wait()
            stuck.cancel()
            with pytest.raises(asyncio.CancelledError):
                await stuck
            return await door.get(server.url, allow_private=True)

    assert asyncio.run(run()).status == 200
