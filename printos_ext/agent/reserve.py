"""Space on the disk that is held back, so that letters can still be taken out when the disk is full."""

import shutil
from contextlib import suppress
from pathlib import Path

from .ownership import make_private

LARGEST, SMALLEST = 1 << 20, 1 << 16
SHARE = 4  # of a small disk


class Reserve:
    """A file that means nothing and can be given up; as long as it is not there, the outbox does not grow."""

    def __init__(self, path: Path) -> None:
        """Take it, if it is not there, or smaller than it should be."""
        self._path = path
        before = path.stat().st_size if self.is_there else 0
        self.size = max(SMALLEST, min(LARGEST, (before + self._free()) // SHARE))
        if before < self.size:
            self.take()
        if self.is_there:
            self.size = path.stat().st_size

    @property
    def is_there(self) -> bool:
        """Tell whether it can be given up; what a crash left of it may be too small."""
        return self._path.exists() and self._path.stat().st_size >= SMALLEST

    def give_up(self) -> None:
        """Free the space."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def take(self) -> None:
        """Take the space if there is as much again."""
        if self._free() < 2 * self.size:
            return
        try:
            make_private(self._path)
            self._path.write_bytes(bytes(self.size))
        except OSError:
            self.give_up()

    def _free(self) -> int:
        return shutil.disk_usage(self._path.parent).free
