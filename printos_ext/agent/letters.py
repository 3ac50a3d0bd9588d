"""What is in an outbox, and how it is written down: a row of texts with a checksum. No I/O."""

import datetime as dt
import json
import zlib
from collections.abc import Mapping
from typing import Any

from attrs import Factory, frozen

LONGEST_REASON = 4000


class OutboxError(Exception):
    """The outbox cannot take or give: the message says which file, what happened, and what to do."""


class NotLeasedError(OutboxError):
    """Nothing may be sent for the device: another process does so, or did just now, or nobody knows."""


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
    """How full the outbox is, and what it has lost or saved since it was made.

    Attributes:
        waiting: Letters that are to be sent.
        dead: Letters that PrintOS refused.
        dropped: Letters that made room for others, as the policy says.
        size_bytes: What the letters take of the file.
        saved: Letters that were read from damaged files.
        lost: Letters that were seen in damaged files and could not be read.
    """

    waiting: int
    dead: int
    dropped: int
    size_bytes: int
    saved: int = 0
    lost: int = 0


@frozen
class Row:
    """A letter as it is in the file; it waits as long as there is no reason why it is dead."""

    number: int
    device_id: str
    body: str
    reason: str | None = None
    refused_at: str | None = None

    @property
    def checksum(self) -> int:
        """What tells a row that is as it was written from one that is not."""
        return checksum_of(self.number, self.device_id, self.body, self.reason, self.refused_at)


def checksum_of(number: int, device_id: object, body: object, reason: object = None, refused_at: object = None) -> int:
    """Return the checksum of a row by its columns, also if they should not be what they are."""
    return zlib.crc32(f"{number}\0{device_id}\0{body}\0{reason}\0{refused_at}".encode())


def body_of(status: Status) -> str:
    """Return a status as JSON, without the device."""
    try:
        status.device_id.encode()
        fields = {
            "status": status.status,
            "observed_at": status.observed_at.isoformat(),
            "pages_total": status.pages_total,
            "ink_level": status.ink_level,
            "more_metrics": dict(status.more_metrics),
        }
        return json.dumps(fields, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise OutboxError(
            f"the status of device {status.device_id!r} cannot be kept: {error}; put in what JSON can hold"
        ) from None


def status_of(device_id: str, body: str) -> Status:
    """Return what `body_of` wrote down."""
    fields = json.loads(body)
    return Status(device_id, **{**fields, "observed_at": dt.datetime.fromisoformat(fields["observed_at"])})


def dead_letter_of(row: Row) -> DeadLetter:
    """Return a row that is dead as what it is."""
    refused_at = dt.datetime.fromisoformat(row.refused_at or "")
    return DeadLetter(row.number, status_of(row.device_id, row.body), row.reason or "", refused_at)
