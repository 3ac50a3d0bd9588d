"""Which device may be sent for next, and when: an interval for each device, pauses for everybody. No I/O, no clock.

Every moment is one of the monotonic clock, and is passed in.
"""

import heapq
import itertools
from collections.abc import Callable, Iterable

from attrs import define, field

from .schedule import TICK
from .verdicts import Failure, Refusal

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
IN_A_ROW = 5  # failures of anybody without a success between them: it is not the device
MOST_REFUSED = 20  # devices, one after the other: so many are not all gone


def backoff(times: int, chance: float) -> float:
    """Return the seconds to wait after failing so many times: twice as long each time, and never all together."""
    longest = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(times - 1, 16))
    return longest * (0.5 + 0.5 * chance)


@define
class Gate:
    """Whether anybody may send at all. After a pause one goes ahead, and the others follow if that succeeds."""

    chance: Callable[[], float]
    opens_at: float = 0.0
    closed_at: float = float("-inf")
    reason: str | None = None
    in_a_row: int = 0
    times_closed: int = 0  # without anybody getting through between them
    refused: set[str] = field(factory=set)  # devices, since PrintOS took a status of anybody

    def seconds_left(self, now: float) -> float:
        """Return how long nobody may send."""
        return max(0.0, self.opens_at - now)

    def lets_through(self, now: float, in_flight: int) -> bool:
        """Tell whether one more may go."""
        return now + TICK >= self.opens_at and not (self.is_doubtful and in_flight)

    @property
    def is_doubtful(self) -> bool:
        """Whether nobody has got through since it closed."""
        return self.times_closed > 0

    def succeeded(self, *, begun: float) -> None:
        """Let everybody through again; what was on its way before the pause says nothing about the time after it."""
        if begun > self.closed_at:
            self.in_a_row = self.times_closed = 0
            self.reason = None

    def judged(self, device_id: str, verdict: Failure | Refusal) -> Failure | Refusal:
        """Return a verdict in the light of the others: if PrintOS refuses everybody, it is not about their statuses."""
        if isinstance(verdict, Failure):
            return verdict
        self.refused.add(device_id)
        if len(self.refused) <= MOST_REFUSED:
            return verdict
        return Failure(f"PrintOS refuses one device after the other: {verdict.reason}", concerns_all=True)

    def failed(self, failure: Failure, *, begun: float, now: float) -> None:
        """Close, if this failure is not only the device's; those that were on their way close nothing again."""
        if begun <= self.closed_at:
            if failure.pause is not None:
                self.opens_at = max(self.opens_at, now + failure.pause)
            return
        if failure.concerns_one:  # PrintOS is there, and takes what others say
            self.succeeded(begun=begun)
            return
        self.in_a_row += 1
        if failure.concerns_all or self.is_doubtful or self.in_a_row >= IN_A_ROW:
            self.times_closed += 1
            wait = backoff(self.times_closed, self.chance())
            self.opens_at = now + (failure.pause or wait)
            self.closed_at, self.reason = now, failure.reason


@define
class Pace:
    """What is remembered of a device for which statuses are sent."""

    not_before: float = float("-inf")
    failures: int = 0
    sent_at: float | None = None  # while a status is on its way
    is_queued: bool = False
    is_leaving: bool = False
    is_told: bool = False  # whether PrintOS took a status of it


@define
class Pacing:
    """Devices with a status waiting, in the order in which they may be sent for.

    Attributes:
        min_interval: The seconds between two statuses of a device.
        concurrency: How many may be on their way at once.
        chance: Something from 0 to 1, another one each time.
    """

    min_interval: float
    concurrency: int
    chance: Callable[[], float]
    gate: Gate = field(init=False)
    in_flight: int = field(init=False, default=0)
    last_end: float = field(init=False, default=float("-inf"))
    _devices: dict[str, Pace] = field(init=False, factory=dict)
    _queue: list[tuple[float, int, str]] = field(init=False, factory=list)
    _numbers: "itertools.count[int]" = field(init=False, factory=itertools.count)

    def __attrs_post_init__(self) -> None:
        """Begin with nobody waiting and an open gate."""
        self.gate = Gate(self.chance)

    def __len__(self) -> int:
        """Return how many devices wait."""
        return len(self._queue)

    def add(self, device_id: str, now: float) -> None:
        """Queue a device that has a status; one that is queued, or on its way, stays where it is."""
        device = self._devices.setdefault(device_id, Pace())
        if not device.is_queued and device.sent_at is None:
            device.is_queued = True
            due = now if device.is_leaving else max(now, device.not_before)
            heapq.heappush(self._queue, (due, next(self._numbers), device_id))

    def was_sent(self, device_id: str, seconds_ago: float, now: float) -> None:
        """Take down that a status of a device was sent before there was this pacing."""
        self._devices.setdefault(device_id, Pace()).not_before = now - seconds_ago + self.min_interval

    def hurry(self, device_ids: Iterable[str], now: float) -> None:
        """Let the last word of devices go whatever the interval says, unless PrintOS minds.

        Of those only for which anything was taken: an agent that is started and stopped in a loop has nothing to say.
        """
        known = {one: self._devices[one] for one in device_ids if one in self._devices}
        hurried = {one for one, pace in known.items() if pace.is_told or pace.sent_at is not None}
        for device_id in hurried:
            self._devices[device_id].is_leaving = True
        self._queue = [(now if one in hurried else due, number, one) for due, number, one in self._queue]
        heapq.heapify(self._queue)

    def take(self, now: float) -> tuple[str, float] | None:
        """Return the device to send for now, and how late that is; none, if none may go."""
        if not self._queue or self.in_flight >= self.concurrency or not self.gate.lets_through(now, self.in_flight):
            return None
        due, _, device_id = self._queue[0]
        if due > now + TICK:
            return None
        heapq.heappop(self._queue)
        device = self._devices[device_id]
        device.is_queued = device.is_leaving = False
        device.sent_at = now
        self.in_flight += 1
        return device_id, now - max(due, self.gate.opens_at)

    def seconds_left(self, now: float) -> float | None:
        """Return in how many seconds there may be one to take; None: not before something else happens."""
        if not self._queue or self.in_flight >= self.concurrency or (self.gate.is_doubtful and self.in_flight):
            return None
        return max(0.0, self._queue[0][0] - now, self.gate.seconds_left(now))

    def overdue(self, now: float) -> float:
        """Return for how many seconds a call has not ended, or nobody was sent for although somebody could be."""
        begun = [device.sent_at for device in self._devices.values() if device.sent_at is not None]
        if self.seconds_left(now) == 0.0:
            begun.append(max(self._queue[0][0], self.gate.opens_at, self.last_end))
        return now - min(begun, default=now)

    def succeeded(self, device_id: str, now: float) -> None:
        """Take down that PrintOS took a status."""
        self.gate.refused.clear()
        self.gate.succeeded(begun=self._devices[device_id].sent_at or 0.0)
        device = self._ended(device_id, now)
        device.failures, device.not_before, device.is_told = 0, now + self.min_interval, True

    def refused(self, device_id: str, now: float) -> None:
        """Take down that PrintOS refused a status for good: the device's next one may fare better."""
        device = self._ended(device_id, now)
        device.failures, device.not_before = 0, now + self.min_interval

    def failed(self, device_id: str, failure: Failure, now: float) -> None:
        """Take down that a status has to be sent again; other devices go first, in case it is this one's fault."""
        device = self._devices[device_id]
        sent_at = device.sent_at or 0.0
        if failure.concerns_all and sent_at + TICK < device.not_before:
            self._calm()  # it was ahead of its time: those that were not may fare better
        else:
            self.gate.failed(failure, begun=sent_at, now=now)
        self._ended(device_id, now)
        device.failures += 1
        wait = (failure.pause or 0.0) + backoff(device.failures, self.chance())
        wait = max(wait, self.min_interval if failure.may_have_arrived else 0.0)
        device.not_before = max(device.not_before, now + wait)

    def stumbled(self, device_id: str, now: float) -> None:
        """Take down that a status was not sent, or sent and not crossed out, for a reason on this machine."""
        device = self._ended(device_id, now)
        device.failures += 1
        device.not_before = max(device.not_before, now + backoff(device.failures, self.chance()))

    def idle(self, device_id: str, now: float) -> None:
        """Take down that there was nothing to send."""
        self._ended(device_id, now)

    def _calm(self) -> None:
        """Let nobody hurry any more."""
        for device in self._devices.values():
            device.is_leaving = False
        self._queue = [(max(due, self._devices[one].not_before), number, one) for due, number, one in self._queue]
        heapq.heapify(self._queue)

    def _ended(self, device_id: str, now: float) -> Pace:
        device = self._devices[device_id]
        device.sent_at, self.last_end = None, now
        self.in_flight -= 1
        return device
