"""`printos doctor`: ten lines that say why it does not work, and a bundle for those who are asked for help."""

import datetime as dt
import json
import logging
import os
import platform
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from printos_ext import files

from . import exits, output

if TYPE_CHECKING:
    from printos_ext.doctor import Finding

MARKS = {True: "✓", False: "✗", None: " "}
STATUSES = {"name": exits.NO_ANSWER, "connection": exits.NO_ANSWER, "certificate": exits.NO_ANSWER, "clock": exits.AUTH}
PACKAGES = ("printos-device", "attrs", "httpx", "httpcore", "h11", "certifi", "python-dateutil", "typer", "rich")
PLAIN = {"PRINTOS_PROFILE", "PRINTOS_LOG", "SSL_CERT_FILE", "SSL_CERT_DIR", "NO_COLOR", "TERM", "LANG", "LC_ALL"}
LESS = {"info", "warning", "error", "critical"}


def run(options: Mapping[str, Any], support: str | None, *, as_json: bool) -> int:
    """Examine, show each finding, write the bundle if one is asked for, and return the exit status."""
    from printos_ext.doctor import examine  # noqa: PLC0415 - help and completion can do without httpx

    log = Recorder()
    if support is not None:
        logging.getLogger().addHandler(log)  # beside the handler of -v, which is that of our own logger
        if os.environ.get("PRINTOS_LOG", "").lower() in LESS:
            os.environ["PRINTOS_LOG"] = "debug"
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
        "environment": {name: shown for name, value in sorted(os.environ.items()) if (shown := _shown(name, value))},
        "findings": [_document(finding) for finding in findings],
        "log": log,
    }
    try:
        files.create(Path(file), json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise output.CommandError(f"cannot write {file}: {error.strerror}", exits.ERROR) from None
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


def _shown(name: str, value: str) -> str | None:
    """Return what may be told of a variable; a list says of which, because what is secret has no end."""
    if name in {"PRINTOS_API_KEY", "PRINTOS_API_SECRET"}:
        return f"({len(value)} characters)"
    if name == "PRINTOS_BASE_URL" or name.lower() in {"http_proxy", "https_proxy", "all_proxy"}:
        found = re.match(r"\w+://(?:[^/?#]*@)?([\w.:-]+)", value)
        return f"…://{found[1]}" if found else "(no address)"
    return value if name in PLAIN or name.lower() == "no_proxy" else None


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
