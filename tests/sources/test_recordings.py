"""Recorded devices: scrubbed of what tells which one it is, and played as if they were there."""

import asyncio
import datetime as dt
import json
import os
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from printos_ext.sources import ipp_mapping, snmp_mapping
from printos_ext.sources.reading import Reading, SourceError
from printos_ext.sources.recordings import FORMAT, Recording, read, written
from printos_ext.sources.replayed import ReplayedSource
from printos_ext.sources.scrubbing import scrubbed

NOW = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
# An invented device.
ROWS: dict[str, Any] = {
    "1.3.6.1.2.1.1.1.0": b"Imagined Printer 9; SN:QX7781K02; 10.1.2.3; 00:11:22:aa:bb:cc; it@shop.example.com",
    "1.3.6.1.2.1.1.6.0": b"Ms. Miller's office",
    "1.3.6.1.2.1.25.3.2.1.2.1": "1.3.6.1.2.1.25.3.1.5",
    "1.3.6.1.2.1.25.3.2.1.3.1": b"Imagined Printer 9",
    "1.3.6.1.2.1.43.5.1.1.17.1": b"QX7781K02\x00",
    "1.3.6.1.2.1.43.10.2.1.4.1.1": 4711,
}
ATTRIBUTES: dict[str, Any] = {
    "printer-make-and-model": "Imagined Printer 9",
    "printer-device-id": "MFG:Imagined;MDL:Printer 9;SN:QX7781K02;",
    "printer-state": 3,
    "marker-levels": [71, 42],
    "marker-names": ["Black Ink", "Cyan Ink"],
    "marker-types": ["ink", "ink"],
    "printer-firmware-string-version": ["1.0", b"\xff\x00"],
}


def reading_of(protocol: str, said: Any) -> Reading:
    if protocol == "snmp":
        return snmp_mapping.reading_from(said, source="snmp://x", observed_at=NOW)
    return ipp_mapping.reading_from(said, source="ipp://x", observed_at=NOW)


@pytest.mark.parametrize(("protocol", "said"), [("snmp", ROWS), ("ipp", ATTRIBUTES)])
def test_scrubbed_device_reads_the_same_but_for_who_it_is(protocol: str, said: Any) -> None:
    before = reading_of(protocol, said)
    assert before.serial_number == "QX7781K02"

    hidden = scrubbed(said, b"salt")
    after = reading_of(protocol, hidden)

    text = json.dumps(written(Recording(protocol, [hidden])))
    secrets = ("QX7781K02", "Miller", "10.1.2.3", "00:11:22", "shop.example", b"QX7781K02".hex())
    assert not [secret for secret in secrets if secret in text]
    assert (after.model, after.pages_total, after.ink_level, after.status) == (
        before.model,
        before.pages_total,
        before.ink_level,
        before.status,
    )
    assert after.serial_number is not None
    assert [character.isdigit() for character in after.serial_number] == [c.isdigit() for c in "QX7781K02"]


def test_same_device_gets_the_same_stand_in_with_the_same_salt_only() -> None:
    assert scrubbed(ROWS, b"a") == scrubbed(ROWS, b"a") != scrubbed(ROWS, b"b")


def test_serial_number_in_hexadecimal_is_scrubbed_too() -> None:
    rows = {**ROWS, "1.3.6.1.4.1.1248.1": b"51 58".replace(b" ", b"") + b"QX7781K02".hex().encode()}

    assert b"QX7781K02".hex() not in str(scrubbed(rows, b"salt"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("1.3.6.1.2.1.1.6.0", "Büro Müller,  Zimmer 3".encode()),
        ("1.3.6.1.2.1.1.6.0", "Büro Müller".encode("latin-1")),
        ("1.3.6.1.2.1.1.6.0", b"4d 75 65 6c 6c 65 72 20 33"),
        ("printer-location", "Hall\t2, Herr Müller"),
        ("1.3.6.1.2.1.43.5.1.1.17.1", b"51 58 37 37 38 31"),
        ("1.3.6.1.2.1.43.5.1.1.17.1", b"F17"),
        ("1.3.6.1.4.1.11.2.3.9.4.2.1.1.3.3.0", b"\x01\x00VNB3C12345"),
        ("1.3.6.1.2.1.1.1.0", b"Printer; SN:VNB3C12345,FW:1"),
        ("1.3.6.1.2.1.43.11.1.1.6.1.1", b"Toner S/N:CRUM-13072012345"),
        ("1.3.6.1.2.1.1.1.0", b"at fe80::211:22ff:feaa:bbcc"),
        ("1.3.6.1.2.1.1.1.0", b"mac 001122AABBCC"),
        ("1.3.6.1.2.1.1.1.0", b"prt01.mueller.ch and prt.shop.example"),
        ("1.3.6.1.2.1.1.1.0", rb"\\SRV-MUELLER\hp"),
    ],
)
def test_nothing_that_tells_who_it_is_survives(key: str, value: bytes | str) -> None:
    text = str(scrubbed({key: value}, b"salt"))

    secrets = (
        "ller",
        "4d 75 65",
        "51 58 37",
        "F17",
        "VNB3C",
        "CRUM-13072012345",
        "211:22ff",
        "001122AABBCC",
        "shop",
        "SRV",
    )
    assert not [secret for secret in secrets if secret in text], text


@pytest.mark.parametrize("place", ["IT", "e", "2", "Toner"])
def test_location_that_is_also_a_word_elsewhere_changes_no_word(place: str) -> None:
    rows = {**ROWS, "1.3.6.1.2.1.1.6.0": place.encode(), "1.3.6.1.2.1.43.11.1.1.6.1.1": b"White Toners Unit"}

    hidden = scrubbed(rows, b"salt")

    assert hidden["1.3.6.1.2.1.43.11.1.1.6.1.1"] == b"White Toners Unit"
    assert hidden["1.3.6.1.2.1.25.3.2.1.3.1"] == b"Imagined Printer 9"


def test_oid_and_version_are_no_addresses() -> None:
    said = {"1.3.6.1.2.1.25.3.2.1.2.1": "1.3.6.1.2.1.25.3.1.5", "printer-firmware-string-version": "1.2.3.4"}

    assert scrubbed(said, b"salt") == said


SAID = st.dictionaries(
    st.text(max_size=9),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.binary(max_size=9),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
        max_leaves=9,
    ),
    max_size=5,
)


@hypothesis.given(SAID)
def test_whatever_a_device_says_is_read_back_as_it_was(said: dict[str, Any]) -> None:
    assert read(written(Recording("snmp", [said]))).said == [said]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "[" * 99_999,
        json.dumps({"format": FORMAT, "protocol": "smb", "said": [{}]}),
        json.dumps({"format": FORMAT, "protocol": "snmp", "said": []}),
        json.dumps({"format": FORMAT, "protocol": "snmp", "said": [7]}),
        json.dumps({"format": "printos-recording 2", "protocol": "snmp", "said": [{}]}),
    ],
    ids=range(8),
)
def test_what_is_no_recording_says_so(text: str, tmp_path: Path) -> None:
    (tmp_path / "device.json").write_text(text, encoding="utf-8")

    with pytest.raises(SourceError, match=r"replay:.*device\.json: "):
        asyncio.run(ReplayedSource(f"replay:{tmp_path / 'device.json'}").read())


def test_recording_is_played_to_its_end_and_its_end_again(tmp_path: Path) -> None:
    file = tmp_path / "device.json"
    pages = "1.3.6.1.2.1.43.10.2.1.4.1.1"
    file.write_text(written(Recording("snmp", [ROWS, {**ROWS, pages: 4712}])), encoding="utf-8")
    source = ReplayedSource(f"replay:{file}", clock=lambda: NOW)

    readings = [asyncio.run(source.read()) for _ in range(3)]

    assert [reading.pages_total for reading in readings] == [4711, 4712, 4712]
    assert readings[0].origins["pages_total"].source == "snmp://device.json"


def test_pipe_is_no_recording(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(SourceError, match="no file"):
        asyncio.run(ReplayedSource(f"replay:{tmp_path / 'pipe'}").read())


def test_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        asyncio.run(ReplayedSource(f"replay:{tmp_path / 'x'}").read())
