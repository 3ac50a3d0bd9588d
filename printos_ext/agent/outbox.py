"""Statuses that are on their way to PrintOS, in a SQLite file: what was put in survives a power cut until it is sent.

One thread writes, and commits at once whatever has gathered meanwhile; what is to be sent next is in memory.
"""

import asyncio
import datetime as dt
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Self

from attrs import define

from .letter_file import Connect, Head, LetterFile, WhenFull, connect, owned
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

__all__ = ["Counts", "DeadLetter", "Letter", "Outbox", "OutboxError", "Status"]

# In one commit, so that a page of the journal is soon free again.
MOST_BYTES_AT_ONCE = 256 * 1024


@define
class Change:
    """Something to be written, and who waits for it."""

    make: Callable[[LetterFile], object]
    done: "asyncio.Future[None]"
    durable: bool
    size: int
    error: OutboxError | None = None


class Outbox:
    """Owned by one process; used from one event loop. Newest wins: a status replaces an unsent older one of its device.

    `put` returns when the status is safe; many puts share a commit. A letter that was not acknowledged when the process
    died is given out again. To acknowledge a letter never takes a newer one away.
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
            clock: What time it is when PrintOS refuses a letter.
            connect: How the database is opened.
        """
        self._path, self._clock = path, clock
        self._open = partial(LetterFile, path, connect, history=history, max_bytes=max_bytes, when_full=when_full)
        self._changes: queue.SimpleQueue[Change | None] = queue.SimpleQueue()
        self._heads: dict[str, Head] = {}
        self._thread: threading.Thread | None = None

    async def __aenter__(self) -> Self:
        """Open the file, or a new one beside what could be saved from a damaged one."""
        self._loop = asyncio.get_running_loop()
        with ExitStack() as stack:
            stack.enter_context(owned(self._path))
            try:
                self._file = await asyncio.to_thread(self._open)
            except sqlite3.Error as error:
                raise OutboxError(f"{self._path} cannot be opened: {error}") from error
            stack.callback(self._file.close)
            self._heads, self._dead, self._counts = self._file.heads(), self._file.dead(), self._file.counts()
            self._closing = stack.pop_all()
        self._thread = threading.Thread(target=self._write, name="printos-outbox", daemon=True)
        self._thread.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Commit and close."""
        thread, self._thread = self._thread, None
        if thread:
            self._changes.put(None)
            await asyncio.to_thread(thread.join)
            self._closing.close()

    async def put(self, *statuses: Status) -> None:
        """Return when the statuses are safe from a power cut; `OutboxError` if they are not taken."""
        letters = [(status.device_id, body_of(status)) for status in statuses]
        if letters:
            size = sum(len(body) for _, body in letters)
            await self._changed(lambda file: file.put(letters), durable=True, size=size)

    def waiting(self) -> Iterator[str]:
        """Yield the devices that have a letter waiting, the one that waits longest first."""
        return iter(list(self._heads))

    def next(self, device_id: str) -> Letter | None:
        """Return the letter of a device that is to be sent next: the newest, or with history the oldest."""
        if device_id not in self._heads:
            return None
        number, body = self._heads[device_id]
        return Letter(number, status_of(device_id, body))

    async def ack(self, *letters: Letter) -> None:
        """Say that PrintOS has taken letters."""
        numbers = [letter.number for letter in letters]
        await self._changed(lambda file: file.ack(numbers))

    async def bury(self, letter: Letter, reason: str) -> None:
        """Say that PrintOS refuses a letter for good."""
        status = letter.status
        text = reason.encode(errors="backslashreplace").decode()[:LONGEST_REASON]
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
        await self._changed(lambda file: file.retry(number), durable=True)

    async def drop(self, number: int) -> None:
        """Forget a dead letter."""
        await self._changed(lambda file: file.drop(number))

    async def _changed(self, make: Callable[[LetterFile], object], *, durable: bool = False, size: int = 0) -> None:
        if not self._thread:
            raise OutboxError(f"{self._path} is not open")
        change = Change(make, self._loop.create_future(), durable, size)
        self._changes.put(change)
        await change.done

    def _write(self) -> None:
        """Commit what has gathered, again and again, until there is no more: what the thread does."""
        while changes := self._gathered():
            try:
                self._commit(changes)
            except sqlite3.Error as error:
                for change in changes:
                    change.error = OutboxError(f"{self._path} cannot be written: {error}; the status was not taken")
            self._loop.call_soon_threadsafe(
                self._tell, changes, self._file.counts(), self._file.touched(), self._file.dead()
            )

    def _gathered(self) -> list[Change]:
        changes: list[Change] = []
        size = 0
        while size < MOST_BYTES_AT_ONCE:
            try:
                change = self._changes.get(block=not changes)
            except queue.Empty:
                break
            if change is None:
                self._changes.put(None)
                break
            changes.append(change)
            size += change.size
        return changes

    def _commit(self, changes: Sequence[Change]) -> None:
        with self._file.transaction(durable=any(change.durable for change in changes)):
            for change in changes:
                try:
                    change.make(self._file)
                except OutboxError as error:
                    change.error = error

    def _tell(self, changes: Sequence[Change], counts: Counts, heads: dict[str, Head | None], dead: list[Row]) -> None:
        """Let the loop know what is in the file now."""
        self._counts, self._dead = counts, dead
        for device_id, head in heads.items():
            if head:
                self._heads[device_id] = head
            else:
                self._heads.pop(device_id, None)
        for change in changes:
            if not change.done.done():
                change.done.set_exception(change.error) if change.error else change.done.set_result(None)
