"""`printos devices report`: statuses from a file or a pipe, one JSON object a line, however many there are."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from . import exits, output

if TYPE_CHECKING:
    from printos_ext.client import PrintOS
    from printos_ext.flows import StatusUpdate

LONGEST_LINE = 1_000_000
LONGEST_TOLD = 100


class Report:
    """What became of each line; only the lines under way are remembered."""

    def __init__(self, *, as_json: bool) -> None:
        """Tell each line on stdout, if asked for; always what went wrong on stderr."""
        self._as_json = as_json
        self._lines: dict[int, int] = {}
        self.sent = self.failed = 0

    def send(self, printos: "PrintOS", stream: TextIO, concurrency: int) -> int:
        """Send every line, and return the exit status."""
        try:
            for result in printos.devices.update_statuses(self._updates(stream), concurrency=concurrency):
                line = self._lines.pop(id(result.update))
                self._tell(line, result.update.device_id, None if result.error is None else str(result.error))
        finally:
            sys.stderr.write(f"{self.sent} sent, {self.failed} failed\n")
        return exits.ERROR if self.failed else exits.OK

    def _updates(self, stream: TextIO) -> "Iterator[StatusUpdate]":
        for number, text in enumerate(_lines(stream), 1):
            if text.strip():
                try:
                    update = _update(text)
                except ValueError as error:
                    self._tell(number, None, str(error))
                else:
                    self._lines[id(update)] = number
                    yield update

    def _tell(self, line: int, device_id: str | None, error: str | None) -> None:
        self.sent += error is None
        self.failed += error is not None
        if error is not None:
            sys.stderr.write(f"printos: line {line}: {output.printable(error)}\n")
        if self._as_json:
            output.line({"line": line, "id": device_id, "ok": error is None, "error": error})


def read(file: str, use: Callable[[TextIO], int]) -> int:
    """Open a file, or standard input for `-`, and use it."""
    if file == "-":
        return use(sys.stdin)
    try:
        stream = Path(file).open(encoding="utf-8", errors="surrogateescape")  # noqa: SIM115 - opening fails, not using
    except OSError as error:
        raise output.CommandError(f"cannot read {file}: {error.strerror}", exits.USAGE) from None
    with stream:
        return use(stream)


def _lines(stream: TextIO) -> Iterator[str]:
    """Yield lines; one that is too long is cut, and no JSON any more."""
    while text := stream.readline(LONGEST_LINE):
        if len(text) == LONGEST_LINE and not text.endswith("\n"):
            while (rest := stream.readline(LONGEST_LINE)) and not rest.endswith("\n"):
                pass
            text = f"{text[:LONGEST_TOLD]}…"
        yield text


def _update(text: str) -> "StatusUpdate":
    from printos_ext.flows import StatusUpdate  # noqa: PLC0415 - help and completion can do without httpx

    try:
        document: Any = json.loads(text.removeprefix("\ufeff"))
    except RecursionError:
        raise ValueError("nested too deep") from None
    match document:
        case {"id": str(device_id), "status": str(status), **rest} if rest.keys() <= {"metrics"}:
            metrics = {} if rest.get("metrics") is None else rest["metrics"]
            if isinstance(metrics, dict):
                known = {name: metrics.pop(name, None) for name in ("pagesTotal", "inkLevel")}
                return StatusUpdate(device_id, status, known["pagesTotal"], known["inkLevel"], metrics)
    raise ValueError('a line is {"id": "…", "status": "…", "metrics": {"pagesTotal": 7, …}}')
