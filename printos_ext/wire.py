"""Connections of our own for asyncio: as many as are needed up to a limit, and nothing that grows with those who wait.

Nothing here knows what a call means. A caller may leave at any moment: his place and his connection go to the next.
"""

import asyncio
import re
import ssl
import time
from collections import deque
from typing import Any

import httpx

from .connection import CLOSED, Connection, Limits, ends
from .http1 import FRAMING, Reply, beginning

FAREWELL_SECONDS = 1.0  # for the last words of TLS
HAPPY_EYEBALLS: dict[str, Any] = {"happy_eyeballs_delay": 0.25}  # seconds; uvloop has a delay of its own
ERROR_NUMBER = re.compile(r"\[Errno (\d+)\]")
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
        for turn in self._turns:
            _fail(turn, httpx.ConnectError(CLOSED))
        for making in self._making:
            making.cancel()
        for connection in self._open:
            connection.end()
        closing: list[asyncio.Future[Any]] = [*self._making, *(connection.closed for connection in self._open)]
        if closing:
            await asyncio.wait(closing)

    def _take_free(self) -> Connection | None:
        connection = None
        while connection is None and self._free and not self._turns:
            connection = _fresh(self._free.pop())
        return connection

    async def _next(self, limits: Limits) -> Connection | None:
        """Make a connection, or wait in turn for one; None if that one was closed meanwhile."""
        connection = None
        if self._places and not self._turns:
            self._places -= 1
        else:
            connection = await self._turn(limits)
        if connection is None:
            return await self._connected(limits)
        return _fresh(connection)

    async def _turn(self, limits: Limits) -> Connection | None:
        """Wait in turn for a connection, or for a place to make one."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[Connection | None] = loop.create_future()
        self._turns.append(turn)
        too_late = httpx.PoolTimeout("no connection became free")
        timer = loop.call_later(ends(limits, "pool") - time.monotonic(), _fail, turn, too_late)
        try:
            return await turn
        except BaseException:
            if turn in self._turns:
                self._turns.remove(turn)
            elif turn.cancelled() or turn.exception():
                pass
            elif connection := turn.result():
                self._keep(connection)
            else:
                self._leave_place()
            raise
        finally:
            timer.cancel()

    async def _connected(self, limits: Limits) -> Connection:
        """Make a connection on a place that has been taken for it; without its caller, it is for the next one."""
        making = asyncio.create_task(self._connect(limits))
        self._making.add(making)
        making.add_done_callback(self._making.discard)
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            if making.cancelled():
                raise httpx.ConnectError(CLOSED) from None
            making.add_done_callback(self._made)
            raise

    async def _connect(self, limits: Limits) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(ends(limits, "connect") - time.monotonic()):
                _, connection = await loop.create_connection(
                    lambda: Connection(self),
                    self._host,
                    self._port,
                    ssl=self._certificates,
                    ssl_shutdown_timeout=FAREWELL_SECONDS if self._certificates else None,
                    **(HAPPY_EYEBALLS if isinstance(loop, asyncio.BaseEventLoop) else {}),
                )
        except BaseException as error:
            self._leave_place()
            if isinstance(error, TimeoutError):
                raise httpx.ConnectTimeout("the server does not accept the connection") from error
            if isinstance(error, OSError):
                raise httpx.ConnectError(str(error)) from _one(error)
            raise
        self._open.add(connection)
        if not connection.is_open:
            self.forget(connection)
        return connection

    def _made(self, making: "asyncio.Task[Connection]") -> None:
        if not making.cancelled() and not making.exception():
            self._keep(making.result())

    def _keep(self, connection: Connection) -> None:
        if connection.is_open:
            self.give_back(connection)

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
    """Return a request as it is on the wire; it ends where its body ends, whatever its headers say."""
    body, given = request.content, request.headers.raw
    headers = [(name, value) for name, value in given if name.lower() not in FRAMING]
    if body or len(headers) < len(given):
        headers.append((b"Content-Length", b"%d" % len(body)))
    return b"%s\r\n%s" % (beginning(request.method, request.url.raw_path, headers), body)


def _fresh(connection: Connection) -> Connection | None:
    """Return a connection if it can be asked, and be rid of it otherwise."""
    if connection.is_fresh():
        return connection
    connection.abort()
    return None


def _fail(turn: "asyncio.Future[Connection | None]", error: httpx.TransportError) -> None:
    if not turn.done():
        turn.set_exception(error)


def _one(error: OSError) -> OSError:
    """Return the first of several errors that asyncio has made one text of: a name may have several addresses."""
    number = None if error.errno else ERROR_NUMBER.search(str(error))
    return OSError(int(number[1]), str(error)) if number else error
