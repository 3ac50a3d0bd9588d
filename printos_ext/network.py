"""What lies below httpx's pools: sockets that end with the call they work for, and a debug log that holds no token.

httpx limits each single read; a server that sends one byte a second never exceeds that. So the network below its pools
is told how long the whole call may still take. Imported when the first connection is due.
"""

import contextlib
import logging
import re
import socket
import ssl
import time
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx

from .reports import SECRET_HEADERS
from .retries import DEADLINE


def left(limit: float | None, too_late: type[Exception]) -> float | None:
    """Return the seconds that an operation may take: its own limit, or what is left of the call."""
    ends = DEADLINE.get()
    if ends is None:
        return limit
    seconds = ends - time.monotonic()
    if seconds <= 0:
        raise too_late("the deadline of the call has passed")
    return seconds if limit is None else min(seconds, limit)


class WithoutTokens(logging.Filter):
    """Takes credentials out of the headers that httpcore writes to its debug log."""

    VALUE = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
    SECRET = re.compile(rf"(b'(?:{'|'.join(SECRET_HEADERS)})', b){VALUE}", re.IGNORECASE)

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite a record that holds one."""
        message = record.getMessage()
        shown = self.SECRET.sub(r"\1'REDACTED'", message)
        if shown != message:
            record.msg, record.args = shown, ()
        return True


for _protocol in ("http11", "http2", "proxy"):
    logging.getLogger(f"httpcore.{_protocol}").addFilter(WithoutTokens())


def bind(client: httpx.Client | httpx.AsyncClient | httpx.HTTPTransport) -> None:
    """Put the deadline below every pool of a client, or below the one of a transport.

    httpx has no public way to a pool's network, so a client with another kind of transport is left as it is: its own
    limits hold, and between the chunks of a body ours.
    """
    if isinstance(client, httpx.HTTPTransport):
        transports: list[Any] = [client]
    else:
        transports = [client._transport, *client._mounts.values()]  # noqa: SLF001
    for transport in transports:
        pool = getattr(transport, "_pool", None)
        network = getattr(pool, "_network_backend", None)
        if isinstance(network, httpcore.NetworkBackend) and not isinstance(network, Network):
            pool._network_backend = Network(network)  # type: ignore[union-attr]  # noqa: SLF001
        elif isinstance(network, httpcore.AsyncNetworkBackend) and not isinstance(network, AsyncNetwork):
            pool._network_backend = AsyncNetwork(network)  # type: ignore[union-attr]  # noqa: SLF001


class Stream(httpcore.NetworkStream):
    """A connection whose every operation ends with the call."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        with contextlib.suppress(OSError, AttributeError):
            # Wakes a thread that still waits for this connection while another one closes the client.
            self._stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return Stream(self._stream.start_tls(ssl_context, server_hostname, left(timeout, httpcore.ConnectTimeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class AsyncStream(httpcore.AsyncNetworkStream):
    """The same, awaited."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._stream.read(max_bytes, left(timeout, httpcore.ReadTimeout))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._stream.write(buffer, left(timeout, httpcore.WriteTimeout))

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        seconds = left(timeout, httpcore.ConnectTimeout)
        return AsyncStream(await self._stream.start_tls(ssl_context, server_hostname, seconds))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class Network(httpcore.NetworkBackend):
    """Makes connections that end with the call."""

    def __init__(self, network: httpcore.NetworkBackend) -> None:
        self._network = network

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        seconds = left(timeout, httpcore.ConnectTimeout)
        return Stream(self._network.connect_tcp(host, port, seconds, local_address, socket_options))

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        return Stream(self._network.connect_unix_socket(path, left(timeout, httpcore.ConnectTimeout), socket_options))

    def sleep(self, seconds: float) -> None:
        self._network.sleep(seconds)


class AsyncNetwork(httpcore.AsyncNetworkBackend):
    """The same, awaited."""

    def __init__(self, network: httpcore.AsyncNetworkBackend) -> None:
        self._network = network

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        seconds = left(timeout, httpcore.ConnectTimeout)
        return AsyncStream(await self._network.connect_tcp(host, port, seconds, local_address, socket_options))

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        seconds = left(timeout, httpcore.ConnectTimeout)
        return AsyncStream(await self._network.connect_unix_socket(path, seconds, socket_options))

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)
