"""Forwarders and NATS are killed at any moment while statuses come; none is lost, and the order of a device holds."""

import asyncio
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from agent_processes import Running
from deliveries import fleet, status, taken
from fleets import site
from nats_servers import NatsServer, nats_server

from printos_ext.agent.delivery import Delivery
from printos_ext.sandbox import Sandbox

Start = Callable[..., Running]

DEVICES, IN_FLIGHT = 50, 8
FAST = {"min_interval": 0.05, "timeout": 1, "concurrency": IN_FLIGHT}


@pytest.fixture
def own(tmp_path: Path) -> Iterator[NatsServer]:
    """A NATS that may be killed."""
    with nats_server(tmp_path / "nats") as server:
        yield server


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seed=fleet(DEVICES), journal=1_000_000) as sandbox:
        yield sandbox


async def put_for_ever(delivery: Delivery, rounds: list[int]) -> None:
    """Put a status of every device, each with higher figures, until cancelled."""
    while True:
        number = len(rounds) + 1
        await delivery.put(*(status(device, number) for device in range(DEVICES)))
        rounds.append(number)
        await asyncio.sleep(0.05)


async def all_arrived(sandbox: Sandbox, newest: int, seconds: float = 60) -> None:
    """Wait until the newest status of every device has arrived."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        last = {device: pages[-1] for device, pages in taken(sandbox.journal).items()}
        if last == {f"d{device}": newest for device in range(DEVICES)}:
            return
        await asyncio.sleep(0.1)
    missing = {device: last.get(f"d{device}") for device in range(DEVICES) if last.get(f"d{device}") != newest}
    raise AssertionError(f"not {newest} but {missing}")


async def kill_again_and_again(start: Start, own: NatsServer, sandbox: Sandbox, folder: Path, kills: int) -> int:
    """Kill a forwarder, NATS, or both, at random; return how many reports came twice."""
    chance, rounds = Random(7), list[int]()

    def forwarder() -> Running:
        return start(sandbox, "forward", "run", server=own, delivery=FAST)

    forwarders = [forwarder(), forwarder()]
    async with site(own.url, folder.name, folder) as delivery:
        putting = asyncio.create_task(put_for_ever(delivery, rounds))
        for number in range(kills):
            await asyncio.sleep(chance.uniform(0.5, 6.0))  # the moment of the kill
            if number % 3 != 0:
                forwarders.pop(0).kill()
                forwarders.append(await asyncio.to_thread(forwarder))
            if number % 3 != 1:
                own.kill()
                await asyncio.to_thread(own.start)
        putting.cancel()
        await asyncio.gather(putting, return_exceptions=True)
        await delivery.put(*(status(device, len(rounds) + 2) for device in range(DEVICES)))
        try:
            await all_arrived(sandbox, len(rounds) + 2)
        except AssertionError as error:
            error.add_note(f"the site: {delivery.tally}, {delivery.outbox.counts()}")
            raise
    for device, pages in taken(sandbox.journal).items():
        assert pages == sorted(pages), device
    return sum(a == b for pages in taken(sandbox.journal).values() for a, b in pairwise(pages))


def reports(sandbox: Sandbox) -> int:
    return sum(map(len, taken(sandbox.journal).values()))


def test_whatever_is_killed_nothing_is_lost_and_the_order_holds(
    start: Start, own: NatsServer, sandbox: Sandbox, tmp_path: Path
) -> None:
    repeats = asyncio.run(kill_again_and_again(start, own, sandbox, tmp_path, kills=3))

    assert repeats <= 3 * 2 * IN_FLIGHT


@pytest.mark.torture
def test_forwarders_and_nats_are_killed_a_hundred_times(
    start: Start, own: NatsServer, sandbox: Sandbox, tmp_path: Path
) -> None:
    repeats = asyncio.run(kill_again_and_again(start, own, sandbox, tmp_path, kills=100))

    told = f"{DEVICES} devices, 2 forwarders, {reports(sandbox)} reports: 0 lost, 0 out of order, {repeats} repeated"
    print(f"100 kills, {told}")  # noqa: T201 - the figures
    assert repeats <= 100 * 2 * IN_FLIGHT
