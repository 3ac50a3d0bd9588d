"""Status updates per second, each way beside the others in one run: `PUT /devices/{id}/status`, one client process.

The server (nginx where it is installed, else a small one of ours) has a core of its own, the client another. Every
round measures each way once, so that the noise of the machine meets all; what is shown are medians, and medians of the
ratios within a round. CPU is the client's time for one request: it hardly depends on what else the machine does. Its
ratios are turned round, so that more is better in both.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from counting import Measured, Place, Setting
from servers import Server, serving
from strangers import make_openapi, make_stock
from ways import AIOHTTP, ASYNC, OPENAPI, STOCK, SYNC

Table = dict[str, dict[str, float]]

ROUNDS, SECONDS = 7, 0.5
CROWD, ROUNDS_OF_A_CROWD = 1000, 3  # httpx takes half a minute to begin and end so many
SETTINGS = (Setting(0), Setting(64), Setting(64, is_tls=True), Setting(CROWD))
ROW = "{:<28}{:>12}{:>9}{:>11}{:>9}{:>9}{:>11}"
BASELINES = {"stock": STOCK, "aiohttp": AIOHTTP}
COLUMNS = {
    "rate": "requests/s",
    "of_stock": "x stock",
    "of_aiohttp": "x aiohttp",
    "cpu_us": "CPU us",
    "cpu_of_stock": "x stock",
    "cpu_of_aiohttp": "x aiohttp",
}
MANY = 100  # from here on, nobody reads decimals


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each measurement")
    parser.add_argument("--only", default="", help="a part of the settings' names")
    given = parser.parse_args()
    measured_calls(given.rounds, given.seconds, [setting for setting in SETTINGS if given.only in str(setting)])


def measured_calls(
    rounds: int = ROUNDS, seconds: float = SECONDS, settings: Sequence[Setting] = SETTINGS, *, has_openapi: bool = True
) -> dict[str, Table]:
    """Measure all settings, print a table of each and return the figures."""
    with tempfile.TemporaryDirectory(prefix="printos-bench-") as text:
        folder = Path(text)
        make_stock(folder)
        why_not = make_openapi(folder) if has_openapi else "this is a short run"
        with serving(folder) as server:
            print(f"PUT status, medians of {rounds} rounds of {seconds} s each; the server is {server.name}")
            if why_not:
                print(f"{OPENAPI} is left out: {why_not}")
            os.environ["SSL_CERT_FILE"] = str(server.authority)
            left_out = {OPENAPI} if why_not else set()
            return {str(setting): compare(setting, server, rounds, seconds, left_out) for setting in settings}


def compare(setting: Setting, server: Server, rounds: int, seconds: float, left_out: set[str]) -> Table:
    """Measure all ways of a setting in turn, and print a table."""
    place = Place(server.host, server.port(setting.is_tls), server.authority, setting, seconds)
    ways = [way for way in (ASYNC if setting.in_flight else SYNC) if way not in left_out]
    rounds = rounds if setting.in_flight < CROWD else min(rounds, ROUNDS_OF_A_CROWD)
    measured = [{way: measure(way, place) for way in ways} for _ in range(rounds)]
    print("\n" + ROW.format(str(setting), *COLUMNS.values()))
    table = {way: figures_of(way, measured) for way in ways}
    for way, figures in table.items():
        print(ROW.format(way, *(shown(figures[key]) if key in figures else "-" for key in COLUMNS)), flush=True)
    return table


def figures_of(way: str, rounds: list[dict[str, Measured]]) -> dict[str, float]:
    """Return medians, and how many times better than the baselines they are within a round."""
    median = statistics.median
    figures = {
        "rate": median(each[way].rate for each in rounds),
        "cpu_us": median(each[way].cpu for each in rounds) * 1e6,
    }
    for name, base in BASELINES.items():
        if base in rounds[0]:
            figures[f"of_{name}"] = median(each[way].rate / each[base].rate for each in rounds)
            figures[f"cpu_of_{name}"] = median(each[base].cpu / each[way].cpu for each in rounds)
    return {key: round(value, 3) for key, value in figures.items()}


def shown(value: float) -> str:
    """Return a figure as people read it."""
    return f"{value:,.0f}" if value >= MANY else f"{value:.2f}"


def measure(way: str, place: Place) -> Measured:
    """Measure one way once."""
    return asyncio.run(ASYNC[way](place)) if place.setting.in_flight else SYNC[way](place)


if __name__ == "__main__":
    main()
