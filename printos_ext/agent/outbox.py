"""Statuses that are on their way to PrintOS, in a SQLite file: what was put in survives a power cut until it is sent.

What is to be sent next is in memory, one letter a device, and is what the file says after each commit.
"""

import asyncio
import datetime as dt
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

from .events import event
from .layout import Connect, connect
from .leases import Lease
from .letter_file import Head, LetterFile, News, Settings, WhenFull
from .letters import (
    LONGEST_REASON,
    Counts,
    DeadLetter,
    Letter,
    OutboxError,
    Row,
    Status,
    body_of,
    dead_letter_of,
    status_of,
)
from .ownership import owned
from .writing import Change, Writer

__all__ = ["Counts", "DeadLetter", "Letter", "Outbox", "OutboxError", "Status"]

SMALLEST_MAX_BYTES = 1 << 16
BURST = 10.0  # seconds in which what is dropped is told in one line


class Outbox:
    """Owned by one process; used from one event loop. Newest wins: a status replaces an unsent older one of its device.

    `put` returns when the status is safe; many puts share a commit. A letter that was not acknowledged when the process
    died is given out again, and a lease tells whether its device may have been sent for. To acknowledge a letter never
    takes a newer one away. Whatever cannot be written is an `OutboxError`: a status was not taken then, and a letter
    still waits.
    """

    def __init__(
        self,
        path: Path,
        *,
        history: bool = False,
        max_bytes: int = 1 << 30,
        when_full: WhenFull = "refuse",
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
        connect: Connect = connect,
    ) -> None:
        """Name the file; with `history` every status is kept, and given out in order.

        Args:
            path: The file; others of its name and an ending stand beside it.
            history: Whether every status counts, or only the newest of a device.
            max_bytes: What the letters may take of the file.
            when_full: Whether new statuses are refused then, or the oldest letters dropped. Dead ones go first.
            clock: What time it is when PrintOS refuses a letter, and when one is about to be sent.
            connect: How the database is opened.
        """
        if max_bytes < SMALLEST_MAX_BYTES:
            raise ValueError(f"max_bytes must be at least {SMALLEST_MAX_BYTES}, not {max_bytes!r}")
        self._path, self._clock = path, clock
        self._settings = Settings(history, max_bytes, when_full, connect, self._now)
        self._heads: dict[str, Head] = {}
        self._dead: list[Row] = []
        self._leased: Mapping[str, float] = {}
        self._counts = Counts(waiting=0, dead=0, dropped=0, size_bytes=0)
        self._told = 0  # letters that were dropped
        self._telling: asyncio.TimerHandle | None = None
        self._writer: Writer | None = None

    async def __aenter__(self) -> Self:
        """Open the file, or a new one beside what could be saved from a damaged one."""
        self._loop = asyncio.get_running_loop()
        with ExitStack() as stack:
            stack.enter_context(owned(self._path))
            writer = Writer(self._path, self._settings, self._tell)
            try:
                news = await asyncio.to_thread(writer.start)
            except (sqlite3.Error, OSError) as error:
                raise OutboxError(f"{self._path} cannot be opened: {error}") from error
            self._told, self._leased = news.counts.dropped, news.leased
            self._learn(news)
            self._writer, self._ownership = writer, stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Commit and close."""
        writer, self._writer = self._writer, None
        if writer:
            await asyncio.to_thread(writer.stop)
            self._tell_dropped()
            self._ownership.close()

    async def put(self, *statuses: Status) -> None:
        """Return when the statuses are safe from a power cut; `OutboxError` if they are not taken, all or none."""
        letters = [(status.device_id, body_of(status)) for status in statuses]
        if letters:
            size = sum(len(body) for _, body in letters)
            await self._changed(lambda file: file.put(letters), adds=True, size=size)

    def waiting(self) -> Iterator[str]:
        """Yield the devices that have a letter waiting, the one that waits longest first."""
        return iter(list(self._heads))

    def next(self, device_id: str) -> Letter | None:
        """Return the letter of a device that is to be sent next: the newest, or with history the oldest."""
        if device_id not in self._heads:
            return None
        number, body = self._heads[device_id]
        return Letter(number, status_of(device_id, body))

    async def lease(self, letter: Letter) -> None:
        """Take down that a letter is about to be sent, for `leased` of a process to come."""
        lease = Lease(letter.status.device_id, self._now())
        await self._changed(lambda file: file.lease(lease))

    def leased(self) -> Mapping[str, float]:
        """Return for each device that was leased at most a day before how many seconds that was when this was opened.

        It is never negative: a moment to come, because the clock was set back, counts as 0.
        """
        return self._leased

    async def ack(self, *letters: Letter) -> None:
        """Say that PrintOS has taken letters."""
        numbers = [letter.number for letter in letters]
        await self._changed(lambda file: file.ack(numbers))

    async def bury(self, letter: Letter, reason: str) -> None:
        """Say that PrintOS refuses a letter for good."""
        status = letter.status
        text = reason[:LONGEST_REASON].encode(errors="backslashreplace").decode()
        row = Row(letter.number, status.device_id, body_of(status), text, self._clock().isoformat())
        await self._changed(lambda file: file.bury(row))

    def counts(self) -> Counts:
        """Return how full it is."""
        return self._counts

    def dead(self) -> list[DeadLetter]:
        """Return what PrintOS refused, the oldest first."""
        return [dead_letter_of(row) for row in self._dead]

    async def retry(self, number: int) -> None:
        """Put a dead letter back, unless the device has a newer status waiting: `OutboxError`."""
        await self._changed(lambda file: file.retry(number), adds=True)

    async def drop(self, number: int) -> None:
        """Forget a dead letter."""
        await self._changed(lambda file: file.drop(number))

    def _now(self) -> float:
        return self._clock().timestamp()

    async def _changed(self, make: Callable[[LetterFile], None], *, adds: bool = False, size: int = 0) -> None:
        """Have a change made, although whoever asked for it may not wait for it."""
        if not self._writer:
            raise OutboxError(f"{self._path} is not open")
        change = Change(make, self._loop.create_future(), adds=adds, size=size)
        self._writer.submit(change)
        await change.done

    def _tell(self, changes: list[Change], news: News | None) -> None:
        with suppress(RuntimeError):  # the loop was closed, and nobody waits any more
            self._loop.call_soon_threadsafe(self._learn, news, changes)

    def _learn(self, news: News | None, changes: list[Change] | None = None) -> None:
        """Take over what is in the file now, and let go of those who waited for it."""
        if news:
            self._counts, self._dead = news.counts, news.dead
            if news.is_all:
                self._heads.clear()
            for device_id, head in news.heads.items():
                if head:
                    self._heads[device_id] = head
                else:
                    self._heads.pop(device_id, None)
            self._told = min(self._told, news.counts.dropped)  # after damage it may be counted anew
            if self._told < news.counts.dropped and not self._telling:
                self._telling = self._loop.call_later(BURST, self._tell_dropped)
        for change in changes or []:
            if change.done.done():  # cancelled
                continue
            if change.error:
                change.done.set_exception(change.error)
            else:
                change.done.set_result(None)

    def _tell_dropped(self) -> None:
        """Log how many letters had to make room since that was last told."""
        if self._telling:
            self._telling.cancel()
            count, self._told, self._telling = self._counts.dropped - self._told, self._counts.dropped, None
            event("dropped", outbox=str(self._path), letters=count, in_all=self._counts.dropped, level="warning")
