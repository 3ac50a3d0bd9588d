"""What the attributes of an IPP printer (RFC 8011, PWG 5100.13) mean for a reading. No I/O.

The attributes are those of the printer and, while it works on a job, that job's `job-state-reasons`, by their names: a
value, or a list of several. Whatever they hold, there is a reading.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from printos_ext.states import DeviceState

from .makers import sold_as
from .reading import Ignored, Origin, Reading
from .supplies import Supply, kind_of, listed, lowest, percents, uncounted
from .texts import (
    as_serial_number,
    as_told,
    cleaned,
    device_id,
    maker_and_model,
    offered_serial_numbers,
    readable,
    says_nothing,
)

PRINTER_ATTRIBUTES = (
    *("printer-device-id", "printer-make-and-model", "printer-serial-number", "printer-location"),
    *("printer-state", "printer-state-reasons", "printer-alert", "printer-firmware-string-version"),
    *("printer-impressions-completed", "printer-pages-completed", "printer-media-sheets-completed"),
    *("marker-names", "marker-types", "marker-colors", "marker-levels", "marker-high-levels"),
    *("printer-supply", "printer-supply-description"),
)
JOB_ATTRIBUTES = ("job-id", "job-state", "job-state-reasons")

IDLE, PROCESSING, STOPPED = 3, 4, 5
MILD = {"warning", "report"}
PAUSED = {"none", "paused", "moving-to-paused"}
ASLEEP = {"hibernate", "standby", "suspend", "deactivated", "power-down"}
BLOCKING = {"media-jam", "door-open", "cover-open", "marker-supply-empty", "toner-empty", "media-empty"}
RIPPING = {"job-interpreting", "job-transforming"}

LARGEST_COUNT = 2**63 - 1
MOST_VALUES = 256  # of an attribute: no printer has as many supplies or reasons
NUMBER = re.compile(r"-?[0-9]{1,18}")

# What an attribute that is there says about a field: its name, the value if it gives one, and why it gives none.
Told = Iterator[tuple[str, Any, str]]


def reading_from(attributes: Mapping[str, Any], *, source: str, observed_at: dt.datetime) -> Reading:
    """Make a reading of a printer's attributes; `source` is what its origins name."""
    values: dict[str, Any] = {}
    origins: dict[str, Origin] = {}
    ignored: list[Ignored] = []
    for field, tell in FIELDS.items():
        for name, value, why in tell(attributes):
            if value is None:
                ignored.append(Ignored(source, name, why))
            elif field in values:
                ignored.append(Ignored(source, name, f"{origins[field].key} comes first for the {field}"))
            else:
                values[field], origins[field] = value, Origin(source, name)
    supplies = next((rows for _, rows in _supplies(attributes) if rows), [])
    details = {"supplies": listed(supplies), "alerts": _alerts(attributes), "firmware": _firmware(attributes)}
    known = {name: detail for name, detail in details.items() if detail}
    return Reading(observed_at, **values, details=known, origins=origins, ignored=tuple(ignored))


def state_of(state: Any, reasons: set[str], job_reasons: set[str]) -> DeviceState:
    """Return what a printer is doing. Its state decides first, then its reasons; one without a suffix is an error."""
    split = [_split(reason) for reason in reasons]
    said = {reason for reason, _ in split}
    errors = {reason for reason, severity in split if severity not in MILD}
    if state == STOPPED:
        if errors - PAUSED - ASLEEP - {"shutdown"}:
            return DeviceState.ERROR
        return DeviceState.OFF if "shutdown" in said else DeviceState.STANDBY
    if state == PROCESSING:
        return DeviceState.RIPPING if job_reasons & RIPPING else DeviceState.PRINTING
    if errors & BLOCKING:
        return DeviceState.ERROR
    return DeviceState.STANDBY if said & ASLEEP else DeviceState.ON


def _split(reason: str) -> tuple[str, str]:
    """Return a reason and its severity: "media-jam-error" is a media-jam, an error."""
    begin, _, end = reason.rpartition("-")
    return (begin, end) if begin and end in {"error", *MILD} else (reason, "")


def _model(attributes: Mapping[str, Any]) -> Told:
    for name, fields in _device_ids(attributes):
        maker, model = maker_and_model(fields)
        yield name, model and sold_as(maker, model), "it names no model"
    for name, text in _told(attributes, "printer-make-and-model"):
        yield name, None if says_nothing(text) else sold_as(None, text), f"{text!r} says nothing"


def _serial_number(attributes: Mapping[str, Any]) -> Told:
    for value in _values(attributes, "printer-serial-number")[:1]:
        number, unfit = as_serial_number(as_told(value) or "")
        yield "printer-serial-number", None if unfit else number, f"{number!r} {unfit}"
    for name, fields in _device_ids(attributes):
        for number, unfit in map(as_serial_number, offered_serial_numbers(fields)):
            yield name, None if unfit else number, f"{number!r} {unfit}"


def _location(attributes: Mapping[str, Any]) -> Told:
    for name, text in _told(attributes, "printer-location"):
        yield name, text or None, "it is empty"


def _status(attributes: Mapping[str, Any]) -> Told:
    """Tell the state; reasons without one count if they say something, else another source may know better."""
    reasons = set(_reasons(attributes, "printer-state-reasons"))
    for state in _values(attributes, "printer-state")[:1]:
        yield "printer-state", str(state_of(state, reasons, set(_reasons(attributes, "job-state-reasons")))), ""
        return
    state = state_of(None, reasons, set())
    if state != DeviceState.ON:
        yield "printer-state-reasons", str(state), ""


def _pages_total(attributes: Mapping[str, Any]) -> Told:
    for name in ("printer-impressions-completed", "printer-pages-completed", "printer-media-sheets-completed"):
        for value in _values(attributes, name)[:1]:
            count = value if isinstance(value, int) and not isinstance(value, bool) else -1
            yield name, int(count) if 0 <= count <= LARGEST_COUNT else None, "it is no count"


def _ink_level(attributes: Mapping[str, Any]) -> Told:
    for name, rows in _supplies(attributes):
        if rows:
            least = lowest(rows)
            yield name, least and least[0], "it has no level of anything that ends up on the paper"
            for _, why in uncounted(rows):
                yield name, None, why


FIELDS: Mapping[str, Callable[[Mapping[str, Any]], Told]] = {
    "model": _model,
    "serial_number": _serial_number,
    "location": _location,
    "status": _status,
    "pages_total": _pages_total,
    "ink_level": _ink_level,
}


def _supplies(attributes: Mapping[str, Any]) -> Iterator[tuple[str, list[Supply]]]:
    """Give the supplies, first from the attributes that know more of their levels."""
    told = [("marker-levels", _markers(attributes)), ("printer-supply", _printer_supply(attributes))]
    yield from sorted(told, key=lambda each: all(value is None for value in percents(each[1])))


def _markers(attributes: Mapping[str, Any]) -> list[Supply]:
    """Pair the lists of the markers by their places; what a shorter one does not have is unknown."""
    names, types, colours, levels, fulls = (
        _values(attributes, f"marker-{each}") for each in ("names", "types", "colors", "levels", "high-levels")
    )
    return [
        Supply(
            name=readable(_at(names, place)) or cleaned(_at(types, place)),
            kind=kind_of(cleaned(_at(types, place))),
            # Where only this one's high level is missing, nobody knows what the level is of.
            level=_at(levels, place) if place < len(fulls) or not fulls else None,
            maximum=_at(fulls, place),
            is_percent=not fulls,
            colorant=int((cleaned(_at(colours, place)) or "").startswith("#")),
        )
        for place in range(max(map(len, (names, types, levels))))
    ]


def _printer_supply(attributes: Mapping[str, Any]) -> list[Supply]:
    """Read rows such as "type=toner;maxcapacity=100;level=42;class=supplyThatIsConsumed;colorantname=black;"."""
    names = _values(attributes, "printer-supply-description")
    rows = []
    for place, value in enumerate(_values(attributes, "printer-supply")):
        pairs = (pair.partition("=") for pair in (cleaned(value) or "").split(";"))
        parts = {key.strip().casefold(): value.strip() for key, equals, value in pairs if equals}
        colour = parts.get("colorantname", "")
        rows.append(
            Supply(
                name=readable(_at(names, place)) or cleaned(f"{colour} {parts.get('type', '')}"),
                kind=kind_of(parts.get("type")),
                level=_number(parts.get("level")),
                maximum=_number(parts.get("maxcapacity")),
                is_percent=parts.get("unit", "").casefold() == "percent" or "maxcapacity" not in parts,
                colorant=int(not says_nothing(colour)),
                fills_up=parts.get("class", "").casefold() == "receptaclethatisfilled",
            )
        )
    return rows


def _alerts(attributes: Mapping[str, Any]) -> list[str]:
    reasons = [reason for reason in _reasons(attributes, "printer-state-reasons") if reason != "none"]
    return list(dict.fromkeys([*reasons, *_texts(attributes, "printer-alert")]))


def _firmware(attributes: Mapping[str, Any]) -> str:
    return ", ".join(_texts(attributes, "printer-firmware-string-version"))


def _reasons(attributes: Mapping[str, Any], name: str) -> list[str]:
    return [text.casefold() for text in _texts(attributes, name)]


def _told(attributes: Mapping[str, Any], name: str) -> Iterator[tuple[str, str]]:
    """Give an attribute that is there by its name and its text, which may be empty."""
    for value in _values(attributes, name)[:1]:
        yield name, cleaned(value) or ""


def _device_ids(attributes: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    for value in _values(attributes, "printer-device-id")[:1]:
        yield "printer-device-id", device_id(as_told(value) or "")


def _texts(attributes: Mapping[str, Any], name: str) -> list[str]:
    """Return the texts of an attribute that are not empty."""
    return [text for text in map(cleaned, _values(attributes, name)) if text]


def _values(attributes: Mapping[str, Any], name: str) -> list[Any]:
    """Return the values of an attribute: a list, whether there are none, one or several."""
    value = attributes.get(name)
    if isinstance(value, list | tuple):
        return list(value[:MOST_VALUES])
    return [] if value is None else [value]


def _at(values: list[Any], place: int) -> Any:
    return values[place] if place < len(values) else None


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and NUMBER.fullmatch(text) else None
