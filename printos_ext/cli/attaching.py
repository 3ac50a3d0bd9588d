"""`printos attach` and its like: devices that are read here, over IPP, SNMP or JSON, and reported to PrintOS."""

import asyncio
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from urllib.parse import quote

import typer

from . import exits, output
from .connecting import connected, never_dry

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Sequence

    from printos_ext.agent.attached import Attached
    from printos_ext.sources.discovery import Found
    from printos_ext.sources.reading import Reading, Source, SourceError

T = TypeVar("T")

Addresses = Annotated[list[str], typer.Argument(metavar="URI...", help="ipp://, snmp://, jsonl:, http://, sim://, …")]
AsJson = Annotated[bool, typer.Option("--json", help="as JSON")]
FOUND = ("address", "name", "serial_number", "location")
COLUMNS = ("id", "name", "model", "serial_number", "location", "sources")


def add_to(app: typer.Typer) -> None:
    """Add the words to those of `printos`."""
    for word in (attach, attached, detach, read, discover, capture):
        app.command()(word)


def attach(
    context: typer.Context,
    addresses: Addresses,
    name: Annotated[str | None, typer.Option("--name", help="what you call it")] = None,
    location: Annotated[str | None, typer.Option("--location", help="where it stands")] = None,
    serial: Annotated[str | None, typer.Option("--serial-number", help="if no source tells it")] = None,
    model: Annotated[str | None, typer.Option("--model", help="if no source tells it")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Read a device, register it once, and remember it."""
    from attrs import evolve  # noqa: PLC0415 - help and completion can do without httpx

    from printos_ext.agent import attached as room  # noqa: PLC0415 - the same
    from printos_ext.sources.texts import only_holds_a_place  # noqa: PLC0415 - the same

    if serial is not None and (only_holds_a_place(serial) or not serial.isprintable()):
        raise typer.BadParameter(f"{serial!r} is the serial number of no device")
    given: dict[str, Any] = {"model": model, "serial_number": serial, "location": location}
    addresses = [_lasting(address) for address in addresses]
    reading = _read(addresses)
    if reading.is_disputed and not serial:
        raise output.CommandError(
            "the sources tell different serial numbers (see read --explain): attach each device by itself, or say "
            "which is right with --serial-number",
            exits.USAGE,
        )
    reading = evolve(reading, **{field: value for field, value in given.items() if value})
    with room.changing(room.state_file()) as devices, connected(context) as printos:
        before = list(devices)
        device = room.attach(printos, reading, tuple(addresses), devices, name=name)
    for one in before:
        if (one.server, one.id) == (device.server, device.id):
            if lost := set(one.sources) - set(device.sources):
                output.tell(f"it is no longer read from {_all_shown(lost)}")
        elif one.server == device.server and (shared := set(one.sources) & set(device.sources)):
            told = f"{one.model} {one.serial_number} is also read from {_all_shown(shared)}"
            output.tell(f"{told}: if it is not there any more, printos detach {one.serial_number}")
    output.show([_row(device)], columns=COLUMNS, as_json="" if as_json else None, one=True)


def attached(*, as_json: AsJson = False) -> None:
    """List what is attached here."""
    from printos_ext.agent.attached import read_attached, state_file  # noqa: PLC0415 - as above

    rows = [_row(device) for device in read_attached(state_file())]
    output.show(rows, columns=COLUMNS, as_json="" if as_json else None)


def detach(
    context: typer.Context,
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="its id, serial number, name or address")],
) -> None:
    """Forget a device here; PrintOS keeps it."""
    from printos_ext.agent.attached import changing, state_file  # noqa: PLC0415 - as above

    never_dry(context, "detach sends nothing and forgets a device")
    with changing(state_file()) as devices:
        found = [one for one in devices if one.is_called(device)]
        if len(found) != 1:
            raise output.CommandError(f"{len(found) or 'no'} attached devices are called {device!r}", exits.ERROR)
        devices.remove(found[0])
    output.tell(f"{found[0].model} {found[0].serial_number} is no longer attached; PrintOS keeps it")


def read(
    addresses: Addresses,
    *,
    explain: Annotated[bool, typer.Option("--explain", help="where each field is from, what was ignored")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a device says; send nothing to PrintOS."""
    from printos_ext.sources.reading import FIELDS  # noqa: PLC0415 - as above

    reading = _read(addresses)
    known = {field: getattr(reading, field) for field in FIELDS if getattr(reading, field) is not None}
    ignored = [{"source": one.source, "key": one.key, "why": one.why} for one in reading.ignored]
    if as_json:
        document = {**known, "details": dict(reading.details), "observed_at": reading.observed_at.isoformat()}
        if explain:
            origins = {field: {"source": one.source, "key": one.key} for field, one in reading.origins.items()}
            document |= {"origins": origins, "ignored": ignored}
        output.line(document)
        return
    rows = [[field, str(value)] for field, value in known.items()]
    supplies = [one for one in _listed(reading, "supplies") if isinstance(one, dict)]
    rows += [["supply", f"{one.get('name')}: {_percent(one.get('percent'))}"] for one in supplies]
    rows += [["alert", str(one)] for one in _listed(reading, "alerts")]
    if explain:
        for row in rows:
            if origin := reading.origins.get(row[0]):
                row += [origin.source, origin.key]
        rows += [["ignored", one["why"], one["source"], one["key"]] for one in ignored]
    if not known:
        output.tell("nothing is known of it")
    output.lines("\t".join(map(output.printable, row)) for row in rows)


def capture(
    context: typer.Context,
    address: Annotated[str, typer.Argument(metavar="URI", help="ipp://… or snmp://…")],
    file: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="where to")],
    times: Annotated[int, typer.Option("--times", min=1, help="how often to ask")] = 1,
    every: Annotated[float, typer.Option("--every", min=0, metavar="SECONDS", help="and when again")] = 10.0,
) -> None:
    """Record a device, scrubbed, for replay:FILE."""
    from printos_ext.files import create  # noqa: PLC0415 - as above
    from printos_ext.sources.capturing import capture as record  # noqa: PLC0415 - as above
    from printos_ext.sources.recordings import written  # noqa: PLC0415 - as above

    never_dry(context, "capture sends nothing to PrintOS and writes a file")
    source = _opened([address])[0]
    if file.exists():
        raise output.CommandError(f"cannot write {file}: File exists", exits.ERROR)
    recording = _run(record(source, times=times, every=every))
    try:
        create(file, written(recording))
    except OSError as error:
        raise output.CommandError(f"cannot write {file}: {error.strerror}", exits.ERROR) from None
    output.tell(f"wrote {file}; serial number, location and addresses are made up: look at it before you send it")


def discover(
    mdns: Annotated[str | None, typer.Option("--mdns", metavar="5s", help="listen for printers that announce")] = None,
    snmp: Annotated[str | None, typer.Option("--snmp", metavar="CIDR", help="ask each address of a network")] = None,
    community: Annotated[str, typer.Option("--community", help="for --snmp")] = "public",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="for --snmp")] = 161,
    *,
    as_json: AsJson = False,
    as_toml: Annotated[bool, typer.Option("--toml", help="as configuration to paste")] = False,
) -> None:
    """Find what could be attached; attach nothing."""
    seconds = _seconds(mdns or "5s") if mdns or not snmp else None
    found = _run(_found(seconds, snmp, community, port))
    if as_toml:
        output.lines(line for one in found for line in ("[[device]]", f"sources = [{json.dumps(one.address)}]", ""))
    else:
        rows = [{name: getattr(one, name) for name in FOUND} for one in found]
        output.show(rows, columns=FOUND, as_json="" if as_json else None)


async def _found(seconds: float | None, network: str | None, community: str, port: int) -> "list[Found]":
    from attrs import evolve  # noqa: PLC0415 - as above

    from printos_ext.sources.discovery import browse, network_of, sweep  # noqa: PLC0415 - as above
    from printos_ext.sources.reading import SourceError  # noqa: PLC0415 - as above

    if network is not None:
        try:
            network_of(network)
        except SourceError as error:
            raise output.CommandError(str(error), exits.USAGE) from None

    found = [] if seconds is None else await browse(seconds)
    if network is not None:
        async for one in sweep(network, community=community, port=port):
            is_usual = community == "public"
            opened = one.address if is_usual else one.address.replace("//", f"//{quote(community, safe='')}@", 1)
            found.append(evolve(one, address=opened))
    return found


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d{1,4}(?:\.\d+)?)\s*s?", text)
    if found is None or not float(found[1]):
        raise typer.BadParameter(f"{text!r} are no seconds: 5s")
    return float(found[1])


def _read(addresses: "Sequence[str]") -> "Reading":
    """Read all sources of a device; one that fails is told."""
    from printos_ext.sources.opening import close, read_device  # noqa: PLC0415 - as above

    sources = _opened(addresses)

    async def ask() -> "tuple[Reading, list[SourceError]]":
        try:
            return await read_device(sources)
        finally:
            await close(sources)

    reading, errors = _run(ask())
    for failed in errors:
        output.tell(str(failed))
    return reading


def _lasting(address: str) -> str:
    """Return an address that means the same from any folder."""
    scheme, colon, path = address.partition(":")
    is_relative = scheme in {"jsonl", "replay"} and path not in {"", "-"} and not Path(path).is_absolute()
    return f"{scheme}{colon}{Path(path).absolute()}" if is_relative else address


def _opened(addresses: "Sequence[str]") -> "list[Source]":
    from printos_ext.sources.opening import open_source  # noqa: PLC0415 - as above
    from printos_ext.sources.reading import SourceError  # noqa: PLC0415 - as above

    try:
        return [open_source(address) for address in addresses]
    except SourceError as error:
        raise output.CommandError(str(error), exits.USAGE) from None


def _run(work: "Coroutine[Any, Any, T]") -> T:
    """Wait for something that is asked of devices."""
    from printos_ext.sources.reading import SourceError  # noqa: PLC0415 - as above

    try:
        return asyncio.run(work)
    except SourceError as error:
        raise output.CommandError(str(error), exits.NO_ANSWER) from None


def _all_shown(addresses: "Iterable[str]") -> str:
    from printos_ext.sources.opening import shown  # noqa: PLC0415 - as above

    return ", ".join(map(shown, sorted(addresses)))


def _row(device: "Attached") -> dict[str, Any]:
    """Return what is shown of a device: addresses without what opens it."""
    from attrs import asdict  # noqa: PLC0415 - as above

    from printos_ext.sources.opening import shown  # noqa: PLC0415 - as above

    return {**asdict(device), "sources": [shown(address) for address in device.sources]}


def _listed(reading: "Reading", name: str) -> list[Any]:
    value = reading.details.get(name)
    return value if isinstance(value, list) else []


def _percent(value: Any) -> str:
    return f"{value:g} %" if isinstance(value, int | float) else "unknown"
