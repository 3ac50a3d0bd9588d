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

LONGEST_TEXT = 1023
LONGEST_ARC = 10
HEX_TEXT = re.compile(r"(?:0x)?[0-9a-f]{2}(?:[ :-]?[0-9a-f]{2}){3,}", re.IGNORECASE)


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


def line(value: Value) -> str | None:
    """Return a value that is text as one line, without what follows a NUL; None if nothing is left.

    Text that is not UTF-8 is Latin-1: no agent says which it sends.
    """
    if not isinstance(value, bytes | str):
        return None
    said = value if isinstance(value, str) else _decoded(value)
    shown = "".join(one if one.isprintable() else " " for one in said[: 4 * LONGEST_TEXT].split("\0", 1)[0])
    return " ".join(shown.split())[:LONGEST_TEXT] or None


def _decoded(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def text(value: Value) -> str | None:
    """Return a value that is text for people, also if it came as the hex digits of that text."""
    said = line(value)
    return unhexed(said) or said if said else None


def unhexed(said: str) -> str | None:
    """Return the text whose hex digits these are; None if they are not."""
    if not HEX_TEXT.fullmatch(said):
        return None
    digits = re.sub(r"[ :-]", "", said[2:] if said[:2] in {"0x", "0X"} else said)
    meant = bytes.fromhex(digits).split(b"\0", 1)[0].decode("latin-1")
    is_text = all(" " <= one <= "~" for one in meant) and any(one.isalpha() for one in meant)
    return meant.strip() or None if is_text else None


def device_id(said: str | None) -> Mapping[str, str]:
    """Return the fields of an IEEE 1284 device id, as `MFG:…;MDL:…;`, by their names in capitals."""
    pairs = (field.partition(":") for field in (said or "").split(";"))
    return {name.strip().upper(): value.strip() for name, colon, value in pairs if colon and value.strip()}
