"""Reading agents over UDP: a real snmpd, and a fake agent for what snmpd cannot be made to do."""

import asyncio
import datetime as dt
import gc
import os
import resource
import socket
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import ber
import pytest
from agents import Behaviour, Counter, FakeAgent, Values, faked, free_udp_port, honest, open_files, snmpd
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from printos_ext.sources.reading import Reading, SourceError
from printos_ext.sources.snmp import SnmpCredentials, SnmpSource
from printos_ext.sources.snmp_rows import SYS_OBJECT_ID, Value

MIB = "1.3.6.1.2.1"
SYS_DESCR = f"{MIB}.1.1.0"
SUPPLY = f"{MIB}.43.11.1.1"
# An invented printer.
PRESS: dict[str, int | str | bytes] = {
    SYS_DESCR: b"ACME Press 9; firmware 1.2",
    f"{MIB}.1.2.0": "1.3.6.1.4.1.99999.1",
    f"{MIB}.1.6.0": b"Hall 2",
    f"{MIB}.25.3.2.1.2.1": f"{MIB}.25.3.1.4",
    f"{MIB}.25.3.2.1.2.2": f"{MIB}.25.3.1.5",
    f"{MIB}.25.3.2.1.3.1": b"Ethernet",
    f"{MIB}.25.3.2.1.3.2": b"ACME Press 9",
    f"{MIB}.25.3.2.1.5.1": 2,
    f"{MIB}.25.3.2.1.5.2": 2,
    f"{MIB}.25.3.5.1.1.2": 4,
    f"{MIB}.25.3.5.1.2.2": b"\x20",
    f"{MIB}.43.5.1.1.17.1": b"AC41000042",
    f"{MIB}.43.10.2.1.3.1.1": 7,
    f"{MIB}.43.10.2.1.4.1.1": 120_345,
    f"{SUPPLY}.4.1.1": 3,
    f"{SUPPLY}.4.1.2": 4,
    f"{SUPPLY}.5.1.1": 3,
    f"{SUPPLY}.5.1.2": 4,
    f"{SUPPLY}.6.1.1": b"Black Toner",
    f"{SUPPLY}.6.1.2": b"Waste Toner",
    f"{SUPPLY}.8.1.1": 200,
    f"{SUPPLY}.8.1.2": 100,
    f"{SUPPLY}.9.1.1": 90,
    f"{SUPPLY}.9.1.2": 3,
    f"{MIB}.43.18.1.1.8.1.7": b"Toner low",
}
ENCODED = {oid: ber.encoded(value) for oid, value in PRESS.items()}
USERS = """
createUser bare
createUser md5des MD5 auth-pass DES priv-pass
createUser sha SHA auth-pass
createUser shaaes SHA auth-pass AES priv-pass
createUser sha256aes256 SHA-256 auth-pass AES-256 priv-pass
rouser bare noauth
rouser md5des priv
rouser sha auth
rouser shaaes priv
rouser sha256aes256 priv
"""


def read(address: str, **options: Any) -> Reading:
    return asyncio.run(SnmpSource(address, **options).read())


def fetch(address: str, **options: Any) -> dict[str, Value]:
    return asyncio.run(SnmpSource(address, **options).fetch())


def failure(address: str, **options: Any) -> str:
    with pytest.raises(SourceError) as caught:
        read(address, **options)
    return str(caught.value)


# -- a real agent


@pytest.mark.parametrize("query", ["", "?version=2c", "?version=1", "?version=3&user=bare"])
def test_printer_is_read_in_each_version(tmp_path: Path, query: str) -> None:
    now = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    with snmpd(tmp_path, PRESS, users=USERS) as port:
        reading = read(f"snmp://127.0.0.1:{port}{query}", clock=lambda: now)

    assert reading.model == "ACME Press 9"
    assert reading.serial_number == "AC41000042"
    assert reading.location == "Hall 2"
    assert reading.status == "DS_PRINTING"
    assert reading.pages_total == 120_345
    assert reading.ink_level == 45
    assert reading.details["alerts"] == ["Toner low", "lowToner"]
    assert reading.observed_at == now
    assert {origin.source for origin in reading.origins.values()} == {f"snmp://127.0.0.1:{port}{query}"}


@pytest.mark.parametrize(
    ("user", "protocols"),
    [
        ("md5des", ("MD5", "DES")),
        ("sha", ("SHA", None)),
        ("shaaes", ("SHA", "AES")),
        ("sha256aes256", ("SHA-256", "AES-256")),
    ],
)
def test_user_of_version_3_reads_with_the_right_keys_only(
    tmp_path: Path, user: str, protocols: tuple[str, str | None]
) -> None:
    auth, priv = protocols
    credentials = SnmpCredentials(user, auth, "auth-pass", priv, priv and "priv-pass")
    with snmpd(tmp_path, PRESS, users=USERS) as port:
        address = f"snmp://127.0.0.1:{port}"
        assert read(address, credentials=credentials).serial_number == "AC41000042"
        wrong_auth = failure(address, credentials=evolve(credentials, auth_key="wrong-pass"))
        unknown = failure(address, credentials=evolve(credentials, user="nobody"))
        keyless = failure(address, credentials=SnmpCredentials(user))
        wrong_priv = priv and failure(address, credentials=evolve(credentials, priv_key="wrong-pass"), timeout=0.2)

    assert wrong_auth == f"{address}: the agent refuses the user '{user}'; check its name, auth_protocol and auth_key"
    assert "refuses the user 'nobody'" in unknown
    assert f"there are no keys for it: [snmp.{user}]" in keyless
    assert wrong_priv is None or "priv_key right" in wrong_priv


def test_wrong_community_is_not_shown_but_suspected(tmp_path: Path) -> None:
    with snmpd(tmp_path, PRESS) as port:
        said = failure(f"snmp://hush@127.0.0.1:{port}", timeout=0.1)

    assert said.startswith(f"snmp://127.0.0.1:{port}: no answer from 127.0.0.1 in version 2c or 1;")
    assert "is the community right?" in said
    assert "hush" not in said


def test_agent_on_ipv6_is_read(tmp_path: Path) -> None:
    with snmpd(tmp_path, PRESS, host="::1") as port:
        assert read(f"snmp://[::1]:{port}").serial_number == "AC41000042"


def test_name_is_resolved(tmp_path: Path) -> None:
    with snmpd(tmp_path, PRESS) as port:
        assert read(f"snmp://localhost:{port}").serial_number == "AC41000042"


@pytest.mark.parametrize("version", ["1", "2c"])
def test_only_what_a_reading_is_made_of_is_fetched(tmp_path: Path, version: str) -> None:
    others: Values = {
        f"{MIB}.1.4.0": b"somebody",
        f"{MIB}.2.1.0": 1,
        f"{MIB}.43.12.1.1.4.1.1": b"black",
        "1.3.6.1.5.1": 1,
    }
    with snmpd(tmp_path, {**PRESS, **others}) as port:
        rows = fetch(f"snmp://127.0.0.1:{port}?version={version}")

    not_asked = {f"{MIB}.25.3.2.1.3.1", f"{MIB}.25.3.2.1.5.1"}
    assert rows == {oid: value for oid, value in PRESS.items() if oid not in not_asked}


@pytest.mark.parametrize("version", ["1", "2c"])
def test_what_is_not_at_its_usual_place_is_found(tmp_path: Path, version: str) -> None:
    rows: Values = {
        SYS_DESCR: b"ACME Press 9",
        f"{MIB}.25.3.2.1.5.3": 5,
        f"{MIB}.25.3.5.1.1.3": 1,
        f"{MIB}.25.3.5.1.2.3": b"\x04",
        f"{MIB}.43.5.1.1.17.3": b"AC41000042",
        f"{MIB}.43.10.2.1.3.3.2": 8,
        f"{MIB}.43.10.2.1.4.3.2": Counter(2**32 - 1),
    }
    with snmpd(tmp_path, rows) as port:
        reading = read(f"snmp://127.0.0.1:{port}?version={version}")

    assert (reading.serial_number, reading.pages_total, reading.status) == ("AC41000042", 2**32 - 1, "DS_ERROR")


@pytest.mark.parametrize("version", ["1", "2c"])
@pytest.mark.parametrize("indexes", [(1, 2), (2, 1), (1, 1)])
def test_printer_may_have_another_index_than_its_device(tmp_path: Path, version: str, indexes: tuple[int, int]) -> None:
    device, printer = indexes
    rows: Values = {
        f"{MIB}.25.3.2.1.2.{device}": f"{MIB}.25.3.1.5",
        f"{MIB}.25.3.2.1.5.{device}": 5,
        f"{MIB}.25.3.5.1.1.{printer}": 1,
        f"{MIB}.25.3.5.1.2.{printer}": b"\x04",
    }
    with snmpd(tmp_path, rows) as port:
        address = f"snmp://127.0.0.1:{port}?version={version}"
        reading = read(address)

    assert reading.status == "DS_ERROR"
    assert reading.details["alerts"] == ["jammed"]


def test_status_of_many_printers_is_read_in_few_packets() -> None:
    many = {SYS_DESCR: ber.encoded(b"ACME Front 9")}
    for index in range(1, 41):
        many |= {
            f"{MIB}.25.3.2.1.2.{index}": ber.encoded(f"{MIB}.25.3.1.5"),
            f"{MIB}.25.3.2.1.5.{index}": ber.encoded(2 if index < 40 else 5),
            f"{MIB}.25.3.5.1.1.{index}": ber.encoded(3 if index < 40 else 1),
            f"{MIB}.25.3.5.1.2.{index}": ber.encoded(b"\x00" if index < 40 else b"\x04"),
        }
    reading, asked = against(honest(many))

    assert isinstance(reading, Reading)
    assert reading.status == "DS_ERROR"
    assert len(asked) < 40  # one for each printer would be more


@pytest.mark.parametrize("version", ["1", "2c"])
@pytest.mark.parametrize("octets", [b"", b"\x00", b"\x00\x00"])
def test_error_bits_survive_the_wire(tmp_path: Path, version: str, octets: bytes) -> None:
    with snmpd(tmp_path, {**PRESS, f"{MIB}.25.3.5.1.2.2": octets}) as port:
        rows = fetch(f"snmp://127.0.0.1:{port}?version={version}")

    assert rows[f"{MIB}.25.3.5.1.2.2"] == octets


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({f"{SUPPLY}.9.1.1": -1}, "ink_level", None),
        ({f"{SUPPLY}.9.1.1": -2}, "ink_level", None),
        ({f"{SUPPLY}.9.1.1": -3}, "ink_level", None),
        ({f"{SUPPLY}.8.1.1": -2}, "ink_level", 90),
        ({f"{SUPPLY}.9.1.3": 1, f"{SUPPLY}.6.1.4": b"Cyan"}, "ink_level", 45),
        ({f"{MIB}.43.10.2.1.3.1.1": 17}, "pages_total", None),
        ({f"{MIB}.43.5.1.1.17.1": b"41433142383032323739"}, "serial_number", "AC1B802279"),
        ({f"{MIB}.43.5.1.1.17.1": b"AC12345\x00\x00"}, "serial_number", "AC12345"),
        ({f"{MIB}.1.6.0": "Höhe 2".encode("latin-1") + b"\x00"}, "location", "Höhe 2"),
        ({f"{MIB}.1.6.0": "Höhe 2".encode()}, "location", "Höhe 2"),
        ({f"{MIB}.1.6.0": 7}, "location", None),
    ],
    ids=[
        "level other",
        "level unknown",
        "level some",
        "most unknown",
        "lists of unequal length",
        "meters",
        "hex serial",
        "NUL-ended",
        "latin-1",
        "utf-8",
        "number",
    ],
)
def test_odd_values_survive_the_wire(tmp_path: Path, changes: Values, field: str, value: object) -> None:
    with snmpd(tmp_path, {**PRESS, **changes}) as port:
        assert getattr(read(f"snmp://127.0.0.1:{port}"), field) == value


def test_sources_that_are_read_at_once_do_not_mix(tmp_path: Path) -> None:
    async def all_of(port: int) -> list[Reading]:
        one = SnmpSource(f"snmp://127.0.0.1:{port}")
        return await asyncio.gather(*(one.read() for _ in range(5)), SnmpSource(f"snmp://127.0.0.1:{port}").read())

    with snmpd(tmp_path, PRESS) as port:
        assert {reading.ink_level for reading in asyncio.run(all_of(port))} == {45}


# -- an agent that misbehaves


def against(behaviour: Behaviour, **options: Any) -> tuple[Reading | SourceError, list[ber.Request]]:
    """Read a fake agent, and return what came of it and what was asked."""

    async def go() -> tuple[Reading | SourceError, list[ber.Request]]:
        async with faked(behaviour) as (agent, port):
            source = SnmpSource(f"snmp://127.0.0.1:{port}", **{"timeout": 0.1, **options})
            try:
                return await source.read(), agent.asked
            except SourceError as error:
                return error, agent.asked
            finally:
                await source.aclose()

    return asyncio.run(go())


def test_printer_is_read_in_few_packets() -> None:
    reading, asked = against(honest(ENCODED))

    assert isinstance(reading, Reading)
    assert len(asked) <= 7


def test_first_packet_may_be_lost() -> None:
    def lossy(agent: FakeAgent, asked: ber.Request) -> Iterable[bytes]:
        return honest(ENCODED)(agent, asked) if len(agent.asked) > 1 else []

    reading, asked = against(lossy)

    assert isinstance(reading, Reading)
    assert {request.version for request in asked if request.oids != (SYS_OBJECT_ID,)} == {1}


def test_every_third_packet_may_be_lost() -> None:
    def lossy(agent: FakeAgent, asked: ber.Request) -> Iterable[bytes]:
        return honest(ENCODED)(agent, asked) if len(agent.asked) % 3 else []

    reading, _ = against(lossy)

    assert isinstance(reading, Reading)
    assert reading.ink_level == 45


def test_agent_of_version_1_is_asked_in_version_1_and_remembered() -> None:
    def old(agent: FakeAgent, asked: ber.Request) -> Iterable[bytes]:
        if asked.version == 1:
            return []
        if asked.kind == ber.GET and not set(asked.oids) <= ENCODED.keys():
            return [ber.response(asked, [(oid, ber.NULL) for oid in asked.oids], error=2)]
        (answer,) = honest(ENCODED)(agent, asked)
        return [answer if ber.END not in answer else ber.response(asked, [(asked.oids[0], ber.NULL)], error=2)]

    async def twice() -> tuple[Reading, Reading, list[ber.Request]]:
        async with faked(old) as (agent, port):
            source = SnmpSource(f"snmp://127.0.0.1:{port}", timeout=0.1)
            return await source.read(), await source.read(), agent.asked

    first, second, asked = asyncio.run(twice())

    assert first.ink_level == second.ink_level == 45
    assert sum(request.version for request in asked) == 3


def test_silence_ends_in_an_error_that_says_what_to_do() -> None:
    begun = time.monotonic()
    error, asked = against(lambda _agent, _asked: [])

    assert isinstance(error, SourceError)
    assert "is it on, is SNMP enabled, is the community right?" in str(error)
    assert [request.version for request in asked].count(1) == 3
    assert [request.version for request in asked].count(0) == 2
    assert time.monotonic() - begun < 3


def test_agent_that_is_off_costs_no_more_than_in_one_version() -> None:
    def seconds(query: str) -> float:
        begun = time.monotonic()
        assert "no answer" in failure(f"snmp://127.0.0.1:{silent.getsockname()[1]}{query}", timeout=0.5)
        return time.monotonic() - begun

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))

        assert seconds("") < 1.5 * seconds("?version=2c")


def test_agent_of_version_1_is_found_though_its_first_answer_is_lost() -> None:
    def old(agent: FakeAgent, asked: ber.Request) -> Iterable[bytes]:
        heard = [request for request in agent.asked if request.version == 0]
        if asked.version == 1 or len(heard) == 1:
            return []
        if asked.kind == ber.GET:
            found = [(oid, ENCODED[oid]) for oid in asked.oids if oid in ENCODED]
            return [ber.response(asked, found, error=0 if found else 2)]
        (answer,) = honest(ENCODED)(agent, asked)
        return [answer if ber.END not in answer else ber.response(asked, [(asked.oids[0], ber.NULL)], error=2)]

    reading, _ = against(old)

    assert isinstance(reading, Reading)
    assert reading.ink_level == 45


def test_nobody_on_the_port_is_told_from_silence() -> None:
    assert "connection refused" in failure(f"snmp://127.0.0.1:{free_udp_port()}")


def test_agent_that_stops_half_way_is_an_error() -> None:
    def dying(agent: FakeAgent, asked: ber.Request) -> Iterable[bytes]:
        return honest(ENCODED)(agent, asked) if len(agent.asked) <= 3 else []

    error, asked = against(dying)

    assert "after it answered others" in str(error)
    assert {request.version for request in asked} == {1}


def test_agent_that_goes_on_with_wrong_answers_is_given_up_within_the_limit() -> None:
    def drip(agent: FakeAgent, asked: ber.Request) -> Iterable[bytes]:
        wrong = ber.response(asked, [(SYS_DESCR, ber.text(b"Another"))], number=asked.number ^ 1)
        for step in range(100):
            asyncio.get_running_loop().call_later(0.05 * step, agent.send, wrong)
        return []

    begun = time.monotonic()
    error, _ = against(drip, timeout=0.2, limit=0.5)

    assert "not read within 0.5 s; ask again" in str(error)
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize(
    "garbage", [b"", b"0", b"0\x82", b"\xff" * 40, b"GET / HTTP/1.1\r\n\r\n", b"0\x03\x02\x01\x01"]
)
def test_garbage_is_an_error_that_says_so(garbage: bytes) -> None:
    error, asked = against(lambda _agent, _asked: [garbage])

    assert isinstance(error, SourceError)
    assert "no answer" in str(error) or "not SNMP that can be read" in str(error)
    assert len(asked) <= 12


def test_answer_to_another_request_is_not_taken() -> None:
    def confused(agent: FakeAgent, asked: ber.Request) -> Iterable[bytes]:
        wrong = ber.response(asked, [(SYS_DESCR, ber.text(b"Another"))], number=asked.number ^ 1)
        return [wrong, *honest(ENCODED)(agent, asked)]

    reading, _ = against(confused)

    assert isinstance(reading, Reading)
    assert reading.model == "ACME Press 9"


def test_only_answers_to_other_requests_are_no_answer() -> None:
    error, _ = against(lambda _, asked: [ber.response(asked, [(SYS_DESCR, ber.text(b"x"))], number=asked.number ^ 1)])

    assert "no answer" in str(error)


def endless(oid_after: Any) -> Behaviour:
    """Answer every request for the next rows with more rows of the supplies."""

    def behave(agent: FakeAgent, asked: ber.Request) -> Iterable[bytes]:
        if asked.kind == ber.GET or not asked.oids[0].startswith(SUPPLY):
            return honest({oid: value for oid, value in ENCODED.items() if SUPPLY not in oid})(agent, asked)
        return [
            ber.response(
                asked, [(oid_after(asked.oids[0], n), ber.integer(1)) for n in range(1, asked.repetitions + 1)]
            )
        ]

    return behave


def test_table_without_an_end_is_cut_off() -> None:
    def onwards(oid: str, step: int) -> str:
        last = oid.rpartition(".")[2] if oid != SUPPLY else "0"
        return f"{SUPPLY}.6.1.{int(last) + step}"

    reading, asked = against(endless(onwards), limit=5)

    assert isinstance(reading, Reading)
    assert len(reading.details["supplies"]) <= 512
    assert len(asked) < 60


@pytest.mark.parametrize("shape", [lambda _, __: f"{SUPPLY}.6.1.1", lambda _, step: f"{SUPPLY}.6.1.{99 - step}"])
def test_table_that_does_not_go_on_is_cut_off(shape: Any) -> None:
    reading, asked = against(endless(shape), limit=5)

    assert isinstance(reading, Reading)
    assert len(reading.details["supplies"]) == 1
    assert len(asked) < 10


def test_large_values_do_not_fill_the_memory() -> None:
    def large(oid: str, step: int) -> str:
        last = oid.rpartition(".")[2] if oid != SUPPLY else "0"
        return f"{SUPPLY}.6.1.{int(last) + step}"

    def behave(agent: FakeAgent, asked: ber.Request) -> Iterable[bytes]:
        if asked.kind == ber.GET or not asked.oids[0].startswith(SUPPLY):
            return endless(large)(agent, asked)
        return [ber.response(asked, [(large(asked.oids[0], 1), ber.text(b"x" * 3000))])]

    reading, asked = against(behave, limit=5)

    assert isinstance(reading, Reading)
    assert len(asked) < 120


@pytest.mark.parametrize(
    "broken", [lambda asked: ber.response(asked, [], error=1), lambda _: b"0\x82\x10\x00" + b"x" * 4096]
)
def test_what_is_too_big_for_one_answer_is_asked_for_singly(broken: Any) -> None:
    def small(agent: FakeAgent, asked: ber.Request) -> Iterable[bytes]:
        return [broken(asked)] if len(asked.oids) > 1 else honest(ENCODED)(agent, asked)

    reading, _ = against(small)

    assert isinstance(reading, Reading)
    assert (reading.serial_number, reading.pages_total, reading.ink_level) == ("AC41000042", 120_345, 45)


def test_agent_without_bulk_is_asked_row_by_row() -> None:
    def plain(agent: FakeAgent, asked: ber.Request) -> Iterable[bytes]:
        return [] if asked.kind == ber.GET_BULK else honest(ENCODED)(agent, asked)

    reading, asked = against(plain)

    assert isinstance(reading, Reading)
    assert reading.ink_level == 45
    assert sum(request.kind == ber.GET_BULK for request in asked) == 3


def test_table_too_large_for_one_packet_is_asked_for_row_by_row() -> None:
    wordy = {f"{SUPPLY}.6.1.{place}": ber.text(b"Toner " * 40) for place in range(1, 31)}
    reading, asked = against(honest({**ENCODED, **wordy}))

    assert isinstance(reading, Reading)
    assert len(reading.details["supplies"]) == 30
    assert len(asked) < 60


def test_value_of_an_unknown_type_costs_nothing_but_itself() -> None:
    opaque = {**ENCODED, f"{MIB}.1.6.0": ber.tagged(0x4F, b"\x01\x02")}
    reading, _ = against(honest(opaque))

    assert isinstance(reading, Reading)
    assert reading.location is None
    assert reading.serial_number == "AC41000042"


def test_device_that_does_not_know_keeps_its_last_status() -> None:
    async def twice() -> tuple[Reading, Reading]:
        rows = dict(ENCODED)

        def changing(agent: FakeAgent, asked: ber.Request) -> Iterable[bytes]:
            return honest(rows)(agent, asked)

        async with faked(changing) as (_, port):
            source = SnmpSource(f"snmp://127.0.0.1:{port}")
            first = await source.read()
            rows[f"{MIB}.25.3.2.1.5.2"] = ber.integer(4)
            return first, await source.read()

    first, second = asyncio.run(twice())

    assert first.status == second.status == "DS_PRINTING"


@settings(max_examples=int(os.environ.get("PRINTOS_EXAMPLES", "100")) // 10)
@given(
    changes=st.lists(
        st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=4), min_size=1, max_size=8
    ),
    cut=st.floats(0.1, 1),
)
def test_any_octets_give_a_reading_or_a_typed_error(changes: list[list[tuple[float, int]]], cut: float) -> None:
    def damaged(agent: FakeAgent, asked: ber.Request) -> Iterable[bytes]:
        for datagram in honest(ENCODED)(agent, asked):
            octets = bytearray(datagram)
            for place, octet in changes[len(agent.asked) % len(changes)]:
                octets[int(place * len(octets))] = octet
            yield bytes(octets[: int(cut * len(octets))] if len(agent.asked) % 5 == 0 else octets)

    outcome, _ = against(damaged, timeout=0.02, retries=1, limit=3)

    assert isinstance(outcome, Reading | SourceError)


def test_reading_waits_for_a_socket_if_there_is_none() -> None:
    async def starved() -> tuple[Reading, list[ber.Request]]:
        async with faked(honest(ENCODED)) as (agent, port):
            source = SnmpSource(f"snmp://127.0.0.1:{port}", timeout=0.3)
            await source.read()  # which loads the library, and that needs files
            await source.aclose()
            with socket.socket() as free:
                lowest = free.fileno()
            limits = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, limits[1]))
            try:
                reading = asyncio.create_task(source.read())
                await asyncio.sleep(0.5)
                assert not reading.done()
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            return await reading, agent.asked

    reading, asked = asyncio.run(starved())

    assert reading.serial_number == "AC41000042"
    assert {request.version for request in asked} == {1}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists what is open")
@pytest.mark.parametrize("is_late", [False, True])
def test_source_that_waits_holds_no_socket(is_late: bool) -> None:  # noqa: FBT001 - of the parametrisation
    def behave(agent: FakeAgent, asked: ber.Request) -> Iterable[bytes]:
        return [] if is_late and len(agent.asked) == 1 else honest(ENCODED)(agent, asked)

    async def opened() -> int:
        gc.collect()  # what other tests have left open
        async with faked(behave) as (_, port):
            before = open_files()
            source = SnmpSource(f"snmp://127.0.0.1:{port}", timeout=0.1)
            await source.read()
            return open_files() - before

    assert asyncio.run(opened()) == 0


# -- addresses and credentials


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("snmp://10.0.0.7", "snmp://10.0.0.7"),
        ("snmp://10.0.0.7:161/", "snmp://10.0.0.7"),
        ("snmp://hush@10.0.0.7:1161", "snmp://10.0.0.7:1161"),
        ("snmp://hu%3Ash@press.example?version=1", "snmp://press.example?version=1"),
        ("snmp://hush@[fe80::1%25eth0]:1161", "snmp://[fe80::1%25eth0]:1161"),
        ("snmp://press.example?version=3&user=me", "snmp://press.example?version=3&user=me"),
        ("snmp://press.example?user=me", "snmp://press.example?user=me"),
    ],
)
def test_address_is_shown_without_its_community(address: str, shown: str) -> None:
    assert SnmpSource(address).address == shown


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("http://hush@10.0.0.7", "not an SNMP address: http://10.0.0.7"),
        ("snmp://", "snmp://[community@]host"),
        ("snmp://hush@", "snmp://[community@]host"),
        ("snmp://hush@10.0.0.7:nine", "host or the port"),
        ("snmp://hush@10.0.0.7:99999", "host or the port"),
        ("snmp://hush@10.0.0.7:0", "not an SNMP address"),
        ("snmp://hush@[::1", "host or the port"),
        ("snmp://10.0.0.7/hush", "not an SNMP address"),
        ("snmp://hu/hush@10.0.0.7", "not an SNMP address: snmp://..."),
        ("snmp://hush#1@10.0.0.7", "not an SNMP address: snmp://..."),
        ("snmp://me:hush@10.0.0.7", "passwords are not taken from an address"),
        ("snmp://10.0.0.7?version=4", "version is 1, 2c or 3"),
        ("snmp://10.0.0.7?community=hush", "version is 1, 2c or 3"),
        ("snmp://10.0.0.7?version=3", "version 3 needs a user"),
        ("snmp://10.0.0.7?version=2c&user=me", "users are for version 3"),
    ],
)
def test_wrong_address_is_told_without_secrets(address: str, told: str) -> None:
    with pytest.raises(SourceError) as caught:
        SnmpSource(address)

    assert told in str(caught.value)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"auth_protocol": "SHA-3", "auth_key": "auth-pass"}, "auth_protocol is one of MD5, SHA,"),
        ({"auth_protocol": "SHA", "auth_key": "short"}, "auth_key is too short"),
        ({"auth_protocol": "SHA"}, "together or not at all"),
        ({"priv_protocol": "AES", "priv_key": "priv-pass"}, "who encrypts signs too"),
    ],
)
def test_wrong_credentials_are_told(options: Mapping[str, Any], told: str) -> None:
    with pytest.raises(SourceError, match=told):
        SnmpCredentials("me", **options)


def test_credentials_may_come_from_a_table() -> None:
    table = {"auth_protocol": "SHA", "auth_key": "auth-pass", "priv_protocol": "AES", "priv_key": "priv-pass"}
    expected = SnmpCredentials("office", "SHA", "auth-pass", "AES", "priv-pass")

    assert SnmpCredentials.of("office", table, "config.toml [snmp.office]") == expected
    assert SnmpCredentials.of("office", {}, "config.toml [snmp.office]") == SnmpCredentials("office")


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (
            {"auth_protocoll": "SHA", "auth_key": "hush-hush"},
            "there is no 'auth_protocoll', only auth_protocol, auth_key, priv_protocol, priv_key",
        ),
        ({"user": "hush", 7: "hush"}, "there is no '7', 'user', only auth_protocol,"),
        ({"auth_key": 12345678, "auth_protocol": "SHA"}, "auth_key is a text in quotes, not int"),
        ({"auth_key": None, "auth_protocol": "SHA"}, "auth_key is a text in quotes, not NoneType"),
        ({"auth_key": "hush", "auth_protocol": "SHA"}, "auth_key is too short"),
        ({"auth_key": "hush-hush"}, "auth_protocol and auth_key are given together or not at all"),
        ({"auth_key": "hush-hush", "auth_protocol": "SHA256"}, "auth_protocol is one of MD5, SHA,"),
    ],
)
def test_wrong_table_is_told_with_its_place_and_without_its_keys(table: Mapping[Any, Any], told: str) -> None:
    with pytest.raises(SourceError) as caught:
        SnmpCredentials.of("office", table, "config.toml [snmp.office]")

    assert str(caught.value).startswith(f"config.toml [snmp.office]: {told}")
    assert "hush" not in str(caught.value)
    assert "12345678" not in str(caught.value)


def test_credentials_show_no_key() -> None:
    credentials = SnmpCredentials("me", "SHA", "auth-pass", "AES", "priv-pass")

    assert repr(credentials) == "SnmpCredentials(user='me', auth_protocol='SHA', priv_protocol='AES')"


def test_credentials_and_address_name_the_same_user() -> None:
    with pytest.raises(SourceError, match="names the user 'you', the credentials 'me'"):
        SnmpSource("snmp://10.0.0.7?user=you", credentials=SnmpCredentials("me"))


def test_name_without_an_address_is_told() -> None:
    assert "press.invalid has no address" in failure("snmp://press.invalid")


def test_missing_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gufo.snmp", None)

    said = failure("snmp://127.0.0.1")

    assert "printos-device[agent]" in said
    assert "Windows" in said
