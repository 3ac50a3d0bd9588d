"""What `--json` gives keeps to the schemas that programs may rely on, and the README's page works as it is written."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from server import free_port

from printos_ext import cli
from printos_ext.sandbox import Sandbox

Run = Callable[..., subprocess.CompletedProcess[str]]

SHAPES = json.loads((Path(cli.__file__).parent / "shapes.json").read_text("utf-8"))
DEVICE = {"id": "IL42", "model": "T250", "serialNumber": "1", "registeredAt": "2026-01-02T03:04:05Z", "hall": {"x": 2}}


def check(name: str, text: str) -> Any:
    """Hold one line of JSON to its schema."""
    assert text.count("\n") == 1
    document = json.loads(text)
    jsonschema.validate(document, {**SHAPES, "$ref": f"#/$defs/{name}"}, format_checker=jsonschema.FormatChecker())
    return document


@pytest.mark.printos_sandbox(seed=[DEVICE, {"id": "bare"}])
def test_devices(run: Run) -> None:
    assert len(check("devices", run("devices", "list", "--json").stdout)) == 2
    assert check("device", run("devices", "get", "IL42", "--json").stdout)["hall"] == {"x": 2}
    for word in ("ensure", "provision"):
        assert check("device", run("devices", word, "--model", "T250", "--serial", "9", "--json").stdout)["id"]
    assert json.loads(run("devices", "get", "bare", "--json", "status,id").stdout)["id"] == "bare"


@pytest.mark.printos_sandbox(seed=[DEVICE])
def test_import_and_its_results(run: Run, tmp_path: Path) -> None:
    table = "model,serial,location\nT250,1,\nT250,2,Hall 2\n,3,\n"

    told = check("import", run("devices", "import", "-", "--json", "--results", tmp_path / "r", stdin=table).stdout)

    assert told == {
        "rows": 3,
        "provisioned": 1,
        "existing": 1,
        "failed": 1,
        "unknown": 0,
        "untried": 0,
        "results": f"{tmp_path / 'r'}",
    }
    for line in (tmp_path / "r").read_text("utf-8").splitlines(keepends=True):
        check("importResult", line)


@pytest.mark.printos_sandbox(seed=[DEVICE])
def test_report(run: Run) -> None:
    lines = '{"id": "IL42", "status": "DS_ON"}\nnonsense\n{"id": "x", "status": "DS_ON"}\n'

    for line in run("devices", "report", "-", "--json", stdin=lines).stdout.splitlines(keepends=True):
        check("reported", line)


def test_settings_and_findings(run: Run) -> None:
    check("settings", run("config", "show", "--json").stdout)
    check("settings", run("config", "show", "--json", PRINTOS_API_KEY="", PRINTOS_API_SECRET="").stdout)
    check("findings", run("doctor", "--json").stdout)
    check("findings", run("doctor", "--json", PRINTOS_BASE_URL="http://127.0.0.1:9").stdout)


def test_every_shape_is_in_the_documentation() -> None:
    page = (Path(cli.__file__).parent / "README.md").read_text("utf-8")

    for name, shape in SHAPES["$defs"].items():
        fields = shape.get("required") or shape.get("items", {}).get("required") or []
        if name != "importResult":
            assert all(f'"{field}"' in page for field in fields), name


def test_page_of_the_readme_works_word_for_word(
    root: Path, environment: dict[str, str], printos_sandbox: Sandbox, tmp_path: Path
) -> None:
    section = (root / "README.md").read_text("utf-8").partition("## The shell")[2].partition("\n## ")[0]
    first, *others = re.findall(r"^    (.*)$", section, re.MULTILINE)
    port = str(free_port())
    del environment["PRINTOS_BASE_URL"], environment["PRINTOS_API_KEY"], environment["PRINTOS_API_SECRET"]
    script = "set -e\n" + "\n".join(others).replace("8080", port)

    with subprocess.Popen(
        first.replace("8080", port).split(), env=environment, stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert process.stdout
        process.stdout.readline()
        shell = ["bash", "-c", script]
        result = subprocess.run(
            shell, env=environment, capture_output=True, encoding="utf-8", check=False, cwd=tmp_path
        )
        os.kill(process.pid, signal.SIGTERM)

    assert first == "printos sandbox --port 8080"
    assert (result.returncode, len(others)) == (0, 11), result.stderr
    assert "✓ devices" in result.stdout
    assert '"status": "DS_PRINTING"' in result.stdout
    assert "1 provisioned" in result.stderr
    assert "1 sent, 0 failed" in result.stderr
    assert printos_sandbox.journal == []
