"""The outbox on NATS as a configuration names it: for forwarders, and for somebody who looks into it, or mends it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from attrs import evolve

from printos_ext.agent.configuration import Configuration
from printos_ext.agent.looking import Contents

from .link import Link
from .names import Names
from .outbox import LONGEST_LEASE, JetStreamOutbox

UP_WITHIN = 5.0  # seconds


def jetstream_of(configuration: Configuration, link: Link) -> JetStreamOutbox:
    """Return the outbox on NATS that a configuration names."""
    storage = configuration.outbox
    return JetStreamOutbox(
        link,
        Names(configuration.nats.fleet),
        history=storage.history,
        max_bytes=storage.max_bytes,
        replicas=configuration.nats.replicas,
        min_interval=configuration.delivery.min_interval,
        longest_call=longest_call_of(configuration),
    )


def longest_call_of(configuration: Configuration) -> float:
    """Return for how many seconds after a lease was asked for whoever was given it may still be sending."""
    return LONGEST_LEASE + configuration.delivery.timeout


@asynccontextmanager
async def jetstream(configuration: Configuration) -> AsyncIterator[JetStreamOutbox]:
    """Open the outbox on NATS for somebody who looks at it, and sends nothing."""
    async with Link(configuration.on_nats or "", configuration.nats) as link:
        await link.up(UP_WITHIN)
        async with jetstream_of(configuration, link) as outbox:
            yield outbox


async def look(configuration: Configuration) -> Contents:
    """Return what is in the outbox now, in all shares."""
    async with jetstream(configuration) as outbox:
        state = await outbox.look()
        return Contents(evolve(outbox.counts(), waiting=state["messages"]), outbox.dead())
