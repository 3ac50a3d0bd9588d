"""What it costs to put statuses into the outbox, beside bare sqlite3 with a commit for each row, on the same disk.

All of them wait for the disk. They take turns, so that its moods meet all; medians and their ratios to the first.
"""

import asyncio
import datetime as dt
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from attrs import evolve

from printos_ext.agent.letters import body_of
from printos_ext.agent.outbox import Outbox, Status

ROUNDS = 7
ONE_BY_ONE, TOGETHER = 200, 10_000
STATUS = Status("", "DS_PRINTING", dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC), pages_total=120_345, ink_level=42.5)
BODY = body_of(STATUS)


def main() -> None:
    """Measure, and print side by side."""
    speeds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        for round_ in range(ROUNDS):
            for name, measure in MEASURED.items():
                speeds.setdefault(name, []).append(measure(Path(folder) / f"{round_}-{len(speeds)}-{name[:6]}.db"))
    print(f"{'medians of ' + str(ROUNDS) + ' rounds':<52}{'statuses/s':>12}{'ratio':>9}")
    first = next(iter(speeds.values()))
    for name, measured in speeds.items():
        ratio = statistics.median(mine / base for mine, base in zip(measured, first, strict=True))
        print(f"{name:<52}{statistics.median(measured):>12,.0f}{ratio:>8.2f}x")


def bare(path: Path) -> float:
    """Insert rows with a commit for each."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE letters (number INTEGER PRIMARY KEY, device_id TEXT NOT NULL, body TEXT NOT NULL)")
    begun = time.perf_counter()
    for number in range(ONE_BY_ONE):
        db.execute("INSERT INTO letters (device_id, body) VALUES (?, ?)", (f"IL{number}", BODY))
    seconds = time.perf_counter() - begun
    db.close()
    return ONE_BY_ONE / seconds


def one_by_one(path: Path) -> float:
    """Put statuses, each when the one before it is safe."""

    async def put() -> float:
        async with Outbox(path) as outbox:
            begun = time.perf_counter()
            for status in statuses(ONE_BY_ONE):
                await outbox.put(status)
            return ONE_BY_ONE / (time.perf_counter() - begun)

    return asyncio.run(put())


def together(path: Path) -> float:
    """Put the statuses of as many devices at the same time, each by itself."""

    async def put() -> float:
        async with Outbox(path) as outbox:
            begun = time.perf_counter()
            await asyncio.gather(*(outbox.put(status) for status in statuses(TOGETHER)))
            return TOGETHER / (time.perf_counter() - begun)

    return asyncio.run(put())


def at_once(path: Path) -> float:
    """Put the statuses of as many devices with one call."""

    async def put() -> float:
        async with Outbox(path) as outbox:
            begun = time.perf_counter()
            await outbox.put(*statuses(TOGETHER))
            return TOGETHER / (time.perf_counter() - begun)

    return asyncio.run(put())


def statuses(count: int) -> list[Status]:
    """Return a status of each of so many devices."""
    return [evolve(STATUS, device_id=f"IL{number}") for number in range(count)]


MEASURED: dict[str, Callable[[Path], float]] = {
    "sqlite3, a commit for each row": bare,
    "Outbox.put, one after the other": one_by_one,
    f"Outbox.put, {TOGETHER:,} at the same time": together,
    f"Outbox.put of {TOGETHER:,} statuses": at_once,
}

if __name__ == "__main__":
    main()
