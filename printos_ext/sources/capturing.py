"""Recording a device: what it says over SNMP or IPP, once or several times, scrubbed before it is kept."""

import asyncio
import secrets
from typing import Any, Protocol, cast

from .reading import Source, SourceError
from .recordings import PROTOCOLS, Recording
from .scrubbing import scrubbed


class Wire(Source, Protocol):
    """A source that can tell what a device said, before anything is made of it."""

    async def fetch(self) -> dict[str, Any]:
        """Ask the device."""


async def capture(source: Source, *, times: int = 1, every: float = 0.0) -> Recording:
    """Ask a device several times, so many seconds apart, and return what it said."""
    protocol = source.address.partition(":")[0].removesuffix("s")
    if protocol not in PROTOCOLS:
        raise SourceError(f"{source.address}: only {' and '.join(PROTOCOLS)} are recorded")
    wire = cast("Wire", source)
    salt, said = secrets.token_bytes(16), []
    for n in range(times):
        if n:
            await asyncio.sleep(every)
        said.append(scrubbed(await wire.fetch(), salt))
    return Recording(protocol, said)
