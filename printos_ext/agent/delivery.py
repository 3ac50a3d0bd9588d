"""From the outbox to PrintOS: one status of a device at a time, each until PrintOS has taken it or refuses it for good.

The shell around `pacing`, which decides who is next and when.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Collection, Mapping

from attrs import define, field

from printos_ext.errors import NotFoundError, PrintOSError

from .any_outbox import AnyOutbox
from .clock import Clock
from .events import Sparing, event
from .letters import Letter, NotLeasedError, OutboxError, Status
from .pacing import Pacing
from .verdicts import Failure, Refusal, verdict

Send = Callable[[Status], Awaitable[None]]
LATENESS = (0.1, 1.0, 5.0, 30.0, 60.0, float("inf"))


@define
class Lateness:
    """How much later than they could have been statuses were sent: how many by no more than so many seconds."""

    total: float = 0.0
    counts: list[int] = field(factory=lambda: [0] * len(LATENESS))

    def add(self, seconds: float) -> None:
        """Count one."""
        self.total += seconds
        self.counts[bisect_left(LATENESS, seconds)] += 1


@define
class Tally:
    """What became of the statuses since the agent began."""

    taken: int = 0
    refused: int = 0
    failed: int = 0
    taken_at: float | None = None  # by the monotonic clock
    lateness: Lateness = field(factory=Lateness)
    last_error: str | None = None


@define
class Delivery:
    """Sends what is in an outbox, for as long as `run` runs.

    Attributes:
        longest: The seconds that a call may take: so much later than its lease a status may have arrived.
        disown: Called with the id of a device that PrintOS does not know.
    """

    outbox: AnyOutbox
    send: Send
    pacing: Pacing
    clock: Clock = field(factory=Clock)
    longest: float = 0.0
    disown: Callable[[str], None] = lambda _: None
    tally: Tally = field(init=False, factory=Tally)
    errors: dict[str, str] = field(init=False, factory=dict)
    _news: asyncio.Event = field(init=False, factory=asyncio.Event)
    _under_way: set[asyncio.Task[None]] = field(init=False, factory=set)
    _taken: dict[str, Letter] = field(init=False, factory=dict)  # not yet crossed out, for want of space
    _is_ending: bool = field(init=False, default=False)
    _not_noted: Sparing = field(init=False, factory=lambda: Sparing("outbox", "error"))
    _not_leased: Sparing = field(init=False, factory=lambda: Sparing("not leased", "warning"))

    def __attrs_post_init__(self) -> None:
        """Keep to what was sent before this process began."""
        sent = self.outbox.leased().items()
        self.learn((), {device_id: max(0.0, seconds_ago - self.longest) for device_id, seconds_ago in sent})

    async def put(self, *statuses: Status) -> None:
        """Accept statuses: when this returns, each is safe, and will be sent; `OutboxError` if they are not taken."""
        await self.outbox.put(*statuses)
        self._notice(*(status.device_id for status in statuses))

    def learn(self, waiting: Collection[str], sent: Mapping[str, float]) -> None:
        """Take down what others have put into the outbox, and how many seconds ago they have sent for devices."""
        now = self.clock.monotonic()
        for device_id, seconds_ago in sent.items():
            self.pacing.was_sent(device_id, seconds_ago, now)
        self._notice(*waiting)

    def hurry(self, *device_ids: str) -> None:
        """Send the last word of devices at once."""
        self.pacing.hurry(device_ids, self.clock.monotonic())
        self._news.set()

    async def run(self) -> None:
        """Send until `end`; then finish what is on its way."""
        self._notice(*self.outbox.waiting())
        try:
            while not self._is_ending:
                now = self.clock.monotonic()
                while (taken := self.pacing.take(now)) is not None:
                    self._begin(*taken)
                await self.clock.wait(self._news, self.pacing.seconds_left(now))
                self._news.clear()
            if self._under_way:
                await asyncio.wait(self._under_way)
        finally:
            for task in self._under_way:
                task.cancel()

    def end(self) -> None:
        """Begin nothing more."""
        self._is_ending = True
        self._news.set()

    async def emptied(self, seconds: float, *, patience: float = 0.0) -> None:
        """Return when nothing can be sent any more within so much patience, or when the seconds are over."""
        ends = self.clock.monotonic() + seconds
        while (now := self.clock.monotonic()) < ends:
            left = self.pacing.seconds_left(now)
            if self.is_idle and (left is None or left > patience):
                return
            await self.clock.wait(asyncio.Event(), min(0.05, ends - now))

    @property
    def is_idle(self) -> bool:
        """Whether nothing is on its way."""
        return not self._under_way and not self._news.is_set()

    def _notice(self, *device_ids: str) -> None:
        for device_id in device_ids:
            self.pacing.add(device_id, self.clock.monotonic())
        self._news.set()

    def _begin(self, device_id: str, late: float) -> None:
        self.tally.lateness.add(late)
        task = asyncio.create_task(self._deliver(device_id))
        self._under_way.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._news.set()

    async def _deliver(self, device_id: str) -> None:
        """Send the next letter of a device, and see to it that the one after is queued."""
        letter = self._taken.get(device_id) or self.outbox.next(device_id)
        try:
            if letter is None:
                self.pacing.idle(device_id, self.clock.monotonic())
                return
            try:
                if device_id not in self._taken:
                    await self._lease(letter)
                    await self.send(letter.status)
            except PrintOSError as error:
                await self._not_taken(letter, error)
            else:
                await self._was_taken(letter)
        except NotLeasedError as error:
            event("left to others", device=device_id, error=str(error), level="debug")
            self.pacing.stumbled(device_id, self.clock.monotonic())
        except OutboxError as error:
            self._note(device_id, str(error))
            now = self.clock.monotonic()
            self._not_noted.event(now, device=device_id, error=str(error))
            self.pacing.stumbled(device_id, now)
        except Exception as error:  # noqa: BLE001 - one device must not stop the others, whatever is wrong with it
            self._note(device_id, repr(error))
            event("stumbled", device=device_id, error=repr(error), level="error", trace=True)
            self.pacing.stumbled(device_id, self.clock.monotonic())
        if self._taken.get(device_id) or self.outbox.next(device_id):
            self.pacing.add(device_id, self.clock.monotonic())

    async def _lease(self, letter: Letter) -> None:
        """Let others know that this one has sent for the device; if only that fails, it is sent all the same."""
        try:
            await self.outbox.lease(letter)
        except NotLeasedError:
            raise
        except OutboxError as error:
            self._not_leased.event(self.clock.monotonic(), device=letter.status.device_id, error=str(error))

    async def _was_taken(self, letter: Letter) -> None:
        device_id = letter.status.device_id
        was_doubtful = self.pacing.gate.is_doubtful
        self._taken[device_id] = letter  # whatever becomes of the next line, it is not sent again by this process
        await self.outbox.ack(letter)
        del self._taken[device_id]
        now = self.clock.monotonic()
        self.pacing.succeeded(device_id, now)
        self.tally.taken += 1
        self.tally.taken_at = now
        self.errors.pop(device_id, None)
        if was_doubtful:
            event("resumed", device=device_id)
        event("sent", device=device_id, status=letter.status.status, number=letter.number, level="debug")

    async def _not_taken(self, letter: Letter, error: PrintOSError) -> None:
        device_id = letter.status.device_id
        if isinstance(error, NotFoundError):
            self.disown(device_id)
        judged = self.pacing.gate.judged(device_id, verdict(error))
        self._note(device_id, judged.reason)
        match judged:
            case Refusal():
                await self.outbox.bury(letter, judged.reason)
                self.pacing.refused(device_id, self.clock.monotonic())
                self.tally.refused += 1
                event("refused", device=device_id, number=letter.number, error=judged.reason, level="error")
            case Failure():
                gate, times = self.pacing.gate, self.pacing.gate.times_closed
                self.pacing.failed(device_id, judged, self.clock.monotonic())
                self.tally.failed += 1
                event("not sent", device=device_id, error=judged.reason, level="warning")
                if gate.times_closed != times:
                    seconds = round(gate.seconds_left(self.clock.monotonic()), 1)
                    event("paused", seconds=seconds, error=judged.reason, level="warning")

    def _note(self, device_id: str, error: str) -> None:
        self.errors[device_id] = self.tally.last_error = error
