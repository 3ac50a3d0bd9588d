"""NATS that has lost a stream: what is known of the old one does no harm to what is in the new one."""

import asyncio
import shutil
from pathlib import Path

import pytest
from fleets import SMALL, all_known, jetstream, linked
from nats_servers import nats_server
from outboxes import status

from printos_ext.agent.letters import Letter
from printos_ext.fleet.names import SHARES, Names
from printos_ext.fleet.outbox import JetStreamOutbox

pytestmark = pytest.mark.anyio


def given(outbox: JetStreamOutbox, device_id: str) -> Letter:
    letter = outbox.next(device_id)
    assert letter
    return letter


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


async def test_letter_is_deleted_by_who_does_not_attend_its_share_any_more(tmp_path: Path) -> None:
    with nats_server(tmp_path / "nats") as own:
        async with jetstream(own, "f") as outbox:
            await outbox.put(status("A"), status("B"))
            letter = given(outbox, "A")
            outbox.attending.only(())
            await outbox.ack(letter)

            assert (await outbox.look())["messages"] == 1
