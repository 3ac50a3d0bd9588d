"""The connection to PrintOS that an agent delivers over: many at once, never a retry of its own, each call limited."""

import asyncio
from collections.abc import Mapping

from attrs import field, frozen

from printos_ext.auth import SessionAuth
from printos_ext.client import AsyncPrintOS
from printos_ext.errors import ConfigurationError, PrintOSError
from printos_ext.flows import StatusUpdate, report_call
from printos_ext.settings import Setting, look_up
from printos_ext.sources.reading import Reading, SourceError

from .clock import Clock
from .configuration import Configuration, Device, Server, secret
from .outbox import Status

LONGEST_LIST = 20.0
LIST_IS_NEW, FAILURE_IS_NEW = 60.0, 10.0


@frozen
class Access:
    """What a connection is made of: where PrintOS is, who asks, and how many calls of which length there may be."""

    server: Server
    timeout: float
    longest_list: float
    concurrency: int
    secrets: tuple[str | None, ...] = field(repr=False)
    found: Mapping[str, Setting]


def access(configuration: Configuration) -> Access:
    """Find the credentials that a configuration names."""
    sending, server = configuration.delivery, configuration.printos
    if bool(server.login) != bool(server.password_file):
        raise ConfigurationError("printos.login and printos.password_file go together: give both, or none")
    named = ("key_file", server.key_file), ("secret_file", server.secret_file), ("password_file", server.password_file)
    return Access(
        server,
        sending.timeout,
        min(LONGEST_LIST, configuration.agent.watchdog / 2),
        sending.concurrency,
        tuple(secret(f"printos.{name}", file) if file else None for name, file in named),
        look_up(profile=server.profile),
    )


def connect(configuration: Configuration, clock: Clock) -> "Connection":
    """Return the connection that a configuration asks for."""
    return Connection(access(configuration), clock)


class Connection:
    """PrintOS, for an agent."""

    def __init__(self, access: Access, clock: Clock) -> None:
        """Take what it is made of; nothing is sent yet."""
        self.access, self._clock, server = access, clock, access.server
        self.server = server.url
        key, secret, password = access.secrets
        self._printos = AsyncPrintOS(
            key or server.key,
            secret,
            base_url=server.base_url,
            profile=server.profile,
            auth=SessionAuth(server.login, password) if server.login and password else None,
            timeout=access.timeout,
            deadline=access.timeout,
            max_retries=0,
            max_connections=access.concurrency + 1,  # one for the list of devices
        )
        self._ids: dict[str, list[tuple[str, str | None]]] = {}
        self._listed_at = float("-inf")
        self._not_listed: PrintOSError | None = None
        self._listing = asyncio.Lock()

    def fits(self, configuration: Configuration) -> bool:
        """Tell whether a configuration asks for no other; one whose secrets cannot be read is refused."""
        return access(configuration) == self.access

    def min_interval(self, configuration: Configuration) -> float:
        """Return how often PrintOS wants to hear of a device."""
        return configuration.delivery.min_interval

    async def send(self, status: Status) -> None:
        """Send a status, once."""
        update = StatusUpdate(
            status.device_id, status.status, status.pages_total, status.ink_level, dict(status.more_metrics)
        )
        await self._printos.send(report_call(update))

    async def identify(self, device: Device, reading: Reading) -> str:
        """Return the id of a device by its serial number; it is registered already, or there is none."""
        serial_number = device.serial_number or reading.serial_number
        if not serial_number:
            raise SourceError(f"{device.shown}: it tells no serial number: give the id of the device with it")
        async with self._listing:
            longest = FAILURE_IS_NEW if self._not_listed else LIST_IS_NEW
            if self._clock.monotonic() - self._listed_at >= longest:
                await self._list()
        if self._not_listed:
            raise SourceError(f"{device.shown}: its id cannot be looked up: {self._not_listed}")
        found = self._ids.get(serial_number, [])
        if len(found) > 1:
            found = [one for one in found if one[1] == (device.model or reading.model)]
        if len(found) != 1:
            told = f"{len(found) or 'no'} devices of PrintOS have the serial number {serial_number!r}"
            raise SourceError(f"{device.shown}: {told}: register it with: printos attach")
        return found[0][0]

    async def register(self, model: str, serial_number: str, location: str | None) -> str:
        """Return the id of a device, which is provisioned if PrintOS does not know it."""
        printos = self._printos.with_options(deadline=LONGEST_LIST)
        device = await printos.devices.ensure(model=model, serial_number=serial_number, location=location)
        if not isinstance(device.id, str):
            raise PrintOSError(f"PrintOS gives {model} {serial_number} no id")
        return device.id

    async def _list(self) -> None:
        """Ask for all devices, or take down why they are not known."""
        ids: dict[str, list[tuple[str, str | None]]] = {}
        self._listed_at, self._not_listed = self._clock.monotonic(), None
        try:
            for one in await self._printos.with_options(deadline=self.access.longest_list).devices.list():
                if isinstance(one.serial_number, str) and isinstance(one.id, str):
                    model = one.model if isinstance(one.model, str) else None
                    ids.setdefault(one.serial_number, []).append((one.id, model))
        except PrintOSError as error:
            self._not_listed = error
        self._ids = ids

    async def aclose(self) -> None:
        """Close all connections."""
        await self._printos.aclose()
