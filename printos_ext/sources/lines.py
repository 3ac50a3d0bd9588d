"""Devices of one's own that write one JSON object a line: `jsonl:PATH` to a file, `jsonl:-` to standard input."""

import asyncio
import datetime as dt
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from .objects import LONGEST, reading_from
from .reading import Reading, SourceError

Clock = Callable[[], dt.datetime]

TICK = 0.02
SETTLED = 0.2  # lines that come closer than this are one burst, of which the last counts


class LinesSource:
    """The last whole line is what the device says now. A line that is still being written does not count."""

    def __init__(self, address: str, *, seconds: float = 10.0, clock: Clock = lambda: dt.datetime.now(dt.UTC)) -> None:
        """Take the address; `seconds` is how long standard input is waited for."""
        self._path = address.partition(":")[2]
        if not self._path:
            raise SourceError(f"{address}: name a file, or - for standard input")
        self._seconds, self._clock = seconds, clock
        self._stream: _Stream | None = None

    @property
    def address(self) -> str:
        """The URI."""
        return f"jsonl:{self._path}"

    async def read(self) -> Reading:
        """Read the last line."""
        content = await (self._next() if self._path == "-" else asyncio.to_thread(self._last))
        return reading_from(content, source=self.address, observed_at=self._clock())

    async def aclose(self) -> None:
        """Do nothing: standard input is not ours to close."""

    def _last(self) -> bytes:
        """Read no more of a file than its end."""
        path = Path(self._path)
        try:
            if not path.is_file():
                raise SourceError(f"{self.address}: {'no file' if path.exists() else 'it is not there'}")
            with path.open("rb") as file:
                size = file.seek(0, 2)
                file.seek(max(0, size - LONGEST))
                tail = file.read(LONGEST)
        except (OSError, ValueError) as error:
            raise SourceError(f"{self.address}: it cannot be read: {error}") from None
        whole = tail[: tail.rfind(b"\n") + 1].rstrip()
        if not whole:
            raise SourceError(f"{self.address}: there is no whole line yet, or it has more than {LONGEST:,} bytes")
        return whole[whole.rfind(b"\n") + 1 :]

    async def _next(self) -> bytes:
        """Return the newest line that has come in; the first is waited for, and those that follow at once."""
        self._stream = self._stream or _Stream()
        stream, ends = self._stream, time.monotonic() + self._seconds
        while not (stream.line or stream.has_ended) and time.monotonic() < ends:  # noqa: ASYNC110 - a thread reads
            await asyncio.sleep(TICK)
        while time.monotonic() < min(ends, stream.came_at + SETTLED) and not stream.has_ended:  # noqa: ASYNC110
            await asyncio.sleep(TICK)
        line = stream.line
        if line is None:
            told = "the input has ended" if stream.has_ended else f"no line within {self._seconds:g} s"
            raise SourceError(f"{self.address}: {told}")
        if stream.has_ended:
            stream.line = None  # the last one is given once
        return line


class _Stream:
    """Standard input, read by a thread that keeps the newest line: no read of a pipe has a time limit."""

    def __init__(self) -> None:
        self.line: bytes | None = None
        self.came_at = 0.0
        self.has_ended = False
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while line := sys.stdin.buffer.readline(LONGEST):
            if line.strip():
                self.line, self.came_at = line, time.monotonic()
        self.has_ended = True
