"""When each device was last about to be sent for, by the wall clock: a table that outlives the process, for one day.

No clock and no transaction of its own: both are those of who calls.
"""

import hashlib
import sqlite3
import zlib

from attrs import frozen

from .layout import DamagedError

LONGEST = 86_400.0  # seconds; what is older, or as far in the future, says nothing any more
FEW = 16  # find room in the page that even an empty table has
SOME = 200  # fill a few pages, one after the other


@frozen
class Lease:
    """A device that was about to be sent for, and when: seconds since 1970."""

    device_id: str
    leased_at: float

    @property
    def number(self) -> int:
        """Its place in the table: a newer lease of the device takes it over."""
        return int.from_bytes(hashlib.blake2b(self.device_id.encode(), digest_size=7).digest())

    @property
    def checksum(self) -> int:
        """What tells a lease that is as it was written from one that is not."""
        return zlib.crc32(f"{self.device_id}\0{self.leased_at}".encode())


def take_down(db: sqlite3.Connection, lease: Lease) -> None:
    """Write a lease in place of an older one of its device."""
    columns = lease.number, lease.device_id, lease.leased_at, lease.checksum
    db.execute("INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?)", columns)


def ages(db: sqlite3.Connection, now: float) -> dict[str, float]:
    """Return how many seconds ago each device was leased; a moment to come counts as now: the clock was set back."""
    found: dict[str, float] = {}
    for device_id, leased_at, checksum in db.execute("SELECT device_id, leased_at, checksum FROM leases"):
        if Lease(device_id, leased_at).checksum != checksum:
            raise DamagedError(f"the lease of device {device_id} is not as it was written")
        if abs(now - leased_at) <= LONGEST:
            found[device_id] = max(0.0, now - leased_at)
    return found


def moment(db: sqlite3.Connection, device_id: str) -> float:
    """Return when a device was last leased, as far as that is known."""
    found = db.execute("SELECT leased_at FROM leases WHERE number = ?", (Lease(device_id, 0.0).number,)).fetchone()
    return found[0] if found else 0.0


def forget_old(db: sqlite3.Connection, now: float) -> None:
    """Remove what `ages` does not tell."""
    db.execute("DELETE FROM leases WHERE ABS(? - leased_at) > ?", (now, LONGEST))


def forget_some(db: sqlite3.Connection) -> bool:
    """Make room, a few pages at a time; False if nearly nothing is there."""
    some = "SELECT number FROM leases ORDER BY number LIMIT ? OFFSET ?"
    return db.execute(f"DELETE FROM leases WHERE number IN ({some})", (SOME, FEW)).rowcount > 0  # noqa: S608 - our own words
