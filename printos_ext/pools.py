"""The connections of a client: made when first needed, and where they are needed; or a client that the caller made."""

import asyncio
import os
import ssl
from functools import cache
from typing import Any, TypeVar
from urllib.request import getproxies

import httpx

from .connection import KEEP_SECONDS
from .errors import ConfigurationError
from .wire import Wire

Given = TypeVar("Given", httpx.Client, httpx.AsyncClient)
Client = TypeVar("Client", httpx.Client, httpx.AsyncClient, httpx.HTTPTransport)

PROXIES = {"http", "https", "all"}  # the schemes that httpx looks for a proxy for


class Pool:
    """The connections of a client: made when first needed, and anew after a close or in a forked process."""

    def __init__(self, given: httpx.Client | None, most: int) -> None:
        """Use a client that the caller made, or make connections, and no more than these."""
        self.given, self._most = given, most
        self._made: dict[int, httpx.HTTPTransport | httpx.Client] = {}

    def client(self) -> httpx.HTTPTransport | httpx.Client:
        """Return the connections of this process: httpx's wire, or a client where one has more.

        The first of two threads that meet here wins.
        """
        if self.given is not None:
            return _open(self.given)
        client = self._made.get(os.getpid())
        if client is None:
            made = _made(httpx.Client, self._most) if _wants_client() else _made(httpx.HTTPTransport, self._most)
            client = self._made.setdefault(os.getpid(), made)
            if client is not made:
                made.close()
        return client

    def close(self) -> None:
        """Close the connections; the next call makes new ones. A client that the caller made stays open."""
        client = self._made.pop(os.getpid(), None)
        if client is not None:
            client.close()


class AsyncPool:
    """The same for asyncio: connections belong to the event loop that they were made in."""

    def __init__(self, given: httpx.AsyncClient | None, most: int) -> None:
        """Use a client that the caller made, or make connections for each event loop, and no more than these."""
        self.given, self._most = given, most
        self._given_to: tuple[int, asyncio.AbstractEventLoop] | None = None
        self._made: dict[asyncio.AbstractEventLoop, tuple[int, Wire | httpx.AsyncClient]] = {}

    def client(self) -> Wire | httpx.AsyncClient:
        """Return the connections of the running event loop in this process: our own, or a client where one has more."""
        loop = asyncio.get_running_loop()
        if self.given is not None:
            if self._given_to is None:
                self._given_to = (os.getpid(), loop)
            if self._given_to != (os.getpid(), loop):
                raise ConfigurationError(
                    "the http_client given belongs to another event loop or process: give a new one there"
                )
            return _open(self.given)
        pid, client = self._made.get(loop, (0, None))
        if client is None or pid != os.getpid():
            # Connections hold on to their loop, so that a weak reference to the loop would never end.
            for ended in [other for other in self._made if other.is_closed()]:
                del self._made[ended]
            client = _made(httpx.AsyncClient, self._most) if _wants_client() else Wire(_trusted(), self._most)
            self._made[loop] = (os.getpid(), client)
        return client

    async def aclose(self) -> None:
        """Close the connections of this event loop; the next call makes new ones."""
        pid, client = self._made.pop(asyncio.get_running_loop(), (0, None))
        if client is not None and pid == os.getpid():
            await client.aclose()


def aiohttp_client(**options: Any) -> httpx.AsyncClient:
    """Return an httpx client over aiohttp's connections, for `AsyncPrintOS(http_client=…)`; close it yourself.

    Needs `printos-device[aiohttp]`. For what aiohttp has and others have not; faster than no `http_client` it is not.
    aiohttp sends a GET or PUT once more by itself if its connection breaks.
    """
    try:
        from .over_aiohttp import Client  # noqa: PLC0415 - optional
    except ImportError:
        raise ConfigurationError("aiohttp_client needs an extra: pip install 'printos-device[aiohttp]'") from None
    return Client(**options)


def _open(given: Given) -> Given:
    if given.is_closed:
        raise ConfigurationError("the http_client given is closed")
    return bound_by_deadline(given)


def _wants_client() -> bool:
    """Tell whether something is asked for that only a client has: a proxy, or a recorder or mock of httpx's wire."""
    wires = (httpx.HTTPTransport.handle_request, httpx.AsyncHTTPTransport.handle_async_request)
    is_replaced = any(not wire.__module__.startswith("httpx.") or hasattr(wire, "__wrapped__") for wire in wires)
    return is_replaced or not PROXIES.isdisjoint(getproxies())


def _made(kind: type[Client], most: int) -> Client:
    """Return a new client with the proxies and certificates of the environment, which may be impossible."""
    trusted = _trusted()
    # A connection that was opened is kept for the next call; httpx would close all above twenty after each use.
    limits = httpx.Limits(max_connections=most, max_keepalive_connections=most, keepalive_expiry=KEEP_SECONDS)
    try:
        return bound_by_deadline(kind(verify=trusted, limits=limits))
    except Exception as error:
        raise ConfigurationError(
            f"no connection can be made with the proxies that the environment names: {error}"
        ) from error


def _trusted() -> ssl.SSLContext:
    try:
        return certificates()
    except Exception as error:
        raise ConfigurationError(
            f"no connection can be made with the certificates that the environment names: {error}"
        ) from error


@cache
def certificates() -> ssl.SSLContext:
    """Return whom to trust: read once, because that takes longer than many calls."""
    return httpx.create_ssl_context()


def bound_by_deadline(client: Client) -> Client:
    """Let no operation on a socket of this client outlive the call it belongs to."""
    from .network import bind  # noqa: PLC0415 - costs httpcore, which the first connection needs anyway

    bind(client)
    return client
