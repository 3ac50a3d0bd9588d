"""When devices were last about to be sent for: known to the next process, however the one before it ended."""

import contextlib
import datetime as dt
import signal
import sqlite3
import subprocess
from pathlib import Path

import pytest
from attrs import define
from outboxes import COMMAND, MOMENT, Diary, all_waiting, failing, status

from printos_ext.agent.layout import BASE, MARK, PAGE_SIZE, UPGRADES
from printos_ext.agent.letters import Row, body_of
from printos_ext.agent.outbox import Letter, Outbox, OutboxError

pytestmark = pytest.mark.anyio

DAY = 86_400


@define
class WallClock:
    """A clock that somebody sets."""

    now: dt.datetime = MOMENT

    def __call__(self) -> dt.datetime:
        return self.now

    def turn(self, seconds: float) -> None:
        self.now += dt.timedelta(seconds=seconds)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.db"


@pytest.fixture
def clock() -> WallClock:
    return WallClock()


def next_of(outbox: Outbox, device_id: str) -> Letter:
    letter = outbox.next(device_id)
    assert letter
    return letter


async def leased_after(path: Path, clock: WallClock, seconds: float) -> dict[str, float]:
    """Lease two devices, turn the clock, and return what the next process knows of it."""
    async with Outbox(path, clock=clock) as outbox:
        await outbox.put(status("A"), status("B"), status("C"))
        assert outbox.leased() == {}
        await outbox.lease(next_of(outbox, "A"))
        clock.turn(10)
        await outbox.lease(next_of(outbox, "B"))
    clock.turn(seconds)
    async with Outbox(path, clock=clock) as outbox:
        return dict(outbox.leased())


def leases_in(path: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(path)) as database:
        return sorted(device_id for (device_id,) in database.execute("SELECT device_id FROM leases"))


async def test_restart_knows_how_long_ago_devices_were_leased(path: Path, clock: WallClock) -> None:
    assert await leased_after(path, clock, 20.5) == {"A": 30.5, "B": 20.5}


async def test_newest_lease_of_a_device_counts_also_once_it_was_acknowledged(path: Path, clock: WallClock) -> None:
    async with Outbox(path, clock=clock) as outbox:
        await outbox.put(status("A"))
        letter = next_of(outbox, "A")
        await outbox.lease(letter)
        clock.turn(60)
        await outbox.lease(letter)
        await outbox.ack(letter)
        clock.turn(5)
    async with Outbox(path, clock=clock) as outbox:
        assert outbox.leased() == {"A": 5}


async def test_lease_leaves_the_letter_where_it_is(path: Path) -> None:
    async with Outbox(path) as outbox:
        await outbox.put(status("A"))
        letter = next_of(outbox, "A")
        await outbox.lease(letter)
        await outbox.put(status("A", "newer"))
        await outbox.ack(letter)

        assert next_of(outbox, "A").status.status == "newer"


async def test_clock_that_was_set_back_makes_a_lease_one_of_now(path: Path, clock: WallClock) -> None:
    assert await leased_after(path, clock, -3600) == {"A": 0, "B": 0}


@pytest.mark.parametrize("seconds", [DAY + 1, 366 * DAY, -DAY - 20])
async def test_lease_of_another_day_is_forgotten(path: Path, clock: WallClock, seconds: float) -> None:
    assert await leased_after(path, clock, seconds) == {}
    assert leases_in(path) == []


async def test_leases_that_still_count_are_kept_when_others_are_forgotten(path: Path, clock: WallClock) -> None:
    assert await leased_after(path, clock, DAY - 5) == {"B": DAY - 5}
    assert leases_in(path) == ["B"]


async def test_file_of_version_1_is_upgraded_with_its_queue(path: Path) -> None:
    rows = [Row(5, "A", body_of(status("A"))), Row(7, "B", body_of(status("B")), "404", MOMENT.isoformat())]
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as old:
        old.create_function("checksum_of", 3, lambda *columns: Row(*columns).checksum)
        old.executescript(f"{BASE} {UPGRADES[0]} PRAGMA application_id = {MARK}; PRAGMA user_version = 1;")
        columns = [(row.number, row.device_id, row.body, row.reason, row.refused_at, row.checksum) for row in rows]
        old.executemany("INSERT INTO letters VALUES (?, ?, ?, ?, ?, ?)", columns)
        old.execute("UPDATE totals SET value = CASE name WHEN 'letters' THEN 2 ELSE 7 END")
    async with Outbox(path) as outbox:
        assert {name: letter.number for name, letter in all_waiting(outbox).items()} == {"A": 5}
        assert [letter.number for letter in outbox.dead()] == [7]
        await outbox.lease(next_of(outbox, "A"))
    async with Outbox(path) as outbox:
        assert list(outbox.leased()) == ["A"]


async def test_kill_between_lease_and_ack_leaves_both_letter_and_lease(path: Path) -> None:
    process = subprocess.run(  # noqa: ASYNC221 - a moment
        [*COMMAND, "work", str(path), "newest", "after lease", "20"], stdout=subprocess.PIPE, check=False
    )
    assert process.returncode == -signal.SIGKILL
    diary = Diary.read(process.stdout.decode())
    async with Outbox(path) as outbox:
        assert set(diary.leases) <= set(outbox.leased())
        assert all(0 <= seconds < 60 for seconds in outbox.leased().values())
        in_flight = {name for name, numbers in diary.leases.items() if numbers[-1] not in diary.acks.get(name, [])}
        assert in_flight
        assert in_flight <= {*outbox.waiting(), *diary.acking}


async def test_leases_of_a_damaged_file_are_saved(path: Path, clock: WallClock) -> None:
    await leased_after(path, clock, 0)
    with path.open("r+b") as file:
        file.write(bytes(100))
    async with Outbox(path, clock=clock) as outbox:
        assert outbox.leased() == {"A": 10, "B": 0}
        assert outbox.counts().saved == 3


async def test_lease_that_is_not_as_it_was_written_is_left_out(path: Path, clock: WallClock) -> None:
    await leased_after(path, clock, 0)
    with contextlib.closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE leases SET leased_at = leased_at + 5 WHERE device_id = 'A'")
    async with Outbox(path, clock=clock) as outbox:
        assert outbox.leased() == {"B": 0}
        assert outbox.counts().saved == 3


async def test_leases_make_room_for_letters(path: Path) -> None:
    async with Outbox(path, max_bytes=1 << 16) as outbox:
        for number in range(1000):
            await outbox.put(status(f"IL{number}"))
            letter = next_of(outbox, f"IL{number}")
            await outbox.lease(letter)
            await outbox.ack(letter)

        assert outbox.counts().waiting == 0
        assert outbox.counts().size_bytes <= (1 << 16) + PAGE_SIZE


async def test_lease_that_cannot_be_written_is_an_error_and_the_letter_still_waits(path: Path) -> None:
    async with Outbox(path, connect=failing(lambda text: "INTO leases" in text)) as outbox:
        await outbox.put(status("A"))
        with pytest.raises(OutboxError, match=r"outbox\.db cannot be written \(disk I/O error\)"):
            await outbox.lease(next_of(outbox, "A"))

        await outbox.ack(next_of(outbox, "A"))
