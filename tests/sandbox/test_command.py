"""The sandbox as a process: how it starts, stops, and what it keeps when it is killed."""

import asyncio
import resource
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from processes import Served, refused
from server import until

from printos_ext import AsyncPrintOS, PrintOS, StatusUpdate

Start = Callable[..., Served]
WRITERS, WRITES = 50, 20


def test_it_says_where_it_is_and_with_which_credentials(start: Start) -> None:
    begun = time.monotonic()
    served = start()

    assert time.monotonic() - begun < 5  # under a second on a machine that does nothing else
    said = served.said
    with PrintOS(said["PRINTOS_API_KEY"], said["PRINTOS_API_SECRET"], base_url=served.url) as printos:
        assert printos.devices.list() == []


def test_credentials_are_quoted_for_a_shell(start: Start) -> None:
    assert start("--secret", "a b;$(id)'").said["PRINTOS_API_SECRET"] == "a b;$(id)'"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_at_once_and_quietly(number: int, start: Start) -> None:
    served = start()
    begun = time.monotonic()

    assert served.end(number) == 0
    assert time.monotonic() - begun < 2
    assert served.process.stderr
    assert served.process.stderr.read() == ""


def test_certificate_that_it_names_is_the_one_to_trust(start: Start) -> None:
    served = start("--tls", "--auth", "none")

    trust = ssl.create_default_context(cafile=served.said["SSL_CERT_FILE"])
    assert httpx.get(f"{served.url}/devices", verify=trust).status_code == 200
    served.end()
    assert not Path(served.said["SSL_CERT_FILE"]).exists()


def test_it_keeps_its_devices_in_a_file(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "devices.db"
    first = start("--auth", "none", "--db", file)
    device = httpx.post(f"{first.url}/devices", json={"model": "T250"}).json()
    first.end()

    second = start("--auth", "none", "--db", file)

    assert httpx.get(f"{second.url}/devices").json() == {"devices": [device]}


def test_kill_loses_no_acknowledged_write(start: Start, tmp_path: Path) -> None:
    served = start("--auth", "none", "--db", tmp_path / "devices.db")
    acknowledged: dict[str, int] = {}

    def write(writer: int) -> None:
        with httpx.Client(base_url=served.url) as client:
            try:
                device = client.post("/devices", json={"model": "T250", "serialNumber": f"{writer}"}).json()["id"]
                for pages in range(1, WRITES):
                    status = {"metrics": {"pagesTotal": pages}}
                    assert client.put(f"/devices/{device}/status", json=status).status_code == 200
                    acknowledged[device] = pages
            except httpx.TransportError:
                pass

    threads = [Thread(target=write, args=(writer,)) for writer in range(WRITERS)]
    for thread in threads:
        thread.start()
    assert until(lambda: sum(acknowledged.values()) > WRITERS * WRITES // 3, 20)
    served.kill()
    for thread in threads:
        thread.join()

    before = dict(acknowledged)
    assert sum(before.values()) < WRITERS * (WRITES - 1), "the kill came too late to show anything"
    again = start("--auth", "none", "--db", tmp_path / "devices.db")
    devices = httpx.get(f"{again.url}/__sandbox__/devices").json()
    kept = {device["id"]: device["report"]["metrics"]["pagesTotal"] for device in devices if device["report"]}
    assert [device for device, pages in before.items() if kept.get(device, 0) < pages] == []


def test_concurrent_writers_lose_nothing(start: Start) -> None:
    served = start()

    async def report() -> list[Any]:
        async with AsyncPrintOS("sandbox", "sandbox-secret", base_url=served.url) as printos:
            devices = await asyncio.gather(
                *(printos.devices.provision(model="T250", serial_number=f"{n}") for n in range(50))
            )
            updates = [StatusUpdate(str(device.id), "DS_ON", pages_total=n) for n, device in enumerate(devices)] * 6
            return [result async for result in printos.devices.update_statuses(updates, concurrency=50)]

    results = asyncio.run(report())

    assert len(results) == 300
    assert all(result.error is None for result in results)
    devices = httpx.get(f"{served.url}/__sandbox__/devices").json()
    assert sorted(device["report"]["metrics"]["pagesTotal"] for device in devices) == list(range(50))


@pytest.mark.skipif(sys.platform == "win32", reason="limits of processes are POSIX")
def test_full_disk_refuses_what_it_does_not_keep(start: Start, tmp_path: Path) -> None:
    served = start("--auth", "none", "--db", tmp_path / "devices.db")
    with httpx.Client(base_url=served.url) as client:
        kept = [client.post("/devices", json={"model": "x" * 1000}).json()["id"]]
        resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, (200_000, 200_000))
        while (answer := client.post("/devices", json={"model": "x" * 1000})).status_code == 201:
            kept.append(answer.json()["id"])

        assert answer.status_code == 507
        assert answer.headers["content-type"] == "application/problem+json"
        assert [device["id"] for device in client.get("/devices").json()["devices"]] == kept
    served.end()

    again = start("--auth", "none", "--db", tmp_path / "devices.db")
    assert [device["id"] for device in httpx.get(f"{again.url}/devices").json()["devices"]] == kept


def test_what_cannot_be_served_is_said_in_one_line(start: Start, tmp_path: Path) -> None:
    running = start("--db", tmp_path / "used.db")
    (tmp_path / "no.db").write_text("this is no database, though it is long enough to be one" * 100, encoding="utf-8")
    with sqlite3.connect(tmp_path / "foreign.db") as foreign:
        foreign.execute("CREATE TABLE invoices (id)")
    foreign.close()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        cases = {
            "another process uses it": ["--db", tmp_path / "used.db"],
            "not a database": ["--db", tmp_path / "no.db"],
            "not one of this version": ["--db", tmp_path / "foreign.db"],
            "unable to open": ["--db", tmp_path / "missing" / "x.db"],
            "cannot listen": ["--port", port],
            "port must be": ["--port", 70_000],
            "No such file": ["--spec", tmp_path / "missing.yml"],
            "no YAML": ["--spec", tmp_path / "no.db", "--port", 0],
        }
        (tmp_path / "no.db").write_text("][" * 1000, encoding="utf-8")
        told = {why: refused(*arguments) for why, arguments in cases.items()}

    for why, result in told.items():
        assert (result.returncode, result.stderr.count("\n"), result.stdout) == (2, 1, ""), result.stderr
        assert why in result.stderr, result.stderr
    assert running.process.poll() is None


def test_missing_extra_is_named() -> None:
    without = (
        "import sys; sys.modules['starlette'] = None; from printos_ext.sandbox.__main__ import main; sys.exit(main([]))"
    )
    result = subprocess.run([sys.executable, "-c", without], capture_output=True, encoding="utf-8", check=False)

    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert "pip install 'printos-device[sandbox]'" in result.stderr


def test_plugin_gives_other_peoples_tests_a_fresh_sandbox(tmp_path: Path) -> None:
    (tmp_path / "test_theirs.py").write_text(
        "import pytest\n"
        "from printos_ext import PrintOS, SessionAuth\n"
        "@pytest.mark.parametrize('n', range(2))\n"
        "def test_attach(n, printos_sandbox):\n"
        "    with PrintOS(printos_sandbox.key, printos_sandbox.secret, base_url=printos_sandbox.url) as printos:\n"
        "        printos.devices.provision(model='T250', serial_number='7')\n"
        "        assert len(printos.devices.list()) == 1\n"
        "@pytest.mark.printos_sandbox(auth='session')\n"
        "def test_session(printos_sandbox):\n"
        "    auth = SessionAuth(printos_sandbox.key, printos_sandbox.secret)\n"
        "    with PrintOS(auth=auth, base_url=printos_sandbox.url) as printos:\n"
        "        assert printos.devices.list() == []\n",
        encoding="utf-8",
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--strict-markers",
        "-p",
        "no:schemathesis",
        "-p",
        "no:cacheprovider",
    ]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", check=False)

    assert "3 passed" in result.stdout, result.stdout


def test_demo_shows_three_devices_and_stops(root: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "printos_ext.demo"], cwd=root, capture_output=True, encoding="utf-8", check=False
    )

    assert (result.returncode, result.stderr) == (0, "")
    rows = result.stdout.splitlines()
    assert sum(row.startswith(("HP Indigo 7K ", "HP PageWide T250 ", "Horizon StitchLiner ")) for row in rows) == 3
    assert "http://127.0.0.1:" in result.stdout
