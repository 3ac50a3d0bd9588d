"""The shell with real servers at both ends: a printer that speaks IPP and SNMP, and the sandbox."""

import json
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from agents import snmpd
from printers import everywhere_printer
from server import free_port

from printos_ext.sandbox import Sandbox

Run = Callable[..., subprocess.CompletedProcess[str]]

MIB = "1.3.6.1.2.1"
# An invented printer, the same that is asked over IPP.
ROWS: dict[str, int | str | bytes] = {
    f"{MIB}.1.1.0": b"Example Jet 5; firmware 2.1",
    f"{MIB}.1.6.0": b"Hall 2",
    f"{MIB}.25.3.2.1.2.1": f"{MIB}.25.3.1.5",
    f"{MIB}.25.3.2.1.3.1": b"Example Jet 5",
    f"{MIB}.25.3.2.1.5.1": 2,
    f"{MIB}.25.3.5.1.1.1": 3,
    f"{MIB}.43.5.1.1.17.1": b"E5A0042",
    f"{MIB}.43.10.2.1.3.1.1": 7,
    f"{MIB}.43.10.2.1.4.1.1": 120_345,
}


@pytest.fixture(autouse=True)
def state(environment: dict[str, str], tmp_path: Path) -> None:
    environment["XDG_STATE_HOME"] = str(tmp_path / "state")


def test_printer_is_attached_over_ipp_and_snmp_and_its_fields_are_merged(
    run: Run, printos_sandbox: Sandbox, tmp_path: Path
) -> None:
    with everywhere_printer(tmp_path) as printer, snmpd(tmp_path, ROWS) as port:
        addresses = [printer.address(), f"snmp://public@127.0.0.1:{port}"]
        told = json.loads(run("read", *addresses, "--explain", "--json").stdout)
        attached = json.loads(run("attach", *addresses, "--json").stdout)

    assert (told["model"], told["serial_number"], told["pages_total"]) == ("Example Jet 5", "E5A0042", 120_345)
    assert (told["status"], told["ink_level"]) == ("DS_ON", 60)
    sources = {name: origin["source"].partition(":")[0] for name, origin in told["origins"].items()}
    assert (sources["pages_total"], sources["serial_number"], sources["ink_level"]) == ("snmp", "snmp", "ipp")
    assert printos_sandbox.devices[0]["id"] == attached["id"]
    assert printos_sandbox.devices[0]["request"] == {
        "model": "Example Jet 5",
        "serialNumber": "E5A0042",
        "location": told["location"],
    }


def test_captured_printer_is_replayed_and_says_the_same_but_for_who_it_is(run: Run, tmp_path: Path) -> None:
    with everywhere_printer(tmp_path) as printer, snmpd(tmp_path, ROWS) as port:
        for address, name in ((printer.address(), "ipp"), (f"snmp://127.0.0.1:{port}", "snmp")):
            file = tmp_path / f"{name}.json"
            there = json.loads(run("read", address, "--json").stdout)

            assert run("capture", address, "-o", file).returncode == 0
            played = json.loads(run("read", f"replay:{file}", "--json").stdout)

            assert played.pop("serial_number") != there.pop("serial_number") == "E5A0042"
            assert [one.pop("location", None) is None for one in (played, there)] != [True, False]
            assert [one.pop("observed_at") for one in (played, there)]
            assert played == there
            assert "E5A0042" not in file.read_text("utf-8")
        again = run("capture", printer.address(), "-o", file)

    assert (again.returncode, "File exists" in again.stderr) == (1, True)


def test_printer_is_discovered_in_a_network_and_attached_by_what_is_printed(run: Run, tmp_path: Path) -> None:
    with snmpd(tmp_path, ROWS) as port:
        words = ["discover", "--snmp", "127.0.0.1/32", "--port", port]
        (found,) = json.loads(run(*words, "--json").stdout)
        toml = tomllib.loads(run(*words, "--toml").stdout)
        attached = run("attach", found["address"])

    assert (found["name"], found["serial_number"], found["location"]) == ("Example Jet 5", "E5A0042", "Hall 2")
    assert toml == {"device": [{"sources": [found["address"]]}]}
    assert attached.returncode == 0


@pytest.mark.parametrize("words", [["--snmp", "10.0.0.0/8"], ["--snmp", "hall"], ["--mdns", "soon"], ["--port", "0"]])
def test_discovery_that_makes_no_sense_is_a_usage_error(words: list[str], run: Run) -> None:
    assert run("discover", *words).returncode == 2


def test_nothing_found_is_no_error(run: Run) -> None:
    result = run("discover", "--snmp", "127.0.0.1/32", "--port", free_port(), "--json")

    assert (result.returncode, result.stdout) == (0, "[]\n")


def test_capture_of_what_is_off_writes_nothing(run: Run, tmp_path: Path) -> None:
    result = run("capture", f"ipp://127.0.0.1:{free_port()}", "-o", tmp_path / "x")

    assert (result.returncode, (tmp_path / "x").exists()) == (6, False)
