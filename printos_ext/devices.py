"""The devices of a client: list, get, find, provision, ensure, update_status, update_statuses.

The sync and the async class run the same flows; those with `Raw` in their names return each result with its answer.
"""

import builtins
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from printos_client.models import PrintDevice

from . import arguments, flows
from .errors import PrintOSError
from .fleets import device_of, reported
from .flows import RawResponse, StatusResult, StatusUpdate

if TYPE_CHECKING:
    from .client import AsyncPrintOS, PrintOS

DEFAULT_CONCURRENCY = 8


class Devices:
    """The devices that a `PrintOS` client reaches."""

    def __init__(self, client: "PrintOS") -> None:
        """Call through a client's connections."""
        self._client = client

    @property
    def with_raw_response(self) -> "RawDevices":
        """The same methods, each result in a `RawResponse`."""
        return RawDevices(self._client)

    def list(self) -> builtins.list[PrintDevice]:
        """Return all devices."""
        return self._client.run(flows.list_all()).parsed

    def get(self, device_id: str) -> PrintDevice:
        """Return the device with an id, or raise `NotFoundError`.

        Looks through the list: the contract has no call for a single device.
        """
        return self._client.run(flows.get(self._client.devices_url, device_id)).parsed

    def find(self, *, serial_number: str, model: str | None = None) -> PrintDevice | None:
        """Return the device with a serial number, or None; raise `ConflictError` if several models have it.

        Looks through the list: the contract has no call for a single device.
        """
        return self._client.run(flows.find(self._client.devices_url, serial_number, model)).parsed

    def provision(self, *, model: str, serial_number: str, location: str | None = None) -> PrintDevice:
        """Register a device. One that is registered already is *replaced*: see `ensure`.

        Sent once: a call whose outcome is unknown is not repeated.
        """
        return self._client.run(flows.provision(model, serial_number, location)).parsed

    def ensure(self, *, model: str, serial_number: str, location: str | None = None) -> PrintDevice:
        """Return the device with this model and serial number; provision it only if there is none."""
        return self._client.run(flows.ensure(self._client.devices_url, model, serial_number, location)).parsed

    def update_status(
        self,
        device_id: str,
        status: str,
        *,
        pages_total: int | None = None,
        ink_level: float | Decimal | None = None,
        **more_metrics: Any,
    ) -> None:
        """Report what a device does (a `DeviceState` or any other text) and its metrics; None leaves one out."""
        self._client.send(flows.status_call(device_id, status, pages_total, ink_level, more_metrics))

    def update_statuses(
        self, updates: Iterable[StatusUpdate], *, concurrency: int = DEFAULT_CONCURRENCY
    ) -> Iterator[StatusResult]:
        """Report for many devices at once, in bounded memory; yield a result for each update as it completes.

        Updates of one device stay in their order. One that fails does not stop the others; if the iterable itself
        fails, what is under way is completed first.
        """
        arguments.concurrency(concurrency)
        concurrency = self._client.at_once(concurrency)
        failure: Exception | None = None
        pending: dict[str, Future[StatusResult]] = {}
        threads = ThreadPoolExecutor(concurrency, thread_name_prefix="printos")
        is_interrupted = False
        try:
            try:
                for update in updates:
                    while len(pending) >= concurrency or device_of(update) in pending:
                        yield from _completed(pending, wait(pending.values(), return_when=FIRST_COMPLETED).done)
                    pending[device_of(update)] = threads.submit(self._report, update)
                    yield from _completed(pending, {task for task in pending.values() if task.done()})
            except Exception as error:  # noqa: BLE001 - the iterable is somebody else's; it is raised below
                failure = error
            yield from _completed(pending, wait(pending.values()).done)
        except KeyboardInterrupt:
            is_interrupted = True
            raise
        finally:
            threads.shutdown(wait=not is_interrupted, cancel_futures=is_interrupted)
        if failure is not None:
            raise failure

    def _report(self, update: StatusUpdate) -> StatusResult:
        try:
            self._client.send(flows.report_call(update))
        except PrintOSError as error:
            return StatusResult(update, error)
        return StatusResult(update)


class AsyncDevices:
    """The devices that an `AsyncPrintOS` client reaches."""

    def __init__(self, client: "AsyncPrintOS") -> None:
        """Call through a client's connections."""
        self._client = client

    @property
    def with_raw_response(self) -> "AsyncRawDevices":
        """The same methods, each result in a `RawResponse`."""
        return AsyncRawDevices(self._client)

    async def list(self) -> builtins.list[PrintDevice]:
        """Return all devices."""
        return (await self._client.run(flows.list_all())).parsed

    async def get(self, device_id: str) -> PrintDevice:
        """Return the device with an id, or raise `NotFoundError`.

        Looks through the list: the contract has no call for a single device.
        """
        return (await self._client.run(flows.get(self._client.devices_url, device_id))).parsed

    async def find(self, *, serial_number: str, model: str | None = None) -> PrintDevice | None:
        """Return the device with a serial number, or None; raise `ConflictError` if several models have it.

        Looks through the list: the contract has no call for a single device.
        """
        return (await self._client.run(flows.find(self._client.devices_url, serial_number, model))).parsed

    async def provision(self, *, model: str, serial_number: str, location: str | None = None) -> PrintDevice:
        """Register a device. One that is registered already is *replaced*: see `ensure`.

        Sent once: a call whose outcome is unknown is not repeated.
        """
        return (await self._client.run(flows.provision(model, serial_number, location))).parsed

    async def ensure(self, *, model: str, serial_number: str, location: str | None = None) -> PrintDevice:
        """Return the device with this model and serial number; provision it only if there is none."""
        return (await self._client.run(flows.ensure(self._client.devices_url, model, serial_number, location))).parsed

    async def update_status(
        self,
        device_id: str,
        status: str,
        *,
        pages_total: int | None = None,
        ink_level: float | Decimal | None = None,
        **more_metrics: Any,
    ) -> None:
        """Report what a device does (a `DeviceState` or any other text) and its metrics; None leaves one out."""
        await self._client.send(flows.status_call(device_id, status, pages_total, ink_level, more_metrics))

    def update_statuses(
        self,
        updates: Iterable[StatusUpdate] | AsyncIterable[StatusUpdate],
        *,
        concurrency: int = DEFAULT_CONCURRENCY,
    ) -> AsyncIterator[StatusResult]:
        """Report for many devices at once, in bounded memory; yield a result for each update as it completes.

        Updates of one device stay in their order. One that fails does not stop the others; if the iterable itself
        fails, what is under way is completed first.
        """
        arguments.concurrency(concurrency)
        return reported(updates, self._report, self._client.at_once(concurrency))

    async def _report(self, update: StatusUpdate) -> StatusResult:
        try:
            await self._client.send(flows.report_call(update))
        except PrintOSError as error:
            return StatusResult(update, error)
        return StatusResult(update)


class RawDevices:
    """The methods of `Devices`, whose results come with the answers they were in."""

    def __init__(self, client: "PrintOS") -> None:
        """Call through a client's connections."""
        self._client = client

    def list(self) -> RawResponse[builtins.list[PrintDevice]]:
        """Return all devices."""
        return self._client.run(flows.list_all())

    def get(self, device_id: str) -> RawResponse[PrintDevice]:
        """Return the device with an id, or raise `NotFoundError`."""
        return self._client.run(flows.get(self._client.devices_url, device_id))

    def find(self, *, serial_number: str, model: str | None = None) -> RawResponse[PrintDevice | None]:
        """Return the device with a serial number, or None; raise `ConflictError` if several models have it."""
        return self._client.run(flows.find(self._client.devices_url, serial_number, model))

    def provision(self, *, model: str, serial_number: str, location: str | None = None) -> RawResponse[PrintDevice]:
        """Register a device. One that is registered already is *replaced*: see `ensure`."""
        return self._client.run(flows.provision(model, serial_number, location))

    def ensure(self, *, model: str, serial_number: str, location: str | None = None) -> RawResponse[PrintDevice]:
        """Return the device with this model and serial number; provision it only if there is none."""
        return self._client.run(flows.ensure(self._client.devices_url, model, serial_number, location))

    def update_status(
        self,
        device_id: str,
        status: str,
        *,
        pages_total: int | None = None,
        ink_level: float | Decimal | None = None,
        **more_metrics: Any,
    ) -> RawResponse[None]:
        """Report what a device does (a `DeviceState` or any other text) and its metrics; None leaves one out."""
        flow = flows.update_status(device_id, status, pages_total, ink_level, more_metrics)
        return self._client.run(flow)


class AsyncRawDevices:
    """The methods of `AsyncDevices`, whose results come with the answers they were in."""

    def __init__(self, client: "AsyncPrintOS") -> None:
        """Call through a client's connections."""
        self._client = client

    async def list(self) -> RawResponse[builtins.list[PrintDevice]]:
        """Return all devices."""
        return await self._client.run(flows.list_all())

    async def get(self, device_id: str) -> RawResponse[PrintDevice]:
        """Return the device with an id, or raise `NotFoundError`."""
        return await self._client.run(flows.get(self._client.devices_url, device_id))

    async def find(self, *, serial_number: str, model: str | None = None) -> RawResponse[PrintDevice | None]:
        """Return the device with a serial number, or None; raise `ConflictError` if several models have it."""
        return await self._client.run(flows.find(self._client.devices_url, serial_number, model))

    async def provision(
        self, *, model: str, serial_number: str, location: str | None = None
    ) -> RawResponse[PrintDevice]:
        """Register a device. One that is registered already is *replaced*: see `ensure`."""
        return await self._client.run(flows.provision(model, serial_number, location))

    async def ensure(self, *, model: str, serial_number: str, location: str | None = None) -> RawResponse[PrintDevice]:
        """Return the device with this model and serial number; provision it only if there is none."""
        return await self._client.run(flows.ensure(self._client.devices_url, model, serial_number, location))

    async def update_status(
        self,
        device_id: str,
        status: str,
        *,
        pages_total: int | None = None,
        ink_level: float | Decimal | None = None,
        **more_metrics: Any,
    ) -> RawResponse[None]:
        """Report what a device does (a `DeviceState` or any other text) and its metrics; None leaves one out."""
        flow = flows.update_status(device_id, status, pages_total, ink_level, more_metrics)
        return await self._client.run(flow)


def _completed(pending: dict[str, Future[StatusResult]], done: set[Future[StatusResult]]) -> Iterator[StatusResult]:
    for device in [device for device, task in pending.items() if task in done]:
        yield pending.pop(device).result()
