"""Schemathesis finds nothing: all its checks and phases, on the document as it is and on one that grew.

`make fuzz` tries as many cases as PRINTOS_CASES says.
"""

import copy
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from printos_ext.sandbox import Sandbox

# A device that another call replaced is gone: Schemathesis, which knows no prose, takes it for one that was lost.
WITHOUT = ("replacement",)
CASES = os.environ.get("PRINTOS_CASES", "20")
PROGRAM = Path(sys.executable).with_name("schemathesis")

pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason="schemathesis is not installed beside this Python")


def findings(sandbox: Sandbox, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Let it loose on what a sandbox says about itself."""
    how = ["--checks", "all", "--phases", "examples,coverage,fuzzing,stateful", "--max-examples", CASES]
    where = sandbox.url.removesuffix("/") + "/openapi.json"
    return subprocess.run(
        [PROGRAM, "run", where, *how, "--generation-deterministic", "--no-color", *more],
        cwd=folder,
        env={**os.environ, "PYTHONUTF8": "1", "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )


def test_nothing_is_found_in_the_document_as_it_is(tmp_path: Path) -> None:
    with Sandbox(auth=None, seed=7, without=WITHOUT) as sandbox:
        result = findings(sandbox, tmp_path)

    assert result.returncode == 0, result.stdout
    assert "No issues found" in result.stdout


def test_nothing_is_found_with_credentials(tmp_path: Path) -> None:
    with Sandbox(auth="session", seed=7, without=WITHOUT) as sandbox:
        login = {"login": sandbox.key, "password": sandbox.secret}
        cookie = httpx.post(f"{sandbox.url}/devices/login", json=login).headers["set-cookie"]
        token = cookie.partition("=")[2].partition(";")[0]
        result = findings(sandbox, tmp_path, "--header", f"Indigo-SmS-Auth-Token: {token}")

    assert result.returncode == 0, result.stdout


def test_nothing_is_found_in_a_document_that_grew(serve: Callable[..., Sandbox], contract: Any, tmp_path: Path) -> None:
    schemas, paths = contract["components"]["schemas"], contract["paths"]
    schemas["DeviceProvisionRequest"]["properties"]["firmware"] = {"type": "string", "minLength": 3}
    schemas["DeviceProvisionRequest"]["required"] = ["serialNumber", "firmware"]
    schemas["PrintDevice"]["properties"] |= {"firmware": {"type": "string"}, "kind": {"enum": ["press", "finisher"]}}
    schemas["PrintDevice"]["required"] = ["id", "firmware", "kind"]
    device = {"$ref": "#/components/schemas/PrintDevice"}
    answer = {"200": {"description": "the device", "content": {"application/json": {"schema": device}}}}
    paths["/devices/{deviceId}"] = {
        "parameters": copy.deepcopy(paths["/devices/{deviceId}/status"]["put"]["parameters"]),
        "get": {"operationId": "getDevice", "responses": answer},
        "delete": {"operationId": "removeDevice", "responses": {"204": {"description": "gone"}}},
    }
    limit = {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 10}}
    jobs = {"type": "array", "items": {"type": "object"}}
    paths["/jobs"] = {
        "get": {
            "parameters": [limit],
            "responses": {"200": {"description": "jobs", "content": {"application/json": {"schema": jobs}}}},
        }
    }

    result = findings(serve(contract, seed=7, without=WITHOUT), tmp_path)

    assert result.returncode == 0, result.stdout


def test_server_that_forgets_a_check_is_found(serve: Callable[..., Sandbox], contract: Any, tmp_path: Path) -> None:
    """The test above can fail: this sandbox answers against what it says about itself."""
    sandbox = serve(contract)
    sandbox.fault("status", status=500, body="<html>", operation="listDevices")

    result = findings(sandbox, tmp_path, "--include-operation-id", "listDevices")

    assert result.returncode == 1, result.stdout


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL", "uvicorn.error")
