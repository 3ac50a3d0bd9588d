"""The agent as a process of its own, with a configuration made by the test."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import define, field
from server import until

from printos_ext.sandbox import Sandbox

COMMAND = [sys.executable, "-m", "printos_ext.cli"]


def written(
    sandbox: Sandbox,
    folder: Path,
    *,
    devices: Mapping[str, str] | Sequence[Mapping[str, Any]] = {},
    **tables: Mapping[str, Any],
) -> Path:
    """Write a configuration: `devices` by their ids and addresses, or as tables."""
    listed = (
        [{"id": name, "sources": [one]} for name, one in devices.items()] if isinstance(devices, Mapping) else devices
    )
    whole: dict[str, Mapping[str, Any]] = {
        "printos": {"base_url": sandbox.url},
        "outbox": {"path": str(folder / "outbox.db"), **tables.get("outbox", {})},
        "delivery": {"min_interval": 0.05, "heartbeat": 60, **tables.get("delivery", {})},
        "reading": {"every": 0.1, **tables.get("reading", {})},
        "agent": {"page": "off", **tables.get("agent", {})},
        "nats": tables.get("nats", {}),
    }
    lines = [line for name, table in whole.items() for line in (f"[{name}]", *_pairs(table))]
    lines += [line for table in listed for line in ("[[device]]", *_pairs(table))]
    file = folder / "agent.toml"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def _pairs(table: Mapping[str, Any]) -> list[str]:
    return [f"{name} = {json.dumps(value)}" for name, value in table.items()]


@define
class Running:
    """A process, and what it has logged so far."""

    process: subprocess.Popen[str]
    log: Path
    file: Path
    page: str | None = None
    port: int = field(default=0)

    @property
    def events(self) -> list[dict[str, Any]]:
        lines = self.log.read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def has_logged(self, event: str) -> bool:
        return any(one["event"] == event for one in self.events)

    def ask(self, path: str) -> tuple[int, str]:
        """Return status and body of a page."""
        try:
            with urllib.request.urlopen(f"{self.page}{path}", timeout=5) as answer:  # noqa: S310 - it is our own server
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def end(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal; return the exit status, and the seconds that it took."""
        begun = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(30), time.monotonic() - begun

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def started(
    sandbox: Sandbox,
    folder: Path,
    *,
    words: Sequence[str] = ("agent", "run"),
    environment: Mapping[str, str] = {},
    awaited: str = "started",
    **options: Any,
) -> Running:
    """Start one, and wait until it runs, or has logged something else."""
    file = written(sandbox, folder, **options)
    log = folder / f"log-{time.monotonic_ns()}"
    with log.open("w") as stream:
        process = subprocess.Popen(
            [*COMMAND, *words, "--config", str(file), "--log-json"],
            stdout=stream,
            stderr=stream,
            env={**os.environ, **environment},
            encoding="utf-8",
        )
    page = options.get("agent", {}).get("page", "off")
    running = Running(process, log, file, None if page == "off" else f"http://{page}/")
    assert until(lambda: running.has_logged(awaited) or process.poll() is not None, 30), log.read_text("utf-8")
    assert process.poll() is None, log.read_text("utf-8")
    return running
