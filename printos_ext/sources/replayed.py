"""`replay:FILE`: a recorded device, played. Each reading is the next of the recording, and then the last again."""

import asyncio
import datetime as dt
from collections.abc import Callable
from pathlib import Path

from printos_ext.files import refuse_other_than_file

from . import ipp_mapping, snmp_mapping
from .reading import Reading, SourceError
from .recordings import Recording, read

LARGEST = 20_000_000


class ReplayedSource:
    """A device that says what another one said."""

    def __init__(self, address: str, *, clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)) -> None:
        """Take the address; the file is read when the device is."""
        self.address = address
        self._path = Path(address.partition(":")[2])
        self._clock = clock
        self._recording: Recording | None = None
        self._next = 0
        self._last_status: str | None = None

    async def read(self) -> Reading:
        """Play the next reading."""
        if self._recording is None:
            self._recording = await asyncio.to_thread(self._opened)
        said = self._recording.said[min(self._next, len(self._recording.said) - 1)]
        self._next += 1
        # The origins name the protocol, so that what is merged from recordings is merged as from the devices.
        source, observed_at = f"{self._recording.protocol}://{self._path.name}", self._clock()
        if self._recording.protocol == "ipp":
            return ipp_mapping.reading_from(said, source=source, observed_at=observed_at)
        last = self._last_status
        reading = snmp_mapping.reading_from(said, source=source, observed_at=observed_at, last_status=last)
        self._last_status = reading.status
        return reading

    async def aclose(self) -> None:
        """Do nothing."""

    def _opened(self) -> Recording:
        try:
            refuse_other_than_file(self._path)
            with self._path.open("rb") as file:
                content = file.read(LARGEST)
            return read(content.decode())
        except OSError as error:
            raise SourceError(f"{self.address}: it cannot be read: {error.strerror}") from None
        except ValueError as error:
            raise SourceError(f"{self.address}: {error}") from None
