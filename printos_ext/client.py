"""The clients: `PrintOS`, and its twin `AsyncPrintOS` for asyncio. They hold the settings and the connections."""

import platform
import time
from typing import Self, TypeVar

import httpx

from .answers import Answer, own
from .api import Api
from .auth import HmacAuth
from .devices import AsyncDevices, Devices
from .errors import PrintOSError
from .flows import Call, Flow, RawResponse
from .pools import AsyncPool, Pool
from .prepared import Preparation
from .retries import METHOD_ENDS, Restraint
from .settings import Policy, read_settings
from .transport import AsyncTransport, Transport
from .version import __version__
from .wire import Wire

DEFAULT_TIMEOUT = httpx.Timeout(connect=5.0, read=30.0, write=30.0, pool=30.0)
DEFAULT_DEADLINE = 60.0
DEFAULT_MAX_RETRIES = 2
DEFAULT_MAX_RESPONSE_BYTES = 64 * 1024 * 1024
DEFAULT_MAX_CONNECTIONS = 100

HEADERS = {
    "User-Agent": f"printos-device/{__version__} (Python {platform.python_version()}; httpx {httpx.__version__})",
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
}

# What every httpx client sends unless told otherwise; ours come instead.
HTTPX_HEADERS = {"accept", "accept-encoding", "connection", "user-agent"}

T = TypeVar("T")


class PrintOS:
    """PrintOS for blocking code: `with PrintOS() as printos: printos.devices.list()`.

    Every failure of a call is a `PrintOSError`. Every call ends within its deadline. Safe to use from any number of
    threads, in a forked process, and again after `close`.

    Args:
        key: The API key; else `PRINTOS_API_KEY`, else the profile's.
        secret: Its secret; else `PRINTOS_API_SECRET`, else the profile's.
        base_url: The server; else `PRINTOS_BASE_URL`, else the profile's, else HP's production server.
        auth: Other credentials instead of key and secret: a `SessionAuth`, or any `httpx.Auth`.
        timeout: The seconds, or the `httpx.Timeout`, that one attempt may take to connect, write and read.
        deadline: The seconds that a call may take in all, with every attempt, signature and wait.
        max_retries: How often a call that failed in passing is tried again.
        max_response_bytes: How large an answer may be, decompressed.
        max_connections: How many connections there may be; further calls wait for one.
        http_client: A client of your own, for proxies, certificates and the like; it stays yours to close.
        profile: A table of the configuration file; else `PRINTOS_PROFILE`, else `default`.
    """

    def __init__(
        self,
        key: str | None = None,
        secret: str | None = None,
        *,
        base_url: str | None = None,
        auth: httpx.Auth | None = None,
        timeout: float | httpx.Timeout = DEFAULT_TIMEOUT,
        deadline: float = DEFAULT_DEADLINE,
        max_retries: int = DEFAULT_MAX_RETRIES,
        max_response_bytes: int = DEFAULT_MAX_RESPONSE_BYTES,
        max_connections: int = DEFAULT_MAX_CONNECTIONS,
        http_client: httpx.Client | None = None,
        profile: str | None = None,
    ) -> None:
        """Find the settings; nothing is sent yet."""
        settings = read_settings(key=key, secret=secret, base_url=base_url, auth=auth, profile=profile)
        limits = (timeout, deadline, max_retries, max_response_bytes, max_connections)
        policy = Policy(settings.base_url, settings.auth, *limits)
        self._use(policy, Pool(http_client, max_connections), Restraint(), *_defaults(http_client))

    def _use(
        self, policy: Policy, pool: Pool, restraint: Restraint, headers: httpx.Headers, cookies: httpx.Cookies
    ) -> None:
        self._policy, self._pool, self._restraint = policy, pool, restraint
        self._headers, self._cookies = headers, cookies
        self._transport = Transport(policy, pool, restraint)
        http = httpx.Client(
            base_url=policy.base_url,
            transport=self._transport,
            headers=headers,
            cookies=cookies,
            trust_env=False,
        )
        self.api = Api(base_url=str(policy.base_url), http=http)
        self._preparation = Preparation(http)
        self._is_plain = type(policy.auth) is HmacAuth
        self.devices = Devices(self)

    def with_options(
        self,
        *,
        timeout: float | httpx.Timeout | None = None,
        deadline: float | None = None,
        max_retries: int | None = None,
        max_response_bytes: int | None = None,
    ) -> Self:
        """Return a client with other options over the same connections; closing either closes both."""
        twin = object.__new__(type(self))
        policy = self._policy.changed(timeout, deadline, max_retries, max_response_bytes)
        twin._use(policy, self._pool, self._restraint, self._headers, self._cookies)
        return twin

    def run(self, flow: Flow[T]) -> RawResponse[T]:
        """Give a flow the answers to the calls that it asks for, and return its result."""
        before = METHOD_ENDS.set(time.monotonic() + self._policy.deadline)
        try:
            call = next(flow)
            while True:
                try:
                    answer = self.send(call)
                except PrintOSError as error:
                    call = flow.throw(error)
                else:
                    call = flow.send(RawResponse.of(answer))
        except StopIteration as stop:
            result: RawResponse[T] = stop.value
            return result
        finally:
            METHOD_ENDS.reset(before)

    def send(self, call: Call) -> Answer:
        """Make a call: past httpx's client, unless there is something in it that is needed."""
        if self._is_plain and isinstance(self._pool.client(), httpx.HTTPTransport):
            return self._transport.handle_request(self._preparation.request(**call.request()))
        return own(self.api.get_httpx_client().request(**call.request()))

    def at_once(self, concurrency: int) -> int:
        """Return how many calls of so many are worth beginning at once: more than connections would only wait."""
        return concurrency if self._pool.given is not None else min(concurrency, self._policy.max_connections)

    @property
    def devices_url(self) -> str:
        """Where the devices are listed."""
        return f"{str(self._policy.base_url).rstrip('/')}/devices"

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        self._pool.close()

    def __enter__(self) -> Self:
        """Use the client; entering again, also after the end of a `with`, is fine."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    def __repr__(self) -> str:
        """Name the server and nothing secret."""
        return f"<{type(self).__name__} {self._policy.base_url} {self._policy.auth!r}>"


class AsyncPrintOS:
    """The twin of `PrintOS` for asyncio: the same names, awaited.

    Connections belong to the event loop they were made in: in another loop, or a forked process, it makes new ones. A
    cancelled call leaves its request to end by itself, within its limits. The arguments are those of `PrintOS`.
    """

    def __init__(
        self,
        key: str | None = None,
        secret: str | None = None,
        *,
        base_url: str | None = None,
        auth: httpx.Auth | None = None,
        timeout: float | httpx.Timeout = DEFAULT_TIMEOUT,
        deadline: float = DEFAULT_DEADLINE,
        max_retries: int = DEFAULT_MAX_RETRIES,
        max_response_bytes: int = DEFAULT_MAX_RESPONSE_BYTES,
        max_connections: int = DEFAULT_MAX_CONNECTIONS,
        http_client: httpx.AsyncClient | None = None,
        profile: str | None = None,
    ) -> None:
        """Find the settings; nothing is sent yet."""
        settings = read_settings(key=key, secret=secret, base_url=base_url, auth=auth, profile=profile)
        limits = (timeout, deadline, max_retries, max_response_bytes, max_connections)
        policy = Policy(settings.base_url, settings.auth, *limits)
        self._use(policy, AsyncPool(http_client, max_connections), Restraint(), *_defaults(http_client))

    def _use(
        self, policy: Policy, pool: AsyncPool, restraint: Restraint, headers: httpx.Headers, cookies: httpx.Cookies
    ) -> None:
        self._policy, self._pool, self._restraint = policy, pool, restraint
        self._headers, self._cookies = headers, cookies
        self._transport = AsyncTransport(policy, pool, restraint)
        http = httpx.AsyncClient(
            base_url=policy.base_url,
            transport=self._transport,
            headers=headers,
            cookies=cookies,
            trust_env=False,
        )
        self.api = Api(base_url=str(policy.base_url), http=http)
        self._preparation = Preparation(http)
        self._is_plain = type(policy.auth) is HmacAuth
        self.devices = AsyncDevices(self)

    def with_options(
        self,
        *,
        timeout: float | httpx.Timeout | None = None,
        deadline: float | None = None,
        max_retries: int | None = None,
        max_response_bytes: int | None = None,
    ) -> Self:
        """Return a client with other options over the same connections; closing either closes both."""
        twin = object.__new__(type(self))
        policy = self._policy.changed(timeout, deadline, max_retries, max_response_bytes)
        twin._use(policy, self._pool, self._restraint, self._headers, self._cookies)
        return twin

    async def run(self, flow: Flow[T]) -> RawResponse[T]:
        """Give a flow the answers to the calls that it asks for, and return its result."""
        before = METHOD_ENDS.set(time.monotonic() + self._policy.deadline)
        try:
            call = next(flow)
            while True:
                try:
                    answer = await self.send(call)
                except PrintOSError as error:
                    call = flow.throw(error)
                else:
                    call = flow.send(RawResponse.of(answer))
        except StopIteration as stop:
            result: RawResponse[T] = stop.value
            return result
        finally:
            METHOD_ENDS.reset(before)

    async def send(self, call: Call) -> Answer:
        """Make a call: past httpx's client, unless there is something in it that is needed."""
        if self._is_plain and isinstance(self._pool.client(), Wire):
            return await self._transport.handle_async_request(self._preparation.request(**call.request()))
        return own(await self.api.get_async_httpx_client().request(**call.request()))

    def at_once(self, concurrency: int) -> int:
        """Return how many calls of so many are worth beginning at once: more than connections would only wait."""
        return concurrency if self._pool.given is not None else min(concurrency, self._policy.max_connections)

    @property
    def devices_url(self) -> str:
        """Where the devices are listed."""
        return f"{str(self._policy.base_url).rstrip('/')}/devices"

    async def aclose(self) -> None:
        """Close the connections of this event loop; the next call opens new ones."""
        await self._pool.aclose()

    async def __aenter__(self) -> Self:
        """Use the client; entering again, also after the end of an `async with`, is fine."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self.aclose()

    def __repr__(self) -> str:
        """Name the server and nothing secret."""
        return f"<{type(self).__name__} {self._policy.base_url} {self._policy.auth!r}>"


def _defaults(given: httpx.Client | httpx.AsyncClient | None) -> tuple[httpx.Headers, httpx.Cookies]:
    """Return what each request carries: our headers, and what the caller's own client adds to its requests."""
    if given is None:
        return httpx.Headers(HEADERS), httpx.Cookies()
    own = httpx.Headers([(name, value) for name, value in given.headers.multi_items() if name not in HTTPX_HEADERS])
    return httpx.Headers([*own.multi_items(), *HEADERS.items()]), httpx.Cookies(given.cookies)
