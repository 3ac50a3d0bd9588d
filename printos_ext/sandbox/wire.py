"""The connection itself: bodies in bounded pieces, and the ways to go wrong that HTTP libraries keep from doing."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from .problems import Problem

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

LARGEST_BODY = 1_000_000

GARBAGE = b"\x00\xff\xfe\r\n\x00not HTTP\x00"


class Protocol(H11Protocol):
    """Lets the application at its connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's is
        """Note the connection where each request finds it; send what is written at once."""
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.app_state = {**self.app_state, "connection": transport}
        super().connection_made(transport)


class ClientGoneError(Exception):
    """Nobody is there to answer."""


async def read_body(receive: Receive) -> bytes:
    """Return the body of a request, unless it is too large."""
    chunks, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        chunk = message.get("body", b"")
        chunks.append(chunk)
        size += len(chunk)
        more = message.get("more_body", False)
        if size > LARGEST_BODY:
            raise Problem(413, f"the body has more than {LARGEST_BODY:,} bytes", place="body")
    return b"".join(chunks)


async def reset(connection: asyncio.Transport, receive: Receive) -> None:
    """Break the connection: the other end reads "connection reset by peer"."""
    raw = connection.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.abort()
    await _until_gone(receive)


async def truncate(connection: asyncio.Transport, receive: Receive, status: int, headers: Headers, body: bytes) -> None:
    """Send half of an answer and close."""
    head = b"".join([b"HTTP/1.1 %d \r\n" % status, *(b"%s: %s\r\n" % header for header in headers), b"\r\n"])
    connection.write((head + body)[: len(head) + len(body) // 2] if body else head[: len(head) // 2])
    connection.close()
    await _until_gone(receive)


async def garble(connection: asyncio.Transport, receive: Receive) -> None:
    """Send what is no HTTP and close."""
    connection.write(GARBAGE)
    connection.close()
    await _until_gone(receive)


async def stall(_: asyncio.Transport, receive: Receive) -> None:
    """Say nothing until the other end has enough."""
    await _until_gone(receive)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


BREAKS = {"reset": reset, "garbage": garble, "stall": stall}
