"""Parts of a fleet inside a test: the outbox of a forwarder that has all shares, a site that puts what it is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

from nats_servers import NatsServer

from printos_ext.agent.clock import Clock
from printos_ext.agent.configuration import Configuration, Nats, parsed
from printos_ext.agent.delivery import Delivery
from printos_ext.agent.outbox import Outbox
from printos_ext.agent.pacing import Pacing
from printos_ext.fleet.link import Link
from printos_ext.fleet.names import SHARES, Names
from printos_ext.fleet.outbox import JetStreamOutbox
from printos_ext.fleet.site import Site

SMALL = 1 << 24  # bytes: JetStream sets aside what a stream may take


@asynccontextmanager
async def jetstream(server: NatsServer, fleet: str, **options: Any) -> AsyncIterator[JetStreamOutbox]:
    """Attend all shares until the block ends, from when all that waits is known."""
    async with linked(server) as link, JetStreamOutbox(link, Names(fleet), **{"max_bytes": SMALL, **options}) as outbox:
        outbox.attending.only(range(SHARES))
        await all_known(outbox)
        yield outbox


@asynccontextmanager
async def linked(server: NatsServer, **access: Any) -> AsyncIterator[Link]:
    """Be connected until the block ends."""
    async with Link(server.url, Nats(**access)) as link:
        await link.up(10)
        yield link


async def all_known(outbox: JetStreamOutbox) -> None:
    """Wait until all that waits in all shares is known."""
    async with asyncio.timeout(20):
        while sum(shelf.is_complete for shelf in outbox.attending.shelves()) < SHARES:  # noqa: ASYNC110 - others change it
            await asyncio.sleep(0.005)


def configured_for(servers: str, fleet: str, **nats: Any) -> Configuration:
    """Return a configuration of a site."""
    lines = [
        f'outbox = "{servers}"',
        "[nats]",
        f'fleet = "{fleet}"',
        *(f"{key} = {one!r}" for key, one in nats.items()),
    ]
    return parsed("\n".join(lines), [], name="agent.toml")


@asynccontextmanager
async def site(
    servers: str, fleet: str, folder: Path, *, clock: Clock | None = None, **nats: Any
) -> AsyncIterator[Delivery]:
    """Put statuses into a spool, and from there on NATS, until the block ends."""
    clock = clock or Clock()
    way = Site(configured_for(servers, fleet, **nats), lambda _: None)
    async with Outbox(folder / "spool.db") as spool:
        delivery = Delivery(spool, way.send, Pacing(0.0, 32, Random(0).random), clock)
        running = asyncio.create_task(delivery.run())
        try:
            yield delivery
        finally:
            delivery.end()
            await running
            await way.aclose()
