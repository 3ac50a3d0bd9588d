"""Files that somebody or something damaged: what can be read is saved, counted and logged, and the outbox goes on."""

import asyncio
import contextlib
import os
import random
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outboxes import COMMAND, all_waiting, killed_with, show, status

from printos_ext.agent.layout import PAGE_SIZE
from printos_ext.agent.outbox import Outbox, OutboxError

pytestmark = pytest.mark.anyio

LETTERS = 5000


def salvaged(caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    """Return what was told of a damaged file."""
    told: list[dict[str, Any]] = [one.__dict__["fields"] for one in caplog.records if one.message == "salvaged"]
    return told[-1]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an outbox that was closed."""
    return filled(tmp_path_factory.mktemp("whole"), LETTERS)


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """What a process that was killed left: its file and its journal."""
    path = tmp_path_factory.mktemp("left") / "outbox.db"
    killed_with(path, puts=80)
    return path.read_bytes(), path.with_name("outbox.db-wal").read_bytes()


def filled(folder: Path, letters: int) -> Path:
    async def fill() -> None:
        async with Outbox(folder / "outbox.db") as outbox:
            await outbox.put(*(status(f"IL{number}", pages_total=number) for number in range(letters)))

    asyncio.run(fill())
    return folder


@st.composite
def changed(draw: st.DrawFn, whole: bytes) -> bytes:
    """Return a file in which some bytes are others, and which may end too early."""
    content = bytearray(whole)
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(content) - 1))
        content[place : place + 1] = draw(st.binary(min_size=1, max_size=40))
    return bytes(content[: draw(st.integers(0, len(content)) | st.just(len(content)))])


def copied(folder: Path, into: Path) -> Path:
    shutil.copytree(folder, into, dirs_exist_ok=True)
    return into / "outbox.db"


def names_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def overwrite(path: Path, place: int, content: bytes) -> None:
    with path.open("r+b") as stream:
        stream.seek(place)
        stream.write(content)


async def saved(path: Path, caplog: pytest.LogCaptureFixture) -> int:
    """Open a damaged file in time, and return how many letters are there; all of them must be right."""
    begun = time.monotonic()
    async with Outbox(path) as outbox:
        assert time.monotonic() - begun < 5
        letters = all_waiting(outbox)
        counts = outbox.counts()
        assert all(letter.status == status(name, pages_total=int(name[2:])) for name, letter in letters.items())
        assert counts.saved >= counts.waiting == len(letters)
        assert salvaged(caplog)["saved"] == counts.waiting
        await outbox.put(status("new"))
    async with Outbox(path) as outbox:
        assert outbox.counts().waiting == len(letters) + 1
    return len(letters)


@pytest.mark.parametrize("seed", range(8))
async def test_one_damaged_page_costs_no_more_than_its_letters(
    whole: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, seed: int
) -> None:
    chance = random.Random(seed)
    path = copied(whole, tmp_path)
    pages = path.stat().st_size // PAGE_SIZE
    garbage = [bytes(PAGE_SIZE), chance.randbytes(PAGE_SIZE)][seed % 2]
    overwrite(path, chance.randrange(pages) * PAGE_SIZE, garbage)

    assert await saved(path, caplog) >= 0.99 * LETTERS


@pytest.mark.torture
async def test_any_damaged_page_costs_no_more_than_its_letters(
    whole: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(7)
    least = LETTERS
    pages = (whole / "outbox.db").stat().st_size // PAGE_SIZE
    for page in range(pages):
        caplog.clear()
        path = copied(whole, tmp_path / "copy")
        for aside in path.parent.glob("*-damaged-*"):
            aside.unlink()
        overwrite(path, page * PAGE_SIZE, chance.randbytes(PAGE_SIZE))
        least = min(least, await saved(path, caplog))
    show(capsys, f"{pages} pages, one damaged at a time: at least {least:,} of {LETTERS:,} letters saved")
    assert least >= 0.99 * LETTERS


@pytest.mark.torture
async def test_1_500_000_letters_with_a_damaged_page_are_saved_in_little_memory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "outbox.db"
    async with Outbox(path, history=True, max_bytes=1 << 32) as outbox:
        for start in range(0, 1_500_000, 5000):
            await outbox.put(
                *(status(f"IL{number % 1000}", pages_total=number) for number in range(start, start + 5000))
            )
    overwrite(path, 1000 * PAGE_SIZE, random.Random(7).randbytes(PAGE_SIZE))
    begun = time.monotonic()
    process = subprocess.run([*COMMAND, "open", str(path), "history"], stdout=subprocess.PIPE, check=True)  # noqa: ASYNC221 - a moment
    seconds = time.monotonic() - begun
    there, megabytes = map(int, process.stdout.split())
    show(capsys, f"{there:,} of 1,500,000 letters saved in {seconds:.0f} s and {megabytes} MB")
    assert there >= 0.99 * 1_500_000
    assert megabytes < 300


@pytest.mark.torture
async def test_100_000_letters_with_a_damaged_page_are_there_in_five_seconds(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "outbox.db"
    async with Outbox(path) as outbox:
        for start in range(0, 100_000, 5000):
            await outbox.put(*(status(f"IL{number}", pages_total=number) for number in range(start, start + 5000)))
    overwrite(path, 1000 * PAGE_SIZE, random.Random(7).randbytes(PAGE_SIZE))
    begun = time.monotonic()
    async with Outbox(path):
        seconds = time.monotonic() - begun
    overwrite(path, 1000 * PAGE_SIZE, bytes(PAGE_SIZE))
    there = await saved(path, caplog)
    show(capsys, f"{there:,} of 100,000 letters saved; the first time it was open after {seconds:.1f} s")
    assert there > 99_900
    assert seconds < 5


@pytest.mark.parametrize("size", [16, 100, PAGE_SIZE])
async def test_zeroed_header_costs_nothing(
    whole: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, size: int
) -> None:
    path = copied(whole, tmp_path)
    overwrite(path, 0, bytes(size))

    assert await saved(path, caplog) == LETTERS


async def test_cut_file_costs_what_was_cut(whole: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = copied(whole, tmp_path)
    with path.open("r+b") as stream:
        stream.truncate(path.stat().st_size // 2)

    assert await saved(path, caplog) > LETTERS / 4


async def test_changed_letter_is_not_given_out(whole: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = copied(whole, tmp_path)
    place = path.read_bytes().index(b'"pages_total":4321,')
    overwrite(path, place, b'"pages_total":9321,')

    assert await saved(path, caplog) == LETTERS - 1
    assert salvaged(caplog)["lost"] == 1


async def test_large_letters_are_saved(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    large = [status(f"IL{size}", more_metrics={"log": "ä" * size}) for size in (600, 700, 3000, 60_000)]
    async with Outbox(path) as outbox:
        await outbox.put(*large)
    overwrite(path, 0, bytes(100))
    async with Outbox(path) as outbox:
        assert [letter.status for letter in all_waiting(outbox).values()] == large


async def test_dead_letters_and_counters_are_saved(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    async with Outbox(path) as outbox:
        await outbox.put(status("A"), status("B"))
        letter = outbox.next("A")
        assert letter
        await outbox.bury(letter, "404: gone")
        dead = outbox.dead()
    overwrite(path, 0, bytes(100))
    async with Outbox(path) as outbox:
        assert outbox.dead() == dead
        assert list(outbox.waiting()) == ["B"]
        assert (outbox.counts().saved, outbox.counts().lost) == (2, 0)


async def test_letters_that_were_sent_are_not_salvaged(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    async with Outbox(path) as outbox:
        await outbox.put(*(status(f"IL{number}") for number in range(500)))
        for number in range(450):
            letter = outbox.next(f"IL{number}")
            assert letter
            await outbox.ack(letter)
    overwrite(path, 0, bytes(PAGE_SIZE))
    async with Outbox(path) as outbox:
        assert sorted(outbox.waiting()) == [f"IL{number}" for number in range(450, 500)]


@pytest.mark.parametrize("share", [0.0, 0.001, 0.2, 0.5, 0.9, 0.999])
async def test_cut_journal_costs_what_was_cut(tmp_path: Path, caplog: pytest.LogCaptureFixture, share: float) -> None:
    path = tmp_path / "outbox.db"
    accepted = killed_with(path, puts=400)
    journal = tmp_path / "outbox.db-wal"
    frames = journal.stat().st_size
    with journal.open("r+b") as stream:
        stream.truncate(int(frames * share))
    begun = time.monotonic()
    async with Outbox(path) as outbox:
        assert time.monotonic() - begun < 5
        there = sorted(int(name[2:]) for name in outbox.waiting())

    assert there == list(range(len(there))), "a letter is missing between others"
    assert len(there) >= (len(accepted) // 2 if share > 0.5 else 0)
    assert len(there) == len(accepted) or "journal" in caplog.text


async def test_journal_whose_file_is_gone_is_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "outbox.db"
    accepted = killed_with(path, puts=10)
    path.unlink()
    async with Outbox(path) as outbox:
        assert sorted(outbox.waiting()) == sorted(accepted)

    assert salvaged(caplog)["error"] == "the file is empty, and its journal is not"


@pytest.mark.parametrize("place", [0, 16, 32, 32 + 24 + 100, 32 + 40 * (24 + PAGE_SIZE), 0.3, 0.7])
async def test_damaged_journal_costs_no_more_than_its_page(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, place: float
) -> None:
    path = tmp_path / "outbox.db"
    accepted = killed_with(path, puts=60)
    journal = tmp_path / "outbox.db-wal"
    overwrite(journal, int(place * journal.stat().st_size) if isinstance(place, float) else place, b"\xa5" * 64)
    async with Outbox(path) as outbox:
        there = list(outbox.waiting())

    assert len(there) >= len(accepted) - 40
    assert salvaged(caplog)


async def test_damage_that_shows_later_is_mended_without_a_restart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "outbox.db"
    async with Outbox(path, history=True) as outbox:
        await outbox.put(*(status(word=str(number)) for number in range(100)))
        with contextlib.closing(sqlite3.connect(path)) as other, other:
            other.execute("UPDATE letters SET body = body || ' ' WHERE number = 2")
        words = []
        while letter := outbox.next("IL42"):
            words.append(letter.status.status)
            await outbox.ack(letter)

        assert words == ["0", *map(str, range(2, 100))]
        assert outbox.counts().lost == 1
        assert salvaged(caplog)["error"] == "letter 2 is not as it was written"
        await outbox.put(status())


async def test_status_that_meets_damage_is_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "outbox.db"
    async with Outbox(path) as outbox:
        await outbox.put(status("A", "1"), status("B", "1"))
        with contextlib.closing(sqlite3.connect(path)) as other, other:
            other.execute("UPDATE letters SET checksum = 0 WHERE device_id = 'A'")
        await outbox.put(status("A", "2"))

        assert {name: letter.status.status for name, letter in all_waiting(outbox).items()} == {"A": "2", "B": "1"}
        assert (salvaged(caplog)["saved"], salvaged(caplog)["lost"]) == (1, 1)


async def test_no_more_than_a_few_damaged_files_are_kept(whole: Path, tmp_path: Path) -> None:
    path = copied(whole, tmp_path)
    for _ in range(5):
        overwrite(path, 0, bytes(100))
        async with Outbox(path):
            pass

    assert names_in(tmp_path) == [
        "outbox.db",
        "outbox.db-damaged-1",
        "outbox.db-damaged-2",
        "outbox.db-damaged-3",
        "outbox.db-lock",
        "outbox.db-reserve",
    ]


@pytest.mark.parametrize("step", ["-saving", "-saved", "-damaged-1", "outbox.db"])
async def test_crash_while_saving_loses_nothing(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = copied(whole, tmp_path)
    overwrite(path, 0, bytes(100))

    def crash(original: Callable[[Path, Path], Path]) -> Callable[[Path, Path], Path]:
        def renamed(source: Path, target: Path) -> Path:
            if source.name.endswith(step) or target.name.endswith(step):
                raise OSError("power cut")
            return original(source, target)

        return renamed

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", crash(Path.replace))
        patched.setattr(Path, "rename", crash(Path.rename))
        with pytest.raises(OutboxError, match="power cut"):
            async with Outbox(path):
                pass
    async with Outbox(path) as outbox:
        assert len(list(outbox.waiting())) == LETTERS


async def test_file_that_is_no_database_is_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "outbox.db"
    path.write_text("Dear diary\n" * 1000)
    async with Outbox(path) as outbox:
        await outbox.put(status())

    assert (tmp_path / "outbox.db-damaged-1").read_text().startswith("Dear diary")
    assert (salvaged(caplog)["saved"], salvaged(caplog)["lost"]) == (0, 0)


async def test_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(OutboxError, match="is a database of something else"):
        async with Outbox(path):
            pass

    assert path.read_bytes() == before


@settings(max_examples=int(os.environ.get("PRINTOS_EXAMPLES", "60")))
@given(data=st.data())
def test_whatever_is_in_the_files_is_no_more_than_an_error(left: tuple[bytes, bytes], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "outbox.db"
        path.write_bytes(data.draw(changed(left[0]) | st.binary(max_size=PAGE_SIZE)))
        if data.draw(st.booleans()):
            path.with_name("outbox.db-wal").write_bytes(data.draw(changed(left[1]) | st.binary(max_size=PAGE_SIZE)))

        async def use() -> None:
            with contextlib.suppress(OutboxError):
                async with Outbox(path) as outbox:
                    await outbox.put(status("new"))
                    assert "new" in all_waiting(outbox)

        asyncio.run(use())
