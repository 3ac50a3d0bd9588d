"""A site that is cut off, a NATS that is full, a cluster that loses a server: nothing that was put is lost."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from agent_processes import Running
from clocks import MovedClock
from deliveries import fleet, spacing, status, taken
from fleets import SMALL, all_known, jetstream, linked, site
from nats_servers import NatsServer, cluster, nats_server
from outboxes import status as status_of
from server import until

from printos_ext.agent.letters import OutboxError
from printos_ext.fleet.names import Names
from printos_ext.fleet.outbox import JetStreamOutbox
from printos_ext.sandbox import Sandbox

Start = Callable[..., Running]

MINUTE = 60.0
DEVICES = 20


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seed=fleet(DEVICES), journal=100_000, min_interval=0.5) as sandbox:
        yield sandbox


def have_all(sandbox: Sandbox, last: int) -> bool:
    """Tell whether this is the last that has arrived of every device."""
    arrived = {device: pages[-1] for device, pages in taken(sandbox.journal).items()}
    return arrived == {f"d{device}": last for device in range(DEVICES)}


async def cut_off_for_an_hour(own: NatsServer, folder: Path) -> tuple[int, float]:
    """Put a status of every device each minute; return how many minutes it were, and how long it took to catch up."""
    clock = MovedClock()
    async with site(own.url, folder.name, folder, clock=clock) as delivery:
        for minute in range(62):
            if minute == 1:
                await delivery.emptied(5)
                own.kill()
            await delivery.put(*(status(device, minute, at=clock.now()) for device in range(DEVICES)))
            await clock.move(MINUTE, lambda: delivery.is_idle)
        assert delivery.outbox.counts().waiting == DEVICES
        own.start()
        back_at, seconds = clock.seconds, 0.0
        while delivery.outbox.counts().waiting and seconds < 600:
            await asyncio.sleep(0.1)  # for NATS, whose clock is the real one
            await clock.move(1.0, lambda: delivery.is_idle)
            seconds = clock.seconds - back_at
    return 62, seconds


def test_site_that_was_cut_off_for_an_hour_catches_up_within_the_pacing(
    start: Start, sandbox: Sandbox, tmp_path: Path
) -> None:
    with nats_server(tmp_path / "nats") as own:
        minutes, seconds = asyncio.run(cut_off_for_an_hour(own, tmp_path))
        start(sandbox, "forward", "run", server=own, delivery={"min_interval": 0.5, "timeout": 2})
        assert until(lambda: have_all(sandbox, minutes - 1), 20)

    assert seconds <= 2 * MINUTE
    assert spacing(sandbox.journal) >= 0.5


async def load_while_one_is_killed(servers: list[NatsServer], start: Start, sandbox: Sandbox, folder: Path) -> int:
    """Put statuses all the time; a third into it, kill the server that leads the stream."""
    addresses = ",".join(f"127.0.0.1:{server.port}" for server in servers)
    async with site(f"nats://{addresses}", folder.name, folder, replicas=3) as delivery:
        await delivery.put(*(status(device, 1) for device in range(DEVICES)))
        await delivery.emptied(30)
        forwarding = NatsServer(folder, port=0)
        forwarding.named = f"nats://{addresses}"
        await asyncio.to_thread(
            start, sandbox, "forward", "run", server=forwarding, nats={"replicas": 3}, delivery={"min_interval": 0.5}
        )
        for number in range(2, 101):
            await delivery.put(*(status(device, number) for device in range(DEVICES)))
            await asyncio.sleep(0.1)
            if number == 33:
                (await leader(servers, Names(folder.name).stream("status"))).kill()
        while delivery.outbox.counts().waiting:  # noqa: ASYNC110 - others change it
            await asyncio.sleep(0.05)
    return 100


async def leader(servers: list[NatsServer], stream: str) -> NatsServer:
    """Return which server leads a stream; between two elections none does."""
    async with linked(servers[0]) as link, asyncio.timeout(20):
        while not (info := (await link.api(f"STREAM.INFO.{stream}"))["cluster"]).get("leader"):  # noqa: ASYNC110 - the servers change it
            await asyncio.sleep(0.1)
    assert len(info["replicas"]) == 2
    return next(one for one in servers if one.name == info["leader"])


def test_cluster_of_three_loses_a_server_and_no_status(start: Start, sandbox: Sandbox, tmp_path: Path) -> None:
    with cluster(tmp_path / "nats") as servers:
        last = asyncio.run(load_while_one_is_killed(servers, start, sandbox, tmp_path))
        assert until(lambda: have_all(sandbox, last), 60)

    assert all(pages == sorted(pages) for pages in taken(sandbox.journal).values())
    assert spacing(sandbox.journal) >= 0.5


@pytest.mark.anyio
async def test_one_of_two_is_given_a_lease_also_by_a_cluster(tmp_path: Path) -> None:
    devices = [f"IL{number}" for number in range(200)]
    with cluster(tmp_path / "nats") as servers:
        async with site(servers[0].url, "f", tmp_path, replicas=3) as delivery:  # waits until the servers agree
            await delivery.put(*(status_of(device) for device in devices))
            while delivery.outbox.counts().waiting:  # noqa: ASYNC110 - others change it
                await asyncio.sleep(0.05)
        async with jetstream(servers[1], "f", replicas=3) as one, jetstream(servers[2], "f", replicas=3) as other:
            for _ in range(3):  # the first lease of a device, and later ones
                letters = [(one.next(device), other.next(device)) for device in devices]
                outcomes = await asyncio.gather(
                    *(
                        box.lease(letter)
                        for pair in letters
                        for box, letter in zip((one, other), pair, strict=True)
                        if letter
                    ),
                    return_exceptions=True,
                )
                given = [error is None for error in outcomes]
                assert max(sum(given[place : place + 2]) for place in range(0, len(given), 2)) == 1
                assert len(given) == 2 * len(devices)
                await all_known(one)
                await all_known(other)


@pytest.mark.anyio
async def test_full_stream_refuses_and_goes_on_when_there_is_room(nats: NatsServer, tmp_path: Path) -> None:
    async with jetstream(nats, tmp_path.name, max_bytes=1 << 16) as outbox:
        with pytest.raises(OutboxError, match="maximum bytes exceeded"):
            await outbox.put(*(status_of(f"IL{number}") for number in range(1000)))
        async with asyncio.timeout(20):
            while not (letter := outbox.next("IL0")):  # noqa: ASYNC110 - what was refused as a whole is not waited for
                await asyncio.sleep(0.005)
        await outbox.ack(letter)

        await outbox.put(status_of("IL1000"))


@pytest.mark.anyio
async def test_what_waits_is_there_when_nats_was_killed_and_comes_back(tmp_path: Path) -> None:
    with nats_server(tmp_path / "nats") as own:
        async with jetstream(own, "f") as outbox:
            await outbox.put(*(status_of(f"IL{number}") for number in range(100)))
            own.kill()
            with pytest.raises(OutboxError):
                await outbox.put(status_of("late"))
            own.start()
        async with jetstream(own, "f") as outbox:
            assert set(outbox.waiting()) == {f"IL{number}" for number in range(100)}


@pytest.mark.anyio
async def test_dead_peer_is_noticed(tmp_path: Path) -> None:
    with nats_server(tmp_path / "nats") as own:
        async with linked(own) as link, JetStreamOutbox(link, Names("f"), max_bytes=SMALL) as outbox:
            own.stop()
            begun = time.monotonic()
            with pytest.raises(OutboxError, match="no answer"):
                await outbox.put(status_of("A"))
            assert time.monotonic() - begun < 10
            own.go_on()
            await outbox.put(status_of("B"))
