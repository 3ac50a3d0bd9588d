"""From the rows of an SNMP agent to a reading. No I/O, no clock; any rows give a reading.

Each field is made of the first place that has it; the places that have it too are told as ignored, fit or not.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import define, field

from printos_ext.states import DeviceState

from . import snmp_rows as snmp
from .reading import Ignored, Origin, Reading
from .snmp_identity import Candidate, firmware, models, serial_numbers
from .snmp_rows import Rows, Value
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
    model = draft.choose("model", models(rows, serial_number))
    location = draft.take("location", readable(rows.get(snmp.SYS_LOCATION)), snmp.SYS_LOCATION)
    supplies = _supplies(rows)
    found = list(conditions(rows))
    return Reading(
        observed_at=observed_at,
        model=model,
        serial_number=serial_number,
        location=location,
        status=_status(draft, rows, found, last_status),
        pages_total=draft.choose("pages_total", _page_counts(rows)),
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

    def choose(self, name: str, candidates: Iterable[Candidate]) -> Any:
        """Take the first that is fit, else the last resort, and note why each of the others is not used."""
        given = list(candidates)
        fit = [candidate for candidate in given if candidate.unfit is None]
        last_resorts = [candidate for candidate in reversed(given) if candidate.is_last_resort]
        chosen = next(iter(fit + last_resorts), None)
        for candidate in given:
            if candidate.unfit and candidate is not chosen:
                self.ignore(candidate.key, f"{candidate.said!r} {candidate.unfit}")
            elif chosen and candidate.key != chosen.key:
                self.ignore(candidate.key, f"{candidate.said!r}: {chosen.key} comes first for the {name}")
        return self.take(name, chosen.value, chosen.key) if chosen else None


def _status(draft: _Draft, rows: Rows, found: list[Condition], last_status: str | None) -> str | None:
    """Return what the device does; one that says nothing of it is on, because it answers."""
    known = [condition for condition in found if condition.is_known]
    for condition in found:
        if known and not condition.is_known:
            why = f"{condition.device} is the status of a device that does not know its state"
            draft.ignore(condition.device_key, why)
    if found:
        decided = [state_of(condition, last_status) for condition in known or found]
        state, key = foremost(decided)
        for other, its_key in decided:
            if its_key != key:
                draft.ignore(its_key, f"{other}: {key} comes first for the status")
        return str(draft.take("status", str(state), key))
    answered = next((oid for oid in (snmp.SYS_DESCR, snmp.SYS_OBJECT_ID) if rows.get(oid)), None)
    return str(draft.take("status", str(DeviceState.ON), answered)) if answered else None


def _page_counts(rows: Rows) -> Iterator[Candidate]:
    """Find what the lowest marker has counted, and HP's own counter; neither counts where lengths are counted."""
    counted = [(index, row) for index, row in snmp.table(rows, snmp.MARKERS).items() if snmp.LIFE_COUNT in row]
    for index, row in counted:
        unfit = "is what a marker counts that is not the lowest" if index != counted[0][0] else None
        if instead := _counted_instead(row):
            unfit = f"counts {instead}, not pages"
        yield _page_count(row[snmp.LIFE_COUNT], snmp.oid_of(snmp.MARKERS, snmp.LIFE_COUNT, index), unfit)
    if snmp.HP_PAGES in rows:
        instead = _counted_instead(counted[0][1]) if counted else None
        unfit = f"is of a device that counts {instead}, not pages" if instead else None
        yield _page_count(rows[snmp.HP_PAGES], snmp.HP_PAGES, unfit)


def _counted_instead(marker: Mapping[int, Value]) -> str | None:
    """Return what a marker counts if it is not pages."""
    unit = snmp.number(marker.get(snmp.COUNTER_UNIT))
    return None if unit is None or unit in PAGES else LENGTHS.get(unit, f"in unit {unit}")


def _page_count(said: Value, key: str, unfit: str | None) -> Candidate:
    count = snmp.number(said)
    if unfit is None and (count is None or count < 0):
        unfit = "is no number of pages"
    return Candidate(said, key, count, unfit)


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
    set_bits = frozenset[str]().union(*(condition.errors or () for condition in found))
    alerts = dict.fromkeys([said for said in descriptions if said] + [name for name in ERRORS if name in set_bits])
    details: dict[str, Any] = {}
    if supplies:
        details["supplies"] = listed(supplies)
    if alerts:
        details["alerts"] = list(alerts)
    if version := firmware(rows):
        details["firmware"] = version
    return details
