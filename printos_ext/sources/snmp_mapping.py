"""From the rows of an SNMP agent to a reading. No I/O, no clock; any rows give a reading.

Each field is made of the first place that has it; the places that have it too, but unfit, are told as ignored.
"""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from attrs import define, field

from printos_ext.states import DeviceState

from . import snmp_rows as snmp
from .reading import Ignored, Origin, Reading
from .snmp_identity import Candidate, firmware, models, serial_numbers
from .snmp_rows import Rows
from .snmp_state import ERRORS, Condition, conditions, foremost, state_of
from .supplies import Supply, kind_of, listed, lowest, uncounted
from .texts import readable

# prtMarkerCounterUnit: what counts pages, and what the others count.
PAGES = {7, 8}
LENGTHS = {
    3: "0.0001 inches",
    4: "micrometers",
    5: "characters",
    6: "lines",
    9: "dot rows",
    11: "hours",
    16: "feet",
    17: "meters",
}


def reading_from(rows: Rows, *, source: str, observed_at: dt.datetime, last_status: str | None = None) -> Reading:
    """Make a reading of what an agent said.

    Args:
        rows: What it said, by OID.
        source: The address, for the origins.
        observed_at: When it was asked.
        last_status: What it did when it was last asked, for a device that does not know.
    """
    rows = snmp.without_dots(rows)
    draft = _Draft(source)
    serial_number = draft.choose("serial_number", serial_numbers(rows))
    model = draft.choose("model", models(rows, serial_number), is_any_better_than_none=True)
    location = draft.take("location", readable(rows.get(snmp.SYS_LOCATION)), snmp.SYS_LOCATION)
    supplies = _supplies(rows)
    found = list(conditions(rows))
    return Reading(
        observed_at=observed_at,
        model=model,
        serial_number=serial_number,
        location=location,
        status=_status(draft, rows, found, last_status),
        pages_total=_pages(draft, rows),
        ink_level=_ink(draft, supplies),
        details=_details(rows, supplies, found),
        origins=draft.origins,
        ignored=tuple(draft.ignored),
    )


@define
class _Draft:
    """What is noted of a reading while it is made: origins, and what was ignored."""

    source: str
    origins: dict[str, Origin] = field(factory=dict)
    ignored: list[Ignored] = field(factory=list)

    def take(self, name: str, value: Any, key: str) -> Any:
        if value is not None:
            self.origins[name] = Origin(self.source, key)
        return value

    def ignore(self, key: str, why: str) -> None:
        self.ignored.append(Ignored(self.source, key, why))

    def choose(
        self, name: str, candidates: Iterable[Candidate], *, is_any_better_than_none: bool = False
    ) -> str | None:
        """Take the first that is fit, else perhaps the last that is not."""
        unfit, chosen = [], None
        for candidate in candidates:
            if candidate.unfit is None:
                chosen = candidate
                break
            unfit.append(candidate)
        if chosen is None and unfit and is_any_better_than_none:
            chosen = unfit.pop()
        for candidate in unfit:
            self.ignore(candidate.key, f"{candidate.said!r} {candidate.unfit}")
        if chosen is None:
            return None
        self.take(name, chosen.said, chosen.key)
        return chosen.said


def _status(draft: _Draft, rows: Rows, found: list[Condition], last_status: str | None) -> str | None:
    """Return what the device does; one that says nothing of it is on, because it answers."""
    known = [condition for condition in found if condition.is_known] or found
    if known:
        states = [state_of(condition, last_status) for condition in known]
        chosen = foremost(states)
        return str(draft.take("status", str(chosen), known[states.index(chosen)].key))
    answered = next((oid for oid in (snmp.SYS_DESCR, snmp.SYS_OBJECT_ID) if rows.get(oid)), None)
    return str(draft.take("status", str(DeviceState.ON), answered)) if answered else None


def _pages(draft: _Draft, rows: Rows) -> int | None:
    """Return the pages that the lowest marker has counted, or that HP's own counter has."""
    for index, row in snmp.table(rows, snmp.MARKERS).items():
        if snmp.LIFE_COUNT not in row:
            continue
        key = snmp.oid_of(snmp.MARKERS, snmp.LIFE_COUNT, index)
        unit, count = snmp.number(row.get(snmp.COUNTER_UNIT)), snmp.number(row[snmp.LIFE_COUNT])
        if unit is not None and unit not in PAGES:
            draft.ignore(key, f"counts {LENGTHS.get(unit, f'in unit {unit}')}, not pages")
            return None
        if count is not None and count >= 0:
            draft.take("pages_total", count, key)
            return count
        draft.ignore(key, f"{count} is no number of pages")
        break
    count = snmp.number(rows.get(snmp.HP_PAGES))
    if count is not None and count < 0:
        draft.ignore(snmp.HP_PAGES, f"{count} is no number of pages")
        return None
    draft.take("pages_total", count, snmp.HP_PAGES)
    return count


def _supplies(rows: Rows) -> list[Supply]:
    """Return all supplies, also those that do not mark."""
    return [
        Supply(
            name=readable(row.get(snmp.SUPPLY_DESCRIPTION)) or f"supply {index[-1]}",
            kind=kind_of(row.get(snmp.SUPPLY_TYPE)),
            level=row.get(snmp.SUPPLY_LEVEL),
            maximum=row.get(snmp.SUPPLY_MAX),
            is_percent=row.get(snmp.SUPPLY_UNIT) == snmp.IS_PERCENT,
            colorant=snmp.number(row.get(snmp.SUPPLY_COLORANT)) or 0,
            fills_up=row.get(snmp.SUPPLY_CLASS) == snmp.FILLS_UP,
            key=snmp.oid_of(snmp.SUPPLIES, snmp.SUPPLY_LEVEL, index),
        )
        for index, row in snmp.table(rows, snmp.SUPPLIES).items()
    ]


def _ink(draft: _Draft, supplies: list[Supply]) -> float | None:
    for supply, why in uncounted(supplies):
        draft.ignore(supply.key, why)
    least = lowest(supplies)
    return None if least is None else float(draft.take("ink_level", least[0], least[1].key))


def _details(rows: Rows, supplies: list[Supply], found: list[Condition]) -> dict[str, Any]:
    descriptions = (readable(row.get(snmp.ALERT_DESCRIPTION)) for row in snmp.table(rows, snmp.ALERTS).values())
    set_bits = frozenset[str]().union(*(condition.errors for condition in found))
    alerts = dict.fromkeys([said for said in descriptions if said] + [name for name in ERRORS if name in set_bits])
    details: dict[str, Any] = {}
    if supplies:
        details["supplies"] = listed(supplies)
    if alerts:
        details["alerts"] = list(alerts)
    if version := firmware(rows):
        details["firmware"] = version
    return details
