"""Time as the agent sees it: all waits and all intervals go by a clock that nobody can set; the date is for people."""

import asyncio
import datetime as dt
import time
from contextlib import suppress


class Clock:
    """The clock of this machine."""

    def monotonic(self) -> float:
        """Return seconds that only go forward, whatever is done to the date."""
        return time.monotonic()

    def now(self) -> dt.datetime:
        """Return the date, in UTC."""
        return dt.datetime.now(dt.UTC)

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        """Return when something happens, or when the seconds are over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()
