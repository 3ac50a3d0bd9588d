"""Credentials: a key that signs each request, or a device's own login. Each is an `httpx.Auth` of its own right.

Facts about both come from HP's prose and samples, not from the contract. No secret is in any `repr`, and credentials
cannot be pickled.
"""

import asyncio
import datetime as dt
import hmac
import os
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import NoReturn

import httpx

from .decoding import UnreadableError
from .errors import ConfigurationError

LOGIN_TOO_SLOW = "the login that another call had begun did not end in time"
SESSION_TOKEN = "Indigo-SmS-Auth-Token"  # noqa: S105 - the name of a header, not its value
TOO_SOON = 5.0  # seconds: until then, another login for a token that nobody took is only a storm


def now() -> dt.datetime:
    """Return the time that a signature is made with."""
    return dt.datetime.now(dt.UTC)


class _Secretive(httpx.Auth):
    """Shows nothing."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} holds a secret and is not pickled")


class HmacAuth(_Secretive):
    """Signs each request with a key and its secret.

    The signature covers the method, the path below the base URL (as sent, without the query) and the time: a request
    that is sent again is signed again.
    """

    def __init__(self, key: str, secret: str, *, clock: Callable[[], dt.datetime] = now) -> None:
        """Take the pair that PrintOS made; `clock` gives the time to sign with."""
        if not (key and _is_text(key) and key.isascii() and key.isprintable()):
            raise ConfigurationError(
                "the API key is empty or has characters that no key has: copy it again from PrintOS"
            )
        if not secret or not _is_text(secret):
            raise ConfigurationError("the API secret is empty or broken: copy it again from PrintOS")
        self._key = key
        self._secret = secret.encode()
        self._clock = clock
        self._second: tuple[int | None, str] = (None, "")

    @property
    def secrets(self) -> tuple[bytes, ...]:
        """What must never be shown."""
        return (self._secret,)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the three headers."""
        self.sign(request)
        yield request

    def sign(self, request: httpx.Request) -> None:
        """Add the three headers."""
        date = self._date(self._clock())
        target = getattr(request, "target", None) or request.url.raw_path
        path = target.partition(b"?")[0].removeprefix(request.extensions.get("base_path", b""))
        message = b"%s %s%s" % (request.method.encode(), path, date.encode())
        signature = hmac.digest(self._secret, message, "sha256").hex()
        request.headers["x-hp-hmac-date"] = date
        request.headers["x-hp-hmac-algorithm"] = "SHA256"
        request.headers["x-hp-hmac-authentication"] = f"{self._key}:{signature}"

    def _date(self, moment: dt.datetime) -> str:
        """Return a moment as it is signed; most requests are made in the same second as the one before."""
        second, date = self._second
        if second != int(moment.timestamp()):
            date = moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            self._second = (int(moment.timestamp()), date)
        return date


class SessionAuth(_Secretive):
    """Logs a device in with its own credentials and sends the session token with each request.

    One login serves any number of concurrent calls, of threads or of an event loop. A token that the server no longer
    takes (401) is replaced by one more login, once per request. The server may hand out a new token with any answer.
    """

    def __init__(self, login: str, password: str, *, login_url: str = "/devices/login") -> None:
        """Take the device's credentials; a `login_url` without a host is a path below the base URL."""
        if not (login and password and _is_text(login) and _is_text(password)):
            raise ConfigurationError("a device session needs the login and the password that PrintOS gave the device")
        self._login = login
        self._password = password
        self._login_url = httpx.URL(login_url)
        self._token: str | None = None
        self._may_renew_at = float("-inf")  # unless the token was taken by then
        self._locks: dict[int, threading.Lock] = {}  # by process: a fork may happen while another thread logs in
        self._async_locks: dict[asyncio.AbstractEventLoop, asyncio.Lock] = {}

    @property
    def secrets(self) -> tuple[bytes, ...]:
        """What must never be shown."""
        return tuple(text.encode() for text in (self._password, self._token) if text)

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Log in if there is no token, or if the one sent was not taken."""
        refused = None
        for _ in range(2):
            with self._locked(_seconds_left(request)):
                if self._token is None or (self._token == refused and self._may_renew()):
                    self._take_login((yield self._login_request(request)))
                    refused = None  # a server may give the same one again
                token = self._token
            if token in {None, refused}:
                return
            request.headers[SESSION_TOKEN] = token
            if not self._refuses((yield request)):
                self._may_renew_at = float("-inf")
                return
            refused = token

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Do the same without blocking the event loop."""
        refused = None
        for _ in range(2):
            async with self._async_locked(_seconds_left(request)):
                if self._token is None or (self._token == refused and self._may_renew()):
                    self._take_login((yield self._login_request(request)))
                    refused = None  # a server may give the same one again
                token = self._token
            if token in {None, refused}:
                return
            request.headers[SESSION_TOKEN] = token
            if not self._refuses((yield request)):
                self._may_renew_at = float("-inf")
                return
            refused = token

    @contextmanager
    def _locked(self, seconds: float | None) -> Iterator[None]:
        lock = self._locks.setdefault(os.getpid(), threading.Lock())
        if not lock.acquire(timeout=-1 if seconds is None else seconds):
            raise httpx.PoolTimeout(LOGIN_TOO_SLOW)
        try:
            yield
        finally:
            lock.release()

    @asynccontextmanager
    async def _async_locked(self, seconds: float | None) -> AsyncIterator[None]:
        for ended in [loop for loop in self._async_locks if loop.is_closed()]:
            del self._async_locks[ended]
        lock = self._async_locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())
        try:
            await asyncio.wait_for(lock.acquire(), seconds)
        except TimeoutError:
            raise httpx.PoolTimeout(LOGIN_TOO_SLOW) from None
        try:
            yield
        finally:
            lock.release()

    def _login_request(self, request: httpx.Request) -> httpx.Request:
        url = self._login_url
        if url.is_relative_url:
            path = url.raw_path.removeprefix(b"/")
            url = request.url.copy_with(raw_path=b"%s/%s" % (request.extensions.get("base_path", b""), path))
        elif origin(url) != origin(request.url):
            raise ConfigurationError(f"the login at {url} is not on the server of the base URL, {request.url.host}")
        credentials = {"login": self._login, "password": self._password}
        extensions = {**request.extensions, "secret_body": True}
        return httpx.Request("POST", url, json=credentials, headers=_agent(request), extensions=extensions)

    def _take_login(self, response: httpx.Response) -> None:
        if self._token is not None:  # if this one is refused as well, it is not for its age
            self._may_renew_at = time.monotonic() + TOO_SOON
        self._token = None
        self._refuses(response)
        if response.is_success and self._token is None:
            raise UnreadableError(f"the login was taken, and gave no session token (cookie {SESSION_TOKEN})")

    def _may_renew(self) -> bool:
        """Tell whether another login promises more than the last one."""
        return time.monotonic() >= self._may_renew_at

    def _refuses(self, response: httpx.Response) -> bool:
        """Keep a token that came along, and tell whether the answer asks for another login."""
        for cookie in response.headers.get_list("set-cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            if name.strip() == SESSION_TOKEN and response.is_success and value.isascii():
                self._token = value.strip().strip('"') or self._token
        return response.status_code == httpx.codes.UNAUTHORIZED


def _is_text(value: object) -> bool:
    """Tell whether a text can be sent; half a character comes from an environment in another encoding."""
    return isinstance(value, str) and not any("\ud800" <= character <= "\udfff" for character in value)


def origin(url: httpx.URL) -> tuple[str, str, int | None]:
    """Return what credentials are bound to."""
    return url.scheme, url.raw_host.decode("ascii"), url.port


def _seconds_left(request: httpx.Request) -> float | None:
    ends: float | None = request.extensions.get("deadline")
    return None if ends is None else max(0.0, ends - time.monotonic())


def _agent(request: httpx.Request) -> dict[str, str]:
    return {
        name: request.headers[name] for name in ("user-agent", "accept", "accept-encoding") if name in request.headers
    }
