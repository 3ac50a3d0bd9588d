"""Many printers at the same time: the benchmark in small, and with fewer sockets than printers."""

import asyncio
import resource
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from agents import simulated_printers

from printos_ext.sources.snmp import SnmpSource


def test_benchmark_reads_a_fleet_and_loses_none(root: Path) -> None:
    command = [sys.executable, str(root / "benchmarks" / "snmp.py"), "--devices", "50", "--rounds", "1"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, timeout=60)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "ratios of medians" in done.stdout


@pytest.mark.parametrize("sockets", [30, 400])
def test_fleet_is_read_at_once_with_few_sockets(sockets: int) -> None:
    async def serial_numbers(ports: list[int]) -> set[str | None]:
        sources = [SnmpSource(f"snmp://127.0.0.1:{port}") for port in ports]
        return {reading.serial_number for reading in await asyncio.gather(*(source.read() for source in sources))}

    with simulated_printers(200) as ports:
        with socket.socket() as lowest:
            taken = lowest.fileno()
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (taken + sockets, limits[1]))
        try:
            found = asyncio.run(serial_numbers(ports))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)

    assert found == {f"AC{100_000 + number}" for number in range(200)}
