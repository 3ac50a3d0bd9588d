"""Which readings become statuses, and when a device is read."""

import datetime as dt
from itertools import pairwise
from random import Random

import pytest
from attrs import evolve

from printos_ext.agent.news import (
    Rules,
    Told,
    after_failure,
    is_taken_for_off,
    is_worth_telling,
    status_off,
    status_read,
)
from printos_ext.agent.schedule import Schedule
from printos_ext.sources.reading import Reading

NOW = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
RULES = Rules(figures=60, heartbeat=300)
IDLE = status_read("d", Reading(NOW, status="DS_STANDBY", pages_total=7, ink_level=50.0))


@pytest.mark.parametrize(
    ("status", "seconds", "is_news"),
    [
        (IDLE, 60, False),
        (evolve(IDLE, observed_at=NOW + dt.timedelta(days=365)), 60, False),
        (IDLE, 270.1, False),
        (IDLE, 299.9, True),
        (evolve(IDLE, status="DS_ERROR"), 0, True),
        (evolve(IDLE, pages_total=8), 30, False),
        (evolve(IDLE, pages_total=8), 60, True),
        (evolve(IDLE, ink_level=49.5), 60, True),
    ],
    ids=["the same", "another date", "too soon", "heartbeat", "state", "figures too soon", "pages", "ink"],
)
def test_state_is_told_at_once_figures_after_a_while_the_same_as_a_heartbeat(
    status: object,
    seconds: float,
    is_news: bool,  # noqa: FBT001 - a parameter
) -> None:
    told = Told(IDLE, 1000)
    assert is_worth_telling(status, told, 1000 + seconds, RULES, every=30) is is_news  # type: ignore[arg-type]  # a Status


def test_first_reading_is_news() -> None:
    assert is_worth_telling(IDLE, Told(), 0, RULES, every=30)


@pytest.mark.parametrize("every", [0.5, 7, 30, 60, 99, 149, 300, 1000])
def test_heartbeat_is_never_late_by_more_than_a_reading_that_cannot_come_sooner(every: float) -> None:
    now, told, gaps = 0.0, Told(IDLE, 0.0), []
    for _ in range(2000):
        now += every
        if is_worth_telling(IDLE, told, now, RULES, every=every):
            gaps.append(now - told.at)
            told = Told(IDLE, now)

    assert max(gaps) <= max(RULES.heartbeat + every / 10, every)
    assert min(gaps) >= RULES.heartbeat - every


@pytest.mark.parametrize("every", [7.0, 30.0, 55.0, 60.0, 61.0])
def test_history_that_piled_up_in_an_outage_gets_less_again(every: float) -> None:
    rules, told, waiting, most = Rules(figures=60, heartbeat=120), Told(IDLE, 0.0), 0, 0
    sent_at = away_until = 3600.0
    now = 0.0
    for number in range(int(8 * 3600 / every)):
        now += every
        while waiting and now - sent_at >= 60.3:  # the interval, and the call
            sent_at, waiting = sent_at + 60.3, waiting - 1
        status = evolve(IDLE, pages_total=number)
        if is_worth_telling(status, told, now, rules, every=every, is_behind=waiting > 0):
            told, waiting = Told(status, now), waiting + 1
            sent_at = max(sent_at, now - 60.3) if waiting == 1 else sent_at
        most = max(most, waiting)

    assert most >= away_until / 120 * 0.8  # all of it was kept
    assert waiting <= 2


def test_device_that_answers_and_tells_no_state_is_on() -> None:
    assert status_read("d", Reading(NOW, pages_total=7)).status == "DS_ON"


def test_device_is_off_after_three_failures_in_a_row() -> None:
    told, seen = Told(IDLE, 1000), []
    for _ in range(3):
        told = after_failure(told)
        seen.append(is_taken_for_off(told, RULES))

    assert seen == [False, False, True]
    assert not is_taken_for_off(told, Rules(failures_until_off=0))
    assert (status_off("d", NOW).status, status_off("d", NOW).pages_total) == ("DS_OFF", None)


def readings(schedule: Schedule, until: float) -> dict[str, list[float]]:
    moments: dict[str, list[float]] = {}
    now = 0.0
    while (left := schedule.seconds_left(now)) is not None and now + left <= until:
        now += left
        while (taken := schedule.take(now)) is not None:
            moments.setdefault(taken[0], []).append(now)
    return moments


def test_ten_thousand_devices_do_not_beat_as_one() -> None:
    schedule = Schedule(Random(7).random)
    schedule.begin([(f"d{n}", 60.0) for n in range(10_000)], 0.0)

    moments = readings(schedule, 300.0)

    seconds = [0] * 301
    for one in moments.values():
        for moment in one:
            seconds[int(moment)] += 1
    assert max(seconds) < 2 * 10_000 / 60
    assert min(seconds[:300]) > 0.5 * 10_000 / 60
    assert all(round(b - a, 6) == 60 for one in moments.values() for a, b in pairwise(one[2:]))


def test_few_devices_are_read_soon() -> None:
    schedule = Schedule(Random(7).random)
    schedule.begin([(f"d{n}", 3600.0) for n in range(50)], 0.0)

    assert len(readings(schedule, 0.5)) == 50


def test_readings_that_were_missed_are_not_made_up_for() -> None:
    schedule = Schedule(lambda: 0.5)
    schedule.begin([("d", 60.0)], 0.0)
    schedule.take(1000.0)

    assert schedule.take(1000.0) is None
    assert schedule.seconds_left(1000.0) == 30 + 17 * 60 - 1000


def test_devices_that_stay_keep_their_places() -> None:
    schedule = Schedule(Random(7).random)
    schedule.begin([("a", 60.0), ("b", 60.0)], 0.0)
    before = readings(schedule, 600.0)["a"][-1]
    schedule.keep({"a"})
    schedule.begin([("c", 60.0)], 600.0)

    moments = readings(schedule, 900.0)
    assert set(moments) == {"a", "c"}
    assert moments["a"][0] == before + 60
