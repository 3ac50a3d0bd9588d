"""From an address to the source behind it, and from several sources to one reading of a device.

A scheme that is not known here may come from another package: an entry point of the group `printos_ext.sources`, named
as the scheme, is called with the address.
"""

import asyncio
import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module, metadata
from typing import Any
from urllib.parse import parse_qs, urlsplit

from printos_ext.errors import ConfigurationError
from printos_ext.profiles import config_file, read_table

from .reading import Reading, Source, SourceError, merged

GROUP = "printos_ext.sources"
BUILT_IN = {
    "http": ".polled:PolledSource",
    "https": ".polled:PolledSource",
    "ipp": ".ipp:IppSource",
    "ipps": ".ipp:IppSource",
    "jsonl": ".lines:LinesSource",
    "replay": ".replayed:ReplayedSource",
    "sim": ".simulated:SimulatedSource",
}
# Those of which the query holds no secret.
PLAIN = {"ipp", "ipps", "replay", "sim", "snmp"}


def open_source(address: str, *, environment: Mapping[str, str] = os.environ) -> Source:
    """Return the source at an address, or say why there is none: `SourceError`. Nothing is sent yet."""
    scheme = address.partition(":")[0].lower() if ":" in address else ""
    if not scheme:
        raise SourceError(f"{shown(address)}: this is no address: ipp://host, snmp://host, … ({', '.join(schemes())})")
    if scheme == "snmp":
        return _snmp(address, environment)
    factory: Callable[[str], Source]
    if scheme in BUILT_IN:
        module, _, name = BUILT_IN[scheme].partition(":")
        factory = getattr(import_module(module, __package__), name)
    else:
        found = metadata.entry_points(group=GROUP, name=scheme)
        if not found:
            raise SourceError(f"{shown(address)}: no source reads {scheme}: there are {', '.join(schemes())}")
        try:
            factory = next(iter(found)).load()
        except (Exception, SystemExit) as error:
            raise SourceError(f"{shown(address)}: the source for {scheme} cannot be loaded: {error}") from error
    try:
        source = factory(address)
        str(source.address)
    except SourceError:
        raise
    except (Exception, SystemExit) as error:
        raise SourceError(f"{shown(address)}: its source cannot be made: {type(error).__name__}: {error}") from error
    return source


def schemes() -> list[str]:
    """Return what addresses may begin with."""
    return sorted({*BUILT_IN, "snmp", *(entry.name for entry in metadata.entry_points(group=GROUP))})


async def read_device(sources: Sequence[Source]) -> tuple[Reading, list[SourceError]]:
    """Read all sources of a device at the same time; one that fails does not lose the others.

    Returns:
        The merged reading, and the errors of the sources that failed.

    Raises:
        SourceError: No source could be read.
    """
    results = await asyncio.gather(*(_read(source) for source in sources))
    readings = [result for result in results if isinstance(result, Reading)]
    errors = [result for result in results if isinstance(result, SourceError)]
    if not readings:
        raise SourceError("; ".join(map(str, errors)))
    return merged(readings), errors


def shown(address: str) -> str:
    """Return an address that may be shown: without user and password, and without a query that may be a secret."""
    without_user = re.sub(r"//[^/]*@", "//", address)
    is_plain = without_user.partition(":")[0] in PLAIN
    return without_user if is_plain else without_user.partition("?")[0]


async def close(sources: Sequence[Source]) -> None:
    """Let go of sources; one of somebody else's that cannot does not keep the others."""
    for source in sources:
        with suppress(Exception):
            await source.aclose()


async def _read(source: Source) -> Reading | SourceError:
    """Return what a source says or why not; one of somebody else's may raise anything."""
    try:
        reading: Any = await source.read()
    except SourceError as error:
        return error
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it becomes the error that it should have been
        return SourceError(f"{source.address}: its source failed: {type(error).__name__}: {error}")
    return reading if isinstance(reading, Reading) else SourceError(f"{source.address}: its source gives no Reading")


def _snmp(address: str, environment: Mapping[str, str]) -> Source:
    """Return a source whose user, if it has one, has keys in the file with the profiles: a table `[snmp.USER]`."""
    from .snmp import SnmpSource  # noqa: PLC0415 - needs an extra
    from .snmp_address import SnmpCredentials  # noqa: PLC0415 - the same

    try:
        users = parse_qs(urlsplit(address).query).get("user", [])
        file = config_file(environment)
        keys = read_table(file, "snmp", users[-1]) if users else None
        where = f"{file} [snmp.{users[-1]}]" if users else ""
        credentials = SnmpCredentials.of(users[-1], keys, where) if keys else None
    except (ValueError, ConfigurationError, SourceError) as error:
        raise SourceError(f"{shown(address)}: {error}") from None
    return SnmpSource(address, credentials=credentials)
