"""One connection of ours for asyncio: it asks, reads the answer within its limits, and says when it is free again.

What it is asked is finished even if nobody waits for the answer any more, so that no request is cut in half.
"""

import asyncio
import select
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

import httpx

from .http1 import Reading, Reply, reading

KEEP_SECONDS = 15.0
NEVER = float("inf")
CLOSED = "the client was closed"

Limits = Mapping[str, Any]


def ends(limits: Limits, step: str) -> float:
    """Return when a step that begins now must have ended, by the monotonic clock.

    The limits are a request's extensions: `timeout` as httpx has it, and `deadline`, the end of the whole call.
    """
    seconds = limits.get("timeout", {}).get(step)
    deadline: float = limits.get("deadline", NEVER)
    return deadline if seconds is None else min(deadline, time.monotonic() + seconds)


class Owner(Protocol):
    """Who is told what becomes of a connection."""

    def give_back(self, connection: "Connection") -> None:
        """Take it: another request may follow."""

    def forget(self, connection: "Connection") -> None:
        """Let it go: it is closed."""


class Connection(asyncio.Protocol):
    """Serves one request at a time."""

    def __init__(self, owner: Owner) -> None:
        """Belong to the running event loop."""
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Reply] | None = None
        self._reading: Reading | None = None
        self._limits: Limits = {}
        self._is_writing = False
        self._ends = self._timer_ends = NEVER
        self._timer: asyncio.TimerHandle | None = None
        self._free_since = time.monotonic()
        self._has_news: Callable[[], bool] = bool
        self._loss: httpx.TransportError | None = None
        self.closed: asyncio.Future[None] = self._loop.create_future()

    @property
    def is_open(self) -> bool:
        """Whether it can be asked."""
        return self._transport is not None and not self._transport.is_closing()

    def is_fresh(self) -> bool:
        """Tell whether it can be asked after a pause: a server may have closed it while nobody looked."""
        return (
            self._transport is not None
            and not self._transport.is_closing()
            and time.monotonic() - self._free_since < KEEP_SECONDS
            and not self._has_news()
        )

    def ask(self, message: bytes, method: str, limits: Limits, largest: int) -> asyncio.Future[Reply]:
        """Send a message; the future is the answer, of whose body no more than a little over `largest` is read."""
        answer = self._answer = self._loop.create_future()
        self._limits = limits
        self._reading = reading(method, largest)
        next(self._reading)
        if self._transport is None or self._transport.is_closing():
            self._fail(self._loss or httpx.RemoteProtocolError("the server closed the connection without an answer"))
            return answer
        self._watch(ends(limits, "read"))
        self._transport.write(message)
        return answer

    def end(self) -> None:
        """Close it; what is asked fails."""
        if self._reading is not None:
            self._fail(httpx.ReadError(CLOSED))
        elif self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close it at once, without a farewell."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin (called by the event loop, as are those below). Small writes go out at once: asyncio sees to it."""
        self._transport = transport = cast("asyncio.Transport", transport)
        self._has_news = news_of(transport)
        transport.set_write_buffer_limits(high=1, low=0)  # whatever the server does not take is told

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self._reading is None:
            self.abort()  # nobody asked
            return
        try:
            self._reading.send(data)
        except StopIteration as stop:
            self._answered(stop.value)
        except httpx.TransportError as error:
            self._fail(error)
        else:
            self._ends = ends(self._limits, "write" if self._is_writing else "read")

    def eof_received(self) -> None:
        """Complete an answer that the end of the connection completes; then the event loop closes it."""
        self.data_received(b"")

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what is asked, and be no more."""
        if exc is not None:
            self._loss = httpx.ReadError(str(exc))
            self._loss.__cause__ = exc
        if self._reading is not None and self._loss is None:
            self.eof_received()
        elif self._reading is not None and self._loss is not None:
            self._fail(self._loss)
        if self._timer is not None:
            self._timer.cancel()
        self._owner.forget(self)
        if not self.closed.done():
            self.closed.set_result(None)

    def pause_writing(self) -> None:
        """The server takes no more for now."""
        self._is_writing = True
        self._watch(ends(self._limits, "write"))

    def resume_writing(self) -> None:
        """The server has taken all."""
        self._is_writing = False
        self._watch(ends(self._limits, "read"))

    def _answered(self, reply: Reply) -> None:
        answer, self._answer, self._reading = self._answer, None, None
        if reply.keeps_alive and not self._is_writing and self.is_open:
            self._free_since = time.monotonic()
            self._owner.give_back(self)
        else:
            self.abort()
        if answer is not None and not answer.done():
            answer.set_result(reply)

    def _fail(self, error: httpx.TransportError) -> None:
        answer, self._answer, self._reading = self._answer, None, None
        self.abort()
        if answer is not None and not answer.done():
            answer.set_exception(error)

    def _watch(self, until: float) -> None:
        """Look at the clock at this moment, or earlier: a timer that is set need not be set anew for each step."""
        self._ends = until
        if until < self._timer_ends:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_ends = until
            self._timer = self._loop.call_later(until - time.monotonic(), self._look_at_the_clock)

    def _look_at_the_clock(self) -> None:
        now = time.monotonic()
        self._timer, self._timer_ends = None, NEVER
        until = self._free_since + KEEP_SECONDS if self._reading is None else self._ends
        if now < until:
            self._watch(until)
        elif self._reading is None:
            self.end()
        elif self._is_writing:
            self._fail(httpx.WriteTimeout("the server does not take the request"))
        else:
            self._fail(httpx.ReadTimeout("the server does not answer"))


def news_of(transport: asyncio.Transport) -> Callable[[], bool]:
    """Return what tells whether there is something to read, or the end, that the event loop has not seen yet."""
    socket = transport.get_extra_info("socket")
    if not hasattr(select, "poll"):
        return lambda: bool(select.select([socket], [], [], 0)[0])
    poll = select.poll()
    poll.register(socket, select.POLLIN)
    return lambda: bool(poll.poll(0))
