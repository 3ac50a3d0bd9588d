"""The sandbox as a process of its own."""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from attrs import frozen

COMMAND = [sys.executable, "-m", "printos_ext.sandbox"]


def peak() -> int:
    """Return what this process took at most, in KiB; what `getrusage` tells begins with what its parent took."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


@frozen
class Served:
    """A running process, and where it serves."""

    process: subprocess.Popen[str]
    said: dict[str, str]

    @property
    def url(self) -> str:
        return self.said["PRINTOS_BASE_URL"]

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(10)

    def kill(self) -> None:
        """End it without asking."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdout, self.process.stderr):
            if stream:
                stream.close()


def served(*arguments: object) -> Served:
    """Start one and wait until it says where it is."""
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    said = Served(process, {})
    assert process.stdout
    for line in process.stdout:
        if line.startswith("export "):
            name, _, value = shlex.split(line)[1].partition("=")
            said.said[name] = value
        if ("SSL_CERT_FILE" if "--tls" in arguments else "PRINTOS_API_SECRET") in said.said:
            return said
    said.kill()
    raise AssertionError(f"the sandbox did not start with {arguments}")


def refused(*arguments: object) -> subprocess.CompletedProcess[Any]:
    """Start one that cannot start."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, encoding="utf-8", check=False, timeout=20
    )
