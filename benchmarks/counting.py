"""Counts what a client does in a while: the calls of one way, and the time and the CPU that they take."""

import asyncio
import itertools
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from attrs import frozen

FEWEST = 200  # requests: with fewer, a rate says nothing


@frozen
class Measured:
    """What one way did in one round."""

    requests: int
    seconds: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds

    @property
    def cpu(self) -> float:
        """Seconds of the client's CPU for a request."""
        return self.cpu_seconds / self.requests


@frozen
class Setting:
    """What is compared: how many calls are under way at once (none: blocking calls, one by one), plain or with TLS."""

    in_flight: int
    is_tls: bool = False

    def __str__(self) -> str:
        """Say it as a heading."""
        way = f"async, {self.in_flight:,} in flight" if self.in_flight else "sync"
        return f"{way}{', TLS' * self.is_tls}"


@frozen
class Place:
    """The server, whom to trust there, and how long to ask it in which way."""

    host: str
    port: int
    authority: Path
    setting: Setting
    seconds: float

    @property
    def url(self) -> str:
        """The address."""
        return f"http{'s' * self.setting.is_tls}://{self.host}:{self.port}"

    @property
    def trust(self) -> ssl.SSLContext:
        """What trusts the server."""
        return ssl.create_default_context(cafile=str(self.authority))

    def watch(self) -> "Watch":
        """Return what counts there, once all connections are made."""
        return Watch(self.seconds, warm_up=min(max(20, 2 * self.setting.in_flight), 200))


class Watch:
    """Counts requests from the moment that the first ones have been answered, up to the end."""

    def __init__(self, seconds: float, warm_up: int) -> None:
        """Let the first requests make the connections."""
        self._seconds, self._warm_up = seconds, warm_up
        self._count = 0
        self._ends = float("inf")
        self._measured: Measured | None = None

    def goes_on(self) -> bool:
        """Count a request that was answered; tell whether there shall be more."""
        self._count += 1
        if self._count == self._warm_up:
            self._begun, self._cpu = time.perf_counter(), time.process_time()
            self._ends = self._begun + self._seconds
        now, requests = time.perf_counter(), self._count - self._warm_up
        has_ended = now >= self._ends and requests >= FEWEST
        if has_ended and self._measured is None:
            self._measured = Measured(requests, now - self._begun, time.process_time() - self._cpu)
        return not has_ended

    def measured(self) -> Measured:
        """Return what was counted up to the end; what was under way then does not count."""
        assert self._measured is not None  # noqa: S101 - it has not ended yet
        return self._measured


def blocking(call: Callable[[str], object], place: Place) -> Measured:
    """Measure calls one after the other."""
    watch = place.watch()
    for device in devices():
        call(device)
        if not watch.goes_on():
            break
    return watch.measured()


async def awaited(call: Callable[[str], Awaitable[object]], place: Place) -> Measured:
    """Measure calls of which some are always under way."""
    watch = place.watch()
    names = devices()

    async def work() -> None:
        is_going_on = True
        while is_going_on:
            await call(next(names))
            is_going_on = watch.goes_on()

    tasks = [asyncio.create_task(work()) for _ in range(place.setting.in_flight)]
    done, left = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    await asyncio.gather(*done)  # raises, if one has failed
    return watch.measured()


def devices() -> Iterator[str]:
    """Return names of devices, each another one than the thousands before."""
    return (f"IL{number}" for number in itertools.cycle(range(100_000)))
