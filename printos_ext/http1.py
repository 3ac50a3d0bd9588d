"""HTTP/1.1 as bytes: how a request begins on the wire, and how an answer is read off it, whatever a server sends.

No I/O. An answer that breaks the rules, or the limits here, ends as the error that httpx has for it.
"""

import re
from collections.abc import Generator, Iterable

import httpx
from attrs import define, field

LARGEST_HEAD = 100 * 1024
LARGEST_LINE = 4096  # of those between the chunks of a body
LONGEST_NUMBER = 19  # digits, of a length

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
TARGET = re.compile(rb"[!-~]+")
VALUE = re.compile(rb"[^\x00\n\v\f\r]*")
STATUS_LINE = re.compile(rb"HTTP/(1\.[01]) ([0-9]{3})(?: ([^\x00\n\v\f\r]*))?")
# Each line must be one. No possessive quantifiers: Python 3.11 has them, and 3.11.2 gets them wrong.
FIELD = re.compile(rb"^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([^\x00\n\v\f\r]*)\r?\n", re.MULTILINE)
FOLD = re.compile(rb"\r?\n[ \t]+")  # a header may go on in the next line
EMPTY_LINE = re.compile(rb"\n\r?\n")
CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]*)?\r\n")

FRAMING = {b"content-length", b"transfer-encoding"}  # they say where a body ends
TELLING = {b"connection", b"content-encoding", *FRAMING}
NO_CONTENT, NOT_MODIFIED, SWITCHING_PROTOCOLS, FIRST_FINAL = 204, 304, 101, 200

Headers = list[tuple[bytes, bytes]]
Words = dict[bytes, list[bytes]]
Reading = Generator[None, bytes, "Reply"]


@define
class Reply:
    """An answer as it came, its body still compressed."""

    version: bytes
    status: int
    reason: bytes
    headers: Headers
    words: Words  # of the headers that tell how to read on
    keeps_alive: bool  # whether another request may follow on the same connection
    body: bytearray = field(factory=bytearray)

    @property
    def encoding(self) -> str:
        """How the body is compressed."""
        return b", ".join(self.words.get(b"content-encoding", ())).decode("latin-1")

    @property
    def extensions(self) -> dict[str, bytes]:
        """What httpx keeps of an answer besides status, headers and body."""
        return {"http_version": b"HTTP/" + self.version, "reason_phrase": self.reason}


def beginning(method: str, target: bytes, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return the first line and the headers of a request; nothing in them can pass for another line."""
    verb = method.encode()
    if not (TOKEN.fullmatch(verb) and TARGET.fullmatch(target)):
        raise httpx.LocalProtocolError(f"no request can begin with {method!r} {target!r}")
    lines = [b"%s %s HTTP/1.1\r\n" % (verb, target)]
    for name, value in headers:
        if not (TOKEN.fullmatch(name) and VALUE.fullmatch(value)):
            raise httpx.LocalProtocolError(f"the header {name!r} has characters that cannot be sent")
        lines.append(b"%s: %s\r\n" % (name, value))
    return b"".join(lines)


def reading(method: str, largest: int) -> Reading:
    """Read one answer: send in the bytes as they come, and b"" when the connection ends.

    Of a body that is larger than it may be, a little more than `largest` is read, and then no more.
    """
    data = bytearray()
    while True:
        reply = _head(bytes((yield from _until_empty_line(data))))
        is_chunked, length = _is_chunked(reply.words), _length(reply.words)
        if reply.status >= FIRST_FINAL or reply.status == SWITCHING_PROTOCOLS:
            break
    if method == "HEAD" or reply.status in {NO_CONTENT, NOT_MODIFIED}:
        is_whole = True
    elif reply.status == SWITCHING_PROTOCOLS:
        is_whole = False
    elif is_chunked:
        is_whole = yield from _chunks(data, reply.body, largest)
    else:
        is_whole = yield from _body(data, reply.body, length, largest)
    reply.keeps_alive = reply.keeps_alive and is_whole and not data
    return reply


def _until_empty_line(data: bytearray) -> Generator[None, bytes, bytearray]:
    """Take the bytes before the first empty line out of the data, with the end of their last line."""
    searched = 0
    while True:
        found = EMPTY_LINE.search(data, searched)
        if len(data if found is None else data[: found.start()]) > LARGEST_HEAD:
            raise httpx.RemoteProtocolError(f"the answer begins with more than {LARGEST_HEAD:,} bytes of headers")
        if found is not None:
            block = data[: found.start() + 1]
            del data[: found.end()]
            return block
        searched = max(0, len(data) - 2)
        data += yield from _more("a complete answer")


def _head(block: bytes) -> Reply:
    first, _, lines = block.partition(b"\n")
    if b"\n " in lines or b"\n\t" in lines:
        lines = FOLD.sub(b" ", lines)
    status = STATUS_LINE.fullmatch(first.removesuffix(b"\r"))
    if status is None:
        raise httpx.RemoteProtocolError(f"the answer is not HTTP/1.1: it begins with {first[:40]!r}")
    headers: Headers = [(name, value.strip(b" \t")) for name, value in FIELD.findall(lines)]
    if len(headers) != lines.count(b"\n"):
        raise httpx.RemoteProtocolError(f"the answer has a line that is no header, among {lines[:200]!r}")
    words = _listed(headers)
    keeps_alive = status[1] == b"1.1" and b"close" not in words.get(b"connection", ())
    if len(FRAMING.intersection(words)) == len(FRAMING):
        keeps_alive = False  # whoever stands in between may have believed the other one
    return Reply(status[1], int(status[2]), status[3] or b"", headers, words, keeps_alive)


def _listed(headers: Headers) -> Words:
    """Return the words of those headers that tell how to read on, all in lower case."""
    words: Words = {}
    for name, value in headers:
        lower = name.lower()
        if lower in TELLING:
            words.setdefault(lower, []).extend(word.strip(b" \t").lower() for word in value.split(b","))
    return words


def _is_chunked(words: Words) -> bool:
    encodings = words.get(b"transfer-encoding", [])
    if encodings and encodings != [b"chunked"]:
        raise httpx.RemoteProtocolError(f"the body has an unknown transfer encoding: {encodings[0][:40]!r}")
    return bool(encodings)


def _length(words: Words) -> int | None:
    """Return how long the body says it is; None if it ends with the connection."""
    lengths = set(words.get(b"content-length", ()))
    if not lengths:
        return None
    length = lengths.pop()
    if lengths or not length.isdigit() or len(length) > LONGEST_NUMBER:
        raise httpx.RemoteProtocolError(f"the body has an impossible length: {length[:40]!r}")
    return int(length)


def _body(data: bytearray, body: bytearray, length: int | None, largest: int) -> Generator[None, bytes, bool]:
    """Move a body of this length, or up to the end of the connection; tell whether another answer can follow."""
    while True:
        missing = len(data) if length is None else length - len(body)
        body += data[:missing]
        del data[:missing]
        if len(body) == length:
            return True
        if len(body) > largest:
            return False
        more = yield
        if not more and length is None:
            return False
        if not more:
            raise httpx.RemoteProtocolError(f"the connection ended after {len(body):,} of {length:,} bytes of the body")
        data += more


def _chunks(data: bytearray, body: bytearray, largest: int) -> Generator[None, bytes, bool]:
    """Move a body that comes in chunks, and drop the fields after it; tell whether another answer can follow."""
    while True:
        line = yield from _line(data)
        found = CHUNK_LINE.fullmatch(line)
        if found is None:
            raise httpx.RemoteProtocolError(f"the body has a chunk without a length: {bytes(line[:40])!r}")
        missing = int(found[1], 16)
        if not missing:
            break
        while missing:
            piece = data[:missing]
            del data[: len(piece)]
            body += piece
            missing -= len(piece)
            if len(body) > largest:
                return False
            if missing:
                data += yield from _more("the last chunk of the body")
        if (yield from _line(data)) != b"\r\n":
            raise httpx.RemoteProtocolError("a chunk of the body is longer than it says")
    dropped = 0
    while line != b"\r\n":
        line = yield from _line(data)
        dropped += len(line)
        if dropped > LARGEST_HEAD:
            raise httpx.RemoteProtocolError(f"the body ends with more than {LARGEST_HEAD:,} bytes of headers")
    return True


def _line(data: bytearray) -> Generator[None, bytes, bytearray]:
    """Take a line out of the data, with its end."""
    while (end := data.find(b"\r\n")) < 0:
        if len(data) > LARGEST_LINE:
            raise httpx.RemoteProtocolError(f"the body has a line of more than {LARGEST_LINE:,} bytes")
        data += yield from _more("the last chunk of the body")
    line = data[: end + 2]
    del data[: end + 2]
    return line


def _more(due: str) -> Generator[None, bytes, bytes]:
    more = yield
    if not more:
        raise httpx.RemoteProtocolError(f"the server closed the connection before {due}")
    return more
