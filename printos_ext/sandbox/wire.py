"""What HTTP libraries keep from doing: the ways in which a connection goes wrong, on the connection itself."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

Receive = Callable[[], Awaitable[Any]]
Headers = list[tuple[bytes, bytes]]

GARBAGE = b"\x00\xff\xfe\r\n\x00not HTTP\x00"


class Protocol(H11Protocol):
    """Lets the application at its connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's is
        """Note the connection where each request finds it."""
        self.app_state = {**self.app_state, "connection": transport}
        super().connection_made(transport)


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
