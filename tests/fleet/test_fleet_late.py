"""A status that was overtaken on its way: PrintOS hears no old news, and loses none that is new."""

import datetime as dt
from pathlib import Path

import pytest
from attrs import evolve
from fleets import jetstream
from nats_servers import NatsServer
from outboxes import status

from printos_ext.agent.letters import Letter, NotLeasedError
from printos_ext.fleet.outbox import JetStreamOutbox


def given(outbox: JetStreamOutbox, device_id: str = "A") -> Letter:
    letter = outbox.next(device_id)
    assert letter
    return letter


async def sent(outbox: JetStreamOutbox) -> Letter:
    """Send the letter of the device, and return it."""
    letter = given(outbox)
    await outbox.lease(letter)
    await outbox.ack(letter)
    return letter


OLD, NEW = status("A", "DS_OFF"), evolve(status("A"), observed_at=status().observed_at + dt.timedelta(seconds=1))
LONG_AGO = evolve(OLD, observed_at=OLD.observed_at - dt.timedelta(hours=2))


@pytest.mark.anyio
async def test_late_status_is_left_out_also_by_a_forwarder_that_has_sent_nothing_yet(
    nats: NatsServer, tmp_path: Path
) -> None:
    async with jetstream(nats, tmp_path.name) as one:
        await one.put(NEW)
        await sent(one)
        for late in (1, 2):
            await one.put(OLD)
            with pytest.raises(NotLeasedError, match="a newer status of this device was sent"):
                await one.lease(given(one))
            assert (one.next("A"), one.late, one.counts().waiting) == (None, late, 0)
        await one.put(OLD)
    async with jetstream(nats, tmp_path.name) as other:
        with pytest.raises(NotLeasedError, match="a newer status of this device was sent"):
            await other.lease(given(other))

        assert (await other.look())["messages"] == 0


@pytest.mark.anyio
async def test_newer_status_that_a_late_one_has_replaced_is_sent_all_the_same(nats: NatsServer, tmp_path: Path) -> None:
    async with jetstream(nats, tmp_path.name) as outbox:
        await outbox.put(NEW)
        await outbox.put(OLD)

        assert (await sent(outbox)).status == NEW
        assert (await outbox.look())["messages"] == 0


@pytest.mark.anyio
@pytest.mark.parametrize("history", [False, True])
async def test_status_of_a_site_whose_clock_was_set_back_and_all_history_is_sent(
    nats: NatsServer, tmp_path: Path, *, history: bool
) -> None:
    async with jetstream(nats, tmp_path.name, history=history) as outbox:
        for one in (NEW, OLD if history else LONG_AGO):
            await outbox.put(one)

            assert (await sent(outbox)).status == one


@pytest.mark.anyio
async def test_dead_letter_that_somebody_puts_back_is_sent_although_a_newer_status_was(
    nats: NatsServer, tmp_path: Path
) -> None:
    async with jetstream(nats, tmp_path.name) as outbox:
        await outbox.put(OLD)
        await outbox.bury(given(outbox), "no")
        await outbox.put(NEW)
        await sent(outbox)
        (dead,) = outbox.dead()
        await outbox.retry(dead.number)
        await outbox.lease(given(outbox))

        assert given(outbox).status == OLD
