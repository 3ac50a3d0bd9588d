"""The connection to PrintOS that an agent delivers over: many at once, never a retry of its own, each call limited."""

import asyncio

from printos_ext.auth import SessionAuth
from printos_ext.client import AsyncPrintOS
from printos_ext.errors import ConfigurationError, PrintOSError
from printos_ext.flows import StatusUpdate, report_call
from printos_ext.sources.reading import Reading, SourceError

from .clock import Clock
from .configuration import Configuration, Device, Server, secret
from .outbox import Status

LONGEST_LIST = 20.0
LIST_IS_NEW = 60.0


class Connection:
    """PrintOS, for an agent."""

    def __init__(self, configuration: Configuration, clock: Clock) -> None:
        """Find the credentials; nothing is sent yet."""
        sending, server = configuration.delivery, configuration.printos
        self._clock = clock
        self._printos = AsyncPrintOS(
            *_pair(server),
            base_url=server.base_url,
            profile=server.profile,
            auth=_session(server),
            timeout=sending.timeout,
            deadline=sending.timeout,
            max_retries=0,
            max_connections=sending.concurrency + 1,  # one for the list of devices
        )
        self._ids: dict[str, list[tuple[str, str | None]]] = {}
        self._listed_at = float("-inf")
        self._not_listed: PrintOSError | None = None
        self._listing = asyncio.Lock()

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
            if self._clock.monotonic() - self._listed_at >= LIST_IS_NEW:
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

    async def _list(self) -> None:
        """Ask for all devices, or take down why they are not known."""
        ids: dict[str, list[tuple[str, str | None]]] = {}
        self._listed_at, self._not_listed = self._clock.monotonic(), None
        try:
            for one in await self._printos.with_options(deadline=LONGEST_LIST).devices.list():
                if isinstance(one.serial_number, str) and isinstance(one.id, str):
                    model = one.model if isinstance(one.model, str) else None
                    ids.setdefault(one.serial_number, []).append((one.id, model))
        except PrintOSError as error:
            self._not_listed = error
        self._ids = ids

    async def aclose(self) -> None:
        """Close all connections."""
        await self._printos.aclose()


def _pair(server: Server) -> tuple[str | None, str | None]:
    """Return key and secret as far as the file says where they are; the environment and the profile know the rest."""
    key = secret("printos.key_file", server.key_file) if server.key_file else server.key
    return key, secret("printos.secret_file", server.secret_file) if server.secret_file else None


def _session(server: Server) -> SessionAuth | None:
    if not server.login and not server.password_file:
        return None
    if not server.login or not server.password_file:
        raise ConfigurationError("printos.login and printos.password_file go together: give both, or none")
    return SessionAuth(server.login, secret("printos.password_file", server.password_file))
