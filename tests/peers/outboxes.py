"""Outboxes in processes of their own, which are ended without asking; what they said, and what is there afterwards."""

import asyncio
import datetime as dt
import itertools
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from attrs import Factory, define
from processes import peak

from printos_ext.agent.outbox import Letter, Outbox, Status

COMMAND = [sys.executable, __file__]
DEVICES = 50
MOMENT = dt.datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=dt.UTC)


def status(device_id: str = "IL42", word: str = "DS_ON", **rest: Any) -> Status:
    return Status(device_id, word, MOMENT, **rest)


def failing(fails: Callable[[str], bool]) -> Callable[[Path], sqlite3.Connection]:
    """Return what opens a database on a disk that fails with some statements."""

    class Connection(sqlite3.Connection):
        def execute(self, text: str, *values: Any) -> sqlite3.Cursor:
            if fails(text):
                error = sqlite3.OperationalError("disk I/O error")
                error.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
                raise error
            return super().execute(text, *values)

    return lambda path: sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=Connection)


def all_waiting(outbox: Outbox) -> dict[str, Letter]:
    """Return what each device has to send next."""
    return {name: letter for name in outbox.waiting() if (letter := outbox.next(name))}


def show(capsys: Any, figures: str) -> None:
    """Print the figures of a test that passes."""
    with capsys.disabled():
        sys.stdout.write(f"\n{figures}\n")


@define
class Diary:
    """What a process did to an outbox, in its order, by the numbers of the statuses of each device."""

    asked: dict[str, list[int]] = Factory(dict)
    puts: dict[str, list[int]] = Factory(dict)
    acks: dict[str, list[int]] = Factory(dict)
    acking: dict[str, int] = Factory(dict)
    leases: dict[str, list[int]] = Factory(dict)

    @classmethod
    def read(cls, said: str) -> "Diary":
        diary = cls()
        for line in said.splitlines(keepends=True):
            if not line.endswith("\n") or len(line.split()) != 3:
                continue  # its last words
            what, name, number = line.split()
            if what == "acking":
                diary.acking[name] = int(number)
            else:
                lists = {"ask": diary.asked, "put": diary.puts, "ack": diary.acks, "lease": diary.leases}
                lists[what].setdefault(name, []).append(int(number))
        return diary

    @property
    def taken(self) -> int:
        return sum(map(len, self.puts.values()))

    @property
    def acknowledged(self) -> int:
        return sum(map(len, self.acks.values()))

    def check(self, left: dict[str, list[int]], *, history: bool, acks_hold: bool = True) -> None:
        """Compare with what is left for each device, in the order in which it was given out.

        Whatever was asked for and not answered may be there or not, and so may the one letter that was being
        acknowledged. After a power cut acknowledgements may be missing: they are not waited for.
        """
        for name in {*self.asked, *left}:
            there, asked, puts = left.get(name, []), self.asked.get(name, []), self.puts.get(name, [])
            acked = max([0, *self.acks.get(name, [])])
            acking = max(acked, self.acking.get(name, 0))
            assert there == sorted(set(there)), f"{name}: out of order: {there}"
            assert set(there) <= set(asked), f"{name}: nobody put {set(there) - set(asked)}"
            if acks_hold:
                assert all(number > acked for number in there), f"{name}: {acked} was acknowledged: {there}"
            if history:
                missing = {number for number in puts if number > acking} - set(there)
                assert not missing, f"{name}: lost {missing}, has {there}"
            elif puts and max(puts) > acking:
                assert there, f"{name}: lost {max(puts)}"
                assert there[-1] >= max(puts), f"{name}: lost {max(puts)}, has {there}"


def killed_with(path: Path, *, puts: int) -> list[str]:
    """Let a process put statuses of as many devices, one commit each, and kill it."""
    process = subprocess.run([*COMMAND, "fill", str(path), str(puts)], stdout=subprocess.PIPE, check=False)
    assert process.returncode == -signal.SIGKILL
    return process.stdout.decode().split()


async def fill_and_die(path: Path, puts: int) -> None:
    async with Outbox(path) as outbox:
        for number in range(puts):
            await outbox.put(status(f"IL{number}", pages_total=number))
            os.write(1, f"IL{number}\n".encode())
        die()


async def open_and_tell(path: Path, *, history: bool) -> None:
    """Say how many letters wait, and how many megabytes it took to know."""
    async with Outbox(path, history=history) as outbox:
        say(outbox.counts().waiting, peak() // 1024)


async def work(path: Path, *, history: bool, step: str = "", count: int = 0) -> None:
    """Put and acknowledge at full speed, and say so, until the process is killed or comes to a step so many times."""
    steps = Steps(step, count)
    async with Outbox(path, history=history, connect=steps.connect) as outbox:
        say("ready")
        numbers = itertools.count(1)
        names = [f"IL{number}-{os.getpid()}" for number in range(DEVICES)]
        await asyncio.gather(putting(outbox, names, numbers), sending(outbox, steps), sending(outbox, steps))


async def putting(outbox: Outbox, names: list[str], numbers: Iterable[int]) -> None:
    chance = random.Random(os.getpid())
    for number in numbers:
        some = chance.sample(names, chance.choice([1, 1, 1, 5, 20]))
        for name in some:
            say("ask", name, number)
        await outbox.put(*(status(name, pages_total=number) for name in some))
        for name in some:
            say("put", name, number)


async def sending(outbox: Outbox, steps: "Steps") -> None:
    in_flight: set[str] = steps.in_flight
    while True:
        await asyncio.sleep(0)
        for name in outbox.waiting():
            if name in in_flight:
                continue
            in_flight.add(name)
            letter = outbox.next(name)
            steps.pass_("before lease")
            if letter:
                await outbox.lease(letter)
                say("lease", name, letter.status.pages_total)
                steps.pass_("after lease")
                say("acking", name, letter.status.pages_total)
                steps.pass_("before ack")
                await outbox.ack(letter)
                say("ack", name, letter.status.pages_total)
                steps.pass_("after ack")
            in_flight.discard(name)


class Steps:
    """Lets the process die when it has come to a step so many times: a statement of SQL, before or after it."""

    def __init__(self, step: str, count: int) -> None:
        self.step, self.left = step, count
        self.in_flight: set[str] = set()

    def pass_(self, step: str) -> None:
        if step == self.step:
            self.left -= 1
            if not self.left:
                die()

    def connect(self, path: Path) -> sqlite3.Connection:
        steps = self

        class Connection(sqlite3.Connection):
            def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
                word = statement.split(maxsplit=1)[0]
                steps.pass_(f"before {word}")
                result = super().execute(statement, *values)
                steps.pass_(f"after {word}")
                return result

        return sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=Connection)


def say(*words: object) -> None:
    """Write to the pipe at once: it outlives the process."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    if sys.argv[1] == "fill":
        asyncio.run(fill_and_die(Path(sys.argv[2]), int(sys.argv[3])))
    elif sys.argv[1] == "open":
        asyncio.run(open_and_tell(Path(sys.argv[2]), history=sys.argv[3] == "history"))
    else:
        step, count = sys.argv[4:] or ("", "0")
        asyncio.run(work(Path(sys.argv[2]), history=sys.argv[3] == "history", step=step, count=int(count)))
