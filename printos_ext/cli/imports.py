"""`printos devices import`: a table of devices in, a result for each row out."""

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from . import exits, output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from printos_ext.client import PrintOS
    from printos_ext.importing import Outcome
    from printos_ext.rows import Row

UNNAMED = "printos-import"


def read_rows(file: str) -> "list[Row]":
    """Read all rows before anything is sent; a column that nothing is done with is told."""
    from printos_ext.errors import InvalidArgumentError  # noqa: PLC0415 - help and completion can do without httpx
    from printos_ext.rows import read_table  # noqa: PLC0415 - the same

    try:
        table = read_table(sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes())
    except OSError as error:
        raise output.CommandError(f"cannot read {file}: {error.strerror}", exits.USAGE) from None
    except InvalidArgumentError as error:
        raise output.CommandError(f"{file}: {error}", exits.USAGE) from None
    if table.unused:
        output.tell(f"nothing is done with {', '.join(map(repr, table.unused))}")
    return table.rows


def results_file(file: str, named: str | None) -> Path:
    """Return where the results are written; nowhere that holds something else."""
    place = Path(f"{UNNAMED if file == '-' else file}.results.ndjson" if named is None else named)
    if not place.name or place.is_dir() or (file != "-" and place.exists() and place.samefile(file)):
        raise output.CommandError(f"the results need a file of their own, not {str(place)!r}", exits.USAGE)
    return place


def import_rows(printos: "PrintOS", rows: "Sequence[Row]", results: Path, concurrency: int) -> dict[str, int]:
    """Register the rows, write what became of each to a file, and count it."""
    from printos_ext import importing  # noqa: PLC0415 - help and completion can do without httpx

    counts = dict.fromkeys(importing.RESULTS, 0)
    with (
        importing.alone(printos.devices_url),
        importing.Journal(results.with_name(f"{results.name}.journal")) as journal,
    ):
        run = importing.Import(printos, journal, rows, concurrency, output.tell)
        try:
            for _ in output.progress(run.run(), len(rows)):
                pass
        finally:
            outcomes = run.results()
            counts |= Counter(outcome.result for outcome in outcomes)
            if run.has_begun or not results.exists():  # what an earlier run knew is worth more than nothing
                _write(results, outcomes)
            output.tell(", ".join(f"{number} {result}" for result, number in counts.items()) + f"; see {results}")
            if run.is_complete:
                journal.remove()
    return counts


def rehearse(printos: "PrintOS", rows: "Sequence[Row]") -> int:
    """Go through the rows without keeping anything, and return the exit status."""
    from printos_ext.importing import Import, Journal  # noqa: PLC0415 - help and completion can do without httpx

    faults = [outcome for outcome in Import(printos, Journal(), rows, 1).run() if outcome.error is not None]
    for outcome in faults:
        output.tell(f"row {outcome.row.number}: {outcome.error}")
    return exits.ERROR if faults else exits.OK


def _write(results: Path, outcomes: "Sequence[Outcome]") -> None:
    from printos_ext.importing import write_results  # noqa: PLC0415 - help and completion can do without httpx

    try:
        write_results(results, outcomes)
    except OSError as error:
        raise output.CommandError(f"cannot write {results}: {error.strerror}", exits.ERROR) from None
