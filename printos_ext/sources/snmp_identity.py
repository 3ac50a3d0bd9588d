"""Which device it is: model and serial number, from the many places where makers put them. No I/O."""

import re
from collections.abc import Iterator

from attrs import evolve, frozen

from . import snmp_rows as snmp
from .snmp_rows import Rows, Value

# The private enterprise numbers of makers, and how they write themselves. HP's is not here: print servers of any make
# say that they are HP's, and HP's own printers have it in their name.
MAKERS = {
    2435: "Brother",
    1347: "KYOCERA",
    367: "RICOH",
    253: "Xerox",
    1248: "EPSON",
    1602: "Canon",
    18334: "KONICA MINOLTA",
    2001: "OKI",
    2385: "SHARP",
    1129: "TOSHIBA",
    641: "Lexmark",
    236: "Samsung",
    674: "Dell",
    10642: "Zebra",
}
OTHER_MAKERS = (
    "HP",
    "Hewlett-Packard",
    "UTAX",
    "TA Triumph-Adler",
    "NRG",
    "LANIER",
    "SAVIN",
    "Gestetner",
    "infotec",
    "FUJI",
    "OLIVETTI",
)
CALLED = {name.casefold(): name for name in (*MAKERS.values(), *OTHER_MAKERS)}
MAKER = re.compile(rf"\b(?:{'|'.join(map(re.escape, CALLED))})\b", re.IGNORECASE)
LONG_HP = "Hewlett-Packard"

# Descriptions of no printer: of what answers for it, and of a family.
PRINT_SERVER = re.compile(
    r"print ?server|jetdirect|multi-environment|\bnc-\d+|okilan|zebranet|printing system|built-in", re.IGNORECASE
)
GENERIC = re.compile(r"^generic\b|print ?server|multi-environment", re.IGNORECASE)
ATTACHED = re.compile(r"Attached to (\S+)")
PRODUCT = re.compile(r"\bPID:\s*([^,;]+)")
# Lexmark, and Dell's printers that Lexmark makes, end with serial number and firmware: "... 5D4F3B1 LW.P2.P434".
FIRMWARE_TAIL = re.compile(
    r"\s+(?:(?=\S*\d)[0-9A-Z]{6,14}\s+)?(?P<firmware>[A-Z]{2}[0-9A-Z]{0,4}\.[0-9A-Z]{2,4}\.[0-9A-Z]{2,6}(?:-\d+)?)$"
)
VERSION_TAIL = re.compile(
    r"[\s,(]+(?:(?:version|firmware|serial(?: number)?|S/?N)\b.*|(?:OS|Ver\.?|V)?\s?\d+(?:\.\d+)+)$", re.IGNORECASE
)
TWICE = re.compile(r"^(\S+(?: \S+)?) (?=\1\b)", re.IGNORECASE)

SERIAL_IN_DESCR = re.compile(r"\bS/?N(?::\s*|\s+)(?=[A-Za-z-]*\d)([0-9A-Za-z-]{5,})")
SERIAL_NUMBER = re.compile(r"[0-9A-Za-z][0-9A-Za-z ._/-]*")
HIDDEN_SERIAL = re.compile(r"[0-9A-Z]{6,32}")
NO_SERIAL = re.compile(
    r"(.)\1*|0?123456789?0?|n/?a|none|null|nil|unknown|undefined|invalid|default|not (?:available|set|applicable)|"
    r"(?=.*0000)[A-Za-z]*0+|(?:your )?serial(?: ?number| ?no)?|no serial.*|to be filled.*",
    re.IGNORECASE,
)
DEVICE_ID_SERIALS = ("SN", "SERN", "SER", "SERIALNUMBER")
SHORTEST_SERIAL, LONGEST_SERIAL = 3, 64
# HP puts two octets before a text: what kind it is and in which symbols.
HP_PREFIX = re.compile(rb"[\x00-\x1f].", re.DOTALL)


@frozen
class Candidate:
    """A text that may be what is looked for, where it is from, and why it is not used, if it is not."""

    said: str
    key: str
    unfit: str | None = None


def serial_numbers(rows: Rows) -> Iterator[Candidate]:
    """Find all that the device offers as its serial number, the best place first."""
    for index, row in snmp.table(rows, snmp.GENERAL).items():
        if snmp.SERIAL_NUMBER in row:
            yield from _serial(row[snmp.SERIAL_NUMBER], snmp.oid_of(snmp.GENERAL, snmp.SERIAL_NUMBER, index))
    described = SERIAL_IN_DESCR.search(snmp.line(rows.get(snmp.SYS_DESCR)) or "")
    if described:
        yield from _serial(described[1], snmp.SYS_DESCR)
    own = f"{snmp.ENTERPRISES}.{_enterprise(rows)}."
    for oid in sorted(snmp.SERIAL_NUMBERS, key=lambda oid: not oid.startswith(own)):
        yield from _serial(_without_prefix(rows.get(oid)), oid)
    for oid in snmp.DEVICE_IDS:
        fields = snmp.device_id(snmp.line(rows.get(oid)))
        yield from (one for name in DEVICE_ID_SERIALS if name in fields for one in _serial(fields[name], oid))


def models(rows: Rows, serial_number: str | None) -> Iterator[Candidate]:
    """Find all that the device offers as its model, the best place first, each as it is sold."""
    for found in _descriptions(rows):
        model = _as_sold(found.said, rows, serial_number)
        if model:
            yield evolve(found, said=model)
    for oid in snmp.DEVICE_IDS:
        fields = snmp.device_id(snmp.text(rows.get(oid)))
        name = fields.get("MDL") or fields.get("MODEL")
        maker = fields.get("MFG") or fields.get("MANUFACTURER") or fields.get("MANUFACTURE") or ""
        if name:
            yield Candidate(_as_sold(name, rows, serial_number, maker), oid)
    for oid in snmp.MODELS:
        name = snmp.text(rows.get(oid))
        if name:
            yield Candidate(_as_sold(name, rows, serial_number), oid)


def _descriptions(rows: Rows) -> Iterator[Candidate]:
    for index, row in snmp.table(rows, snmp.DEVICES).items():
        said = snmp.text(row.get(snmp.DEVICE_DESCR))
        if said and row.get(snmp.DEVICE_TYPE) == snmp.IS_PRINTER:
            generic = "names no model" if GENERIC.search(said) else None
            yield Candidate(said.split(";")[0], snmp.oid_of(snmp.DEVICES, snmp.DEVICE_DESCR, index), generic)
    described = snmp.text(rows.get(snmp.SYS_DESCR)) or ""
    named = PRODUCT.search(described) or ATTACHED.search(described)
    if named:
        yield Candidate(named[1], snmp.SYS_DESCR)
    server = "names what answers for the printer" if PRINT_SERVER.search(described) else None
    yield Candidate(re.split("[;/]", described)[0], snmp.SYS_DESCR, server)


def firmware(rows: Rows) -> str | None:
    """Return the version of the device's firmware."""
    for oid in snmp.FIRMWARES:
        said = snmp.text(_without_prefix(rows.get(oid)))
        if said:
            return said
    for row in snmp.table(rows, snmp.DEVICES).values():
        tail = FIRMWARE_TAIL.search(snmp.text(row.get(snmp.DEVICE_DESCR)) or "")
        if tail and row.get(snmp.DEVICE_TYPE) == snmp.IS_PRINTER:
            return tail["firmware"]
    return None


def _serial(value: Value, key: str) -> Iterator[Candidate]:
    said = snmp.line(value)
    if not said:
        return
    meant = snmp.unhexed(said)
    if meant and HIDDEN_SERIAL.fullmatch(meant):
        said = meant
    octets = (snmp.octets(value) or b"").split(b"\0", 1)[0].strip()
    if NO_SERIAL.fullmatch(said.replace("-", "").strip() or "-") or not _has_many(said):
        yield Candidate(said, key, "a placeholder")
    elif any(octet < ord(" ") for octet in octets) or not SERIAL_NUMBER.fullmatch(said):
        yield Candidate(said, key, "not the text of a serial number")
    elif not SHORTEST_SERIAL <= len(said) <= LONGEST_SERIAL:
        yield Candidate(said, key, "too short or too long for a serial number")
    else:
        yield Candidate(said, key)


def _has_many(said: str) -> bool:
    """Tell whether a text has more to it than one letter and the zeros, as AAA0A00000 has not."""
    digits = {one for one in said if one.isdigit()}
    letters = {one.upper() for one in said if one.isalpha()}
    return bool(digits - {"0"}) or len(letters) > 1


def _without_prefix(value: Value) -> Value:
    octets = snmp.octets(value)
    return octets[2:] if octets and HP_PREFIX.match(octets) else value


def _enterprise(rows: Rows) -> int:
    said = rows.get(snmp.SYS_OBJECT_ID)
    found = re.match(re.escape(snmp.ENTERPRISES) + r"\.(\d{1,10})\b", said) if isinstance(said, str) else None
    return int(found[1]) if found else 0


def _as_sold(said: str, rows: Rows, serial_number: str | None, maker: str = "") -> str:
    """Return a model with its maker, once, and without serial number and versions."""
    plain = " ".join(VERSION_TAIL.sub("", FIRMWARE_TAIL.sub("", said.strip())).split())
    if serial_number:
        plain = re.sub(rf"[\s,;(]+{re.escape(serial_number)}\b.*$", "", plain)
    plain = re.sub(rf"^{LONG_HP}", "HP", plain, flags=re.IGNORECASE)
    plain = TWICE.sub("", plain)
    if not plain or _maker_in(plain):
        return plain
    described = _maker_in(maker) or maker or _maker_in(snmp.text(rows.get(snmp.SYS_DESCR)) or "")
    made_by = described or MAKERS.get(_enterprise(rows), "")
    made_by = "HP" if made_by == LONG_HP else made_by
    return plain if plain.casefold().startswith(made_by.casefold()) else f"{made_by} {plain}"


def _maker_in(said: str) -> str | None:
    found = MAKER.search(said)
    return CALLED[found[0].casefold()] if found else None
