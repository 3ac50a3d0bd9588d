"""From an agent's rows to a reading. The devices are invented, their rows written by hand from RFC 2790 and 3805."""

import datetime as dt
import os
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from printos_ext.sources import snmp_rows as snmp
from printos_ext.sources.reading import Origin, Reading
from printos_ext.sources.snmp_mapping import reading_from
from printos_ext.sources.snmp_rows import Value

MIB = "1.3.6.1.2.1"
TYPE, DESCR, STATUS = (f"{MIB}.25.3.2.1.{column}" for column in (2, 3, 5))
PRINTER, BITS = f"{MIB}.25.3.5.1.1", f"{MIB}.25.3.5.1.2"
SERIAL = f"{MIB}.43.5.1.1.17.1"
UNIT, COUNT = f"{MIB}.43.10.2.1.3", f"{MIB}.43.10.2.1.4"
SUPPLY = f"{MIB}.43.11.1.1"
ALERT = f"{MIB}.43.18.1.1.8.1"
BROTHER_SERIAL = "1.3.6.1.4.1.2435.2.3.9.4.2.1.5.5.1.0"
HP_SERIAL = "1.3.6.1.4.1.11.2.3.9.4.2.1.1.3.3.0"
HP_DEVICE_ID = "1.3.6.1.4.1.11.2.3.9.1.1.7.0"
SOURCE = "snmp://10.0.0.7"
NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
BIT = {
    name: 0x8000 >> place
    for place, name in enumerate(
        [
            *("lowPaper", "noPaper", "lowToner", "noToner", "doorOpen", "jammed", "offline", "serviceRequested"),
            *("inputTrayMissing", "outputTrayMissing", "markerSupplyMissing", "outputNearFull", "outputFull"),
            *("inputTrayEmpty", "overduePreventMaint"),
        ]
    )
}


def read(rows: Mapping[str, Value], last_status: str | None = None) -> Reading:
    return reading_from(rows, source=SOURCE, observed_at=NOW, last_status=last_status)


def state(device: int | None, printer: int | None, *errors: str, last: str | None = None) -> str | None:
    rows: dict[str, Value] = {f"{TYPE}.1": snmp.IS_PRINTER, f"{BITS}.1": bits(*errors)}
    if device is not None:
        rows[f"{STATUS}.1"] = device
    if printer is not None:
        rows[f"{PRINTER}.1"] = printer
    return read(rows, last).status


def bits(*errors: str) -> bytes:
    return sum(BIT[name] for name in errors).to_bytes(2)


def supplies(*rows: Mapping[int, Value]) -> dict[str, Value]:
    return {f"{SUPPLY}.{column}.1.{place}": value for place, row in enumerate(rows, 1) for column, value in row.items()}


def supply(name: Value, level: int, most: int = 100, kind: int | None = 3, **more: int) -> dict[int, Value]:
    row: dict[int, Value] = {6: name, 8: most, 9: level}
    row |= {{"colorant": 3, "fills": 4, "unit": 7}[word]: value for word, value in more.items()}
    return row if kind is None else row | {5: kind}


def ink(*rows: Mapping[int, Value]) -> float | None:
    return read(supplies(*rows)).ink_level


def why(reading: Reading, key: str) -> str:
    return next(entry.why for entry in reading.ignored if entry.key == key)


# -- state: running 2, warning 3, testing 4, down 5; other 1, idle 3, printing 4, warmup 5


@pytest.mark.parametrize("device", [2, 3])
@pytest.mark.parametrize("errors", [(), ("lowPaper",), ("lowToner", "serviceRequested"), ("noPaper",), ("doorOpen",)])
def test_printing_is_printing_whatever_it_warns_of(device: int, errors: tuple[str, ...]) -> None:
    assert state(device, 4, *errors) == "DS_PRINTING"


@pytest.mark.parametrize("device", [2, 3])
@pytest.mark.parametrize("errors", [(), ("lowPaper",), ("lowToner",), ("serviceRequested",), ("outputNearFull",)])
def test_idle_is_on(device: int, errors: tuple[str, ...]) -> None:
    assert state(device, 3, *errors) == "DS_ON"


@pytest.mark.parametrize("printer", [1, 5])
def test_power_save_and_warmup_are_standby(printer: int) -> None:
    assert state(2, printer) == "DS_STANDBY"


def test_warming_up_while_down_is_standby() -> None:
    assert state(5, 5) == "DS_STANDBY"


BLOCKING = [
    *("noPaper", "noToner", "doorOpen", "jammed"),
    *("inputTrayMissing", "outputTrayMissing", "markerSupplyMissing", "outputFull"),
]


@pytest.mark.parametrize("error", BLOCKING)
def test_down_with_a_blocking_bit_is_an_error(error: str) -> None:
    assert state(5, 1, error) == "DS_ERROR"
    assert state(5, 1, error, "offline") == "DS_ERROR"


def test_down_and_only_offline_is_standby() -> None:
    assert state(5, 1, "offline") == "DS_STANDBY"


@pytest.mark.parametrize("errors", [(), ("serviceRequested",), ("offline", "serviceRequested")])
def test_down_without_a_harmless_reason_is_an_error(errors: tuple[str, ...]) -> None:
    assert state(5, 1, *errors) == "DS_ERROR"


@pytest.mark.parametrize("device", [None, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("error", BLOCKING)
def test_blocking_bit_is_an_error_if_nothing_else_is_said(device: int | None, error: str) -> None:
    assert state(device, None, error) == "DS_ERROR"


@pytest.mark.parametrize("error", ["lowPaper", "lowToner", "serviceRequested", "overduePreventMaint", "inputTrayEmpty"])
def test_other_bits_are_on_if_nothing_else_is_said(error: str) -> None:
    assert state(2, None, error) == "DS_ON"


@pytest.mark.parametrize("error", BLOCKING)
def test_idle_with_a_blocking_bit_is_an_error(error: str) -> None:
    assert state(3, 3, error) == "DS_ERROR"


@pytest.mark.parametrize("device", [1, 4])
def test_device_that_does_not_know_keeps_its_last_state(device: int) -> None:
    assert state(device, 3, last="DS_PRINTING") == "DS_PRINTING"
    assert state(device, 3) == "DS_ON"


@pytest.mark.parametrize(
    ("octets", "alerts"),
    [(b"", None), (b"\x04", ["jammed"]), (b"\x00\x08", ["outputFull"]), (b"\x44\x00\xff", ["noPaper", "jammed"])],
)
def test_bits_come_in_any_number_of_octets(octets: bytes, alerts: list[str] | None) -> None:
    reading = read({f"{STATUS}.1": 5, f"{PRINTER}.1": 1, f"{BITS}.1": octets})

    assert reading.details.get("alerts") == alerts
    assert reading.status == "DS_ERROR"


def test_status_of_devices_that_are_no_printers_does_not_count() -> None:
    rows: dict[str, Value] = {
        f"{TYPE}.1": f"{MIB}.25.3.1.4",
        f"{STATUS}.1": 5,
        f"{TYPE}.7": snmp.IS_PRINTER,
        f"{STATUS}.7": 2,
    }

    assert read({**rows, f"{PRINTER}.7": 4}).status == "DS_PRINTING"


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ((2, 3), (5, 1), "DS_ERROR"),
        ((2, 1), (2, 4), "DS_PRINTING"),
        ((2, 1), (2, 3), "DS_ON"),
        ((1, 2), (2, 1), "DS_STANDBY"),
    ],
)
def test_of_several_printers_the_foremost_state_counts(
    first: tuple[int, int], second: tuple[int, int], together: str
) -> None:
    rows: dict[str, Value] = {}
    for index, (device, printer) in ((1, first), (4, second)):
        rows |= {f"{TYPE}.{index}": snmp.IS_PRINTER, f"{STATUS}.{index}": device, f"{PRINTER}.{index}": printer}

    assert read(rows).status == together


def test_device_that_answers_without_a_state_is_on() -> None:
    assert read({snmp.SYS_DESCR: b"ACME Press 9"}).status == "DS_ON"
    assert read({}).status is None


def test_alerts_are_what_the_device_describes_and_the_names_of_the_bits() -> None:
    rows = {f"{ALERT}.1": b"Jam in duplexer\0", f"{ALERT}.2": b"", f"{BITS}.1": b"\x04"}

    assert read(rows).details["alerts"] == ["Jam in duplexer", "jammed"]


# -- model


@pytest.mark.parametrize(
    ("rows", "model"),
    [
        ({f"{TYPE}.1": snmp.IS_PRINTER, f"{DESCR}.1": b"ACME Press 9"}, "ACME Press 9"),
        (
            {
                f"{TYPE}.1": f"{MIB}.25.3.1.4",
                f"{DESCR}.1": b"Ethernet",
                f"{TYPE}.2": snmp.IS_PRINTER,
                f"{DESCR}.2": b"ACME 9",
            },
            "ACME 9",
        ),
        ({snmp.SYS_DESCR: b"ACME Press 9; SS 1.2, NC 3"}, "ACME Press 9"),
        ({snmp.SYS_DESCR: b"ACME Press 9 /P"}, "ACME Press 9"),
        ({f"{TYPE}.1": snmp.IS_PRINTER, f"{DESCR}.1": b"Canon A-9x21/23 /P"}, "Canon A-9x21/23"),
        ({f"{TYPE}.1": snmp.IS_PRINTER, f"{DESCR}.1": b"unknown", snmp.SYS_DESCR: b"ACME Press 9"}, "ACME Press 9"),
        (
            {f"{TYPE}.1": snmp.IS_PRINTER, f"{DESCR}.1": b"UTAX_TA 9i", snmp.SYS_OBJECT_ID: "1.3.6.1.4.1.1347.41"},
            "UTAX_TA 9i",
        ),
        ({snmp.SYS_DESCR: b"RICOH Acme C9 2.20 / RICOH Network Printer"}, "RICOH Acme C9"),
        ({snmp.SYS_DESCR: b"Lexmark AC9 version AB.CD.E118 kernel 2.6"}, "Lexmark AC9"),
        ({snmp.SYS_DESCR: b"HP ETHERNET MULTI-ENVIRONMENT,SN:AC12345,PID:HP AcmeJet 9"}, "HP AcmeJet 9"),
        (
            {snmp.SYS_DESCR: b"OKI OkiLAN 1g Rev.00.69 Ethernet PrintServer: Attached to AC873 Rev.07.87 : (c)"},
            "OKI AC873",
        ),
        (
            {
                snmp.SYS_DESCR: b"KONICA MINOLTA bizhub A9",
                f"{TYPE}.1": snmp.IS_PRINTER,
                f"{DESCR}.1": b"Generic 28C-1",
            },
            "KONICA MINOLTA bizhub A9",
        ),
        (
            {f"{TYPE}.1": snmp.IS_PRINTER, f"{DESCR}.1": b"Dell A9460dn 7AC2XW1 LW.P2.P434"},
            "Dell A9460dn",
        ),
        ({f"{TYPE}.1": snmp.IS_PRINTER, f"{DESCR}.1": b"Dell A93cn; SN:AC12345; Net 11.74"}, "Dell A93cn"),
        ({f"{TYPE}.1": snmp.IS_PRINTER, f"{DESCR}.1": b"Dell A93cn S/N AC12345"}, "Dell A93cn"),
        ({f"{TYPE}.1": snmp.IS_PRINTER, f"{DESCR}.1": b"Dell A93cn AC12345 1.2", SERIAL: b"AC12345"}, "Dell A93cn"),
        ({f"{TYPE}.1": snmp.IS_PRINTER, f"{DESCR}.1": b"Lexmark AC810 40AC7029K0DX8 ACTZJ.041.017"}, "Lexmark AC810"),
        ({f"{TYPE}.1": snmp.IS_PRINTER, f"{DESCR}.1": b"Samsung Samsung A-9 Series"}, "Samsung A-9 Series"),
        ({snmp.SYS_DESCR: b"AcmeNet PrintServer", HP_DEVICE_ID: b"MFG:HP;MDL:HP AcmeJet 9;"}, "HP AcmeJet 9"),
        (
            {snmp.SYS_DESCR: b"AcmeNet PrintServer", HP_DEVICE_ID: b"MFG:Hewlett-Packard;MDL:AcmeJet 9;"},
            "HP AcmeJet 9",
        ),
        ({snmp.SYS_DESCR: b"AcmeNet PrintServer", HP_DEVICE_ID: b"MANUFACTURE:OKI UK LTD;MODEL:AC9"}, "OKI AC9"),
        (
            {
                snmp.SYS_DESCR: b"KYOCERA Document Solutions Printing System",
                "1.3.6.1.4.1.1347.43.5.1.1.1.1": b"FS-9",
            },
            "KYOCERA FS-9",
        ),
        (
            {snmp.SYS_OBJECT_ID: "1.3.6.1.4.1.1347.41", f"{TYPE}.1": snmp.IS_PRINTER, f"{DESCR}.1": b"ECO 9"},
            "KYOCERA ECO 9",
        ),
        ({f"{TYPE}.1": snmp.IS_PRINTER, f"{DESCR}.1": b"OKI DATA CORP AC5600"}, "OKI AC5600"),
        ({snmp.SYS_DESCR: b"EPSON Built-in 11b/g/n Print Server"}, None),
        ({snmp.SYS_DESCR: b"HP ETHERNET MULTI-ENVIRONMENT,ROM none,JETDIRECT,JD143,EEPROM JDI23400010"}, None),
        ({f"{TYPE}.1": snmp.IS_PRINTER, f"{DESCR}.1": b"HP ETHERNET MULTI-ENVIRONMENT"}, None),
        ({snmp.SYS_DESCR: b"Acme Printing System"}, "Acme Printing System"),
        ({snmp.SYS_DESCR: b"41434d45205072657373"}, "ACME Press"),
        ({snmp.SYS_DESCR: b""}, None),
    ],
    ids=[
        "description of the printer row",
        "not of another row",
        "sysDescr until a semicolon",
        "sysDescr until a slash",
        "description until a slash after a space",
        "unknown is no model",
        "maker with an underscore",
        "version after it",
        "kernel after it",
        "product id of HP",
        "attached to a print server",
        "generic description",
        "serial and firmware after it",
        "serial after a semicolon",
        "serial after its name",
        "serial that is known",
        "longer serial and firmware",
        "maker twice",
        "device id",
        "device id with a long maker",
        "device id with a company",
        "maker's own place",
        "maker by number",
        "company",
        "print server alone",
        "JetDirect alone",
        "JetDirect as a device",
        "nothing better",
        "hex of the text",
        "empty",
    ],
)
def test_model_is_as_it_is_sold(rows: dict[str, Value], model: str | None) -> None:
    assert read(rows).model == model


@pytest.mark.parametrize(
    ("enterprise", "model"),
    [
        *((18334, "Develop ineo+ 9"), (367, "nashuatec MP A9"), (367, "Rex-Rotary MP A9"), (367, "Gestetner MP A9")),
        *((367, "LANIER MP A9"), (367, "SAVIN MP A9"), (367, "infotec MP A9"), (367, "NRG MP A9")),
        *((641, "IBM Infoprint 9"), (367, "InfoPrint 9"), (1347, "UTAX A-9"), (1347, "TA Triumph-Adler A-9")),
        *((18334, "OLIVETTI d-Color A9"), (18334, "Muratec MFX-A9"), (2001, "TallyGenicom A9"), (641, "Pantum A9")),
        *((641, "Source Technologies ST9"), (18334, "Sindoh A9"), (1129, "TOSHIBA TEC A9"), (1347, "Copystar A9")),
    ],
)
def test_model_of_another_brand_keeps_it(enterprise: int, model: str) -> None:
    rows = {snmp.SYS_OBJECT_ID: f"1.3.6.1.4.1.{enterprise}.1", f"{TYPE}.1": snmp.IS_PRINTER, f"{DESCR}.1": model}

    assert read(rows).model == model


def test_what_is_no_model_is_ignored_unless_there_is_nothing_else() -> None:
    rows: dict[str, Value] = {f"{TYPE}.1": snmp.IS_PRINTER, f"{DESCR}.1": b"Generic 28C-1"}
    better = read({**rows, snmp.SYS_DESCR: b"ACME Press 9"})

    assert read(rows).model == "Generic 28C-1"
    assert read(rows).ignored == ()
    assert better.model == "ACME Press 9"
    assert "names no model" in why(better, f"{DESCR}.1")


def test_firmware_is_a_detail() -> None:
    rows: dict[str, Value] = {f"{TYPE}.1": snmp.IS_PRINTER, f"{DESCR}.1": b"Dell A9460dn 7AC2XW1 LW.P2.P434"}

    assert read(rows).details["firmware"] == "LW.P2.P434"


# -- serial number


@pytest.mark.parametrize(
    ("rows", "serial_number"),
    [
        ({SERIAL: b"AC41000042", snmp.SYS_DESCR: b"HP,SN:OTHER12"}, "AC41000042"),
        ({SERIAL: b"", snmp.SYS_DESCR: b"HP ETHERNET MULTI-ENVIRONMENT,SN:AC12345,FN:1"}, "AC12345"),
        ({snmp.SYS_DESCR: b"Acme A-9 Series; V3.00; Engine 0.41; S/N AC5551234"}, "AC5551234"),
        ({HP_SERIAL: b"\x01\x15AC12345"}, "AC12345"),
        ({snmp.SYS_DESCR: b"ACME SNMPAgent2 SN Version"}, None),
        ({BROTHER_SERIAL: b"B9A154306"}, "B9A154306"),
        ({"1.3.6.1.4.1.1347.43.5.1.1.28.1": b"QAC9600664"}, "QAC9600664"),
        ({"1.3.6.1.4.1.367.3.2.1.2.1.4.0": b"W49AC03439"}, "W49AC03439"),
        ({HP_DEVICE_ID: b"MFG:ACME;MDL:9;SN:AC12345;"}, "AC12345"),
        ({SERIAL: b"41433142383032323739"}, "AC1B802279"),
        ({SERIAL: b"0505571100"}, "0505571100"),
        ({SERIAL: b"AC12345\x00\x00\x00"}, "AC12345"),
        (
            {HP_SERIAL: b"\x01\x15AC\n32", BROTHER_SERIAL: b"B9A154306", snmp.SYS_OBJECT_ID: "1.3.6.1.4.1.2435.2"},
            "B9A154306",
        ),
        ({SERIAL: b"\x01\x02\x03"}, None),
        ({SERIAL: b"CN\x0712345"}, None),
        ({HP_DEVICE_ID: b"MFG:ACME;MDL:9;SN:CN\n12345;"}, None),
        ({SERIAL: b"S/N CN12345"}, "CN12345"),
        ({SERIAL: b"SN:CN12345"}, "CN12345"),
        ({SERIAL: b"ACDEGB8GF9A00VH..."}, "ACDEGB8GF9A00VH"),
        ({snmp.SYS_DESCR: b"Acme A-9 Series; V3.00; S/N ACDEGB8GF9A00VH..."}, "ACDEGB8GF9A00VH"),
        ({snmp.SYS_DESCR: b"Acme A-9, S/N: AC-12.345, Net 1.2"}, "AC-12.345"),
        ({}, None),
    ],
    ids=[
        "standard",
        "SN in sysDescr",
        "S/N in sysDescr",
        "HP, after two octets",
        "words that begin like it",
        "Brother",
        "Kyocera",
        "Ricoh",
        "device id",
        "hex of the text",
        "only digits",
        "NUL-ended",
        "maker's own first",
        "nothing that is text",
        "control character",
        "control character in a device id",
        "named by two letters and a slash",
        "named by two letters",
        "filled up with dots",
        "filled up with dots in sysDescr",
        "dots in it",
        "none",
    ],
)
def test_serial_number_is_the_makers(rows: dict[str, Value], serial_number: str | None) -> None:
    assert read(rows).serial_number == serial_number


@pytest.mark.parametrize(
    "said",
    [
        *(b"AAA0A00000", b"XXXXXXXXXX", b"0000000000", b"0", b"N/A", b"unknown", b"Not Available", b"1234567890"),
        *(b"XXX0000000", b"----", b"none", b"default", b"\xff\xfe\xfd\xfc"),
        *(b"TBD", b"PRINTER", b"test", b"default string", b"System Serial Number", b"SERIALNUMBER1", b"S/N"),
    ],
)
def test_placeholder_is_no_serial_number(said: bytes) -> None:
    reading = read({SERIAL: said})

    assert reading.serial_number is None
    assert SERIAL in {entry.key for entry in reading.ignored}


def test_placeholder_gives_way_to_the_next_place() -> None:
    assert read({SERIAL: b"AAA0A00000", BROTHER_SERIAL: b"B9A154306"}).serial_number == "B9A154306"


# -- location and pages


@pytest.mark.parametrize(
    ("said", "location"),
    [
        (b"Hall 2", "Hall 2"),
        (b"", None),
        (b" \x00x", None),
        ("Höhe".encode("latin-1"), "Höhe"),
        (b"Hall\r\n 2\x00", "Hall 2"),
    ],
)
def test_location_is_text_of_any_encoding(said: bytes, location: str | None) -> None:
    assert read({snmp.SYS_LOCATION: said}).location == location


@pytest.mark.parametrize("unit", [7, 8, None])
@pytest.mark.parametrize("count", [0, 7792, 2**32 - 1])
def test_pages_are_what_the_lowest_marker_says(unit: int | None, count: int) -> None:
    rows: dict[str, Value] = {f"{COUNT}.1.1": count, f"{COUNT}.1.2": 9, f"{COUNT}.2.1": 8}

    assert read(rows if unit is None else {**rows, f"{UNIT}.1.1": unit}).pages_total == count


@pytest.mark.parametrize("unit", [3, 4, 5, 6, 9, 11, 16, 17, 1, 2])
def test_counter_of_something_else_is_no_page_count(unit: int) -> None:
    reading = read({f"{UNIT}.1.1": unit, f"{COUNT}.1.1": 7792, snmp.HP_PAGES: 5})

    assert reading.pages_total is None
    assert why(reading, f"{COUNT}.1.1").endswith("not pages")


def test_pages_are_what_hp_says_if_no_marker_does() -> None:
    assert read({snmp.HP_PAGES: 15232}).pages_total == 15232
    assert read({f"{COUNT}.1.1": -2, snmp.HP_PAGES: 15232}).pages_total == 15232
    assert read({snmp.HP_PAGES: -1}).pages_total is None


# -- ink


@pytest.mark.parametrize("kind", [3, 5, 6, 7, 12, 13, 21])
def test_supply_that_marks_gives_the_ink_level(kind: int) -> None:
    assert ink(supply(b"S", 40, kind=kind)) == 40


@pytest.mark.parametrize("kind", [4, 8, 9, 10, 11, 14, 15, 18, 20, 32])
def test_supply_of_another_kind_does_not(kind: int) -> None:
    assert ink(supply(b"Black", 40, kind=kind)) is None


def test_container_that_fills_up_does_not_whatever_its_type() -> None:
    assert ink(supply(b"Black Toner", 40), supply(b"Box", 5, fills=4)) == 40
    assert ink(supply(b"Black Toner", 40), supply(b"Waste Toner", 5)) == 40


@pytest.mark.parametrize("kind", [None, 1, 2])
@pytest.mark.parametrize(
    "name",
    [*("Toner (Cyan)", "Ink 46", "Black Cartridge", "Ribbon", "Wax 3", "Magenta", "InkCartridge"), "Photo Gray"],
)
def test_words_tell_ink_if_the_type_does_not(kind: int | None, name: str) -> None:
    assert ink(supply(name.encode(), 40, kind=kind)) == 40


@pytest.mark.parametrize("kind", [None, 1, 2])
@pytest.mark.parametrize(
    "name",
    [
        *("Waste Toner Box", "Drum Cartridge (Cyan)", "Developer Cartridge (Black)", "Fuser", "Fusing Unit", "Belt"),
        *("Image Transfer Belt Unit", "Transfer Roller", "Maintenance Kit", "Ozone Filter", "Staple Cartridge"),
        *("Belt Cleaner", "Black Imaging Unit", "Black Printhead", "Thing"),
    ],
)
def test_words_tell_what_is_no_ink(kind: int | None, name: str) -> None:
    assert ink(supply(name.encode(), 40, kind=kind)) is None


def test_colorant_tells_ink_if_neither_type_nor_words_do() -> None:
    assert ink(supply(b"Canon 046", 40, kind=1, colorant=2)) == 40
    assert ink(supply(b"Canon 046", 40, kind=1, colorant=0)) is None


@pytest.mark.parametrize(
    ("level", "most", "percent"),
    [
        (0, 100, 0),
        (0, -2, 0),
        (1060, 5300, 20),
        (150, 100, 100),
        (75, -2, 75),
        (75, -1, 75),
        (100, -2, 100),
        (101, -2, None),
        (-1, 100, None),
        (-2, 100, None),
        (-3, 100, None),
        (-3, -2, None),
        (-100, 100, None),
        (50, 0, None),
        (50, -3, None),
        (10**30, 10**31, 10),
    ],
)
def test_percent_of_a_level(level: int, most: int, percent: float | None) -> None:
    assert ink(supply(b"Black Toner", level, most)) == percent


def test_level_in_percent_needs_no_maximum() -> None:
    assert ink(supply(b"Black Toner", 50, 0, unit=19)) == 50
    assert ink({5: 3, 6: b"Black Toner", 7: 19, 9: 50}) == 50
    assert ink({5: 3, 6: b"Black Toner", 7: 13, 9: 50}) is None


def test_kind_is_a_word_of_the_printer_mib() -> None:
    reading = read(supplies(supply(b"Box", 40, kind=4), supply(b"Black", 40, kind=21), supply(b"?", 40, kind=99)))

    assert [entry["kind"] for entry in reading.details["supplies"]] == ["wasteToner", "tonerCartridge", "unknown"]


def test_ink_level_is_the_least_that_is_known() -> None:
    rows = supplies(supply(b"Black", 60), supply(b"Cyan", -3), supply(b"Yellow", 20), supply(b"Drum", 5, kind=9))
    reading = read(rows)

    assert reading.ink_level == 20
    assert reading.origins["ink_level"] == Origin(SOURCE, f"{SUPPLY}.9.1.3")
    assert "level -3" in why(reading, f"{SUPPLY}.9.1.2")
    assert "opc" in why(reading, f"{SUPPLY}.9.1.4")


def test_zero_beside_some_of_the_same_name_is_unknown() -> None:
    assert ink(supply(b"Black Toner", 0, -2), supply(b"Black toner", -3, -2)) is None
    assert ink(supply(b"Black Toner", 0, -2), supply(b"Cyan Toner", -3, -2)) == 0


def test_lists_of_unequal_length_are_paired_by_index() -> None:
    rows: dict[str, Value] = {
        f"{SUPPLY}.6.1.1": b"Black",
        f"{SUPPLY}.6.1.2": b"Cyan",
        f"{SUPPLY}.8.1.2": 50,
        f"{SUPPLY}.9.1.2": 10,
    }
    reading = read(rows)

    assert reading.ink_level == 20
    assert [entry["percent"] for entry in reading.details["supplies"]] == [None, 20]


@pytest.mark.parametrize(
    ("said", "name"),
    [
        (b"426C61636B20546F6E6572", "Black Toner"),
        (b"0x426C61636B20546F6E6572", "Black Toner"),
        (b"42 6C 61 63 6B", "Black"),
        ("Gelb é".encode("latin-1"), "Gelb é"),
        (b"Black Toner\x00\xff\xff", "Black Toner"),
        (None, "supply 1"),
    ],
)
def test_supplies_are_named_in_details(said: Value, name: str) -> None:
    reading = read(supplies(supply(said, 40)))

    assert reading.details["supplies"] == [{"name": name, "percent": 40, "kind": "toner"}]


# -- all together


def whys(reading: Reading, key: str) -> list[str]:
    return [entry.why for entry in reading.ignored if entry.key == key]


def test_serial_number_that_came_second_is_told() -> None:
    reading = read({SERIAL: b"AC41000042", BROTHER_SERIAL: b"B9A154306", HP_SERIAL: b"AC41000042"})

    assert reading.serial_number == "AC41000042"
    assert whys(reading, BROTHER_SERIAL) == [f"'B9A154306': {SERIAL} comes first for the serial_number"]
    assert whys(reading, HP_SERIAL) == [f"'AC41000042': {SERIAL} comes first for the serial_number"]
    assert whys(reading, SERIAL) == []


def test_model_that_came_second_is_told() -> None:
    rows: dict[str, Value] = {f"{TYPE}.1": snmp.IS_PRINTER, f"{DESCR}.1": b"ACME Press 9"}
    reading = read({**rows, snmp.SYS_DESCR: b"ACME Front 7; 1.2", HP_DEVICE_ID: b"MFG:ACME;MDL:Press 8;"})

    assert whys(reading, snmp.SYS_DESCR) == [f"'ACME Front 7': {DESCR}.1 comes first for the model"]
    assert whys(reading, HP_DEVICE_ID) == [f"'Press 8': {DESCR}.1 comes first for the model"]


def test_model_is_quoted_as_the_device_says_it() -> None:
    rows: dict[str, Value] = {f"{TYPE}.1": snmp.IS_PRINTER, f"{DESCR}.1": b"Generic 28C-1"}

    assert whys(read({**rows, snmp.SYS_DESCR: b"KONICA MINOLTA bizhub A9"}), f"{DESCR}.1") == [
        "'Generic 28C-1' names no model"
    ]
    assert read({**rows, snmp.SYS_OBJECT_ID: "1.3.6.1.4.1.18334.1"}).model == "KONICA MINOLTA Generic 28C-1"


def test_text_that_says_nothing_is_told() -> None:
    rows: dict[str, Value] = {f"{TYPE}.1": snmp.IS_PRINTER, f"{DESCR}.1": b"unknown"}

    assert read(rows).model is None
    assert whys(read({**rows, snmp.SYS_DESCR: b"ACME Press 9"}), f"{DESCR}.1") == ["'unknown' says nothing"]


def test_page_counts_that_came_second_are_told() -> None:
    reading = read({f"{COUNT}.1.1": 7792, f"{COUNT}.1.2": 9, snmp.HP_PAGES: 15232})

    assert reading.pages_total == 7792
    assert whys(reading, f"{COUNT}.1.2") == ["9 is what a marker counts that is not the lowest"]
    assert whys(reading, snmp.HP_PAGES) == [f"15232: {COUNT}.1.1 comes first for the pages_total"]


def test_page_count_of_a_device_that_counts_lengths_is_told() -> None:
    reading = read({f"{UNIT}.1.1": 17, f"{COUNT}.1.1": 7792, snmp.HP_PAGES: 5})

    assert whys(reading, f"{COUNT}.1.1") == ["7792 counts meters, not pages"]
    assert whys(reading, snmp.HP_PAGES) == ["5 is of a device that counts meters, not pages"]


@pytest.mark.parametrize(
    ("device", "printer", "errors", "decided"),
    [
        (2, 4, ("jammed",), PRINTER),
        (2, 3, (), PRINTER),
        (2, 1, (), PRINTER),
        (2, 3, ("jammed",), BITS),
        (2, 3, ("offline",), BITS),
        (2, None, ("jammed",), BITS),
        (2, None, (), BITS),
        (4, 3, (), STATUS),
        (5, 5, (), PRINTER),
        (5, 1, ("jammed",), BITS),
        (5, 1, ("offline",), BITS),
        (5, 1, (), STATUS),
    ],
)
def test_origin_of_the_status_is_what_decided(
    device: int, printer: int | None, errors: tuple[str, ...], decided: str
) -> None:
    rows: dict[str, Value] = {f"{STATUS}.1": device, f"{BITS}.1": bits(*errors)}
    reading = read(rows if printer is None else {**rows, f"{PRINTER}.1": printer})

    assert reading.origins["status"] == Origin(SOURCE, f"{decided}.1")


def test_state_of_another_printer_of_the_device_is_told() -> None:
    rows: dict[str, Value] = {f"{STATUS}.1": 2, f"{PRINTER}.1": 3, f"{STATUS}.2": 5, f"{PRINTER}.2": 1}
    reading = read({**rows, f"{BITS}.2": bits("jammed"), f"{STATUS}.3": 4, f"{PRINTER}.3": 3})

    assert reading.status == "DS_ERROR"
    assert whys(reading, f"{PRINTER}.1") == [f"DS_ON: {BITS}.2 comes first for the status"]
    assert whys(reading, f"{STATUS}.3") == ["4 is the status of a device that does not know its state"]


def test_each_field_that_is_known_has_its_origin() -> None:
    rows: dict[str, Value] = {
        snmp.SYS_DESCR: b"ACME Press 9",
        snmp.SYS_LOCATION: b"Hall 2",
        SERIAL: b"AC41000042",
        f"{STATUS}.1": 2,
        f"{PRINTER}.1": 3,
        f"{COUNT}.1.1": 7,
        **supplies(supply(b"Black", 60)),
    }
    keys = {name: origin.key for name, origin in read(rows).origins.items()}

    assert keys == {
        "model": snmp.SYS_DESCR,
        "serial_number": SERIAL,
        "location": snmp.SYS_LOCATION,
        "status": f"{PRINTER}.1",
        "pages_total": f"{COUNT}.1.1",
        "ink_level": f"{SUPPLY}.9.1.1",
    }


def test_leading_dot_of_an_oid_means_nothing() -> None:
    assert read({f".{snmp.SYS_DESCR}": b"ACME Press 9"}).model == "ACME Press 9"


def test_leading_dot_of_an_oid_that_is_a_value_means_nothing() -> None:
    other: dict[str, Value] = {f"{TYPE}.1": f".{MIB}.25.3.1.4", f"{DESCR}.1": b"Ethernet"}
    rows = {**other, f"{TYPE}.2": f".{snmp.IS_PRINTER}", f"{DESCR}.2": b"ECO 9", f"{STATUS}.2": 2, f"{PRINTER}.2": 4}
    reading = read({**rows, snmp.SYS_OBJECT_ID: ".1.3.6.1.4.1.1347.41"})

    assert (reading.model, reading.status) == ("KYOCERA ECO 9", "DS_PRINTING")


OIDS = [
    *(snmp.SYS_DESCR, snmp.SYS_OBJECT_ID, snmp.SYS_LOCATION, snmp.HP_PAGES, *snmp.SERIAL_NUMBERS, *snmp.DEVICE_IDS),
    *(*snmp.MODELS, *snmp.FIRMWARES),
]
ENTRIES = [snmp.DEVICES, snmp.PRINTERS, snmp.GENERAL, snmp.MARKERS, snmp.SUPPLIES, snmp.ALERTS]
oids = (
    st.sampled_from(OIDS)
    | st.builds(
        lambda entry, column, index: ".".join([entry, str(column), *map(str, index)]),
        st.sampled_from(ENTRIES),
        st.integers(0, 20),
        st.lists(st.integers(0, 3) | st.integers(), max_size=3),
    )
    | st.text(max_size=20)
)
likely_values: st.SearchStrategy[Any] = st.sampled_from(
    [
        snmp.IS_PRINTER,
        *range(-3, 6),
        b"SN:AC12345",
        b"MFG:HP;MDL:X;SN:;",
        "Generic",
        b"4142434445464748",
        b"Toner",
        b"\x40",
    ]
)
values = likely_values | st.none() | st.integers() | st.floats() | st.binary() | st.text() | st.booleans()


@settings(max_examples=int(os.environ.get("PRINTOS_EXAMPLES", "500")))
@given(rows=st.dictionaries(oids, values, max_size=30))
def test_any_rows_give_a_reading(rows: dict[str, Any]) -> None:
    reading = read(rows)

    assert reading.ink_level is None or 0 <= reading.ink_level <= 100
    assert reading.pages_total is None or reading.pages_total >= 0
    assert all(getattr(reading, name) not in {None, ""} for name in reading.origins)
    assert {reading.model, reading.serial_number, reading.location}.isdisjoint({"", " "})
