"""Any bytes as an answer: read, or said not to be one, in bounded time. The messages are written after RFC 8010."""

import os
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ipp_bytes import answer, attribute, collection, integer, keyword

from printos_ext.sources.ipp_messages import DEEPEST, HEAD, UnreadableMessageError, question, read_answer

GET_PRINTER_ATTRIBUTES, GET_JOBS = 0x0B, 0x0A


def test_one_value_is_a_value_and_several_are_a_list() -> None:
    body = answer(integer("printer-state", 3), keyword("printer-state-reasons", "media-low", "door-open"))

    assert read_answer(body).printers == [{"printer-state": 3, "printer-state-reasons": ["media-low", "door-open"]}]


def test_groups_stand_apart() -> None:
    jobs = b"\x02" + integer("job-id", 7) + b"\x02" + integer("job-id", 8)

    said = read_answer(answer(integer("printer-state", 3), groups=jobs, status=0x0001))

    assert said.status == 1
    assert said.operation == {"attributes-charset": "utf-8", "attributes-natural-language": "en"}
    assert said.jobs == [{"job-id": 7}, {"job-id": 8}]


def test_collections_are_read_as_they_nest() -> None:
    size = collection("media-size", integer("x-dimension", 21000), integer("y-dimension", 29700), member=True)

    said = read_answer(answer(collection("media-col", size, keyword("media-type", "plain")), integer("copies", 1)))

    media = {"media-size": {"x-dimension": 21000, "y-dimension": 29700}, "media-type": "plain"}
    assert said.printers == [{"media-col": media, "copies": 1}]


@pytest.mark.parametrize(
    ("tag", "value", "read"),
    [
        (0x21, b"\xff\xff\xff\xfd", -3),
        (0x21, b"\x01", None),
        (0x23, b"\x00\x00\x00\x63", 99),
        (0x22, b"\x01", True),
        (0x22, b"\x00", False),
        (0x10, b"", None),
        (0x12, b"", None),
        (0x30, b"type=toner;", "type=toner;"),
        (0x41, b"B\xfcro", "Büro"),
        (0x41, "Büro".encode(), "Büro"),
        (0x35, b"\x00\x02de\x00\x05B\xfcro ", "Büro "),
        (0x35, b"\x00\x02de\xff\xffB", None),
        (0x31, b"nonsense that is no date", b"nonsense that is no date"),
        (0x33, b"\x00\x00\x00\x01\x00\x00\x00\x02", b"\x00\x00\x00\x01\x00\x00\x00\x02"),
        (0x7F, b"?", b"?"),
    ],
)
def test_odd_value_does_not_cost_the_printer(tag: int, value: bytes, read: object) -> None:
    body = answer(attribute(tag, "odd", value), integer("printer-state", 3))

    assert read_answer(body).printers == [{"odd": read, "printer-state": 3}]


WHOLE = answer(integer("printer-state", 3), keyword("printer-state-reasons", "none"))


@pytest.mark.parametrize("length", range(len(WHOLE)))
def test_message_that_is_cut_is_none(length: int) -> None:
    with pytest.raises(UnreadableMessageError):
        read_answer(WHOLE[:length])


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"<html>Not Found \xe4</html>", "begins with b'<html>"),
        (answer(b"\x44\x00\x00\xff\xfb"), "leads beyond"),  # -5 where lengths have a sign: back to its own beginning
        (answer(b"\x44\xff\xff"), "leads beyond"),
        (answer(b"\x37\x00\x00\x00\x00"), "did not begin"),
        (answer(b"\x34\x00\x01a\x00\x00" + b"\x4a\x00\x00\x00\x01a\x34\x00\x00\x00\x00" * 100_000), "deep"),
    ],
)
def test_message_that_lies_is_none(body: bytes, why: str) -> None:
    with pytest.raises(UnreadableMessageError, match=why):
        read_answer(body)


def test_collection_may_nest_as_deep_as_any_printer_does() -> None:
    nested = integer("copies", 1)
    for _ in range(DEEPEST - 1):
        nested = collection("col", nested, member=True)

    assert len(read_answer(answer(collection("col", nested))).printers) == 1


def test_many_tiny_values_are_read_in_time() -> None:
    begun = time.process_time()
    read_answer(answer(keyword("a", "") + b"\x44\x00\x00\x00\x00" * 400_000))

    assert time.process_time() - begun < 5


@settings(max_examples=int(os.environ.get("PRINTOS_EXAMPLES", "500")))
@given(
    st.binary().map(lambda rest: HEAD.pack(2, 0, 0, 1) + b"\x04" + rest)
    | st.lists(
        st.sampled_from(
            [b"\x03", b"\x04", b"\x34\0\1a\0\0", b"\x37\0\0\0\0", b"\x4a\0\0\0\1b", b"\x21\0\0\0\4\0\0\0\1"]
        )
    ).map(lambda parts: answer(*parts))
    | st.tuples(st.integers(0, len(WHOLE) - 1), st.binary(min_size=1, max_size=3)).map(
        lambda change: WHOLE[: change[0]] + change[1] + WHOLE[change[0] + len(change[1]) :]
    )
)
def test_any_bytes_are_an_answer_or_none(body: bytes) -> None:
    try:
        said = read_answer(body)
    except UnreadableMessageError:
        return

    assert all(isinstance(name, str) for attributes in said.printers for name in attributes)


def test_question_is_written_as_the_rfc_says() -> None:
    asked = question(GET_JOBS, "ipp://host/ipp/print", ["job-id", "job-state"], version=(1, 1), limit=10)

    assert asked == (
        b"\x01\x01\x00\x0a\x00\x00\x00\x01\x01"
        b"\x47\x00\x12attributes-charset\x00\x05utf-8"
        b"\x48\x00\x1battributes-natural-language\x00\x02en"
        b"\x45\x00\x0bprinter-uri\x00\x14ipp://host/ipp/print"
        b"\x42\x00\x14requesting-user-name\x00\x07printos"
        b"\x21\x00\x05limit\x00\x04\x00\x00\x00\x0a"
        b"\x44\x00\x14requested-attributes\x00\x06job-id\x44\x00\x00\x00\x09job-state"
        b"\x03"
    )
    assert b"limit" not in question(GET_PRINTER_ATTRIBUTES, "ipp://host", ["printer-state"], version=(2, 0))
