"""The thread that writes an outbox: it commits at once whatever has gathered, and does not give up the file.

A full disk refuses what is put in and still lets letters out; a file that turns out to be damaged is salvaged.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

from attrs import define

from .layout import is_damage
from .letter_file import LetterFile, News, Settings
from .letters import OutboxError
from .salvage import opened

# In one commit: the journal must not outgrow the reserve.
MOST_BYTES = 256 * 1024


@define(eq=False)
class Change:
    """Something to be written, and who waits for it."""

    make: Callable[[LetterFile], None]
    done: asyncio.Future[None]
    adds: bool
    size: int
    error: OutboxError | None = None
    is_made: bool = False


class Writer:
    """Makes changes in their order. In the thread, `tell` is given those that were made or failed, and the news."""

    def __init__(self, path: Path, settings: Settings, tell: Callable[[list[Change], News | None], None]) -> None:
        self._path, self._settings, self._tell = path, settings, tell
        self._gathering: queue.SimpleQueue[Change | None] = queue.SimpleQueue()
        self._file: LetterFile | None = None
        self._why_damaged: str | None = None
        self._thread = threading.Thread(target=self._run, name="printos-outbox", daemon=True)

    def start(self) -> News:
        """Open the file and return what is in it."""
        news = self._opened().news()
        self._thread.start()
        return news

    def submit(self, change: Change) -> None:
        """Let a change be made soon."""
        self._gathering.put(change)

    def stop(self) -> None:
        """Make what was submitted, and close the file."""
        self._gathering.put(None)
        self._thread.join()
        self._close()

    def _run(self) -> None:
        while changes := self._gathered():
            news = None
            try:
                self._make(changes)
                news = self._news()
            except Exception as error:  # noqa: BLE001 - the thread goes on, whatever it is
                self._failed(changes, error)
                self._close()
            self._tell(changes, news)

    def _gathered(self) -> list[Change]:
        """Wait for changes, and return those that are there; none at the end."""
        changes: list[Change] = []
        size = 0
        while size < MOST_BYTES:
            try:
                change = self._gathering.get(block=not changes)
            except queue.Empty:
                break
            if change is None:
                self._gathering.put(None)
                break
            changes.append(change)
            size += change.size
        return changes

    def _make(self, changes: list[Change]) -> None:
        """Make all changes; if that fails, first those that free space."""
        try:
            self._commit(changes)
        except Exception as error:  # noqa: BLE001 - told to those who wait, if it happens again
            self._failed([], error)
            if self._file:
                self._file.give_way()
            for group in ([one for one in changes if not one.adds], [one for one in changes if one.adds]):
                try:
                    self._commit(group)
                except Exception as again:  # noqa: BLE001 - the same
                    self._failed(group, again)

    def _commit(self, changes: Iterable[Change]) -> None:
        due = [change for change in changes if not change.is_made]
        if not due:
            return
        file = self._opened()
        with file.transaction(durable=any(change.adds for change in due)):
            for change in due:
                change.error = None
                try:
                    change.make(file)
                except OutboxError as error:
                    change.error = error
        for change in due:
            change.is_made = True

    def _news(self) -> News:
        try:
            return self._opened().news()
        except Exception as error:
            self._failed([], error)
            if self._file:
                raise
            return self._opened().news()

    def _failed(self, changes: Iterable[Change], error: Exception) -> None:
        """Let those know who wait; a damaged file is opened anew before the next change."""
        if is_damage(error):
            self._why_damaged = str(error)
            self._close()
        why = f"{self._path} cannot be written ({error}): see whether its disk is full or broken"
        for change in changes:
            if not change.is_made:
                change.error = OutboxError(str(error) if isinstance(error, OutboxError) else why)

    def _opened(self) -> LetterFile:
        if self._file is None:
            self._file = opened(self._path, self._settings, self._why_damaged)
            self._why_damaged = None
        return self._file

    def _close(self) -> None:
        if self._file:
            with closing(self._file):
                self._file = None
