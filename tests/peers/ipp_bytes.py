"""IPP as bytes, written by hand after RFC 8010, so that what reads it is not tried on what it wrote itself."""

import struct

OPERATION = b"\x01\x47\x00\x12attributes-charset\x00\x05utf-8" + b"\x48\x00\x1battributes-natural-language\x00\x02en"


def attribute(tag: int, name: str, *values: bytes) -> bytes:
    written = b""
    for place, value in enumerate(values):
        own = name.encode() if place == 0 else b""
        written += bytes([tag]) + struct.pack(">H", len(own)) + own + struct.pack(">H", len(value)) + value
    return written


def integer(name: str, *values: int) -> bytes:
    return attribute(0x21, name, *(struct.pack(">i", value) for value in values))


def keyword(name: str, *values: str) -> bytes:
    return attribute(0x44, name, *(value.encode() for value in values))


def collection(name: str, *attributes: bytes, member: bool = False) -> bytes:
    """Write a collection; of the attributes in it, the names are written as members."""
    begin = attribute(0x34, name, b"")
    members = b"".join(each if each[:1] == b"\x4a" else as_member(each) for each in attributes)
    whole = begin + members + b"\x37\x00\x00\x00\x00"
    return as_member(whole) if member else whole


def as_member(written: bytes) -> bytes:
    length = int.from_bytes(written[1:3])
    name = written[3 : 3 + length]
    return b"\x4a\x00\x00" + struct.pack(">H", length) + name + written[:1] + b"\x00\x00" + written[3 + length :]


def answer(*attributes: bytes, status: int = 0, version: tuple[int, int] = (2, 0), groups: bytes = b"") -> bytes:
    """Write a whole answer about a printer."""
    head = struct.pack(">bbHi", *version, status, 1)
    return head + OPERATION + b"\x04" + b"".join(attributes) + groups + b"\x03"
