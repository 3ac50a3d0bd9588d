"""A press that is not there, with a believable day: `sim://press?seed=7&speed=1440`. It is a function of time.

It is off at night, waits, rips and prints by day, jams now and then, and runs out of ink once a day.
"""

import datetime as dt
from collections.abc import Callable
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


@frozen
class Minute:
    """What the press does in a minute, and what it had printed that day when the minute began."""

    status: DeviceState
    printed: float = 0.0
    alert: str | None = None


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
        self._clock = clock

    async def read(self) -> Reading:
        """Say what the press does now."""
        now = self._clock()
        said = {
            "model": self._said["model"],
            "serial_number": self._said["serial"] or f"SIM{Random(self._seed).randrange(10**8):08}",
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
    minutes = _day(seed, day)
    place = rest / dt.timedelta(minutes=1)
    minute = minutes[int(place)]
    following = minutes[int(place) + 1].printed if int(place) + 1 < len(minutes) else PAGES_A_DAY
    printed = minute.printed + (following - minute.printed) * (place % 1)
    left = 1 - (round(printed - _changed_at(seed), 6) / PAGES_A_DAY) % 1
    is_empty = minute.alert == "marker-supply-empty"
    return {
        "status": str(minute.status),
        "pages_total": day * PAGES_A_DAY + int(printed),
        "ink_level": 0.0 if is_empty else round(100 * left, 1),
        "alert": minute.alert,
    }


def _changed_at(seed: str) -> int:
    """Return after which page of a day a press needs new ink."""
    return int(Random(seed).uniform(0.2, 0.8) * PAGES_A_DAY)


@lru_cache(maxsize=1024)
def _day(seed: str, day: int) -> tuple[Minute, ...]:
    """Return what a press does in each minute of a day; the pages of a day are always as many."""
    chance = Random(f"{seed}/{day}")
    plan: list[tuple[DeviceState, str | None]] = [(DeviceState.OFF, None)] * OPENS
    while len(plan) < CLOSES - MINUTES_WITHOUT_INK:
        plan += [(chance.choice([DeviceState.ON, DeviceState.STANDBY]), None)] * chance.randint(3, 30)
        plan += [(DeviceState.RIPPING, None)] * chance.randint(1, 3)
        plan += [(DeviceState.PRINTING, None)] * chance.randint(5, 45)
        if chance.random() < JAMS:
            plan += [(DeviceState.ERROR, "media-jam")] * chance.randint(2, 12)
    plan = plan[: CLOSES - MINUTES_WITHOUT_INK]
    printing = [n for n, (status, _) in enumerate(plan) if status == DeviceState.PRINTING]
    changed_at = _changed_at(seed)
    before = round(changed_at / PAGES_A_DAY * len(printing))
    empty_at = printing[before]
    plan[empty_at:empty_at] = [(DeviceState.ERROR, "marker-supply-empty")] * MINUTES_WITHOUT_INK
    rates = changed_at / before, (PAGES_A_DAY - changed_at) / (len(printing) - before)
    plan += [(DeviceState.OFF, None)] * (24 * 60 - len(plan))
    minutes, printed = [], 0.0
    for n, (status, alert) in enumerate(plan):
        minutes.append(Minute(status, printed, alert))
        printed += rates[n > empty_at] if status == DeviceState.PRINTING else 0.0
    return tuple(minutes)
