"""From the contract to the client: the script behind `make regenerate`, `drift`, `spec-diff` and `spec-update`.

The generated client is a pure function of this folder. Exit status: 0 yes, 1 no (drifted, breaking), 2 failed (an
unreadable document, a missing tool, a full disk).
"""

import argparse
import difflib
import fcntl
import functools
import io
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import openapi_python_client
from contract import (
    DOCUMENT,
    PROVENANCE,
    ROOT,
    CannotTellError,
    ContractChange,
    checksum,
    contract_changes,
    read_document,
    recorded_checksum,
    worst,
)
from openapi_python_client.config import Config, ConfigFile, MetaType
from signatures import Change, Signatures, compare, read_signatures

OPTIONS = ROOT / "spec" / "codegen.yaml"
CHANGELOG = ROOT / "CHANGELOG.md"
GENERATED = ROOT / "generated"
PACKAGE = "printos_client"
STAMP = f"# Generated from spec/{DOCUMENT.name} by `make regenerate`; do not edit.\n"
STAGES = ".generated-"
# What the generator gets wrong compiles all the same: names that nobody defined, two fields of one name.
CODE_CHECK = "ruff check . --isolated --no-cache --no-respect-gitignore --select F811,F821,PIE794"


def main(arguments: list[str] | None = None) -> int:
    """Run one of the words and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    words = parser.add_subparsers(dest="word", required=True)
    words.add_parser("regenerate", help="write generated/ from spec/")
    words.add_parser("drift", help="tell whether generated/ is what spec/ makes of it")
    for word, does in {"spec-diff": "tell what a new document does to us", "spec-update": "take it in"}.items():
        words.add_parser(word, help=does).add_argument("new", type=Path)
    given = parser.parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a diff may hold what a terminal cannot show
    try:
        match given.word:
            case "regenerate":
                return regenerate()
            case "drift":
                return drift()
            case "spec-diff":
                return spec_diff(given.new)
            case _:
                return spec_update(given.new)
    except (CannotTellError, OSError) as error:
        why = str(error)
    except Exception as error:  # noqa: BLE001 - status 1 is an answer, and a fault of ours is none
        why = f"{type(error).__name__}: {error}"
    summary, _, details = why.partition("\n")
    print(*filter(None, [details, f"{given.word}: failed: {summary.rstrip(':')} (exit 2)"]), sep="\n")
    return 2


def regenerate() -> int:
    """Write `generated/` anew."""
    with _stage() as stage:
        _replace_generated(_generate(DOCUMENT.read_bytes(), stage), stage)
    if not _is_recorded():
        print(f"regenerate: note: spec/{PROVENANCE.name} records another document; `make spec-update` records this one")
    return 0


def drift() -> int:
    """Compare `generated/` with what `spec/` makes of it, both ways and byte by byte, and change nothing."""
    findings = []
    if not _is_recorded():
        findings.append(f"changed: spec/{DOCUMENT.name} does not have the checksum recorded in spec/{PROVENANCE.name}")
    with tempfile.TemporaryDirectory() as folder:
        findings += _differences(_entries(_generate(DOCUMENT.read_bytes(), Path(folder))), _entries(GENERATED))
    for finding in findings:
        print(finding)
    print(f"drift: {len(findings)} differences (exit 1)" if findings else "drift: none")
    return 1 if findings else 0


def spec_diff(new: Path) -> int:
    """Tell what a new version of the document does to the contract, to our signatures and to our version."""
    if not _is_recorded():
        raise CannotTellError(f"spec/{DOCUMENT.name} is not the recorded document, so there is nothing to compare with")
    with tempfile.TemporaryDirectory() as folder:
        read_document(new)
        theirs, ours = _changes(new, _generate(new.read_bytes(), Path(folder)))
    print(f"What changes in the contract: {len(theirs) or 'nothing'}")
    for change in theirs:
        print(f"  {_verdict(change.impact)} {change.place}: {change.what}")
    print(f"What changes in our public signatures: {len(ours) or 'nothing'}")
    for signature in ours:
        print(f"  {_verdict(signature.impact)} {signature.name} {signature.what}")
    bump = worst([*(change.impact for change in theirs), *(change.impact for change in ours)])
    breaking = bump == "major"
    print(f"spec-diff: {'breaking' if breaking else 'compatible'}; version bump: {bump} (exit {int(breaking)})")
    return int(breaking)


def spec_update(new: Path) -> int:
    """Take a new version of the document in: the copy, its checksum, the client and a stub in the changelog."""
    document = read_document(new)
    content = new.read_bytes()
    with _stage() as stage:
        fresh = _generate(content, stage)
        provenance = PROVENANCE.read_text(encoding="utf-8").replace(recorded_checksum(), checksum(content))
        texts = {DOCUMENT: content, PROVENANCE: provenance.encode()}
        if not _is_recorded(content):
            # First of all, so that an update cut short and begun again still knows what changed.
            texts = {CHANGELOG: _with_stub(str(document["info"]["version"]), new, content, fresh), **texts}
        for path, text in texts.items():
            (stage / path.name).write_bytes(text)
        for path in texts:
            (stage / path.name).replace(path)
        _replace_generated(fresh, stage)
    print(f"spec-update: the contract is {checksum(content)}; see the stub in {CHANGELOG.name}")
    return 0


def _changes(new: Path, fresh: Path) -> tuple[list[ContractChange], list[Change]]:
    """Return what differs between the recorded document and a new one: on the wire, and for those who import us."""
    return contract_changes(new), compare(_signatures(DOCUMENT.read_bytes()), read_signatures(fresh / PACKAGE))


@functools.cache
def _signatures(content: bytes) -> Signatures:
    """Return the signatures of a document's client, whatever may have happened to `generated/`."""
    with tempfile.TemporaryDirectory() as folder:
        return read_signatures(_generate(content, Path(folder)) / PACKAGE)


def _generate(content: bytes, folder: Path) -> Path:
    """Write the client for a document below a folder and return its root, the twin of `generated/`."""
    document = folder / DOCUMENT.name
    document.write_bytes(content)
    package = folder / GENERATED.name / PACKAGE
    options = ConfigFile.load_from_path(OPTIONS)
    hooks, options.post_hooks = options.post_hooks or [], []  # run below, where nothing of the user's reaches them
    config = Config.from_sources(options, MetaType.NONE, document, "utf-8", overwrite=False, output_path=package)
    with redirect_stdout(io.StringIO()):
        faults = openapi_python_client.generate(config=config)
    if faults:  # warnings too: they say that a piece is missing
        told = "\n".join(f"{fault.header} {fault.detail or ''}".strip() for fault in faults)
        raise CannotTellError(f"the generator does not take the document:\n{told}")
    for hook in hooks:
        _run(hook, package, f"`{hook}` failed")
    (package / "py.typed").touch()
    for file in sorted(package.rglob("*")):
        if file.is_file():
            file.write_bytes(STAMP.encode() + file.read_bytes())
    _run(CODE_CHECK, package, "the generator makes broken code of the document")
    return package.parent


def _run(command: str, folder: Path, failure: str) -> None:
    """Run a tool that lies beside this interpreter, with nothing of the user's environment."""
    result = subprocess.run(
        ["/bin/sh", "-c", command],
        env={"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath])},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="backslashreplace",
        check=False,
    )
    if result.returncode != 0:
        raise CannotTellError(f"{failure}:\n{result.stdout.strip()}")


@contextmanager
def _stage() -> Iterator[Path]:
    """Give a folder beside what is to be replaced, to one run at a time; what a killed run left behind goes."""
    root = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(root, fcntl.LOCK_EX)
        for left_behind in ROOT.glob(f"{STAGES}*"):
            _clear(left_behind)
        stage = Path(tempfile.mkdtemp(prefix=STAGES, dir=ROOT))
        try:
            yield stage
        finally:
            _clear(stage)
    finally:
        os.close(root)


def _clear(stage: Path) -> None:
    """Remove a stage, and put the old client back if the new one never came."""
    if (stage / "old").exists() and not os.path.lexists(GENERATED):
        (stage / "old").rename(GENERATED)
    shutil.rmtree(stage)


def _replace_generated(fresh: Path, stage: Path) -> None:
    """Put a complete folder in the place of `generated/` by renaming."""
    if os.path.lexists(GENERATED):
        GENERATED.rename(stage / "old")
    fresh.rename(GENERATED)


def _entries(root: Path) -> dict[str, bytes]:
    """Return everything below a folder, by relative path: the bytes of files, the targets of links, folders.

    What Python caches is left out. Nothing is followed: a link is itself an extra thing.
    """
    found: dict[str, bytes] = {}
    if root.is_symlink():
        return {"": b"a link to " + os.fsencode(root.readlink())}
    for folder, folders, files in os.walk(root):
        for name in [*folders, *files]:
            path = Path(folder, name)
            kind = path.lstat().st_mode
            relative = path.relative_to(root).as_posix()
            if stat.S_ISLNK(kind):
                found[relative] = b"a link to " + os.fsencode(path.readlink())
            elif stat.S_ISREG(kind):
                if not (path.parent.name == "__pycache__" and path.suffix == ".pyc"):
                    found[relative] = path.read_bytes()
            elif not (stat.S_ISDIR(kind) and name == "__pycache__"):
                found[f"{relative}/" if stat.S_ISDIR(kind) else relative] = b""
    return found


def _differences(expected: dict[str, bytes], found: dict[str, bytes]) -> Iterator[str]:
    for name in sorted(expected.keys() | found.keys()):
        before, after = expected.get(name), found.get(name)
        if before != after:
            kind = "extra" if before is None else "missing" if after is None else "changed"
            sides = ("made from spec/", f"found in {GENERATED.name}/")
            lines = difflib.unified_diff(_lines(before), _lines(after), *sides, lineterm="")
            yield "\n".join([f"{kind}: {GENERATED.name}/{name}", *lines])


def _lines(content: bytes | None) -> list[str]:
    return (content or b"").decode("utf-8", "backslashreplace").replace("\r", "\\r").split("\n")


def _verdict(impact: str) -> str:
    return f"{'breaking' if impact == 'major' else 'safe':8} {impact:5}"


def _is_recorded(content: bytes | None = None) -> bool:
    return recorded_checksum() == checksum(DOCUMENT.read_bytes() if content is None else content)


def _with_stub(version: str, new: Path, content: bytes, fresh: Path) -> bytes:
    """Return the changelog with the new contract under "Unreleased", once."""
    text = CHANGELOG.read_text(encoding="utf-8")
    before, heading, after = text.partition("## [Unreleased]\n")
    unreleased, released_heading, released = after.partition("\n## [")
    if not heading:
        raise CannotTellError(f"{CHANGELOG.name} has no heading '## [Unreleased]' to put the stub under")
    sha256 = checksum(content)
    if sha256 in unreleased:
        return text.encode()
    stub = f"- The contract is HP's document {' '.join(version.split())} (sha256 `{sha256}`). "
    stub += f"TODO: say what it means to users.\n{_listed(new, fresh)}"
    if "### Changed\n\n" in unreleased:
        unreleased = unreleased.replace("### Changed\n\n", f"### Changed\n\n{stub}", 1)
    else:
        unreleased = f"\n### Changed\n\n{stub}{unreleased}"
    return f"{before}{heading}{unreleased}{released_heading}{released}".encode()


def _listed(new: Path, fresh: Path) -> str:
    """List what changes, in both views where the old document is still there and can be compared."""
    note = ""
    try:
        if not _is_recorded():
            raise CannotTellError("the old document is not there any more")  # noqa: TRY301 - or Node.js is not
        theirs, ours = _changes(new, fresh)
    except CannotTellError as error:
        theirs, ours = [], compare(read_signatures(GENERATED / PACKAGE), read_signatures(fresh / PACKAGE))
        note = f"  - (only signatures were compared: {error})\n"
    lines = [f"  - {change.impact}: {change.place}: {change.what}\n" for change in theirs]
    lines += [f"  - {change.impact}: `{change.name}` {change.what}\n" for change in ours]
    return "".join([*lines, note])


if __name__ == "__main__":
    sys.exit(main())
