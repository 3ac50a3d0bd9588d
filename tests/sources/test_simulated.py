"""A simulated press: a believable day, the same for the same seed."""

import asyncio
import datetime as dt
import itertools
from typing import Any

import pytest

from printos_ext import DeviceState
from printos_ext.sources.reading import SourceError
from printos_ext.sources.simulated import BEGIN, SimulatedSource, happening

MINUTE = dt.timedelta(minutes=1)


@pytest.fixture(scope="module")
def days() -> list[dict[str, Any]]:
    """Three days, minute by minute."""
    return [happening("press/7", dt.timedelta(days=40) + n * MINUTE) for n in range(3 * 24 * 60)]


def test_day_has_every_state_a_jam_and_an_empty_supply(days: list[dict[str, Any]]) -> None:
    states = {minute["status"] for minute in days}

    assert states == {str(state) for state in DeviceState}
    assert {minute["alert"] for minute in days} == {None, "media-jam", "marker-supply-empty"}
    assert all((minute["alert"] is not None) == (minute["status"] == DeviceState.ERROR) for minute in days)


def test_pages_grow_while_it_prints_and_at_no_other_time(days: list[dict[str, Any]]) -> None:
    for before, after in itertools.pairwise(days):
        grown = after["pages_total"] - before["pages_total"]
        assert (0 < grown < 1000) if before["status"] == DeviceState.PRINTING else grown == 0


def test_ink_goes_down_until_it_is_empty_and_is_full_afterwards(days: list[dict[str, Any]]) -> None:
    changes = 0
    for before, after in itertools.pairwise(days):
        if before["alert"] == "marker-supply-empty" and not after["alert"]:
            changes += 1
            assert after["ink_level"] > 99
        else:
            assert before["ink_level"] >= after["ink_level"]
        if after["alert"] == "marker-supply-empty":
            assert after["ink_level"] == 0
            assert before["ink_level"] < 1

    assert changes == 3


def test_night_is_quiet(days: list[dict[str, Any]]) -> None:
    assert all(minute["status"] == DeviceState.OFF for minute in days[: 6 * 60])


def test_same_seed_gives_the_same_press_and_another_seed_another() -> None:
    def read(address: str) -> Any:
        return asyncio.run(SimulatedSource(address, clock=lambda: BEGIN + dt.timedelta(days=3, hours=12)).read())

    assert read("sim://press?seed=7") == read("sim://press?seed=7")
    assert read("sim://press?seed=7").serial_number != read("sim://press?seed=8").serial_number
    assert read("sim://press?model=T250&serial=42&location=Here").serial_number == "42"


def test_speed_lets_days_pass_in_minutes() -> None:
    source = SimulatedSource("sim://press?speed=1440", clock=lambda: BEGIN + dt.timedelta(minutes=10))

    assert asyncio.run(source.read()).pages_total == 10 * 40_000


def test_time_before_the_beginning_is_the_beginning() -> None:
    assert happening("x", dt.timedelta(days=-5))["pages_total"] == 0


@pytest.mark.parametrize("address", ["sim://x?speed=0", "sim://x?speed=nan", "sim://x?speed=fast", "sim://x?colour=7"])
def test_address_that_makes_no_sense_is_refused(address: str) -> None:
    with pytest.raises(SourceError):
        SimulatedSource(address)
