"""How results are shown: a table for people, tabs for pipes, JSON or CSV for programs. Data only, on stdout."""

import csv
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from . import exits

Row = Mapping[str, Any]

COLUMNS = ("id", "model", "serialNumber", "status", "registeredAt")


class ReaderGoneError(Exception):
    """Nobody reads the result any more: `| head` has seen enough."""


class CannotShowError(Exception):
    """A result cannot be shown as it was asked for; `status` is how the command ends."""

    def __init__(self, told: str, status: int) -> None:
        """Take what to tell, and the exit status."""
        super().__init__(told)
        self.status = status


def show(rows: Sequence[Row], *, as_json: str | None = None, as_csv: bool = False, one: bool = False) -> None:
    """Show rows; `as_json` names the fields to show, none of them means all."""
    with _writing():
        _write(rows, as_json, as_csv=as_csv, one=one)


def line(document: Row) -> None:
    """Show one object as a line of JSON, at once."""
    with _writing():
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise ReaderGoneError from None
    except OSError as error:
        raise CannotShowError(f"cannot write the result: {error.strerror}", exits.ERROR) from None


def _write(rows: Sequence[Row], as_json: str | None, *, as_csv: bool, one: bool) -> None:
    if as_json is not None:
        chosen = _chosen(rows, [name.strip() for name in as_json.split(",") if name.strip()])
        sys.stdout.write(json.dumps(chosen[0] if one else chosen, ensure_ascii=False) + "\n")
    elif as_csv:
        writer = csv.DictWriter(sys.stdout, _names(rows), lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _text(value) for name, value in row.items()} for row in rows)
    elif sys.stdout.isatty():
        _table(rows)
    else:
        for row in rows:
            sys.stdout.write("\t".join(printable(_text(row.get(name))) for name in COLUMNS) + "\n")


def printable(text: str) -> str:
    """Return a text that does nothing to a terminal, whatever a device may be called."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def _table(rows: Sequence[Row]) -> None:
    from rich.console import Console  # noqa: PLC0415 - a pipe needs no colours
    from rich.table import Table  # noqa: PLC0415 - the same
    from rich.text import Text  # noqa: PLC0415 - the same

    table = Table(*COLUMNS, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(printable(_text(row.get(name)))) for name in COLUMNS))
    Console().print(table)


def _chosen(rows: Sequence[Row], names: list[str]) -> list[dict[str, Any]]:
    known = set(_names(rows))
    for name in names:
        if rows and name not in known:
            raise CannotShowError(f"no field is called {name!r}; there are {', '.join(sorted(known))}", exits.USAGE)
    return [{name: row.get(name) for name in names} if names else dict(row) for row in rows]


def _names(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys([*COLUMNS, *(name for row in rows for name in row)]))


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
