"""IPP messages as bytes (RFC 8010): the questions that are asked here, and any answer. No I/O.

An answer is read in one pass that only goes forward, whatever it says about its lengths and however deep it nests; a
value that is not what its tag says is None, and the rest of the printer is still read.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from .texts import decoded

GET_JOBS, GET_PRINTER_ATTRIBUTES = 0x000A, 0x000B
OPERATION_GROUP, JOB_GROUP, END, PRINTER_GROUP = 0x01, 0x02, 0x03, 0x04
FIRST_VALUE_TAG = 0x10
INTEGER, BOOLEAN, ENUM = 0x21, 0x22, 0x23
OCTETS, BEGIN_COLLECTION, TEXT_LANGUAGE, NAME_LANGUAGE, END_COLLECTION = 0x30, 0x34, 0x35, 0x36, 0x37
NAME, KEYWORD, URI, CHARSET, LANGUAGE, MEMBER_NAME = 0x42, 0x44, 0x45, 0x47, 0x48, 0x4A
TEXTS = range(0x40, 0x60)

HEAD = struct.Struct(">bbHi")
DEEPEST = 16

Attributes = dict[str, Any]


class UnreadableMessageError(Exception):
    """Bytes are no IPP message."""


@frozen
class Answer:
    """What a printer answers: a status, and its groups of attributes."""

    status: int
    operation: Attributes
    printers: Sequence[Attributes]
    jobs: Sequence[Attributes]


def question(operation: int, uri: str, requested: Sequence[str], *, version: tuple[int, int], limit: int = 0) -> bytes:
    """Write a request for attributes of a printer or, at most `limit`, of its jobs."""
    return b"".join(
        [
            HEAD.pack(*version, operation, 1),
            bytes([OPERATION_GROUP]),
            _attribute(CHARSET, "attributes-charset", b"utf-8"),
            _attribute(LANGUAGE, "attributes-natural-language", b"en"),
            _attribute(URI, "printer-uri", uri.encode()),
            _attribute(NAME, "requesting-user-name", b"printos"),
            *([_attribute(INTEGER, "limit", struct.pack(">i", limit))] if limit else []),
            _attribute(KEYWORD, "requested-attributes", *map(str.encode, requested)),
            bytes([END]),
        ]
    )


def _attribute(tag: int, name: str, *values: bytes) -> bytes:
    """Write an attribute: only the first of its values is named."""
    names = [name.encode(), *[b""] * (len(values) - 1)]
    return b"".join(
        struct.pack(f">BH{len(own)}sH", tag, len(own), own, len(value)) + value
        for own, value in zip(names, values, strict=True)
    )


def read_answer(body: bytes) -> Answer:
    """Read a response; `UnreadableMessageError` if it is none, or not all of one."""
    if len(body) < HEAD.size:
        raise UnreadableMessageError(f"it has {len(body)} bytes")
    major, _, status, _ = HEAD.unpack_from(body)
    if major not in {1, 2}:
        raise UnreadableMessageError(f"it begins with {body[:16]!r}")
    groups = _groups(body)

    def of(tag: int) -> list[Attributes]:
        return [_plain(attributes) for group, attributes in groups if group == tag]

    return Answer(status, next(iter(of(OPERATION_GROUP)), {}), of(PRINTER_GROUP), of(JOB_GROUP))


def _groups(body: bytes) -> list[tuple[int, dict[str, list[Any]]]]:
    """Return the groups by their tags, with all values of each attribute."""
    groups: list[tuple[int, dict[str, list[Any]]]] = []
    attributes: dict[str, list[Any]] = {}
    values: list[Any] = []  # of the attribute that is being read
    around: list[tuple[dict[str, list[Any]], list[Any]]] = []  # the same of the collections that are open
    place = HEAD.size
    while (tag := body[place] if place < len(body) else None) != END:
        if tag is None:
            raise UnreadableMessageError(f"it ends too early, after {len(body)} bytes")
        if tag < FIRST_VALUE_TAG:
            attributes, values, around = {}, [], []
            groups.append((tag, attributes))
            place += 1
            continue
        name, place = _sized(body, place + 1)
        value, place = _sized(body, place)
        if tag == END_COLLECTION:
            if not around:
                raise UnreadableMessageError("it ends a collection that did not begin")
            attributes, values = around.pop()
        elif tag == MEMBER_NAME or name:
            values = attributes[decoded(value if tag == MEMBER_NAME else name)] = []
        if tag == BEGIN_COLLECTION:
            if len(around) == DEEPEST:
                raise UnreadableMessageError(f"its collections are nested more than {DEEPEST} deep")
            around.append((attributes, values))
            members: dict[str, list[Any]] = {}
            values.append(members)
            attributes, values = members, []
        elif tag not in {END_COLLECTION, MEMBER_NAME}:
            values.append(_value(tag, value))
    return groups


def _sized(body: bytes, place: int) -> tuple[bytes, int]:
    """Return the bytes behind a length, and the place after them."""
    begin = place + 2
    end = begin + int.from_bytes(body[place:begin])
    if end > len(body):
        raise UnreadableMessageError(f"a length in it leads beyond its {len(body)} bytes")
    return body[begin:end], end


def _value(tag: int, value: bytes) -> Any:
    """Return what a value is for Python; bytes if nobody here has a use for it."""
    if tag in {INTEGER, ENUM}:
        return int.from_bytes(value, signed=True) if len(value) == 4 else None  # noqa: PLR2004 - the size of both
    if tag == BOOLEAN:
        return value != b"\0"
    if tag in {TEXT_LANGUAGE, NAME_LANGUAGE}:
        try:
            _, place = _sized(value, 0)
            return decoded(_sized(value, place)[0])
        except UnreadableMessageError:
            return None
    if tag in TEXTS or tag == OCTETS:
        return decoded(value)
    return value if tag > INTEGER else None


def _plain(attributes: Mapping[str, list[Any]]) -> Attributes:
    """Return attributes with a value where there is one, and a list where there are several."""
    plain = {
        name: [_plain(each) if isinstance(each, dict) else each for each in values]
        for name, values in attributes.items()
    }
    return {name: values[0] if len(values) == 1 else values for name, values in plain.items()}
