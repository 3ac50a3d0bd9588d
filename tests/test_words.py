"""The Makefile, the README and CI use the same words, and the pins agree with each other."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

PAGES = [
    "README.md",
    "tests/fixtures/README.md",
    "CONTRIBUTING.md",
    "ARCHITECTURE.md",
    "spec/README.md",
    ".ci/run",
    ".github/workflows/ci.yml",
]


@pytest.fixture(scope="module")
def words(root: Path) -> dict[str, str]:
    result = subprocess.run(["make", "help"], cwd=root, capture_output=True, encoding="utf-8", check=True)  # noqa: S607 - any make will do
    return {word: does for word, _, does in (line.partition(" ") for line in result.stdout.splitlines())}


@pytest.fixture(scope="module")
def project(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_word_of_the_makefile_is_in_the_help_with_what_it_does(root: Path, words: dict[str, str]) -> None:
    targets = re.search(r"^\.PHONY: (.*)$", (root / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)

    assert targets
    assert set(targets[1].split()) == words.keys()
    assert all(does.strip() for does in words.values())


@pytest.mark.parametrize("page", PAGES)
def test_every_word_that_is_written_down_exists(page: str, root: Path, words: dict[str, str]) -> None:
    text = (root / page).read_text(encoding="utf-8")
    written = re.findall(
        r"(?:`|^    |^|run: )make ((?:[a-z-]+ )*[a-z-]+)(?:`| NEW=| BASE_URL=|  |$)", text, re.MULTILINE
    )

    assert written
    assert {word for line in written for word in line.split()} <= words.keys()


def test_gate_runs_check_and_then_the_test_command_of_the_readme(root: Path) -> None:
    lines = (root / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    commands = re.findall(r"^    (make \S+)", (root / "README.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert commands == ["make demo", "make regenerate", "make test"]
    assert [line for line in lines if line.startswith("make ")] == ["make check", "make test"]


def test_ci_runs_on_every_python_that_the_project_supports(root: Path, project: dict[str, Any]) -> None:
    supported = {line.rpartition(" ")[2] for line in project["project"]["classifiers"] if ":: 3." in line}
    jobs = yaml.safe_load((root / ".github" / "workflows" / "ci.yml").read_bytes())["jobs"]

    assert [set(jobs[job]["strategy"]["matrix"]["python"]) for job in ("gate", "wheel")] == [supported, supported]


def test_generator_and_formatter_are_pinned_alike_in_project_and_lock(root: Path, project: dict[str, Any]) -> None:
    exact = {pin for pin in project["dependency-groups"]["dev"] if "==" in pin}
    lock = (root / "requirements-dev.txt").read_text(encoding="utf-8")

    assert {pin.partition("==")[0] for pin in exact} == {"openapi-python-client", "ruff"}
    assert [pin for pin in exact if f"{pin} \\\n" not in lock] == []


@pytest.mark.parametrize("lock", ["requirements-dev.txt", ".ci/redocly/package-lock.json"])
def test_lock_files_hold_hashes_and_no_host(lock: str, root: Path) -> None:
    text = (root / lock).read_text(encoding="utf-8")

    assert "sha256:" in text or "sha512-" in text
    assert "://" not in text


def test_dependencies_are_what_the_packages_import(root: Path, project: dict[str, Any]) -> None:
    files = [*(root / "generated").rglob("*.py"), *(root / "printos_ext").rglob("*.py")]
    extras = {"httpcore", "httpx_aiohttp", "opentelemetry"}  # httpx brings the first, extras the others
    extras |= {"aiohttp", "gufo", "prometheus_client", "zeroconf", "nats"}  # [agent], [nats]
    extras |= {
        "jsonschema",
        "pytest",
        "referencing",
        "rich",
        "starlette",
        "trustme",
        "typer",
        "uvicorn",
        "yaml",
    }  # [sandbox], its plugin, [cli]
    modules = {
        name.partition(".")[0]
        for file in files
        for node in ast.walk(ast.parse(file.read_bytes()))
        for name in ([a.name for a in node.names] if isinstance(node, ast.Import) else [imported_from(node)])
    }
    ours = {"", "printos_client", "printos_ext"}

    third_party = modules - sys.stdlib_module_names - ours - extras

    declared = {re.split(r"[<>=]", requirement)[0] for requirement in project["project"]["dependencies"]}
    assert {{"dateutil": "python-dateutil"}.get(name, name) for name in third_party} == declared


def imported_from(node: ast.AST) -> str:
    return node.module or "" if isinstance(node, ast.ImportFrom) and node.level == 0 else ""
