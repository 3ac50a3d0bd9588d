"""The benchmark of calls runs, and its ratios are of the right kind: loose enough never to depend on the machine."""

import json
import subprocess
import sys
from pathlib import Path


def test_fleets_leave_the_stock_client_behind(root: Path, tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"

    subprocess.run(
        [sys.executable, root / "benchmarks" / "calls.py", "--quick", "--json", figures],
        check=True,
        stdout=subprocess.DEVNULL,
    )

    calls = json.loads(figures.read_text("utf-8"))["calls"]
    many = calls["async, 64 in flight"]
    assert many["update_statuses"]["of_stock"] > 4
    assert many["AsyncPrintOS"]["of_stock"] > 2
    assert many["update_statuses"]["of_aiohttp"] > 0.3
    assert calls["sync"]["PrintOS"]["of_stock"] > 0.4
