"""How many printers can be read over SNMP in one round on one core, beside the bare library that asks for the same.

The printers are simulated in a process on another core, if there is one; each has a port of its own. Prints the medians
of the rounds, in devices per second, and their ratio. What no answer was had from is lost, and a failure.
"""

import argparse
import asyncio
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gufo.snmp.aio import SnmpSession

from printos_ext.sources.snmp import SINGLES, SnmpSource
from printos_ext.sources.snmp_rows import ALERTS, DEVICES, SUPPLIES, Value
from printos_ext.sources.snmp_session import FEW_AT_A_TIME, MANY_AT_A_TIME

SIMULATED = Path(__file__).resolve().parent.parent / "tests" / "peers" / "simulated_printers.py"
PRINTER = [f"1.3.6.1.2.1.25.3.{place}.1" for place in ("2.1.3", "2.1.5", "5.1.1", "5.1.2")]
ROW = "{:<44}{:>12}{:>10}"


def main() -> None:
    """Measure, and print side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    highest = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest, highest))
    with simulated(arguments.devices) as ports:
        print(ROW.format(f"{len(ports):,} printers in one round", "devices/s", "lost"))
        measured = {"SnmpSource.read": source_read, "SnmpSource.fetch": source_fetched, "bare gufo.snmp": bare}
        speeds: dict[str, list[float]] = {name: [] for name in measured}
        lost = dict.fromkeys(measured, 0)
        for _ in range(arguments.rounds):
            for name, read in measured.items():
                begun = time.perf_counter()
                outcomes = asyncio.run(at_once(read, ports))
                speeds[name].append(len(ports) / (time.perf_counter() - begun))
                lost[name] += sum(not outcome for outcome in outcomes)
    medians = {name: statistics.median(speeds[name]) for name in measured}
    for name in measured:
        print(ROW.format(name, f"{medians[name]:,.0f}", lost[name]))
    ratios = [f"{name} {medians[name] / medians['bare gufo.snmp']:.2f}" for name in measured]
    print(f"ratios of medians: {', '.join(ratios)}")
    sys.exit(1 if any(lost.values()) else 0)


async def at_once(read: Callable[[int], Awaitable[bool]], ports: list[int]) -> list[bool | BaseException]:
    """Read all devices at the same time."""
    outcomes = await asyncio.gather(*map(read, ports), return_exceptions=True)
    return [outcome is True for outcome in outcomes]


async def source_read(port: int) -> bool:
    """Make a reading, and tell whether it is whole."""
    reading = await SnmpSource(f"snmp://127.0.0.1:{port}").read()
    return bool(reading.serial_number) and reading.ink_level is not None


async def source_fetched(port: int) -> bool:
    """Fetch the rows, and tell whether there are any."""
    return bool(await SnmpSource(f"snmp://127.0.0.1:{port}").fetch())


async def bare(port: int) -> bool:
    """Ask for the same as a source does, without repeating, limits, or looking at what comes."""
    session = SnmpSession("127.0.0.1", port=port, community="public")
    rows: dict[str, Value] = await session.get_many(SINGLES)
    rows |= {oid: value async for oid, value in session.getbulk(f"{DEVICES}.2", FEW_AT_A_TIME)}
    rows |= await session.get_many(PRINTER)
    rows |= {oid: value async for oid, value in session.getbulk(f"{ALERTS}.8", FEW_AT_A_TIME)}
    rows |= {oid: value async for oid, value in session.getbulk(SUPPLIES, MANY_AT_A_TIME)}
    return bool(rows)


@contextmanager
def simulated(count: int) -> Iterator[list[int]]:
    """Run printers in a process on a core of its own until the block ends; this process keeps one."""
    cores = sorted(os.sched_getaffinity(0))
    command = [sys.executable, str(SIMULATED), str(count)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")
    os.sched_setaffinity(process.pid, cores[:1])
    os.sched_setaffinity(0, cores[-1:])
    try:
        assert process.stdout  # noqa: S101 - it was asked for
        yield [int(port) for port in process.stdout.readline().split()]
    finally:
        process.communicate()
        os.sched_setaffinity(0, cores)


if __name__ == "__main__":
    main()
