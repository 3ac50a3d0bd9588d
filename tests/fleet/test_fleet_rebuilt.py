"""NATS that has lost a stream: what is known of the old one does no harm to what is in the new one."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from agent_processes import Running
from deliveries import fleet, taken
from fleets import SMALL, all_known, jetstream, linked
from nats_servers import NatsServer, nats_server
from outboxes import status
from server import free_port, until

from printos_ext.agent.letters import Letter
from printos_ext.fleet.names import SHARES, Names
from printos_ext.fleet.outbox import JetStreamOutbox
from printos_ext.sandbox import Sandbox

Start = Callable[..., Running]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seed=fleet(3), journal=100_000) as sandbox:
        yield sandbox


def given(outbox: JetStreamOutbox, device_id: str) -> Letter:
    letter = outbox.next(device_id)
    assert letter
    return letter


@pytest.mark.anyio
@pytest.mark.parametrize("is_attended", [True, False])
async def test_letter_of_a_lost_store_takes_nothing_away_from_the_new_one(tmp_path: Path, *, is_attended: bool) -> None:
    with nats_server(tmp_path / "nats") as own:
        async with linked(own) as link, JetStreamOutbox(link, Names("f"), max_bytes=SMALL) as outbox:
            outbox.attending.only(range(SHARES))
            await all_known(outbox)
            await outbox.put(status("A"), status("B"))
            letters = given(outbox, "A"), given(outbox, "B")
            own.kill()
            while link.is_up:  # noqa: ASYNC110 - the link changes it
                await asyncio.sleep(0.01)
            shutil.rmtree(own.folder / "store")
            own.start()
            await link.up(10)
            outbox.attending.only(range(SHARES) if is_attended else ())
            async with jetstream(own, "f") as other:
                await other.put(status("C"), status("B", "DS_OFF"))
                if is_attended:
                    await all_known(outbox)
                await outbox.ack(*letters)

                assert (await outbox.look())["messages"] == 2
                assert set(other.waiting()) == {"B", "C"}
                assert given(other, "B").status.status == "DS_OFF"


@pytest.mark.anyio
async def test_letter_is_deleted_by_who_does_not_attend_its_share_any_more(tmp_path: Path) -> None:
    with nats_server(tmp_path / "nats") as own:
        async with jetstream(own, "f") as outbox:
            await outbox.put(status("A"), status("B"))
            letter = given(outbox, "A")
            outbox.attending.only(())
            await outbox.ack(letter)

            assert (await outbox.look())["messages"] == 1


@pytest.mark.parametrize("what", ["status", "lease"])
def test_stream_that_somebody_deletes_is_made_again_and_all_goes_on(
    start: Start, sandbox: Sandbox, nats: NatsServer, tmp_path: Path, what: str
) -> None:
    def sent() -> int:
        return len(sandbox.journal)

    start(sandbox, "forward", "run")
    start(sandbox, "agent", "run", devices={f"d{n}": f"sim://press?seed={n}&speed=20000" for n in range(3)})
    assert until(lambda: len(taken(sandbox.journal)) == 3, 30)

    asyncio.run(asked(nats, f"STREAM.DELETE.{Names(tmp_path.name).stream(what)}"))
    before = sent()

    assert until(lambda: sent() > before + 30, 40)


def test_forwarder_whose_leases_nats_refuses_tells_it(
    start: Start, sandbox: Sandbox, nats: NatsServer, tmp_path: Path
) -> None:
    page = {"page": f"127.0.0.1:{free_port()}"}
    forwarder = start(sandbox, "forward", "run", agent=page)
    start(sandbox, "agent", "run", devices={f"d{n}": f"sim://press?seed={n}&speed=20000" for n in range(3)})
    assert until(lambda: len(taken(sandbox.journal)) == 3, 30)
    stream = Names(tmp_path.name).stream("lease")
    config = asyncio.run(asked(nats, f"STREAM.INFO.{stream}"))["config"]

    asyncio.run(asked(nats, f"STREAM.UPDATE.{stream}", **{**config, "max_msg_size": 10}))

    assert until(lambda: forwarder.ask("healthz")[0] == 503, 20)
    assert "NATS takes no leases, so nothing is sent: NATS refuses: message size exceeds" in forwarder.ask("healthz")[1]
    assert forwarder.has_logged("not leased")


async def asked(nats: NatsServer, word: str, **question: Any) -> dict[str, Any]:
    async with linked(nats) as link:
        return await link.api(word, **question)
