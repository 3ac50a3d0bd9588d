"""A forwarder: an agent that reads no devices, and delivers what is on NATS for the shares that are its own."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import attrs
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from printos_ext.agent.clock import Clock
from printos_ext.agent.configuration import Configuration
from printos_ext.agent.connection import Connection, connect
from printos_ext.agent.events import event
from printos_ext.agent.letters import OutboxError
from printos_ext.agent.running import Agent
from printos_ext.errors import ConfigurationError

from .link import Link, LinkError
from .names import Names
from .opening import jetstream_of, longest_call_of
from .outbox import JetStreamOutbox
from .presence import Presence
from .provisioning import Provisioning
from .rates import Rate

LOOK_EVERY = 5.0  # seconds
LONGEST_DOUBT = 30.0
PATIENCE = 10.0  # until it is worth telling that NATS is away


def only_forwarding(configuration: Configuration) -> Configuration:
    """Return a configuration without devices: a forwarder reads none."""
    if not configuration.on_nats:
        raise ConfigurationError('a forwarder takes statuses from NATS: say where it is: outbox = "nats://HOST:4222"')
    agent = attrs.evolve(configuration.agent, attached=False)
    return attrs.evolve(configuration, devices={}, attached={}, agent=agent)


@asynccontextmanager
async def forwarder(configuration: Configuration) -> AsyncIterator[Agent]:
    """Forward until the block ends; NATS is waited for, as long as it takes."""
    link = Link(configuration.on_nats or "", configuration.nats)
    outbox = jetstream_of(configuration, link)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(link)
        while not await _is_ready(link):
            pass
        connections: list[Connection] = []

        def remembered(configuration: Configuration, clock: Clock) -> Connection:
            connections[:] = [connect(configuration, clock)]
            return connections[0]

        agent = await stack.enter_async_context(Agent(configuration, outbox=lambda _: outbox, connect=remembered))
        outbox.attending.tell = agent.delivery.learn
        telling: set[asyncio.Task[None]] = set()

        def disown(device_id: str) -> None:
            task = asyncio.create_task(_tell_gone(link, outbox.names, device_id))
            telling.add(task)
            task.add_done_callback(telling.discard)

        agent.delivery.disown = disown
        forwarding = Forwarding(agent, outbox)
        agent.more_ailments, agent.more_metrics = forwarding.ailments, forwarding.metrics

        async def register(model: str, serial_number: str, location: str | None) -> str:
            return await connections[0].register(model, serial_number, location)

        replicas = configuration.nats.replicas
        await stack.enter_async_context(Provisioning(link, outbox.names, register, replicas=replicas))
        forwarding.presence = await stack.enter_async_context(
            Presence(link, outbox.names, outbox.attending.me, attend=outbox.attending.only, facts=forwarding.facts)
        )
        looking = asyncio.create_task(forwarding.look())
        stack.callback(looking.cancel)
        yield agent


async def _is_ready(link: Link) -> bool:
    """Tell whether NATS is there, and a JetStream; if not, only after a while."""
    try:
        await link.up(PATIENCE)
        await link.api("INFO")
    except OutboxError as error:
        event("waiting", error=str(error), level="warning")
        await asyncio.sleep(PATIENCE if link.is_up else 0)
        return False
    return True


async def _tell_gone(link: Link, names: Names, device_id: str) -> None:
    """Let the sites know that PrintOS has no such device, so that they ask for another id."""
    with suppress(OutboxError):  # the next status of the device tells it again
        await link.tell(names.gone, device_id.encode())


class Forwarding:
    """What there is to tell of a forwarder, beside what an agent tells."""

    presence: Presence

    def __init__(self, agent: Agent, outbox: JetStreamOutbox) -> None:
        """Tell of these."""
        self._agent, self._outbox = agent, outbox
        self._rate = Rate()
        self._pending = 0
        self._complete_at = agent.clock.monotonic()
        self._trouble: str | None = None

    async def look(self) -> None:
        """Ask from time to time how much waits in all, and keep to what was reloaded."""
        while True:
            configuration, attending = self._agent.configuration, self._outbox.attending
            self._outbox.min_interval = configuration.delivery.min_interval
            attending.longest_call = longest_call_of(configuration)
            self._rate.add(self._agent.clock.monotonic(), self._agent.delivery.tally.taken)
            if not attending.is_incomplete:
                self._complete_at = self._agent.clock.monotonic()
            with suppress(LinkError):  # NATS is away, which is told elsewhere
                await self._look()
            await asyncio.sleep(LOOK_EVERY)

    async def _look(self) -> None:
        try:
            self._pending, self._trouble = (await self._outbox.look())["messages"], None
        except OutboxError as error:
            if isinstance(error, LinkError):
                raise
            if self._trouble != str(error):
                event("streams", error=str(error), level="error")
            self._trouble = str(error)

    def facts(self) -> dict[str, Any]:
        """Return what the others may know, and `printos fleet status`."""
        tally, shelves = self._agent.delivery.tally, self._outbox.attending.shelves()
        return {
            "shares": sum(shelf.is_complete for shelf in shelves),
            "devices": sum(len(shelf.leases) for shelf in shelves),
            "waiting": sum(shelf.waiting for shelf in shelves),
            "oldest": round(self._outbox.attending.oldest(), 1),
            "rate": round(self._rate.per_second, 1),
            "taken": tally.taken,
            "refused": tally.refused,
            "failed": tally.failed,
            "redelivered": self._outbox.redelivered,
        }

    def ailments(self) -> list[str]:
        """Return why nothing may get through."""
        seconds = self._outbox.link.seconds_down
        if seconds > PATIENCE:
            return [f"NATS is away for {seconds:.0f} s: {self._outbox.link.why_down}"]
        unknown = self._agent.clock.monotonic() - self._complete_at
        stuck = [f"what waits is not known for {unknown:.0f} s"] if unknown > LONGEST_DOUBT else []
        refused = f"NATS takes no leases, so nothing is sent: {self._outbox.trouble}" if self._outbox.trouble else None
        return [*stuck, *(why for why in (self._trouble, refused) if why)]

    def metrics(self) -> Iterator[Metric]:
        """Yield what Prometheus may know."""
        facts = self.facts()
        for name, told, number in (
            ("pending", "Statuses that wait on NATS, in all shares.", self._pending),
            ("oldest_seconds", "How long the device that waits longest in these shares does so.", facts["oldest"]),
            ("shares", "Shares whose devices this forwarder sends for.", facts["shares"]),
            ("fleet_devices", "Devices of these shares that were sent for within a day.", facts["devices"]),
            ("forwarders", "Forwarders that are there, this one included.", self.presence.forwarders),
            ("nats_away_seconds", "How long NATS has been away.", self._outbox.link.seconds_down),
        ):
            yield GaugeMetricFamily(f"printos_{name}", told, number)
        for name, told, number in (
            ("redeliveries", "Statuses that were sent although they had been sent before.", self._outbox.redelivered),
            ("late", "Statuses that were not sent: a newer one of the device was.", self._outbox.late),
        ):
            yield CounterMetricFamily(f"printos_{name}", told, number)
