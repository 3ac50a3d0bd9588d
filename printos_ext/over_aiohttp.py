"""httpx's requests over aiohttp's connections, with errors that say what happened. Needs `printos-device[aiohttp]`."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
import httpx
from httpx_aiohttp import HttpxAiohttpClient

# Only with these a request has never left; httpx-aiohttp takes every lost connection for one that was never made.
NEVER_MADE = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


class Client(HttpxAiohttpClient):
    """What httpx-aiohttp makes, with errors that can be relied on."""

    def _init_transport(self, *arguments: Any, **options: Any) -> httpx.AsyncBaseTransport:
        return Told(super()._init_transport(*arguments, **options))

    def _init_proxy_transport(self, *arguments: Any, **options: Any) -> httpx.AsyncBaseTransport:
        return Told(super()._init_proxy_transport(*arguments, **options))


class Told(httpx.AsyncBaseTransport):
    """A transport over aiohttp whose errors are those of httpx's own."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        """Take the transport."""
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; `httpx.ConnectError` and `ConnectTimeout` mean that it has never left."""
        with _told():
            response = await self._inner.handle_async_request(request)
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101 - that is what such a transport gives
        response.stream = Body(response.stream)
        return response

    async def aclose(self) -> None:
        """Close all connections."""
        await self._inner.aclose()


class Body(httpx.AsyncByteStream):
    """A body that comes over such a connection."""

    def __init__(self, inner: httpx.AsyncByteStream) -> None:
        """Take the body."""
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield what comes."""
        with _told():
            async for part in self._inner:
                yield part

    async def aclose(self) -> None:
        """Let go of the connection."""
        with _told():
            await self._inner.aclose()


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        lost = error if isinstance(error, aiohttp.ClientError) else error.__cause__
        if not isinstance(lost, aiohttp.ClientError) or _is_right(error, lost):
            raise
        raise _kind(lost)(str(lost)) from lost


def _is_right(error: Exception, lost: aiohttp.ClientError) -> bool:
    """Tell whether an error of httpx is not one that says of a lost connection that it was never made."""
    says_never = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
    return isinstance(error, httpx.TransportError) and (not says_never or isinstance(lost, NEVER_MADE))


def _kind(lost: aiohttp.ClientError) -> type[httpx.TransportError]:
    if isinstance(lost, NEVER_MADE):
        return httpx.ConnectError
    return httpx.ReadError if isinstance(lost, aiohttp.ClientConnectionError) else httpx.RemoteProtocolError
