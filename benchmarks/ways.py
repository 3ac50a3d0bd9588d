"""The ways to say what a device does: each tells it to the same server, again and again, and is counted."""

import asyncio
import json
import socket
from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import Any

import aiohttp
import httpx
from counting import Measured, Place, awaited, blocking, devices

from printos_ext import AsyncPrintOS, PrintOS, StatusUpdate

STOCK, AIOHTTP, OPENAPI, FLOOR = "stock generated client", "bare aiohttp", "openapi-generator's client", "floor: bytes"
STATUS = {"status": "DS_PRINTING", "metrics": {"pagesTotal": 120345, "inkLevel": 42.5}}
WAIT = 600  # seconds: httpx may keep the last of a thousand waiting for minutes


def facade(place: Place) -> Measured:
    """`PrintOS.devices.update_status`."""
    with PrintOS("key", "secret", base_url=place.url) as printos:
        return blocking(
            lambda device: printos.devices.update_status(device, "DS_PRINTING", pages_total=120345, ink_level=42.5),
            place,
        )


def bare_httpx(place: Place) -> Measured:
    """`httpx.Client.put`."""
    with httpx.Client(base_url=place.url, verify=place.trust) as client:
        return blocking(lambda device: client.put(f"/devices/{device}/status", json=STATUS), place)


def stock(place: Place) -> Measured:
    """The generated function, as the generator makes it and with its own client."""
    update, client, body = stock_parts(place)
    with client:
        return blocking(lambda device: update.sync_detailed(device, client=client, body=body), place)


async def async_facade(place: Place) -> Measured:
    """`AsyncPrintOS.devices.update_status`."""
    async with AsyncPrintOS("key", "secret", base_url=place.url) as printos:
        return await awaited(
            lambda device: printos.devices.update_status(device, "DS_PRINTING", pages_total=120345, ink_level=42.5),
            place,
        )


async def fleet(place: Place) -> Measured:
    """`AsyncPrintOS.devices.update_statuses`."""
    updates = (StatusUpdate(device, "DS_PRINTING", 120345, 42.5) for device in devices())
    watch = place.watch()
    async with AsyncPrintOS("key", "secret", base_url=place.url) as printos:
        results: Any = printos.devices.update_statuses(updates, concurrency=place.setting.in_flight)
        async for result in results:
            assert result.ok, result.error  # noqa: S101 - a benchmark of failures measures nothing
            if not watch.goes_on():
                break
        measured = watch.measured()
        await results.aclose()
    return measured


async def async_bare_httpx(place: Place) -> Measured:
    """`httpx.AsyncClient.put`."""
    async with httpx.AsyncClient(base_url=place.url, verify=place.trust, timeout=WAIT) as client:
        return await awaited(lambda device: client.put(f"/devices/{device}/status", json=STATUS), place)


async def bare_aiohttp(place: Place) -> Measured:
    """`aiohttp.ClientSession.put`."""
    connector = aiohttp.TCPConnector(ssl=place.trust)
    async with aiohttp.ClientSession(place.url, connector=connector) as session:

        async def put(device: str) -> None:
            async with session.put(f"/devices/{device}/status", json=STATUS) as response:
                await response.read()

        return await awaited(put, place)


async def async_stock(place: Place) -> Measured:
    """The generated function, as the generator makes it and with its own client."""
    update, client, body = stock_parts(place)
    async with client:
        return await awaited(lambda device: update.asyncio_detailed(device, client=client, body=body), place)


def stock_parts(place: Place) -> tuple[Any, Any, Any]:
    """Return the stock client's function, its client and a body."""
    update = import_module("stock_client.api.devices.update_device_status")
    client = import_module("stock_client").Client(
        base_url=place.url, verify_ssl=place.trust, timeout=httpx.Timeout(WAIT)
    )
    body = import_module("stock_client.models").DeviceStatusUpdate.from_dict(STATUS)
    return update, client, body


def openapi(place: Place) -> Measured:
    """The method of openapi-generator's client, over urllib3."""
    module, configuration, body = openapi_parts("openapi_urllib3", place)
    with module.ApiClient(configuration) as client:
        api = module.DevicesApi(client)
        return blocking(lambda device: api.update_device_status(device, body), place)


async def async_openapi(place: Place) -> Measured:
    """The method of openapi-generator's client, over aiohttp."""
    module, configuration, body = openapi_parts("openapi_asyncio", place)
    async with module.ApiClient(configuration) as client:
        api = module.DevicesApi(client)
        return await awaited(lambda device: api.update_device_status(device, body), place)


def openapi_parts(package: str, place: Place) -> tuple[Any, Any, Any]:
    """Return openapi-generator's client, what it needs to know, and a body."""
    module = import_module(package)
    configuration = module.Configuration(host=place.url, ssl_ca_cert=str(place.authority))
    return module, configuration, module.DeviceStatusUpdate.from_dict(STATUS)


def message(device: str) -> bytes:
    """Return a request as it is on the wire."""
    body = json.dumps(STATUS).encode()
    return b"PUT /devices/%s/status HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (
        device.encode(),
        len(body),
        body,
    )


def floor(place: Place) -> Measured:
    """The same bytes without any HTTP: what Python and the system take alone."""
    with socket.create_connection((place.host, place.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def put(device: str) -> None:
            connection.sendall(message(device))
            if not connection.recv(65536):
                raise ConnectionResetError

        return blocking(put, place)


async def async_floor(place: Place) -> Measured:
    """The same bytes without any HTTP, over as many connections as the others have."""
    watch, names, done = place.watch(), devices(), asyncio.Event()

    class Line(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport
            transport.write(message(next(names)))

        def data_received(self, data: bytes) -> None:
            if not data.startswith(b"HTTP/1.1 200 "):
                raise ConnectionError(data)
            if watch.goes_on():
                self.transport.write(message(next(names)))
            else:
                self.transport.abort()
                done.set()

    trust = place.trust if place.setting.is_tls else None
    loop = asyncio.get_running_loop()
    made = [
        loop.create_connection(Line, place.host, place.port, ssl=trust)
        for _ in range(min(100, place.setting.in_flight))
    ]
    lines = await asyncio.gather(*made)
    await done.wait()
    measured = watch.measured()
    for transport, _ in lines:
        transport.abort()
    return measured


SYNC: dict[str, Callable[[Place], Measured]] = {
    "PrintOS": facade,
    STOCK: stock,
    OPENAPI: openapi,
    "bare httpx": bare_httpx,
    FLOOR: floor,
}
ASYNC: dict[str, Callable[[Place], Coroutine[Any, Any, Measured]]] = {
    "update_statuses": fleet,
    "AsyncPrintOS": async_facade,
    STOCK: async_stock,
    OPENAPI: async_openapi,
    "bare httpx": async_bare_httpx,
    AIOHTTP: bare_aiohttp,
    FLOOR: async_floor,
}
