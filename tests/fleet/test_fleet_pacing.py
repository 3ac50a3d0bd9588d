"""However many forwarders there are, and whatever happens to them: no device is sent for too often, and all share."""

import asyncio
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from agent_processes import Running
from deliveries import fleet, spacing, status, taken
from fleets import SMALL, jetstream, linked, site
from nats_servers import NatsServer
from outboxes import status as status_of
from server import until

from printos_ext.agent.letters import NotLeasedError
from printos_ext.fleet.names import SHARES, Names
from printos_ext.fleet.outbox import JetStreamOutbox
from printos_ext.sandbox import Sandbox

Start = Callable[..., Running]

DEVICES = 60
PACED = {"min_interval": 1.0, "timeout": 1.0}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A server that refuses whatever comes too soon."""
    with Sandbox(seed=fleet(DEVICES), journal=1_000_000, min_interval=PACED["min_interval"]) as sandbox:
        yield sandbox


def reports(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [entry for entry in sandbox.journal if entry["operation"] == "updateDeviceStatus"]


async def put_for(seconds: float, server: NatsServer, folder: Path, meanwhile: Callable[[float], None]) -> int:
    """Put a status of every device ten times a second; return how many rounds it were."""
    begun, rounds = time.monotonic(), 0
    async with site(server.url, folder.name, folder) as delivery:
        while (now := time.monotonic() - begun) < seconds:
            rounds += 1
            await delivery.put(*(status(device, rounds) for device in range(DEVICES)))
            await asyncio.to_thread(meanwhile, now)
            await asyncio.sleep(0.1)
        while delivery.outbox.counts().waiting:  # noqa: ASYNC110 - others change it
            await asyncio.sleep(0.01)
    return rounds


def test_four_forwarders_together_keep_to_the_interval_while_one_is_killed_and_another_comes(
    start: Start, sandbox: Sandbox, nats: NatsServer, tmp_path: Path
) -> None:
    forwarders = [start(sandbox, "forward", "run", delivery=PACED) for _ in range(4)]
    due = [
        (4.0, forwarders[0].kill),
        (8.0, lambda: forwarders.append(start(sandbox, "forward", "run", delivery=PACED))),
    ]

    def meanwhile(now: float) -> None:
        while due and now >= due[0][0]:
            due.pop(0)[1]()

    rounds = asyncio.run(put_for(14.0, nats, tmp_path, meanwhile))
    last = {f"d{device}": rounds for device in range(DEVICES)}
    assert until(lambda: {device: pages[-1] for device, pages in taken(sandbox.journal).items()} == last, 20)

    journal = reports(sandbox)
    assert {entry["status"] for entry in journal} == {200}
    assert spacing(journal) >= PACED["min_interval"]
    assert all(a < b for pages in taken(journal).values() for a, b in pairwise(pages))
    assert len(journal) > DEVICES * 5


@pytest.mark.anyio
async def test_only_one_of_two_who_attend_the_same_share_is_given_a_lease(nats: NatsServer, tmp_path: Path) -> None:
    async with jetstream(nats, tmp_path.name) as one, jetstream(nats, tmp_path.name) as other:
        await one.put(status_of("A"))
        while other.next("A") is None:  # noqa: ASYNC110 - NATS tells it by and by
            await asyncio.sleep(0.005)
        letters = one.next("A"), other.next("A")
        assert letters[0]
        assert letters[0] == letters[1]
        await one.lease(letters[0])

        with pytest.raises(NotLeasedError):
            await other.lease(letters[0])


@pytest.mark.anyio
async def test_what_another_has_leased_is_left_alone_for_the_interval_and_the_time_of_a_call(
    nats: NatsServer, tmp_path: Path
) -> None:
    async with jetstream(nats, tmp_path.name) as one:
        await one.put(status_of("A"), status_of("B"))
        letter = one.next("A")
        assert letter
        begun = time.monotonic()
        await one.lease(letter)
    async with jetstream(nats, tmp_path.name, min_interval=0.5, longest_call=2.5) as other:
        again, fresh = other.next("A"), other.next("B")
        assert again
        assert fresh
        await other.lease(fresh)
        while time.monotonic() - begun < 2.5:  # the interval, a call, and what a lease may take
            with pytest.raises(NotLeasedError, match="less than min_interval ago"):
                await other.lease(again)
            await asyncio.sleep(0.25)
        await asyncio.sleep(1.5)
        await other.lease(again)

        assert other.redelivered == 1


@pytest.mark.anyio
async def test_no_lease_is_given_while_nats_is_away(tmp_path: Path) -> None:
    server = NatsServer(tmp_path / "nats")
    server.start()
    try:
        async with linked(server) as link, JetStreamOutbox(link, Names("f"), max_bytes=SMALL) as outbox:
            outbox.attending.only(range(SHARES))
            await outbox.put(status_of("A"))
            while not (letter := outbox.next("A")):  # noqa: ASYNC110 - others change it
                await asyncio.sleep(0.01)
            server.kill()
            with pytest.raises(NotLeasedError):
                await outbox.lease(letter)

            assert outbox.next("A") is None
    finally:
        server.kill()
