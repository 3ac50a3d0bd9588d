"""Finding printers that announce themselves (DNS-SD over mDNS, with the keys of Bonjour printing)."""

import asyncio
import ipaddress
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from attrs import frozen

from .reading import SourceError
from .texts import cleaned

KINDS: Mapping[str, str] = {"_ipps._tcp.local.": "ipps", "_ipp._tcp.local.": "ipp"}
PORT = 631
MOST = 5000  # announcements that are listened to: a shop has hundreds, who sends more means harm
TO_LISTEN = 0.7  # of the time; the rest is for asking those that did not say all


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
        name: What it calls itself: its model (`ty`), or the name of the service.
        location: Where it stands (`note`), if it says so.
        uuid: What it is told apart by (`UUID`), if it says so.
    """

    address: str
    name: str
    location: str | None
    uuid: str | None


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
        raise SourceError("looking for printers needs an extra: pip install 'printos-device[sources]'") from None
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
