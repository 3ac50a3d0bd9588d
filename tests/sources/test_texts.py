"""What is left of a device's text once it is clean, and what is no serial number."""

import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from printos_ext.sources.makers import sold_as
from printos_ext.sources.texts import LONGEST, as_serial_number, cleaned, device_id, readable, says_nothing


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
    assert as_serial_number(text) == (text, None)


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
        *("(null)", "To be filled by O.E.M.", "Serial Number", "", "***", "XXX9X99999", "AB00000", "12345678"),
        *("414141304130303030300000", "No serial number set"),
        *("TBD", "tba", "PRINTER", "Printer 1", "test", "TEST0001", "test12345", "default string", "Default_String"),
        *("System Serial Number", "SERIALNUMBER1", "PrinterSerialNumber", "NotSet", "not set", "To be filled in"),
        *("S/N", "S/N:", "SN: N/A", "no number", "unbekannt", "30303030303030303030", "123456", "..."),
        "546F2062652066696C6C6564206279204F454D",
    ],
)
def test_placeholder_is_no_serial_number(text: str) -> None:
    assert as_serial_number(text)[1] == "only holds its place"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("A1", "is too short or too long for a serial number"),
        ("A1" * 40, "is too short or too long for a serial number"),
        ("ÿþý1", "is not the text of a serial number"),
        ("<b>AC12</b>", "is not the text of a serial number"),
    ],
)
def test_what_cannot_be_a_serial_number_says_why(text: str, why: str) -> None:
    assert as_serial_number(text) == (text, why)


@pytest.mark.parametrize(
    "text",
    [
        *("S/N CN12345", "SN:CN12345", "s/n: CN12345", "SN CN12345", "S/NCN12345", "Serial No. CN12345"),
        *("Serial Number: CN12345", "SN:434E3132333435", " CN12345 ", "CN12345...", "CN12345 --", "*CN12345*"),
    ],
)
def test_serial_number_is_without_what_stands_around_it(text: str) -> None:
    assert as_serial_number(text) == ("CN12345", None)


@pytest.mark.parametrize("text", ["SN12345678", "SERIAL4711", "TESTA4711", "NO4711", "TBD4711-12"])
def test_serial_number_may_begin_like_a_word(text: str) -> None:
    assert as_serial_number(text) == (text, None)


@pytest.mark.parametrize("control", ["\0", "\x07", "\n", "\x1b", "\x7f", "\x85", "\u2028", "\u200b", "\ud800"])
def test_text_with_a_control_character_is_no_serial_number(control: str) -> None:
    text = f"CN{control}12345"

    assert as_serial_number(text) == (text, "is not the text of a serial number")


@settings(max_examples=int(os.environ.get("PRINTOS_EXAMPLES", "500")))
@given(st.text() | st.text("0SNX :/.-\0", max_size=20))
def test_serial_number_of_any_text_stays_as_it_is(text: str) -> None:
    number, unfit = as_serial_number(text)

    assert number == text if unfit else as_serial_number(number) == (number, None)


def test_long_text_of_words_for_nothing_is_read_in_no_time() -> None:
    assert as_serial_number("no" * 100_000 + "!")[1] is not None


def test_serial_number_may_hide_in_hex() -> None:
    assert as_serial_number("41433142383032323739") == ("AC1B802279", None)


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (b"426C61636B20546F6E6572", "Black Toner"),
        (b"0x426C61636B", "Black"),
        ("42 6C 61 63 6B 00 00", "Black"),
        ("41000042", "41000042"),
        ("20304050", "20304050"),
        ("Cafe 4711", "Cafe 4711"),
        ("", None),
        (7, None),
    ],
)
def test_text_may_hide_in_hex_but_a_number_is_a_number(told: Any, text: str | None) -> None:
    assert readable(told) == text


@pytest.mark.parametrize(
    ("maker", "model", "sold"),
    [
        ("HP", "HP LaserJet 400", "HP LaserJet 400"),
        ("HP", "LaserJet 400", "HP LaserJet 400"),
        ("Hewlett-Packard", "HP LaserJet 400", "HP LaserJet 400"),
        ("HP", "Hewlett-Packard LaserJet 400", "HP LaserJet 400"),
        ("Hewlett-Packard", "LaserJet 400", "HP LaserJet 400"),
        (None, "Hewlett-Packard HP LaserJet 400", "HP LaserJet 400"),
        ("OKI DATA CORP", "MC873", "OKI MC873"),
        (None, "OKI DATA CORP AC5600", "OKI AC5600"),
        (None, "Lexmark International, Inc. AC9", "Lexmark AC9"),
        ("Canon", "Canon Inc. AC9", "Canon AC9"),
        ("Hewlett-Packard Company", "LaserJet 400", "HP LaserJet 400"),
        ("KONICA MINOLTA", "Develop ineo+ 9", "Develop ineo+ 9"),
        ("RICOH", "Developer Kit 9", "RICOH Developer Kit 9"),
        ("OKI", "OKI Data 9", "OKI 9"),
        ("Canon", "Corporate 9", "Canon Corporate 9"),
        ("FUJI XEROX", "DocuCentre 5", "FUJI XEROX DocuCentre 5"),
        ("ACME Inc.", "Acme Jet 9", "Acme Jet 9"),
        ("ACME Inc.", "Jet 9", "ACME Inc. Jet 9"),
        ("hp", "HP LaserJet 400", "HP LaserJet 400"),
        ("OKI DATA CORP", "OKI MC873", "OKI MC873"),
        ("KONICA MINOLTA", "KONICA MINOLTA bizhub C3110", "KONICA MINOLTA bizhub C3110"),
        ("KONICA MINOLTA", "bizhub C3110", "KONICA MINOLTA bizhub C3110"),
        ("Canon", "Canonical 5", "Canon Canonical 5"),
        (None, "Brother Brother HL-5370DW", "Brother HL-5370DW"),
        (None, "KONICA MINOLTA KONICA MINOLTA C3110", "KONICA MINOLTA C3110"),
        (None, "HP", "HP"),
        ("R\u0130COH", "R\u0131coh 9", "R\u0130COH R\u0131coh 9"),
    ],
)
def test_maker_is_named_once(maker: str | None, model: str, sold: str) -> None:
    assert sold_as(maker, model) == sold


def test_device_id_is_read_as_far_as_it_is_one() -> None:
    told = "MFG:HP;mdl: LaserJet 400 ;;CMD;SN:A:B;SN:second;URL:http://x/;EMPTY:;"

    assert device_id(told) == {"MFG": "HP", "MDL": "LaserJet 400", "SN": "A:B", "URL": "http://x/"}


@pytest.mark.parametrize("text", ["unknown", " Unknown. ", "<none>", "--", "Not Set", "TBD", "Default string"])
def test_words_for_nothing_say_nothing(text: str) -> None:
    assert says_nothing(text)
