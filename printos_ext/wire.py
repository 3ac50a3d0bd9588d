"""Connections of our own for asyncio: as many as are needed up to a limit, and nothing that grows with those who wait.

Nothing here knows what a call means. A caller may leave at any moment: his place and his connection go to the next.
"""

import asyncio
import ssl
import time
from collections import deque
from typing import Any

import httpx

from .connection import Connection, Limits, ends
from .http1 import Reply, beginning

FAREWELL_SECONDS = 1.0  # for the last words of TLS
NEXT_ADDRESS_SECONDS = 0.25  # after which the next address of a name is tried as well
PORTS = {"http": 80, "https": 443}

Origin = tuple[str, str, int | None]


class Wire:
    """The connections of one event loop, to any number of servers."""

    def __init__(self, certificates: ssl.SSLContext, most: int) -> None:
        """Trust these certificates, and make no more connections than these to a server; none is made yet."""
        self._certificates, self._most = certificates, most
        self._servers: dict[Origin, Server] = {}

    def server(self, origin: Origin) -> "Server":
        """Return the connections to a server."""
        server = self._servers.get(origin)
        if server is None:
            scheme, host, port = origin
            if scheme not in PORTS:
                raise httpx.UnsupportedProtocol(f"http and https can be spoken, and not {scheme!r}")
            certificates = self._certificates if scheme == "https" else None
            server = self._servers[origin] = Server(host, port or PORTS[scheme], certificates, self._most)
        return server

    async def aclose(self) -> None:
        """Close all connections; what is under way fails."""
        for server in self._servers.values():
            await server.aclose()


class Server:
    """The connections to one server; those who wait for one are served in turn."""

    def __init__(self, host: str, port: int, certificates: ssl.SSLContext | None, most: int) -> None:
        """Connect there, with TLS if there are certificates, when the first request comes."""
        self._host, self._port, self._certificates = host, port, certificates
        self._open: set[Connection] = set()
        self._free: list[Connection] = []
        self._places = most  # for connections not yet made
        self._turns: deque[asyncio.Future[Connection | None]] = deque()
        self._making: set[asyncio.Task[Connection]] = set()

    async def ask(self, asked: bytes, method: str, limits: Limits, largest: int) -> Reply:
        """Send a message and return the answer to it, or raise the error that httpx has for what happened.

        Of a body that is larger than it may be, a little more than `largest` is returned.
        """
        connection = self._take_free()
        while connection is None:
            connection = await self._next(limits)
        return await connection.ask(asked, method, limits, largest)

    def give_back(self, connection: Connection) -> None:
        """Take a connection that has done its work."""
        if not self._call_next(connection):
            self._free.append(connection)

    def forget(self, connection: Connection) -> None:
        """Let go of a connection that is closed; another may take its place."""
        if connection in self._open:
            self._open.discard(connection)
            if connection in self._free:
                self._free.remove(connection)
            self._leave_place()

    async def aclose(self) -> None:
        """Close all connections; what is under way fails."""
        for making in self._making:
            making.cancel()
        for connection in self._open:
            connection.end()
        closing: list[asyncio.Future[Any]] = [*self._making, *(connection.closed for connection in self._open)]
        if closing:
            await asyncio.wait(closing)

    def _take_free(self) -> Connection | None:
        while self._free and not self._turns:
            connection = self._free.pop()
            if connection.is_fresh():
                return connection
            connection.abort()
        return None

    async def _next(self, limits: Limits) -> Connection | None:
        """Make a connection, or wait in turn for one; None if that one was closed meanwhile."""
        connection = None
        if self._places and not self._turns:
            self._places -= 1
        else:
            connection = await self._turn(limits)
        if connection is None:
            return await self._connected(limits)
        return connection if connection.is_open else None

    async def _turn(self, limits: Limits) -> Connection | None:
        """Wait in turn for a connection, or for a place to make one."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[Connection | None] = loop.create_future()
        self._turns.append(turn)
        timer = loop.call_later(ends(limits, "pool") - time.monotonic(), _expire, turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.cancelled() or turn.exception():
                raise
            connection = turn.result()
            if connection is None:
                self._leave_place()
            elif connection.is_open:
                self.give_back(connection)
            raise
        finally:
            timer.cancel()
            if turn in self._turns:
                self._turns.remove(turn)

    async def _connected(self, limits: Limits) -> Connection:
        """Make a connection on a place that has been taken for it; without its caller, it is for the next one."""
        making = asyncio.create_task(self._connect(limits))
        self._making.add(making)
        making.add_done_callback(self._making.discard)
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            making.add_done_callback(self._keep)
            raise

    async def _connect(self, limits: Limits) -> Connection:
        try:
            async with asyncio.timeout(ends(limits, "connect") - time.monotonic()):
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: Connection(self),
                    self._host,
                    self._port,
                    ssl=self._certificates,
                    ssl_shutdown_timeout=FAREWELL_SECONDS if self._certificates else None,
                    happy_eyeballs_delay=NEXT_ADDRESS_SECONDS,
                )
        except BaseException as error:
            self._leave_place()
            if isinstance(error, TimeoutError):
                raise httpx.ConnectTimeout("the server does not accept the connection") from error
            if isinstance(error, OSError):
                raise httpx.ConnectError(str(error)) from error
            raise
        self._open.add(connection)
        if not connection.is_open:
            self.forget(connection)
        return connection

    def _keep(self, made: "asyncio.Task[Connection]") -> None:
        if not made.cancelled() and not made.exception() and made.result().is_open:
            self.give_back(made.result())

    def _leave_place(self) -> None:
        if not self._call_next(None):
            self._places += 1

    def _call_next(self, connection: Connection | None) -> bool:
        """Hand a connection, or a place to make one, to the first who waits."""
        while self._turns:
            turn = self._turns.popleft()
            if not turn.done():
                turn.set_result(connection)
                return True
        return False


def message(request: httpx.Request) -> bytes:
    """Return a request as it is on the wire; its body is there, so that it needs no chunks."""
    body, headers = request.content, request.headers.raw
    if "transfer-encoding" in request.headers:
        headers = [(name, value) for name, value in headers if name.lower() != b"transfer-encoding"]
        headers.append((b"content-length", b"%d" % len(body)))
    return b"%s\r\n%s" % (beginning(request.method, request.url.raw_path, headers), body)


def _expire(turn: "asyncio.Future[Connection | None]") -> None:
    if not turn.done():
        turn.set_exception(httpx.PoolTimeout("no connection became free"))
