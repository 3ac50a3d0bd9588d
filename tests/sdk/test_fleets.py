"""`update_statuses`: many devices at once, a result for each, an order within each, bounded memory."""

import asyncio
import gc
import itertools
import threading
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from server import Arrived, Connection, Server, in_turn, platform, respond, serving, until

from printos_ext import AsyncPrintOS, InvalidArgumentError, NotFoundError, PrintOS, StatusUpdate


def updates(count: int = 100) -> Iterator[StatusUpdate]:
    return (StatusUpdate(f"d{n % 40}", "DS_ON", pages_total=n) for n in range(count))


Way = Callable[[str, Any], list[Any]]


def all_sync(url: str, updates: Any) -> list[Any]:
    with PrintOS("key", "secret", base_url=url, max_retries=0) as printos:
        return list(printos.devices.update_statuses(updates))


def all_async(url: str, updates: Any) -> list[Any]:
    async def run() -> list[Any]:
        async with AsyncPrintOS("key", "secret", base_url=url, max_retries=0) as printos:
            return [result async for result in printos.devices.update_statuses(updates)]

    return asyncio.run(run())


@pytest.mark.parametrize("way", [all_sync, all_async])
def test_every_update_has_its_result_and_each_device_its_order(way: Way, server: Server) -> None:
    results = way(server.url, updates())

    assert len(results) == 100
    assert all(result.ok for result in results)
    pages: dict[str, list[int]] = {}
    for arrived in server.arrived:
        pages.setdefault(arrived.path, []).append(arrived.json["metrics"]["pagesTotal"])
    assert len(pages) == 40
    assert all(counts == sorted(counts) for counts in pages.values())


@pytest.mark.parametrize("way", [all_sync, all_async])
def test_device_that_fails_stops_no_other(way: Way) -> None:
    def some_fail(connection: Connection, arrived: Arrived) -> None:
        (respond(404) if "d1" in arrived.path else platform)(connection, arrived)

    with serving(some_fail) as server:
        results = way(server.url, [*updates(40), StatusUpdate("", "DS_ON"), "nonsense"])

    failed = {str(getattr(r.update, "device_id", r.update)): type(r.error) for r in results if not r.ok}
    assert len(results) == 42
    assert failed.pop("") is failed.pop("nonsense") is InvalidArgumentError
    assert failed == {f"d{n}": NotFoundError for n in (1, *range(10, 20))}


@pytest.mark.parametrize("way", [all_sync, all_async])
def test_iterable_that_fails_loses_nothing_under_way(way: Way, server: Server) -> None:
    def broken() -> Iterator[StatusUpdate]:
        yield from updates(10)
        raise RuntimeError("the file ended")

    with pytest.raises(RuntimeError, match="the file ended"):
        way(server.url, broken())

    assert len(server.arrived) == 10


def test_async_iterable_is_taken_as_it_comes(server: Server) -> None:
    async def stream() -> AsyncIterator[StatusUpdate]:
        for update in updates(5):
            await asyncio.sleep(0)
            yield update

    assert len(all_async(server.url, stream())) == 5


def test_iterable_is_read_no_further_than_needed(printos: PrintOS) -> None:
    read = []
    source = (read.append(n) or StatusUpdate(f"d{n}", "DS_ON") for n in range(1_000_000))  # type: ignore[func-returns-value]

    results = printos.devices.update_statuses(source, concurrency=4)
    next(results)
    results.close()  # type: ignore[attr-defined]  # it is a generator

    assert len(read) <= 8


@pytest.mark.parametrize("concurrency", [0, -1, True, "8", 2.5])
def test_impossible_concurrency_is_told(concurrency: Any, printos: PrintOS) -> None:
    with pytest.raises(InvalidArgumentError, match="concurrency"):
        next(printos.devices.update_statuses(updates(), concurrency=concurrency))


def test_update_that_holds_nonsense_stops_no_other(printos: PrintOS) -> None:
    odd: list[Any] = [None, {}, 7]
    updates = [StatusUpdate(f"d{n}", "DS_ON", more_metrics=more) for n, more in enumerate(odd)]

    errors = {result.update.device_id: type(result.error) for result in printos.devices.update_statuses(updates)}

    assert errors == {"d0": type(None), "d1": type(None), "d2": InvalidArgumentError}


def test_result_comes_while_the_next_update_is_waited_for(server: Server) -> None:
    async def run() -> int:
        may_go_on = asyncio.Event()

        async def stream() -> AsyncIterator[StatusUpdate]:
            yield StatusUpdate("d1", "DS_ON")
            await may_go_on.wait()
            yield StatusUpdate("d2", "DS_ON")

        count = 0
        async with AsyncPrintOS("key", "secret", base_url=server.url) as printos:
            async for result in printos.devices.update_statuses(stream()):
                assert result.ok
                may_go_on.set()
                count += 1
        return count

    assert asyncio.run(asyncio.wait_for(run(), 5)) == 2


def test_async_iterable_is_read_no_further_than_results_are_taken(server: Server) -> None:
    read = []

    async def stream() -> AsyncIterator[StatusUpdate]:
        for n in range(1_000_000):
            read.append(n)
            yield StatusUpdate(f"d{n}", "DS_ON")

    async def run() -> None:
        async with AsyncPrintOS("key", "secret", base_url=server.url) as printos:
            results: Any = printos.devices.update_statuses(stream(), concurrency=4)
            await anext(results)
            await asyncio.to_thread(until, lambda: len(server.arrived) >= 4)
            await results.aclose()

    asyncio.run(run())

    assert len(read) <= 6


@pytest.mark.parametrize("concurrency", [1, 64, 10**9])
def test_slow_device_holds_up_no_other(concurrency: int) -> None:
    served = threading.Event()

    def slow(connection: Connection, arrived: Arrived) -> None:
        if "/slow/" in arrived.path and concurrency > 1:
            served.wait(5)
        platform(connection, arrived)

    async def run() -> list[str]:
        ids = []
        async with AsyncPrintOS("key", "secret", base_url=server.url) as printos:
            news = [StatusUpdate(device, "DS_ON") for device in ("slow", "a", "b", "c")]
            async for result in printos.devices.update_statuses(news, concurrency=concurrency):
                ids.append(result.update.device_id)
                if len(ids) == 3:
                    served.set()
        return ids

    with serving(slow) as server:
        ids = asyncio.run(run())

    assert ids[-1] == ("c" if concurrency == 1 else "slow")


def test_endless_updates_need_no_more_memory(server: Server) -> None:
    async def run() -> list[int]:
        sizes = []
        async with AsyncPrintOS("key", "secret", base_url=server.url) as printos:
            endless = (StatusUpdate(f"d{n}", "DS_ON") for n in itertools.count())
            results: Any = printos.devices.update_statuses(endless, concurrency=16)
            async for number in aenumerate(results):
                if number in {1000, 3000}:
                    server.arrived.clear()
                    gc.collect()
                    sizes.append(tracemalloc.get_traced_memory()[0])
                if number == 3000:
                    break
            await results.aclose()
        return sizes

    tracemalloc.start()
    early, late = asyncio.run(run())
    tracemalloc.stop()

    assert late - early < 200_000


async def aenumerate(results: Any) -> AsyncIterator[int]:
    number = 0
    async for _ in results:
        number += 1
        yield number


@pytest.mark.parametrize("way", [all_sync, all_async])
def test_pause_that_the_server_asks_for_is_kept_by_all(way: Way, server: Server) -> None:
    server.behaviour = in_turn(respond(429, retry_after="0"), platform)

    assert [result.ok for result in way(server.url, updates(1))] == [False]  # no retries are allowed there
    assert all(result.ok for result in way(server.url, updates(20)))
