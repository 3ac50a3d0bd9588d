"""The texts that devices tell: cleaned of what the wire left in them, and which of them say nothing. No I/O."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

LONGEST = 1023  # octets of a text in IPP; those of SNMP's printer tables are shorter

HEX_TEXT = re.compile(r"(?:0x)?[0-9a-f]{2}(?:[ :-]?[0-9a-f]{2}){3,}", re.IGNORECASE)

# What stands where a maker or an administrator was still to write something.
NOTHING = {
    "default",
    "empty",
    "invalid",
    "n/a",
    "na",
    "nil",
    "none",
    "not applicable",
    "not available",
    "not set",
    "not specified",
    "null",
    "serial",
    "serial no",
    "serial number",
    "serialno",
    "serialnumber",
    "undefined",
    "unknown",
    "unset",
    "your serial number",
}
NOTHING_YET = ("no serial", "to be filled")

SERIAL_NUMBER = re.compile(r"[0-9A-Za-z][0-9A-Za-z ._/-]*")
HIDDEN_SERIAL_NUMBER = re.compile(r"[0-9A-Z]{6,32}")
SHORTEST_SERIAL_NUMBER, LONGEST_SERIAL_NUMBER = 3, 64
COUNTED_OUT = re.compile(r"0?123456789?0?")
MANY_ZEROS = "0000"

MAKER_KEYS = ("MFG", "MANUFACTURER", "MANUFACTURE")
MODEL_KEYS = ("MDL", "MODEL")
SERIAL_NUMBER_KEYS = ("SN", "SERN", "SER", "SERIALNUMBER")


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


def readable(value: Any) -> str | None:
    """Return a text for people, also if it came as the hex digits of that text. Digits alone stay a number."""
    text = cleaned(value)
    return text if text is None or text.isdigit() else unhexed(text) or text


def unhexed(text: str) -> str | None:
    """Return the text whose hex digits these are; None if they are not."""
    if not HEX_TEXT.fullmatch(text):
        return None
    digits = re.sub(r"[ :-]", "", text[2:] if text[:2] in {"0x", "0X"} else text)
    meant = bytes.fromhex(digits).split(b"\0", 1)[0].decode("latin-1")
    is_text = all(" " <= one <= "~" for one in meant) and any(one.isalpha() for one in meant)
    return meant.strip() or None if is_text else None


def says_nothing(text: str) -> bool:
    """Tell whether a text only holds the place of one."""
    words = text.strip(" .:-_<>()[]").casefold()
    return not any(character.isalnum() for character in text) or words in NOTHING or words.startswith(NOTHING_YET)


def as_serial_number(text: str) -> tuple[str, str | None]:
    """Return a serial number as it stands on the device and, if it is none, why: "only holds its place"."""
    meant = unhexed(text)
    number = meant if meant and HIDDEN_SERIAL_NUMBER.fullmatch(meant) else text
    if says_nothing(number) or _is_of_a_series(number):
        return number, "only holds its place"
    if not SERIAL_NUMBER.fullmatch(number):
        return number, "is not the text of a serial number"
    if not SHORTEST_SERIAL_NUMBER <= len(number) <= LONGEST_SERIAL_NUMBER:
        return number, "is too short or too long for a serial number"
    return number, None


def only_holds_a_place(number: str) -> bool:
    """Tell whether a serial number that somebody gave is none: a device of one's own may have a short one."""
    return says_nothing(number) or (len(number) >= SHORTEST_SERIAL_NUMBER and _is_of_a_series(number))


def _is_of_a_series(number: str) -> bool:
    """Tell what boards say that left the works without a number: AAA0A00000, XXX0X00000, 0000000, 1234567890."""
    characters = "".join(character for character in number.casefold() if character.isalnum())
    letters = {character for character in characters if character.isalpha()}
    digits = set(characters) - letters
    has_no_digits = digits <= {"0"} and (len(letters) <= 1 or characters.endswith(MANY_ZEROS))
    is_mask = letters <= {"x"} and digits == {"9"}
    return has_no_digits or is_mask or len(letters | digits) <= 1 or COUNTED_OUT.fullmatch(characters) is not None


def device_id(text: str) -> dict[str, str]:
    """Read an IEEE 1284 device id ("MFG:HP;MDL:…;"): keys in capitals, the first of each; other text is left out."""
    fields: dict[str, str] = {}
    for pair in text.split(";"):
        key, colon, value = pair.partition(":")
        told = cleaned(value)
        if colon and told:
            fields.setdefault(" ".join(key.upper().split()), told)
    return fields


def maker_and_model(fields: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Return what a device id names as maker and model, as far as it says something."""
    maker, model = (
        next((fields[key] for key in keys if key in fields and not says_nothing(fields[key])), None)
        for keys in (MAKER_KEYS, MODEL_KEYS)
    )
    return maker, model


def offered_serial_numbers(fields: Mapping[str, str]) -> Iterator[str]:
    """Give what a device id offers as serial numbers."""
    yield from (fields[key] for key in SERIAL_NUMBER_KEYS if key in fields)
