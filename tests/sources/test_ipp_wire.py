"""Printers that no real one can be made to be: slow, large, lying, elsewhere. Each reading ends, as it should."""

import asyncio
import contextlib
import datetime as dt
import hashlib
import ssl
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from ipp_bytes import answer, attribute, integer, keyword
from server import Arrived, Behaviour, Connection, Server, free_port, respond, serving, until

from printos_ext.sources.certificates import trusted
from printos_ext.sources.ipp import PATHS, IppSource
from printos_ext.sources.reading import Reading, SourceError

IDLE = answer(integer("printer-state", 3), attribute(0x42, "printer-location", b"Hall 2"))
PROCESSING = answer(integer("printer-state", 4))
IPP = {"content_type": "application/ipp"}


def address(server: Server, path: str = "", scheme: str = "ipp") -> str:
    return f"{scheme}://127.0.0.1:{server.port}{path}"


def read(source: IppSource | str, **options: Any) -> Reading:
    return asyncio.run((IppSource(source, **options) if isinstance(source, str) else source).read())


def refusal(source: IppSource | str, **options: Any) -> str:
    with pytest.raises(SourceError) as caught:
        read(source, **options)
    return str(caught.value)


def printer(body: bytes = IDLE) -> Behaviour:
    return respond(200, body, **IPP)


def at(path: str, elsewhere: Behaviour) -> Behaviour:
    return lambda connection, arrived: (printer() if arrived.path == path else elsewhere)(connection, arrived)


def by_operation(jobs: Behaviour) -> Behaviour:
    """Answer that a job is printed, and what is asked about jobs as the behaviour does."""
    return lambda connection, arrived: (jobs if arrived.body[3] == 0x0A else printer(PROCESSING))(connection, arrived)


def test_reading_is_as_old_as_its_question() -> None:
    asked = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    with serving(printer()) as server:
        reading = read(address(server), clock=lambda: asked)

    assert (reading.observed_at, reading.status, reading.location) == (asked, "DS_ON", "Hall 2")
    assert reading.origins["status"].source == address(server)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "elsewhere",
    [
        respond(404, b"<html>nicht gefunden: \xfc</html>"),
        respond(200, b"<html>Welcome</html>", content_type="text/html"),
        respond(301, location="http://127.0.0.1:1/elsewhere"),
        respond(200, answer(status=0x0406), **IPP),
        respond(405),
    ],
    ids=["not found", "a page", "redirect", "not found in IPP", "not allowed"],
)
def test_path_is_found_and_remembered(path: str, elsewhere: Behaviour) -> None:
    with serving(at(path, elsewhere)) as server:
        source = IppSource(address(server))
        for _ in range(2):
            assert read(source).status == "DS_ON"

    assert [arrived.path for arrived in server.arrived] == [*PATHS[: PATHS.index(path) + 1], path]


def test_path_is_looked_for_again_once_it_is_gone() -> None:
    places = {"/ipp": "/ipp/printer"}
    now = ["/ipp"]

    def moved(connection: Connection, arrived: Arrived) -> None:
        at(now[0], respond(404))(connection, arrived)

    with serving(moved) as server:
        source = IppSource(address(server))
        read(source)
        now[0] = places[now[0]]
        assert read(source).status == "DS_ON"


def test_path_that_is_given_is_the_only_one() -> None:
    with serving(at("/printers/front", respond(404))) as server:
        assert read(address(server, "/printers/front")).status == "DS_ON"
        said = refusal(address(server, "/printers/back"))

    assert said.endswith("/printers/back: HTTP fails with 404 (at /printers/back); is this its path?")
    assert [arrived.path for arrived in server.arrived] == ["/printers/front", "/printers/back"]


def test_where_no_path_is_right_the_error_says_what_was_tried() -> None:
    with serving(respond(404)) as server:
        said = refusal(address(server))

    assert said == (
        f"{address(server)}: HTTP fails with 404 (at /ipp/print, /ipp, /ipp/printer, /); "
        "if it is a printer, give its path: ipp://host/path"
    )


def test_older_version_is_spoken_where_the_newer_is_not() -> None:
    def old(connection: Connection, arrived: Arrived) -> None:
        speaks = arrived.body[:2] == b"\x01\x01"
        printer(IDLE if speaks else answer(status=0x0503, version=(1, 1)))(connection, arrived)

    with serving(old) as server:
        source = IppSource(address(server))
        for _ in range(2):
            assert read(source).status == "DS_ON"

    assert [arrived.body[:2] for arrived in server.arrived] == [b"\x02\x00", b"\x01\x01", b"\x01\x01"]


def test_printer_that_speaks_no_known_version_says_so() -> None:
    with serving(printer(answer(status=0x0503))) as server:
        assert "IPP fails with 0x0503" in refusal(address(server, "/ipp"))


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        (respond(401, b"\xff"), "HTTP fails with 401 (it asks for a password"),
        (respond(426), "HTTP fails with 426 (it wants TLS: attach it as ipps://)"),
        (respond(500, b"<html>\xe4\xf6\xfc</html>", content_type="text/html"), "HTTP fails with 500"),
        (respond(301, location="http://127.0.0.1:1/"), "HTTP redirects to http://127.0.0.1:1/, which is not followed"),
        (respond(200, b"<html>\xe4</html>", content_type="text/html"), "the answer is no IPP: it begins with b'<html>"),
        (respond(200), "the answer is no IPP: it has 0 bytes"),
        (printer(IDLE[:-1]), "the answer is no IPP: it ends too early"),
        (printer(answer(b"\x44\x00\x00\xff\xfb")), "the answer is no IPP: a length in it leads beyond"),
        (
            printer(answer(b"\x34\x00\x01a\x00\x00" + b"\x34\x00\x01a\x00\x00" * 10_000)),
            "the answer is no IPP: its coll",
        ),
        (printer(IDLE[:8] + b"\x03"), "the answer tells of no printer"),
        (
            printer(
                answer(status=0x0500).replace(b"\x04\x03", attribute(0x41, "status-message", b"too hot") + b"\x03")
            ),
            "IPP fails with 0x0500 (too hot)",
        ),
        (printer(answer(status=0x0402)), "IPP fails with 0x0402 (it asks for a password"),
        (lambda connection, _: connection.reset(), "the connection failed"),
        (lambda connection, _: connection.close(), "the connection failed"),
        (lambda connection, _: connection.send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "the connection failed"),
        (
            lambda connection, _: connection.send(b"HTTP/1.1 200 OK\r\n" + b"x:y\r\n" * 99_999),
            "the connection failed",
        ),
        (respond(200, b"short", content_length="100"), "the connection failed"),
    ],
)
def test_odd_answer_is_an_error_that_says_what_it_was(behaviour: Behaviour, said: str) -> None:
    def once(connection: Connection, arrived: Arrived) -> None:
        with contextlib.suppress(OSError):
            behaviour(connection, arrived)
        connection.close()

    with serving(once) as server:
        assert refusal(address(server, "/ipp/print")).startswith(f"{address(server, '/ipp/print')}: {said}")


def test_redirect_is_not_followed() -> None:
    with serving(printer()) as there, serving(respond(301, location=f"{there.url}/ipp/print")) as server:
        refusal(address(server))

    assert there.connections == 0


def test_printer_that_is_off_is_an_error_that_says_where_it_was_looked_for() -> None:
    port = free_port()

    said = refusal(f"ipp://127.0.0.1:{port}")

    assert said.startswith(f"ipp://127.0.0.1:{port}: the connection failed (")
    assert said.endswith("is it on, and is IPP switched on in its settings?")


def stall(connection: Connection, _: Arrived) -> None:
    connection.stall()


def stall_in_the_body(connection: Connection, _: Arrived) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n" + IDLE)
    connection.stall()


def drip(connection: Connection, _: Arrived) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
    with contextlib.suppress(OSError):
        connection.drip(bytes(100_000))


def drip_the_head(connection: Connection, _: Arrived) -> None:
    with contextlib.suppress(OSError):
        connection.drip(b"HTTP/1.1 200 OK\r\nx-slow: " + b"y" * 10_000)


def promise(connection: Connection, _: Arrived) -> None:
    with contextlib.suppress(OSError):
        while not connection.stopped.wait(0.001):
            connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")


@pytest.mark.parametrize("behaviour", [stall, stall_in_the_body, drip, drip_the_head, promise])
def test_slow_answer_is_given_up_in_time(behaviour: Behaviour) -> None:
    begun = time.monotonic()
    with serving(behaviour) as server:
        said = refusal(address(server), seconds=0.3)

    assert time.monotonic() - begun < 3
    assert "no whole answer within 0.3 s" in said


def test_connection_that_is_taken_and_left_is_given_up_in_time() -> None:
    def take_and_leave(connection: Connection) -> None:
        connection.stall()
        raise ConnectionError  # and hang up

    with serving(before_reading=take_and_leave) as server:
        assert "no whole answer within 0.3 s" in refusal(address(server, scheme="ipps"), seconds=0.3)


@pytest.mark.parametrize("head", [b"content-length: 100000000\r\n\r\n", b"transfer-encoding: chunked\r\n\r\n"])
def test_large_answer_is_cut_off(head: bytes) -> None:
    sent = 0

    def flood(connection: Connection, arrived: Arrived) -> None:
        nonlocal sent
        assert arrived.method == "POST"
        piece = bytes(100_000)
        if b"chunked" in head:
            piece = b"186a0\r\n" + piece + b"\r\n"
        with contextlib.suppress(OSError):
            connection.send(b"HTTP/1.1 200 OK\r\n" + head)
            for _ in range(1000):
                connection.send(piece)
                sent += len(piece)

    tracemalloc.start()
    try:
        with serving(flood) as server:
            said = refusal(address(server, "/ipp"))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert "the answer is larger than 2,000,000 bytes" in said
    assert sent < 50_000_000
    assert most < 30_000_000


def test_job_is_asked_for_only_while_the_printer_works() -> None:
    with serving(printer()) as server:
        read(address(server))

    assert [arrived.body[3] for arrived in server.arrived] == [0x0B]


def a_job(number: int, state: int, reason: str) -> bytes:
    return b"\x02" + integer("job-id", number) + integer("job-state", state) + keyword("job-state-reasons", reason)


def test_reasons_of_the_job_that_is_printed_are_read() -> None:
    waiting = a_job(1, 3, "job-incoming")
    jobs = printer(answer(groups=waiting + a_job(2, 5, "job-interpreting")))
    with serving(by_operation(jobs)) as server:
        attributes = asyncio.run(IppSource(address(server)).fetch())
        reading = read(address(server))

    assert attributes == {
        "printer-state": 4,
        "job-id": 2,
        "job-state": 5,
        "job-state-reasons": "job-interpreting",
    }
    assert reading.status == "DS_RIPPING"


@pytest.mark.parametrize(
    "jobs",
    [
        respond(500),
        printer(answer(status=0x0501)),
        printer(answer(groups=a_job(1, 3, "job-interpreting"))),
        printer(b"garbage that is no IPP"),
        lambda connection, _: connection.reset(),
        stall,
    ],
    ids=["HTTP error", "not supported", "none is printed", "garbage", "reset", "stall"],
)
def test_printer_is_read_although_its_jobs_are_not(jobs: Behaviour) -> None:
    with serving(by_operation(jobs)) as server:
        assert read(address(server), seconds=1).status == "DS_PRINTING"


def test_source_holds_no_connection_between_readings() -> None:
    async def open_after(source: IppSource) -> list[Any]:
        await source.read()
        return [each for each in asyncio.all_tasks() if each is not asyncio.current_task()]

    ended: list[bytes] = []

    def counted(connection: Connection, arrived: Arrived) -> None:
        printer()(connection, arrived)
        ended.append(connection.socket.recv(1))

    with serving(counted) as server:
        assert asyncio.run(open_after(IppSource(address(server)))) == []
        assert until(lambda: ended == [b""])


def test_many_printers_are_read_at_once() -> None:
    async def together(address: str) -> list[Reading]:
        return await asyncio.gather(*(IppSource(address).read() for _ in range(50)))

    with serving(printer()) as server:
        readings = asyncio.run(together(address(server)))

    assert {reading.status for reading in readings} == {"DS_ON"}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@contextlib.contextmanager
def secure_printer(authority: trustme.CA, name: str = "127.0.0.1") -> Iterator[tuple[Server, str]]:
    """Serve over TLS; with the fingerprint of its certificate."""
    issued = authority.issue_cert(name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(context)
    der = ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())
    with serving(printer(), tls=context) as server:
        yield server, hashlib.sha256(der).hexdigest()


@pytest.fixture
def trusting(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    trusted.cache_clear()
    yield
    trusted.cache_clear()


@pytest.mark.usefixtures("trusting")
def test_certificate_that_this_machine_trusts_needs_no_pin(authority: trustme.CA) -> None:
    with secure_printer(authority) as (server, _):
        assert read(address(server, scheme="ipps")).status == "DS_ON"


@pytest.mark.usefixtures("trusting")
def test_certificate_for_another_host_is_not_trusted(authority: trustme.CA) -> None:
    with secure_printer(authority, "printer.example") as (server, _):
        assert "its certificate is not trusted" in refusal(address(server, scheme="ipps"))


def test_certificate_that_nobody_trusts_is_refused_with_the_pin_that_would_take_it(authority: trustme.CA) -> None:
    with secure_printer(authority) as (server, fingerprint):
        said = refusal(address(server, scheme="ipps"))

        assert "its certificate is not trusted (" in said
        assert said.endswith(f"shows the fingerprint {fingerprint}, attach {server_pin(server, fingerprint)}")
        assert server.arrived == []
        assert read(server_pin(server, fingerprint)).status == "DS_ON"


def server_pin(server: Server, fingerprint: str) -> str:
    return f"{address(server, scheme='ipps')}?fingerprint={fingerprint}"


def test_pin_is_taken_as_browsers_show_it(authority: trustme.CA) -> None:
    with secure_printer(authority) as (server, fingerprint):
        shown = ":".join(fingerprint.upper()[place : place + 2] for place in range(0, 64, 2))

        assert read(server_pin(server, shown)).status == "DS_ON"


@pytest.mark.usefixtures("trusting")
def test_pin_is_exactly_one_certificate_and_another_is_sent_nothing(authority: trustme.CA) -> None:
    with secure_printer(authority) as (server, fingerprint):
        said = refusal(server_pin(server, "0" * 64))

    assert "another certificate than the pinned one" in said
    assert fingerprint in said
    assert server.arrived == []


def test_plain_ipp_does_not_need_the_certificates_of_this_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "broken.pem").write_text("no certificate")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "broken.pem"))
    trusted.cache_clear()
    with serving(printer()) as server:
        assert read(address(server)).status == "DS_ON"
        assert "the connection failed" in refusal(address(server, scheme="ipps"))


def test_printer_without_tls_is_not_read_with_it() -> None:
    def plain(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        raise ConnectionError  # and hang up

    with serving(before_reading=plain) as server:
        assert "the connection failed" in refusal(address(server, scheme="ipps"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("http://host/ipp/print", "no address of an IPP printer"),
        ("host", "no address of an IPP printer"),
        ("", "no address of an IPP printer"),
        ("ipp://", "no address of an IPP printer"),
        ("ipp://host:port/", "no address of an IPP printer"),
        ("ipp://host:99999/", "no address of an IPP printer"),
        ("ipp://[::1/", "no address of an IPP printer"),
        ("ipp://ho st/", "no address of an IPP printer"),
        ("ipp://host/\x00", "no address of an IPP printer"),
        ("ipp://host?verify=no", "nothing is known of verify"),
        ("ipps://host?fingerprint=abc", "64 hexadecimal digits"),
        (f"ipp://host?fingerprint={'0' * 64}", "a fingerprint belongs to ipps://"),
    ],
)
def test_address_that_is_none_says_so(text: str, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        IppSource(text)


@pytest.mark.parametrize(
    "text", ["ipp://me:secret@host/", "ipp://me:sec/ret@host/", "ipp://h?password=secret", "http://:secret@h"]
)
def test_password_in_an_address_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(SourceError) as caught:
        IppSource(text)

    assert "sec" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ipp://printer.example", "ipp://printer.example"),
        ("ipp://printer.example:631/", "ipp://printer.example"),
        ("IPP://Printer.example:8631/ipp/print", "ipp://printer.example:8631/ipp/print"),
        (f"ipps://[fe80::1]:99/x?fingerprint={'0' * 64}", "ipps://[fe80::1]:99/x"),
    ],
)
def test_address_is_what_finds_the_printer(text: str, shown: str) -> None:
    assert IppSource(text).address == shown


def test_name_that_nobody_has_is_an_error_of_the_source() -> None:
    for host in ("printer.invalid", "a" * 64 + ".invalid", "."):
        assert refusal(f"ipp://{host}", seconds=5).startswith(f"ipp://{host}: ")
