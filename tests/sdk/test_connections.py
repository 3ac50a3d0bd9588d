"""Threads, cancellation, event loops, forks, clients of the caller's own: the connections stay whole."""

import asyncio
import gc
import os
import random
import time
import warnings
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from printos_client.api.devices import list_devices
from server import Arrived, Connection, Server, platform, serving

from printos_ext import AsyncPrintOS, ConfigurationError, PrintOS, aiohttp_client


def test_threads_share_one_pool(server: Server) -> None:
    with PrintOS("key", "secret", base_url=server.url) as printos, ThreadPoolExecutor(32) as threads:
        results = list(threads.map(lambda n: printos.devices.update_status(f"d{n}", "DS_ON"), range(32 * 200)))

    assert len(results) == len(server.arrived) == 6400
    assert server.connections <= 32


@pytest.mark.parametrize("http_client", [lambda: None, aiohttp_client], ids=["httpx", "aiohttp"])
def test_cancelled_calls_lose_no_connection(
    http_client: Callable[[], httpx.AsyncClient | None],
) -> None:
    def slow(connection: Connection, arrived: Arrived) -> None:
        time.sleep(0.01)
        platform(connection, arrived)

    async def burst(printos: AsyncPrintOS, randoms: random.Random | None = None) -> int:
        """Make 20 calls at once, cancel each at a moment of its own if there is chance, and count the cancelled."""
        calls = [asyncio.create_task(printos.devices.update_status("IL42", "DS_ON")) for _ in range(20)]
        for call in calls if randoms else []:
            await asyncio.sleep(randoms.random() * 0.001 if randoms else 0)
            call.cancel()
        results = await asyncio.gather(*calls, return_exceptions=bool(randoms))
        return sum(isinstance(result, asyncio.CancelledError) for result in results)

    async def run() -> tuple[int, int]:
        own = http_client()
        async with AsyncPrintOS("key", "secret", base_url=server.url, http_client=own) as printos:
            randoms = random.Random(7)
            cancelled = bursts = 0
            while bursts < 50 or cancelled <= 300:  # how many are cancelled in one depends on the machine
                cancelled, bursts = cancelled + await burst(printos, randoms), bursts + 1
            await burst(printos)
            connections = server.connections
            for _ in range(50):
                await burst(printos)
            new = server.connections - connections
        if own:
            await own.aclose()
        return cancelled, new

    with serving(slow) as server:
        cancelled, new = asyncio.run(run())

    assert cancelled > 300
    assert new == 0


@pytest.fixture
def abandoned() -> Iterator[None]:
    """Collect, while nobody minds, the sockets of event loops that were left without closing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()


@pytest.mark.usefixtures("abandoned")
def test_client_works_in_one_event_loop_after_the_other_and_forgets_them(server: Server) -> None:
    printos = AsyncPrintOS("key", "secret", base_url=server.url, timeout=2)
    loops = []

    async def call() -> int:
        loops.append(weakref.ref(asyncio.get_running_loop()))
        return len(await printos.devices.list())

    assert [asyncio.run(call()) for _ in range(3)] == [1, 1, 1]
    gc.collect()
    assert [loop() is None for loop in loops] == [True, True, False]


@pytest.mark.usefixtures("abandoned")
def test_given_client_of_another_event_loop_is_told(server: Server) -> None:
    printos = AsyncPrintOS("key", "secret", base_url=server.url, http_client=httpx.AsyncClient())
    asyncio.run(printos.devices.list())
    with pytest.raises(ConfigurationError, match="another event loop"):
        asyncio.run(printos.devices.list())


@pytest.mark.usefixtures("abandoned")
@pytest.mark.parametrize("flavour", [PrintOS, AsyncPrintOS])
def test_forked_process_makes_connections_of_its_own(flavour: type[Any], server: Server) -> None:
    printos = flavour("key", "secret", base_url=server.url, timeout=2)

    def count() -> int:
        result = printos.devices.list()
        return len(asyncio.run(result) if asyncio.iscoroutine(result) else result)

    assert count() == 1
    parent = server.connections
    child = os.fork()
    if child == 0:
        os._exit(0 if count() == 1 else 1)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert count() == 1
    assert server.connections > parent


def test_client_can_be_entered_and_closed_again_and_again(server: Server) -> None:
    printos = PrintOS("key", "secret", base_url=server.url)
    for _ in range(2):
        with printos, printos:
            assert len(printos.devices.list()) == 1
        assert len(printos.devices.list()) == 1
        printos.close()
        printos.close()


def test_options_share_the_connections(printos: PrintOS, server: Server) -> None:
    printos.devices.list()
    printos.with_options(timeout=1, deadline=2, max_retries=0).devices.list()

    assert server.connections == 1


def test_own_client_keeps_its_headers_hooks_and_proxy(server: Server) -> None:
    seen = []
    own = httpx.Client(
        proxy=server.url,
        headers={"x-shop": "7"},
        event_hooks={"request": [lambda request: seen.append(request.url)]},
    )
    with own, PrintOS("key", "secret", base_url="http://printos.example/platform", http_client=own) as printos:
        printos.devices.list()
        printos.close()
        printos.devices.list()

    assert seen == ["http://printos.example/platform/devices"] * 2
    assert server.arrived[0].path == "http://printos.example/platform/devices"
    assert server.arrived[0].headers["x-shop"] == "7"
    assert server.arrived[0].headers["user-agent"].startswith("printos-device/")
    assert "x-hp-hmac-authentication" in server.arrived[0].headers


def test_closed_client_of_the_caller_is_told() -> None:
    own = httpx.Client()
    own.close()
    with pytest.raises(ConfigurationError, match="http_client given is closed"):
        PrintOS("k", "s", http_client=own).devices.list()


def test_generated_function_of_the_other_kind_is_told(printos: PrintOS) -> None:
    with pytest.raises(ConfigurationError, match="else use AsyncPrintOS"):
        asyncio.run(list_devices.asyncio(client=printos.api))
    with pytest.raises(ConfigurationError, match="else use PrintOS"):
        list_devices.sync(client=AsyncPrintOS("k", "s").api)


def test_api_may_be_entered_and_left(printos: PrintOS) -> None:
    with printos.api as api:
        list_devices.sync(client=api)
    with pytest.raises(ConfigurationError, match="with_options"):
        printos.api.with_headers({"x-shop": "7"})
