"""A clock that a test moves: a day passes as soon as everybody has done what there is to do in it."""

import asyncio
import datetime as dt
from collections.abc import Callable

from printos_ext.agent.clock import Clock

BEGIN = dt.datetime(2026, 3, 28, 12, tzinfo=dt.UTC)


class MovedClock(Clock):
    """Stands still until it is moved; the date goes with it, and can be set to anything."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.date = BEGIN
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> dt.datetime:
        return self.date

    @property
    def waiting(self) -> int:
        """How many wait for something to happen, or for their time."""
        return sum(not future.done() for _, future in self._sleepers)

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        until = self.seconds + (float("inf") if seconds is None else seconds)
        time_is_over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if seconds is not None and seconds <= 0:
            time_is_over.set_result(None)
        happened = asyncio.ensure_future(event.wait())
        happened.add_done_callback(lambda _: _end(time_is_over))
        self._sleepers.append((until, time_is_over))
        try:
            await time_is_over
        finally:
            happened.cancel()
            self._sleepers.remove((until, time_is_over))

    async def move(self, seconds: float, is_settled: Callable[[], bool]) -> None:
        """Let time pass, from one thing that happens to the next; nothing is left undone on the way."""
        ends = self.seconds + seconds
        while True:
            while not (self.waiting and is_settled()):  # noqa: ASYNC110 - others change it
                await asyncio.sleep(0)
            nearest = min(self._sleepers, key=lambda sleeper: sleeper[0])
            if nearest[0] > ends:
                break
            self._go_to(nearest[0])
            _end(nearest[1])
        self._go_to(ends)

    def _go_to(self, seconds: float) -> None:
        self.date += dt.timedelta(seconds=seconds - self.seconds)
        self.seconds = seconds


def _end(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
