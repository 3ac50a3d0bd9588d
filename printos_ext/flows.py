"""What each method of a client does, as a flow: a generator that asks for calls and is given their answers. No I/O."""

from collections.abc import Generator
from decimal import Decimal
from types import ModuleType
from typing import Any, Generic, NoReturn, TypeVar

import httpx
from attrs import Factory, field, frozen
from printos_client.api.devices import list_devices, provision_device, update_device_status
from printos_client.models import PrintDevice, PrintDeviceList

from . import arguments
from .answers import Answer
from .errors import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    ConflictError,
    InternalServerError,
    InvalidArgumentError,
    NotFoundError,
    PrintOSError,
)

T = TypeVar("T")
U = TypeVar("U")


@frozen
class RawResponse(Generic[T]):
    """A result with the answer it was in. The last answer, where a method needs several."""

    status: int
    headers: httpx.Headers = field(repr=False)
    body: bytes = field(repr=False)
    parsed: T

    @classmethod
    def of(cls, answer: Answer) -> "RawResponse[Any]":
        """Return what an answer holds."""
        return RawResponse(answer.status_code, answer.headers, answer.content, answer.parsed)

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
    """A generated operation to be called."""

    operation: ModuleType
    arguments: dict[str, Any] = Factory(dict)

    def request(self) -> dict[str, Any]:
        """Return what the generated code makes of the arguments: method, url, headers, json."""
        made: dict[str, Any] = self.operation._get_kwargs(**self.arguments)  # noqa: SLF001 - no public way to it
        return made


Flow = Generator[Call, RawResponse[Any], RawResponse[T]]


def list_all() -> Flow[list[PrintDevice]]:
    """Ask for the list."""
    answer: RawResponse[PrintDeviceList] = yield Call(list_devices)
    return answer.holding(list(answer.parsed.devices or ()))


def get(url: str, device_id: str) -> Flow[PrintDevice]:
    """Look for an id in the list."""
    wanted = arguments.device_id(device_id)
    answer = yield from list_all()
    for device in answer.parsed:
        if device.id == wanted:
            return answer.holding(device)
    _mismatch(NotFoundError, 404, f"no device has the id {wanted!r}", url, answer)


def find(url: str, serial_number: str, model: str | None) -> Flow[PrintDevice | None]:
    """Look for a serial number in the list."""
    arguments.filled("serial_number", serial_number)
    answer = yield from list_all()
    found = [d for d in answer.parsed if d.serial_number == serial_number and model in {None, d.model}]
    if len(found) > 1:
        ids = ", ".join(repr(device.id) for device in found)
        _mismatch(
            ConflictError, 409, f"{len(found)} devices have this serial number, {ids}: say which model", url, answer
        )
    return answer.holding(found[0] if found else None)


def provision(model: str, serial_number: str, location: str | None) -> Flow[PrintDevice]:
    """Register a device."""
    body = arguments.provision_request(model, serial_number, location)
    return (yield Call(provision_device, {"body": body}))


def ensure(url: str, model: str, serial_number: str, location: str | None) -> Flow[PrintDevice]:
    """Look, then provision; if nobody knows whether that arrived, look again."""
    arguments.provision_request(model, serial_number, location)
    before = yield from find(url, serial_number, model)
    if before.parsed is not None:
        return before.holding(before.parsed)
    try:
        return (yield from provision(model, serial_number, location))
    except (APIConnectionError, APIResponseValidationError, InternalServerError):
        after = yield from find(url, serial_number, model)
        if after.parsed is None:
            raise
        return after.holding(after.parsed)


def update_status(
    device_id: str,
    status: str,
    pages_total: int | None,
    ink_level: float | Decimal | None,
    more_metrics: dict[str, Any],
) -> Flow[None]:
    """Report for one device."""
    return (yield status_call(device_id, status, pages_total, ink_level, more_metrics))


def status_call(
    device_id: str,
    status: str,
    pages_total: int | None,
    ink_level: float | Decimal | None,
    more_metrics: dict[str, Any],
) -> Call:
    """Return the call that reports for one device."""
    body = arguments.status_update(status, pages_total, ink_level, more_metrics)
    return Call(update_device_status, {"device_id": arguments.device_id(device_id), "body": body})


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


def report_call(update: Any) -> Call:
    """Return the call that reports what an update holds."""
    if not isinstance(update, StatusUpdate):
        raise InvalidArgumentError(f"update_statuses takes StatusUpdate, not {update!r}")
    return status_call(update.device_id, update.status, update.pages_total, update.ink_level, update.more_metrics or {})
