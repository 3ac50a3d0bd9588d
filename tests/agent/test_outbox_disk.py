"""Disks that are full: putting in is refused, taking out goes on, and all is well as soon as there is space."""

import asyncio
import contextlib
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from outboxes import failing, status

from printos_ext.agent.outbox import Outbox, OutboxError
from printos_ext.agent.reserve import LARGEST, SMALLEST

# A file system of its own in memory, which goes with the process; needs no rights where users may have namespaces.
SMALL = [
    "unshare",
    "--map-root-user",
    "--mount",
    "sh",
    "-c",
    'mount -t tmpfs -o size="$1" tmpfs "$2" && shift 2 && exec "$@"',
]


def on_small_disk(size: str, folder: Path, scene: str) -> Any:
    """Play a scene of this module on a small file system, and return what it says."""
    command = [*SMALL, "sh", size, str(folder)]
    try:
        possible = not subprocess.run([*command, "true"], capture_output=True, check=False).returncode
    except FileNotFoundError:
        possible = False
    if not possible:
        pytest.skip("no file system can be mounted here: apt-get install util-linux, and allow user namespaces")
    played = subprocess.run(
        [*command, sys.executable, __file__, scene, str(folder)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
        timeout=60,
    )
    return json.loads(played.stdout)


async def fill(outbox: Outbox, name: str) -> tuple[int, str]:
    """Put until it is refused; return how much was taken, and the error."""
    for number in range(100_000):
        try:
            await outbox.put(*(status(f"{name}{number}-{other}") for other in range(20)))
        except OutboxError as error:
            return number * 20, str(error)
    raise AssertionError("it was never full")


def fill_up(file: Path) -> None:
    """Take all the space there is."""
    with file.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
        while True:
            stream.write(bytes(4096))


async def empty(outbox: Outbox, most: int) -> int:
    """Acknowledge letters one by one; return how many."""
    taken = 0
    for name in list(outbox.waiting())[:most]:
        letter = outbox.next(name)
        assert letter
        await outbox.lease(letter)
        await outbox.ack(letter)
        taken += 1
    return taken


async def others_fill_the_disk(folder: Path) -> dict[str, Any]:
    async with Outbox(folder / "outbox.db") as outbox:
        await outbox.put(*(status(f"early{number}") for number in range(2000)))
        fill_up(folder / "others")
        put, error = await fill(outbox, "late")
        acked = await empty(outbox, 1000)
        (folder / "others").unlink()
        freed = time.monotonic()
        while True:
            with contextlib.suppress(OutboxError):
                await outbox.put(status("normal"))
                break
            await asyncio.sleep(0.05)
        seconds = time.monotonic() - freed
        again, _ = await fill(outbox, "again")
        left = outbox.counts().waiting
    async with Outbox(folder / "outbox.db") as outbox:
        there = len(list(outbox.waiting()))
    return {
        "put": put,
        "error": error,
        "acked": acked,
        "seconds": seconds,
        "again": again,
        "left": left,
        "there": there,
    }


async def outbox_fills_the_disk(folder: Path) -> dict[str, Any]:
    rounds = []
    async with Outbox(folder / "outbox.db", history=True) as outbox:
        for number in range(3):
            put, error = await fill(outbox, f"round{number}-")
            rounds.append((put, await empty(outbox, 100_000), error))
        await outbox.put(status("last"))
    async with Outbox(folder / "outbox.db", history=True) as outbox:
        left = list(outbox.waiting())
    return {"rounds": rounds, "left": left}


async def full_disk_at_the_start(folder: Path) -> dict[str, Any]:
    async with Outbox(folder / "outbox.db") as outbox:
        await outbox.put(*(status(f"IL{number}") for number in range(500)))
    fill_up(folder / "others")
    async with Outbox(folder / "outbox.db") as outbox:
        return {"acked": await empty(outbox, 1000)}


async def damage_on_a_full_disk(folder: Path) -> dict[str, Any]:
    path = folder / "outbox.db"
    async with Outbox(path) as outbox:
        await outbox.put(*(status(f"IL{number}") for number in range(20_000)))
    with path.open("r+b") as file:
        file.write(bytes(100))
    fill_up(folder / "others")
    error = ""
    try:
        async with Outbox(path):
            pass
    except OutboxError as said:
        error = str(said)
    names = sorted(file.name for file in folder.iterdir())  # noqa: ASYNC240 - nobody waits
    (folder / "others").unlink()
    async with Outbox(path) as outbox:
        return {"error": error, "names": names, "left": outbox.counts().waiting}


async def leases_on_a_full_disk(folder: Path) -> dict[str, Any]:
    async with Outbox(folder / "outbox.db") as outbox:
        put, _ = await fill(outbox, "IL")
        names = random.Random(7).sample(list(outbox.waiting()), put)
        for name in names:
            letter = outbox.next(name)
            assert letter
            await outbox.lease(letter)
    async with Outbox(folder / "outbox.db") as outbox:
        return {"put": put, "is_last_known": name in outbox.leased(), "left": outbox.counts().waiting}


def test_disk_that_others_fill_stops_no_deliveries(tmp_path: Path) -> None:
    said = on_small_disk("12m", tmp_path, "others_fill_the_disk")

    assert "outbox.db cannot be written (database or disk is full)" in said["error"]
    assert said["acked"] == 1000
    assert said["seconds"] < 5
    assert said["again"] > 10_000
    assert said["there"] == said["left"] == 2000 + said["put"] + 1 + said["again"] - said["acked"]


@pytest.mark.parametrize("size", ["2m", pytest.param("8m", marks=pytest.mark.torture)])
def test_disk_that_the_outbox_fills_is_of_use_again_once_letters_are_sent(tmp_path: Path, size: str) -> None:
    said = on_small_disk(size, tmp_path, "outbox_fills_the_disk")

    assert all(put == acked > 1000 for put, acked, _ in said["rounds"])
    assert all("disk is full" in error for _, _, error in said["rounds"])
    assert said["left"] == ["last"]


def test_outbox_is_opened_and_emptied_on_a_full_disk(tmp_path: Path) -> None:
    assert on_small_disk("4m", tmp_path, "full_disk_at_the_start") == {"acked": 500}


def test_damaged_file_on_a_full_disk_is_left_until_there_is_space(tmp_path: Path) -> None:
    said = on_small_disk("16m", tmp_path, "damage_on_a_full_disk")

    assert "outbox.db cannot be opened: database or disk is full" in said["error"]
    assert [name for name in said["names"] if "outbox.db-s" in name] == []
    assert said["left"] == 20_000


def test_full_disk_stops_no_leases(tmp_path: Path) -> None:
    said = on_small_disk("2m", tmp_path, "leases_on_a_full_disk")

    assert said["put"] > 1000
    assert said["is_last_known"]
    assert said["left"] == said["put"]


def test_reserve_that_a_crash_left_unfinished_is_taken_again(tmp_path: Path) -> None:
    reserve = tmp_path / "outbox.db-reserve"
    reserve.write_bytes(b"")

    async def use() -> None:
        async with Outbox(tmp_path / "outbox.db") as outbox:
            for number in range(500):
                await outbox.put(status(f"IL{number}"))
            assert (tmp_path / "outbox.db-wal").stat().st_size < LARGEST

    asyncio.run(use())
    assert reserve.stat().st_size >= SMALLEST


@pytest.mark.parametrize("statement", ["BEGIN", "INSERT", "COMMIT", "SELECT number, device_id"])
def test_disk_that_fails_for_a_while_is_used_again(tmp_path: Path, statement: str) -> None:
    is_broken = False

    connect = failing(lambda text: is_broken and text.startswith(statement))

    async def use() -> None:
        nonlocal is_broken
        async with Outbox(tmp_path / "outbox.db", connect=connect) as outbox:
            await outbox.put(status("A"))
            is_broken = True
            with contextlib.suppress(OutboxError):
                await asyncio.wait_for(outbox.put(status("B")), 5)
            is_broken = False
            await outbox.put(status("C"))
            assert {"A", "C"} <= set(outbox.waiting()) <= {"A", "B", "C"}
            seen = set(outbox.waiting())
        async with Outbox(tmp_path / "outbox.db") as outbox:
            assert set(outbox.waiting()) == seen

    asyncio.run(use())


if __name__ == "__main__":
    played = asyncio.run(globals()[sys.argv[1]](Path(sys.argv[2])))
    os.write(1, json.dumps(played).encode())
