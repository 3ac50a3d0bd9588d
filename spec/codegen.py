"""From the contract to the client: the script behind `make regenerate`, `drift`, `spec-diff` and `spec-update`.

The generated client is a pure function of this folder. Exit status: 0 yes, 1 no (drifted, breaking), 2 cannot tell
(an unreadable document, a missing tool, a full disk).
"""

import argparse
import difflib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from contract import (
    DOCUMENT,
    PROVENANCE,
    ROOT,
    CannotTellError,
    checksum,
    contract_changes,
    read_document,
    recorded_checksum,
    worst,
)
from signatures import Change, compare, read_signatures

OPTIONS = ROOT / "spec" / "codegen.yaml"
CHANGELOG = ROOT / "CHANGELOG.md"
GENERATED = ROOT / "generated"
PACKAGE = "printos_client"
STAMP = f"# Generated from spec/{DOCUMENT.name} by `make regenerate`; do not edit.\n"


def main(arguments: list[str] | None = None) -> int:
    """Run one of the words and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    words = parser.add_subparsers(dest="word", required=True)
    words.add_parser("regenerate", help="write generated/ from spec/")
    words.add_parser("drift", help="tell whether generated/ is what spec/ makes of it")
    for word, does in {"spec-diff": "tell what a new document does to us", "spec-update": "take it in"}.items():
        words.add_parser(word, help=does).add_argument("new", type=Path)
    given = parser.parse_args(arguments)
    try:
        match given.word:
            case "regenerate":
                regenerate()
                return 0
            case "drift":
                return drift()
            case "spec-diff":
                return spec_diff(given.new)
            case _:
                spec_update(given.new)
                return 0
    except (CannotTellError, OSError) as error:
        print(f"{given.word}: failed: {error} (exit 2)")
        return 2


def regenerate() -> None:
    """Write `generated/` anew."""
    with tempfile.TemporaryDirectory() as folder:
        _replace_generated(_generate(DOCUMENT.read_bytes(), Path(folder)))
    if not _is_recorded():
        print(f"regenerate: note: spec/{PROVENANCE.name} records another document; `make spec-update` records this one")


def drift() -> int:
    """Compare `generated/` with what `spec/` makes of it, both ways and byte by byte, and change nothing."""
    findings = []
    if not _is_recorded():
        findings.append(f"changed: spec/{DOCUMENT.name} does not have the checksum recorded in spec/{PROVENANCE.name}")
    with tempfile.TemporaryDirectory() as folder:
        findings += _differences(_files(_generate(DOCUMENT.read_bytes(), Path(folder))), _files(GENERATED))
    for finding in findings:
        print(finding)
    print(f"drift: {len(findings)} differences (exit 1)" if findings else "drift: none")
    return 1 if findings else 0


def spec_diff(new: Path) -> int:
    """Tell what a new version of the document does to the contract, to our signatures and to our version."""
    read_document(new)
    with tempfile.TemporaryDirectory() as folder:
        ours = _signature_changes(_generate(new.read_bytes(), Path(folder)))
    theirs = contract_changes(new)
    print(f"What changes in the contract: {len(theirs) or 'nothing'}")
    for change in theirs:
        print(f"  {_verdict(change.impact)} {change.place}: {change.what}")
    print(f"What changes in our public signatures: {len(ours) or 'nothing'}")
    for signature in ours:
        print(f"  {_verdict(_impact(signature))} {signature.name} {signature.what}")
    bump = worst([*(change.impact for change in theirs), *(_impact(signature) for signature in ours)])
    breaking = bump == "major"
    print(f"spec-diff: {'breaking' if breaking else 'compatible'}; version bump: {bump} (exit {int(breaking)})")
    return int(breaking)


def spec_update(new: Path) -> None:
    """Take a new version of the document in: the copy, its checksum, the client and a stub in the changelog."""
    version = read_document(new)["info"]["version"]
    content = new.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        fresh = _generate(content, Path(folder))
        provenance = PROVENANCE.read_text(encoding="utf-8").replace(recorded_checksum(), checksum(content))
        if not _is_recorded(content):
            # First of all, so that an update cut short and begun again still knows what changed.
            _write(CHANGELOG, _with_stub(version, checksum(content), _signature_changes(fresh)))
        _write(DOCUMENT, content)
        _write(PROVENANCE, provenance.encode())
        _replace_generated(fresh)
    print(f"spec-update: the contract is version {version}, {checksum(content)}; see the stub in {CHANGELOG.name}")


def _generate(content: bytes, folder: Path) -> Path:
    """Write the client for a document below an empty folder and return its root, the twin of `generated/`."""
    document = folder / DOCUMENT.name
    document.write_bytes(content)
    package = folder / GENERATED.name / PACKAGE
    command = [sys.executable, "-I", "-X", "utf8", "-m", "openapi_python_client", "generate", "--fail-on-warning"]
    command += ["--meta=none", "--file-encoding=utf-8", f"--config={OPTIONS}", f"--path={document}"]
    # The tools come from beside this interpreter, and no variable of the user's reaches them.
    tools = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
    result = subprocess.run(
        [*command, f"--output-path={package}"],
        env={"PATH": tools},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    if result.returncode != 0:
        raise CannotTellError(f"the generator does not take the document:\n{result.stdout.strip()}")
    (package / "py.typed").touch()
    for file in _files(package):
        (package / file).write_bytes(STAMP.encode() + (package / file).read_bytes())
    return package.parent


def _replace_generated(fresh: Path) -> None:
    """Put a complete folder in the place of `generated/`: whoever looks sees the old one or the new one."""
    stage = Path(tempfile.mkdtemp(prefix=".generated-", dir=ROOT))
    try:
        shutil.copytree(fresh, stage / "new")
        if GENERATED.exists():
            GENERATED.rename(stage / "old")
        try:
            (stage / "new").rename(GENERATED)
        except OSError:
            (stage / "old").rename(GENERATED)
            raise
    finally:
        shutil.rmtree(stage)


def _files(root: Path) -> dict[str, bytes]:
    """Return the content of everything below a folder by relative path, save what Python caches there."""
    paths = [path for path in root.rglob("*") if not path.is_dir() and path.parent.name != "__pycache__"]
    return {path.relative_to(root).as_posix(): path.read_bytes() if path.is_file() else b"" for path in paths}


def _differences(expected: dict[str, bytes], found: dict[str, bytes]) -> Iterator[str]:
    for name in sorted(expected.keys() | found.keys()):
        before, after = expected.get(name), found.get(name)
        if before != after:
            kind = "extra" if before is None else "missing" if after is None else "changed"
            lines = difflib.unified_diff(
                _lines(before), _lines(after), "made from spec/", f"found in {GENERATED.name}/", lineterm=""
            )
            yield "\n".join([f"{kind}: {GENERATED.name}/{name}", *lines])


def _lines(content: bytes | None) -> list[str]:
    return (content or b"").decode("utf-8", "backslashreplace").replace("\r", "\\r").split("\n")


def _signature_changes(fresh: Path) -> list[Change]:
    return compare(read_signatures(GENERATED / PACKAGE), read_signatures(fresh / PACKAGE))


def _impact(change: Change) -> str:
    return "major" if change.breaking else "minor" if change.added else "patch"


def _verdict(impact: str) -> str:
    return f"{'breaking' if impact == 'major' else 'safe':8} {impact:5}"


def _is_recorded(content: bytes | None = None) -> bool:
    return recorded_checksum() == checksum(DOCUMENT.read_bytes() if content is None else content)


def _with_stub(version: str, sha256: str, changes: list[Change]) -> bytes:
    """Return the changelog with the new contract under "Unreleased", once."""
    text = CHANGELOG.read_text(encoding="utf-8")
    before, heading, after = text.partition("## [Unreleased]\n")
    unreleased, released_heading, released = after.partition("\n## [")
    if not heading:
        raise CannotTellError(f"{CHANGELOG.name} has no heading '## [Unreleased]' to put the stub under")
    if sha256 in unreleased:
        return text.encode()
    bump = worst([_impact(change) for change in changes])
    stub = (
        f"- The contract is HP's document {version} (sha256 `{sha256}`). TODO: say what it means to users ({bump}).\n"
    )
    stub += "".join(f"  - `{change.name}` {change.what}\n" for change in changes)
    if "### Changed\n\n" in unreleased:
        unreleased = unreleased.replace("### Changed\n\n", f"### Changed\n\n{stub}", 1)
    else:
        unreleased = f"\n### Changed\n\n{stub}{unreleased}"
    return f"{before}{heading}{unreleased}{released_heading}{released}".encode()


def _write(path: Path, content: bytes) -> None:
    """Replace a file as a whole, so that a full disk or a kill leaves the old one or the new one."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(content)
    temporary.replace(path)


if __name__ == "__main__":
    sys.exit(main())
