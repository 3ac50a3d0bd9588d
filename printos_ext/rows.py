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
    head = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count), strict=True)
    try:
        names = [name.strip() for name in next(reader, [])]
        found = [COLUMNS[_plain(name)] for name in names if _plain(name) in COLUMNS]
        if not set(NEEDED) <= set(found) or len(found) != len(set(found)):
            raise InvalidArgumentError(
                f"the first line must name the columns model and serialNumber, not {', '.join(names) or 'nothing'}"
            )
        for number, cells in enumerate(reader, 2):
            if any(cell.strip() for cell in cells):
                few = f"it has {len(cells)} cells, and the first line {len(names)}"
                yield number, dict(zip(names, cells, strict=True)) if len(cells) == len(names) else few
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
        return Row(number, fault=record if isinstance(record, str) else "it is no object")
    said = {COLUMNS[_plain(name)]: _cell(value) for name, value in record.items() if _plain(name) in COLUMNS}
    row = Row(number, said.get("model") or "", said.get("serial_number") or "", said.get("location") or None)
    try:
        provision_request(row.model, row.serial_number, row.location)
    except InvalidArgumentError as error:
        return evolve(row, fault=str(error))
    if ROUNDED.fullmatch(row.serial_number):
        return evolve(row, fault=f"a spreadsheet has rounded the serial number to {row.serial_number}")
    return row


def _cell(value: Any) -> str | None:
    """Return a text; a serial number of digits alone is a number in many files."""
    if value is None or isinstance(value, str):
        return value and value.strip()
    return json.dumps(value, ensure_ascii=False)


def _plain(name: Any) -> str:
    return re.sub(r"[\s_-]", "", str(name)).lower()
