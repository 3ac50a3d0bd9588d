"""Many updates at once for asyncio: bounded, each device in its order, each result as soon as it is there.

How an update is sent is none of its business.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Coroutine, Iterable
from typing import Any, TypeVar

from .flows import StatusResult, StatusUpdate

T = TypeVar("T")

Updates = Iterable[StatusUpdate] | AsyncIterable[StatusUpdate]


async def reported(
    updates: Updates, report: Callable[[StatusUpdate], Coroutine[Any, Any, StatusResult]], concurrency: int
) -> AsyncGenerator[StatusResult, None]:
    """Report all updates and yield their results, also while the next update is waited for.

    No more are read than have room: an update takes its room until its result has been taken.
    """
    under_way: dict[str, asyncio.Task[StatusResult]] = {}
    done: deque[asyncio.Task[StatusResult]] = deque()
    news, room = asyncio.Event(), asyncio.Event()

    async def feed() -> None:
        async for update in _each(updates):
            device = device_of(update)
            while device in under_way or len(under_way) + len(done) >= concurrency:
                room.clear()
                await room.wait()
            under_way[device] = asyncio.create_task(one(device, update))

    async def one(device: str, update: StatusUpdate) -> StatusResult:
        try:
            return await report(update)
        finally:
            done.append(under_way.pop(device))
            room.set()
            news.set()

    feeding = asyncio.create_task(feed())
    feeding.add_done_callback(lambda _: news.set())
    try:
        while not feeding.done() or under_way or done:
            while done:
                yield done.popleft().result()
                room.set()
            news.clear()
            if not feeding.done() or under_way:
                await news.wait()
        feeding.result()  # the iterable's own failure, if it failed
    finally:
        left = [feeding, *under_way.values()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


def device_of(update: Any) -> str:
    """Return what keeps its order: the device; what names none is alone."""
    return str(getattr(update, "device_id", id(update)))


async def _each(updates: Iterable[T] | AsyncIterable[T]) -> AsyncIterator[T]:
    if isinstance(updates, AsyncIterable):
        async for update in updates:
            yield update
    else:
        for update in updates:
            yield update
