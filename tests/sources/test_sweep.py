"""Printers of a network that answer over SNMP: fake agents at several addresses of loopback, and a real snmpd."""

import asyncio
import math
import sys
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import ber
import pytest
from agents import Behaviour, FakeAgent, Values, free_udp_port, honest, open_files, snmpd
from simulated_printers import rows_of

from printos_ext.sources.discovery import Found, sweep
from printos_ext.sources.reading import SourceError
from printos_ext.sources.snmp import SnmpSource

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8 without asking")

MIB = "1.3.6.1.2.1"
TYPE, SYS_DESCR, SYS_OBJECT_ID = f"{MIB}.25.3.2.1.2", f"{MIB}.1.1.0", f"{MIB}.1.2.0"
PRINTER = rows_of(7)
SWITCH = {SYS_DESCR: ber.encoded(b"ACME Switch 24"), SYS_OBJECT_ID: ber.encoded("1.3.6.1.4.1.99999.2")}
COMPUTER = {
    SYS_DESCR: ber.encoded(b"Software: Windows Version 6.3"),
    SYS_OBJECT_ID: ber.encoded("1.3.6.1.4.1.311.1.1.3.1.1"),
    f"{TYPE}.1": ber.encoded(f"{MIB}.25.3.1.5"),
}


def only_version_1(rows: Mapping[str, bytes]) -> Behaviour:
    def behave(_: FakeAgent, asked: ber.Request) -> Iterable[bytes]:
        found = [(oid, rows[oid]) for oid in asked.oids if oid in rows]
        return [] if asked.version == 1 else [ber.response(asked, found, error=0 if found else 2)]

    return behave


def dripping(agent: FakeAgent, asked: ber.Request) -> Iterable[bytes]:
    wrong = ber.response(asked, [(SYS_DESCR, ber.text(b"Another"))], number=asked.number ^ 1)
    for step in range(1000):
        asyncio.get_running_loop().call_later(0.05 * step, agent.send, wrong)
    return []


def garbling(_: FakeAgent, __: ber.Request) -> Iterable[bytes]:
    return [b"0\x82"]


class Counted(asyncio.DatagramProtocol):
    """Hears what is sent to any address, and never answers."""

    def __init__(self) -> None:
        self.moments: list[float] = []
        self._more = asyncio.Event()

    def datagram_received(self, _: bytes, __: Any) -> None:
        self.moments.append(time.monotonic())
        self._more.set()

    async def until(self, count: int) -> None:
        """Wait until that many requests were heard."""
        while len(self.moments) < count:
            self._more.clear()
            await self._more.wait()


@asynccontextmanager
async def agents(behaviours: Mapping[str, Behaviour]) -> AsyncIterator[tuple[int, dict[str, FakeAgent]]]:
    """Answer at these addresses, all on one port, until the block ends; gives the port and the agents."""
    port = free_udp_port("127.0.0.1")
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        listening = {}
        for host, behaviour in behaviours.items():
            made = partial(FakeAgent, behaviour)
            transport, listening[host] = await loop.create_datagram_endpoint(made, local_addr=(host, port))
            stack.callback(transport.close)
        yield port, listening


@asynccontextmanager
async def counted() -> AsyncIterator[tuple[int, Counted]]:
    """Hear all requests on a port, whatever address of loopback they are for."""
    loop = asyncio.get_running_loop()
    transport, ears = await loop.create_datagram_endpoint(Counted, local_addr=("0.0.0.0", 0))  # noqa: S104 - all of loopback
    try:
        yield transport.get_extra_info("sockname")[1], ears
    finally:
        transport.close()


async def swept(cidr: str, **options: Any) -> list[Found]:
    return [found async for found in sweep(cidr, **{"seconds_each": 0.2, **options})]


def found_among(behaviours: Mapping[str, Behaviour], cidr: str, **options: Any) -> list[str]:
    """Return the hosts that a sweep finds."""

    async def go() -> list[Found]:
        async with agents(behaviours) as (port, _):
            return await swept(cidr, port=port, **options)

    return sorted(found.address.removeprefix("snmp://").rpartition(":")[0] for found in asyncio.run(go()))


def refused(cidr: str, **options: Any) -> str:
    with pytest.raises(SourceError) as raised:
        asyncio.run(swept(cidr, **options))
    return str(raised.value)


def test_printers_of_a_network_are_found_with_what_they_say() -> None:
    async def go() -> tuple[int, list[Found]]:
        behaviours = {"127.0.0.9": honest(rows_of(9)), "127.0.0.12": honest(rows_of(12))}
        async with agents(behaviours) as (port, _):
            return port, await swept("127.0.0.8/29", port=port)

    port, found = asyncio.run(go())

    assert sorted(found, key=lambda each: each.address) == [
        Found(f"snmp://127.0.0.12:{port}", "ACME Press 9", "Hall 2", None, "AC100012"),
        Found(f"snmp://127.0.0.9:{port}", "ACME Press 9", "Hall 2", None, "AC100009"),
    ]


def test_what_is_found_can_be_read() -> None:
    async def go() -> float | None:
        async with agents({"127.0.0.9": honest(PRINTER)}) as (port, _):
            (found,) = await swept("127.0.0.9/32", port=port)
            return (await SnmpSource(found.address).read()).ink_level

    assert asyncio.run(go()) == 20


def test_real_agent_is_found(tmp_path: Path) -> None:
    rows: Values = {SYS_DESCR: b"ACME Press 9", f"{TYPE}.1": f"{MIB}.25.3.1.5", f"{MIB}.43.5.1.1.17.1": b"AC41000042"}

    with snmpd(tmp_path, rows) as port:
        (found,) = asyncio.run(swept("127.0.0.1/32", port=port, seconds_each=2))

    assert found == Found(f"snmp://127.0.0.1:{port}", "ACME Press 9", None, None, "AC41000042")


def test_agent_that_only_speaks_version_1_is_found() -> None:
    assert found_among({"127.0.0.9": only_version_1(PRINTER)}, "127.0.0.9/32") == ["127.0.0.9"]


def test_first_packet_may_be_lost() -> None:
    def lossy(agent: FakeAgent, asked: ber.Request) -> Iterable[bytes]:
        return honest(PRINTER)(agent, asked) if len(agent.asked) > 1 else []

    assert found_among({"127.0.0.9": lossy}, "127.0.0.9/32") == ["127.0.0.9"]


@pytest.mark.parametrize(
    "rows",
    [
        {SYS_DESCR: PRINTER[SYS_DESCR], f"{TYPE}.3": ber.encoded(f"{MIB}.25.3.1.5")},
        {SYS_DESCR: PRINTER[SYS_DESCR], f"{MIB}.43.10.2.1.4.1.1": ber.encoded(5)},
        {SYS_DESCR: PRINTER[SYS_DESCR], "1.3.6.1.4.1.11.2.3.9.1.1.7.0": ber.encoded(b"MFG:HP;MDL:AcmeJet 9;")},
    ],
    ids=["printer is not the first device", "Printer MIB only", "device id only"],
)
def test_printer_shows_in_several_ways(rows: dict[str, bytes]) -> None:
    assert found_among({"127.0.0.9": honest(rows)}, "127.0.0.9/32") == ["127.0.0.9"]


def test_who_is_no_printer_is_left_out() -> None:
    behaviours = {"127.0.0.9": honest(SWITCH), "127.0.0.10": honest(COMPUTER), "127.0.0.11": honest(PRINTER)}

    assert found_among(behaviours, "127.0.0.8/29") == ["127.0.0.11"]


def test_agents_that_misbehave_cost_nothing_but_time() -> None:
    behaviours = {"127.0.0.9": garbling, "127.0.0.10": dripping, "127.0.0.11": honest(PRINTER)}
    begun = time.monotonic()

    assert found_among(behaviours, "127.0.0.8/29", seconds_each=0.1) == ["127.0.0.11"]
    assert time.monotonic() - begun < 60


def test_network_and_broadcast_are_not_asked() -> None:
    behaviours = dict.fromkeys(["127.0.0.8", "127.0.0.9", "127.0.0.10", "127.0.0.15"], honest(PRINTER))

    assert found_among(behaviours, "127.0.0.8/29") == ["127.0.0.10", "127.0.0.9"]


def test_address_within_a_network_means_the_network() -> None:
    assert found_among({"127.0.0.10": honest(PRINTER)}, "127.0.0.9/29") == ["127.0.0.10"]


def test_network_of_ipv6_is_swept() -> None:
    async def go() -> list[Found]:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: FakeAgent(honest(PRINTER)), local_addr=("::1", 0))
        try:
            return await swept("::/126", port=transport.get_extra_info("sockname")[1])
        finally:
            transport.close()

    (found,) = asyncio.run(go())

    assert found.address.startswith("snmp://[::1]:")


def test_no_more_than_the_rate_is_sent_in_any_second() -> None:
    async def go() -> list[float]:
        async with counted() as (port, ears):
            assert await swept("127.0.0.0/24", port=port) == []
            return ears.moments

    moments = asyncio.run(go())

    assert len(moments) == 2 * 254
    assert max(sum(begin <= moment < begin + 1 for moment in moments) for begin in moments) <= 100


def test_requests_of_answering_agents_count_too() -> None:
    async def go() -> float:
        async with agents({"127.0.0.9": only_version_1(PRINTER)}) as (port, listening):
            begun = time.monotonic()
            await swept("127.0.0.9/32", port=port, rate=50)
            return len(listening["127.0.0.9"].asked) / (time.monotonic() - begun)

    assert asyncio.run(go()) <= 50


def test_wide_network_does_not_open_a_socket_for_each_address() -> None:
    async def go() -> int:
        async with counted() as (port, ears):
            before = open_files()
            sweeping = asyncio.ensure_future(swept("127.1.0.0/16", port=port, seconds_each=2))
            await ears.until(150)
            opened = open_files() - before
            sweeping.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sweeping
            return opened

    assert asyncio.run(go()) <= 200


def test_sweep_that_is_left_asks_no_more() -> None:
    async def go() -> set[Any]:
        async with agents({"127.0.0.9": honest(PRINTER)}) as (port, _):
            sweeping = sweep("127.0.0.0/24", port=port)
            assert (await anext(sweeping)).name == "ACME Press 9"
            await sweeping.aclose()
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert asyncio.run(go()) == set()


def test_sweep_that_is_cancelled_asks_no_more() -> None:
    async def go() -> set[Any]:
        async with counted() as (port, ears):
            sweeping = asyncio.ensure_future(swept("127.0.0.0/24", port=port))
            await ears.until(20)
            sweeping.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sweeping
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert asyncio.run(go()) == set()


@pytest.mark.parametrize("cidr", ["10.0.0.0/15", "0.0.0.0/0", "2001:db8::/111", "::/0"])
def test_wider_than_can_be_asked_is_told(cidr: str) -> None:
    assert "addresses are too many, 65,536 are the most: sweep its parts" in refused(cidr)


@pytest.mark.parametrize("cidr", ["", "printers", "10.0.0.0/33", "10.0.0.0/24/1", "snmp://10.0.0.7"])
def test_what_is_no_network_is_told(cidr: str) -> None:
    assert refused(cidr).startswith(f"{cidr}: this is no network (")


@pytest.mark.parametrize(("rate", "seconds"), [(0, 1), (-1, 1), (101, 1), (math.nan, 1), (math.inf, 1), (50, 0)])
def test_rate_that_harms_is_told(rate: float, seconds: float) -> None:
    assert "both are more than 0, and the rate is at most 100" in refused(
        "127.0.0.9/32", rate=rate, seconds_each=seconds
    )


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_port_that_is_none_is_told(port: int) -> None:
    assert refused("127.0.0.9/32", port=port) == f"127.0.0.9/32: {port} is no port: SNMP agents are at 161"


def test_community_that_cannot_be_sent_finds_nothing() -> None:
    assert asyncio.run(swept("127.0.0.9/32", community="\ud800")) == []


def test_community_is_not_shown() -> None:
    async def go() -> tuple[list[Found], list[ber.Request]]:
        async with agents({"127.0.0.9": honest(PRINTER)}) as (port, listening):
            return await swept("127.0.0.9/32", port=port, community="s3cret"), listening["127.0.0.9"].asked

    found, asked = asyncio.run(go())

    assert {request.community for request in asked} == {b"s3cret"}
    assert "s3cret" not in repr(found)


def test_missing_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gufo.snmp", None)

    assert "pip install" in refused("127.0.0.9/32")
