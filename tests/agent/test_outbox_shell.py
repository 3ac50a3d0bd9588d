"""`printos outbox` beside an agent that runs, and on files of every kind."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from agent_processes import COMMAND, Running, written
from outboxes import COMMAND as WRITER
from outboxes import status
from server import until

from printos_ext.agent.layout import PAGE_SIZE
from printos_ext.agent.looking import Contents, look
from printos_ext.agent.outbox import Outbox
from printos_ext.sandbox import Sandbox

Start = Callable[..., Running]

PRESS = "sim://press?seed=1&speed=20000"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def words(file: Path, *said: object) -> subprocess.CompletedProcess[str]:
    """Run `printos outbox` with these words."""
    command = [*COMMAND, "outbox", *map(str, said), "-c", str(file)]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False, timeout=60)


def names_in(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.glob("outbox.db*")}


def refused(path: Path, *devices: str, history: bool = False) -> list[int]:
    """Put statuses of devices into an outbox and have them refused; return their numbers."""

    async def fill() -> list[int]:
        async with Outbox(path, history=history) as outbox:
            for device in devices:
                await outbox.put(status(device))
                letter = outbox.next(device)
                assert letter
                await outbox.bury(letter, f"404: there is no device {device}")
            return [letter.number for letter in outbox.dead()]

    return asyncio.run(fill())


def put(path: Path, device: str) -> None:
    async def put() -> None:
        async with Outbox(path) as outbox:
            await outbox.put(status(device))

    asyncio.run(put())


def shown(file: Path) -> list[int]:
    return [letter["number"] for letter in json.loads(words(file, "show", "--json").stdout)]


def test_what_was_refused_is_shown_while_the_agent_runs(sandbox: Sandbox, start: Start) -> None:
    agent = start(sandbox, devices={"nobody": PRESS})
    assert until(lambda: agent.has_logged("refused"), 20)

    result = words(agent.file, "show", "--json")
    assert result.returncode == 0, result.stderr
    letter = json.loads(result.stdout)[0]
    assert (letter["device_id"], "there is no device" in letter["reason"]) == ("nobody", True)
    assert " refused, 0 dropped" in result.stderr
    assert agent.process.poll() is None
    assert not [event for event in agent.events if event["event"] == "outbox"]


def differs(path: Path, before: Contents) -> bool:
    return look(path) != before


def test_looks_do_not_disturb_a_writer_nor_it_them(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    refused(path, "A")
    with subprocess.Popen([*WRITER, "work", str(path), "newest"], stdout=subprocess.DEVNULL) as writer:
        try:
            assert until(lambda: look(path).counts.waiting > 0, 20)
            for _ in range(10):
                before = look(path)
                assert until(partial(differs, path, before), 20)
            assert writer.poll() is None
        finally:
            writer.kill()


@pytest.mark.parametrize("said", [("retry", "--all"), ("drop", 1)])
def test_nothing_is_changed_while_the_agent_runs(sandbox: Sandbox, start: Start, said: tuple[object, ...]) -> None:
    agent = start(sandbox, devices={"nobody": PRESS})

    result = words(agent.file, *said)
    assert result.returncode == 1
    assert f"outbox.db is in use by another process ({agent.process.pid})" in result.stderr
    assert result.stderr.count("\n") == 1


def test_looking_changes_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    file = written(sandbox, tmp_path)
    numbers = refused(tmp_path / "outbox.db", "A", "B")
    before = names_in(tmp_path)

    assert shown(file) == numbers
    assert names_in(tmp_path) == before


def test_what_a_killed_agent_left_is_shown_and_stays_for_the_next(
    sandbox: Sandbox, start: Start, tmp_path: Path
) -> None:
    agent = start(sandbox, devices={"nobody": PRESS})
    assert until(lambda: agent.has_logged("refused"), 20)
    agent.kill()
    journal = (tmp_path / "outbox.db-wal").read_bytes()

    numbers = shown(agent.file)
    assert numbers
    assert (tmp_path / "outbox.db-wal").read_bytes() == journal
    assert numbers == shown(agent.file)
    assert words(agent.file, "drop", "--all").returncode == 0
    assert shown(agent.file) == []


def test_several_are_put_back_at_once(sandbox: Sandbox, tmp_path: Path) -> None:
    file = written(sandbox, tmp_path)
    first, second, third = refused(tmp_path / "outbox.db", "A", "B", "C")

    result = words(file, "retry", third, first, third)
    assert (result.returncode, "2 of 2 done" in result.stderr) == (0, True)
    assert shown(file) == [second]
    assert "2 waiting, 1 refused" in words(file, "show").stderr


def test_those_that_cannot_be_put_back_are_named_and_the_others_are_done(sandbox: Sandbox, tmp_path: Path) -> None:
    file = written(sandbox, tmp_path)
    first, second, third = refused(tmp_path / "outbox.db", "A", "B", "C")
    put(tmp_path / "outbox.db", "B")

    result = words(file, "retry", first, second, third, 4711)
    assert result.returncode == 1
    assert f"letter {second} stays dead: a newer one of device B waits" in result.stderr
    assert "no refused status has the number 4711" in result.stderr
    assert "2 of 4 done" in result.stderr
    assert shown(file) == [second]


def test_only_the_newest_of_a_device_is_put_back(sandbox: Sandbox, tmp_path: Path) -> None:
    file = written(sandbox, tmp_path)
    *older, newest = refused(tmp_path / "outbox.db", *"AAAAAAAAAAAAAAAA")

    result = words(file, "retry", "--all")
    assert (result.returncode, "1 of 16 done" in result.stderr, "and 5 more" in result.stderr) == (1, True, True)
    assert shown(file) == older
    assert "1 waiting" in words(file, "show").stderr
    assert newest not in shown(file)


def test_status_that_was_overtaken_by_one_that_was_sent_stays_dead(sandbox: Sandbox, tmp_path: Path) -> None:
    file = written(sandbox, tmp_path)
    (number,) = refused(tmp_path / "outbox.db", "A")

    async def send_newer() -> None:
        async with Outbox(tmp_path / "outbox.db") as outbox:
            await outbox.put(status("A"))
            letter = outbox.next("A")
            assert letter
            await outbox.lease(letter)
            await outbox.ack(letter)

    asyncio.run(send_newer())
    result = words(file, "retry", number)

    assert (result.returncode, shown(file)) == (1, [number])
    assert f"letter {number} stays dead: a newer one of device A was sent" in result.stderr


def test_all_are_put_back_or_forgotten(sandbox: Sandbox, tmp_path: Path) -> None:
    file = written(sandbox, tmp_path)
    refused(tmp_path / "outbox.db", "A", "B", "C")
    assert words(file, "retry", "--all").returncode == 0
    assert "3 waiting, 0 refused" in words(file, "show").stderr

    refused(tmp_path / "outbox.db", "D", "E")
    assert words(file, "drop", "--all").returncode == 0
    assert "3 waiting, 0 refused" in words(file, "show").stderr


@pytest.mark.parametrize("said", [(), (1, "--all")])
def test_which_ones_must_be_said(sandbox: Sandbox, tmp_path: Path, said: tuple[object, ...]) -> None:
    result = words(written(sandbox, tmp_path), "drop", *said)

    assert result.returncode == 2
    assert "say which: NUMBER..., or --all" in result.stderr


@pytest.mark.parametrize("word", ["retry", "drop"])
def test_dry_run_changes_nothing(sandbox: Sandbox, tmp_path: Path, word: str) -> None:
    file = written(sandbox, tmp_path)
    numbers = refused(tmp_path / "outbox.db", "A")

    result = words(file, word, "--all", "--dry-run")

    assert (result.returncode, "no --dry-run" in result.stderr, shown(file)) == (2, True, numbers)


def test_outbox_that_is_not_there_is_not_made(sandbox: Sandbox, tmp_path: Path) -> None:
    result = words(written(sandbox, tmp_path), "show")

    assert result.returncode == 1
    assert result.stderr == f"printos: there is no outbox {tmp_path / 'outbox.db'}: an agent makes it when it begins\n"
    assert not names_in(tmp_path)


@pytest.mark.parametrize(
    ("place", "content", "told"),
    [
        (0, bytes(100), "is damaged (file is not a database)"),
        (0, b"", "is no outbox, or is damaged"),
        (PAGE_SIZE, b"\xa5" * 20 * PAGE_SIZE, "is damaged (database disk image is malformed)"),
    ],
    ids=["header", "empty", "pages"],
)
def test_damaged_file_is_told_in_a_line_and_left_alone(
    sandbox: Sandbox, tmp_path: Path, place: int, content: bytes, told: str
) -> None:
    file = written(sandbox, tmp_path)
    refused(tmp_path / "outbox.db", "A")
    with (tmp_path / "outbox.db").open("r+b") as stream:
        stream.seek(place)
        stream.write(content)
        if not content:
            stream.truncate(0)
    before = names_in(tmp_path)

    result = words(file, "show")
    assert (result.returncode, result.stderr.count("\n")) == (1, 1)
    assert told in result.stderr
    assert names_in(tmp_path) == before


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="who may everything may read everything")
def test_file_that_may_not_be_read_is_told_in_a_line(sandbox: Sandbox, tmp_path: Path) -> None:
    file = written(sandbox, tmp_path)
    refused(tmp_path / "outbox.db", "A")
    (tmp_path / "outbox.db").chmod(0)

    result = words(file, "show")
    assert (result.returncode, result.stderr.count("\n")) == (1, 1)
    assert "cannot be read" in result.stderr
