"""All benchmarks one after the other, as one table: `make bench`; `--json FILE` keeps the figures."""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from calls import SETTINGS, measured_calls
from decoding import SIZES, measured_decoding

HERE = Path(__file__).resolve().parent
OTHERS = ("imports", "sandbox", "snmp", "outbox", "fleet")


def main() -> None:
    """Measure everything, show it and keep it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one short round of calls and of decoding, for a test")
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    given = parser.parse_args()
    begun = time.monotonic()
    print(f"{machine()}\n", flush=True)
    calls = measured_calls(1, 0.3, SETTINGS[:2], has_openapi=False) if given.quick else measured_calls()
    decoding = measured_decoding(SIZES[:1] if given.quick else SIZES)
    figures: dict[str, Any] = {"machine": machine(), "calls": calls, "decoding": decoding}
    for name in () if given.quick else OTHERS:
        print(flush=True)
        figures[name] = said(name)
    print(f"\nin {(time.monotonic() - begun) / 60:.1f} minutes")
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def said(name: str) -> list[str]:
    """Run another benchmark, in a process of its own, and return the lines that it prints."""
    lines = []
    command = [sys.executable, str(HERE / f"{name}.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout  # noqa: S101 - it was asked for
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line.rstrip())
    return lines if process.returncode == 0 else [*lines, f"failed with {process.returncode}"]


def machine() -> str:
    """Say what was measured on."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


if __name__ == "__main__":
    main()
