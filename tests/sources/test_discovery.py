"""Printers that announce themselves: what is made of it, and announcements over the loopback of this machine."""

import asyncio
import socket
import sys
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from printos_ext.sources import discovery
from printos_ext.sources.discovery import Announcement, Found, browse, folded
from printos_ext.sources.ipp import IppSource
from printos_ext.sources.reading import SourceError

UUID = "12345678-9abc-def0-1234-56789abcdef0"
TOLD = {b"rp": b"ipp/print", b"ty": b"Example Jet 5", b"note": b"Hall 2", b"UUID": UUID.encode()}


def announced(scheme: str = "ipp", port: int = 631, host: str = "192.0.2.7", **told: bytes) -> Announcement:
    properties = {**TOLD, **{key.encode(): value for key, value in told.items()}}
    return Announcement(scheme, "Jet (Hall 2)", host, port, properties)


def test_announcement_says_what_to_attach() -> None:
    assert folded([announced()]) == [Found("ipp://192.0.2.7/ipp/print", "Example Jet 5", "Hall 2", UUID)]


def test_device_that_announces_itself_twice_is_one_and_encrypted() -> None:
    twice = [announced("ipp"), announced("ipps", 443, UUID=f"urn:uuid:{UUID}".upper().encode())]

    assert [found.address for found in folded(twice)] == ["ipps://192.0.2.7:443/ipp/print"]


def test_devices_without_a_uuid_are_told_apart_by_their_names() -> None:
    nameless = {b"rp": b"ipp/print"}
    same = [Announcement(scheme, "Jet", "192.0.2.7", 631, nameless) for scheme in ("ipp", "ipps")]

    found = folded([*same, Announcement("ipp", "Other", "192.0.2.8", 631, {})])

    assert [(each.name, each.address) for each in found] == [
        ("Jet", "ipps://192.0.2.7/ipp/print"),
        ("Other", "ipp://192.0.2.8"),
    ]


def test_service_at_port_0_only_keeps_a_name() -> None:
    assert folded([announced(port=0)]) == []
    assert [found.address for found in folded([announced("ipps", 0), announced("ipp")])] == [
        "ipp://192.0.2.7/ipp/print"
    ]


@pytest.mark.parametrize(
    ("path", "address"),
    [
        (b"/ipp/print", "ipp://192.0.2.7/ipp/print"),
        (b"printers/Front desk?x=1#y", "ipp://192.0.2.7/printers/Front%20desk%3Fx%3D1%23y"),
        (b"", "ipp://192.0.2.7"),
        (b"@evil.example/", "ipp://192.0.2.7/%40evil.example/"),
    ],
)
def test_path_stays_a_path(path: bytes, address: str) -> None:
    assert folded([announced(rp=path)])[0].address == address


def test_address_of_ipv6_is_in_brackets() -> None:
    assert folded([announced(host="2001:db8::7")])[0].address == "ipp://[2001:db8::7]/ipp/print"


@given(
    st.dictionaries(st.sampled_from([b"rp", b"ty", b"note", b"UUID"]) | st.binary(), st.none() | st.binary()), st.text()
)
def test_any_announcement_can_be_attached(properties: dict[bytes, bytes | None], name: str) -> None:
    (found,) = folded([Announcement("ipp", name, "192.0.2.7", 631, properties)])

    assert found.name.isprintable()
    assert IppSource(found.address).address.startswith("ipp://192.0.2.7")


async def heard(*services: dict[str, Any]) -> list[Found]:
    from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf  # noqa: PLC0415 - optional

    async with AsyncZeroconf(interfaces=["127.0.0.1"]) as mouth:
        for service in services:
            kind = f"_{service.pop('scheme')}._tcp.local."
            info = AsyncServiceInfo(
                kind,
                f"{service.pop('name')}.{kind}",
                addresses=[socket.inet_aton("127.0.0.1")],
                server=f"printer-{uuid.uuid4().hex}.local.",
                **service,
            )
            await (await mouth.async_register_service(info))
        return await browse(1.5, interfaces=["127.0.0.1"])


def test_printer_that_announces_itself_is_found() -> None:
    pytest.importorskip("zeroconf", reason="there is no zeroconf here: pip install zeroconf")
    own = str(uuid.uuid4())
    told = {**TOLD, b"UUID": own.encode()}
    rest = {"name": f"Jet {own}", "properties": told}

    found = asyncio.run(heard({"scheme": "ipp", "port": 8631, **rest}, {"scheme": "ipps", "port": 8632, **rest}))

    assert [each for each in found if each.uuid == own] == [
        Found("ipps://127.0.0.1:8632/ipp/print", "Example Jet 5", "Hall 2", own)
    ]


def test_network_that_cannot_be_heard_is_an_error_of_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    asyncio_half = pytest.importorskip("zeroconf.asyncio", reason="there is no zeroconf here: pip install zeroconf")

    def deaf(**_: Any) -> None:
        raise OSError("no such device")

    monkeypatch.setattr(asyncio_half, "AsyncZeroconf", deaf)
    with pytest.raises(SourceError, match="nothing can be heard here"):
        asyncio.run(browse(0.1))


def test_without_zeroconf_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zeroconf", None)

    with pytest.raises(SourceError, match=r"pip install 'printos-device\[agent\]'"):
        asyncio.run(browse(0.1))


def test_listening_to_more_than_a_shop_has_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("zeroconf", reason="there is no zeroconf here: pip install zeroconf")
    monkeypatch.setattr(discovery, "MOST", 0)
    rest = {"name": f"Jet {uuid.uuid4()}", "properties": TOLD, "port": 8631}

    assert asyncio.run(heard({"scheme": "ipp", **rest})) == []
