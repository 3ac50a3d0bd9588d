"""Many devices in one process: on schedule, with little memory and little of a core. The figures are printed."""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from agent_processes import Running
from deliveries import fleet, status, taken
from prometheus_client.parser import text_string_to_metric_families
from quick import quick_server
from server import free_port, until

from printos_ext.agent.outbox import Outbox
from printos_ext.sandbox import Sandbox

Start = Callable[..., Running]


class Quick:
    """A server that is never the limit, where a sandbox is expected."""

    def __init__(self, url: str) -> None:
        self.url = url


def metrics(agent: Running) -> dict[str, float]:
    families = text_string_to_metric_families(agent.ask("metrics")[1])
    told: dict[str, float] = {}
    for family in families:
        for sample in family.samples:
            told[sample.name + sample.labels.get("le", "")] = sample.value
    return told


def seconds_of_core(agent: Running) -> float:
    fields = Path(f"/proc/{agent.process.pid}/stat").read_text("ascii").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def on_schedule(start: Start, *, devices: int, every: float, rounds: float) -> dict[str, float]:
    """Let a fleet report for some rounds; return the figures."""
    with quick_server() as url:
        sandbox: Any = Quick(url)
        agent = start(
            sandbox,
            devices={f"d{n}": f"sim://press?seed={n}" for n in range(devices)},
            delivery={"min_interval": every / 2, "heartbeat": every},
            reading={"every": every, "off_when_stopping": False},
            agent={"page": f"127.0.0.1:{free_port()}"},
        )
        assert until(lambda: metrics(agent)["printos_statuses_taken_total"] >= devices, every + 60)
        begun, used, before = time.monotonic(), seconds_of_core(agent), metrics(agent)
        time.sleep(every * rounds)  # what is measured
        seconds, used, told = time.monotonic() - begun, seconds_of_core(agent) - used, metrics(agent)
    sent = told["printos_statuses_taken_total"] - before["printos_statuses_taken_total"]
    within = told["printos_lateness_seconds_bucket5.0"] / told["printos_lateness_seconds_count"]
    figures = {
        "sent": sent / (devices * seconds / every),
        "within_5_s": within,
        "latest_reading": told["printos_readings_lateness_seconds"],
        "core": used / seconds,
        "memory": told["process_resident_memory_bytes"] / 2**20,
    }
    print(f"{devices} devices every {every:g} s: {figures}")  # noqa: T201 - the figures
    return figures


def check(figures: dict[str, float], *, core: float, memory: float) -> None:
    assert figures["sent"] > 0.9
    assert figures["within_5_s"] >= 0.99
    assert figures["latest_reading"] < 5
    assert figures["core"] <= core
    assert figures["memory"] <= memory


def test_a_thousand_devices_are_on_schedule(start: Start) -> None:
    check(on_schedule(start, devices=1000, every=10, rounds=1), core=0.6, memory=250)


async def filled(file: Path, *, devices: int, each: int) -> None:
    """Let statuses wait."""
    async with Outbox(file, history=True) as outbox:
        for pages in range(each):
            await outbox.put(*(status(device, pages) for device in range(devices)))


def test_agent_is_ready_soon_although_a_hundred_thousand_statuses_wait(start: Start, tmp_path: Path) -> None:
    asyncio.run(filled(tmp_path / "outbox.db", devices=1000, each=100))
    with Sandbox(seed=fleet(1000), journal=10_000) as sandbox:
        begun = time.monotonic()
        start(sandbox, outbox={"path": str(tmp_path / "empty.db")})
        began = time.monotonic()

        start(sandbox, outbox={"history": True}, delivery={"min_interval": 60})

        seconds = time.monotonic() - began
        more = seconds - (began - begun)
        assert until(lambda: len(taken(sandbox.journal)) == 1000, 30)
        assert {tuple(pages) for pages in taken(sandbox.journal).values()} == {(0,)}
    print(f"ready after {seconds:.1f} s with 100,000 statuses waiting, {more:.1f} s more than with none")  # noqa: T201 - the figures
    assert more < 2


@pytest.mark.torture
def test_ten_thousand_devices_are_on_schedule(start: Start) -> None:
    check(on_schedule(start, devices=10_000, every=60, rounds=3), core=0.6, memory=250)
