"""A site: an agent that reads devices as ever, and sends what is new to JetStream instead of PrintOS.

Its own outbox is the spool: what JetStream does not take, or not yet, waits there.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from printos_ext.agent.clock import Clock
from printos_ext.agent.configuration import Configuration, Device
from printos_ext.agent.letters import OutboxError, Status
from printos_ext.agent.running import Agent
from printos_ext.errors import InvalidArgumentError, PrintOSError
from printos_ext.sources.reading import Reading, SourceError

from . import streams
from .asking import Asking
from .link import GONE, TOO_LARGE, Link, Msg, RefusedError
from .names import Names, token_of
from .posting import post


def site(configuration: Configuration) -> Agent:
    """Return an agent that puts statuses on NATS."""

    def disown(device_id: str) -> None:
        agent.watching.disown(device_id)

    agent = Agent(configuration, connect=partial(connect, disown=disown))
    return agent


def connect(configuration: Configuration, _: Clock, *, disown: Callable[[str], None] = lambda _: None) -> "Site":
    """Return JetStream, for an agent; `disown` is told the ids that PrintOS does not know any more."""
    return Site(configuration, disown)


class Site:
    """JetStream, for an agent."""

    def __init__(self, configuration: Configuration, disown: Callable[[str], None]) -> None:
        """Find the credentials and begin to connect; `disown` is told the ids that PrintOS does not know any more."""
        self._disown = disown
        self.server, self._names = configuration.on_nats or "", Names(configuration.nats.fleet)
        self._link = Link(self.server, configuration.nats)
        self._asking = Asking(self._link, self._names)
        storage, replicas = configuration.outbox, configuration.nats.replicas
        self._streams = [
            streams.statuses(self._names, history=storage.history, max_bytes=storage.max_bytes, replicas=replicas),
            streams.asked(self._names, replicas=replicas),
            streams.answers(self._names, replicas=replicas),
        ]
        self._link.on_up.append(self._prepare)
        self._link.open()

    def fits(self, _: Configuration) -> bool:
        """Tell that it does, whatever is reloaded: what would change it waits for a restart."""
        return True

    def min_interval(self, _: Configuration) -> float:
        """Return that any time is right: forwarders keep the interval."""
        return 0.0

    async def send(self, status: Status) -> None:
        """Put a status into the stream, once."""
        try:
            token_of(status.device_id)
        except OutboxError as error:
            raise InvalidArgumentError(str(error)) from None
        try:
            await self._link.tried.wait()
            await post(self._link, self._names, [status], once=True)
        except RefusedError as error:
            if error.code in GONE:
                await self._make_again()
            kind = InvalidArgumentError if error.code == TOO_LARGE else PrintOSError
            raise kind(f"the status of device {status.device_id!r} was not put: {error}") from None
        except OutboxError as error:
            raise PrintOSError(str(error)) from None

    async def identify(self, device: Device, reading: Reading) -> str:
        """Return the id of a device, which a forwarder registers if PrintOS does not know it."""
        model, serial_number = device.model or reading.model, device.serial_number or reading.serial_number
        if not (model and serial_number):
            what = "model" if serial_number else "serial number"
            raise SourceError(f"{device.shown}: it tells no {what}: give it with the sources")
        await self._link.tried.wait()
        return await self._asking.id_of(model, serial_number, device.location or reading.location)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._link.aclose()

    async def _make_again(self) -> None:
        """See to it that the streams are there the next time: somebody has deleted one."""
        with suppress(OutboxError):  # a forwarder may, if this site must not
            await self._make(again=True)

    async def _prepare(self) -> None:
        await self._make()
        await self._link.subscribe(self._names.gone, self._heard)

    async def _make(self, *, again: bool = False) -> None:
        for wanted in self._streams:
            await streams.ensure(self._link, wanted, again=again)

    async def _heard(self, message: Msg) -> None:
        device_id = message.data.decode(errors="replace")
        self._asking.disown(device_id)
        self._disown(device_id)
