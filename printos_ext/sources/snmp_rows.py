"""The OIDs that are read from a printer, and what their values hold. No I/O.

A value is what an agent sent: of any type, size and encoding. It is read as what it should be, or it is None.
"""

import re
from collections.abc import Mapping

Value = int | float | str | bytes | None
Rows = Mapping[str, Value]
Index = tuple[int, ...]
Table = Mapping[Index, Mapping[int, Value]]

SYS_DESCR, SYS_OBJECT_ID, SYS_LOCATION = (f"1.3.6.1.2.1.1.{number}.0" for number in (1, 2, 6))

# HOST-RESOURCES-MIB: hrDeviceEntry (type, description, status) and hrPrinterEntry (status, error bits).
DEVICES, PRINTERS = "1.3.6.1.2.1.25.3.2.1", "1.3.6.1.2.1.25.3.5.1"
DEVICE_TYPE, DEVICE_DESCR, DEVICE_STATUS = 2, 3, 5
PRINTER_STATUS, PRINTER_ERRORS = 1, 2
IS_PRINTER = "1.3.6.1.2.1.25.3.1.5"

# Printer-MIB: prtGeneralEntry, prtMarkerEntry, prtMarkerSuppliesEntry, prtAlertEntry.
GENERAL, MARKERS = "1.3.6.1.2.1.43.5.1.1", "1.3.6.1.2.1.43.10.2.1"
SUPPLIES, ALERTS = "1.3.6.1.2.1.43.11.1.1", "1.3.6.1.2.1.43.18.1.1"
SERIAL_NUMBER = 17
COUNTER_UNIT, LIFE_COUNT = 3, 4
SUPPLY_COLORANT, SUPPLY_CLASS, SUPPLY_TYPE, SUPPLY_DESCRIPTION, SUPPLY_UNIT, SUPPLY_MAX, SUPPLY_LEVEL = range(3, 10)
FILLS_UP, IS_PERCENT = 4, 19
ALERT_DESCRIPTION = 8

ENTERPRISES = "1.3.6.1.4.1"
HP, BROTHER, KYOCERA, RICOH, XEROX, ZEBRA = (f"{ENTERPRISES}.{number}" for number in (11, 2435, 1347, 367, 253, 10642))
HP_PAGES = f"{HP}.2.3.9.4.2.1.4.1.2.5.0"
SERIAL_NUMBERS = (
    f"{HP}.2.3.9.4.2.1.1.3.3.0",
    f"{BROTHER}.2.3.9.4.2.1.5.5.1.0",
    f"{KYOCERA}.43.5.1.1.28.1",
    f"{RICOH}.3.2.1.2.1.4.0",
)
DEVICE_IDS = (
    f"{HP}.2.3.9.1.1.7.0",
    f"{BROTHER}.2.3.9.1.1.7.0",
    f"{XEROX}.8.51.1.2.1.20.1",
    f"{ZEBRA}.1.3.0",
)
MODELS = (f"{KYOCERA}.43.5.1.1.1.1", f"{RICOH}.3.2.1.1.1.1.0")
FIRMWARES = (
    f"{HP}.2.3.9.4.2.1.1.3.5.0",
    f"{BROTHER}.2.4.3.1240.6.5.0",
    f"{KYOCERA}.43.5.4.1.5.1.1",
    f"{RICOH}.3.2.1.1.1.2.0",
    f"{ZEBRA}.1.2.0",
)

LONGEST_ARC = 10
OID_AFTER_A_DOT = re.compile(r"(?:\.[0-9]+){3,}")


def without_dots(rows: Rows) -> Rows:
    """Return rows of which no OID begins with a dot, neither a row's own nor one that is its value."""
    return {
        oid.removeprefix("."): value[1:] if isinstance(value, str) and OID_AFTER_A_DOT.fullmatch(value) else value
        for oid, value in rows.items()
    }


def table(rows: Rows, entry: str) -> Table:
    """Return the rows of a table in the order of their indexes, each as its values by column."""
    found: dict[Index, dict[int, Value]] = {}
    below = entry + "."
    for oid, value in rows.items():
        if not oid.startswith(below):
            continue
        column, *index = oid[len(below) :].split(".")
        if index and all(arc.isascii() and arc.isdigit() and len(arc) <= LONGEST_ARC for arc in (column, *index)):
            found.setdefault(tuple(map(int, index)), {})[int(column)] = value
    return dict(sorted(found.items()))


def oid_of(entry: str, column: int, index: Index) -> str:
    """Return the OID of a value in a table."""
    return ".".join([entry, str(column), *map(str, index)])


def number(value: Value) -> int | None:
    """Return a value that is a whole number."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def octets(value: Value) -> bytes | None:
    """Return a value that is a string of octets, also one that was read as text."""
    return value.encode("latin-1", "replace") if isinstance(value, str) else value if isinstance(value, bytes) else None
