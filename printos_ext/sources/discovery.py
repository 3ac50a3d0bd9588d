"""Finding printers that announce themselves over mDNS (DNS-SD, Bonjour printing), and those of a network over SNMP."""

import asyncio
import datetime as dt
import ipaddress
import uuid
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import quote

from attrs import frozen

from . import snmp_rows as snmp
from .reading import SourceError
from .snmp_address import COMMUNITY, SnmpAddress
from .snmp_address import PORT as SNMP_PORT
from .snmp_mapping import reading_from
from .snmp_session import Conversation, NoAnswerError, UnreadableError, library
from .texts import cleaned

KINDS: Mapping[str, str] = {"_ipps._tcp.local.": "ipps", "_ipp._tcp.local.": "ipp"}
PORT = 631
MOST = 5000  # announcements that are listened to: a shop has hundreds, who sends more means harm
TO_LISTEN = 0.7  # of the time; the rest is for asking those that did not say all

WIDEST = 2**16  # addresses
FASTEST = 100.0  # requests a second: no more than a person who looks at web pages causes
MOST_AT_ONCE = 100  # addresses that may keep a socket waiting
MOST_REQUESTS = 64  # for whose time an address is borne: who answers and never comes to an end is left
VERSIONS = ("2c", "1")
MICROSOFT = f"{snmp.ENTERPRISES}.311."  # a computer, which has a device for each of its queues
DEVICES = [(place,) for place in range(1, 5)]
TYPES = [snmp.oid_of(snmp.DEVICES, snmp.DEVICE_TYPE, index) for index in DEVICES]
OF_PRINTERS = (
    snmp.oid_of(snmp.GENERAL, snmp.SERIAL_NUMBER, (1,)),
    snmp.oid_of(snmp.MARKERS, snmp.LIFE_COUNT, (1, 1)),
    *snmp.SERIAL_NUMBERS,
    *snmp.DEVICE_IDS,
    *snmp.MODELS,
)
WANTED = (
    *(snmp.SYS_OBJECT_ID, snmp.SYS_LOCATION, *TYPES, *OF_PRINTERS),
    *(snmp.oid_of(snmp.DEVICES, snmp.DEVICE_DESCR, index) for index in DEVICES),
)


@frozen
class Announcement:
    """What one service says of itself: a device may announce several."""

    scheme: str
    name: str
    host: str
    port: int
    properties: Mapping[bytes, bytes | None]


@frozen
class Found:
    """A device that can be attached.

    Attributes:
        address: The URI to attach.
        name: What it calls itself: its model, or the name of the service.
        location: Where it stands, if it says so.
        uuid: What it is told apart by, if it says so.
        serial_number: As the maker gave it, if it says so.
    """

    address: str
    name: str
    location: str | None
    uuid: str | None
    serial_number: str | None = None


def folded(announcements: Iterable[Announcement]) -> list[Found]:
    """Make one device of all announcements with the same UUID, or else the same name; encrypted IPP comes first.

    A service at port 0 is not there: it only keeps its name from others.
    """
    devices: dict[tuple[str, str], Found] = {}
    order = list(KINDS.values())
    there = [each for each in announcements if each.scheme in order and 0 < each.port < 2**16 and each.host]
    for each in sorted(there, key=lambda each: (order.index(each.scheme), each.name, each.host, each.port)):
        found = _found(each)
        devices.setdefault(("uuid", found.uuid) if found.uuid else ("name", each.name.casefold()), found)
    return sorted(devices.values(), key=lambda found: (found.name, found.address))


async def browse(seconds: float = 3.0, *, interfaces: Sequence[str] | None = None) -> list[Found]:
    """Listen for that long, and return the devices there are; `interfaces` are addresses of this machine's own.

    `SourceError` if nothing can be heard here.
    """
    try:
        from zeroconf import InterfaceChoice  # noqa: PLC0415 - optional
        from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf  # noqa: PLC0415
    except ImportError:
        raise SourceError("looking for printers needs an extra: pip install 'printos-device[agent]'") from None
    heard: dict[tuple[str, str], None] = {}

    def hear(*, service_type: str, name: str, **_: Any) -> None:
        if len(heard) < MOST:
            heard[service_type, name] = None

    try:
        ears = AsyncZeroconf(interfaces=list(interfaces) if interfaces else InterfaceChoice.Default)
    except (OSError, RuntimeError) as error:
        raise SourceError(
            f"mDNS: nothing can be heard here ({error}): is a network up, and UDP port 5353 free?"
        ) from None
    async with ears:
        async with AsyncServiceBrowser(ears.zeroconf, list(KINDS), handlers=[hear]):
            await asyncio.sleep(seconds * TO_LISTEN)
        services = [AsyncServiceInfo(kind, name) for kind, name in heard]
        patience = seconds * (1 - TO_LISTEN) * 1000
        answered = await asyncio.gather(*(info.async_request(ears.zeroconf, patience) for info in services))
    return folded(
        Announcement(
            scheme=KINDS[info.type],
            name=info.name.removesuffix(f".{info.type}"),
            host=_nearest(info.parsed_addresses()),
            port=info.port or 0,
            properties=info.properties,
        )
        for info, complete in zip(services, answered, strict=True)
        if complete
    )


async def sweep(
    cidr: str,
    *,
    community: str = COMMUNITY,
    rate: float = FASTEST,
    seconds_each: float = 1.0,
    port: int = SNMP_PORT,
) -> AsyncGenerator[Found, None]:
    """Ask each address of a network over SNMP, in 2c and then in 1, and give those of printers as they answer.

    Args:
        cidr: The network, as 192.0.2.0/24: no wider than a /16, or a /112 of IPv6.
        community: What the agents are asked with; it is no part of the addresses that are found.
        rate: Requests a second, of all together.
        seconds_each: How long an answer may take.
        port: Where the agents are.

    Raises:
        SourceError: The network is none or too wide, or the rate too high, or there is no SNMP here. Nothing was sent.
    """
    network = network_of(cidr)
    if not 0 < port < 2**16:
        raise SourceError(f"{cidr}: {port} is no port: SNMP agents are at {SNMP_PORT}")
    if not (0 < rate <= FASTEST and seconds_each > 0):
        said = f"{rate:g} requests a second, {seconds_each:g} s each"
        raise SourceError(f"{cidr}: {said}: both are more than 0, and the rate is at most {FASTEST:g}")
    library()
    turn = partial(_turn, asyncio.Lock(), 1 / rate)
    # No more than the rate keeps busy: then a turn comes as soon as an answer would.
    at_once = max(1, int(min(MOST_AT_ONCE, network.num_addresses, rate * seconds_each)))
    longest = MOST_REQUESTS * (2 * seconds_each + 1 / rate)
    hosts = iter(network.hosts())
    heard: asyncio.Queue[Found | None] = asyncio.Queue()

    async def ask() -> None:
        for host in hosts:
            where = SnmpAddress(str(host), port, community, VERSIONS, None, "")
            with suppress(SourceError, TimeoutError):  # whatever goes wrong at an address, nobody is there
                async with asyncio.timeout(longest):
                    if found := await _printer_at(where, partial(Conversation, timeout=seconds_each, turn=turn)):
                        heard.put_nowait(found)

    asking = asyncio.gather(*(ask() for _ in range(at_once)))
    asking.add_done_callback(lambda _: heard.put_nowait(None))
    try:
        while found := await heard.get():
            yield found
        await asking
    finally:
        asking.cancel()
        with suppress(asyncio.CancelledError):
            await asking


def network_of(cidr: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Return a network that is not too wide to be asked, or say why it is none: `SourceError`."""
    try:
        network = ipaddress.ip_network(cidr, strict=False)
    except ValueError as error:
        raise SourceError(f"{cidr}: this is no network ({error}): one is 192.0.2.0/24") from None
    if network.num_addresses > WIDEST:
        raise SourceError(
            f"{cidr}: {network.num_addresses:,} addresses are too many, {WIDEST:,} are the most: sweep its parts"
        )
    return network


async def _turn(one_at_a_time: asyncio.Lock, seconds: float) -> None:
    """Wait until it is that long since whoever was before."""
    async with one_at_a_time:
        await asyncio.sleep(seconds)


async def _printer_at(where: SnmpAddress, conversation: Callable[..., Conversation]) -> Found | None:
    """Knock in each version until there is an answer, and look who is there."""
    for version in where.versions:
        knock = conversation(where, where.host, version, retries=0)
        await knock.begin()
        with suppress(NoAnswerError, UnreadableError):
            rows = await knock.get([snmp.SYS_DESCR])
            look = conversation(where, where.host, version, retries=1)
            await look.begin()
            return _swept(where, rows | await look.get(WANTED))
    return None


def _swept(where: SnmpAddress, rows: Mapping[str, snmp.Value]) -> Found | None:
    """Return the printer that an agent speaks for, if it does."""
    is_computer = str(rows.get(snmp.SYS_OBJECT_ID)).startswith(MICROSOFT)
    is_printer = any(rows.get(oid) == snmp.IS_PRINTER for oid in TYPES) or any(oid in rows for oid in OF_PRINTERS)
    if is_computer or not is_printer:
        return None
    address = str(where)
    reading = reading_from(rows, source=address, observed_at=dt.datetime.now(dt.UTC))
    return Found(address, reading.model or where.host, reading.location, None, reading.serial_number)


def _found(announcement: Announcement) -> Found:
    told = {
        key.decode(errors="replace").casefold(): cleaned(value)
        for key, value in announcement.properties.items()
        if value
    }
    host = f"[{announcement.host}]" if ":" in announcement.host else announcement.host
    port = "" if announcement.port == PORT else f":{announcement.port}"
    path = (told.get("rp") or "").lstrip("/")
    return Found(
        address=f"{announcement.scheme}://{host}{port}" + (f"/{quote(path)}" if path else ""),
        name=told.get("ty") or cleaned(announcement.name) or host,
        location=told.get("note"),
        uuid=_uuid(told.get("uuid")),
    )


def _uuid(text: str | None) -> str | None:
    """Return a UUID in one spelling, so that it is the same however it is written."""
    try:
        return str(uuid.UUID(text.casefold())) if text else None
    except ValueError:
        return None


def _nearest(addresses: Sequence[str]) -> str:
    """Return the address that is most likely to be reached from here: IPv4, else IPv6 beyond the link."""
    usable = [address for address in addresses if not ipaddress.ip_address(address.partition("%")[0]).is_unspecified]
    return min(usable, key=lambda address: (":" in address, address.startswith("fe80")), default="")
