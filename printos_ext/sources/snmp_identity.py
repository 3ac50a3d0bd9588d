"""Which device it is: model and serial number, from the many places where makers put them. No I/O."""

import re
from collections.abc import Iterator
from typing import Any

from attrs import frozen

from . import snmp_rows as snmp
from .makers import BY_NUMBER, maker_in, sold_as
from .snmp_rows import Rows, Value
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

# Descriptions of no printer: of what answers for it, and of a family, which is still better than nothing.
PRINT_SERVER = re.compile(
    r"print ?server|jetdirect|multi-environment|\bnc-\d+|okilan|zebranet|\bbuilt-in\b", re.IGNORECASE
)
FAMILY = re.compile(r"^generic\b|printing system", re.IGNORECASE)
ATTACHED = re.compile(r"Attached to (\S+)")
PRODUCT = re.compile(r"\bPID:\s*([^,;]+)")
# Lexmark, and Dell's printers that Lexmark makes, end with serial number and firmware: "... 5D4F3B1 LW.P2.P434".
FIRMWARE_TAIL = re.compile(
    r"\s+(?:(?=\S*\d)[0-9A-Z]{6,14}\s+)?(?P<firmware>[A-Z]{2}[0-9A-Z]{0,4}\.[0-9A-Z]{2,4}\.[0-9A-Z]{2,6}(?:-\d+)?)$"
)
VERSION_TAIL = re.compile(
    r"[\s,(]+(?:(?:version|firmware|serial(?: number)?|S/?N)\b.*|(?:OS|Ver\.?|V)?\s?\d+(?:\.\d+)+)$", re.IGNORECASE
)

SERIAL_IN_DESCR = re.compile(r"\bS/?N(?::\s*|\s+)(?=[A-Za-z._-]*\d)([0-9A-Za-z._-]{5,})")
# HP puts two octets before a text: what kind it is and in which symbols.
HP_PREFIX = re.compile(rb"[\x00-\x1f].", re.DOTALL)


@frozen
class Candidate:
    """Something that may be what is looked for.

    Attributes:
        said: As the device says it.
        key: Where it does.
        value: What a reading would have of it.
        unfit: Why it is not used, if it is not.
        is_last_resort: Whether it is used nevertheless where there is nothing better.
    """

    said: Value
    key: str
    value: Any
    unfit: str | None = None
    is_last_resort: bool = False


def serial_numbers(rows: Rows) -> Iterator[Candidate]:
    """Find all that the device offers as its serial number, the best place first."""
    for index, row in snmp.table(rows, snmp.GENERAL).items():
        if snmp.SERIAL_NUMBER in row:
            yield from _serial(row[snmp.SERIAL_NUMBER], snmp.oid_of(snmp.GENERAL, snmp.SERIAL_NUMBER, index))
    described = SERIAL_IN_DESCR.search(cleaned(rows.get(snmp.SYS_DESCR)) or "")
    if described:
        yield from _serial(described[1], snmp.SYS_DESCR)
    own = f"{snmp.ENTERPRISES}.{_enterprise(rows)}."
    for oid in sorted(snmp.SERIAL_NUMBERS, key=lambda oid: not oid.startswith(own)):
        yield from _serial(_without_prefix(rows.get(oid)), oid)
    for oid in snmp.DEVICE_IDS:
        for offered in offered_serial_numbers(device_id(as_told(rows.get(oid)) or "")):
            yield from _serial(offered, oid)


def models(rows: Rows, serial_number: str | None) -> Iterator[Candidate]:
    """Find all that the device offers as its model, the best place first, each as it is sold."""
    for said, key in _descriptions(rows):
        yield _model(said, key, rows, serial_number)
    for oid in snmp.DEVICE_IDS:
        maker, name = maker_and_model(device_id(readable(rows.get(oid)) or ""))
        if name:
            yield _model(name, oid, rows, serial_number, maker)
    for oid in snmp.MODELS:
        if name := readable(rows.get(oid)):
            yield _model(name, oid, rows, serial_number)


def _descriptions(rows: Rows) -> Iterator[tuple[str, str]]:
    for index, row in snmp.table(rows, snmp.DEVICES).items():
        said = readable(row.get(snmp.DEVICE_DESCR))
        if said and row.get(snmp.DEVICE_TYPE) == snmp.IS_PRINTER:
            yield re.split(";| /", said)[0].strip(), snmp.oid_of(snmp.DEVICES, snmp.DEVICE_DESCR, index)
    if described := readable(rows.get(snmp.SYS_DESCR)):
        if named := PRODUCT.search(described) or ATTACHED.search(described):
            yield named[1], snmp.SYS_DESCR
        yield described if PRINT_SERVER.search(described) else re.split("[;/]", described)[0].strip(), snmp.SYS_DESCR


def _model(said: str, key: str, rows: Rows, serial_number: str | None, maker: str | None = None) -> Candidate:
    sold = _as_sold(said, rows, serial_number, maker)
    if says_nothing(said) or not sold:
        return Candidate(said, key, None, "says nothing")
    if PRINT_SERVER.search(said):
        return Candidate(said, key, None, "names what answers for the printer")
    if FAMILY.search(said):
        return Candidate(said, key, sold, "names no model", is_last_resort=True)
    return Candidate(said, key, sold)


def firmware(rows: Rows) -> str | None:
    """Return the version of the device's firmware."""
    for oid in snmp.FIRMWARES:
        said = readable(_without_prefix(rows.get(oid)))
        if said:
            return said
    for row in snmp.table(rows, snmp.DEVICES).values():
        tail = FIRMWARE_TAIL.search(readable(row.get(snmp.DEVICE_DESCR)) or "")
        if tail and row.get(snmp.DEVICE_TYPE) == snmp.IS_PRINTER:
            return tail["firmware"]
    return None


def _serial(value: Value, key: str) -> Iterator[Candidate]:
    if told := as_told(value):
        number, unfit = as_serial_number(told)
        yield Candidate(told, key, number, unfit)


def _without_prefix(value: Value) -> Value:
    octets = snmp.octets(value)
    return octets[2:] if octets and HP_PREFIX.match(octets) else value


def _enterprise(rows: Rows) -> int:
    said = rows.get(snmp.SYS_OBJECT_ID)
    found = re.match(re.escape(snmp.ENTERPRISES) + r"\.(\d{1,10})\b", said) if isinstance(said, str) else None
    return int(found[1]) if found else 0


def _as_sold(said: str, rows: Rows, serial_number: str | None, maker: str | None = None) -> str:
    """Return a model with its maker, once, and without serial number and versions."""
    plain = VERSION_TAIL.sub("", FIRMWARE_TAIL.sub("", said.strip()))
    if serial_number:
        plain = re.sub(rf"[\s,;(]+{re.escape(serial_number)}\b.*$", "", plain)
    known = maker or maker_in(readable(rows.get(snmp.SYS_DESCR)) or "") or BY_NUMBER.get(_enterprise(rows))
    return sold_as(known, plain)
