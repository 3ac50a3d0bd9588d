"""Processes that are killed and machines that lose power: nothing that was taken is lost or comes out of order."""

import asyncio
import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from outboxes import COMMAND, DEVICES, Diary, show
from power import Recording
from server import until

from printos_ext.agent.outbox import Outbox


def survived(path: Path, diary: Diary, *, history: bool, acks_hold: bool = True) -> None:
    """Check an outbox against what its process said before it died."""

    async def check() -> dict[str, list[int]]:
        left: dict[str, list[int]] = {}
        async with Outbox(path, history=history) as outbox:
            assert not acks_hold or set(diary.leases) <= set(outbox.leased())
            for name in outbox.waiting():
                while letter := outbox.next(name):
                    left.setdefault(name, []).append(letter.status.pages_total or 0)
                    await outbox.ack(letter)
        return left

    diary.check(asyncio.run(check()), history=history, acks_hold=acks_hold)
    assert not list(path.parent.glob("*-damaged-*")), "what a crash leaves was taken for damaged"
    with contextlib.closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def run_and_kill(path: Path, *arguments: str, after: float | None = None, history: bool = False) -> Diary:
    """Let a process put and acknowledge at full speed, and kill it, if it does not do so itself."""
    mode = "history" if history else "newest"
    with tempfile.TemporaryFile() as said:
        with subprocess.Popen([*COMMAND, "work", str(path), mode, *arguments], stdout=said) as process:
            try:
                assert until(lambda: os.fstat(said.fileno()).st_size > 0, 20)
                if after is not None:
                    time.sleep(after)
                    process.kill()
                assert process.wait(30) == -signal.SIGKILL
            finally:
                process.kill()
        said.seek(0)
        return Diary.read(said.read().decode())


def killed_at_random(folder: Path, times: int, *, history: bool) -> tuple[int, int]:
    """Kill processes on one file so many times at least, until one has sent; return how much was taken, and sent."""
    chance = random.Random(times)
    taken = acknowledged = done = 0
    path = folder / "outbox.db"
    while done < times or not acknowledged:
        done += 1
        diary = run_and_kill(path, after=chance.uniform(0, 0.15), history=history)
        survived(path, diary, history=history)
        taken, acknowledged = taken + diary.taken, acknowledged + diary.acknowledged
    return taken, acknowledged


@pytest.mark.parametrize("history", [False, True], ids=["newest", "history"])
def test_kill_at_a_random_moment_loses_nothing(tmp_path: Path, history: bool) -> None:  # noqa: FBT001 - a parameter
    taken, acknowledged = killed_at_random(tmp_path, 4, history=history)

    assert taken > acknowledged > 0


@pytest.mark.torture
@pytest.mark.parametrize("history", [False, True], ids=["newest", "history"])
def test_500_kills_at_random_moments_lose_nothing(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    history: bool,  # noqa: FBT001 - a parameter
) -> None:
    taken, acknowledged = killed_at_random(tmp_path, 500, history=history)

    show(
        capsys, f"500 kills, {DEVICES} devices: {taken:,} taken, {acknowledged:,} acknowledged, 0 lost or out of order"
    )


STEPS = [
    "before BEGIN",
    "after BEGIN",
    "before INSERT",
    "before DELETE",
    "before COMMIT",
    "after COMMIT",
    "before lease",
    "after lease",
    "before ack",
    "after ack",
]


@pytest.mark.parametrize("step", STEPS)
def test_kill_at_a_step_loses_nothing(tmp_path: Path, step: str) -> None:
    survived(tmp_path / "outbox.db", run_and_kill(tmp_path / "outbox.db", step, "20"), history=False)


@pytest.mark.torture
@pytest.mark.parametrize("step", STEPS)
def test_50_kills_at_a_step_lose_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str], step: str) -> None:
    path = tmp_path / "outbox.db"
    taken = 0
    for time_ in range(50):
        history = time_ % 2 == 1
        path = tmp_path / f"{history}.db"
        diary = run_and_kill(path, step, str(1 + 3 * time_), history=history)
        survived(path, diary, history=history)
        taken += diary.taken
    show(capsys, f"50 kills {step}: {taken:,} statuses taken, 0 lost or out of order")


def cut_power(folder: Path, cuts: int, *, history: bool) -> int:
    """Record what a process writes, cut the power at many moments of it, and return how much was taken until then."""
    if not Recording.is_possible():
        pytest.skip("there is no strace that may trace: apt-get install strace")
    path = folder / "outbox.db"
    recording = Recording.of(
        [*COMMAND, "work", str(path), "history" if history else "newest", "after COMMIT", "60"], path.parent
    )
    chance = random.Random(cuts)
    taken = 0
    for _ in range(cuts):
        with tempfile.TemporaryDirectory(dir=folder) as after:
            moment = chance.randrange(recording.length)
            said = recording.replay(moment, Path(after), chance)
            diary = Diary.read(said)
            survived(Path(after) / path.name, diary, history=history, acks_hold=False)
            taken += diary.taken
    return taken


@pytest.mark.parametrize("history", [False, True], ids=["newest", "history"])
def test_power_cut_loses_nothing(tmp_path: Path, history: bool) -> None:  # noqa: FBT001 - a parameter
    assert cut_power(tmp_path, 10, history=history) > 0


@pytest.mark.torture
@pytest.mark.parametrize("history", [False, True], ids=["newest", "history"])
def test_200_power_cuts_lose_nothing(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    history: bool,  # noqa: FBT001 - a parameter
) -> None:
    taken = cut_power(tmp_path, 200, history=history)
    show(capsys, f"200 power cuts: {taken:,} statuses taken before them, 0 lost")
