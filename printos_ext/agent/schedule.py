"""When each device is read. No I/O, no clock: every moment is one of the monotonic clock, and is passed in."""

import heapq
from collections.abc import Callable, Iterable

from attrs import define, field

TICK = 1e-6  # seconds: less than that is rounding
STARTS_PER_SECOND = 100  # readings, when the agent begins: soon, and not all at once


@define
class Schedule:
    """When each device is read: at a place of its own in the interval, so that no two need to be read together.

    Attributes:
        chance: Something from 0 to 1, another one each time.
    """

    chance: Callable[[], float]
    _queue: list[tuple[float, str, float, float]] = field(init=False, factory=list)

    def begin(self, intervals: Iterable[tuple[str, float]], now: float) -> None:
        """Read these devices from now on, each in its interval, and no others: the first time soon."""
        given = list(intervals)
        for device_id, every in given:
            place = self.chance() * every
            soon = place * min(1.0, len(given) / STARTS_PER_SECOND / every)
            self._queue.append((now + soon, device_id, now + place, every))
        heapq.heapify(self._queue)

    def keep(self, device_ids: set[str]) -> None:
        """Forget all other devices."""
        self._queue = [entry for entry in self._queue if entry[1] in device_ids]
        heapq.heapify(self._queue)

    def take(self, now: float) -> tuple[str, float] | None:
        """Return a device that is to be read now, and when it should have been; none, if none is due."""
        if not self._queue or self._queue[0][0] > now + TICK:
            return None
        due, device_id, place, every = self._queue[0]
        missed = max(0.0, (now + TICK - place) // every + 1)
        heapq.heapreplace(self._queue, (place + missed * every, device_id, place, every))
        return device_id, due

    def seconds_left(self, now: float) -> float | None:
        """Return in how many seconds the next one is due; None, if there is no device."""
        return max(0.0, self._queue[0][0] - now) if self._queue else None

    def overdue(self, now: float) -> float:
        """Return for how many seconds the next one has been due."""
        return max(0.0, now - self._queue[0][0]) if self._queue else 0.0
