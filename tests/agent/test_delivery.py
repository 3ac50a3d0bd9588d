"""From the outbox to the sandbox: outages, clocks, pauses and faults; nothing is lost, and nothing goes too often."""

import asyncio
import datetime as dt
import logging
import os
import statistics
import time
from collections.abc import Callable
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from clocks import MovedClock
from deliveries import delivering, emptied, fleet, spacing, status, taken
from server import Server, free_port, in_turn, platform, respond, serving

from printos_ext.agent.delivery import Delivery
from printos_ext.agent.pacing import MOST_REFUSED
from printos_ext.sandbox import Sandbox

MINUTE = 60.0


def run(work: Any, *arguments: Any, **options: Any) -> Any:
    return asyncio.run(asyncio.wait_for(work(*arguments, **options), 3600))


class Outage:
    """A sandbox that is away and comes back, by the clock of the delivery."""

    def __init__(self, devices: int, *, min_interval: float, journal: int = 400_000) -> None:
        self.clock = MovedClock()
        self.port = free_port()
        self.options: dict[str, Any] = {"without": ("clock-tolerance",), "journal": journal, "seed": fleet(devices)}
        self.sandbox = Sandbox(port=self.port, min_interval=min_interval, **self.options)
        self.sandbox.url = f"http://127.0.0.1:{self.port}"
        self.attempts: list[float] = []

    def watch(self, delivery: Delivery) -> None:
        """Let the sandbox's time be the delivery's, and note when something is sent."""
        send = delivery.send

        async def noted(status: Any) -> None:
            self.attempts.append(self.clock.seconds)
            if self.sandbox._server is not None:  # noqa: SLF001 - whether it is there
                self.sandbox.set_clock(self.clock.date)
            await send(status)

        delivery.send = noted


async def a_day_away(folder: Path, *, devices: int, minutes: int, history: bool) -> tuple[Outage, int]:
    """Put a status of each device every minute while the server is away; then let it come back."""
    outage = Outage(devices, min_interval=MINUTE)
    clock = outage.clock
    async with delivering(outage.sandbox, folder, clock=clock, history=history, min_interval=MINUTE) as delivery:
        outage.watch(delivery)
        for minute in range(minutes):
            await delivery.put(*(status(device, minute, at=clock.now()) for device in range(devices)))
            await clock.move(MINUTE, lambda: delivery.is_idle)
        while_away = len(outage.attempts)
        with outage.sandbox:
            for _ in range(minutes + 60):
                await clock.move(MINUTE, lambda: delivery.is_idle)
                if not delivery.outbox.counts().waiting:
                    break
            journal = outage.sandbox.journal
        assert delivery.outbox.counts().waiting == 0
    pages = taken(journal)
    expected = list(range(minutes)) if history else [minutes - 1]
    assert {name: pages.get(name) for name in (f"d{n}" for n in range(devices))} == {
        f"d{n}": expected for n in range(devices)
    }
    assert {entry["status"] for entry in journal} == {200}  # the sandbox refuses whatever comes too soon
    assert spacing(journal) >= MINUTE
    return outage, while_away


def test_newest_status_of_each_device_arrives_after_hours_without_a_server(tmp_path: Path) -> None:
    _, while_away = run(a_day_away, tmp_path, devices=10, minutes=120, history=False)

    assert while_away <= 2 * 120 + 20  # a server that is away is asked about once a minute


def test_history_arrives_in_order_and_never_faster_than_allowed(tmp_path: Path) -> None:
    run(a_day_away, tmp_path, devices=5, minutes=60, history=True)


@pytest.mark.torture
@pytest.mark.parametrize("history", [False, True])
def test_day_without_a_server(history: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter
    outage, while_away = run(a_day_away, tmp_path, devices=100, minutes=24 * 60, history=history)
    print(f"24 h away, 100 devices, history {history}: {while_away} calls meanwhile, {len(outage.attempts)} in all")  # noqa: T201 - the figures


async def with_dates(folder: Path, dates: list[dt.datetime]) -> tuple[list[int], float]:
    outage = Outage(1, min_interval=0)
    clock = outage.clock
    with outage.sandbox:
        async with delivering(outage.sandbox, folder, clock=clock, history=True, min_interval=MINUTE) as delivery:
            outage.watch(delivery)
            for number, date in enumerate(dates):
                clock.date = date
                await delivery.put(status(0, number, at=clock.now()))
                await clock.move(MINUTE / 2, lambda: delivery.is_idle)
            await clock.move(MINUTE * len(dates), lambda: delivery.is_idle)
        pages = taken(outage.sandbox.journal)["d0"]
    return pages, min(b - a for a, b in pairwise(outage.attempts))


@pytest.mark.parametrize(
    "jump",
    [dt.timedelta(days=-1), dt.timedelta(days=365), dt.timedelta(hours=1), dt.timedelta(hours=-1)],
    ids=["a day back", "a year on", "summer time", "winter time"],
)
def test_order_and_pace_are_the_same_whatever_becomes_of_the_date(jump: dt.timedelta, tmp_path: Path) -> None:
    begin = dt.datetime(2026, 3, 29, 0, 59, tzinfo=dt.UTC)
    dates = [begin, begin + dt.timedelta(seconds=30), begin + jump, begin + jump + dt.timedelta(seconds=30), begin]

    pages, shortest = run(with_dates, tmp_path, dates)

    assert (pages, shortest >= MINUTE) == ([0, 1, 2, 3, 4], True)


async def arrived(url: Any, folder: Path, *, devices: int, seconds: float, **options: Any) -> Delivery:
    """Deliver one status of each device within so many seconds."""
    async with delivering(url, folder, **options) as delivery:
        await delivery.put(*(status(device, 7) for device in range(devices)))
        await emptied(delivery, seconds)
    return delivery


class Elsewhere:
    """A server of the test's own, where a sandbox is expected."""

    key = "sandbox"

    def __init__(self, server: Server) -> None:
        self.url = server.url


@pytest.mark.parametrize(
    "retry_after",
    [lambda: "1", lambda: format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=2), usegmt=True)],
    ids=["seconds", "date"],
)
def test_pause_that_the_server_asks_for_holds_for_everybody(retry_after: Callable[[], str], tmp_path: Path) -> None:
    moments: list[float] = []

    def note(behaviour: Any) -> Any:
        def behave(connection: Any, request: Any) -> None:
            moments.append(time.monotonic())
            behaviour(connection, request)

        return behave

    with serving(in_turn(note(respond(429, retry_after=retry_after())), note(platform))) as server:
        delivery = run(arrived, Elsewhere(server), tmp_path, devices=5, seconds=10, concurrency=1)

    assert (delivery.tally.taken, delivery.tally.failed) == (5, 1)
    assert 0.9 <= moments[1] - moments[0] < 4


def test_storm_of_429_pauses_once_and_one_goes_ahead(printos_sandbox: Sandbox, tmp_path: Path) -> None:
    printos_sandbox.seed(fleet(200))
    printos_sandbox.fault("status", status=429, retry_after=1, seconds=0.5)

    delivery = run(arrived, printos_sandbox, tmp_path, devices=200, seconds=20)

    refused = [entry for entry in printos_sandbox.journal if entry["status"] == 429]
    assert delivery.tally.taken == 200
    assert len(refused) <= 32  # those that were under way when the first was told to pause


@pytest.mark.printos_sandbox(auth="session")
def test_sessions_that_expire_while_many_calls_are_under_way_are_renewed_once(
    printos_sandbox: Sandbox, tmp_path: Path
) -> None:
    printos_sandbox.seed(fleet(200))

    async def work() -> Delivery:
        async with delivering(printos_sandbox, tmp_path, has_session=True) as delivery:
            for pages in range(3):
                await delivery.put(*(status(device, pages) for device in range(200)))
                await emptied(delivery)
                printos_sandbox.move_clock(3601)
        return delivery

    delivery = run(work)
    logins = [entry for entry in printos_sandbox.journal if entry["path"] == "/devices/login"]
    assert (delivery.tally.taken, delivery.tally.failed, len(logins)) == (600, 0, 3)


@pytest.mark.printos_sandbox(auth="session")
def test_storm_of_401_is_no_storm_of_logins_and_ends_by_itself(printos_sandbox: Sandbox, tmp_path: Path) -> None:
    printos_sandbox.seed(fleet(200))

    async def work() -> Delivery:
        async with delivering(printos_sandbox, tmp_path, has_session=True) as delivery:
            await delivery.put(*(status(device, 1) for device in range(200)))
            await emptied(delivery)
            printos_sandbox.fault("status", status=401, operation="updateDeviceStatus", seconds=2)
            await delivery.put(*(status(device, 2) for device in range(200)))
            await emptied(delivery, 30)
        return delivery

    delivery = run(work)
    logins = [entry for entry in printos_sandbox.journal if entry["path"] == "/devices/login"]
    assert (delivery.tally.taken, len(logins)) == (400, 2)


def test_wrong_credentials_pause_everybody_and_lose_nothing(
    printos_sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    printos_sandbox.seed(fleet(100))
    monkeypatch.setenv("PRINTOS_API_SECRET", "another-secret")

    async def try_in_vain() -> int:
        async with delivering(printos_sandbox, tmp_path) as delivery:
            await delivery.put(*(status(device, 7) for device in range(100)))
            while delivery.tally.failed < 34:  # noqa: ASYNC110 - others change it
                await asyncio.sleep(0.01)
        return delivery.outbox.counts().waiting

    waiting = run(try_in_vain)
    calls = len(printos_sandbox.journal)
    monkeypatch.setenv("PRINTOS_API_SECRET", printos_sandbox.secret)

    async def try_again() -> None:
        async with delivering(printos_sandbox, tmp_path) as delivery:
            await emptied(delivery)

    run(try_again)
    assert (waiting, len(taken(printos_sandbox.journal))) == (100, 100)
    assert calls <= 40


@pytest.mark.parametrize("code", [400, 404, 422])
def test_what_is_refused_for_good_is_kept_with_the_reason_and_stops_nobody(
    code: int, printos_sandbox: Sandbox, tmp_path: Path
) -> None:
    printos_sandbox.seed(fleet(2))
    printos_sandbox.fault("status", status=code, device="d0", body="because of this")

    async def work() -> Any:
        async with delivering(printos_sandbox, tmp_path) as delivery:
            await delivery.put(status(0, 1), status(1, 1), status("..", 1))
            await emptied(delivery)
            return {letter.status.device_id: letter.reason for letter in delivery.outbox.dead()}

    dead = run(work)
    assert taken(printos_sandbox.journal) == {"d1": [1]}
    assert (set(dead), "because of this" in dead["d0"]) == ({"d0", ".."}, True)


def test_server_that_knows_nobody_buries_no_backlog(printos_sandbox: Sandbox, tmp_path: Path) -> None:
    printos_sandbox.seed(fleet(200))
    printos_sandbox.fault("status", status=404)

    async def work() -> tuple[int, int, Delivery]:
        async with delivering(printos_sandbox, tmp_path, history=True, concurrency=4) as delivery:
            await delivery.put(*(status(device, pages) for pages in range(10) for device in range(200)))
            async with asyncio.timeout(20):
                while not delivery.pacing.gate.times_closed:  # noqa: ASYNC110 - others change it
                    await asyncio.sleep(0.01)
            calls = len(printos_sandbox.journal)
            printos_sandbox.clear_faults()
            await emptied(delivery, 60)
            return calls, delivery.outbox.counts().dead, delivery

    calls, dead, delivery = run(work)
    assert (dead <= MOST_REFUSED + 4, calls <= MOST_REFUSED + 8, delivery.tally.taken) == (True, True, 2000 - dead)
    assert all(pages == sorted(pages) for pages in taken(printos_sandbox.journal).values())


def test_answer_that_is_none_is_a_call_that_may_have_arrived(printos_sandbox: Sandbox, tmp_path: Path) -> None:
    printos_sandbox.seed(fleet(1))
    printos_sandbox.fault("garbage", count=1)

    async def work() -> Delivery:
        async with delivering(printos_sandbox, tmp_path, min_interval=2) as delivery:
            await delivery.put(status(0, 7))
            await emptied(delivery)
        return delivery

    delivery = run(work)
    assert (delivery.tally.taken, delivery.tally.failed, spacing(printos_sandbox.journal) >= 2) == (1, 1, True)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "reset"},
        {"kind": "reset", "after": True},
        {"kind": "truncation"},
        {"kind": "garbage"},
        {"kind": "status", "status": 500, "after": True},
    ],
    ids=str,
)
def test_call_whose_end_nobody_knows_costs_its_device_the_interval(
    fault: dict[str, Any], printos_sandbox: Sandbox, tmp_path: Path
) -> None:
    printos_sandbox.seed(fleet(20))
    httpx.post(f"{printos_sandbox.url}/__sandbox__/seed", json={"random": 7})
    printos_sandbox.fault(**fault, probability=0.3, count=12)

    async def work() -> Delivery:
        async with delivering(printos_sandbox, tmp_path, min_interval=0.4) as delivery:
            for pages in range(3):
                await delivery.put(*(status(device, pages) for device in range(20)))
                await emptied(delivery, 30)
        return delivery

    delivery = run(work)
    assert (delivery.tally.taken, delivery.tally.failed, len(printos_sandbox.journal)) == (60, 12, 72)
    assert spacing(printos_sandbox.journal) >= 0.4


def test_device_that_always_fails_delays_no_other(printos_sandbox: Sandbox, tmp_path: Path) -> None:
    printos_sandbox.seed(fleet(20))
    printos_sandbox.fault("status", status=500, device="d0")

    async def work() -> int:
        async with delivering(printos_sandbox, tmp_path) as delivery:
            for pages in range(20):
                await delivery.put(*(status(device, pages) for device in range(20)))
                async with asyncio.timeout(5):
                    while set(delivery.outbox.waiting()) - {"d0"}:  # noqa: ASYNC110 - others change it
                        await asyncio.sleep(0.005)
        return delivery.outbox.counts().waiting

    assert run(work) == 1
    assert all(taken(printos_sandbox.journal)[f"d{n}"][-1] == 19 for n in range(1, 20))


FAULTS: list[dict[str, Any]] = [
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 503, "retry_after": 1},
    {"kind": "status", "status": 401},
    {"kind": "status", "status": 429},
    {"kind": "status", "status": 520, "after": True},
    {"kind": "latency", "delay": 0.2},
    {"kind": "reset"},
    {"kind": "reset", "after": True},
    {"kind": "stall"},
    {"kind": "truncation"},
    {"kind": "garbage"},
]


async def through_faults(sandbox: Sandbox, folder: Path, *, rounds: int, devices: int, pause: float) -> list[Any]:
    """Put rounds of statuses while one call in twenty goes wrong; then mend the server, and return what was seen."""
    seen = []
    async with delivering(sandbox, folder, timeout=1.0) as delivery:
        for fault in FAULTS:
            sandbox.fault(**fault, probability=0.05 / len(FAULTS) * 2)
        for number in range(rounds):
            await delivery.put(*(status(device, number) for device in range(devices)))
            await asyncio.sleep(pause)
            if number % max(1, rounds // 20) == 0:
                seen.append((_memory(), _descriptors()))
        sandbox.clear_faults()
        await emptied(delivery, 90)
    return seen


def _memory() -> float:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def test_one_call_in_twenty_goes_wrong_and_nothing_is_lost_or_out_of_order(
    printos_sandbox: Sandbox, tmp_path: Path
) -> None:
    printos_sandbox.seed(fleet(20))

    run(through_faults, printos_sandbox, tmp_path, rounds=60, devices=20, pause=0.05)

    pages = taken(printos_sandbox.journal)
    assert {device: reported[-1] for device, reported in pages.items()} == {f"d{n}": 59 for n in range(20)}
    assert all(reported == sorted(reported) for reported in pages.values())


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.torture
@pytest.mark.printos_sandbox(journal=1000)
def test_half_an_hour_of_faults(printos_sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    printos_sandbox.seed(fleet(100))
    monkeypatch.setattr(logging.getLogger("printos_ext"), "propagate", False)  # pytest would keep every line

    seen = run(through_faults, printos_sandbox, tmp_path, rounds=1800, devices=100, pause=1.0)

    memory, sockets = zip(*seen[5:], strict=True)
    figures = f"{memory[0]:.0f} MiB to {memory[-1]:.0f} MiB, {min(sockets)} to {max(sockets)} descriptors"
    print(f"30 min of 5 % faults, 100 devices a second: {figures}")  # noqa: T201 - the figures
    assert {d["report"]["metrics"]["pagesTotal"] for d in printos_sandbox.devices} == {1799}
    assert statistics.fmean(memory[-3:]) - statistics.fmean(memory[:3]) < 5
    assert max(sockets[-5:]) <= max(sockets[:5]) + 4


def test_letters_go_out_in_the_order_in_which_they_wait(printos_sandbox: Sandbox, tmp_path: Path) -> None:
    printos_sandbox.seed(fleet(3))
    chance = Random(7)

    async def work() -> None:
        async with delivering(printos_sandbox, tmp_path, history=True) as delivery:
            for number in range(200):
                await delivery.put(status(chance.randrange(3), number))
            await emptied(delivery)

    run(work)
    pages = taken(printos_sandbox.journal)
    assert sorted(number for reported in pages.values() for number in reported) == list(range(200))
    assert all(reported == sorted(reported) for reported in pages.values())
