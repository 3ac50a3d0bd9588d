"""What an outbox is to those who use it, whether it is a file or a stream on NATS. No code."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from .letters import Counts, DeadLetter, Letter, Status


class AnyOutbox(AbstractAsyncContextManager[Any], Protocol):
    """Accepts statuses, gives them out until each is acknowledged or buried, and never loses one."""

    async def put(self, *statuses: Status) -> None:
        """Return when the statuses are safe."""

    def waiting(self) -> Iterator[str]:
        """Yield the devices that have a letter waiting."""
        ...

    def next(self, device_id: str) -> Letter | None:
        """Return the letter of a device that is to be sent next."""
        ...

    async def lease(self, letter: Letter) -> None:
        """Take down that a letter is about to be sent; `NotLeasedError` if it must not be."""

    def leased(self) -> Mapping[str, float]:
        """Return how many seconds ago each device was sent for by others."""
        ...

    async def ack(self, *letters: Letter) -> None:
        """Say that PrintOS has taken letters."""

    async def bury(self, letter: Letter, reason: str) -> None:
        """Say that PrintOS refuses a letter for good."""

    def counts(self) -> Counts:
        """Return how full it is."""
        ...

    def dead(self) -> list[DeadLetter]:
        """Return what PrintOS refused."""
        ...

    async def retry(self, number: int) -> None:
        """Put a dead letter back."""

    async def drop(self, number: int) -> None:
        """Forget a dead letter."""
