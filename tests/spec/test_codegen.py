"""`regenerate`, `drift` and `spec-update`, run as the script they are on a copy of what they read and write."""

import datetime as dt
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from printos_ext.sandbox import Sandbox

DOCUMENT = Path("spec/hp-printos-device-api-openapi.yml")
MODEL = Path("generated/printos_client/models/print_device.py")


def copy_tree(root: Path, to: Path) -> Path:
    ignore = shutil.ignore_patterns("__pycache__")
    for folder in ("spec", "generated"):
        shutil.copytree(root / folder, to / folder, ignore=ignore)
    shutil.copy(root / "CHANGELOG.md", to)
    return to


@pytest.fixture
def tree(root: Path, tmp_path: Path) -> Path:
    return copy_tree(root, tmp_path / "tree")


def run(tree: Path, *arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, tree / "spec" / "codegen.py", *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False, **options)  # type: ignore[call-overload, no-any-return]  # options differ in type


def content(tree: Path) -> dict[str, bytes]:
    return {
        path.relative_to(tree).as_posix(): path.read_bytes()
        for path in tree.rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"
    }


def add_field(path: Path) -> None:
    document = yaml.safe_load(path.read_bytes())
    document["components"]["schemas"]["DeviceProvisionRequest"]["properties"]["mood"] = {"type": "string"}
    path.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), encoding="utf-8")


def test_regenerate_gives_the_same_bytes(tree: Path) -> None:
    before = content(tree)
    shutil.rmtree(tree / "generated")

    result = run(tree, "regenerate")

    assert (result.returncode, result.stdout) == (0, "")
    assert content(tree) == before


def test_regenerate_gives_the_same_bytes_in_hostile_surroundings(root: Path, tmp_path: Path) -> None:
    surroundings = tmp_path / "build" / "node_modules" / "with space and ümlaut"
    tree = copy_tree(root, surroundings / "tree")
    before = content(tree)
    hostile = 'line-length = 40\ntarget-version = "py38"\nexclude = ["*"]\n[format]\nquote-style = "single"\n'
    (surroundings / "ruff.toml").write_text(hostile, encoding="utf-8")
    (surroundings / ".gitignore").write_text("*\n", encoding="utf-8")
    (surroundings / ".git").mkdir()  # an ignore file counts only inside a repository
    (tree / "pyproject.toml").write_text('[tool.ruff]\nline-length = 40\nexclude = ["*"]\n', encoding="utf-8")
    (tree / "ruff.py").write_text("raise SystemExit('not this one')", encoding="utf-8")
    environment = {
        **os.environ,
        "LC_ALL": "C",
        "TZ": "Asia/Kathmandu",
        "TMPDIR": str(surroundings),
        "PYTHONHASHSEED": "1",
        "PYTHONPATH": str(tree),
        "RUFF_CONFIG": str(surroundings / "ruff.toml"),
        "XDG_CONFIG_HOME": str(surroundings),
    }

    result = run(tree, "regenerate", cwd=tree, env=environment)

    assert (result.returncode, result.stdout) == (0, "")
    assert {name: data for name, data in content(tree).items() if name in before} == before


def test_regenerate_removes_what_the_contract_no_longer_makes(tree: Path) -> None:
    (tree / "generated" / "printos_client" / "stale.py").touch()
    (tree / "generated" / "stale").mkdir()

    assert run(tree, "regenerate").returncode == 0

    assert not list((tree / "generated").rglob("stale*"))


def test_every_generated_file_says_what_made_it(tree: Path) -> None:
    stamp = f"# Generated from {DOCUMENT} by `make regenerate`; do not edit.\n".encode()

    files = content(tree / "generated")

    assert "printos_client/py.typed" in files
    assert [name for name, data in files.items() if not data.startswith(stamp)] == []


def test_regenerate_says_when_the_document_is_not_the_recorded_one(tree: Path) -> None:
    add_field(tree / DOCUMENT)

    result = run(tree, "regenerate")

    assert result.returncode == 0
    assert "make spec-update" in result.stdout
    assert b"mood" in (tree / "generated/printos_client/models/device_provision_request.py").read_bytes()


@pytest.mark.parametrize(
    ("break_it", "named"),
    [
        (lambda tree: (tree / DOCUMENT).write_text("openapi: 3.1.0", encoding="utf-8"), "the generator does not take"),
        (lambda tree: (tree / DOCUMENT).unlink(), DOCUMENT.name),
        (lambda tree: (tree / "spec" / "codegen.yaml").write_text("post_hooks: [no-such-tool .]"), "no-such-tool"),
        (lambda tree: (tree / "spec" / "codegen.yaml").write_text("post_hooks: [ruff check --nonsense]"), "--nonsense"),
    ],
    ids=["broken document", "no document", "missing hook tool", "failing hook"],
)
def test_failed_regenerate_leaves_the_old_client(break_it: Callable[[Path], None], named: str, tree: Path) -> None:
    before = content(tree / "generated")
    break_it(tree)

    result = run(tree, "regenerate")

    assert result.returncode == 2
    assert named in result.stdout
    assert "Traceback" not in result.stderr
    assert content(tree / "generated") == before


def test_regenerate_on_a_full_disk_leaves_the_old_client(tree: Path) -> None:
    before = content(tree)

    script = str(tree / "spec" / "codegen.py")
    limited = ["sh", "-c", 'ulimit -f 1; exec "$@"', "sh", sys.executable, script, "regenerate"]
    result = subprocess.run(limited, capture_output=True, encoding="utf-8", check=False)

    assert result.returncode == 2
    assert "File too large" in result.stdout
    assert content(tree) == before


def test_run_that_was_killed_between_the_renames_is_healed_by_the_next(tree: Path) -> None:
    before = content(tree)
    (tree / ".generated-killed").mkdir()
    (tree / "generated").rename(tree / ".generated-killed" / "old")

    assert run(tree, "regenerate").returncode == 0

    assert content(tree) == before


def test_two_runs_at_once_wait_for_each_other(tree: Path) -> None:
    before = content(tree)
    command = [sys.executable, str(tree / "spec" / "codegen.py"), "regenerate"]

    runs = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(3)]

    assert [run.communicate()[0] for run in runs] == [b""] * 3
    assert [run.returncode for run in runs] == [0] * 3
    assert content(tree) == before


@pytest.mark.parametrize("fault", [b"no checksum", b"\xff", b"a" * 64 + b" " + b"b" * 64])
def test_broken_record_is_a_failure_and_no_drift(fault: bytes, tree: Path) -> None:
    (tree / "spec" / "README.md").write_bytes(fault)

    result = run(tree, "drift")

    assert (result.returncode, result.stderr) == (2, "")
    assert result.stdout.splitlines()[-1].startswith("drift: failed: ")


def test_document_that_was_edited_in_place_is_no_base_for_a_comparison(tree: Path) -> None:
    add_field(tree / DOCUMENT)

    result = run(tree, "spec-diff", str(tree / DOCUMENT))

    assert result.returncode == 2
    assert "not the recorded document" in result.stdout


def test_no_drift_between_the_contract_and_the_client(root: Path) -> None:
    result = run(root, "drift")

    assert (result.returncode, result.stdout) == (0, "drift: none\n")


def change_a_byte(tree: Path) -> None:
    (tree / MODEL).write_bytes((tree / MODEL).read_bytes().replace(b"serialNumber", b"serialnumber", 1))


def change_line_endings(tree: Path) -> None:
    (tree / MODEL).write_bytes((tree / MODEL).read_bytes().replace(b"\n", b"\r\n"))


def drop_the_last_newline(tree: Path) -> None:
    (tree / MODEL).write_bytes((tree / MODEL).read_bytes().rstrip(b"\n"))


def put_a_file_beside(tree: Path) -> None:
    (tree / MODEL).with_name("patch.py").write_bytes(b"monkey = True\xff")


def put_a_file_above(tree: Path) -> None:
    (tree / "generated" / "notes.txt").write_bytes(b"remember the milk")


def put_a_linked_package(tree: Path) -> None:
    (tree / "evil").mkdir()
    (tree / MODEL).with_name("extra").symlink_to(tree / "evil")


def put_an_empty_folder(tree: Path) -> None:
    (tree / MODEL).with_name("empty").mkdir()


def put_source_into_a_cache(tree: Path) -> None:
    cache = (tree / MODEL).with_name("__pycache__")
    cache.mkdir()
    (cache / "module.py").touch()


def replace_a_file_by_a_link_to_its_bytes(tree: Path) -> None:
    (tree / MODEL).rename(tree / "elsewhere.py")
    (tree / MODEL).symlink_to(tree / "elsewhere.py")


def link_the_whole_folder(tree: Path) -> None:
    (tree / "generated").rename(tree / "elsewhere")
    (tree / "generated").symlink_to("elsewhere")


def put_a_dangling_link(tree: Path) -> None:
    (tree / MODEL).with_name("link.py").symlink_to("nowhere")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            change_a_byte,
            [f"changed: {MODEL}", '-            field_dict["serialNumber"]', '+            field_dict["serialnumber"]'],
        ),
        (change_line_endings, [f"changed: {MODEL}", "\\r"]),
        (drop_the_last_newline, [f"changed: {MODEL}"]),
        (lambda tree: (tree / MODEL).unlink(), [f"missing: {MODEL}", "-class PrintDevice:"]),
        (put_a_file_beside, [f"extra: {MODEL.with_name('patch.py')}", "+monkey = True\\xff"]),
        (put_a_file_above, ["extra: generated/notes.txt", "+remember the milk"]),
        (put_a_dangling_link, [f"extra: {MODEL.with_name('link.py')}", "+a link to nowhere"]),
        (put_a_linked_package, [f"extra: {MODEL.with_name('extra')}", "+a link to"]),
        (put_an_empty_folder, [f"extra: {MODEL.with_name('empty')}/"]),
        (put_source_into_a_cache, [f"extra: {MODEL.with_name('__pycache__')}/module.py"]),
        (replace_a_file_by_a_link_to_its_bytes, [f"changed: {MODEL}", "+a link to"]),
        (link_the_whole_folder, ["extra: generated/", "+a link to elsewhere"]),
        (lambda tree: shutil.rmtree(tree / "generated"), [f"missing: {MODEL}"]),
        (
            lambda tree: add_field(tree / DOCUMENT),
            [f"changed: {DOCUMENT}", "checksum", "-    mood: str | Unset = UNSET"],
        ),
        (lambda tree: (tree / DOCUMENT).write_bytes((tree / DOCUMENT).read_bytes() + b"\n"), [f"changed: {DOCUMENT}"]),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_drift_is_named_and_shown_and_nothing_is_touched(
    change: Callable[[Path], None], told: list[str], tree: Path
) -> None:
    change(tree)
    before = content(tree)

    result = run(tree, "drift")

    assert result.returncode == 1
    assert [text for text in told if text not in result.stdout] == []
    assert content(tree) == before


def test_what_python_caches_is_no_drift(tree: Path) -> None:
    cache = tree / MODEL.parent / "__pycache__"
    cache.mkdir()
    (cache / "print_device.cpython-311.pyc").write_bytes(b"\x00")

    assert run(tree, "drift").returncode == 0


@pytest.mark.parametrize("new", [DOCUMENT, Path("new version.yml")], ids=["edited in place", "from elsewhere"])
def test_update_takes_a_new_document_in_and_ends_the_drift(new: Path, tree: Path) -> None:
    if new != DOCUMENT:
        shutil.copy(tree / DOCUMENT, tree / new)
    add_field(tree / new)

    assert run(tree, "spec-update", str(tree / new)).returncode == 0

    assert run(tree, "drift").returncode == 0
    assert b"mood" in (tree / DOCUMENT).read_bytes()
    unreleased = (
        (tree / "CHANGELOG.md").read_text(encoding="utf-8").partition("\n## [Unreleased]")[2].partition("\n## [")[0]
    )
    assert "minor: `models.DeviceProvisionRequest.mood` is new: str | Unset" in unreleased


def test_update_writes_its_stub_once(tree: Path) -> None:
    add_field(tree / DOCUMENT)
    assert run(tree, "spec-update", str(tree / DOCUMENT)).returncode == 0
    once = content(tree)

    assert run(tree, "spec-update", str(tree / DOCUMENT)).returncode == 0

    assert content(tree) == once


def test_update_that_was_cut_short_can_be_begun_again(tree: Path, tmp_path: Path) -> None:
    new = Path(shutil.copy(tree / DOCUMENT, tmp_path))
    add_field(new)
    old_readme = (tree / "spec" / "README.md").read_bytes()
    assert run(tree, "spec-update", str(new)).returncode == 0
    complete = content(tree)
    (tree / "spec" / "README.md").write_bytes(old_readme)
    shutil.rmtree(tree / "generated")

    assert run(tree, "spec-update", str(new)).returncode == 0

    assert content(tree) == complete


@pytest.mark.parametrize("text", ["", "openapi: 3.1.0", "\x00", None], ids=["empty", "no info", "not text", "no file"])
def test_update_refuses_an_unreadable_document_and_touches_nothing(
    text: str | None, tree: Path, tmp_path: Path
) -> None:
    before = content(tree)
    new = tmp_path / "new.yml"
    if text is not None:
        new.write_text(text, encoding="utf-8")

    result = run(tree, "spec-update", str(new))

    assert result.returncode == 2
    assert str(new) in result.stdout
    assert result.stderr == ""
    assert content(tree) == before


@pytest.fixture
def words(root: Path, tree: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The words of the Makefile on the copy, with the tools that are installed already."""
    shutil.copy(root / "Makefile", tree)
    shutil.copy(root / "pyproject.toml", tree)
    for folder in ("printos_ext", "tests/fixtures", "tests/peers", "tests/recorded"):
        shutil.copytree(root / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    (tree / "requirements-dev.txt").touch()
    (tree / ".venv" / "bin").mkdir(parents=True)
    python = tree / ".venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    make_ready = "touch .venv/tools && touch .venv/ready-$(pwd -P | cksum | cut -d' ' -f1)"
    subprocess.run(["sh", "-c", make_ready], cwd=tree, check=True)  # noqa: S607 - any sh will do

    def words(*words: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        environment["PYTHONPATH"] = os.pathsep.join([str(tree / "generated"), str(tree)])
        command = ["make", "--old-file=.ci/redocly/node_modules/@redocly/cli/bin/cli.js", *words]
        return subprocess.run(command, cwd=tree, env=environment, capture_output=True, encoding="utf-8", check=False)

    return words


def test_words_drift_and_update_without_a_path(
    words: Callable[..., subprocess.CompletedProcess[str]], tree: Path
) -> None:
    assert words("drift").returncode == 0
    add_field(tree / DOCUMENT)

    drifted = words("drift")
    assert drifted.returncode == 2
    assert drifted.stdout.endswith("(exit 1)\n")
    assert words("spec-update").returncode == 0
    assert words("record").returncode == 0
    assert words("drift").returncode == 0


def test_fixture_that_is_not_what_the_sandbox_says_is_drift(
    words: Callable[..., subprocess.CompletedProcess[str]], tree: Path
) -> None:
    folder = tree / "tests" / "fixtures" / "cassettes"
    changed, missing, extra = folder / "list_devices.yaml", folder / "wrong_secret_is_refused.yaml", folder / "x.yaml"
    shutil.copy(changed, extra)
    missing.unlink()
    changed.write_text(changed.read_text(encoding="utf-8").replace("41000043", "4100004"), encoding="utf-8")

    drifted = words("drift")

    assert drifted.returncode == 2
    told = [line for line in drifted.stdout.splitlines() if line.startswith(("changed", "missing", "extra"))]
    assert told == [
        f"{kind}: tests/fixtures/cassettes/{path.name}"
        for kind, path in (("changed", changed), ("missing", missing), ("extra", extra))
    ]
    assert words("record").returncode == 0
    assert words("drift").returncode == 0


def test_fixtures_can_be_recorded_from_a_platform(
    words: Callable[..., subprocess.CompletedProcess[str]], tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Sandbox(key="their-key", secret="their-secret") as theirs:
        monkeypatch.setenv("PRINTOS_API_KEY", theirs.key)
        monkeypatch.setenv("PRINTOS_API_SECRET", theirs.secret)
        recorded = words("record", f"BASE_URL={theirs.url}")

        assert recorded.returncode == 0, recorded.stdout + recorded.stderr
        folder = tree / "tests" / "fixtures" / "cassettes"
        from_there = [path for path in folder.iterdir() if f"from: {theirs.url}\n" in path.read_text(encoding="utf-8")]

    assert 0 < len(from_there) < len(list(folder.iterdir()))
    for path in from_there:
        text = path.read_text(encoding="utf-8")
        assert str(dt.datetime.now(dt.UTC).year) in text.partition("interactions")[0]
        assert "their-" not in text
    assert words("drift").returncode == 0


def test_fixture_against_the_contract_is_drift(
    words: Callable[..., subprocess.CompletedProcess[str]], tree: Path
) -> None:
    fixture = tree / "tests" / "fixtures" / "cassettes" / "list_devices.yaml"
    text = fixture.read_text(encoding="utf-8").replace("from: the sandbox", "from: not the sandbox")
    fixture.write_text(text.replace('"41000043"', "41000043"), encoding="utf-8")

    drifted = words("drift")

    assert drifted.returncode == 2
    assert "invalid: list_devices.yaml: answer to GET /devices: $.devices[1].serialNumber" in drifted.stdout


def test_words_take_any_path(words: Callable[..., subprocess.CompletedProcess[str]], tree: Path) -> None:
    name = '-it\'s $(new) "v2".yml'
    shutil.copy(tree / DOCUMENT, tree / name)
    add_field(tree / name)

    assert words("spec-update", f"NEW={name}".replace("$", "$$")).returncode == 0
    assert run(tree, "drift").returncode == 0


def test_word_spec_diff_asks_for_its_document(words: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    result = words("spec-diff")

    assert result.returncode == 2
    assert "NEW=path" in result.stdout.splitlines()[-1]
