"""Whatever somebody else puts on the subjects of a fleet: it is told, and all else goes on."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from agent_processes import Running
from deliveries import fleet, taken
from fleets import jetstream, linked
from nats_servers import NatsServer
from outboxes import status
from server import until

from printos_ext.agent.letters import body_of
from printos_ext.fleet.names import Names, share_of
from printos_ext.sandbox import Sandbox

Start = Callable[..., Running]

GARBAGE = [b"[" * 100_000, b"", b"\xff\xfe", b"null", b"[]", b"{}", b'{"status": 7, "observed_at": "yesterday"}']


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seed=fleet(10)) as sandbox:
        yield sandbox


@pytest.mark.anyio
async def test_garbage_among_statuses_leases_and_the_dead_is_left_out(nats: NatsServer, tmp_path: Path) -> None:
    names = Names(tmp_path.name)
    async with linked(nats) as link:
        async with jetstream(nats, names.fleet) as outbox:
            await outbox.put(status("A"))
        for number, garbage in enumerate(GARBAGE):
            for subject in (
                names.status(f"x{number}"),
                names.lease(f"x{number}"),
                names.lease("A"),
                names.dead(number),
            ):
                await link.put(subject, garbage)
        wrong = f"{names.fleet}.status.{(share_of('B') + 1) % 64:02}.B"
        await link.put(wrong, body_of(status("B")).encode())
        async with jetstream(nats, names.fleet) as outbox:
            letter = outbox.next("A")
            assert letter
            await outbox.lease(letter)
            await outbox.put(status("C"))

            assert (set(outbox.waiting()), outbox.dead()) == ({"A", "C"}, [])


def test_forwarder_goes_on_with_what_it_understands(
    start: Start, sandbox: Sandbox, nats: NatsServer, tmp_path: Path
) -> None:
    names = Names(tmp_path.name)
    forwarder = start(sandbox, "forward", "run", delivery={"min_interval": 0.05, "timeout": 2})
    devices = [{"sources": ["sim://press?seed=1&speed=20000"], "model": "T250", "serial_number": "new"}]

    async def disturb() -> None:
        async with linked(nats) as link:
            for garbage in GARBAGE:
                for subject in (names.hello, names.asked("a"), names.answer("b"), names.status("x"), names.dead(1)):
                    await link.tell(subject, garbage)
                await asyncio.sleep(0.05)

    asyncio.run(disturb())
    assert until(lambda: forwarder.has_logged("not understood"), 20)
    start(sandbox, "agent", "run", devices=devices)

    assert until(lambda: len(taken(sandbox.journal)) == 1, 30)
