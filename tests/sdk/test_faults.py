"""The fault table: what each fault becomes, for sync and async, for the façade and for generated functions.

`pytest tests/sdk/test_faults.py -v` prints it as a table: one line per fault and way of calling.
"""

import asyncio
import gzip
import json
import ssl
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any

import httpx
import pytest
import trustme
from attrs import frozen
from printos_client.api.devices import list_devices, provision_device, update_device_status
from printos_client.models import DeviceProvisionRequest, DeviceStatusUpdate
from server import Behaviour, Connection, Server, free_port, respond, respond_json, serving

from printos_ext import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    AsyncPrintOS,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    PrintOS,
    RateLimitError,
    StatusResult,
    StatusUpdate,
    UnprocessableEntityError,
    aiohttp_client,
)

LIMITS: dict[str, Any] = {"timeout": 2.0, "deadline": 5.0, "max_response_bytes": 1_000_000}
QUICK_TRIES: dict[str, Any] = {"timeout": 0.15, "deadline": 10.0}
QUICK_CALL: dict[str, Any] = {"timeout": 5.0, "deadline": 0.5}


@frozen
class Fault:
    """What the server does, the error it becomes, the attempts for GET and for POST, and the seconds at most."""

    name: str
    serve: Callable[..., Any]
    error: type[APIError]
    get: int = 1
    post: int = 1
    says: str = ""
    limits: dict[str, Any] = LIMITS
    never_arrives: bool = False
    seconds: float = 2.0


def status(code: int, error: type[APIError], get: int = 1) -> Fault:
    return Fault(f"status {code}", serving_with(respond_json({"message": "no"}, code)), error, get, says=f"{code}")


def body(name: str, content: bytes, says: str = "", **headers: str) -> Fault:
    """A success whose body cannot be read."""

    def answer(connection: Connection, arrived: Any) -> None:
        respond(201 if arrived.method == "POST" else 200, content, **headers)(connection, arrived)

    return Fault(f"body {name}", serving_with(answer), APIResponseValidationError, says=says)


def serving_with(behaviour: Behaviour | None = None, **options: Any) -> Callable[[], Any]:
    return lambda: serving(behaviour, **options) if behaviour else serving(**options)


@contextmanager
def refusing() -> Iterator[Server]:
    yield Server(port=free_port())


@contextmanager
def untrusted() -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with serving(tls=context) as server:
        yield server


class Nowhere(Server):
    url = "http://no-such-host.invalid"


@contextmanager
def unresolved() -> Iterator[Server]:
    yield Nowhere()


def stall_headers(connection: Connection, _: Any) -> None:
    connection.stall()


def stall_body(connection: Connection, _: Any) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")
    connection.stall()


def drip_body(connection: Connection, _: Any) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
    connection.drip(b" " * 100_000)


def drip_headers(connection: Connection, _: Any) -> None:
    connection.drip(b"HTTP/1.1 200 OK\r\nx-drip: " + b"z" * 100_000)


def half_a_body(connection: Connection, _: Any) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")
    connection.close()


def no_http(connection: Connection, _: Any) -> None:
    connection.send(b"SSH-2.0-OpenSSH_9.2\r\n")
    connection.close()


@cache
def bomb(size: int) -> bytes:
    packer = zlib.compressobj(1, wbits=31)
    return b"".join(packer.compress(bytes(1_000_000)) for _ in range(size // 1_000_000)) + packer.flush()


FAULTS = [
    status(400, BadRequestError),
    status(401, AuthenticationError),
    status(403, PermissionDeniedError),
    status(404, NotFoundError),
    status(409, ConflictError),
    status(418, APIStatusError),
    status(422, UnprocessableEntityError),
    status(429, RateLimitError, get=3),
    *(status(code, InternalServerError, get=3) for code in (500, 502, 503, 504, 520, 599)),
    body("empty", b"", "empty"),
    body("HTML", b"<html><h1>Welcome</h1></html>", "not JSON", content_type="text/html"),
    body("truncated", b'{"devices": [', "not JSON"),
    body("not UTF-8", b'{"devices": "\xff\xfe"}', "not JSON"),
    body("a list", b"[]", "an object was expected"),
    body("null", b"null", "an object was expected, not null"),
    body("a wrong type", b'{"devices": 7, "id": 7}', "expected, not 7"),
    body("NaN", b'{"devices": NaN, "id": NaN}', "not JSON"),
    body(
        "a broken date",
        b'{"devices": [{"registeredAt": "soon"}], "registeredAt": "soon"}',
        "registeredAt: 'soon' is not a time",
    ),
    body("nested too deep", b'{"devices":' + b"[" * 100_000, "not JSON"),
    body("gzip that is none", b"{}", "content-encoding", content_encoding="gzip"),
    body("gzip cut short", gzip.compress(b"{}" * 99)[:-9], "ends too early", content_encoding="gzip"),
    body("gzip bomb", bomb(100_000_000), "larger than the limit of 1,000,000 bytes", content_encoding="gzip"),
    body("a compression not asked for", b"{}", "'br'", content_encoding="br"),
    Fault("204 where a body is due", serving_with(respond(204)), APIResponseValidationError, says="empty"),
    Fault("299, an unknown success", serving_with(respond(299, b"{}")), APIResponseValidationError, says="299"),
    Fault(
        "redirect",
        serving_with(respond(302, location="https://elsewhere.example/x")),
        APIStatusError,
        says="elsewhere.example/x",
    ),
    Fault("connection refused", refusing, APIConnectionError, 3, 3, says="connection refused by 127.0.0.1:"),
    Fault(
        "reset before the request",
        serving_with(before_reading=Connection.reset),
        APIConnectionError,
        3,
        never_arrives=True,
    ),
    Fault("reset after the request", serving_with(lambda c, _: c.reset()), APIConnectionError, 3, says="127.0.0.1:"),
    Fault("closed without an answer", serving_with(lambda c, _: c.close()), APIConnectionError, 3),
    Fault("half a body", serving_with(half_a_body), APIConnectionError, 3),
    Fault("no HTTP", serving_with(no_http), APIConnectionError, 3),
    Fault(
        "stalled headers", serving_with(stall_headers), APITimeoutError, 3, says="no answer from", limits=QUICK_TRIES
    ),
    Fault("stalled body", serving_with(stall_body), APITimeoutError, 3, limits=QUICK_TRIES),
    Fault("dripping body", serving_with(drip_body), APITimeoutError, limits=QUICK_CALL),
    Fault("dripping headers", serving_with(drip_headers), APITimeoutError, limits=QUICK_CALL),
    Fault("no such name", unresolved, APIConnectionError, 3, 3, says="cannot be resolved"),
    Fault("untrusted certificate", untrusted, APIConnectionError, says="not to be trusted"),
]


def facade(url: str, method: str, **limits: Any) -> object:
    with PrintOS("key", "secret", base_url=url, **(limits or LIMITS)) as printos:
        if method == "GET":
            return printos.devices.list()
        return printos.devices.provision(model="HP Indigo 7K", serial_number="41000042")


def api(url: str, method: str, **limits: Any) -> object:
    with PrintOS("key", "secret", base_url=url, **(limits or LIMITS)) as printos:
        if method == "GET":
            return list_devices.sync(client=printos.api)
        return provision_device.sync(client=printos.api, body=DeviceProvisionRequest(model="HP Indigo 7K"))


def async_facade(url: str, method: str, **limits: Any) -> object:
    async def call() -> object:
        async with AsyncPrintOS("key", "secret", base_url=url, **(limits or LIMITS)) as printos:
            if method == "GET":
                return await printos.devices.list()
            return await printos.devices.provision(model="HP Indigo 7K", serial_number="41000042")

    return asyncio.run(call())


def async_api(url: str, method: str, **limits: Any) -> object:
    async def call() -> object:
        async with AsyncPrintOS("key", "secret", base_url=url, **(limits or LIMITS)) as printos:
            if method == "GET":
                return await list_devices.asyncio(client=printos.api)
            return await provision_device.asyncio(client=printos.api, body=DeviceProvisionRequest(model="HP Indigo 7K"))

    return asyncio.run(call())


WAYS = [facade, api, async_facade, async_api]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_fault(fault: Fault, way: Callable[..., object], method: str) -> None:
    attempts = fault.get if method == "GET" else fault.post
    with fault.serve() as server:
        begun = time.monotonic()
        with pytest.raises(fault.error) as caught:
            way(server.url, method, **fault.limits)
        seconds = time.monotonic() - begun

        error = caught.value
        assert type(error) is fault.error
        # Whether a connection that is reset at once was made at all depends on a race: if not, nothing ever left.
        assert error.attempts == attempts or (fault.never_arrives and not server.arrived)
        assert len(server.arrived) <= attempts
        assert seconds < fault.seconds
        assert str(error).startswith(f"{method} {server.url}/devices: ")
        assert fault.says in str(error)
        if method == "POST":
            assert len(server.arrived) <= 1


def over_aiohttp(url: str, method: str, **limits: Any) -> object:
    async def call() -> object:
        async with (
            aiohttp_client() as own,
            AsyncPrintOS("key", "secret", base_url=url, http_client=own, **(limits or LIMITS)) as printos,
        ):
            if method == "GET":
                return await printos.devices.list()
            return await printos.devices.provision(model="HP Indigo 7K", serial_number="41000042")

    return asyncio.run(call())


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_fault_over_aiohttp_is_typed_and_repeats_no_post(fault: Fault, method: str) -> None:
    with fault.serve() as server:
        with pytest.raises(APIError) as caught:
            over_aiohttp(server.url, method, **fault.limits)

        error = caught.value
        assert str(error).startswith(f"{method} {server.url}/devices: ")
        assert len(server.arrived) <= (1 if method == "POST" else 2 * fault.get)


def fleet(url: str, **limits: Any) -> list[StatusResult]:
    with PrintOS("key", "secret", base_url=url, **(limits or LIMITS)) as printos:
        return list(printos.devices.update_statuses([StatusUpdate("IL42", "DS_ON")]))


def async_fleet(url: str, **limits: Any) -> list[StatusResult]:
    async def call() -> list[StatusResult]:
        async with AsyncPrintOS("key", "secret", base_url=url, **(limits or LIMITS)) as printos:
            return [result async for result in printos.devices.update_statuses([StatusUpdate("IL42", "DS_ON")])]

    return asyncio.run(call())


# An update asks for no body: what cannot be read is what cannot be decompressed, and a success that nobody knows.
@pytest.mark.parametrize("way", [fleet, async_fleet], ids=lambda way: way.__name__)
@pytest.mark.parametrize(
    "fault",
    [
        f
        for f in FAULTS
        if f.error is not APIResponseValidationError or any(w in f.name for w in ("gzip", "compression", "299"))
    ],
    ids=lambda fault: fault.name,
)
def test_fault_of_a_fleet(fault: Fault, way: Callable[..., list[StatusResult]]) -> None:
    with fault.serve() as server:
        begun = time.monotonic()
        (result,) = way(server.url, **fault.limits)
        seconds = time.monotonic() - begun

        error = result.error
        assert isinstance(error, APIError)
        assert type(error) is fault.error
        assert error.attempts == fault.get or (fault.never_arrives and not server.arrived)
        assert len(server.arrived) <= fault.get
        assert seconds < fault.seconds
        assert str(error).startswith(f"PUT {server.url}/devices/IL42/status: ")
        assert fault.says in str(error)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_bomb_of_a_gigabyte_does_not_eat_memory(way: Callable[..., object]) -> None:
    with serving(respond(200, bomb(1_000_000_000), content_encoding="gzip")) as server:
        tracemalloc.start()
        with pytest.raises(APIResponseValidationError):
            way(server.url, "GET")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert peak < 20_000_000


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_good_answers_with_odd_content(way: Callable[..., Any]) -> None:
    devices = [
        {"id": None, "hall": None, "registeredAt": "2026-01-02t03:04:05z"},
        None,
        {"registeredAt": "2016-12-31T23:59:60Z", "firmware": {"version": [1]}},
        {"registeredAt": "2026-01-02T03:04:05"},
        {"registeredAt": "Fri, 02 Jan 2026 03:04:05 GMT"},
        {"registeredAt": "2026-01-02T03:04:05.123456789+01:00"},
        {"registeredAt": "2026-01-01T24:00:00Z"},
    ]
    with serving(
        respond(200, gzip.compress(json.dumps({"devices": devices}).encode()), content_encoding="gzip")
    ) as server:
        result = way(server.url, "GET")

    parsed = [device.to_dict() for device in (result if isinstance(result, list) else result.devices)]
    assert parsed == [
        {"hall": None, "registeredAt": "2026-01-02T03:04:05+00:00"},
        {"registeredAt": "2017-01-01T00:00:00+00:00", "firmware": {"version": [1]}},
        {"registeredAt": "2026-01-02T03:04:05+00:00"},
        {"registeredAt": "2026-01-02T03:04:05+00:00"},
        {"registeredAt": "2026-01-02T02:04:05.123456+00:00"},
        {"registeredAt": "2026-01-02T00:00:00+00:00"},
    ]


@pytest.mark.parametrize("content", [b"{}", b'{"devices": null}', b'{"devices": []}'])
def test_no_devices_are_an_empty_list(content: bytes) -> None:
    with serving(respond(200, content)) as server:
        assert facade(server.url, "GET") == async_facade(server.url, "GET") == []


def test_one_broken_device_of_many_is_named_by_its_place() -> None:
    devices = [{"registeredAt": "2026-01-02T03:04:05Z"}] * 5000
    devices[17] = {"registeredAt": "soon"}

    with serving(respond_json({"devices": devices})) as server, pytest.raises(APIResponseValidationError) as caught:
        facade(server.url, "GET")

    assert caught.value.path == "devices[17].registeredAt"
    assert "devices[17].registeredAt: 'soon' is not a time" in str(caught.value)


@pytest.mark.parametrize("code", [200, 204, 202])
def test_status_update_takes_any_success(code: int) -> None:
    with serving(respond(code)) as server, ExitStack() as stack:
        printos = stack.enter_context(PrintOS("key", "secret", base_url=server.url))

        assert printos.devices.update_status("IL42", "DS_ON") is None  # type: ignore[func-returns-value]
        update_device_status.sync_detailed("IL42", client=printos.api, body=DeviceStatusUpdate(status="DS_ON"))

    assert [arrived.path for arrived in server.arrived] == ["/devices/IL42/status"] * 2


@pytest.mark.parametrize("code", [200, 202])
def test_another_success_than_the_documented_one_is_read_all_the_same(code: int) -> None:
    with serving(respond_json({"id": "IL42"}, code)) as server:
        device: Any = facade(server.url, "POST")

    assert device.id == "IL42"


def test_redirect_to_another_host_takes_no_credentials_there() -> None:
    with serving() as other, serving(respond(307, location=f"{other.url}/devices")) as server:
        with pytest.raises(APIStatusError, match="redirects are not followed"):
            facade(server.url, "GET")

        assert other.arrived == []


def test_absolute_url_on_another_host_gets_no_credentials() -> None:
    with serving() as other, serving() as server, PrintOS("key", "secret", base_url=server.url) as printos:
        printos.api.get_httpx_client().get(f"{other.url}/devices")

    (arrived,) = other.arrived
    assert not [name for name in arrived.headers if name.startswith("x-hp")]


@pytest.mark.parametrize("drip", [drip_headers, drip_body, stall_headers], ids=lambda drip: drip.__name__)
def test_deadline_holds_over_a_transport_that_does_not_know_it(drip: Behaviour) -> None:
    async def call(url: str) -> None:
        async with (
            aiohttp_client() as own,
            AsyncPrintOS("k", "s", base_url=url, http_client=own, deadline=0.3) as printos,
        ):
            await printos.devices.list()

    with serving(drip) as server:
        begun = time.monotonic()
        with pytest.raises(APITimeoutError):
            asyncio.run(call(server.url))

    assert time.monotonic() - begun < 2.0


@pytest.mark.parametrize("time_", ["2026-01-02T03:60:05Z", "01/02/2026 03:04:05", "12", "May", "2026-13-01", "T24:00"])
def test_what_may_be_several_times_is_none(time_: str) -> None:
    with serving(respond_json({"devices": [{"registeredAt": time_}]})) as server:
        with pytest.raises(APIResponseValidationError, match="is not a time"):
            facade(server.url, "GET")


def test_gzip_of_several_members_is_read_whole() -> None:
    content = gzip.compress(b'{"devices": [') + gzip.compress(b"{}]}")
    with serving(respond(200, content, content_encoding="gzip")) as server:
        devices: Any = facade(server.url, "GET")

    assert len(devices) == 1


@pytest.mark.parametrize("location", ["javascript:1", "http://xn--/", "http://[", "//"])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_impossible_redirect_is_a_typed_error(location: str, way: Callable[..., object]) -> None:
    with serving(respond(302, location=location)) as server, pytest.raises(APIError):
        way(server.url, "GET")


def test_method_of_several_calls_ends_within_one_deadline() -> None:
    def slow(connection: Connection, arrived: Any) -> None:
        time.sleep(0.6)
        respond_json({"devices": []}, 500 if arrived.method == "POST" else 200)(connection, arrived)

    with serving(slow) as server, PrintOS("k", "s", base_url=server.url, deadline=0.9) as printos:
        begun = time.monotonic()
        with pytest.raises(APIError):
            printos.devices.ensure(model="HP Indigo 7K", serial_number="41000042")

    assert time.monotonic() - begun < 1.8


@pytest.mark.parametrize("own", [httpx.Client, None], ids=["given", "made"])
def test_dripping_headers_end_over_any_httpx_client(own: type[httpx.Client] | None) -> None:
    given = own() if own else None
    with serving(drip_headers) as server:
        with PrintOS("k", "s", base_url=server.url, deadline=0.3, http_client=given) as printos:
            begun = time.monotonic()
            with pytest.raises(APITimeoutError):
                printos.devices.list()
    if given:
        given.close()

    assert time.monotonic() - begun < 5
