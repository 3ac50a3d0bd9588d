"""`printos attach` and its like as real processes, against the sandbox and devices that are read."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from server import free_port, until

from printos_ext.sandbox import Sandbox

Run = Callable[..., subprocess.CompletedProcess[str]]

PRESS = "sim://press?serial=IL42&model=HP Indigo 7K"
DEVICE = '{"model": "Folder 3000", "serial_number": "F-17", "location": "Hall 2", "pages_total": 7}\n'


@pytest.fixture
def state(environment: dict[str, str], tmp_path: Path) -> Path:
    environment["XDG_STATE_HOME"] = str(tmp_path / "state")
    return tmp_path / "state" / "printos" / "attached.json"


def posts(sandbox: Sandbox) -> int:
    return sum(exchange["operation"] == "provisionDevice" for exchange in sandbox.journal)


def test_device_is_read_registered_once_and_remembered(run: Run, state: Path, printos_sandbox: Sandbox) -> None:
    first = run("attach", PRESS, "--name", "press 1", "--location", "Hall 9", "--json")
    again = run("attach", PRESS, "--json")

    told = json.loads(first.stdout)
    assert (first.returncode, again.returncode, posts(printos_sandbox)) == (0, 0, 1), first.stderr
    assert told == {
        "id": printos_sandbox.devices[0]["id"],
        "server": printos_sandbox.url,
        "model": "HP Indigo 7K",
        "serial_number": "IL42",
        "location": "Hall 9",
        "name": "press 1",
        "sources": [PRESS],
    }
    assert printos_sandbox.devices[0]["request"] == {
        "model": "HP Indigo 7K",
        "serialNumber": "IL42",
        "location": "Hall 9",
    }
    assert (state.stat().st_mode & 0o777, len(json.loads(run("attached", "--json").stdout))) == (0o600, 1)


def test_device_that_is_registered_as_another_model_is_the_same(
    run: Run, state: Path, printos_sandbox: Sandbox
) -> None:
    printos_sandbox.seed([{"id": "IL1", "model": "HP Indigo 7000", "serialNumber": "IL42"}])

    told = json.loads(run("attach", PRESS, "--json").stdout)

    assert (told["id"], told["model"], posts(printos_sandbox), state.exists()) == ("IL1", "HP Indigo 7000", 0, True)


@pytest.mark.usefixtures("state")
def test_serial_number_is_never_made_up(run: Run, printos_sandbox: Sandbox) -> None:
    refused = run("attach", "jsonl:-", stdin='{"model": "Folder 3000"}\n')
    given = run("attach", "jsonl:-", "--serial-number", "F-17", stdin='{"model": "Folder 3000"}\n')
    unnamed = run("attach", "jsonl:-", "--serial-number", "F-18", stdin="{}\n")

    assert (refused.returncode, "--serial-number" in refused.stderr) == (2, True)
    assert (given.returncode, printos_sandbox.devices[0]["serialNumber"]) == (0, "F-17")
    assert (unnamed.returncode, "--model" in unnamed.stderr) == (2, True)
    assert posts(printos_sandbox) == 1


def test_dry_run_shows_what_would_be_sent_and_remembers_nothing(
    run: Run, state: Path, printos_sandbox: Sandbox
) -> None:
    result = run("attach", PRESS, "--dry-run")

    assert (result.returncode, "POST" in result.stdout, printos_sandbox.journal, state.exists()) == (0, True, [], False)
    assert '"serialNumber": "IL42"' in result.stdout


def test_address_of_two_devices_is_told_without_its_secrets(run: Run, state: Path) -> None:
    address = "sim://hunter2@press?seed=7"
    run("attach", address, "--serial-number", "one")
    again = run("attach", address, "--serial-number", "one")
    other = run("attach", address, "--serial-number", "other")
    moved = run("attach", PRESS, "--serial-number", "one")

    assert (again.returncode, again.stderr) == (0, "")
    assert "one is also read from sim://" in other.stderr
    assert "printos detach one" in other.stderr
    assert "it is no longer read from sim://" in moved.stderr
    assert "hunter2" in state.read_text("utf-8")
    assert "hunter2" not in other.stderr + moved.stderr


def test_dry_run_forgets_nothing_and_writes_nothing(run: Run, state: Path, tmp_path: Path) -> None:
    run("attach", PRESS)
    before = state.read_bytes()

    detached = run("detach", "IL42", "--dry-run")
    captured = run("capture", "ipp://127.0.0.1:1", "-o", tmp_path / "press.json", "--dry-run")

    assert (detached.returncode, "no --dry-run" in detached.stderr, state.read_bytes()) == (2, True, before)
    assert (captured.returncode, "no --dry-run" in captured.stderr) == (2, True)


def test_device_that_cannot_be_read_is_not_registered(run: Run, state: Path, printos_sandbox: Sandbox) -> None:
    result = run("attach", f"ipp://127.0.0.1:{free_port()}")

    assert (result.returncode, result.stdout, state.exists()) == (6, "", False)
    assert (result.stderr.count("\n"), printos_sandbox.journal) == (1, [])


def test_source_that_fails_beside_one_that_answers_is_told(run: Run, state: Path) -> None:
    result = run("attach", PRESS, f"ipp://127.0.0.1:{free_port()}")

    assert (result.returncode, "ipp://127.0.0.1" in result.stderr, state.exists()) == (0, True, True)


def test_attached_shows_no_community(run: Run, state: Path) -> None:
    run("attach", "sim://hunter2@press?serial=7")

    assert "hunter2" not in run("attached").stdout + run("attached", "--json").stdout
    assert "hunter2" in state.read_text("utf-8")


@pytest.mark.parametrize("word", ["id", "serial_number", "name", "sources"])
@pytest.mark.usefixtures("state")
def test_device_is_detached_by_whatever_it_is_called(word: str, run: Run, printos_sandbox: Sandbox) -> None:
    told = json.loads(run("attach", PRESS, "--name", "press 1", "--json").stdout)
    run("attach", "sim://other?serial=8")

    result = run("detach", told[word][0] if word == "sources" else told[word])

    assert (result.returncode, len(json.loads(run("attached", "--json").stdout))) == (0, 1)
    assert (len(printos_sandbox.devices), run("detach", "nobody").returncode) == (2, 1)


def test_devices_attached_at_the_same_time_are_all_remembered(
    environment: dict[str, str], state: Path, printos_sandbox: Sandbox
) -> None:
    command = [sys.executable, "-m", "printos_ext.cli", "attach"]
    running = [
        subprocess.Popen([*command, f"sim://press?serial={n // 2}"], env=environment, stdout=subprocess.DEVNULL)
        for n in range(6)
    ]

    assert [process.wait(60) for process in running] == [0] * 6
    assert len(json.loads(state.read_text("utf-8"))["devices"]) == 3
    assert (len(printos_sandbox.devices), posts(printos_sandbox)) == (3, 3)


def test_killed_attach_is_found_again(environment: dict[str, str], run: Run, printos_sandbox: Sandbox) -> None:
    printos_sandbox.fault("stall", operation="provisionDevice", after=True)
    command = [sys.executable, "-m", "printos_ext.cli", "attach", PRESS]
    with subprocess.Popen(command, env=environment) as process:
        assert until(lambda: len(printos_sandbox.devices) == 1, 30)
        process.kill()
    printos_sandbox.clear_faults()

    assert run("attach", PRESS).returncode == 0
    assert (len(printos_sandbox.devices), posts(printos_sandbox)) == (1, 1)


@pytest.mark.usefixtures("state")
def test_two_devices_are_not_attached_as_one(run: Run, printos_sandbox: Sandbox, tmp_path: Path) -> None:
    for n, number in enumerate(("AB1", "CD2")):
        (tmp_path / f"{n}.jsonl").write_text(f'{{"model": "M", "serial_number": "{number}"}}\n', encoding="utf-8")
    both = [f"jsonl:{tmp_path / '0.jsonl'}", f"jsonl:{tmp_path / '1.jsonl'}"]

    refused = run("attach", *both)
    chosen = run("attach", *both, "--serial-number", "AB1")

    assert (refused.returncode, "different serial numbers" in refused.stderr, chosen.returncode) == (2, True, 0)
    assert [device["serialNumber"] for device in printos_sandbox.devices] == ["AB1"]
    assert "CD2" in run("read", *both, "--explain").stdout


@pytest.mark.parametrize("number", ["AAA0A00000", "n/a", "VN\x1b[31mB1", " "])
@pytest.mark.usefixtures("state")
def test_serial_number_that_is_none_is_refused(number: str, run: Run, printos_sandbox: Sandbox) -> None:
    assert run("attach", PRESS, "--serial-number", number).returncode == 2
    assert printos_sandbox.journal == []


@pytest.mark.usefixtures("state")
def test_another_makers_device_with_the_same_serial_number_is_another(run: Run, printos_sandbox: Sandbox) -> None:
    ids = [
        json.loads(run("attach", f"sim://p?serial=0001234&model={model}", "--json").stdout)["id"]
        for model in ("Epson WF 1", "Canon LBP 2", "Epson WF 1 Pro")
    ]

    assert (ids[0] != ids[1], ids[0] == ids[2], posts(printos_sandbox)) == (True, True, 2)
    assert len(json.loads(run("attached", "--json").stdout)) == 2


@pytest.mark.usefixtures("state")
def test_attaching_again_keeps_name_and_location_and_tells_what_is_dropped(run: Run) -> None:
    run("attach", PRESS, f"{PRESS}&speed=2", "--name", "press 1", "--location", "Hall 9")

    again = run("attach", "jsonl:-", "--json", stdin='{"model": "HP Indigo 7K", "serial_number": "IL42"}\n')

    told = json.loads(again.stdout)
    assert (told["name"], told["location"], told["sources"]) == ("press 1", "Hall 9", ["jsonl:-"])
    assert "no longer read from" in again.stderr


def test_file_of_a_device_is_found_from_any_folder(run: Run, state: Path, tmp_path: Path) -> None:
    (tmp_path / "cwd" / "device.jsonl").write_text(DEVICE, encoding="utf-8")

    assert run("attach", "jsonl:device.jsonl").returncode == 0
    assert json.loads(state.read_text("utf-8"))["devices"][0]["sources"] == [
        f"jsonl:{tmp_path / 'cwd' / 'device.jsonl'}"
    ]


def test_state_that_others_may_read_is_refused(run: Run, state: Path) -> None:
    run("attach", PRESS)
    state.chmod(0o644)

    assert (run("attached").returncode, "chmod 600" in run("attach", PRESS).stderr) == (2, True)


@pytest.mark.parametrize("line", ['{"supplies": [1, {"name": "x"}]}', '{"alerts": 7, "details": {"supplies": {}}}'])
def test_odd_details_are_no_obstacle(line: str, run: Run) -> None:
    assert run("read", "jsonl:-", "--explain", stdin=f"{line}\n").returncode == 0
    assert run("read", "jsonl:-", "--json", stdin=f"{line}\n").returncode == 0


@pytest.mark.parametrize(
    "text",
    [
        "[" * 99_999,
        '{"version": 1, "devices": [{"id": "1", "server": "s", "model": "m", "serial_number": "n", "sources": [1]}]}',
        '{"version": 1, "devices": [{"id": "1", "server": "s", "model": "m", "serial_number": "n", "sources": "ab"}]}',
    ],
    ids=range(3),
)
def test_odd_state_is_told(text: str, run: Run, state: Path) -> None:
    state.parent.mkdir(parents=True)
    state.write_text(text, encoding="utf-8")
    state.chmod(0o600)

    assert (run("attached").returncode, "damaged" in run("attach", PRESS).stderr) == (2, True)


@pytest.mark.parametrize("text", ["", "{", '{"version": 9, "devices": []}', '{"version": 1, "devices": [{"x": 1}]}'])
def test_damaged_state_is_told_and_kept(text: str, run: Run, state: Path) -> None:
    state.parent.mkdir(parents=True)
    state.write_text(text, encoding="utf-8")

    for words in (["attach", PRESS], ["attached"], ["detach", "x"]):
        result = run(*words)
        assert (result.returncode, result.stderr.count("\n"), state.read_text("utf-8")) == (2, 1, text)


def test_folder_that_cannot_be_written_stops_before_anything_is_sent(
    run: Run, environment: dict[str, str], printos_sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")

    result = run("attach", PRESS, XDG_STATE_HOME=str(tmp_path / "file"))

    assert (result.returncode, result.stderr.count("\n"), posts(printos_sandbox), bool(environment)) == (2, 1, 0, True)


def test_read_shows_what_is_known_and_nothing_else(run: Run, printos_sandbox: Sandbox) -> None:
    shown = run("read", "jsonl:-", stdin=DEVICE)
    told = json.loads(run("read", "jsonl:-", "--json", stdin=DEVICE).stdout)

    known = {"model": "Folder 3000", "serial_number": "F-17", "location": "Hall 2", "pages_total": 7}
    assert shown.stdout.splitlines() == [f"{name}\t{value}" for name, value in known.items()]
    assert {name: value for name, value in told.items() if name not in {"details", "observed_at"}} == known
    assert printos_sandbox.journal == []


RECORDING: dict[str, Any] = {
    "format": "printos-recording 1",
    "protocol": "snmp",
    "said": [
        {
            "1.3.6.1.2.1.1.1.0": {"octets": "Imagined Printer 9"},
            "1.3.6.1.2.1.43.5.1.1.17.1": {"octets": "AAA0A00000"},
            "1.3.6.1.2.1.43.10.2.1.4.1.1": 4711,
            "1.3.6.1.2.1.43.11.1.1.5.1.1": 4,
            "1.3.6.1.2.1.43.11.1.1.6.1.1": {"octets": "Waste Toner Box"},
            "1.3.6.1.2.1.43.11.1.1.8.1.1": 100,
            "1.3.6.1.2.1.43.11.1.1.9.1.1": 3,
        }
    ],
}


def test_explain_says_where_each_field_is_from_and_what_was_ignored(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "device.json"
    file.write_text(json.dumps(RECORDING), encoding="utf-8")

    told = json.loads(run("read", f"replay:{file}", "--explain", "--json").stdout)
    shown = run("read", f"replay:{file}", "--explain").stdout

    assert "serial_number" not in told
    assert "ink_level" not in told
    assert told["origins"]["pages_total"] == {"source": "snmp://device.json", "key": "1.3.6.1.2.1.43.10.2.1.4.1.1"}
    ignored = " ".join(one["why"] for one in told["ignored"])
    assert ("AAA0A00000" in ignored, "Waste Toner Box" in ignored) == (True, True)
    assert "pages_total\t4711\tsnmp://device.json\t1.3.6.1.2.1.43.10.2.1.4.1.1\n" in shown
    assert "ignored\t" in shown


@pytest.mark.parametrize("address", ["printer", "smb://x", "ipp://", "jsonl:"])
def test_address_of_nothing_is_a_usage_error(address: str, run: Run) -> None:
    for words in (["read", address], ["attach", address], ["capture", address, "-o", "/dev/null/x"]):
        result = run(*words)
        assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1)
