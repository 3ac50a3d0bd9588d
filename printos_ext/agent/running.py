"""The agent as a whole: outbox, readings, delivery and what watches over them, from the first to the last second."""

import asyncio
import random
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Protocol, Self

from printos_ext.sources.reading import Reading
from printos_ext.states import DeviceState

from . import service
from .any_outbox import AnyOutbox
from .clock import Clock
from .configuration import Configuration, Device
from .connection import connect
from .delivery import Delivery
from .events import event
from .news import Rules, status_off
from .outbox import Outbox, OutboxError, Status
from .pacing import Pacing
from .schedule import Schedule
from .watching import Watching

if TYPE_CHECKING:
    from prometheus_client.core import Metric

LONGEST_STOP = 8.0  # seconds, all in all; systemd and people count to ten
LONGEST_ONCE, PATIENCE_ONCE = 600.0, 2.0
LAST_SECONDS = 1.0  # for each of the three things that come after it: the page, the devices, PrintOS
OFF = str(DeviceState.OFF)
PULSES = 4  # within the time of the watchdog


class Destination(Protocol):
    """Where statuses are sent: PrintOS, or those who forward to it. `server` is what it is called."""

    server: str

    def fits(self, configuration: Configuration) -> bool:
        """Tell whether a configuration asks for no other."""
        ...

    def min_interval(self, configuration: Configuration) -> float:
        """Return how often a device may be sent for."""
        ...

    async def send(self, status: Status) -> None:
        """Send a status, once; `PrintOSError` if it was not taken."""

    async def identify(self, device: Device, reading: Reading) -> str:
        """Return the id of a device; `SourceError` if it has none yet."""
        ...

    async def aclose(self) -> None:
        """Close all connections."""


Connect = Callable[[Configuration, Clock], Destination]


class Agent:
    """Reads the devices of a configuration and delivers what is new, between `async with` and the end of `run`."""

    def __init__(
        self,
        configuration: Configuration,
        *,
        clock: Clock | None = None,
        chance: Callable[[], float] = random.random,
        outbox: Callable[[Configuration], AnyOutbox] | None = None,
        connect: Connect = connect,
    ) -> None:
        """Take the configuration; nothing is opened yet.

        Args:
            configuration: What is read, and how it is delivered.
            clock: That of all waits.
            chance: Something from 0 to 1, another one each time.
            outbox: Makes the outbox, if it is not the file that the configuration names.
            connect: Makes the way to where statuses are sent.
        """
        # What is told besides, if there is more to an agent than this.
        self.more_ailments: Callable[[], list[str]] = list
        self.more_metrics: Callable[[], Iterable[Metric]] = tuple
        self._outbox_of, self._connect = outbox or outbox_of, connect
        self.configuration = configuration
        self.clock = clock or Clock()
        self.began_at = self.clock.monotonic()
        self._chance = chance
        self._old: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Open the outbox, which nobody else may have open, and find the credentials."""
        configuration = self.configuration
        async with AsyncExitStack() as stack:
            self._connection = self._connect(configuration, self.clock)
            stack.push_async_callback(self._disconnect)
            self.outbox: AnyOutbox = await stack.enter_async_context(self._outbox_of(configuration))
            sending = configuration.delivery
            pacing = Pacing(self._connection.min_interval(configuration), sending.concurrency, self._chance)
            self.delivery = Delivery(self.outbox, self._connection.send, pacing, self.clock, sending.timeout)
            self.watching = Watching(
                _rules(configuration),
                self.delivery.put,
                self._connection.identify,
                Schedule(self._chance),
                longest=configuration.reading.timeout,
                clock=self.clock,
                falls_behind=self._falls_behind,
            )
            self.delivery.disown = self.watching.disown
            asyncio.get_running_loop().set_default_executor(self.watching.threads)
            self.watching.attend(configuration.devices)
            self._closing = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close all that is open; what has not been delivered is in the outbox."""
        await self.watching.aclose(LAST_SECONDS)
        for task in self._old:
            task.cancel()
        await asyncio.gather(*self._old, return_exceptions=True)
        await self._closing.aclose()

    async def run(self, ends: asyncio.Event) -> None:
        """Read and deliver until the event; then finish what is on its way, within `LONGEST_STOP`."""
        delivering, watching, pulse = map(
            asyncio.create_task, (self.delivery.run(), self.watching.run(), self._pulse())
        )
        tasks = {delivering, watching, pulse}
        over = asyncio.create_task(ends.wait())
        try:
            done, _ = await asyncio.wait({over, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {over}:
                task.result()  # none of them ends by itself, unless it is broken
            pulse.cancel()
            await self._stop(delivering, watching)
        finally:
            for task in (over, *tasks):
                task.cancel()
            await asyncio.gather(over, *tasks, return_exceptions=True)

    async def once(self) -> None:
        """Read every device one time and deliver what can be delivered now."""
        await self.watching.read_once()
        delivering = asyncio.create_task(self.delivery.run())
        await asyncio.sleep(0)
        await self.delivery.emptied(LONGEST_ONCE, patience=PATIENCE_ONCE)
        self.delivery.end()
        await delivering

    def reload(self, configuration: Configuration) -> None:
        """Go on with another configuration that is fitting."""
        before = self.configuration
        if not self._connection.fits(configuration):
            connection = self._connect(configuration, self.clock)
            self._retire(self._connection, before.delivery.timeout)
            self._connection = connection
            self.delivery.send, self.watching.identify = connection.send, connection.identify
        self.configuration = configuration
        pacing = self.delivery.pacing
        pacing.min_interval = self._connection.min_interval(configuration)
        pacing.concurrency = configuration.delivery.concurrency
        self.watching.rules, self.watching.longest = _rules(configuration), configuration.reading.timeout
        self.watching.attend(configuration.devices)
        event("reloaded", devices=len(configuration.devices))

    @property
    def server(self) -> str:
        """Where the statuses go."""
        return self._connection.server

    def ailments(self) -> list[str]:
        """Return what is wrong with the agent as a whole: why nothing gets through although it should."""
        now, tally, sending = self.clock.monotonic(), self.delivery.tally, self.configuration.delivery
        since = now - max(self.began_at, tally.taken_at or self.began_at)
        longest = sending.heartbeat + sending.min_interval + self.configuration.reading.every + sending.timeout
        if since <= longest or not (self.configuration.devices or self.outbox.counts().waiting):
            return self.more_ailments()
        why = self.delivery.pacing.gate.reason or tally.last_error or "no device can be read"
        return [f"nothing got through for {since:.0f} s: {why}", *self.more_ailments()]

    def _falls_behind(self, device_id: str) -> bool:
        return self.configuration.outbox.history and self.outbox.next(device_id) is not None

    async def _disconnect(self) -> None:
        await self._connection.aclose()

    async def _pulse(self) -> None:
        """Keep the process alive for as long as it does what it is for."""
        longest = self.configuration.agent.watchdog
        while True:
            now = self.clock.monotonic()
            stuck = max(self.delivery.pacing.overdue(now), self.watching.overdue(now))
            if stuck > longest / 2:
                event("stuck", seconds=round(stuck, 1), ends_in=round(longest - stuck, 1), level="error")
            else:
                service.notify("WATCHDOG=1")
            service.live_for(longest - stuck)
            await asyncio.sleep(longest / PULSES)

    async def _stop(self, delivering: "asyncio.Task[None]", watching: "asyncio.Task[None]") -> None:
        """Send the last words, and what is on its way; leave the rest to the outbox."""
        service.notify("STOPPING=1")
        service.live_for(LONGEST_STOP + LAST_SECONDS)  # what hangs after that is in the outbox, or was never put there
        event("stopping", waiting=self.outbox.counts().waiting)
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_STOP - 3 * LAST_SECONDS):
                watching.cancel()
                await asyncio.wait([watching])  # nothing is put any more
                if self.configuration.reading.off_when_stopping:
                    await self._say_off()
                await self.delivery.emptied(LONGEST_STOP)
                self.delivery.end()
                await delivering
        event("stopped", waiting=self.outbox.counts().waiting)

    async def _say_off(self) -> None:
        """Tell PrintOS that the devices are off: from here on nobody knows better."""
        known = [watched.told.status for watched in self.watching.devices.values()]
        on = [status.device_id for status in known if status and status.status != OFF]
        try:
            await self.delivery.put(*(status_off(device_id, self.clock.now()) for device_id in on))
        except OutboxError as error:
            event("not accepted", error=str(error), level="error")
            return
        # Also those that were told before and still wait; with history, others may come first.
        letters = {status.device_id: self.outbox.next(status.device_id) for status in known if status}
        self.delivery.hurry(*(one for one, letter in letters.items() if letter and letter.status.status == OFF))

    def _retire(self, connection: Destination, seconds: float) -> None:
        """Close a connection when all that is on its way over it has ended."""

        async def close() -> None:
            try:
                await asyncio.sleep(seconds)
            finally:
                await connection.aclose()

        task = asyncio.create_task(close())
        self._old.add(task)
        task.add_done_callback(self._old.discard)


def outbox_of(configuration: Configuration) -> Outbox:
    """Return the outbox that a configuration names; it is not open yet."""
    storage = configuration.outbox
    return Outbox(
        configuration.outbox_path,
        history=storage.history,
        max_bytes=configuration.nats.spool_bytes if configuration.on_nats else storage.max_bytes,
        when_full="refuse" if storage.when_full == "refuse" else "drop-oldest",
    )


def checked(configuration: Configuration, connect: Connect = connect) -> None:
    """Say what only shows when a configuration is used: missing credentials, unreadable secrets."""

    async def try_it() -> None:
        await connect(configuration, Clock()).aclose()

    asyncio.run(try_it())


def _rules(configuration: Configuration) -> Rules:
    sending = configuration.delivery
    figures = sending.min_interval if configuration.outbox.history else 0.0
    return Rules(figures, sending.heartbeat, configuration.reading.failures_until_off)
