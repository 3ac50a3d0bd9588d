"""`printos devices report`: statuses from a pipe, as a real process."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from quick import quick_server
from server import until

from printos_ext.sandbox import Sandbox

PEERS = Path(__file__).resolve().parents[1] / "peers"

Run = Callable[..., subprocess.CompletedProcess[str]]

COMMAND = [sys.executable, "-m", "printos_ext.cli", "devices", "report"]
pytestmark = pytest.mark.printos_sandbox(seed=[{"id": f"IL{n}"} for n in range(20)])


def test_each_line_is_reported(run: Run, printos_sandbox: Sandbox, tmp_path: Path) -> None:
    metrics = {"pagesTotal": 7, "inkLevel": 42.5, "tray": "A4"}
    lines = [{"id": f"IL{n}", "status": "DS_ON", "metrics": metrics} for n in range(20)]
    file = tmp_path / "statuses.ndjson"
    file.write_text("\n".join([*map(json.dumps, lines), "", '{"id": "IL0", "status": "DS_OFF"}']), encoding="utf-8")

    result = run("devices", "report", file)

    assert (result.returncode, result.stdout, result.stderr) == (0, "", "21 sent, 0 failed\n")
    assert {device["status"] for device in printos_sandbox.devices[1:]} == {"DS_ON"}
    assert printos_sandbox.devices[0]["status"] == "DS_OFF"
    assert printos_sandbox.devices[1]["report"]["metrics"] == metrics


@pytest.mark.parametrize(
    "wrong",
    [
        "no JSON",
        "[]",
        "7",
        '{"id": "IL1"}',
        '{"id": 7, "status": "DS_ON"}',
        '{"id": "IL1", "status": "x", "hall": 2}',
        '{"id": "IL1", "status": "DS_ON", "metrics": []}',
        '{"id": "IL7777", "status": "DS_ON"}',
        "[" * 9999,
        '{"id": "..", "status": "DS_ON"}',
        '{"id": "IL1", "status": "DS_ON", "metrics": {"pagesTotal": "x"}}',
    ],
    ids=range(11),
)
def test_wrong_line_is_told_and_the_others_are_sent(
    wrong: str, environment: dict[str, str], printos_sandbox: Sandbox
) -> None:
    lines = ['{"id": "IL1", "status": "DS_ON"}', wrong, '{"id": "IL2", "status": "DS_ON"}']
    result = subprocess.run(
        [*COMMAND, "--json", "-"],
        input="\n".join(lines),
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )

    told = {one["line"]: one["ok"] for one in map(json.loads, result.stdout.splitlines())}
    assert (result.returncode, told) == (1, {1: True, 2: False, 3: True})
    assert result.stderr.startswith("printos: line 2: ")
    assert result.stderr.endswith("2 sent, 1 failed\n")
    assert [device["status"] for device in printos_sandbox.devices[1:3]] == ["DS_ON", "DS_ON"]


def test_line_is_sent_before_the_next_one_comes(environment: dict[str, str], printos_sandbox: Sandbox) -> None:
    with subprocess.Popen(
        [*COMMAND, "--json", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        encoding="utf-8",
    ) as process:
        assert process.stdin
        for n in range(20):
            process.stdin.write(f'{{"id": "IL{n}", "status": "DS_PRINTING"}}\n')
            process.stdin.flush()
        assert until(lambda: {device["status"] for device in printos_sandbox.devices} == {"DS_PRINTING"}, 30)
        out, told = process.communicate()

    assert (process.returncode, len(out.splitlines()), told) == (0, 20, "20 sent, 0 failed\n")


def test_endless_input_takes_no_more_memory(environment: dict[str, str]) -> None:
    program = (
        "import sys; from printos_ext.cli import main; sys.argv[1:] = ['devices', 'report', '-']; main();"
        f"sys.path.append({str(PEERS)!r}); from processes import peak; print(peak())"
    )

    def memory(lines: int) -> int:
        result = subprocess.run(
            [sys.executable, "-c", program],
            input='{"id": "x"}\n' * lines,
            capture_output=True,
            encoding="utf-8",
            env=environment,
            check=True,
        )
        return int(result.stdout)

    assert memory(200_000) < 1.1 * memory(10)


def test_file_that_is_not_there_is_a_usage_error(run: Run, tmp_path: Path) -> None:
    result = run("devices", "report", tmp_path / "missing")

    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert "No such file" in result.stderr


@pytest.mark.torture
def test_million_lines_take_less_than_150_megabytes(environment: dict[str, str]) -> None:
    lines = 1_000_000
    program = (
        "import sys; from printos_ext.cli import main; sys.argv[1:] = ['devices', 'report', '-']; main();"
        f"sys.path.append({str(PEERS)!r}); from processes import peak; print(peak())"
    )
    with quick_server() as url:
        with subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**environment, "PRINTOS_BASE_URL": url},
            encoding="utf-8",
        ) as process:
            assert process.stdin
            for n in range(lines):
                process.stdin.write(
                    f'{{"id": "IL{n % 10_000}", "status": "DS_ON", "metrics": {{"pagesTotal": {n}}}}}\n'
                )
            memory, told = process.communicate()

    assert told == f"{lines} sent, 0 failed\n"
    assert int(memory) < 150 * 1024
