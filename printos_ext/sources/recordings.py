"""Recorded devices: what one said over SNMP or IPP, scrubbed, as a file that can be sent, kept and played. No I/O.

    {"format": "printos-recording 1", "protocol": "snmp", "said": [{"1.3.6.1.2.1.1.1.0": {"octets": "…"}, …}, …]}

Octets are written as the characters with the same numbers, so that a person sees what is sent.
"""

import hashlib
import json
import re
import string
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import frozen

from .reading import Reading

FORMAT = "printos-recording 1"
PROTOCOLS = ("snmp", "ipp")
SHORTEST = 4  # a shorter text is found everywhere
DOMAINS = "local|lan|internal|intranet|corp|com|org|net|de|fr|uk"
# What may name a person, a place or a machine in any text, and what stands there instead (RFC 5737, 7042, 2606).
ADDRESSES = (
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b"), "192.0.2.1"),
    (re.compile(r"\b[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}\b", re.IGNORECASE), "00:00:5E:00:53:01"),
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "somebody@example.com"),
    (
        re.compile(r"\b(?:[\w-]+\.)+(?:local|lan|internal|intranet|corp|com|org|net|de|fr|uk)\b", re.IGNORECASE),
        "printer.example.com",
    ),
)

Said = Mapping[str, Any]


@frozen
class Recording:
    """What a device said, each time that it was asked."""

    protocol: str
    said: Sequence[Said]


def written(recording: Recording) -> str:
    """Return the text of a recording."""
    said = [{key: _written(value) for key, value in each.items()} for each in recording.said]
    document = {"format": FORMAT, "protocol": recording.protocol, "said": said}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def read(text: str) -> Recording:
    """Read a recording, or say what is wrong with it: `ValueError`."""
    try:
        document = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    match document:
        case {"format": str(kind), "protocol": str(protocol), "said": [*said]} if kind == FORMAT:
            if protocol in PROTOCOLS and said and all(isinstance(each, dict) for each in said):
                return Recording(protocol, [{key: _read(value) for key, value in each.items()} for each in said])
    raise ValueError(f"it is no recording: those that can be played begin with the format {FORMAT!r}")


def scrubbed(said: Said, reading: Reading, salt: bytes) -> Said:
    """Return what a device said without what tells which one it is; the same text becomes the same stand-in.

    A serial number keeps its form, so that what is made of it stays the same.
    """
    number = reading.serial_number or ""
    replaced: list[tuple[str, str]] = []
    if len(number) >= SHORTEST:
        instead = _stand_in(number, salt)
        replaced = [(number, instead), (number.encode().hex(), instead.encode().hex())]
    if reading.location:
        replaced.append((reading.location, "somewhere"))

    def scrub(text: str) -> str:
        for old, new in replaced:
            text = re.sub(re.escape(old), new, text, flags=re.IGNORECASE)
        for pattern, new in ADDRESSES:
            text = pattern.sub(new, text)
        return text

    return {key: _each_text(value, scrub) for key, value in said.items()}


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


def _written(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"octets": value.decode("latin-1")}
    if isinstance(value, list | tuple):
        return [_written(each) for each in value]
    if isinstance(value, dict):
        return {"members": {str(key): _written(each) for key, each in value.items()}}
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _read(value: Any) -> Any:
    match value:
        case {"octets": str(text), **others} if not others:
            return text.encode("latin-1", "replace")
        case {"members": {**members}, **others} if not others:
            return {key: _read(each) for key, each in members.items()}
        case [*values]:
            return [_read(each) for each in values]
    return value
