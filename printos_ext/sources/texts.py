"""The texts that devices tell: cleaned of what the wire left in them, and which of them say nothing. No I/O."""

import re
from typing import Any

LONGEST = 1023  # octets of a text in IPP; those of SNMP's printer tables are shorter

# What stands where a maker or an administrator was still to write something.
NOTHING = {
    "default",
    "empty",
    "invalid",
    "n/a",
    "na",
    "nil",
    "no serial number",
    "none",
    "not applicable",
    "not available",
    "not set",
    "not specified",
    "null",
    "serial number",
    "serialnumber",
    "to be filled by o.e.m",
    "undefined",
    "unknown",
    "unset",
}
# Serial numbers of boards that left the works without one: AAA0A00000, XXX0X00000, 0000000, 1234567890.
UNWRITTEN = ({"a", "0"}, {"x", "0"}, {"x", "9"})
COUNTED_OUT = {"0123456789", "123456789", "1234567890"}


def decoded(value: bytes) -> str:
    """Return the text in some bytes: up to the first NUL, in UTF-8 or, whatever the device says it speaks, Latin-1."""
    text = value.split(b"\0", 1)[0]
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")


def cleaned(value: Any) -> str | None:
    """Return a text of a device as people read it, or None if nothing is left of it.

    It ends at the first NUL. What cannot be shown becomes a space, and several spaces become one.
    """
    if isinstance(value, bytes | bytearray):
        value = decoded(bytes(value))
    if not isinstance(value, str):
        return None
    text = value.split("\0", 1)[0][: 4 * LONGEST]
    shown = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(shown.split())[:LONGEST].rstrip() or None


def says_nothing(text: str) -> bool:
    """Tell whether a text only holds the place of one."""
    return not any(character.isalnum() for character in text) or text.strip(" .:-_<>()[]").casefold() in NOTHING


def is_serial_number(text: str) -> bool:
    """Tell whether a text may be the serial number of one device, and not what a whole series of them says."""
    characters = [character for character in text.casefold() if character.isalnum()]
    kinds = set(characters)
    unwritten = len(kinds) <= 1 or any(kinds <= few for few in UNWRITTEN) or "".join(characters) in COUNTED_OUT
    return not unwritten and not says_nothing(text)


def sold_as(maker: str | None, model: str) -> str:
    """Return a model with its maker in front of it, once.

    Makers differ in whether their models begin with their name, and in how they write it: "Hewlett-Packard" makes an
    "HP LaserJet", "OKI DATA CORP" an "OKI MC873".
    """
    words = model.split()
    for length in range(1, 4):
        begin = [word.casefold() for word in words[:length]]
        while len(words) >= 2 * length and [word.casefold() for word in words[length : 2 * length]] == begin:
            words = words[length:]
    if maker and words and not _names_in(words[0]) & _names_in(maker):
        words = [maker, *words]
    return " ".join(words)


def _names_in(text: str) -> set[str]:
    names = set(re.findall(r"\w+", text.casefold()))
    return names | {"hp"} if "hewlett" in names else names


def device_id(text: str) -> dict[str, str]:
    """Read an IEEE 1284 device id ("MFG:HP;MDL:…;"): keys in capitals, the first of each; other text is left out."""
    fields: dict[str, str] = {}
    for pair in text.split(";"):
        key, colon, value = pair.partition(":")
        told = cleaned(value)
        if colon and told:
            fields.setdefault(" ".join(key.upper().split()), told)
    return fields
