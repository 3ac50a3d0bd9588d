"""An answer is read as h11 reads it, whatever pieces it comes in, and never without bounds."""

import os
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import h11
import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from printos_ext import http1
from printos_ext.http1 import Reply

EXAMPLES = int(os.environ.get("PRINTOS_EXAMPLES", "1000"))
FRAMING = b"transfer-encoding"
OK = b"HTTP/1.1 200 OK\r\n"


def read(data: bytes, method: str = "GET", largest: int = 10**9, cuts: Iterable[int] = ()) -> Reply:
    """Read an answer that comes in pieces and ends with the connection."""
    reading = http1.reading(method, largest)
    next(reading)
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    pieces = [data[begin:end] for begin, end in pairwise(places)]
    try:
        for piece in [*pieces, b""]:
            reading.send(piece)
    except StopIteration as stop:
        reply: Reply = stop.value
        return reply
    raise AssertionError("an answer goes on after the end of its connection")


@pytest.mark.parametrize("cuts", [(), range(200)], ids=["whole", "byte by byte"])
@pytest.mark.parametrize(
    ("data", "body", "keeps_alive"),
    [
        (OK + b"content-length: 2\r\n\r\n{}", b"{}", True),
        (OK + b"Content-Length: 2, 2\r\nCONNECTION: Keep-Alive, close\r\n\r\n{}", b"{}", False),
        (OK + b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\n001;x=y\r\n}\r\n0\r\nx-sum: 7\r\n\r\n", b"{}", True),
        (OK + b"\r\n{}", b"{}", False),
        (OK + b"content-length: 0\r\n\r\n", b"", True),
        (b"HTTP/1.0 200\ncontent-length: 2\n\n{}", b"{}", False),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\na: b\r\n\r\nHTTP/1.1 204 None\r\n\r\n", b"", True),
        (b"HTTP/1.1 304 Same\r\ncontent-length: 70\r\n\r\n", b"", True),
    ],
)
def test_answer_is_read_to_its_end(data: bytes, body: bytes, *, keeps_alive: bool, cuts: Iterable[int]) -> None:
    reply = read(data, cuts=cuts)

    assert (bytes(reply.body), reply.keeps_alive) == (body, keeps_alive)


def test_answer_with_two_lengths_that_compete_ends_the_connection() -> None:
    reply = read(OK + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")

    assert (bytes(reply.body), reply.keeps_alive) == (b"{}", False)


def test_what_follows_an_answer_unasked_ends_the_connection() -> None:
    assert not read(OK + b"content-length: 0\r\n\r\nHTTP/1.1 200 OK\r\n").keeps_alive


def test_folded_header_is_one_header() -> None:
    assert read(OK + b"x-told: a\r\n  b\r\ncontent-length: 0\r\n\r\n").headers[0] == (b"x-told", b"a b")


def test_answer_to_head_has_no_body() -> None:
    assert read(OK + b"content-length: 7\r\n\r\n", "HEAD").body == b""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        OK,
        OK + b"no header\r\n\r\n",
        OK + b"x y: z\r\n\r\n",
        OK + b"x: a\0b\r\n\r\n",
        OK + b"content-length: 5\r\n\r\n{}",
        OK + b"content-length: -1\r\n\r\n",
        OK + b"content-length: 1, 2\r\n\r\n{}",
        OK + b"content-length: " + b"9" * 99 + b"\r\n\r\n",
        OK + b"transfer-encoding: gzip\r\n\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\nz\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\n1\r\n{}\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\n1\r\n{",
        OK + b"transfer-encoding: chunked\r\n\r\n1;" + b"x" * 10_000,
        OK + b"transfer-encoding: chunked\r\n\r\n0\r\n" + b"x: y\r\n" * 20_000,
        OK + b"x: " + b"y" * 200_000,
        OK + b"x: y\r\n" * 20_000 + b"\r\n",
    ],
    ids=lambda data: repr(data[:60]),
)
def test_broken_answer_is_an_error_of_the_protocol(data: bytes) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        read(data)


@pytest.mark.parametrize(
    "framing", [b"content-length: 1000000\r\n\r\n", b"\r\n", b"transfer-encoding: chunked\r\n\r\n"]
)
def test_no_more_of_a_body_is_read_than_it_may_have(framing: bytes) -> None:
    piece = b"4\r\nabcd\r\n" if b"chunked" in framing else b"abcd"
    reply = read(OK + framing + piece * 1000, largest=100, cuts=range(0, 10_000, 10))

    assert 100 < len(reply.body) < 200
    assert not reply.keeps_alive


def told(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Leave out what h11 tidies up."""
    return [(name.lower(), value) for name, value in headers if name.lower() not in {b"content-length", FRAMING}]


def as_h11_reads(data: bytes) -> Any:
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=http1.LARGEST_HEAD)
    connection.send(h11.Request(method="GET", target="/", headers=[("host", "x")]))
    connection.send(h11.EndOfMessage())
    status, headers, body = 0, [], b""
    try:
        connection.receive_data(data)
        if data:
            connection.receive_data(b"")
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Response):
                status, headers = event.status_code, list(event.headers)
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return status, told(headers), body
            elif not isinstance(event, h11.InformationalResponse) or event.status_code == 101:
                return None
    except h11.ProtocolError:
        return None


lines = st.sampled_from([b"content-length: 5", b"Content-Length: 3", b"x-a:  b \t", b"connection: close", b" folded"])
lines |= st.sampled_from([b"transfer-encoding: chunked", b"transfer-encoding: gzip", b"x: \xff", b"y", b"z:"])
bodies = st.sampled_from([b"", b"hello", b"5\r\nhello\r\n0\r\n\r\n", b"3 \r\nabc\r\n0\r\na: b\r\n\r\n", b"0\r\n\r\n"])
statuses = st.sampled_from([b"200 OK", b"204 None", b"304", b"500 Oh no", b"100 Continue", b"20 Few", b"200 \xfc"])
answers = st.builds(
    lambda status, headers, end, body: b"HTTP/1.1 " + end.join([status, *headers, b"", body]),
    statuses,
    st.lists(lines, max_size=4),
    st.sampled_from([b"\r\n", b"\n"]),
    bodies | st.binary(max_size=30),
)


@settings(max_examples=EXAMPLES)
@example(OK + b"a: b\r\n \r\n\r\n", [])
@given(answers | st.lists(answers, max_size=3).map(b"".join) | st.binary(), st.lists(st.integers(0, 300), max_size=5))
def test_answer_is_read_as_h11_reads_it(data: bytes, cuts: list[int]) -> None:
    expected = as_h11_reads(data)
    try:
        reply = read(data, cuts=cuts)
    except httpx.RemoteProtocolError:
        assert expected is None
        return
    assert (reply.status, told(reply.headers), bytes(reply.body)) == expected


@pytest.mark.parametrize(
    ("method", "target", "header"),
    [
        ("GE T", b"/", (b"a", b"b")),
        ("GET", b"/ HTTP/1.1\r\nx: y", (b"a", b"b")),
        ("GET", b"/", (b"a", b"b\r\nx: y")),
        ("GET", b"/", (b"a b", b"c")),
    ],
)
def test_nothing_in_a_request_passes_for_another_line(method: str, target: bytes, header: tuple[bytes, bytes]) -> None:
    with pytest.raises(httpx.LocalProtocolError):
        http1.beginning(method, target, [header])
