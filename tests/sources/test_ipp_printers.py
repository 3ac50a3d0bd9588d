"""Printers that others made, read over their own sockets: CUPS' IPP Everywhere printer and PAPPL's label printer."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from printers import ATTRIBUTES, PAUSE_PRINTER, RESUME_PRINTER, Printer, everywhere_printer, label_printer, picture
from server import until

from printos_ext.sources.ipp import IppSource
from printos_ext.sources.reading import Reading, SourceError


def read(address: str) -> Reading:
    return asyncio.run(IppSource(address).read())


@pytest.fixture
def printer(tmp_path: Path) -> Iterator[Printer]:
    with everywhere_printer(tmp_path) as running:
        yield running


@pytest.fixture
def labels(tmp_path: Path) -> Iterator[Printer]:
    with label_printer(tmp_path) as running:
        yield running


def test_printer_is_read_without_saying_its_path(printer: Printer) -> None:
    reading = read(printer.address())

    assert (reading.model, reading.serial_number, reading.location) == ("Example Jet 5", "E5A0042", "Hall 2")
    assert (reading.status, reading.ink_level, reading.pages_total) == ("DS_ON", 60, None)
    assert reading.details["firmware"] == "2.1"
    assert [supply["percent"] for supply in reading.details["supplies"]] == [80, 60, 70, 5]


def test_state_and_levels_move_with_a_job(printer: Printer) -> None:
    printer.begin_job("ATTR: marker-levels=71,42,90,15", "STATE: +toner-low-warning")
    assert until(lambda: read(printer.address()).ink_level == 42)
    during = read(printer.address())
    printer.end_job()

    assert during.status == "DS_PRINTING"
    assert "toner-low-warning" in during.details["alerts"]
    assert until(lambda: read(printer.address()).status == "DS_ON")
    assert read(printer.address()).ink_level == 42


def test_jam_is_among_the_alerts_until_it_is_cleared(printer: Printer) -> None:
    # This printer never stops, so that it calls a jam a warning while it prints, and a report once it is idle.
    printer.begin_job("STATE: +media-jam-error")
    assert until(lambda: read(printer.address()).details.get("alerts") == ["media-jam-warning"])
    assert read(printer.address()).status == "DS_PRINTING"
    printer.end_job()
    assert until(lambda: read(printer.address()).details.get("alerts") == ["media-jam-report"])

    printer.begin_job("STATE: -media-jam-error")
    printer.end_job()
    assert until(lambda: read(printer.address()).status == "DS_ON")
    assert "alerts" not in read(printer.address()).details


def test_job_of_the_printer_is_among_what_is_fetched(printer: Printer) -> None:
    printer.begin_job()
    attributes: dict[str, Any] = asyncio.run(IppSource(printer.address()).fetch())
    printer.end_job()

    assert (attributes["printer-state"], attributes["job-state"]) == (4, 5)
    assert attributes["job-state-reasons"] == "job-printing"


def test_printer_that_signed_its_own_certificate_is_refused_until_it_is_pinned(printer: Printer) -> None:
    address = printer.address("/ipp/print", "ipps")
    fingerprint = printer.fingerprint

    with pytest.raises(SourceError, match="its certificate is not trusted") as refused:
        read(address)

    assert f"{address}?fingerprint={fingerprint}" in str(refused.value)
    assert read(f"{address}?fingerprint={fingerprint}").serial_number == "E5A0042"
    with pytest.raises(SourceError, match="another certificate than the pinned one"):
        read(f"{address}?fingerprint={'0' * 64}")


SUPPLIES = """
ATTR octetString printer-supply "type=wasteToner;maxcapacity=100;level=5;class=receptacleThatIsFilled;",
    "type=toner;maxcapacity=100;level=75;class=supplyThatIsConsumed;colorantname=black;"
ATTR text printer-supply-description "Toner Waste Tank","Black Toner"
"""


def test_supplies_are_read_where_there_are_no_markers(tmp_path: Path) -> None:
    lines = [line for line in ATTRIBUTES.splitlines() if "marker-" not in line]
    with everywhere_printer(tmp_path, "\n".join(lines) + SUPPLIES) as printer:
        reading = read(printer.address())

    assert (reading.ink_level, reading.origins["ink_level"].key) == (75, "printer-supply")
    assert reading.details["supplies"][0] == {"name": "Toner Waste Tank", "percent": 5.0, "kind": "wasteToner"}


def test_pages_are_counted(labels: Printer) -> None:
    path = "/ipp/print/labels"
    before = read(labels.address(path))
    labels.print(picture(), path, "image/png")

    assert before.pages_total == 41
    assert before.origins["pages_total"].key == "printer-impressions-completed"
    assert until(lambda: read(labels.address(path)).pages_total == 42, 20)


def test_label_printer_says_what_it_is(labels: Printer) -> None:
    reading = read(labels.address())

    assert (reading.model, reading.serial_number, reading.location) == ("Zebra ZPL", "Z42X", "Dispatch")
    assert (reading.status, reading.ink_level) == ("DS_ON", None)


def test_paused_printer_stands_by(labels: Printer) -> None:
    labels.ask(PAUSE_PRINTER, "/ipp/print/labels")
    assert until(lambda: read(labels.address()).status == "DS_STANDBY")
    assert read(labels.address()).details["alerts"] == ["paused"]

    labels.ask(RESUME_PRINTER, "/ipp/print/labels")
    assert until(lambda: read(labels.address()).status == "DS_ON")
