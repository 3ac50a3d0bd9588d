"""`make bench` in small: it runs, and its ratios are of the right kind, loose enough never to depend on the machine."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def figures(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    pytest.importorskip(
        "openapi_python_client", reason="the generator is a tool: it is not where only a wheel is tried"
    )
    kept = tmp_path_factory.mktemp("bench") / "figures.json"
    command = [sys.executable, str(root / "benchmarks" / "bench.py"), "--quick", "--json", str(kept)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return json.loads(kept.read_text("utf-8"))


def test_many_calls_at_once_leave_the_stock_client_behind(figures: Any) -> None:
    many = figures["calls"]["async, 64 in flight"]

    assert many["update_statuses"]["cpu_of_stock"] > 4
    assert many["AsyncPrintOS"]["cpu_of_stock"] > 2
    assert many["update_statuses"]["cpu_of_aiohttp"] > 0.3


def test_blocking_call_is_no_slower_by_far(figures: Any) -> None:
    assert figures["calls"]["sync"]["PrintOS"]["cpu_of_stock"] > 0.4


def test_list_is_read_in_no_more_memory_than_the_generated_code_takes(figures: Any) -> None:
    read = figures["decoding"]["1,000 devices"]["printos_ext"]

    assert read["memory_of_stock"] <= 1.2
    assert read["time_of_stock"] < 3
