"""From the bytes of a list of devices to its models: time and memory, beside the generated `from_dict` and JSON alone.

Ours looks at every type, takes null and times in any spelling, and tells a fault by its place; `from_dict` looks at
nothing, and the parsers below it make no models.
"""

import json
import statistics
import time
import tracemalloc
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from printos_client.models import PrintDeviceList

from printos_ext.decoding import decoded, read_json

SIZES = (1_000, 100_000)
ROUNDS = 9
STOCK = "stock from_dict"
ROW = "{:<30}{:>12}{:>12}{:>10}{:>12}"

WAYS: dict[str, Callable[[bytes], Any]] = {
    "printos_ext": lambda body: decoded(PrintDeviceList, read_json(body)),
    STOCK: lambda body: PrintDeviceList.from_dict(json.loads(body)),
    "json.loads": json.loads,
}


def measured_decoding(sizes: Sequence[int] = SIZES) -> dict[str, dict[str, dict[str, float]]]:
    """Measure, print a table for each size and return the figures."""
    ways = {**WAYS, **others()}
    return {f"{size:,} devices": compare(size, ways) for size in sizes}


def others() -> dict[str, Callable[[bytes], Any]]:
    """Return the parsers that are installed."""
    found: dict[str, Callable[[bytes], Any]] = {}
    if find_spec("orjson"):
        found["orjson.loads"] = import_module("orjson").loads
    if find_spec("msgspec"):
        found["msgspec.json.decode"] = import_module("msgspec.json").decode
    return found


def compare(size: int, ways: dict[str, Callable[[bytes], Any]]) -> dict[str, dict[str, float]]:
    """Let all ways read the same list in turn, and print a table."""
    body = listed(size)
    repeats = max(1, 10_000 // size)
    rounds = [{name: seconds(read, body, repeats) for name, read in ways.items()} for _ in range(ROUNDS)]
    memory = {name: peak(read, body) for name, read in ways.items()}
    print("\n" + ROW.format(f"reading {size:,} devices", "ms", "peak MB", "x time", "x memory"))
    table = {}
    for name in ways:
        figures = {
            "ms": statistics.median(each[name] for each in rounds) * 1000,
            "peak_mb": memory[name] / 1e6,
            "time_of_stock": statistics.median(each[name] / each[STOCK] for each in rounds),
            "memory_of_stock": memory[name] / memory[STOCK],
        }
        table[name] = {key: round(value, 3) for key, value in figures.items()}
        print(ROW.format(name, *(f"{value:.2f}" for value in figures.values())), flush=True)
    return table


def listed(size: int) -> bytes:
    """Return a list of devices as it is on the wire."""
    devices = [
        {
            "id": f"IL{number}",
            "model": "HP Indigo 7K",
            "serialNumber": str(41_000_000 + number),
            "status": "DS_PRINTING",
            "registeredAt": f"2026-01-{number % 28 + 1:02}T03:04:{number % 60:02}Z",
        }
        for number in range(size)
    ]
    return json.dumps({"devices": devices}).encode()


def seconds(read: Callable[[bytes], Any], body: bytes, repeats: int) -> float:
    """Return how long one reading takes."""
    begun = time.perf_counter()
    for _ in range(repeats):
        read(body)
    return (time.perf_counter() - begun) / repeats


def peak(read: Callable[[bytes], Any], body: bytes) -> int:
    """Return the bytes that were allocated at the same time."""
    tracemalloc.start()
    read(body)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


if __name__ == "__main__":
    measured_decoding()
