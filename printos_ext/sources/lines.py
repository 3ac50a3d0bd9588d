"""Devices of one's own that write one JSON object a line: `jsonl:PATH` to a file, `jsonl:-` to standard input."""

import asyncio
import datetime as dt
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from .objects import LONGEST, reading_from
from .reading import Reading, SourceError

Clock = Callable[[], dt.datetime]


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
        """Return the newest line that has come in; each is waited for until the first is there."""
        if self._stream is None:
            self._stream = _Stream()
        return await asyncio.to_thread(self._stream.newest, self._seconds, self.address)


class _Stream:
    """Standard input, read by a thread that keeps the newest line: no read of a pipe has a time limit."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._line: bytes | None = None
        self._ended = False
        threading.Thread(target=self._read, daemon=True).start()

    def newest(self, seconds: float, address: str) -> bytes:
        """Return the newest line; the last one is returned once."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._line is not None or self._ended, seconds):
                raise SourceError(f"{address}: no line within {seconds:g} s")
            line = self._line
            if self._ended:
                self._line = None
        if line is None:
            raise SourceError(f"{address}: the input has ended")
        return line

    def _read(self) -> None:
        while line := sys.stdin.buffer.readline(LONGEST):
            if line.strip():
                with self._changed:
                    self._line = line
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()
