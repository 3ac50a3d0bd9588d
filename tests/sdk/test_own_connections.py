"""Our own connections for asyncio: used again, in turn, never when dead, and not where httpx is wanted."""

import asyncio
import datetime as dt
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
import trustme
from server import Arrived, Connection, Server, platform, respond, serving, until

from printos_ext import (
    APIConnectionError,
    APITimeoutError,
    AsyncPrintOS,
    ConfigurationError,
    HmacAuth,
    StatusUpdate,
    connection,
    pools,
)

Scene = Callable[[AsyncPrintOS], Awaitable[Any]]


def play(server: Server, scene: Scene, **options: Any) -> Any:
    async def run() -> Any:
        async with AsyncPrintOS("key", "secret", base_url=server.url, **options) as printos:
            return await scene(printos)

    return asyncio.run(run())


async def provision(printos: AsyncPrintOS) -> None:
    await printos.devices.provision(model="HP Indigo 7K", serial_number="41000042")


async def many(printos: AsyncPrintOS, count: int = 300) -> None:
    await asyncio.gather(*(printos.devices.update_status(f"d{n}", "DS_ON") for n in range(count)))


def test_calls_one_after_the_other_share_a_connection(server: Server) -> None:
    async def scene(printos: AsyncPrintOS) -> None:
        for _ in range(5):
            await provision(printos)
            await printos.devices.list()
            await printos.devices.update_status("IL42", "DS_ON")

    play(server, scene)

    assert (server.connections, len(server.arrived)) == (1, 15)


def test_connections_with_tls_are_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    monkeypatch.setattr(pools, "certificates", lambda: trusting)

    async def scene(printos: AsyncPrintOS) -> None:
        for _ in range(5):
            await many(printos, 10)

    with serving(tls=context) as server:
        play(server, scene)

        assert len(server.arrived) == 50
        assert server.connections <= 10


def test_connection_that_was_closed_while_idle_is_noticed_before_a_post_is_lost() -> None:
    closed = threading.Event()

    def answer_and_leave(connection: Connection, arrived: Arrived) -> None:
        platform(connection, arrived)
        connection.close()
        closed.set()

    async def scene(printos: AsyncPrintOS) -> None:
        for _ in range(3):
            closed.clear()
            await provision(printos)
            assert closed.wait(5)  # the event loop stands still meanwhile, and has seen nothing of it

    with serving(answer_and_leave) as server:
        play(server, scene, max_retries=0)

        assert len(server.arrived) == server.connections == 3


def test_connection_that_was_kept_too_long_is_not_used_again(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "KEEP_SECONDS", 0.0)

    async def scene(printos: AsyncPrintOS) -> None:
        await provision(printos)
        await provision(printos)

    play(server, scene)

    assert server.connections == 2


def test_connection_on_which_something_came_unasked_is_not_used_again() -> None:
    def say_too_much(connection: Connection, _: Arrived) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}" * 2)

    async def scene(printos: AsyncPrintOS) -> list[int]:
        return [len(await printos.devices.list()) for _ in range(3)]

    with serving(say_too_much) as server:
        assert play(server, scene) == [0, 0, 0]
        assert server.connections == 3


def test_no_more_connections_are_made_than_the_limit(server: Server) -> None:
    play(server, many, max_connections=7)

    assert len(server.arrived) == 300
    assert server.connections <= 7


@pytest.mark.parametrize("most", [0, -1, 1.5, True, None, "7"])
def test_impossible_number_of_connections_is_refused(most: Any) -> None:
    with pytest.raises(ConfigurationError, match="max_connections must be a"):
        AsyncPrintOS("key", "secret", max_connections=most)


def test_those_who_wait_for_a_connection_are_served_in_turn() -> None:
    with serving() as server:
        play(server, many, max_connections=1)

        assert [arrived.path for arrived in server.arrived] == [f"/devices/d{n}/status" for n in range(300)]


def test_connection_that_fails_leaves_its_place_to_the_next() -> None:
    async def scene(printos: AsyncPrintOS) -> list[Any]:
        calls = [printos.devices.update_status(f"d{n}", "DS_ON") for n in range(20)]
        return await asyncio.gather(*calls, return_exceptions=True)

    with serving(lambda connection, _: connection.reset()) as server:
        results = play(server, scene, max_retries=0, max_connections=2)

        assert {type(result) for result in results} == {APIConnectionError}
        assert server.connections == 20


def test_waiting_for_a_connection_has_an_end() -> None:
    async def scene(printos: AsyncPrintOS) -> None:
        slow = asyncio.create_task(printos.devices.list())
        with pytest.raises(APITimeoutError, match=r"no connection became free within 0\.1 s after 1 attempt"):
            await asyncio.gather(*(printos.devices.update_status(f"d{n}", "DS_ON") for n in range(3)))
        slow.cancel()

    with serving(lambda connection, _: connection.stall()) as server:
        play(server, scene, timeout=httpx.Timeout(5.0, pool=0.1), max_retries=0, max_connections=1)


def test_server_that_takes_no_request_is_told() -> None:
    async def scene(printos: AsyncPrintOS) -> None:
        with pytest.raises(APITimeoutError, match=r"did not take the request within 0\.2 s"):
            await printos.devices.update_status("IL42", "DS_ON", log="x" * 20_000_000)

    with serving(before_reading=Connection.stall) as server:
        play(server, scene, timeout=httpx.Timeout(5.0, write=0.2), max_retries=0)


def test_what_a_cancelled_caller_asked_for_arrives(server: Server) -> None:
    async def scene(printos: AsyncPrintOS) -> None:
        await printos.devices.list()
        call = asyncio.create_task(printos.devices.update_status("IL42", "DS_ON"))
        await asyncio.sleep(0)
        call.cancel()
        await asyncio.wait([call])
        await printos.devices.list()

    play(server, scene)

    assert until(lambda: len(server.arrived) == 3)


def test_thousand_callers_that_leave_hold_no_place() -> None:
    async def scene(printos: AsyncPrintOS) -> None:
        calls = [asyncio.create_task(printos.devices.update_status(f"d{n}", "DS_ON")) for n in range(1000)]
        for index, call in enumerate(calls):
            if index % 50 == 0:
                await asyncio.sleep(0.001)
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await many(printos)

    with serving() as server:
        play(server, scene, max_connections=5)

        assert server.connections <= 5


def test_proxy_of_the_environment_is_used(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url)

    async def run() -> None:
        async with AsyncPrintOS("key", "secret", base_url="http://printos.example") as printos:
            await printos.devices.update_status("IL42", "DS_ON")
            async for result in printos.devices.update_statuses([StatusUpdate("IL43", "DS_ON")]):
                assert result.ok

    asyncio.run(run())

    urls = [arrived.path for arrived in server.arrived]
    assert urls == [f"http://printos.example/devices/{device}/status" for device in ("IL42", "IL43")]


def test_whoever_mocks_the_wire_of_httpx_sees_all_requests(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    async def mock(_: Any, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, request=request)

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", mock)
    play(server, many)

    assert server.arrived == []


def test_request_without_a_length_is_sent_with_one(server: Server) -> None:
    async def pieces() -> Any:
        yield b'{"model": "HP Indigo 7K",'
        yield b' "serialNumber": "41000042"}'

    async def scene(printos: AsyncPrintOS) -> httpx.Response:
        return await printos.api.get_async_httpx_client().post("/devices", content=pieces())

    assert play(server, scene).status_code == 201
    assert server.arrived[0].json == {"model": "HP Indigo 7K", "serialNumber": "41000042"}


@pytest.mark.parametrize("prefix", ["", "/platform/v1/"])
def test_single_update_is_on_the_wire_what_the_generated_function_sends(server: Server, prefix: str) -> None:
    metrics: dict[str, Any] = {"pages_total": 7, "ink_level": 42.5, "größe": "ü"}

    async def scene() -> None:
        auth = HmacAuth("key", "secret", clock=lambda: moment)
        async with AsyncPrintOS(auth=auth, base_url=server.url + prefix) as printos:
            await printos.devices.update_status("IL/42 ü%?", "DS_ON", **metrics)
            await printos.devices.with_raw_response.update_status("IL/42 ü%?", "DS_ON", **metrics)

    moment = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    asyncio.run(scene())

    one, other = server.arrived
    assert one == other


def test_answer_that_drips_ends_with_the_deadline() -> None:
    def drip(connection: Connection, _: Arrived) -> None:
        connection.drip(b"HTTP/1.1 200 OK\r\nx-drip: " + b"z" * 100_000)

    with serving(drip) as server:
        begun = time.monotonic()
        with pytest.raises(APITimeoutError):
            play(server, lambda printos: printos.devices.update_status("IL42", "DS_ON"), deadline=0.3)
        assert time.monotonic() - begun < 2


def test_error_of_a_single_update_tells_all_of_the_request() -> None:
    async def scene(printos: AsyncPrintOS) -> httpx.Request:
        with pytest.raises(APIConnectionError) as caught:
            await printos.devices.update_status("IL 42", "DS_ON", pages_total=7)
        return caught.value.request

    with serving(respond(200, b"{}", content_length="3")) as server:
        request = play(server, scene, max_retries=0)

        assert str(request.url) == f"{server.url}/devices/IL%2042/status"
        assert request.content == b'{"status":"DS_ON","metrics":{"pagesTotal":7}}'
        assert request.headers["x-hp-hmac-authentication"] == "REDACTED"


def test_framing_that_lies_in_a_callers_own_headers_is_not_sent(server: Server) -> None:
    hidden = b"PUT /devices/IL43/status HTTP/1.1\r\nhost: x\r\n\r\n"
    lies = [{"content-length": "0"}, {"content-length": "7", "transfer-encoding": "chunked"}]

    async def scene(printos: AsyncPrintOS) -> None:
        for headers in lies:
            await printos.api.get_async_httpx_client().put("/devices/IL42/status", content=hidden, headers=headers)

    play(server, scene)

    assert [(arrived.path, arrived.body) for arrived in server.arrived] == [("/devices/IL42/status", hidden)] * 2
    assert all("transfer-encoding" not in arrived.headers for arrived in server.arrived)


def test_answer_that_nobody_asked_for_is_not_taken_for_the_next_one() -> None:
    taken, said = threading.Event(), threading.Event()

    def say_more(connection: Connection, arrived: Arrived) -> None:
        platform(connection, arrived)
        assert taken.wait(5)
        connection.send(b"HTTP/1.1 418 Smuggled\r\ncontent-length: 0\r\n\r\n")
        said.set()

    async def scene(printos: AsyncPrintOS) -> None:
        await printos.devices.update_status("IL42", "DS_ON")
        taken.set()
        assert said.wait(5)  # the event loop stands still meanwhile, and has seen nothing of it
        await printos.devices.update_status("IL42", "DS_ON")

    with serving(say_more) as server:
        play(server, scene, max_retries=0)

        assert server.connections == 2


@pytest.mark.parametrize("step", ["connecting", "waiting", "reading"])
def test_call_that_is_under_way_when_the_client_closes_ends_typed(step: str) -> None:
    def stall(connection: Connection) -> None:
        connection.stall()
        connection.close()

    async def scene(server: Server, url: str) -> None:
        printos = AsyncPrintOS("key", "secret", base_url=url, max_retries=0, max_connections=1)
        calls = [asyncio.create_task(printos.devices.list()) for _ in range(2 if step == "waiting" else 1)]
        assert await asyncio.to_thread(until, lambda: server.connections == 1)
        await asyncio.sleep(0)
        await printos.aclose()
        for result in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(result, APIConnectionError)
            assert "the client was closed" in str(result)

    with serving(before_reading=stall) as server:
        url = server.url.replace("http:", "https:") if step == "connecting" else server.url
        asyncio.run(asyncio.wait_for(scene(server, url), 5))

        assert server.connections == 1


def test_name_of_which_all_addresses_refuse_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    def two(_: Any, port: int, *__: Any, **___: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{last}", port)) for last in (1, 2)]

    monkeypatch.setattr(socket, "getaddrinfo", two)

    async def run() -> None:
        async with AsyncPrintOS("key", "secret", base_url="http://printos.example:1", max_retries=0) as printos:
            with pytest.raises(APIConnectionError, match=r"connection refused by printos\.example:1"):
                await printos.devices.list()

    asyncio.run(run())


def test_uvloop_may_run_it(server: Server) -> None:
    uvloop = pytest.importorskip("uvloop", reason="needs uvloop: pip install uvloop")

    async def run() -> None:
        async with AsyncPrintOS("key", "secret", base_url=server.url) as printos:
            await many(printos)
            await printos.devices.list()

    uvloop.run(run())

    assert len(server.arrived) == 301
    assert server.connections <= 100
