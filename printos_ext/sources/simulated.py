"""A press that is not there, with a believable day: `sim://press?seed=7&speed=1440`. It is a function of time.

It is off at night, waits, rips and prints by day, jams now and then, and runs out of ink once a day.
"""

import datetime as dt
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import lru_cache
from random import Random
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from attrs import frozen

from printos_ext.states import DeviceState

from .reading import FIELDS, Origin, Reading, SourceError

BEGIN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)  # before it, the press had printed nothing
DAY = dt.timedelta(days=1)
OPENS, CLOSES = 6 * 60, 22 * 60  # minutes of the day
PAGES_A_DAY = 40_000
MINUTES_WITHOUT_INK = 8
JAMS = 0.08
OPTIONS = {"seed": "0", "speed": "1", "model": "Simulated Press", "serial": "", "location": "Hall 1"}
FASTEST = 1e6
WITHOUT_INK = "marker-supply-empty"

Job = tuple[DeviceState, str | None, int]  # for so many minutes


@frozen
class Run:
    """What the press does for some minutes of a day: from when on, and what it has printed that day until then."""

    begins: int
    status: DeviceState
    alert: str | None
    printed: float
    pages_a_minute: float


class SimulatedSource:
    """A press by its address; `speed` is how many days pass in one of ours."""

    def __init__(self, address: str, *, clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)) -> None:
        """Take the address."""
        try:
            parts = urlsplit(address)
        except ValueError as error:
            raise SourceError(f"{address}: this is no address: {error}") from None
        said = dict(parse_qsl(parts.query, keep_blank_values=True))
        if not said.keys() <= OPTIONS.keys():
            unknown = ", ".join(sorted(said.keys() - OPTIONS.keys()))
            raise SourceError(f"{address}: nothing is known of {unknown}: there are {', '.join(OPTIONS)}")
        self.address = address
        self._said = {**OPTIONS, **said}
        self._seed = f"{parts.netloc}/{self._said['seed']}"
        try:
            self._speed = float(self._said["speed"])
        except ValueError:
            self._speed = 0.0
        if not 0 < self._speed <= FASTEST:
            raise SourceError(f"{address}: speed is a number above zero, not {self._said['speed']!r}")
        self._serial_number = self._said["serial"] or f"SIM{Random(self._seed).randrange(10**8):08}"
        self._clock = clock

    async def read(self) -> Reading:
        """Say what the press does now."""
        now = self._clock()
        said = {
            "model": self._said["model"],
            "serial_number": self._serial_number,
            "location": self._said["location"],
            **happening(self._seed, (now - BEGIN) * self._speed),
        }
        alert = said.pop("alert")
        details: dict[str, Any] = {
            "supplies": [{"name": "ink", "percent": said["ink_level"], "kind": "ink"}],
            "alerts": [alert] if alert else [],
        }
        origins = {name: Origin(self.address, "simulation") for name in FIELDS}
        return Reading(now, **said, details=details, origins=origins)

    async def aclose(self) -> None:
        """Do nothing."""


def happening(seed: str, age: dt.timedelta) -> dict[str, Any]:
    """Return status, pages, ink level and alert of a press of this age."""
    day, rest = divmod(max(age, dt.timedelta()), DAY)
    place = rest / dt.timedelta(minutes=1)
    runs = _day(seed, day)
    run = runs[bisect_right(runs, place, key=lambda run: run.begins) - 1]
    printed = run.printed + run.pages_a_minute * (place - run.begins)
    left = 1 - (round(printed - _changed_at(seed), 6) / PAGES_A_DAY) % 1
    is_empty = run.alert == WITHOUT_INK
    return {
        "status": str(run.status),
        "pages_total": day * PAGES_A_DAY + int(round(printed, 6)),
        "ink_level": 0.0 if is_empty else round(100 * left, 1),
        "alert": run.alert,
    }


def _changed_at(seed: str) -> int:
    """Return after which page of a day a press needs new ink."""
    return int(Random(seed).uniform(0.2, 0.8) * PAGES_A_DAY)


@lru_cache(maxsize=4096)
def _day(seed: str, day: int) -> tuple[Run, ...]:
    """Return what a press does on a day; the pages of a day are always as many."""
    chance = Random(f"{seed}/{day}")
    plan: list[Job] = []
    minutes = CLOSES - OPENS - MINUTES_WITHOUT_INK
    while minutes > 0:
        jobs: list[Job] = [
            (chance.choice([DeviceState.ON, DeviceState.STANDBY]), None, chance.randint(3, 30)),
            (DeviceState.RIPPING, None, chance.randint(1, 3)),
            (DeviceState.PRINTING, None, chance.randint(5, 45)),
        ]
        if chance.random() < JAMS:
            jobs.append((DeviceState.ERROR, "media-jam", chance.randint(2, 12)))
        for status, alert, length in jobs:
            plan.append((status, alert, min(length, minutes)))
            minutes -= min(length, minutes)
    printing = sum(length for status, _, length in plan if status == DeviceState.PRINTING)
    changed_at = _changed_at(seed)
    before = round(changed_at / PAGES_A_DAY * printing)
    rates = changed_at / before, (PAGES_A_DAY - changed_at) / (printing - before)
    return tuple(_runs([(DeviceState.OFF, None, OPENS), *_without_ink(plan, before)], rates))


def _without_ink(plan: list[Job], before: int) -> Iterator[Job]:
    """Yield a plan in which the press stands still after some minutes of printing, to have its ink changed."""
    for status, alert, length in plan:
        if status == DeviceState.PRINTING and 0 <= before < length:
            yield status, alert, before
            yield DeviceState.ERROR, WITHOUT_INK, MINUTES_WITHOUT_INK
            yield status, alert, length - before
        else:
            yield status, alert, length
        before -= length if status == DeviceState.PRINTING else 0


def _runs(plan: list[Job], rates: tuple[float, float]) -> Iterator[Run]:
    """Yield a day from its plan: pages are printed at one rate until the ink is changed, and at another then."""
    begins, printed, is_changed = 0, 0.0, False
    for status, alert, length in [*plan, (DeviceState.OFF, None, 0)]:
        rate = rates[is_changed] if status == DeviceState.PRINTING else 0.0
        yield Run(begins, status, alert, printed, rate)
        begins, printed, is_changed = begins + length, printed + length * rate, is_changed or alert == WITHOUT_INK
