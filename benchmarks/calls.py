"""Status updates per second, each way beside the others in one run: `PUT /devices/{id}/status`, one client process.

The server (nginx where it is installed, else a small one of ours) has a core of its own, the client another. Every
round measures each way once, so that the noise of the machine meets all; what is shown are medians, and medians of the
ratios within a round. CPU is the client's time for one request: it hardly depends on what else the machine does.

`--quick` is one short round, `--json FILE` keeps the figures.
"""

import argparse
import asyncio
import itertools
import json
import os
import platform
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import aiohttp
import httpx
from attrs import frozen
from servers import Server, serving

from printos_ext import AsyncPrintOS, PrintOS, StatusUpdate

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "spec" / "hp-printos-device-api-openapi.yml"
STOCK, AIOHTTP = "stock generated client", "bare aiohttp"
STATUS = {"status": "DS_PRINTING", "metrics": {"pagesTotal": 120345, "inkLevel": 42.5}}
WAIT = 600  # seconds: httpx may keep the last of a thousand waiting for minutes
ROW = "{:<30}{:>12}{:>12}{:>10}{:>12}"


@frozen
class Measured:
    """What one way did in one round."""

    requests: int
    seconds: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


@frozen
class Setting:
    """What is compared: how many calls are under way at once (none: blocking calls, one by one), plain or with TLS."""

    in_flight: int
    is_tls: bool = False

    def __str__(self) -> str:
        """Say it as a heading."""
        way = f"async, {self.in_flight:,} in flight" if self.in_flight else "sync"
        return f"{way}{', TLS' * self.is_tls}"


@frozen
class Place:
    """The server, and whom to trust there."""

    url: str
    trust: ssl.SSLContext
    setting: Setting
    seconds: float


class Watch:
    """Counts requests from the moment that the first ones have been answered, up to the end."""

    def __init__(self, seconds: float, warm_up: int) -> None:
        """Let the first requests make the connections."""
        self._seconds, self._warm_up = seconds, warm_up
        self._count = 0
        self._ends = float("inf")

    def goes_on(self) -> bool:
        """Count a request that was answered; tell whether there shall be more."""
        self._count += 1
        if self._count == self._warm_up:
            self._begun, self._cpu = time.perf_counter(), time.process_time()
            self._ends = self._begun + self._seconds
        return time.perf_counter() < self._ends

    def measured(self) -> Measured:
        """Return what was counted."""
        seconds = time.perf_counter() - self._begun
        return Measured(self._count - self._warm_up, seconds, time.process_time() - self._cpu)


def blocking(call: Callable[[str], object], place: Place) -> Measured:
    """Measure calls one after the other."""
    watch = Watch(place.seconds, warm_up=20)
    for device in devices():
        call(device)
        if not watch.goes_on():
            break
    return watch.measured()


async def awaited(call: Callable[[str], Awaitable[object]], place: Place) -> Measured:
    """Measure calls of which some are always under way."""
    watch = Watch(place.seconds, warm_up=min(2 * place.setting.in_flight, 200))
    names = devices()

    async def work() -> None:
        is_going_on = True
        while is_going_on:
            await call(next(names))
            is_going_on = watch.goes_on()

    await asyncio.gather(*(work() for _ in range(place.setting.in_flight)))
    return watch.measured()


def devices() -> Iterator[str]:
    """Return names of devices, each another one than the thousands before."""
    return (f"IL{number}" for number in itertools.cycle(range(100_000)))


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
    watch = Watch(place.seconds, warm_up=min(2 * place.setting.in_flight, 200))
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


SYNC: dict[str, Callable[[Place], Measured]] = {"PrintOS": facade, STOCK: stock, "bare httpx": bare_httpx}
ASYNC: dict[str, Callable[[Place], Awaitable[Measured]]] = {
    "update_statuses": fleet,
    "AsyncPrintOS": async_facade,
    STOCK: async_stock,
    "bare httpx": async_bare_httpx,
    AIOHTTP: bare_aiohttp,
}
SETTINGS = (Setting(0), Setting(64), Setting(64, is_tls=True), Setting(1000))


def measure(name: str, place: Place) -> Measured:
    """Measure one way once."""
    if not place.setting.in_flight:
        return SYNC[name](place)

    async def run() -> Measured:
        return await ASYNC[name](place)

    return asyncio.run(run())


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one short round with few calls at once")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5, help="of each measurement")
    parser.add_argument("--only", default="", help="a part of the settings' names")
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    given = parser.parse_args()
    rounds, seconds = (1, 0.3) if given.quick else (given.rounds, given.seconds)
    settings = [setting for setting in SETTINGS[: 2 if given.quick else None] if given.only in str(setting)]
    with tempfile.TemporaryDirectory(prefix="printos-bench-") as text:
        folder = Path(text)
        generate_stock_client(folder)
        with serving(folder) as server:
            print(f"PUT status, medians of {rounds} rounds of {seconds} s each; server: {server.name}; {machine()}")
            os.environ["SSL_CERT_FILE"] = str(server.authority)
            tables = {str(setting): compare(setting, server, rounds, seconds) for setting in settings}
    if given.json:
        given.json.write_text(json.dumps({"machine": machine(), "server": server.name, "calls": tables}, indent=2))


def generate_stock_client(folder: Path) -> None:
    """Make the client that anybody gets from the document, with no option but its name, and let it be imported."""
    (folder / "options.yaml").write_text("package_name_override: stock_client\n", encoding="utf-8")
    subprocess.run(
        [
            *(str(Path(sys.executable).parent / "openapi-python-client"), "generate", "--meta", "none"),
            *("--path", str(DOCUMENT), "--config", str(folder / "options.yaml")),
            *("--output-path", str(folder / "stock_client")),
        ],
        check=True,
        capture_output=True,
        env={"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}"},
    )
    sys.path.insert(0, str(folder))


def compare(setting: Setting, server: Server, rounds: int, seconds: float) -> dict[str, dict[str, float]]:
    """Measure all ways of a setting in turn, and print a table."""
    place = Place(server.url(setting.is_tls), server.trust(), setting, seconds)
    ways = list(ASYNC if setting.in_flight else SYNC)
    measured = [{name: measure(name, place) for name in ways} for _ in range(rounds)]
    print("\n" + ROW.format(str(setting), "requests/s", "CPU us each", "x stock", "x aiohttp"))
    table = {}
    for name in ways:
        figures = {
            "rate": statistics.median(each[name].rate for each in measured),
            "cpu_us": statistics.median(each[name].cpu_seconds / each[name].requests for each in measured) * 1e6,
            "of_stock": statistics.median(each[name].rate / each[STOCK].rate for each in measured),
        }
        if AIOHTTP in ways:
            figures["of_aiohttp"] = statistics.median(each[name].rate / each[AIOHTTP].rate for each in measured)
        table[name] = {key: round(value, 3) for key, value in figures.items()}
        of_aiohttp = f"{figures['of_aiohttp']:.2f}" if AIOHTTP in ways else "-"
        row = ROW.format(
            name, f"{figures['rate']:,.0f}", f"{figures['cpu_us']:.0f}", f"{figures['of_stock']:.2f}", of_aiohttp
        )
        print(row, flush=True)
    return table


def machine() -> str:
    """Say what was measured on."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


if __name__ == "__main__":
    main()
