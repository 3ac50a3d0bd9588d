"""The texts that devices tell: cleaned of what the wire left in them, and which of them say nothing. No I/O."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

LONGEST = 1023  # octets of a text in IPP; those of SNMP's printer tables are shorter

HEX_TEXT = re.compile(r"(?:0x)?[0-9a-f]{2}(?:[ :-]?[0-9a-f]{2}){3,}", re.IGNORECASE)

# The words of what stands where a maker or an administrator was still to write something, and what is said of it.
FOR_NOTHING = (
    *("a", "applicable", "assigned", "available", "be", "by", "default", "defined", "empty", "filled", "in", "invalid"),
    *("missing", "na", "nil", "no", "none", "not", "null", "number", "oem", "serial", "set", "specified", "string"),
    *("tba", "tbc", "tbd", "to", "unavailable", "undefined", "unknown", "unset", "your"),
    *("aucun", "desconocido", "inconnu", "kein", "keine", "leer", "nicht", "gesetzt", "onbekend", "unbekannt"),
)
# What people write in the place of a serial number, and machines that were never asked for one.
FOR_NO_SERIAL_NUMBER = (
    *("chassis", "demo", "device", "dummy", "example", "here", "id", "machine", "placeholder", "printer", "sample"),
    *("sn", "system", "test", "this"),
)
SHORTEST_WORDS, LONGEST_TAIL = 4, 3  # letters and the digits behind them: "Test 1" is no serial number, "A 1" may be


def _only_of(words: Iterable[str]) -> re.Pattern[str]:
    """Match letters that are these words, written together. A word that fits is final, so that no text takes long."""
    longest_first = sorted(words, key=len, reverse=True)
    return re.compile(rf"(?:noserial|tobefilled).*|(?>{'|'.join(longest_first)})++")


SAYS_NOTHING = _only_of(FOR_NOTHING)
HOLDS_A_PLACE = _only_of((*FOR_NOTHING, *FOR_NO_SERIAL_NUMBER))

SERIAL_NUMBER = re.compile(r"[0-9A-Za-z][0-9A-Za-z ._/-]*")
HIDDEN_SERIAL_NUMBER, SHORTEST_HIDDEN = re.compile(r"[0-9A-Z]{6,32}"), 6
# What stands around a serial number in its own field: what it is called, and what the field is filled up with.
FILLER = r" .,:;_*#-"
BEFORE = re.compile(
    rf"(?:[{FILLER}]|S/N[={FILLER}]*|(?:SN|Serial(?:[ -]?(?:No|Nr|Number))?)(?: *[.:#=]+ *| +))++", re.IGNORECASE
)
SHORTEST_SERIAL_NUMBER, LONGEST_SERIAL_NUMBER = 3, 64
COUNTED, SHORTEST_COUNT = "01234567890", 5
ONE_FOR_ALL = re.compile(r"(.)\1*|(?:30){4,}")  # 30 is a zero in hex
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


def as_told(value: Any) -> str | None:
    """Return a text of a device up to the first NUL, with whatever else is in it; None if it is no text."""
    if isinstance(value, bytes | bytearray):
        value = decoded(bytes(value))
    return value.split("\0", 1)[0][: 4 * LONGEST].strip() if isinstance(value, str) else None


def cleaned(value: Any) -> str | None:
    """Return a text of a device as people read it, or None if nothing is left of it.

    It ends at the first NUL. What cannot be shown becomes a space, and several spaces become one.
    """
    shown = "".join(character if character.isprintable() else " " for character in as_told(value) or "")
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
    letters, digits = _letters_and_digits(text)
    return not digits and (not letters or SAYS_NOTHING.fullmatch(letters) is not None)


def as_serial_number(text: str) -> tuple[str, str | None]:
    """Return a serial number as it stands on the device; of any other text itself, and why it is none.

    "S/N CN12345", "CN12345..." and the hex digits of CN12345 are CN12345: a device has one, whichever source tells it.
    """
    told = text.strip()
    before = BEFORE.match(told)
    number = re.sub(" +", " ", told[before.end() if before else 0 :].rstrip(FILLER))
    meant = unhexed(number)
    if meant and len(meant) >= SHORTEST_HIDDEN and (HIDDEN_SERIAL_NUMBER.fullmatch(meant) or _holds_a_place(meant)):
        number = meant
    if _holds_a_place(number):
        return text, "only holds its place"
    if not SERIAL_NUMBER.fullmatch(number):
        return text, "is not the text of a serial number"
    if not SHORTEST_SERIAL_NUMBER <= len(number) <= LONGEST_SERIAL_NUMBER:
        return text, "is too short or too long for a serial number"
    return number, None


def only_holds_a_place(number: str) -> bool:
    """Tell whether a serial number that somebody gave is none: a device of one's own may have a short one."""
    return says_nothing(number) or (len(number) >= SHORTEST_SERIAL_NUMBER and _holds_a_place(number))


def _holds_a_place(number: str) -> bool:
    """Tell what machines say that nobody gave a number, and what people write there who have none."""
    letters, digits = _letters_and_digits(number)
    characters = "".join(character for character in number.casefold() if character.isalnum())
    is_tail = len(digits.lstrip("0")) <= LONGEST_TAIL or _is_counted(digits)
    is_of_words = HOLDS_A_PLACE.fullmatch(letters) is not None
    if not characters or (is_of_words and (not digits or (is_tail and len(letters) >= SHORTEST_WORDS))):
        return True
    has_no_digits = set(digits) <= {"0"} and (len(set(letters)) <= 1 or characters.endswith(MANY_ZEROS))
    is_mask = set(letters) <= {"x"} and set(digits) == {"9"}
    return has_no_digits or is_mask or _is_counted(characters) or ONE_FOR_ALL.fullmatch(characters) is not None


def _is_counted(characters: str) -> bool:
    return len(characters) >= SHORTEST_COUNT and characters in COUNTED


def _letters_and_digits(text: str) -> tuple[str, str]:
    folded = text.casefold()
    return "".join(filter(str.isalpha, folded)), "".join(filter(str.isnumeric, folded))


def device_id(text: str) -> dict[str, str]:
    """Read an IEEE 1284 device id ("MFG:HP;MDL:…;"): keys in capitals, the first of each; other text is left out."""
    fields: dict[str, str] = {}
    for pair in text.split(";"):
        key, colon, value = pair.partition(":")
        if colon and value.strip():
            fields.setdefault(" ".join(key.upper().split()), value.strip())
    return fields


def maker_and_model(fields: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Return what a device id names as maker and model, as far as it says something."""
    maker, model = (
        next((cleaned(fields[key]) for key in keys if key in fields and not says_nothing(fields[key])), None)
        for keys in (MAKER_KEYS, MODEL_KEYS)
    )
    return maker, model


def offered_serial_numbers(fields: Mapping[str, str]) -> Iterator[str]:
    """Give what a device id offers as serial numbers."""
    yield from (fields[key] for key in SERIAL_NUMBER_KEYS if key in fields)
