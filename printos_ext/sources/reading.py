"""What a source says about a device, and how several sources become one device. No I/O.

A field that no source knows is None: never a guess, never a zero.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from attrs import Factory, evolve, frozen

FIELDS = ("model", "serial_number", "location", "status", "pages_total", "ink_level")

# Who is asked first for a field. Printers know their state and levels best over IPP, their numbers over SNMP.
PRECEDENCE: Mapping[str, tuple[str, ...]] = {
    "model": ("ipp", "snmp"),
    "serial_number": ("snmp", "ipp"),
    "location": ("ipp", "snmp"),
    "status": ("ipp", "snmp"),
    "pages_total": ("snmp", "ipp"),
    "ink_level": ("ipp", "snmp"),
}


class SourceError(Exception):
    """A device cannot be read: the message names its address, what happened, and what to do."""


@frozen
class Origin:
    """Where a field is from: a source, and the attribute, OID or key of it."""

    source: str
    key: str


@frozen
class Ignored:
    """Something that a device said and that no field was made of, and why."""

    source: str
    key: str
    why: str


@frozen
class Reading:
    """What is known about a device at a moment, and which source gave which field.

    Attributes:
        model: As it is sold, with its maker.
        serial_number: As the maker gave it; nothing that only looks like one.
        location: Where it stands, as its administrator wrote.
        status: A `DeviceState`, or any other text.
        pages_total: Pages (impressions) in all.
        ink_level: The percent that is left of the supply of which the least is left.
        details: More about the device: `supplies` (name, percent), `alerts`, `firmware`, and what a source adds.
        observed_at: When the device was asked.
        origins: Where each field that is known is from.
        ignored: What was left out, and why.
    """

    observed_at: dt.datetime
    model: str | None = None
    serial_number: str | None = None
    location: str | None = None
    status: str | None = None
    pages_total: int | None = None
    ink_level: float | None = None
    details: Mapping[str, Any] = Factory(dict)
    origins: Mapping[str, Origin] = Factory(dict)
    ignored: tuple[Ignored, ...] = ()


class Source(Protocol):
    """A way to read one device. `read` ends within its own limits, and raises `SourceError` and nothing else."""

    @property
    def address(self) -> str:
        """The URI, without a password or community."""

    async def read(self) -> Reading:
        """Ask the device."""

    async def aclose(self) -> None:
        """Let go of connections; the source is not used again."""


def merged(readings: Iterable[Reading]) -> Reading:
    """Make one reading of a device from those of its sources: each field from the source that knows it best.

    Sources of a kind that `PRECEDENCE` does not name come first, in their order: who names one means it.
    """
    given = list(readings)
    fields: dict[str, Any] = {}
    origins: dict[str, Origin] = {}
    for name in FIELDS:
        knowing = [reading for reading in given if getattr(reading, name) is not None]
        if knowing:
            best = min(knowing, key=lambda reading: _rank(name, reading))
            fields[name] = getattr(best, name)
            if name in best.origins:  # a source of somebody else's may not tell
                origins[name] = best.origins[name]
    details: dict[str, Any] = {}
    for reading in sorted(given, key=lambda reading: _rank("ink_level", reading)):
        details = {**reading.details, **details}
    ignored = tuple(entry for reading in given for entry in reading.ignored)
    newest = max(given, key=lambda reading: reading.observed_at)
    return evolve(Reading(newest.observed_at), **fields, details=details, origins=origins, ignored=ignored)


def _rank(field: str, reading: Reading) -> int:
    """Return the place of a reading among those that know a field."""
    schemes = {origin.source.partition(":")[0].removesuffix("s") for origin in reading.origins.values()}
    order = PRECEDENCE[field]
    unnamed = -1 if schemes else len(order)
    return next((place for place, scheme in enumerate(order) if scheme in schemes), unnamed)
