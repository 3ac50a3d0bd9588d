"""The contract as a document: is it readable, is it the recorded one, and what differs between two versions of it.

Says nothing about code: what a change means to our own signatures is told by signatures.py.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from attrs import frozen

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "spec" / "hp-printos-device-api-openapi.yml"
PROVENANCE = ROOT / "spec" / "README.md"
REDOCLY = ROOT / ".ci" / "redocly"
REDOCLY_PROGRAM = REDOCLY / "node_modules" / "@redocly" / "cli" / "bin" / "cli.js"

BANNER = re.compile("╔.*╝", re.DOTALL)
LARGEST_DOCUMENT = 200_000
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
IMPACTS = ("none", "patch", "minor", "major")


class CannotTellError(Exception):
    """A question has no answer: a document is unreadable, a tool is missing or fails."""


@frozen
class ContractChange:
    """One difference between two versions of the document and the version bump that it asks for."""

    place: str
    what: str
    impact: str


def read_document(path: Path) -> dict[str, Any]:
    """Return a valid OpenAPI document, or say why it is none."""
    from openapi_spec_validator import validate  # noqa: PLC0415 - half a second that regenerate and drift need not spend
    from openapi_spec_validator.readers import read_from_filename  # noqa: PLC0415

    path.read_bytes()  # an unreadable file is an OSError that names it
    try:
        document, _ = read_from_filename(str(path))
        _check_size(document)
        validate(document)
    except Exception as error:  # whatever its parsers and resolvers raise passes through the validator
        where = "/".join(str(part) for part in getattr(error, "absolute_path", ()))
        message, _, _ = str(getattr(error, "message", error)).partition("\n\n")  # some validators add the schema
        why = message or "it does not say which version of OpenAPI it is"
        raise CannotTellError(
            f"{path} is not a valid OpenAPI document: {where and where + ': '}{_short(why)}"
        ) from error
    return dict(document)


def checksum(content: bytes) -> str:
    """Return the SHA-256 that spec/README.md records."""
    return hashlib.sha256(content).hexdigest()


def recorded_checksum() -> str:
    """Return the one checksum that spec/README.md holds."""
    found = re.findall(r"\b[0-9a-f]{64}\b", PROVENANCE.read_text(encoding="utf-8"))
    if len(found) != 1:
        raise CannotTellError(f"spec/{PROVENANCE.name} must record one SHA-256, it holds {len(found)}")
    return str(found[0])


def _check_size(document: Any) -> None:
    """Refuse what a few aliases blow up to more than any tool can walk through."""
    nodes, waiting = 0, [document]
    while waiting:
        node = waiting.pop()
        waiting += node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
        nodes += 1
        if nodes > LARGEST_DOCUMENT:
            raise CannotTellError(f"it has more than {LARGEST_DOCUMENT:,} parts")


def contract_changes(new: Path) -> list[ContractChange]:
    """List every difference between the bundled document and a new one, as Redocly's `diff` sees it."""
    documents = [read_document(DOCUMENT), read_document(new)]
    node = shutil.which("node")
    if node is None or not REDOCLY_PROGRAM.exists():
        raise CannotTellError("comparing documents needs Node.js 22.12 or newer (or 20.19), with npm, on the PATH")
    with tempfile.TemporaryDirectory() as folder:
        # As JSON under names of our own: neither a file's name nor YAML's shorthands are a change.
        paths = [Path(folder, name) for name in ("old.json", "new.json")]
        for path, document in zip(paths, documents, strict=True):
            path.write_text(json.dumps(document, default=str), encoding="utf-8")
        changes = _redocly_diff(node, *paths)
    return [_contract_change(change) for change in changes]


def _redocly_diff(node: str, old: Path, new: Path) -> list[dict[str, Any]]:
    result = subprocess.run(
        [
            node,
            REDOCLY_PROGRAM,
            "diff",
            old,
            new,
            "--format=json",
            "--fail-on=none",
            f"--config={REDOCLY / 'redocly.yaml'}",
        ],
        env={**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if result.returncode != 0:
        raise CannotTellError(f"Redocly cannot compare the documents: {_short(BANNER.sub('', result.stderr), 2000)}")
    return list(json.loads(result.stdout)["changes"])


def worst(impacts: list[str]) -> str:
    """Return the largest of the version bumps, "none" for no change at all."""
    return max(impacts, key=IMPACTS.index, default="none")


def _contract_change(change: dict[str, Any]) -> ContractChange:
    path = [part.replace("~1", "/").replace("~0", "~") for part in change["path"].removeprefix("#/").split("/")]
    impact, told = change["impact"], [verdict["message"] for verdict in change["verdicts"]]
    if _loses_field(change, path):
        impact, told = "major", told or ["a field that users fill in went away"]
    if path[0] == "paths" and "servers" in path:
        impact = "major"  # calls go to the server of the base URL, not to one of their own
    return ContractChange(_place(path), _what(change, told), impact)


def _loses_field(change: dict[str, Any], path: list[str]) -> bool:
    """Tell whether a field was removed or renamed.

    Redocly rates that a patch in a request, because a server may ignore what it does not know. Users of a generated
    client do not send unknown bytes: they name the field.
    """
    is_field = change["typeName"] == "Schema" and path[-2:-1] == ["properties"]
    return is_field and (change["kind"] == "removed" or change.get("property") == "key")


def _place(path: list[str]) -> str:
    if path[0] == "paths":
        path = [*(part.upper() if part in METHODS else part for part in path[2:3]), *path[1:2], *path[3:]]
    return " ".join(part for part in path if part not in {"content", "schema", "properties", ""}) or "document"


def _what(change: dict[str, Any], told: list[str]) -> str:
    if told:
        return " ".join(told)
    if change["kind"] != "modified":
        return str(change["kind"])
    before, after = (change.get(side, {}).get("value", "nothing") for side in ("base", "revision"))
    return f"{change['property']}: {_short(str(before))} became {_short(str(after))}"


def _short(text: str, length: int = 200) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[:length]} …"
