"""Reads devices when they are due, each by itself, and puts what is news into the outbox.

The shell around `schedule` and `news`. A device that cannot be read, or takes its time, costs no other device anything.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from attrs import define, evolve, field

from printos_ext.sources.opening import open_source, read_device, shown
from printos_ext.sources.reading import Reading, Source, SourceError

from .clock import Clock
from .configuration import Device
from .events import Sparing, event
from .news import Rules, Told, after_failure, is_taken_for_off, is_worth_telling, status_off, status_read
from .outbox import OutboxError, Status
from .schedule import Schedule
from .threads import Threads, context_of

Put = Callable[[Status], Awaitable[None]]
# Finds the id of a device that the configuration gives none; `SourceError` says why there is none.
Identify = Callable[[Device, Reading], Awaitable[str]]


@define
class Watched:
    """A device that is read, and what is known of it."""

    device: Device
    sources: list[Source] = field(factory=list)
    id: str | None = None
    is_doubted: bool = False  # whether PrintOS does not know the id that was looked up
    told: Told = field(factory=Told)
    reading: Reading | None = None
    error: str | None = None
    not_put: str | None = None
    begun_at: float | None = None  # while it is being read
    given_up: "asyncio.Task[tuple[Reading, list[SourceError]]] | None" = None  # a reading that does not even end then


@define
class Readings:
    """How the readings went since the agent began."""

    done: int = 0
    failed: int = 0
    skipped: int = 0  # the one before had not ended
    lateness: float = 0.0  # seconds that a reading began later than it was due, at most
    put: int = 0
    not_put: int = 0


@define
class Watching:
    """Reads devices for as long as `run` runs. `rules` may change at any time.

    Attributes:
        falls_behind: Whether what was put of a device before still has to be sent, and will be.
    """

    rules: Rules
    put: Put
    identify: Identify
    schedule: Schedule
    longest: float = 20.0
    falls_behind: Callable[[str], bool] = lambda _: False
    clock: Clock = field(factory=Clock)
    threads: Threads = field(factory=Threads)
    open: Callable[[str], Source] = open_source
    devices: dict[str, Watched] = field(init=False, factory=dict)
    _known: dict[str, Watched] = field(init=False, factory=dict)  # by the ids of PrintOS
    tally: Readings = field(init=False, factory=Readings)
    _news: asyncio.Event = field(init=False, factory=asyncio.Event)
    _under_way: set[asyncio.Task[None]] = field(init=False, factory=set)
    _closing: set[asyncio.Task[None]] = field(init=False, factory=set)
    _not_accepted: Sparing = field(init=False, factory=lambda: Sparing("not accepted", "error"))

    def attend(self, devices: Mapping[str, Device]) -> None:
        """Read these devices from now on, and no others; those that are read already go on as they were."""
        for name in [name for name, watched in self.devices.items() if devices.get(name) != watched.device]:
            watched = self.devices.pop(name)
            self._known.pop(watched.id or "", None)
            self._close(watched)
        new = [name for name in devices if name not in self.devices]
        self.devices.update({name: Watched(devices[name], id=devices[name].id) for name in new})
        self._known.update({one.device.id: one for one in self.devices.values() if one.device.id})
        for watched in self.devices.values():
            if watched.id and self._known.get(watched.id) is not watched:
                watched.id = None  # it was looked up, and is another's now
        self.schedule.keep(set(devices) - set(new))
        self.schedule.begin([(name, devices[name].every) for name in new], self.clock.monotonic())
        self._news.set()

    def disown(self, device_id: str) -> None:
        """Look an id up again that PrintOS does not know any more: the device may have got another one."""
        watched = self._known.get(device_id)
        if watched and not watched.device.id:
            watched.is_doubted = True

    async def run(self) -> None:
        """Read until cancelled."""
        try:
            while True:
                now = self.clock.monotonic()
                while (taken := self.schedule.take(now)) is not None:
                    self._begin(*taken, now)
                await self.clock.wait(self._news, self.schedule.seconds_left(now))
                self._news.clear()
        finally:
            reading = list(self._under_way)
            for task in reading:
                task.cancel()
            await asyncio.gather(*reading, return_exceptions=True)

    async def read_once(self) -> None:
        """Read every device one time."""
        await asyncio.gather(*(self._read(watched) for watched in self.devices.values()))

    async def aclose(self, seconds: float) -> None:
        """Let go of all connections to devices, of those at least that let go so soon."""
        for watched in self.devices.values():
            self._close(watched)
        if self._closing:
            await asyncio.wait(self._closing, timeout=seconds)

    def overdue(self, now: float) -> float:
        """Return for how many seconds a reading has not begun that was due, or not ended that should have."""
        begun = [watched.begun_at for watched in self.devices.values() if watched.begun_at is not None]
        return max(self.schedule.overdue(now), now - self.longest - min(begun, default=now))

    def _begin(self, name: str, due: float, now: float) -> None:
        watched = self.devices[name]
        self.tally.lateness = max(self.tally.lateness, now - due)
        if watched.begun_at is not None:
            self.tally.skipped += 1
            return
        task = asyncio.create_task(self._read(watched))
        self._under_way.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            event("stumbled", error=repr(error), level="error", trace=error)

    async def _read(self, watched: Watched) -> None:
        """Read a device, and put what is news into the outbox."""
        watched.begun_at = self.clock.monotonic()
        try:
            status = await self._status(watched)
            now, is_attended = self.clock.monotonic(), self.devices.get(watched.device.called) is watched
            if status is None or not is_attended:
                return
            is_behind = self.falls_behind(status.device_id)
            if is_worth_telling(status, watched.told, now, self.rules, every=watched.device.every, is_behind=is_behind):
                await self._tell(watched, status, now)
        finally:
            watched.begun_at = None

    async def _status(self, watched: Watched) -> Status | None:
        """Return the status that a device has now, if anybody knows."""
        try:
            reading, errors = await self._asked(watched)
            watched.id = await self._identified(watched, reading)
        except SourceError as error:
            return self._failed(watched, str(error))
        if watched.told.failures:
            event("readable again", device=watched.id, name=watched.device.name)
        self.tally.done += 1
        watched.reading, watched.told = reading, evolve(watched.told, failures=0)
        if errors and not watched.error:
            event(
                "partly unreadable", device=watched.id, name=watched.device.name, error=str(errors[0]), level="warning"
            )
        watched.error = "; ".join(map(str, errors)) or None
        return status_read(watched.id, reading)

    async def _identified(self, watched: Watched, reading: Reading) -> str:
        """Return the id of a device, looked up if it has none; one that is doubted stays until there is another.

        Raises:
            SourceError: There is none, or it is another device's.
        """
        if watched.id and not watched.is_doubted:
            return watched.id
        try:
            found = await self.identify(watched.device, reading)
        except SourceError:
            if watched.id:
                return watched.id
            raise
        is_attended = self.devices.get(watched.device.called) is watched
        other = self._known.setdefault(found, watched) if is_attended else watched
        if other is not watched:
            names = f"{watched.device.shown} and {other.device.shown}"
            raise SourceError(f"{names} are the same device of PrintOS, {found}: put their sources into one [[device]]")
        if watched.id and watched.id != found:
            self._known.pop(watched.id, None)
            watched.told = Told()
        watched.is_doubted = False
        return found

    async def _asked(self, watched: Watched) -> tuple[Reading, list[SourceError]]:
        addresses = ", ".join(map(shown, watched.device.sources))
        try:
            if not watched.sources:
                watched.sources = [self.open(address) for address in watched.device.sources]
            return await self._within_limit(watched, addresses)
        except SourceError:
            raise
        except Exception as error:  # a source of somebody else's may raise anything
            raise SourceError(f"{addresses}: its source failed: {error!r}") from error

    async def _within_limit(self, watched: Watched, addresses: str) -> tuple[Reading, list[SourceError]]:
        """Read a device for as long as is allowed; a source of somebody else's may not even heed a cancellation."""
        name = watched.device.called
        if (watched.given_up and not watched.given_up.done()) or self.threads.are_at_work(name):
            raise SourceError(f"{addresses}: its source still hangs in a reading that was given up")
        reading = asyncio.create_task(read_device(watched.sources), context=context_of(name))
        try:
            done, _ = await asyncio.wait({reading}, timeout=self.longest)
        finally:
            reading.cancel()
        if not done:
            watched.given_up = reading
            reading.add_done_callback(_forget)
            raise SourceError(f"{addresses}: no answer within {self.longest:g} s: is it switched on?")
        if reading.cancelled():
            raise SourceError(f"{addresses}: its source failed: it cancelled the reading")
        return reading.result()

    def _failed(self, watched: Watched, error: str) -> Status | None:
        self.tally.failed += 1
        if not watched.told.failures:
            event("unreadable", device=watched.id, name=watched.device.name, error=error, level="warning")
        watched.error, watched.told = error, after_failure(watched.told)
        if watched.id is None or not is_taken_for_off(watched.told, self.rules):
            return None
        return status_off(watched.id, self.clock.now())

    async def _tell(self, watched: Watched, status: Status, now: float) -> None:
        """Put a status into the outbox; if that fails, the next reading is still news."""
        before = watched.told.status
        try:
            await self.put(status)
        except OutboxError as error:
            self.tally.not_put += 1
            if watched.not_put is None:
                self._not_accepted.event(now, device=status.device_id, error=str(error))
            watched.not_put = str(error)
            return
        self.tally.put += 1
        watched.not_put = None
        if before is None or before.status != status.status:
            event("state", device=status.device_id, name=watched.device.name, status=status.status)
        watched.told = evolve(watched.told, status=status, at=now)

    def _close(self, watched: Watched) -> None:
        for source in watched.sources:
            task = asyncio.create_task(source.aclose())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
            task.add_done_callback(_forget)


def _forget(task: "asyncio.Task[Any]") -> None:
    """Take note of how a task ended that nobody waits for; asyncio would complain."""
    if not task.cancelled():
        task.exception()
