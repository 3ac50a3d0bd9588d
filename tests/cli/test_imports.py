"""`printos devices import`: a table in, every device registered once, whatever happens in between."""

import json
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from server import free_port, until

from printos_ext.sandbox import Sandbox

Run = Callable[..., subprocess.CompletedProcess[str]]

COMMAND = [sys.executable, "-m", "printos_ext.cli", "devices", "import"]


def results(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def posts(sandbox: Sandbox) -> int:
    return sum(exchange["operation"] == "provisionDevice" for exchange in sandbox.journal)


def test_each_row_is_registered_and_has_a_result(run: Run, printos_sandbox: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "hall.csv"
    file.write_text("model,serialNumber,location\nT250,1,Hall 1\nT250,2,\n", encoding="utf-8")

    result = run("devices", "import", file, "--json")

    made = results(tmp_path / "hall.csv.results.ndjson")
    counts = {"rows": 2, "provisioned": 2, "existing": 0, "failed": 0, "unknown": 0, "untried": 0}
    assert (result.returncode, json.loads(result.stdout)) == (
        0,
        {**counts, "results": str(tmp_path / "hall.csv.results.ndjson")},
    )
    assert [(row["row"], row["result"], row["error"]) for row in made] == [
        (2, "provisioned", None),
        (3, "provisioned", None),
    ]
    devices = sorted(printos_sandbox.devices, key=lambda device: str(device["serialNumber"]))
    assert [row["id"] for row in made] == [device["id"] for device in devices]
    assert [device["request"] for device in devices] == [
        {"model": "T250", "serialNumber": "1", "location": "Hall 1"},
        {"model": "T250", "serialNumber": "2"},
    ]
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["hall.csv", "hall.csv.results.ndjson"]


def test_what_is_registered_is_left_alone(run: Run, printos_sandbox: Sandbox, tmp_path: Path) -> None:
    printos_sandbox.seed([{"id": "IL1", "model": "T250", "serialNumber": "1"}])
    table = "model,serialNumber\nT250,1\nT250,2\nT250,2\n"

    first = run("devices", "import", "-", "--results", tmp_path / "r", stdin=table)
    then = [row["result"] for row in results(tmp_path / "r")]
    second = run("devices", "import", "-", "--results", tmp_path / "r", stdin=table)

    assert (first.returncode, second.returncode, posts(printos_sandbox)) == (0, 0, 1)
    assert then == ["existing", "provisioned", "existing"]
    assert {row["result"] for row in results(tmp_path / "r")} == {"existing"}


def test_row_that_is_refused_does_not_stop_the_others(run: Run, printos_sandbox: Sandbox, tmp_path: Path) -> None:
    printos_sandbox.seed([{"id": "theirs", "model": "T250", "serialNumber": "2", "organisation": "another"}])

    result = run(
        "devices", "import", "-", "--results", tmp_path / "r", stdin="model,serial\nT250,1\nT250,2\n,3\nT250,4\n"
    )

    assert result.returncode == 1
    assert [row["result"] for row in results(tmp_path / "r")] == ["provisioned", "failed", "failed", "provisioned"]
    assert "409" in results(tmp_path / "r")[1]["error"]
    assert results(tmp_path / "r")[2]["error"] == "model is empty"
    assert not (tmp_path / "r.journal").exists()


def test_wrong_credentials_stop_the_run_and_nothing_is_tried(run: Run, tmp_path: Path) -> None:
    table = "model,serial\n" + "".join(f"T250,{n}\n" for n in range(100))

    result = run("devices", "import", "-", "--results", tmp_path / "r", stdin=table, PRINTOS_API_SECRET="wrong")

    assert (result.returncode, result.stdout) == (4, "")
    assert [row["result"] for row in results(tmp_path / "r")] == ["untried"] * 100


def test_server_that_is_gone_stops_the_run_soon(run: Run, printos_sandbox: Sandbox, tmp_path: Path) -> None:
    printos_sandbox.fault("status", status=500, operation="provisionDevice")
    table = "model,serial\n" + "".join(f"T250,{n}\n" for n in range(100))

    result = run("devices", "import", "-", "--results", tmp_path / "r", stdin=table)

    assert result.returncode == 5
    assert posts(printos_sandbox) < 30
    assert run("--base-url", f"http://127.0.0.1:{free_port()}", "devices", "import", "-", stdin=table).returncode == 6


def test_answer_that_never_came_is_looked_up(run: Run, printos_sandbox: Sandbox, tmp_path: Path) -> None:
    printos_sandbox.fault("reset", operation="provisionDevice", count=3, after=True)
    table = "model,serial\n" + "".join(f"T250,{n}\n" for n in range(20))

    result = run("devices", "import", "-", "--results", tmp_path / "r", stdin=table)

    assert (result.returncode, len(printos_sandbox.devices), posts(printos_sandbox)) == (0, 20, 20)
    assert {row["result"] for row in results(tmp_path / "r")} == {"provisioned"}


def test_killed_run_is_gone_on_with_and_no_row_is_provisioned_twice(
    environment: dict[str, str], printos_sandbox: Sandbox, tmp_path: Path
) -> None:
    rows = 5000
    file = tmp_path / "fleet.csv"
    file.write_text("model,serial\n" + "".join(f"T250,{n}\n" for n in range(rows)), encoding="utf-8")
    chance = random.Random(7)

    for part in (1, 2, 3):
        with subprocess.Popen([*COMMAND, file], env=environment, stderr=subprocess.DEVNULL) as process:
            wanted = part * rows // 5 + chance.randrange(200)
            assert until(lambda wanted=wanted: len(printos_sandbox.devices) > wanted, 60)  # type: ignore[misc]
            process.kill()
    result = subprocess.run([*COMMAND, file], env=environment, capture_output=True, encoding="utf-8", check=False)

    serials = [device["serialNumber"] for device in printos_sandbox.devices]
    made = results(tmp_path / "fleet.csv.results.ndjson")
    assert (result.returncode, len(serials), len(set(serials))) == (0, rows, rows), result.stderr
    assert [row["row"] for row in made] == list(range(2, rows + 2))
    assert {row["result"] for row in made} == {"provisioned"}
    assert {row["id"] for row in made} == {device["id"] for device in printos_sandbox.devices}


def test_request_of_a_killed_run_that_arrives_late_is_waited_for(
    environment: dict[str, str], printos_sandbox: Sandbox, tmp_path: Path
) -> None:
    file = tmp_path / "one.csv"
    file.write_text("model,serial\nT250,1\n", encoding="utf-8")
    journal = tmp_path / "one.csv.results.ndjson.journal"
    printos_sandbox.fault("latency", delay=3, operation="provisionDevice", count=1)
    with subprocess.Popen([*COMMAND, file], env=environment, stderr=subprocess.DEVNULL) as process:
        assert until(lambda: journal.exists() and b"begun" in journal.read_bytes(), 20)
        faults = f"{printos_sandbox.url}/__sandbox__/faults"
        assert until(lambda: httpx.get(faults).json() == [], 20)  # it has arrived; it is journalled when it ends
        process.kill()

    result = subprocess.run([*COMMAND, file], env=environment, capture_output=True, encoding="utf-8", check=False)

    assert (result.returncode, len(printos_sandbox.devices), posts(printos_sandbox)) == (0, 1, 1), result.stderr


def test_interrupt_completes_what_is_under_way_and_says_what_is_untried(
    environment: dict[str, str], printos_sandbox: Sandbox, tmp_path: Path
) -> None:
    file = tmp_path / "fleet.csv"
    file.write_text("model,serial\n" + "".join(f"T250,{n}\n" for n in range(3000)), encoding="utf-8")
    program = (  # a shell lets jobs in its background ignore the signal; this one is in front
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from printos_ext.cli import main; sys.exit(main())"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, "devices", "import", str(file)],
        env=environment,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert until(lambda: len(printos_sandbox.devices) > 50, 30)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate()

    made = results(tmp_path / "fleet.csv.results.ndjson")
    registered = [row["id"] for row in made if row["result"] == "provisioned"]
    assert (process.returncode, "Traceback" in told) == (130, False), told
    assert sorted(registered) == sorted(device["id"] for device in printos_sandbox.devices)
    assert len(made) == 3000


def test_second_import_of_the_same_file_is_refused(
    run: Run, environment: dict[str, str], printos_sandbox: Sandbox, tmp_path: Path
) -> None:
    file = tmp_path / "one.csv"
    file.write_text("model,serial\nT250,1\n", encoding="utf-8")
    printos_sandbox.fault("stall")
    with subprocess.Popen([*COMMAND, file], env=environment, stderr=subprocess.DEVNULL) as process:
        assert until(lambda: bool(printos_sandbox.journal), 20)
        result = run("devices", "import", file)
        process.kill()

    assert result.returncode == 1
    assert "another import is under way" in result.stderr


def test_full_disk_stops_before_anything_is_sent(
    environment: dict[str, str], printos_sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text("model,serial\nT250,1\n", encoding="utf-8")
    result = subprocess.run(
        ["bash", "-c", f"ulimit -f 0; {' '.join(COMMAND)} t.csv"],  # noqa: S607 - any bash; no file may grow
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )

    assert (result.returncode, posts(printos_sandbox)) == (1, 0)
    assert (
        result.stderr == "printos: t.csv.results.ndjson.journal cannot be written: File too large; name another place\n"
    )


def test_dry_run_shows_the_requests_and_sends_none(run: Run, printos_sandbox: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "d.csv"
    file.write_text("model,serial\nT250,1\nT250,2\n,3\n", encoding="utf-8")

    result = run("devices", "import", file, "--dry-run")

    assert (result.returncode, result.stdout.count("POST "), printos_sandbox.journal) == (1, 2, [])
    assert "row 4: model is empty" in result.stderr
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["d.csv"]


DEVICE = {"model": "HP Indigo 7K", "serialNumber": "IL42", "location": "Hälle 2"}
TABLES = {
    "csv": "model,serialNumber,location\nHP Indigo 7K,IL42,Hälle 2\n".encode(),
    "semicolons of a German spreadsheet": "Model;Serial Number;Location\r\nHP Indigo 7K;IL42;Hälle 2\r\n".encode(),
    "tabs and other names": "LOCATION\tserial_number\tmodel\nHälle 2\tIL42\tHP Indigo 7K".encode(),
    "utf-8 with a mark": "\ufeffmodel,serial,location\nHP Indigo 7K,IL42,Hälle 2\n".encode(),
    "unicode text": "model\tserial\tlocation\nHP Indigo 7K\tIL42\tHälle 2\n".encode("utf-16"),
    "quotes and empty lines": '\nmodel,serial,location\n\n"HP Indigo 7K","IL42","Hälle 2"\n,,\n'.lstrip().encode(),
    "what list --csv gives": "id,model,serialNumber,status,location\n1,HP Indigo 7K,IL42,DS_ON,Hälle 2\n".encode(),
    "json": json.dumps([DEVICE]).encode(),
    "json as the platform has it": json.dumps({"devices": [{**DEVICE, "id": "1"}]}).encode(),
    "one object": json.dumps(DEVICE).encode(),
    "ndjson": (json.dumps(DEVICE) + "\n\n").encode(),
}


@pytest.mark.parametrize("name", TABLES)
def test_table_is_read_as_it_was_saved(name: str, run: Run, printos_sandbox: Sandbox, tmp_path: Path) -> None:
    result = run("devices", "import", "-", "--results", tmp_path / "r", stdin=TABLES[name])

    assert (result.returncode, [device["request"] for device in printos_sandbox.devices]) == (0, [DEVICE]), (
        result.stderr
    )


WRONG = {
    "no columns": (b"a,b\n1,2\n", "model and serialNumber"),
    "nothing": (b"", "model and serialNumber"),
    "latin-1": ("model,serial\nH\u00e4lle,1\n".encode("latin-1"), "line 2 is not UTF-8"),
    "open quote": (b'model,serial\n"T250,1\n', "no CSV"),
    "no json": (b'[{"model": ', "line 1 is no JSON"),
    "deep": (b"[" * 100_000, "JSON"),
    "text": (b'{"devices": 7}', "no list of devices"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_table_is_a_usage_error(name: str, run: Run, printos_sandbox: Sandbox, tmp_path: Path) -> None:
    content, why = WRONG[name]

    result = run("devices", "import", "-", "--results", tmp_path / "r", stdin=content)

    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert why in result.stderr
    assert printos_sandbox.journal == []


def test_half_a_character_fails_its_row_alone(run: Run, tmp_path: Path) -> None:
    table = '[{"model": "\\ud800", "serial": "1"}, {"model": "T250", "serial": "2"}]'

    result = run("devices", "import", "-", "--results", tmp_path / "r", stdin=table)

    assert (result.returncode, [row["result"] for row in results(tmp_path / "r")]) == (1, ["failed", "provisioned"])


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("T250,1.23457E+11", "rounded"),
        ("T250", "its 1 cells"),
        ("T250,", "serial_number is empty"),
    ],
)
def test_row_that_is_no_device_says_why(row: str, why: str, run: Run, tmp_path: Path) -> None:
    result = run("devices", "import", "-", "--results", tmp_path / "r", stdin=f"model,serial\n{row}\n")

    assert result.returncode == 1
    assert why in results(tmp_path / "r")[0]["error"]


def test_column_that_nothing_is_done_with_is_told(run: Run, tmp_path: Path) -> None:
    result = run("devices", "import", "-", "--results", tmp_path / "r", stdin="model,serial,locaton\nT250,1,x\n")

    assert (result.returncode, "'locaton'" in result.stderr) == (0, True)


def test_file_that_is_not_there_is_named(run: Run, tmp_path: Path) -> None:
    result = run("devices", "import", tmp_path / "missing.csv")

    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
