"""What a device said, without what tells which one it is, where it stands and whose it is. No I/O.

Fields that are identity are replaced where they stand; what they held is replaced wherever else it stands as a word;
and so is what looks like an address. A serial number keeps its form, so that what is made of it stays the same.
"""

import hashlib
import re
import string
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field

from . import snmp_rows as snmp
from .texts import SERIAL_NUMBER_KEYS, cleaned, unhexed

SHORTEST = 4  # a shorter text is found everywhere
SOMEWHERE = "somewhere"

# What holds nothing but a serial number, a location, a version.
SERIAL_NUMBERS = {"printer-serial-number", *snmp.SERIAL_NUMBERS}
SERIAL_NUMBER_COLUMN = f"{snmp.GENERAL}.{snmp.SERIAL_NUMBER}."
LOCATIONS = {"printer-location", snmp.SYS_LOCATION}
VERSIONS = {"printer-firmware-string-version", *snmp.FIRMWARES}
OID = re.compile(r"\.?\d+(?:\.\d+){4,}")

# A serial number in any other text.
WORDS = "|".join([*SERIAL_NUMBER_KEYS, "S/N", r"serial(?: ?(?:number|no\.?))?"])
NUMBERED = re.compile(rf"(\b(?:{WORDS})\s*[:#=]\s*|\bS/N\s+)([\w.-]{{3,}})", re.IGNORECASE)
DOMAINS = "local|lan|home|internal|intranet|corp|com|org|net|edu|gov|info|biz|eu|io|de|at|ch|fr|it|es|nl|be|uk|us|jp|cn"
IPV6 = r"(?:[0-9a-f]{1,4}:){4,7}[0-9a-f]{1,4}|(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*)?::(?:[0-9a-f]{1,4}:)*[0-9a-f]{1,4}"
HOST = rf"\b(?:[\w-]+\.)+(?:{DOMAINS})\b|\b(?:[\w-]+\.){{2,}}[a-z]{{2,24}}\b"
# What names a machine or a person, and what stands there instead (RFC 5737, 3849, 7042, 2606).
ADDRESSES = (
    (re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])"), "192.0.2.1"),
    (re.compile(r"\b[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}\b", re.IGNORECASE), "00:00:5E:00:53:01"),
    (re.compile(r"\b(?=[0-9a-f]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{12}\b", re.IGNORECASE), "00005E005301"),
    (re.compile(rf"(?<![\w:])(?:{IPV6})(?![\w:])", re.IGNORECASE), "2001:db8::1"),
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "somebody@example.com"),
    (re.compile(r"\\\\[\w.-]+"), r"\\\\printer"),
    (re.compile(HOST, re.IGNORECASE), "printer.example.com"),
)


def scrubbed(said: Mapping[str, Any], salt: bytes) -> dict[str, Any]:
    """Return what a device said without what tells which one it is; the same salt gives the same stand-ins."""
    scrubbing = _Scrubbing(salt)
    hidden = {key: scrubbing.field(key, value) for key, value in said.items()}
    return {key: scrubbing.rest(key, value) for key, value in hidden.items()}


@define
class _Scrubbing:
    """What was found so far, and what stands for it."""

    salt: bytes
    known: dict[str, str] = field(factory=dict)

    def field(self, key: str, value: Any) -> Any:
        """Replace what is identity by its place."""
        if key in SERIAL_NUMBERS or key.startswith(SERIAL_NUMBER_COLUMN):
            return _each_text(value, self._number)
        if key in LOCATIONS:
            return _each_text(value, self._location)
        if _is_oid(value):
            return value
        return _each_text(value, lambda text: NUMBERED.sub(lambda found: found[1] + self._number(found[2]), text))

    def rest(self, key: str, value: Any) -> Any:
        """Replace what is left of it in other texts, and addresses."""
        if key in LOCATIONS or _is_oid(value):
            return value
        return _each_text(value, lambda text: self._without(text, with_addresses=key not in VERSIONS))

    def _number(self, text: str) -> str:
        """Return the stand-in of a serial number, which may be the hex digits of one."""
        if unhexed(text):
            return re.sub(r"[0-9A-Fa-f]{2}", lambda pair: _stand_in_pair(pair[0], self.salt), text)
        instead = _stand_in(text, self.salt)
        number = cleaned(text) or ""
        if len(number) >= SHORTEST:
            self.known[number] = cleaned(instead) or ""
        return instead

    def _location(self, text: str) -> str:
        place = cleaned(text)
        if place and len(place) >= SHORTEST:
            self.known[place] = SOMEWHERE
        return SOMEWHERE if place else text

    def _without(self, text: str, *, with_addresses: bool) -> str:
        for old, new in self.known.items():
            text = re.sub(rf"(?<!\w){re.escape(old)}(?!\w)", lambda _, new=new: new, text, flags=re.IGNORECASE)  # type: ignore[misc]
            text = re.sub(old.encode().hex(), new.encode().hex(), text, flags=re.IGNORECASE)
        for pattern, instead in ADDRESSES if with_addresses else ():
            text = pattern.sub(instead, text)
        return text


def _is_oid(value: Any) -> bool:
    return isinstance(value, str) and OID.fullmatch(value) is not None


def _stand_in_pair(digits: str, salt: bytes) -> str:
    """Return the hex digits of another letter or digit, and those of anything else as they are."""
    return _stand_in(bytes.fromhex(digits).decode("latin-1"), salt).encode("latin-1").hex()


def _stand_in(text: str, salt: bytes) -> str:
    """Return a text of the same form: a digit for a digit, a letter for a letter."""
    chances = hashlib.sha256(salt + text.encode()).digest() * (len(text) // 32 + 1)
    alphabets = (string.digits, string.ascii_uppercase, string.ascii_lowercase)

    def replaced(character: str, chance: int) -> str:
        alphabet = next((alphabet for alphabet in alphabets if character in alphabet), character)
        return alphabet[chance % len(alphabet)]

    return "".join(replaced(character, chance) for character, chance in zip(text, chances, strict=False))


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, bytes):
        return change(value.decode("latin-1")).encode("latin-1", "replace")
    if isinstance(value, list | tuple):
        return [_each_text(each, change) for each in value]
    if isinstance(value, dict):
        return {key: _each_text(each, change) for key, each in value.items()}
    return value
