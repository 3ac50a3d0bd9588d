"""What IPP attributes mean. The attributes are written after RFC 8011 and PWG 5100.13, none is recorded.

`PRINTOS_EXAMPLES=10000` tries more arbitrary attributes.
"""

import datetime as dt
import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from printos_ext.sources.ipp_mapping import JOB_ATTRIBUTES, PRINTER_ATTRIBUTES, reading_from
from printos_ext.sources.reading import FIELDS, Ignored, Origin, Reading, merged
from printos_ext.sources.supplies import kind_of

NOW = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
SOURCE = "ipp://printer.example/ipp/print"


def read(attributes: dict[str, Any] | None = None, **more: Any) -> Reading:
    """Read attributes, those among keywords with hyphens for their underscores."""
    named = {name.replace("_", "-"): value for name, value in more.items()}
    return reading_from({**(attributes or {}), **named}, source=SOURCE, observed_at=NOW)


def markers(**lists: Any) -> dict[str, Any]:
    return {f"marker-{name.replace('_', '-')}": values for name, values in lists.items()}


def reasons_not_to_use(reading: Reading, key: str) -> list[str]:
    return [entry.why for entry in reading.ignored if entry.key == key]


def test_every_field_of_a_printer_says_which_attribute_it_is_from() -> None:
    reading = read(
        {
            "printer-device-id": "MFG:Example;MDL:Jet 5;SN:E5A0042;",
            "printer-location": "Hall 2",
            "printer-state": 4,
            "printer-state-reasons": "toner-low-warning",
            "printer-impressions-completed": 120345,
            "printer-firmware-string-version": ["2.1", "boot 7"],
            "printer-alert": "code=subunitAlmostEmpty;severity=warning;",
            **markers(names="Black", types="toner", levels=42, high_levels=100),
        }
    )

    assert [getattr(reading, name) for name in FIELDS] == [
        *("Example Jet 5", "E5A0042", "Hall 2"),
        *("DS_PRINTING", 120345, 42.0),
    ]
    assert {name: origin.key for name, origin in reading.origins.items()} == {
        "model": "printer-device-id",
        "serial_number": "printer-device-id",
        "location": "printer-location",
        "status": "printer-state",
        "pages_total": "printer-impressions-completed",
        "ink_level": "marker-levels",
    }
    assert reading.origins["model"] == Origin(SOURCE, "printer-device-id")
    assert reading.details == {
        "supplies": [{"name": "Black", "percent": 42.0, "kind": "toner"}],
        "alerts": ["toner-low-warning", "code=subunitAlmostEmpty;severity=warning;"],
        "firmware": "2.1, boot 7",
    }
    assert reading.observed_at == NOW


@pytest.mark.parametrize(
    ("device_id", "make_and_model", "model"),
    [
        ("MFG:HP;MDL:LaserJet 400;", "Other", "HP LaserJet 400"),
        ("MANUFACTURER:HP;MODEL:LaserJet 400;", None, "HP LaserJet 400"),
        ("MFG:Hewlett-Packard;MDL:HP LaserJet 400;", None, "HP LaserJet 400"),
        ("MFG:Hewlett-Packard;MDL:LaserJet 400;", None, "HP LaserJet 400"),
        ("MFG:OKI DATA CORP;MDL:AC873;", None, "OKI AC873"),
        ("MFG:EPSON;MDL:EPSON WF-1;", None, "EPSON WF-1"),
        ("MDL:LaserJet 400;", None, "LaserJet 400"),
        ("MFG:HP;CMD:PCL;", "HP LaserJet 400", "HP LaserJet 400"),
        ("MFG:HP;MDL:Unknown;", "HP LaserJet 400", "HP LaserJet 400"),
        ("no device id at all", "HP LaserJet 400", "HP LaserJet 400"),
        ("MFG:HP;MDL;:;;=:::", "HP LaserJet 400", "HP LaserJet 400"),
        (None, "HP HP LaserJet 400", "HP LaserJet 400"),
        (None, "unknown", None),
        (None, None, None),
    ],
)
def test_model_names_its_maker_once(device_id: str | None, make_and_model: str | None, model: str | None) -> None:
    assert read(printer_device_id=device_id, printer_make_and_model=make_and_model).model == model


@pytest.mark.parametrize("key", ["SN", "SERN", "SER", "SERIALNUMBER", "sern"])
def test_serial_number_is_also_in_the_device_id(key: str) -> None:
    reading = read(printer_device_id=f"MFG:HP;MDL:LaserJet;{key}: CN123X ;")

    assert reading.serial_number == "CN123X"
    assert reading.origins["serial_number"].key == "printer-device-id"


def test_serial_number_attribute_comes_before_the_device_id() -> None:
    reading = read(printer_serial_number=b"CN123X\0\0", printer_device_id="MDL:LaserJet;SN:OTHER7;")

    assert reading.serial_number == "CN123X"
    assert "printer-serial-number comes first for the serial_number" in reasons_not_to_use(reading, "printer-device-id")


@pytest.mark.parametrize("placeholder", ["AAA0A00000", "XXXXXXXXXX", "0000000000", "Unknown", "N/A", "", None, 42, {}])
def test_serial_number_is_never_invented(placeholder: Any) -> None:
    reading = read(printer_serial_number=placeholder, printer_uuid="urn:uuid:1", printer_name="Front desk")

    assert reading.serial_number is None
    assert "serial_number" not in reading.origins


def test_placeholder_for_a_serial_number_gives_way_to_the_device_id() -> None:
    reading = read(printer_serial_number="AAA0A00000", printer_device_id="SERN:CN123X;")

    assert reading.serial_number == "CN123X"
    assert reasons_not_to_use(reading, "printer-serial-number") == ["'AAA0A00000' only holds its place"]


@pytest.mark.parametrize("told", ["S/N CN12345", "SN:CN12345", "CN12345...", b"CN12345\0\0"])
def test_serial_number_is_without_what_stands_around_it_in_ipp(told: Any) -> None:
    assert read(printer_serial_number=told).serial_number == "CN12345"


@pytest.mark.parametrize(
    "attributes", [{"printer-serial-number": "CN\x0712345"}, {"printer-device-id": "MDL:Jet;SN:CN\x0712345;"}]
)
def test_control_character_is_no_part_of_a_serial_number_in_ipp(attributes: dict[str, Any]) -> None:
    reading = read(attributes)

    assert reading.serial_number is None
    assert [entry.why for entry in reading.ignored] == ["'CN\\x0712345' is not the text of a serial number"]


def test_empty_location_is_none() -> None:
    reading = read(printer_location="  ")

    assert reading.location is None
    assert Ignored(SOURCE, "printer-location", "it is empty") in reading.ignored


@pytest.mark.parametrize("first", ["printer-impressions-completed", "printer-pages-completed"])
def test_pages_are_impressions_then_pages_then_sheets(first: str) -> None:
    reading = read({first: 7, "printer-media-sheets-completed": 5})

    assert (reading.pages_total, reading.origins["pages_total"].key) == (7, first)
    assert read(printer_media_sheets_completed=5).pages_total == 5
    assert read(printer_impressions_completed=0, printer_pages_completed=9).pages_total == 0


@pytest.mark.parametrize("value", [-1, -2, True, "12", 1.5, 10**40, [], {}])
def test_what_is_no_count_is_no_page(value: Any) -> None:
    assert read(printer_impressions_completed=value).pages_total is None
    assert read(printer_impressions_completed=value, printer_pages_completed=9).pages_total == 9


IDLE, PROCESSING, STOPPED = 3, 4, 5


@pytest.mark.parametrize(
    ("state", "reasons", "status"),
    [
        (STOPPED, "media-jam-error", "DS_ERROR"),
        (STOPPED, ["paused", "media-jam-error"], "DS_ERROR"),
        (STOPPED, ["paused", "media-empty"], "DS_ERROR"),
        (STOPPED, ["shutdown", "media-jam-error"], "DS_ERROR"),
        (STOPPED, "other", "DS_ERROR"),
        (STOPPED, "paused", "DS_STANDBY"),
        (STOPPED, "moving-to-paused", "DS_STANDBY"),
        (STOPPED, ["paused", "toner-low-warning"], "DS_STANDBY"),
        (STOPPED, ["paused", "media-empty-report"], "DS_STANDBY"),
        (STOPPED, "none", "DS_STANDBY"),
        (STOPPED, None, "DS_STANDBY"),
        (STOPPED, "shutdown", "DS_OFF"),
        (STOPPED, ["paused", "shutdown-warning"], "DS_OFF"),
        (PROCESSING, "none", "DS_PRINTING"),
        (PROCESSING, "media-jam-error", "DS_PRINTING"),
        (PROCESSING, "paused", "DS_PRINTING"),
        (IDLE, "none", "DS_ON"),
        (IDLE, None, "DS_ON"),
        (IDLE, "media-jam", "DS_ERROR"),
        (IDLE, "media-jam-error", "DS_ERROR"),
        (IDLE, "Media-Jam-ERROR", "DS_ERROR"),
        (IDLE, "door-open", "DS_ERROR"),
        (IDLE, "cover-open-error", "DS_ERROR"),
        (IDLE, "marker-supply-empty", "DS_ERROR"),
        (IDLE, "toner-empty-error", "DS_ERROR"),
        (IDLE, "media-empty", "DS_ERROR"),
        (IDLE, "media-empty-warning", "DS_ON"),
        (IDLE, "door-open-report", "DS_ON"),
        (IDLE, ["toner-low", "media-low-warning"], "DS_ON"),
        (IDLE, "hibernate", "DS_STANDBY"),
        (IDLE, "standby", "DS_STANDBY"),
        (IDLE, "suspend-report", "DS_STANDBY"),
        (IDLE, "deactivated", "DS_STANDBY"),
        (IDLE, "power-down", "DS_STANDBY"),
        (IDLE, ["standby", "door-open"], "DS_ERROR"),
        (IDLE, ["error", "warning", "-error", ""], "DS_ON"),
        (99, "none", "DS_ON"),
        ("on fire", [7, {}], "DS_ON"),
    ],
)
def test_state_decides_first_and_then_its_reasons(state: Any, reasons: Any, status: str) -> None:
    assert read(printer_state=state, printer_state_reasons=reasons).status == status


@pytest.mark.parametrize("reasons", [None, "none", ["none", "toner-low-warning"], "paused", [7, {}]])
def test_printer_that_does_not_tell_its_state_leaves_it_to_others(reasons: Any) -> None:
    reading = read(printer_state_reasons=reasons, printer_location="Hall 2")
    other = Reading(NOW, status="DS_PRINTING", origins={"status": Origin("snmp://printer.example", "1.3.6")})

    assert reading.status is None
    assert merged([reading, other]).status == "DS_PRINTING"


@pytest.mark.parametrize(("reason", "status"), [("media-jam-error", "DS_ERROR"), ("hibernate", "DS_STANDBY")])
def test_reason_says_enough_where_there_is_no_state(reason: str, status: str) -> None:
    reading = read(printer_state_reasons=["none", reason])

    assert (reading.status, reading.origins["status"].key) == (status, "printer-state-reasons")


@pytest.mark.parametrize("reason", ["job-interpreting", "job-transforming"])
def test_printer_whose_job_is_made_ready_is_ripping(reason: str) -> None:
    assert read(printer_state=PROCESSING, job_state_reasons=["job-incoming", reason]).status == "DS_RIPPING"
    assert read(printer_state=PROCESSING, job_state_reasons="job-printing").status == "DS_PRINTING"
    assert read(printer_state=IDLE, job_state_reasons=reason).status == "DS_ON"


@pytest.mark.parametrize("kind", ["toner-cartridge", "tonerCartridge", "ink-cartridge", "inkCartridge", "ink", "toner"])
def test_marker_types_in_kebab_and_camel_case_count(kind: str) -> None:
    assert read(markers(names=["A", "B"], types=[kind, kind], levels=[71, 15], high_levels=[100, 100])).ink_level == 15


@pytest.mark.parametrize(
    "kind", ["waste-toner", "wasteToner", "waste-ink", "opc", "fuser", "developer", "transfer-unit", "staples"]
)
def test_other_types_have_no_part_in_the_ink_level(kind: str) -> None:
    reading = read(markers(names=["Black", "Part"], types=["toner", kind], levels=[71, 2], high_levels=[100, 100]))

    assert reading.ink_level == 71
    assert f"Part ({kind_of(kind)}) does not end up on the paper" in reasons_not_to_use(reading, "marker-levels")


def test_without_types_the_names_decide() -> None:
    names = ["Black Toner", "Waste Toner Box", "Drum Cartridge (Cyan)", "Fuser", "Transfer Belt"]

    assert read(markers(names=names, levels=[71, 1, 2, 3, 4], high_levels=[100] * 5)).ink_level == 71


def test_level_is_a_share_of_what_fits() -> None:
    assert read(markers(types=["ink", "ink"], levels=[2400, 1800], high_levels=[3000, 3000])).ink_level == 60


def test_level_above_full_is_cut() -> None:
    assert read(markers(types="toner", levels=150, high_levels=100)).ink_level == 100


@pytest.mark.parametrize("level", [-1, -2, -3, -50])
def test_negative_level_is_unknown(level: int) -> None:
    reading = read(markers(names=["K", "C"], types=["ink", "ink"], levels=[level, 80], high_levels=[100, 100]))

    assert reading.ink_level == 80
    assert reading.details["supplies"][0]["percent"] is None
    assert read(markers(types="ink", levels=level, high_levels=100)).ink_level is None


def test_empty_supply_is_empty() -> None:
    assert read(markers(types=["ink", "ink"], levels=[0, 80], high_levels=[100, 100])).ink_level == 0


def test_zero_beside_some_left_of_the_same_supply_is_unknown() -> None:
    lists = markers(names=["Black"] * 2, types=["toner"] * 2, levels=[0, -3], high_levels=[-2, -2])

    assert read(lists).ink_level is None


@pytest.mark.parametrize(
    ("lists", "percents"),
    [
        ({"names": ["A", "B", "C"], "levels": [50, 60], "high_levels": [100, 100, 100]}, [50, 60, None]),
        ({"names": ["A"], "levels": [50, 60], "high_levels": [100, 100]}, [50, 60]),
        ({"names": ["A", "B"], "levels": [50, 60], "high_levels": [100]}, [50, None]),
        ({"names": ["A", "B"], "levels": 50, "high_levels": 100}, [50, None]),
        ({"names": ["A", "B"], "levels": [50, 60]}, [50, 60]),
    ],
)
def test_lists_of_unequal_length_pair_by_place(lists: dict[str, Any], percents: list[float | None]) -> None:
    reading = read(markers(types=["ink"] * 4, **lists))

    assert [row["percent"] for row in reading.details["supplies"]][: len(percents)] == percents
    assert all(row["percent"] is None for row in reading.details["supplies"][len(percents) :])
    assert reading.ink_level == min(value for value in percents if value is not None)


SUPPLY = "type=tonerCartridge;maxcapacity=100;level=42;class=supplyThatIsConsumed;colorantname=black;"


def test_printer_supply_is_asked_where_markers_say_nothing() -> None:
    waste = b"type=wasteToner;maxcapacity=100;level=1;class=receptacleThatIsFilled;colorantname=none;\0"
    attributes: dict[str, Any] = {"printer-supply": [SUPPLY, waste], "printer-supply-description": ["Black", "Waste"]}

    for lists in ({}, markers(names=["Black"], types=["toner"], levels=[-2])):
        reading = read({**attributes, **lists})

        assert (reading.ink_level, reading.origins["ink_level"].key) == (42, "printer-supply")
        assert reading.details["supplies"] == [
            {"name": "Black", "percent": 42.0, "kind": "tonerCartridge"},
            {"name": "Waste", "percent": 1.0, "kind": "wasteToner"},
        ]


def test_markers_come_before_printer_supply() -> None:
    reading = read({"printer-supply": SUPPLY, **markers(types="toner", levels=71, high_levels=100)})

    assert (reading.ink_level, reading.origins["ink_level"].key) == (71, "marker-levels")
    assert reasons_not_to_use(reading, "printer-supply") == ["marker-levels comes first for the ink_level"]


@pytest.mark.parametrize(
    ("row", "level"),
    [
        ("type=toner;maxcapacity=100;level=-1;", None),
        ("type=toner;maxcapacity=100;level=-2;", None),
        ("type=toner;maxcapacity=100;level=-3;", None),
        ("type=toner;maxcapacity=-2;level=75;", 75),
        ("type=toner;maxcapacity=-1;level=75;", 75),
        ("type=toner;maxcapacity=200;level=75;", 37.5),
        ("type=toner;level=75;", 75),
        ("type=toner;unit=percent;maxcapacity=0;level=75;", 75),
        ("type=toner;unit=items;maxcapacity=0;level=75;", None),
        ("type=other;maxcapacity=100;level=75;colorantname=cyan;", 75),
        ("type=toner;maxcapacity=100;level=75;class=receptacleThatIsFilled;", None),
        ("type=opc;maxcapacity=100;level=75;class=supplyThatIsConsumed;colorantname=black;", None),
        ("Type=Toner; MaxCapacity=100; Level=75", 75),
        (f"type=toner;maxcapacity=100;level={'9' * 5000};", None),
        ("type=toner;maxcapacity=1e2;level=٤٢;", None),
        ("type=toner", None),
        (";;=;level", None),
    ],
)
def test_printer_supply_row_is_read_as_far_as_it_is_one(row: str, level: float | None) -> None:
    assert read({"printer-supply": row}).ink_level == level


def test_alerts_are_the_reasons_but_none() -> None:
    assert read(printer_state=3, printer_state_reasons="none").details == {}
    assert read(printer_state=3, printer_state_reasons=["none", "door-open", "door-open"]).details == {
        "alerts": ["door-open"]
    }


def test_texts_that_are_not_utf_8_are_kept() -> None:
    assert read(printer_location=b"B\xfcro").location == "Büro"


def test_more_values_than_any_printer_has_are_left_aside() -> None:
    many = [str(number) for number in range(100_000)]
    reading = read({"printer-state-reasons": many, **markers(names=many, levels=[1] * 100_000)})

    assert len(reading.details["alerts"]) == len(reading.details["supplies"]) == 256
    assert len(reading.ignored) < 300


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([400, 5000]).map(lambda digits: -(10**digits))
    | st.sampled_from([400, 5000]).map(lambda digits: 10**digits)
    | st.sampled_from(["\0", "\ud800", b"\xff\xfe", SUPPLY, "MFG:HP;MDL:", "media-jam-error"])
    | st.floats()
    | st.text(st.characters())
    | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.tuples(inner) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=int(os.environ.get("PRINTOS_EXAMPLES", "500")))
@given(st.dictionaries(st.sampled_from([*PRINTER_ATTRIBUTES, *JOB_ATTRIBUTES]) | st.text(max_size=5), anything))
def test_any_attributes_give_a_reading(attributes: dict[str, Any]) -> None:
    reading = read(attributes)

    assert reading.status is None or reading.status.startswith("DS_")
    assert reading.status is not None or attributes.get("printer-state") in (None, [], ())
    assert reading.ink_level is None or 0 <= reading.ink_level <= 100
    assert reading.pages_total is None or 0 <= reading.pages_total < 2**63
    for text in (reading.model, reading.serial_number, reading.location, *(entry.why for entry in reading.ignored)):
        assert text is None or (text.isprintable() and text.encode())
    assert set(reading.origins) == {name for name in FIELDS if getattr(reading, name) is not None}
