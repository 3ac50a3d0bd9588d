"""How results are shown: a table for people, tabs for pipes, JSON or CSV for programs. Data on stdout, else stderr."""

import csv
import datetime as dt
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, TypeVar

from . import exits

if TYPE_CHECKING:
    from rich.console import Console

Row = Mapping[str, Any]
T = TypeVar("T")

COLUMNS = ("id", "model", "serialNumber", "status", "registeredAt")
STYLES = {"DS_ERROR": "bold red", "DS_PRINTING": "green", "DS_RIPPING": "green", "DS_OFF": "dim"}
UNITS = (("year", 31_536_000), ("month", 2_592_000), ("day", 86_400), ("hour", 3_600), ("minute", 60))


class ReaderGoneError(Exception):
    """Nobody reads the result any more: `| head` has seen enough."""


class CommandError(Exception):
    """A command cannot do what it was asked for; it is told in one line, and `status` is how it ends."""

    def __init__(self, told: str, status: int) -> None:
        """Take what to tell, and the exit status."""
        super().__init__(told)
        self.status = status


def show(
    rows: Sequence[Row],
    *,
    columns: Sequence[str] = COLUMNS,
    as_json: str | None = None,
    as_csv: bool = False,
    one: bool = False,
) -> None:
    """Show rows, as a table of the columns; as JSON, `as_json` names the fields to show, none of them means all."""
    with _writing():
        _write(rows, columns, as_json, as_csv=as_csv, one=one)


def check_fields(as_json: str | None) -> None:
    """Refuse, before anything is changed, to show fields that the document does not name."""
    _chosen([], _fields(as_json))


def line(document: Any) -> None:
    """Show a document as a line of JSON, at once."""
    lines([_json(document)])


def lines(texts: Iterable[str]) -> None:
    """Show lines, at once."""
    with _writing():
        sys.stdout.writelines(f"{text}\n" for text in texts)


def tell(text: str) -> None:
    """Tell a person something, in one line."""
    sys.stderr.write(f"printos: {printable(text)}\n")


def hush() -> None:
    """Let what is still to be written go nowhere: Python would try once more when it ends, and complain."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def progress(things: Iterable[T], total: int) -> Iterator[T]:
    """Go through things with a bar on a terminal that can show one."""
    if not _is_drawable(sys.stderr):
        yield from things
        return
    from rich.progress import track  # noqa: PLC0415 - a pipe needs no bar

    yield from track(things, description="", total=total, console=_console(sys.stderr), transient=True)


def printable(text: str) -> str:
    """Return a text that does nothing to a terminal, whatever a device may be called."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def since(date: str, now: dt.datetime) -> str:
    """Return how long ago a moment was, as people say it; a text that is no date stays as it is."""
    try:
        seconds = (now - dt.datetime.fromisoformat(date)).total_seconds()
    except (ValueError, TypeError):
        return date
    for unit, size in UNITS:
        if abs(seconds) >= size:
            number = int(abs(seconds) // size)
            told = f"{number} {unit}{'s' * (number != 1)}"
            return f"{told} ago" if seconds > 0 else f"in {told}"
    return "now"


@contextmanager
def _writing() -> Iterator[None]:
    if sys.stdout is None:
        raise CommandError("cannot write the result: standard output is closed", exits.ERROR)
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        hush()
        raise ReaderGoneError from None
    except OSError as error:
        hush()
        raise CommandError(f"cannot write the result: {error.strerror}", exits.ERROR) from None


def _write(rows: Sequence[Row], columns: Sequence[str], as_json: str | None, *, as_csv: bool, one: bool) -> None:
    if as_json is not None:
        chosen = _chosen(rows, _fields(as_json))
        sys.stdout.write(_json(chosen[0] if one else chosen) + "\n")
    elif as_csv:
        writer = csv.DictWriter(sys.stdout, _names(rows), lineterminator="\n")
        writer.writeheader()
        shown = printable if sys.stdout.isatty() else str
        writer.writerows({name: shown(_text(value)) for name, value in row.items()} for row in rows)
    elif sys.stdout.isatty():
        _table(rows, columns)
    else:
        for row in rows:
            sys.stdout.write("\t".join(printable(_text(row.get(name))) for name in columns) + "\n")


def _table(rows: Sequence[Row], columns: Sequence[str]) -> None:
    from rich.table import Table  # noqa: PLC0415 - a pipe needs no table
    from rich.text import Text  # noqa: PLC0415 - the same

    now = dt.datetime.now(dt.UTC)
    table = Table(box=None, pad_edge=False)
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        cells = {name: printable(_text(row.get(name))) for name in columns}
        if "registeredAt" in cells:
            cells["registeredAt"] = since(cells["registeredAt"], now)
        table.add_row(*(Text(cell, STYLES.get(cell, "")) for cell in cells.values()))
    _console(sys.stdout).print(table)


def _console(file: IO[str]) -> "Console":
    """Return a terminal that takes colours only if the user does (https://no-color.org)."""
    from rich.console import Console  # noqa: PLC0415 - a pipe needs no colours

    plain = bool(os.environ.get("NO_COLOR")) or not _is_drawable(file)
    return Console(file=file, color_system=None if plain else "auto", highlight=False, markup=False)


def _is_drawable(file: IO[str]) -> bool:
    return file is not None and file.isatty() and os.environ.get("TERM") not in {None, "", "dumb", "unknown"}


def _fields(as_json: str | None) -> list[str]:
    return [name.strip() for name in (as_json or "").split(",") if name.strip()]


def _json(document: Any) -> str:
    """Return a document as one line; what a terminal might obey is an escape, on a terminal."""
    text = json.dumps(document, ensure_ascii=False, default=str)
    if not sys.stdout.isatty():
        return text
    return "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in text)


def _chosen(rows: Sequence[Row], names: list[str]) -> list[dict[str, Any]]:
    known = set(_names(rows))
    for name in names:
        if name not in known:
            raise CommandError(f"no field is called {name!r}; there are {', '.join(sorted(known))}", exits.USAGE)
    return [{name: row.get(name) for name in names} if names else dict(row) for row in rows]


def _names(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys([*COLUMNS, *(name for row in rows for name in row)]))


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return " ".join(map(_text, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
