"""What is left of a device's text once it is clean, and what is no serial number."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from printos_ext.sources.texts import LONGEST, cleaned, device_id, is_serial_number, says_nothing, sold_as


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (b"Halle 2\0\0garbage", "Halle 2"),
        (b"B\xfcro", "Büro"),
        (b"B\xc3\xbcro\0\xff", "Büro"),
        ("Büro".encode(), "Büro"),
        ("Hall\r\n2\x07 \x1b[31mleft", "Hall 2 [31mleft"),
        ("\ud800 Hall", "Hall"),
        ("  \t ", None),
        (b"", None),
        (None, None),
        (17, None),
        (["Hall"], None),
    ],
)
def test_text_is_cleaned_of_what_the_wire_left(told: Any, text: str | None) -> None:
    assert cleaned(told) == text


@given(st.text() | st.binary())
def test_any_text_can_be_shown_and_sent(told: str | bytes) -> None:
    text = cleaned(told)

    assert text is None or (text.isprintable() and text.encode() and len(text) <= LONGEST)


@pytest.mark.parametrize("text", ["VNB3R12345", "41000042", "CN-0A1B2C", "E78097H7N123456", "X3A0001"])
def test_serial_number_of_a_device_is_one(text: str) -> None:
    assert is_serial_number(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "AAA0A00000",
            "XXX0X00000",
            "XXXXXXXXXX",
            "0000000000",
            "00-00-00",
            "-",
            "1234567890",
            "Unknown",
            "N/A",
            "none",
        ),
        *("(null)", "To be filled by O.E.M.", "Serial Number", "", "***"),
    ],
)
def test_placeholder_is_no_serial_number(text: str) -> None:
    assert not is_serial_number(text)


@pytest.mark.parametrize(
    ("maker", "model", "sold"),
    [
        ("HP", "HP LaserJet 400", "HP LaserJet 400"),
        ("HP", "LaserJet 400", "HP LaserJet 400"),
        ("Hewlett-Packard", "HP LaserJet 400", "HP LaserJet 400"),
        ("HP", "Hewlett-Packard LaserJet 400", "Hewlett-Packard LaserJet 400"),
        ("hp", "HP LaserJet 400", "HP LaserJet 400"),
        ("OKI DATA CORP", "OKI MC873", "OKI MC873"),
        ("KONICA MINOLTA", "KONICA MINOLTA bizhub C3110", "KONICA MINOLTA bizhub C3110"),
        ("KONICA MINOLTA", "bizhub C3110", "KONICA MINOLTA bizhub C3110"),
        ("Canon", "Canonical 5", "Canon Canonical 5"),
        (None, "Brother Brother HL-5370DW", "Brother HL-5370DW"),
        (None, "KONICA MINOLTA KONICA MINOLTA C3110", "KONICA MINOLTA C3110"),
        (None, "HP", "HP"),
    ],
)
def test_maker_is_named_once(maker: str | None, model: str, sold: str) -> None:
    assert sold_as(maker, model) == sold


def test_device_id_is_read_as_far_as_it_is_one() -> None:
    told = "MFG:HP;mdl: LaserJet 400 ;;CMD;SN:A:B;SN:second;URL:http://x/;EMPTY:;"

    assert device_id(told) == {"MFG": "HP", "MDL": "LaserJet 400", "SN": "A:B", "URL": "http://x/"}


@pytest.mark.parametrize("text", ["unknown", " Unknown. ", "<none>", "--", "Not Set"])
def test_words_for_nothing_say_nothing(text: str) -> None:
    assert says_nothing(text)
