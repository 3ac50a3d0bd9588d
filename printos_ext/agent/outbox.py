"""Statuses that are on their way to PrintOS, in a SQLite file: what was put in survives a power cut until it is sent."""

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Self

from attrs import Factory, frozen


class OutboxError(Exception):
    """The outbox cannot take or give: the message says which file, what happened, and what to do."""


@frozen
class Status:
    """What a device did at a moment, for PrintOS."""

    device_id: str
    status: str
    observed_at: dt.datetime
    pages_total: int | None = None
    ink_level: float | None = None
    more_metrics: Mapping[str, Any] = Factory(dict)


@frozen
class Letter:
    """A status in the outbox, by its number; a newer one has a higher number."""

    number: int
    status: Status


@frozen
class DeadLetter:
    """A status that PrintOS refused for good, and why."""

    number: int
    status: Status
    reason: str
    refused_at: dt.datetime


@frozen
class Counts:
    """How full the outbox is, and what it has lost or saved since it was made."""

    waiting: int
    dead: int
    dropped: int
    size_bytes: int


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
        when_full: Literal["refuse", "drop-oldest"] = "refuse",
    ) -> None:
        """Name the file; with `history` every status is kept, and given out in order."""

    async def __aenter__(self) -> Self:
        """Open the file, or a new one beside what could be saved from a damaged one."""
        raise NotImplementedError

    async def __aexit__(self, *_: object) -> None:
        """Commit and close."""

    async def put(self, *statuses: Status) -> None:
        """Return when the statuses are safe from a power cut; `OutboxError` if they are not taken."""

    def waiting(self) -> Iterator[str]:
        """Yield the devices that have a letter waiting, the one that waits longest first."""
        raise NotImplementedError

    def next(self, device_id: str) -> Letter | None:
        """Return the letter of a device that is to be sent next: the newest, or with history the oldest."""

    async def ack(self, *letters: Letter) -> None:
        """Say that PrintOS has taken letters."""

    async def bury(self, letter: Letter, reason: str) -> None:
        """Say that PrintOS refuses a letter for good."""

    def counts(self) -> Counts:
        """Return how full it is."""
        raise NotImplementedError

    def dead(self) -> list[DeadLetter]:
        """Return what PrintOS refused, the oldest first."""
        raise NotImplementedError

    async def retry(self, number: int) -> None:
        """Put a dead letter back, unless the device has a newer status waiting."""

    async def drop(self, number: int) -> None:
        """Forget a dead letter."""
