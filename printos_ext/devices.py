"""The devices of a client: list, get, find, provision, ensure, update_status, update_statuses.

What a method does is a flow: a generator that asks for calls and is given their answers, without any I/O. The sync and
the async class run the same flows; those with `Raw` in their names return each result with the answer it was in.
"""

import asyncio
import builtins
from collections.abc import AsyncIterable, AsyncIterator, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from decimal import Decimal
from types import ModuleType
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

import httpx
from attrs import Factory, field, frozen
from printos_client.api.devices import list_devices, provision_device, update_device_status
from printos_client.models import PrintDevice, PrintDeviceList
from printos_client.types import Response

from . import arguments
from .decoding import read_json, readable
from .errors import (
    APIConnectionError,
    APIStatusError,
    ConflictError,
    InternalServerError,
    InvalidArgumentError,
    NotFoundError,
    PrintOSError,
)

if TYPE_CHECKING:
    from .client import AsyncPrintOS, PrintOS

DEFAULT_CONCURRENCY = 8

T = TypeVar("T")
U = TypeVar("U")
P = TypeVar("P", Future["StatusResult"], asyncio.Task["StatusResult"])


@frozen
class RawResponse(Generic[T]):
    """A result with the answer it was in. The last answer, where a method needs several."""

    status: int
    headers: httpx.Headers = field(repr=False)
    body: bytes = field(repr=False)
    parsed: T

    def holding(self, parsed: U) -> "RawResponse[U]":
        """Return the same answer with another result."""
        return RawResponse(self.status, self.headers, self.body, parsed)


@frozen
class StatusUpdate:
    """One device's news, for `update_statuses`: the arguments of `update_status`."""

    device_id: str
    status: str
    pages_total: int | None = None
    ink_level: float | Decimal | None = None
    more_metrics: dict[str, Any] = Factory(dict)


@frozen
class StatusResult:
    """What became of a status update: sent, or the error it ended with."""

    update: StatusUpdate
    error: PrintOSError | None = None

    @property
    def ok(self) -> bool:
        """Whether the server took it."""
        return self.error is None


@frozen
class Call:
    """A generated operation to be called, and the model that its answer holds, if it holds one."""

    operation: ModuleType
    model: type | None = None
    arguments: dict[str, Any] = Factory(dict)

    def result(self, response: Response[Any]) -> RawResponse[Any]:
        """Return the answer; one with a success that the contract does not name is read all the same."""
        parsed = response.parsed
        if parsed is None and self.model is not None:
            parsed = self.model.from_dict(readable(self.model, read_json(response.content)))  # type: ignore[attr-defined]  # every model has it
        return RawResponse(int(response.status_code), httpx.Headers(response.headers), response.content, parsed)


Flow = Generator[Call, RawResponse[Any], RawResponse[T]]


def _list() -> Flow[list[PrintDevice]]:
    answer: RawResponse[PrintDeviceList] = yield Call(list_devices, PrintDeviceList)
    return answer.holding(list(answer.parsed.devices or ()))


def _get(url: str, device_id: str) -> Flow[PrintDevice]:
    wanted = arguments.device_id(device_id)
    answer = yield from _list()
    for device in answer.parsed:
        if device.id == wanted:
            return answer.holding(device)
    _mismatch(NotFoundError, 404, f"no device has the id {wanted!r}", url, answer)


def _find(url: str, serial_number: str, model: str | None) -> Flow[PrintDevice | None]:
    answer = yield from _list()
    found = [d for d in answer.parsed if d.serial_number == serial_number and model in {None, d.model}]
    if len(found) > 1:
        ids = ", ".join(repr(device.id) for device in found)
        _mismatch(
            ConflictError, 409, f"{len(found)} devices have this serial number, {ids}: say which model", url, answer
        )
    return answer.holding(found[0] if found else None)


def _provision(model: str, serial_number: str, location: str | None) -> Flow[PrintDevice]:
    body = arguments.provision_request(model, serial_number, location)
    return (yield Call(provision_device, PrintDevice, {"body": body}))


def _ensure(url: str, model: str, serial_number: str, location: str | None) -> Flow[PrintDevice]:
    """Look, then provision; if nobody knows whether that arrived, look again."""
    arguments.provision_request(model, serial_number, location)
    before = yield from _find(url, serial_number, model)
    if before.parsed is not None:
        return before.holding(before.parsed)
    try:
        return (yield from _provision(model, serial_number, location))
    except (APIConnectionError, InternalServerError):
        after = yield from _find(url, serial_number, model)
        if after.parsed is None:
            raise
        return after.holding(after.parsed)


def _update_status(
    device_id: str,
    status: str,
    pages_total: int | None,
    ink_level: float | Decimal | None,
    more_metrics: dict[str, Any],
) -> Flow[None]:
    body = arguments.status_update(status, pages_total, ink_level, more_metrics)
    call = Call(update_device_status, None, {"device_id": arguments.device_id(device_id), "body": body})
    answer = yield call
    return answer.holding(None)


def _mismatch(error: type[APIStatusError], status: int, why: str, url: str, answer: RawResponse[Any]) -> NoReturn:
    count = len(answer.parsed)
    response = httpx.Response(
        answer.status, headers=answer.headers, content=answer.body, request=httpx.Request("GET", url)
    )
    raise error(
        f"GET {url}: {why}, of {count} listed (the contract has no call for a single device)",
        response=response,
        status_code=status,
    )


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
        return self._client.run(_list()).parsed

    def get(self, device_id: str) -> PrintDevice:
        """Return the device with an id, or raise `NotFoundError`.

        Looks through the list: the contract has no call for a single device.
        """
        return self._client.run(_get(self._client.devices_url, device_id)).parsed

    def find(self, *, serial_number: str, model: str | None = None) -> PrintDevice | None:
        """Return the device with a serial number, or None; raise `ConflictError` if several models have it.

        Looks through the list: the contract has no call for a single device.
        """
        return self._client.run(_find(self._client.devices_url, serial_number, model)).parsed

    def provision(self, *, model: str, serial_number: str, location: str | None = None) -> PrintDevice:
        """Register a device. One that is registered already is *replaced*: see `ensure`.

        Sent once: a call whose outcome is unknown is not repeated.
        """
        return self._client.run(_provision(model, serial_number, location)).parsed

    def ensure(self, *, model: str, serial_number: str, location: str | None = None) -> PrintDevice:
        """Return the device with this model and serial number; provision it only if there is none."""
        return self._client.run(_ensure(self._client.devices_url, model, serial_number, location)).parsed

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
        flow = _update_status(device_id, status, pages_total, ink_level, more_metrics)
        self._client.run(flow)

    def update_statuses(
        self, updates: Iterable[StatusUpdate], *, concurrency: int = DEFAULT_CONCURRENCY
    ) -> Iterator[StatusResult]:
        """Report for many devices at once, in bounded memory; yield a result for each update as it completes.

        Updates of one device stay in their order. One that fails does not stop the others; if the iterable itself
        fails, what is under way is completed first.
        """
        arguments.positive("concurrency", concurrency)
        failure: Exception | None = None
        pending: dict[str, Future[StatusResult]] = {}
        with ThreadPoolExecutor(concurrency, thread_name_prefix="printos") as threads:
            try:
                for update in updates:
                    while len(pending) >= concurrency or _device(update) in pending:
                        yield from _completed(pending, wait(pending.values(), return_when=FIRST_COMPLETED).done)
                    pending[_device(update)] = threads.submit(self._report, update)
            except Exception as error:  # noqa: BLE001 - the iterable is somebody else's; it is raised below
                failure = error
            yield from _completed(pending, wait(pending.values()).done)
        if failure is not None:
            raise failure

    def _report(self, update: StatusUpdate) -> StatusResult:
        try:
            self._client.run(_report(update))
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
        return (await self._client.run(_list())).parsed

    async def get(self, device_id: str) -> PrintDevice:
        """Return the device with an id, or raise `NotFoundError`.

        Looks through the list: the contract has no call for a single device.
        """
        return (await self._client.run(_get(self._client.devices_url, device_id))).parsed

    async def find(self, *, serial_number: str, model: str | None = None) -> PrintDevice | None:
        """Return the device with a serial number, or None; raise `ConflictError` if several models have it.

        Looks through the list: the contract has no call for a single device.
        """
        return (await self._client.run(_find(self._client.devices_url, serial_number, model))).parsed

    async def provision(self, *, model: str, serial_number: str, location: str | None = None) -> PrintDevice:
        """Register a device. One that is registered already is *replaced*: see `ensure`.

        Sent once: a call whose outcome is unknown is not repeated.
        """
        return (await self._client.run(_provision(model, serial_number, location))).parsed

    async def ensure(self, *, model: str, serial_number: str, location: str | None = None) -> PrintDevice:
        """Return the device with this model and serial number; provision it only if there is none."""
        return (await self._client.run(_ensure(self._client.devices_url, model, serial_number, location))).parsed

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
        flow = _update_status(device_id, status, pages_total, ink_level, more_metrics)
        await self._client.run(flow)

    async def update_statuses(
        self,
        updates: Iterable[StatusUpdate] | AsyncIterable[StatusUpdate],
        *,
        concurrency: int = DEFAULT_CONCURRENCY,
    ) -> AsyncIterator[StatusResult]:
        """Report for many devices at once, in bounded memory; yield a result for each update as it completes.

        Updates of one device stay in their order. One that fails does not stop the others; if the iterable itself
        fails, what is under way is completed first.
        """
        arguments.positive("concurrency", concurrency)
        failure: Exception | None = None
        pending: dict[str, asyncio.Task[StatusResult]] = {}
        try:
            try:
                async for update in _each(updates):
                    while len(pending) >= concurrency or _device(update) in pending:
                        done, _ = await asyncio.wait(pending.values(), return_when=asyncio.FIRST_COMPLETED)
                        for result in _completed(pending, done):
                            yield result
                    pending[_device(update)] = asyncio.create_task(self._report(update))
            except Exception as error:  # noqa: BLE001 - the iterable is somebody else's; it is raised below
                failure = error
            while pending:
                done, _ = await asyncio.wait(pending.values())
                for result in _completed(pending, done):
                    yield result
        finally:
            for task in pending.values():
                task.cancel()
        if failure is not None:
            raise failure

    async def _report(self, update: StatusUpdate) -> StatusResult:
        try:
            await self._client.run(_report(update))
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
        return self._client.run(_list())

    def get(self, device_id: str) -> RawResponse[PrintDevice]:
        """Return the device with an id, or raise `NotFoundError`."""
        return self._client.run(_get(self._client.devices_url, device_id))

    def find(self, *, serial_number: str, model: str | None = None) -> RawResponse[PrintDevice | None]:
        """Return the device with a serial number, or None; raise `ConflictError` if several models have it."""
        return self._client.run(_find(self._client.devices_url, serial_number, model))

    def provision(self, *, model: str, serial_number: str, location: str | None = None) -> RawResponse[PrintDevice]:
        """Register a device. One that is registered already is *replaced*: see `ensure`."""
        return self._client.run(_provision(model, serial_number, location))

    def ensure(self, *, model: str, serial_number: str, location: str | None = None) -> RawResponse[PrintDevice]:
        """Return the device with this model and serial number; provision it only if there is none."""
        return self._client.run(_ensure(self._client.devices_url, model, serial_number, location))

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
        flow = _update_status(device_id, status, pages_total, ink_level, more_metrics)
        return self._client.run(flow)


class AsyncRawDevices:
    """The methods of `AsyncDevices`, whose results come with the answers they were in."""

    def __init__(self, client: "AsyncPrintOS") -> None:
        """Call through a client's connections."""
        self._client = client

    async def list(self) -> RawResponse[builtins.list[PrintDevice]]:
        """Return all devices."""
        return await self._client.run(_list())

    async def get(self, device_id: str) -> RawResponse[PrintDevice]:
        """Return the device with an id, or raise `NotFoundError`."""
        return await self._client.run(_get(self._client.devices_url, device_id))

    async def find(self, *, serial_number: str, model: str | None = None) -> RawResponse[PrintDevice | None]:
        """Return the device with a serial number, or None; raise `ConflictError` if several models have it."""
        return await self._client.run(_find(self._client.devices_url, serial_number, model))

    async def provision(
        self, *, model: str, serial_number: str, location: str | None = None
    ) -> RawResponse[PrintDevice]:
        """Register a device. One that is registered already is *replaced*: see `ensure`."""
        return await self._client.run(_provision(model, serial_number, location))

    async def ensure(self, *, model: str, serial_number: str, location: str | None = None) -> RawResponse[PrintDevice]:
        """Return the device with this model and serial number; provision it only if there is none."""
        return await self._client.run(_ensure(self._client.devices_url, model, serial_number, location))

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
        flow = _update_status(device_id, status, pages_total, ink_level, more_metrics)
        return await self._client.run(flow)


def _report(update: Any) -> Flow[None]:
    if not isinstance(update, StatusUpdate):
        raise InvalidArgumentError(f"update_statuses takes StatusUpdate, not {update!r}")
    return (
        yield from _update_status(
            update.device_id, update.status, update.pages_total, update.ink_level, update.more_metrics
        )
    )


def _device(update: Any) -> str:
    return str(getattr(update, "device_id", id(update)))


def _completed(pending: dict[str, P], done: set[P]) -> Iterator[StatusResult]:
    for device in [device for device, task in pending.items() if task in done]:
        yield pending.pop(device).result()


async def _each(updates: Iterable[T] | AsyncIterable[T]) -> AsyncIterator[T]:
    if isinstance(updates, AsyncIterable):
        async for update in updates:
            yield update
    else:
        for update in updates:
            yield update
