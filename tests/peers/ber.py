"""SNMP messages of versions 1 and 2c, octet by octet: enough to answer, and to answer wrongly (RFC 1157, RFC 3416)."""

from collections.abc import Iterable
from functools import cache

from attrs import frozen

NULL, NO_SUCH_INSTANCE, END = b"\x05\x00", b"\x81\x00", b"\x82\x00"
GET, GET_NEXT, RESPONSE, GET_BULK = 0xA0, 0xA1, 0xA2, 0xA5


@frozen
class Request:
    """What an agent is asked; of a bulk request `repetitions` is how many rows may come back."""

    version: int
    community: bytes
    kind: int
    number: int
    repetitions: int
    oids: tuple[str, ...]


def tagged(tag: int, content: bytes) -> bytes:
    """Return a value with its tag and length."""
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + content


def integer(value: int, tag: int = 2) -> bytes:
    """Return an INTEGER, or a counter by its tag."""
    return tagged(tag, value.to_bytes(value.bit_length() // 8 + 1, signed=True))


def text(value: bytes) -> bytes:
    """Return an OCTET STRING."""
    return tagged(4, value)


def identifier(oid: str) -> bytes:
    """Return an OBJECT IDENTIFIER."""
    first, second, *arcs = map(int, oid.split("."))
    content = bytearray([40 * first + second])
    for arc in arcs:
        groups = [arc >> shift & 0x7F for shift in range(0, max(arc.bit_length(), 1), 7)]
        content += bytes([*(0x80 | group for group in groups[:0:-1]), groups[0]])
    return tagged(6, bytes(content))


def encoded(value: int | str | bytes) -> bytes:
    """Return a value as its Python type says."""
    if isinstance(value, int):
        return integer(value)
    return identifier(value) if isinstance(value, str) else text(value)


def response(
    request: Request, bindings: Iterable[tuple[str, bytes]], *, number: int | None = None, error: int = 0
) -> bytes:
    """Return the answer to a request: OIDs and their encoded values."""
    listed = tagged(0x30, b"".join(bound(oid, value) for oid, value in bindings))
    numbers = integer(request.number if number is None else number) + integer(error) + integer(min(error, 1))
    body = integer(request.version) + text(request.community) + tagged(RESPONSE, numbers + listed)
    return tagged(0x30, body)


@cache
def bound(oid: str, value: bytes) -> bytes:
    """Return a name with its value."""
    return tagged(0x30, identifier(oid) + value)


def request(datagram: bytes) -> Request:
    """Read a request."""
    version, community, (kind, pdu) = parts(parts(datagram)[0][1])
    number, _, repetitions, bindings = parts(pdu)
    names = [parts(binding)[0][1] for _, binding in parts(bindings[1])]
    return Request(
        version=int.from_bytes(version[1]),
        community=community[1],
        kind=kind,
        number=int.from_bytes(number[1], signed=True),
        repetitions=int.from_bytes(repetitions[1]),
        oids=tuple(map(dotted, names)),
    )


def parts(data: bytes) -> list[tuple[int, bytes]]:
    """Return the values that follow each other, as tag and content."""
    found = []
    while data:
        tag, length, begin = data[0], data[1], 2
        if length & 0x80:
            begin += length & 0x7F
            length = int.from_bytes(data[2:begin])
        found.append((tag, data[begin : begin + length]))
        data = data[begin + length :]
    return found


@cache
def dotted(content: bytes) -> str:
    """Return an OBJECT IDENTIFIER as it is written."""
    arcs, arc = list(divmod(content[0], 40)), 0
    for octet in content[1:]:
        arc = arc << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(arc)
            arc = 0
    return ".".join(map(str, arcs))
