"""Devices of one's own: JSON in a file, in a pipe or over HTTP."""

import asyncio
import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from server import DEVICE, respond, respond_json, serving

from printos_ext.sources.lines import LinesSource
from printos_ext.sources.objects import reading_from
from printos_ext.sources.polled import PolledSource
from printos_ext.sources.reading import Origin, Reading, SourceError

NOW = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
EXAMPLES = int(os.environ.get("PRINTOS_EXAMPLES", "1000"))


def made_of(document: Any) -> Reading:
    return reading_from(json.dumps(document).encode(), source="jsonl:x", observed_at=NOW)


def test_each_field_is_taken_by_the_name_of_a_reading_or_of_the_document() -> None:
    ours = {"model": "Folder", "serial_number": "F-17", "location": "Hall 2", "status": "DS_ON", "pages_total": 7}
    theirs = {"model": "Folder", "serialNumber": "F-17", "location": "Hall 2", "status": "DS_ON", "pagesTotal": 7}

    reading = made_of({**theirs, "inkLevel": 42.5})

    assert reading == made_of({**ours, "ink_level": 42.5}) or reading.origins["pages_total"].key == "pagesTotal"
    assert (reading.serial_number, reading.pages_total, reading.ink_level) == ("F-17", 7, 42.5)
    assert reading.origins["serial_number"] == Origin("jsonl:x", "serialNumber")


def test_null_is_absent_and_any_other_key_is_a_detail() -> None:
    reading = made_of({"model": None, "tray": "A4", "details": {"firmware": "1.2"}})

    assert (reading.model, reading.details, reading.origins) == (None, {"tray": "A4", "firmware": "1.2"}, {})


@pytest.mark.parametrize("number", ["AAA0A00000", "n/a", "", "unknown", "0000000"])
def test_serial_number_that_only_holds_its_place_is_none(number: str) -> None:
    reading = made_of({"serial_number": number})

    assert (reading.serial_number, [one.key for one in reading.ignored]) == (None, ["serial_number"])


def test_time_of_the_device_is_kept() -> None:
    assert made_of({"observed_at": "2026-01-01T01:00:00+01:00"}).observed_at == dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    assert made_of({"observedAt": "2026-01-01T00:00:00"}).observed_at == dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    assert made_of({}).observed_at == NOW


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({"pages_total": "7"}, "pages_total must be a whole number from zero, not '7'"),
        ({"pages_total": -1}, "pages_total must be"),
        ({"pages_total": True}, "pages_total must be"),
        ({"pages_total": 10**30}, "pages_total must be"),
        ({"inkLevel": 101}, "inkLevel must be a percent"),
        ({"inkLevel": float("nan")}, "NaN is no number"),
        ({"model": 7}, "model must be a line of text, not 7"),
        ({"model": "two\nlines"}, "model must be"),
        ({"observed_at": "yesterday"}, "observed_at must be a time"),
        ([], "one JSON object describes a device, not"),
        ("text", "one JSON object"),
    ],
)
def test_wrong_value_is_told_by_its_name(document: Any, why: str) -> None:
    with pytest.raises(SourceError, match="jsonl:x: ") as caught:
        made_of(document)

    assert why in str(caught.value)


KEYS = st.sampled_from(["model", "serialNumber", "status", "pages_total", "inkLevel", "details", "observed_at", "x"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=9
)


@hypothesis.settings(max_examples=EXAMPLES)
@hypothesis.given(st.binary(max_size=200) | DOCUMENTS.map(lambda document: json.dumps(document).encode()))
def test_anything_is_a_reading_or_a_typed_error(content: bytes) -> None:
    try:
        reading = reading_from(content, source="jsonl:x", observed_at=NOW)
    except SourceError:
        return
    assert reading.ink_level is None or 0 <= reading.ink_level <= 100


class TestFile:
    def read(self, path: object) -> Reading:
        return asyncio.run(LinesSource(f"jsonl:{path}", clock=lambda: NOW).read())

    def test_last_whole_line_counts(self, tmp_path: Path) -> None:
        file = tmp_path / "device.jsonl"
        file.write_bytes(b'{"pages_total": 1}\n{"pages_total": 2}\n\n{"pages_total": 3')

        assert self.read(file).pages_total == 2

    def test_large_file_is_read_at_its_end(self, tmp_path: Path) -> None:
        file = tmp_path / "device.jsonl"
        file.write_bytes(b'{"pages_total": 1}\n' * 1_000_000 + b'{"pages_total": 2}\n')

        assert self.read(file).pages_total == 2

    @pytest.mark.parametrize("content", [b"", b"\n\n", b'{"model": "x"}', b"x" * 2_000_000])
    def test_file_without_a_whole_line_says_so(self, content: bytes, tmp_path: Path) -> None:
        file = tmp_path / "device.jsonl"
        file.write_bytes(content)

        with pytest.raises(SourceError, match="no whole line"):
            self.read(file)

    def test_what_is_no_file_says_so(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "fifo")

        for path, why in ((tmp_path, "no file"), (tmp_path / "fifo", "no file"), (tmp_path / "x", "not there")):
            with pytest.raises(SourceError, match=why):
                self.read(path)
        with pytest.raises(SourceError, match="name a file"):
            LinesSource("jsonl:")


STREAM = """
import asyncio, sys
from printos_ext.sources.lines import LinesSource
from printos_ext.sources.reading import SourceError
async def main():
    source = LinesSource("jsonl:-", seconds=0.5)
    said = None
    while said != "jsonl:-: the input has ended":
        try: now = str((await source.read()).pages_total)
        except SourceError as error: now = str(error)
        if now != said: print(now, flush=True)  # the same line counts until there is another
        said = now
        await asyncio.sleep(0.01)
asyncio.run(main())
"""


def test_newest_line_of_a_pipe_counts_and_its_end_is_told() -> None:
    with subprocess.Popen([sys.executable, "-c", STREAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        out = [process.stdout.readline()]
        process.stdin.write(b'{"pages_total": 1}\n')
        process.stdin.close()
        out += process.stdout.readlines()

    assert [line.decode().strip() for line in out] == [
        "jsonl:-: no line within 0.5 s",
        "1",
        "jsonl:-: the input has ended",
    ]


def test_last_line_of_a_burst_counts() -> None:
    lines = "".join(f'{{"pages_total": {n}}}\n' for n in range(3000))
    result = subprocess.run(
        [sys.executable, "-m", "printos_ext.cli", "read", "jsonl:-"],
        input=lines,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )

    assert result.stdout == "pages_total\t2999\n"


def polled(address: str, **options: Any) -> Reading:
    return asyncio.run(PolledSource(address, clock=lambda: NOW, **options).read())


def test_device_that_serves_json_is_asked_for_it() -> None:
    with serving(respond_json({**DEVICE, "inkLevel": 7})) as server:
        reading = polled(f"{server.url}/status?token=hunter2")

    assert (reading.model, reading.serial_number, reading.ink_level) == (DEVICE["model"], DEVICE["serialNumber"], 7.0)
    assert (server.arrived[0].method, server.arrived[0].path) == ("GET", "/status?token=hunter2")
    assert "hunter2" not in repr(reading)


@pytest.mark.parametrize(
    ("behave", "why"),
    [
        (respond(404), "HTTP answers 404"),
        (respond(301, location="http://elsewhere"), "HTTP answers 301"),
        (respond_json([1]), "one JSON object"),
        (respond(body=b"<html>\xe4"), "no JSON"),
        (respond(body=b"[" * 100_000), "no JSON"),
        (respond(body=b"x" * 3_000_000), "larger than"),
        (lambda connection, _: connection.stall(), "no whole answer within 0.5 s"),
        (lambda connection, _: connection.drip(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 1000), "within 0.5 s"),
        (lambda connection, _: connection.reset(), "connection failed"),
        (lambda connection, _: connection.send(b"SSH-2.0-x\r\n\r\n"), "failed"),
    ],
    ids=range(10),
)
def test_device_that_serves_something_else_is_told(behave: Callable[..., object], why: str) -> None:
    with serving(behave) as server, pytest.raises(SourceError) as caught:
        polled(f"http://user:hunter2@127.0.0.1:{server.port}/x", seconds=0.5)

    assert why in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "http://",
        "http://[",
        "https:///path",
        "http://h:bad",
        "http://u:hunter2@/x",
        "http://u:hun/ter2@h/",
        "http://[::1",
    ],
)
def test_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(SourceError) as caught:
        polled(address)

    assert "ter2" not in str(caught.value)
