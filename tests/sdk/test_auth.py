"""Signatures against known answers, and sessions: one login for all, once again on 401, never a loop."""

import asyncio
import copy
import datetime as dt
import hashlib
import hmac
import pickle
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from server import Arrived, Behaviour, Connection, platform, respond, respond_json, serving

from printos_ext import (
    APIResponseValidationError,
    APITimeoutError,
    AsyncPrintOS,
    AuthenticationError,
    ConfigurationError,
    HmacAuth,
    InternalServerError,
    PrintOS,
    RateLimitError,
    SessionAuth,
)

MOMENT = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


def signature(method: str, url: str, *, key: str = "key", secret: str = "secret", base_path: bytes = b"") -> str:
    request = httpx.Request(method, url, extensions={"base_path": base_path})
    next(HmacAuth(key, secret, clock=lambda: MOMENT).auth_flow(request))
    return str(request.headers["x-hp-hmac-authentication"])


# Each was computed with OpenSSL: printf %s 'GET /devices2026-01-02T03:04:05Z' | openssl dgst -sha256 -hmac secret
@pytest.mark.parametrize(
    ("method", "url", "base_path", "expected"),
    [
        ("GET", "/devices", b"", "1a834ef02623849620c3b1d43efb8b021f56ab6a2369686a47385e8ae0c97276"),
        ("GET", "/devices?page=2", b"", "1a834ef02623849620c3b1d43efb8b021f56ab6a2369686a47385e8ae0c97276"),
        ("GET", "/platform/devices", b"/platform", "1a834ef02623849620c3b1d43efb8b021f56ab6a2369686a47385e8ae0c97276"),
        ("POST", "/devices", b"", "05214801215761e22877e8632a4d80cf02f23b300aaa57ee334ad7b0c226d3a9"),
        (
            "PUT",
            "/devices/IL%2F42%20%C3%BC/status",
            b"",
            "c3d2d6c0fcd977b9cc6ddee03c731f57e94e8cdb3e21897d5cf3e4a618318ae1",
        ),
        ("PUT", "/a/devices/%2e%2e/status", b"/a", "8bb97b4c21ca89372522dc4c9ea5a4a75fc0055826d9e247376b5203e09f0d81"),
    ],
)
def test_signature_has_its_known_answer(method: str, url: str, base_path: bytes, expected: str) -> None:
    assert signature(method, f"https://host{url}", base_path=base_path) == f"key:{expected}"


def verify(arrived: Arrived, path: str, secret: str = "secret") -> bool:
    message = f"{arrived.method} {path}{arrived.headers['x-hp-hmac-date']}"
    expected = hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()
    return arrived.headers["x-hp-hmac-authentication"] == f"key:{expected}"


@pytest.mark.parametrize("prefix", ["", "/", "/platform", "/platform/v1/"])
def test_path_is_signed_as_it_is_sent_below_the_base_url(prefix: str) -> None:
    with serving() as server, PrintOS("key", "secret", base_url=server.url + prefix) as printos:
        printos.devices.update_status("IL/42 ü%?", "DS_ON")

    (arrived,) = server.arrived
    path = "/devices/IL%2F42%20%C3%BC%25%3F/status"
    assert arrived.path == prefix.rstrip("/") + path
    assert arrived.headers["x-hp-hmac-algorithm"] == "SHA256"
    assert verify(arrived, path)


def test_every_attempt_is_signed_afresh() -> None:
    moments = iter([MOMENT, MOMENT + dt.timedelta(minutes=1), MOMENT + dt.timedelta(minutes=2)])
    auth = HmacAuth("key", "secret", clock=lambda: next(moments))
    with serving(respond(503)) as server, PrintOS(base_url=server.url, auth=auth) as printos:
        with pytest.raises(InternalServerError):
            printos.devices.list()

    dates = [a.headers["x-hp-hmac-date"] for a in server.arrived]
    assert dates == ["2026-01-02T03:04:05Z", "2026-01-02T03:05:05Z", "2026-01-02T03:06:05Z"]
    assert len({a.headers["x-hp-hmac-authentication"] for a in server.arrived}) == 3
    assert all(verify(arrived, "/devices") for arrived in server.arrived)


@pytest.mark.parametrize(("off", "told"), [(-440, "7 min"), (5430, "1 h 30 min behind"), (30, None)])
def test_refusal_says_how_far_the_clock_is_off(off: int, told: str | None) -> None:
    date = (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=off)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    with serving(respond(401, date=date)) as server, PrintOS("key", "secret", base_url=server.url) as printos:
        with pytest.raises(AuthenticationError) as caught:
            printos.devices.list()

    assert "clock" in str(caught.value) if told else "clock" not in str(caught.value)
    assert (told or "") in str(caught.value)


def test_credentials_work_with_plain_httpx() -> None:
    with serving() as server, httpx.Client(base_url=server.url, auth=HmacAuth("key", "secret")) as client:
        assert client.get("/devices").json()["devices"][0]["id"] == "IL42"

    assert verify(server.arrived[0], "/devices")


class Sessions:
    """The platform's sessions: tokens that count up, of which the newest is good."""

    def __init__(self) -> None:
        self.logins = 0
        self.valid: set[str] = set()
        self.rotate = False
        self.lock = threading.Lock()

    def __call__(self, connection: Connection, arrived: Arrived) -> None:
        self.answer(arrived)(connection, arrived)

    def answer(self, arrived: Arrived) -> Behaviour:
        if arrived.path.endswith("/login"):
            if arrived.json != {"login": "device-7", "password": "open sesame"}:
                return respond(401, b"wrong")
            with self.lock:
                self.logins += 1
                self.valid = {f"token-{self.logins}"}
            return respond_json({}, set_cookie=f"Indigo-SmS-Auth-Token=token-{self.logins}; Path=/; HttpOnly")
        if arrived.headers.get("indigo-sms-auth-token") not in self.valid:
            return respond(401, b'{"smsError": {"subCode": 7}}')
        if self.rotate:
            self.valid.add("token-rotated")
            return respond_json({"devices": []}, set_cookie="Indigo-SmS-Auth-Token=token-rotated")
        return platform


def session(password: str = "open sesame", **options: Any) -> SessionAuth:
    return SessionAuth("device-7", password, **options)


def list_sync(printos_url: str, auth: httpx.Auth, calls: int = 1) -> None:
    with PrintOS(base_url=printos_url, auth=auth) as printos, ThreadPoolExecutor(calls) as threads:
        list(threads.map(lambda _: printos.devices.list(), range(calls)))


def list_async(printos_url: str, auth: httpx.Auth, calls: int = 1) -> None:
    async def run() -> None:
        async with AsyncPrintOS(base_url=printos_url, auth=auth) as printos:
            await asyncio.gather(*(printos.devices.list() for _ in range(calls)))

    asyncio.run(run())


ways = pytest.mark.parametrize("way", [list_sync, list_async])
Way = Callable[..., None]


@ways
def test_one_login_serves_any_number_of_concurrent_calls(way: Way) -> None:
    sessions = Sessions()
    with serving(sessions) as server:
        way(server.url, session(), calls=20)

    assert sessions.logins == 1
    assert len(server.arrived) == 21


@ways
def test_token_is_kept_between_calls_and_clients(way: Way) -> None:
    sessions, auth = Sessions(), session()
    with serving(sessions) as server:
        for _ in range(3):
            way(server.url, auth)

    assert sessions.logins == 1


@ways
def test_expired_session_is_replaced_once_for_all(way: Way) -> None:
    sessions, auth = Sessions(), session()
    with serving(sessions) as server:
        way(server.url, auth)
        sessions.valid.clear()
        way(server.url, auth, calls=10)

    assert sessions.logins == 2


@ways
def test_token_that_is_never_taken_is_no_loop(way: Way) -> None:
    def forgetful(connection: Connection, arrived: Arrived) -> None:
        sessions(connection, arrived)
        sessions.valid.clear()

    sessions = Sessions()
    with serving(forgetful) as server, pytest.raises(AuthenticationError, match="subCode"):
        way(server.url, session())

    assert [arrived.path for arrived in server.arrived] == ["/devices/login", "/devices"] * 2


@ways
def test_wrong_password_is_told_and_not_tried_again(way: Way) -> None:
    with serving(Sessions()) as server, pytest.raises(AuthenticationError, match="/devices/login: 401"):
        way(server.url, session("wrong password"))

    assert len(server.arrived) == 1


@ways
def test_token_that_comes_with_an_answer_is_used_from_then_on(way: Way) -> None:
    sessions, auth = Sessions(), session()
    sessions.rotate = True
    with serving(sessions) as server:
        way(server.url, auth)
        sessions.valid.discard("token-1")
        way(server.url, auth)

    assert sessions.logins == 1
    assert server.arrived[-1].headers["indigo-sms-auth-token"] == "token-rotated"


@ways
def test_login_without_a_token_is_an_error(way: Way) -> None:
    with serving(respond_json({})) as server, pytest.raises(APIResponseValidationError, match="no session token"):
        way(server.url, session())


@ways
def test_login_of_a_server_in_trouble_is_tried_again(way: Way) -> None:
    with serving(respond(503)) as server, pytest.raises(InternalServerError, match="/devices/login: 503"):
        way(server.url, session())

    assert len(server.arrived) == 3


@ways
def test_login_that_is_limited_carries_the_wait(way: Way) -> None:
    with serving(respond(429, retry_after="3600")) as server, pytest.raises(RateLimitError) as caught:
        way(server.url, session())

    assert caught.value.retry_after == 3600


@pytest.mark.parametrize("prefix", ["", "/platform"])
def test_login_is_below_the_base_url(prefix: str) -> None:
    with serving(Sessions()) as server:
        list_sync(server.url + prefix, session())
        list_sync(server.url + prefix, session(login_url=f"{server.url}/elsewhere/login"))

    assert [a.path for a in server.arrived if a.path.endswith("login")] == [
        f"{prefix}/devices/login",
        "/elsewhere/login",
    ]


@ways
def test_password_goes_to_no_other_server(way: Way) -> None:
    with serving() as server, serving() as other, pytest.raises(ConfigurationError, match="not on the server"):
        way(server.url, session(login_url=f"{other.url}/login"))

    assert other.arrived == server.arrived == []


@pytest.mark.parametrize(
    "auth", [HmacAuth("key", "hunter2-hunter2"), session("hunter2-hunter2")], ids=["hmac", "session"]
)
def test_credentials_show_and_pickle_nothing(auth: httpx.Auth) -> None:
    assert "hunter2" not in repr(auth)
    with pytest.raises(TypeError, match="holds a secret"):
        pickle.dumps(auth)
    with pytest.raises(TypeError, match="holds a secret"):
        copy.deepcopy(auth)


@pytest.mark.parametrize("pair", [("", "s"), ("k", ""), ("k\nx", "s"), ("ключ", "s"), (7, "s"), ("k", 7)])
def test_impossible_credentials_are_refused(pair: tuple[Any, Any]) -> None:
    with pytest.raises(ConfigurationError):
        HmacAuth(*pair)


@ways
def test_call_does_not_wait_for_ever_for_the_login_of_another(way: Way) -> None:
    def stall(connection: Connection, _: Arrived) -> None:
        connection.stall()

    def sync(url: str, auth: httpx.Auth) -> None:
        with PrintOS(base_url=url, auth=auth, deadline=0.3) as printos, ThreadPoolExecutor(3) as threads:
            list(threads.map(lambda _: printos.devices.list(), range(3)))

    async def calls(url: str, auth: httpx.Auth) -> None:
        async with AsyncPrintOS(base_url=url, auth=auth, deadline=0.3) as printos:
            for result in await asyncio.gather(*(printos.devices.list() for _ in range(3)), return_exceptions=True):
                if isinstance(result, BaseException):
                    raise result

    with serving(stall) as server:
        begun = time.monotonic()
        with pytest.raises(APITimeoutError):
            sync(server.url, session()) if way is list_sync else asyncio.run(calls(server.url, session()))

    assert time.monotonic() - begun < 2.0


class TokenAuth(httpx.Auth):
    """Credentials that fetch a token with a request of their own, as httpx documents it."""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        response = yield httpx.Request("POST", request.url.copy_with(path="/token"))
        request.headers["x-token"] = str(response.status_code)
        yield request


@ways
def test_any_credentials_of_httpx_may_be_used(way: Way) -> None:
    with serving() as server:
        way(server.url, TokenAuth())

    assert [arrived.path for arrived in server.arrived] == ["/token", "/devices"]
    assert server.arrived[1].headers["x-token"] == "201"
