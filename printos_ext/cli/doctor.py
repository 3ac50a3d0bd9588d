"""`printos doctor`: ten lines that say why it does not work, and a bundle for those who are asked for help."""

import datetime as dt
import json
import logging
import os
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import exits, output

if TYPE_CHECKING:
    from printos_ext.doctor import Finding

MARKS = {True: "✓", False: "✗", None: " "}
STATUSES = {"name": exits.NO_ANSWER, "connection": exits.NO_ANSWER, "certificate": exits.NO_ANSWER, "clock": exits.AUTH}
PACKAGES = ("printos-device", "attrs", "httpx", "httpcore", "h11", "certifi", "python-dateutil", "typer", "rich")
VARIABLES = ("PRINTOS_", "SSL_CERT_", "NO_COLOR", "TERM", "LANG", "LC_")


def run(options: Mapping[str, Any], support: str | None, *, as_json: bool) -> int:
    """Examine, show each finding, write the bundle if one is asked for, and return the exit status."""
    from printos_ext.doctor import examine  # noqa: PLC0415 - help and completion can do without httpx

    log = Recorder()
    if support is not None:
        logging.getLogger("printos_ext").addHandler(log)
        logging.getLogger("printos_ext").setLevel(logging.DEBUG)
    findings = show(examine(**options), as_json=as_json)
    if support is not None:
        write_bundle(support, findings, log.lines)
    return status_of(findings)


def show(findings: "Iterable[Finding]", *, as_json: bool) -> "list[Finding]":
    """Show each finding as it is made, or all as JSON."""
    made = []
    for finding in findings:
        made.append(finding)
        if not as_json:
            advice = [f"{'':14}→ {output.printable(finding.advice)}"] * bool(finding.advice)
            output.lines([f"{MARKS[finding.ok]} {finding.check:12}{output.printable(finding.found)}", *advice])
    if as_json:
        output.line([_document(finding) for finding in made])
    return made


def status_of(findings: "Iterable[Finding]") -> int:
    """Return the exit status of the first thing that is broken."""
    for finding in findings:
        if finding.ok is False:
            known = exits.status_of(finding.error) if finding.error else None
            return known or STATUSES.get(finding.check, exits.USAGE)
    return exits.OK


def write_bundle(file: str, findings: "Sequence[Finding]", log: Sequence[str]) -> None:
    """Write what a person needs who is asked for help, without a secret; a file that is there stays as it is."""
    document = {
        "made": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "python": sys.version,
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in PACKAGES},
        "environment": {name: _shown(name, value) for name, value in sorted(os.environ.items()) if _is_told(name)},
        "findings": [_document(finding) for finding in findings],
        "log": log,
    }
    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:  # noqa: PTH123 - for its owner alone
            json.dump(document, stream, indent=2, ensure_ascii=False)
    except OSError as error:
        Path(file).unlink(missing_ok=True) if not isinstance(error, FileExistsError) else None
        raise output.CannotShowError(f"cannot write {file}: {error.strerror}", exits.ERROR) from None
    output.tell(f"wrote {file}; look at it before you send it")


class Recorder(logging.Handler):
    """Keeps what the SDK logs."""

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.lines.append(self.format(record))


def _document(finding: "Finding") -> dict[str, Any]:
    return {"check": finding.check, "ok": finding.ok, "found": finding.found, "advice": finding.advice or None}


def _is_told(name: str) -> bool:
    return name.startswith(VARIABLES) or name.lower().endswith("_proxy")


def _shown(name: str, value: str) -> str:
    if "SECRET" in name or "KEY" in name:
        return f"({len(value)} characters)"
    head, at, tail = value.rpartition("@")
    return f"REDACTED@{tail}" if at and head else value


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
