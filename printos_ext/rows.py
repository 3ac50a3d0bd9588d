"""Devices in a table that somebody else wrote: CSV as spreadsheets save it, JSON, or one JSON object a line. No I/O."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from attrs import evolve, frozen

from .arguments import provision_request
from .errors import InvalidArgumentError

COLUMNS = {"model": "model", "serialnumber": "serial_number", "serial": "serial_number", "location": "location"}
LISTED = {"id", "status", "registeredat"}  # what a list of devices has besides, and what nobody can choose
NEEDED = ("model", "serial_number")
ROUNDED = re.compile(r"\d(?:[.,]\d+)?E\+\d+", re.IGNORECASE)


@frozen
class Row:
    """A device to be registered, or why it is none. `number` is the row of a spreadsheet, or the place in JSON."""

    number: int
    model: str = ""
    serial_number: str = ""
    location: str | None = None
    fault: str | None = None

    @property
    def device(self) -> tuple[str, str]:
        """What makes it the same device as another row's."""
        return self.model, self.serial_number


@frozen
class Table:
    """The rows, and the columns that nothing is done with."""

    rows: list[Row]
    unused: list[str]


def read_table(content: bytes) -> Table:
    """Read all rows; a row that is no device says so, a text that is no table is an `InvalidArgumentError`."""
    text = _decoded(content)
    records = list(_json(text) if text.lstrip()[:1] in {"[", "{"} else _csv(text))
    names = dict.fromkeys(name for _, record in records if isinstance(record, dict) for name in record)
    unused = [name for name in names if _plain(name) not in {*COLUMNS, *LISTED}]
    return Table([_row(number, record) for number, record in records], unused)


def _decoded(content: bytes) -> str:
    encoding = "utf-16" if content[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidArgumentError(f"line {line} is not UTF-8: save the table as “CSV UTF-8”") from None


def _csv(text: str) -> Iterator[tuple[int, Any]]:
    head, _, rest = text.partition("\n")
    skipped = 0
    if head.lower().startswith("sep="):  # what a spreadsheet writes for itself
        text, head, skipped = rest, head.strip()[4:], 1
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = [name.strip() for name in next(reader, [])]
        found = [COLUMNS[_plain(name)] for name in names if _plain(name) in COLUMNS]
        if not set(NEEDED) <= set(found) or len(found) != len(set(found)):
            raise InvalidArgumentError(
                f"the first line must name the columns model and serialNumber, not {', '.join(names) or 'nothing'}"
            )
        for number, cells in enumerate(reader, 2 + skipped):
            if any(cell.strip() for cell in cells):
                yield number, dict(zip(names, cells, strict=True)) if len(cells) == len(names) else cells
    except csv.Error as error:
        raise InvalidArgumentError(f"line {reader.line_num} is no CSV: {error}") from None


def _json(text: str) -> Iterable[tuple[int, Any]]:
    try:
        document = json.loads(text)
    except RecursionError:
        raise InvalidArgumentError("the JSON is nested too deep") from None
    except ValueError:
        return _json_lines(text)
    if isinstance(document, dict):
        document = document.get("devices", [document])
    if not isinstance(document, list):
        raise InvalidArgumentError("the JSON is no list of devices")
    return enumerate(document, 1)


def _json_lines(text: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError) as error:
                raise InvalidArgumentError(f"line {number} is no JSON: {error}") from None


def _row(number: int, record: Any) -> Row:
    """Return a device, if a record is one."""
    if not isinstance(record, dict):
        has_cells = isinstance(record, list)
        return Row(number, fault=f"its {len(record)} cells are not those above" if has_cells else "it is no object")
    said: dict[str, str | None] = {}
    for name, value in record.items():
        column = COLUMNS.get(_plain(name))
        if column in said:
            return Row(number, fault=f"it has two values for {column}")
        if column:
            try:
                said[column] = _cell(column, value)
            except ValueError as error:
                return Row(number, fault=str(error))
    row = Row(number, said.get("model") or "", said.get("serial_number") or "", said.get("location") or None)
    try:
        provision_request(row.model, row.serial_number, row.location)
    except InvalidArgumentError as error:
        return evolve(row, fault=str(error))
    if ROUNDED.fullmatch(row.serial_number):
        return evolve(row, fault=f"a spreadsheet has rounded the serial number to {row.serial_number}")
    return row


def _cell(column: str, value: Any) -> str | None:
    """Return a text; a serial number of digits alone is a number in many files."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(f"the {column} is no text")  # noqa: TRY004 - the caller's table is wrong, not the caller
    text = value.strip()
    if any(ord(character) < ord(" ") for character in text):
        raise ValueError(f"the {column} holds characters that nobody can read")
    return text


def _plain(name: Any) -> str:
    return re.sub(r"[\s_-]", "", str(name)).lower()
