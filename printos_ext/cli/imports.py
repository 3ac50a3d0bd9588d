"""`printos devices import`: a table of devices in, a result for each row out."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from . import exits, output

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from printos_ext.client import PrintOS
    from printos_ext.importing import Journal, Outcome
    from printos_ext.rows import Row

UNNAMED = Path("printos-import")


def read_rows(file: str) -> "list[Row]":
    """Read all rows before anything is sent; a column that nothing is done with is told."""
    from printos_ext.errors import InvalidArgumentError  # noqa: PLC0415 - help and completion can do without httpx
    from printos_ext.rows import read_table  # noqa: PLC0415 - the same

    try:
        table = read_table(sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes())
    except OSError as error:
        raise output.CannotShowError(f"cannot read {file}: {error.strerror}", exits.USAGE) from None
    except InvalidArgumentError as error:
        raise output.CannotShowError(f"{file}: {error}", exits.USAGE) from None
    if table.unused:
        output.tell(f"nothing is done with {', '.join(map(repr, table.unused))}")
    return table.rows


def import_rows(printos: "PrintOS", rows: "Sequence[Row]", results: Path, concurrency: int) -> dict[str, int]:
    """Register the rows, write what became of each to a file, and count it."""
    from printos_ext.importing import Import, Journal  # noqa: PLC0415 - help and completion can do without httpx

    outcomes: dict[int, Outcome] = {}
    with Journal(results.with_name(f"{results.name}.journal")) as journal:
        try:
            for outcome in output.progress(Import(printos, journal, concurrency).outcomes(rows), len(rows)):
                outcomes[outcome.row.number] = outcome
        finally:
            counts = _written(results, [_outcome(row, outcomes, journal) for row in rows])
            output.tell(", ".join(f"{number} {result}" for result, number in counts.items()) + f"; see {results}")
        if not journal.uncertain:
            journal.remove()
    return counts


def rehearse(printos: "PrintOS", rows: "Sequence[Row]") -> None:
    """Go through the rows without keeping anything."""
    from printos_ext.importing import Import, Journal  # noqa: PLC0415 - help and completion can do without httpx

    for outcome in Import(printos, Journal(), 1).outcomes(rows):
        if outcome.error is not None:
            output.tell(f"row {outcome.row.number}: {outcome.error}")


def results_of(file: str) -> Path:
    """Return where the results of a file are written unless another place is named."""
    return (UNNAMED if file == "-" else Path(file)).with_suffix(".results.ndjson")


def _outcome(row: "Row", outcomes: "dict[int, Outcome]", journal: "Journal") -> "Outcome":
    """Return what is known about a row, also if the run ended before it could be told."""
    from printos_ext.importing import Outcome  # noqa: PLC0415 - help and completion can do without httpx

    known = outcomes.get(row.number)
    if known is None and row.device in journal.provisioned:
        return Outcome(row, "provisioned", journal.provisioned[row.device])
    return known or Outcome(row, "untried")


def _written(results: Path, outcomes: "Iterable[Outcome]") -> dict[str, int]:
    """Write one line for each row, as a whole or not at all, and count them."""
    counts = dict.fromkeys(("provisioned", "existing", "failed", "untried"), 0)
    beside = results.with_name(f".{results.name}.new")
    try:
        with beside.open("w", encoding="utf-8") as stream:
            for outcome in outcomes:
                counts[outcome.result] += 1
                stream.write(json.dumps(outcome.to_dict(), ensure_ascii=False) + "\n")
        beside.replace(results)
    except OSError as error:
        raise output.CannotShowError(f"cannot write {results}: {error.strerror}", exits.ERROR) from None
    return counts
