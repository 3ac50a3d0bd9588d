"""Both outboxes as they are used: newest wins, order, acknowledgements, dead letters, leases, restarts."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fleets import jetstream
from outboxes import MOMENT, status

from printos_ext.agent.any_outbox import AnyOutbox
from printos_ext.agent.letters import Counts, OutboxError
from printos_ext.agent.outbox import Outbox
from printos_ext.fleet.names import share_of

if TYPE_CHECKING:
    from nats_servers import NatsServer

pytestmark = pytest.mark.anyio

# Devices of one share: of two, each finds out by itself how far NATS' clock is ahead, so that their order is a guess.
ALIKE = [name for name in map("IL{}".format, range(1000)) if share_of(name) == share_of("IL0")][:3]

Opened = Callable[..., AbstractAsyncContextManager[AnyOutbox]]


async def words_of(outbox: AnyOutbox, device_id: str = "IL42") -> list[str]:
    """Send all that a device has waiting, and return what it was."""
    words = []
    while letter := outbox.next(device_id):
        words.append(letter.status.status)
        await outbox.ack(letter)
    return words


@pytest.fixture(params=["sqlite", "nats"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    """What opens the same outbox, again and again."""
    if request.param == "sqlite":
        return partial(Outbox, tmp_path / "state" / "outbox.db")
    server: NatsServer = request.getfixturevalue("nats")
    return partial(jetstream, server, tmp_path.name)


async def test_status_comes_out_as_it_went_in(opened: Opened) -> None:
    given = status("Müller/№1", "ΔS \ud800", pages_total=2**70, ink_level=42.5, more_metrics={"trays": [{"a": None}]})
    async with opened() as outbox:
        await outbox.put(given)
    async with opened() as outbox:
        letter = outbox.next("Müller/№1")

    assert letter
    assert letter.status == given


async def test_newest_status_of_a_device_wins(opened: Opened) -> None:
    async with opened() as outbox:
        await outbox.put(status(word="1"), status(word="2"))
        await outbox.put(status(word="3"))

        assert outbox.counts().waiting == 1
        assert await words_of(outbox) == ["3"]


async def test_history_is_given_out_in_order(opened: Opened) -> None:
    async with opened(history=True) as outbox:
        await outbox.put(status(word="1"), status(word="2"))
        await outbox.put(status(word="3"))

        assert outbox.counts().waiting == 3
        assert await words_of(outbox) == ["1", "2", "3"]


async def test_ack_leaves_a_newer_status(opened: Opened) -> None:
    async with opened() as outbox:
        await outbox.put(status(word="1"))
        sent = outbox.next("IL42")
        await outbox.put(status(word="2"))
        assert sent
        await outbox.ack(sent)

        assert await words_of(outbox) == ["2"]


async def test_letter_that_was_not_acknowledged_is_given_out_after_a_restart(opened: Opened) -> None:
    async with opened() as outbox:
        await outbox.put(*map(status, ALIKE))
        sent = outbox.next(ALIKE[1])
        assert sent
        await outbox.ack(sent)
    async with opened() as outbox:
        assert list(outbox.waiting()) == [ALIKE[0], ALIKE[2]]


async def test_device_keeps_its_place_when_its_status_is_replaced(opened: Opened) -> None:
    async with opened() as outbox:
        await outbox.put(*map(status, ALIKE))
        await outbox.put(status(ALIKE[0]))

        assert list(outbox.waiting()) == ALIKE


async def test_refused_status_is_kept_with_the_reason(opened: Opened) -> None:
    async with opened(clock=lambda: MOMENT) as outbox:
        await outbox.put(status())
        letter = outbox.next("IL42")
        assert letter
        await outbox.bury(letter, "404: no such device")
        assert outbox.next("IL42") is None
    async with opened() as outbox:
        (dead,) = outbox.dead()

    assert (dead.number, dead.status, dead.reason, dead.refused_at) == (
        letter.number,
        letter.status,
        "404: no such device",
        MOMENT,
    )


async def test_dead_letter_is_put_back_or_dropped(opened: Opened) -> None:
    async with opened() as outbox:
        await outbox.put(status("A"), status("B"))
        for device_id in "AB":
            letter = outbox.next(device_id)
            assert letter
            await outbox.bury(letter, "422")
        back, gone = outbox.dead()
        await outbox.retry(back.number)
        await outbox.drop(gone.number)

        assert outbox.dead() == []
        assert list(outbox.waiting()) == ["A"]
        with pytest.raises(OutboxError, match=f"no dead letter {gone.number}"):
            await outbox.drop(gone.number)


async def test_dead_letter_stays_dead_while_a_newer_status_waits(opened: Opened) -> None:
    async with opened() as outbox:
        await outbox.put(status(word="1"))
        letter = outbox.next("IL42")
        assert letter
        await outbox.put(status(word="2"))
        await outbox.bury(letter, "422")
        with pytest.raises(OutboxError, match="a newer one of device IL42 waits"):
            await outbox.retry(letter.number)

        assert await words_of(outbox) == ["2"]


async def test_many_puts_at_once_are_all_there(opened: Opened) -> None:
    async with opened() as outbox:
        await asyncio.gather(*(outbox.put(status(str(number))) for number in range(3000)))
    async with opened() as outbox:
        assert set(outbox.waiting()) == {str(number) for number in range(3000)}


async def test_lease_leaves_the_letter_and_is_known_to_the_next(opened: Opened) -> None:
    async with opened() as outbox:
        await outbox.put(status("A"), status("B"))
        letter = outbox.next("A")
        assert letter
        await outbox.lease(letter)
        assert outbox.next("A") == letter
        await outbox.ack(letter)
    async with opened() as outbox:
        leased = outbox.leased()

    assert set(leased) == {"A"}
    assert 0 <= leased["A"] < 60


async def test_second_owner_of_a_file_is_refused(tmp_path: Path) -> None:
    opened = partial(Outbox, tmp_path / "outbox.db")
    async with opened():
        with pytest.raises(OutboxError, match=r"outbox\.db is in use by another process \(\d+\)"):
            async with opened():
                pass
    async with opened() as outbox:
        assert outbox.counts().waiting == 0


async def test_new_outbox_is_empty(opened: Opened) -> None:
    async with opened() as outbox:
        counts = outbox.counts()

    assert counts == Counts(waiting=0, dead=0, dropped=0, size_bytes=counts.size_bytes)
