"""Devices that are read: each by itself, with an end, and what the outbox does not take is not forgotten."""

import asyncio
import datetime as dt
import logging
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from attrs import define, field
from clocks import MovedClock

from printos_ext.agent.configuration import Device
from printos_ext.agent.events import PAUSE
from printos_ext.agent.news import Rules
from printos_ext.agent.outbox import OutboxError, Status
from printos_ext.agent.schedule import Schedule
from printos_ext.agent.watching import Watching
from printos_ext.sources.reading import Reading, Source, SourceError

NOW = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


@define
class Press:
    """A source that does what a test tells it."""

    address: str
    pages: int = 0
    hangs: bool = False
    is_deaf: bool = False
    cancels: bool = False
    raises: BaseException | None = None
    closed: int = 0

    async def read(self) -> Reading:
        if self.cancels:
            raise asyncio.CancelledError
        if self.raises:
            raise self.raises
        while self.hangs:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if not self.is_deaf:
                    raise
        self.pages += 1
        return Reading(NOW, status="DS_PRINTING", pages_total=self.pages)

    async def aclose(self) -> None:
        self.closed += 1


@define
class Hall:
    """Presses by their addresses, and what was put of them."""

    presses: dict[str, Press] = field(factory=dict)
    put: list[Status] = field(factory=list)
    is_full: bool = False

    def open(self, address: str) -> Source:
        return self.presses.setdefault(address, Press(address))

    async def take(self, status: Status) -> None:
        if self.is_full:
            raise OutboxError("outbox.db is full")
        self.put.append(status)

    def watching(self, *names: str, longest: float = 5.0) -> Watching:
        async def identify(device: Device, _: Reading) -> str:
            return f"found {device.called}"

        watching = Watching(Rules(), self.take, identify, Schedule(lambda: 0.0), longest, open=self.open)
        watching.attend(devices(*names))
        return watching


def devices(*names: str, source: str = "press:") -> dict[str, Device]:
    return {name: Device((f"{source}{name}",), name, every=0.01) for name in names}


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(work(), 20))


def test_reading_that_the_outbox_did_not_take_is_news_the_next_time(caplog: pytest.LogCaptureFixture) -> None:
    hall = Hall(is_full=True)

    async def work() -> None:
        watching = hall.watching("a")
        with caplog.at_level(logging.INFO):
            for _ in range(3):
                await watching.read_once()
        assert watching.devices["a"].not_put == "outbox.db is full"
        hall.is_full = False
        await watching.read_once()
        assert watching.devices["a"].not_put is None

    run(work)
    assert [status.pages_total for status in hall.put] == [4]
    assert [record.message for record in caplog.records].count("not accepted") == 1


def test_device_that_hangs_delays_no_other_and_is_given_up_in_time() -> None:
    hall = Hall({"press:slow": Press("press:slow", hangs=True)})

    async def work() -> None:
        watching = hall.watching("slow", "quick", longest=2.0)
        running = asyncio.create_task(watching.run())
        while len(hall.put) < 10:  # noqa: ASYNC110 - others change it
            await asyncio.sleep(0.01)
        failed_before = watching.tally.failed
        while watching.tally.failed < 1:  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert "no answer within 2 s" in (watching.devices["slow"].error or "")
        assert (failed_before, watching.tally.skipped > 0) == (0, True)

    run(work)


def test_source_that_heeds_no_cancellation_is_one_device_that_fails_and_is_left_alone() -> None:
    deaf = Press("press:deaf", hangs=True, is_deaf=True)
    hall = Hall({"press:deaf": deaf})

    async def work() -> None:
        watching = hall.watching("deaf", "quick", longest=0.1)
        running = asyncio.create_task(watching.run())
        while watching.tally.failed < 4:
            await asyncio.sleep(0.01)
            assert watching.overdue(watching.clock.monotonic()) < 5
        assert "still hangs" in (watching.devices["deaf"].error or "")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert watching.devices["deaf"].given_up
        deaf.hangs = False
        watching.devices["deaf"].given_up.cancel()
        await asyncio.wait([watching.devices["deaf"].given_up])
        await watching.read_once()
        assert watching.devices["deaf"].error is None

    run(work)
    assert [status.status for status in hall.put if status.device_id == "deaf"] == ["DS_OFF", "DS_PRINTING"]


def test_source_that_hangs_in_a_thread_takes_no_thread_of_others_and_gets_no_second() -> None:
    goes_on, hall = threading.Event(), Hall()
    begun: list[str] = []

    class Threaded(Press):
        async def read(self) -> Reading:
            begun.append(self.address)
            await asyncio.to_thread(goes_on.wait if "stuck" in self.address else time.monotonic)
            return await super().read()

    async def work() -> None:
        stuck = [f"stuck {n}" for n in range(50)]
        watching = hall.watching("quick", *stuck, longest=0.3)
        asyncio.get_running_loop().set_default_executor(watching.threads)
        watching.open = Threaded
        for _ in range(3):
            await watching.read_once()
        assert await asyncio.to_thread(lambda: "done") == "done"
        assert all("still hangs" in (watching.devices[name].error or "") for name in stuck)
        goes_on.set()
        while any(watching.threads.are_at_work(name) for name in stuck):  # noqa: ASYNC110 - others change it
            await asyncio.sleep(0.01)
        watching.longest = 5.0
        await watching.read_once()
        assert all(watching.devices[name].error is None for name in stuck)

    run(work)
    assert (begun.count("press:quick"), begun.count("press:stuck 7")) == (4, 2)


@pytest.mark.parametrize("error", [SystemExit(3), ZeroDivisionError()])
def test_source_that_wants_to_end_the_process_is_a_device_that_fails(error: BaseException) -> None:
    hall = Hall({"press:a": Press("press:a", raises=error)})

    async def work() -> None:
        watching = hall.watching("a")
        await watching.read_once()
        assert type(error).__name__ in (watching.devices["a"].error or "")

    run(work)


def test_source_that_cancels_its_own_reading_is_a_device_that_fails() -> None:
    hall = Hall({"press:a": Press("press:a", cancels=True)})

    async def work() -> None:
        watching = hall.watching("a")
        await watching.read_once()
        assert "it cancelled the reading" in (watching.devices["a"].error or "")

    run(work)


def test_source_that_raises_anything_is_a_device_that_fails() -> None:
    hall = Hall()

    async def work() -> None:
        watching = hall.watching("a")
        watching.open = lambda _: Press(8 / 0)  # type: ignore[arg-type]  # it never gets that far
        for _ in range(3):
            await watching.read_once()
        assert "ZeroDivisionError" in (watching.devices["a"].error or "")

    run(work)
    assert [status.status for status in hall.put] == ["DS_OFF"]


def test_device_that_is_no_longer_wanted_is_closed_and_says_nothing_more() -> None:
    hall = Hall()

    async def work() -> None:
        watching = hall.watching("a", "b")
        await watching.read_once()
        before = watching.devices["a"]
        watching.attend({**devices("a"), **devices("b", source="other:"), **devices("c")})
        await watching.read_once()
        await watching.aclose(1.0)
        assert watching.devices["a"] is before

    run(work)
    assert {address: press.closed for address, press in hall.presses.items()} == {
        "press:a": 1,
        "press:b": 1,
        "other:b": 1,
        "press:c": 1,
    }
    assert hall.presses["press:b"].pages == 1


def test_reading_that_ends_after_its_device_was_taken_away_is_not_told() -> None:
    hall = Hall()

    async def work() -> None:
        watching = hall.watching("a")
        reading = asyncio.create_task(watching.read_once())
        await asyncio.sleep(0)
        watching.attend({})
        await reading

    run(work)
    assert hall.put == []


def test_id_that_printos_does_not_know_any_more_is_looked_up_again() -> None:
    hall, ids = Hall(), iter(["old", "new"])

    async def identify(_: Device, __: Reading) -> str:
        return next(ids)

    async def work() -> None:
        watching = hall.watching("fixed")
        watching.identify = identify
        watching.attend({**devices("fixed"), "S7": Device(("press:x",), serial_number="S7")})
        for _ in range(2):
            await watching.read_once()
            for device in ("old", "fixed", "nobody"):
                watching.disown(device)
        await watching.read_once()

    run(work)
    assert [one.device_id for one in hall.put if one.device_id != "fixed"] == ["old", "new", "new"]
    assert [one.device_id for one in hall.put if one.device_id == "fixed"] == ["fixed"] * 3


def test_id_that_is_doubted_stays_as_long_as_nobody_knows_another() -> None:
    hall, ids = Hall(), ["old"]

    async def identify(_: Device, __: Reading) -> str:
        if not ids:
            raise SourceError("PrintOS is away")
        return ids.pop()

    async def work() -> None:
        watching = hall.watching()
        watching.identify = identify
        watching.attend({"S7": Device(("press:x",), serial_number="S7")})
        await watching.read_once()
        watching.disown("old")
        await watching.read_once()
        ids.append("new")
        await watching.read_once()

    run(work)
    assert [one.device_id for one in hall.put] == ["old", "old", "new"]


def test_full_outbox_is_a_line_a_minute_and_not_one_for_each_device(caplog: pytest.LogCaptureFixture) -> None:
    hall, clock = Hall(is_full=True), MovedClock()

    async def work() -> None:
        watching = hall.watching("a", "b", "c", "d")
        watching.clock = clock
        with caplog.at_level(logging.INFO):
            await watching.read_once()
            hall.is_full = False
            await watching.read_once()
            hall.is_full, clock.seconds = True, clock.seconds + 2 * PAUSE
            await watching.read_once()

    run(work)
    lines = [record.__dict__["fields"] for record in caplog.records if record.message == "not accepted"]
    assert [line.get("more") for line in lines] == [None, 3]


@pytest.mark.parametrize("comes_later", [False, True])
def test_two_that_are_one_device_of_printos_are_told(comes_later: bool) -> None:  # noqa: FBT001 - a parameter
    hall = Hall()
    one, two = {"A": Device(("press:1",), "TW")}, {"S": Device(("snmp://hushhush@x",), serial_number="S")}

    async def work() -> None:
        watching = hall.watching()

        async def identify(_: Device, __: Reading) -> str:
            return "TW"

        watching.identify = identify
        if comes_later:
            watching.attend(two)
            await watching.read_once()
        watching.attend({**one, **two})
        await watching.read_once()
        await watching.read_once()
        assert "TW and S are the same device" in (watching.devices["S"].error or "").replace("S and TW", "TW and S")
        assert watching.devices["A"].error is None

    run(work)


def test_device_without_an_id_is_told_under_the_one_that_is_found() -> None:
    hall = Hall()

    async def work() -> None:
        watching = hall.watching()
        watching.attend({"S7": Device(("press:x",), serial_number="S7")})
        await watching.read_once()

    run(work)
    assert [status.device_id for status in hall.put] == ["found S7"]
