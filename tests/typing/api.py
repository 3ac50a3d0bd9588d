"""What type checkers must accept of the public API. Never run: mypy reads it, here and against the installed wheel."""

import datetime as dt
import ssl
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx
from printos_client import AuthenticatedClient, Client
from printos_client.api.devices import list_devices, provision_device, update_device_status
from printos_client.models import (
    DeviceProvisionRequest,
    DeviceStatusUpdate,
    DeviceStatusUpdateMetrics,
    PrintDevice,
    PrintDeviceList,
)
from printos_client.types import Unset

from printos_ext import (
    AsyncPrintOS,
    DeviceState,
    PrintOS,
    PrintOSError,
    RateLimitError,
    RawResponse,
    SessionAuth,
    StatusUpdate,
)
from printos_ext.sandbox import Sandbox


def sync(client: Client | AuthenticatedClient) -> None:
    listed = list_devices.sync(client=client)
    devices: list[PrintDevice] | Unset = listed.devices if listed else []
    for device in devices or []:
        since: dt.datetime | Unset = device.registered_at
        print(device.id, since)

    body = DeviceProvisionRequest(model="HP Indigo 7K", serial_number="41000042", location="Hall 2")
    provisioned: PrintDevice | None = provision_device.sync(client=client, body=body)
    print(provisioned)

    metrics = DeviceStatusUpdateMetrics(pages_total=120_345, ink_level=42.5)
    update = DeviceStatusUpdate(status="DS_PRINTING", metrics=metrics)
    status: int = update_device_status.sync_detailed("IL42", client=client, body=update).status_code
    print(status)


async def asyncio(client: Client) -> None:
    async with client as entered:
        listed = await list_devices.asyncio(client=entered)
        print(listed.to_dict() if listed else None)


def sdk() -> None:
    with PrintOS("key", "secret", base_url="https://printos.example", timeout=5, deadline=30, max_retries=1) as printos:
        devices: list[PrintDevice] = printos.devices.list()
        one: PrintDevice = printos.devices.get("IL42")
        maybe: PrintDevice | None = printos.devices.find(serial_number="41000042")
        there: PrintDevice = printos.devices.ensure(model="HP Indigo 7K", serial_number="41000042")
        printos.devices.update_status("IL42", DeviceState.PRINTING, pages_total=1, ink_level=Decimal("42.5"), hours=7)
        raw: RawResponse[list[PrintDevice]] = printos.devices.with_raw_response.list()
        status: int = raw.status
        for result in printos.devices.update_statuses([StatusUpdate("IL42", "DS_ON")], concurrency=2):
            error: PrintOSError | None = result.error
            print(error)
        listed: PrintDeviceList | None = list_devices.sync(client=printos.api)
        quicker: PrintOS = printos.with_options(deadline=1.5)
    print(devices, one, maybe, there, status, listed, quicker)


async def async_sdk(stream: AsyncIterator[StatusUpdate]) -> None:
    async with AsyncPrintOS(auth=SessionAuth("device", "password"), http_client=httpx.AsyncClient()) as printos:
        try:
            devices: list[PrintDevice] = await printos.devices.list()
        except RateLimitError as error:
            wait: float | None = error.retry_after
            print(wait, error.response.headers, error.request.url, error.attempts, error.body)
        async for result in printos.devices.update_statuses(stream):
            print(result.ok, result.update.device_id)
        raw: RawResponse[PrintDevice] = await printos.devices.with_raw_response.get("IL42")
        print(devices, raw.parsed.id, raw.headers, raw.body)


def sandbox() -> None:
    with Sandbox(port=0, db=None, auth="hmac", min_interval=60, tls=True, seed=[{"id": "IL42"}]) as sandbox:
        url: str = sandbox.url
        printos = PrintOS(sandbox.key, sandbox.secret, base_url=url)
        sandbox.fault("status", status=503, count=1)
        devices: list[dict[str, Any]] = sandbox.devices
        trusted: ssl.SSLContext = sandbox.ssl_context()
        print(printos, devices, sandbox.journal, trusted)
