"""Which readings of a device become statuses. No I/O, no clock: moments are passed in."""

import datetime as dt

from attrs import evolve, frozen

from printos_ext.sources.reading import Reading
from printos_ext.states import DeviceState

from .outbox import Status

SELDOM = 2  # times as long as usual
ALMOST = 0.9  # of a time: readings do not come to the millisecond


@frozen
class Rules:
    """What makes a reading a status; all of it in seconds but the failures.

    Attributes:
        figures: Between two statuses of a device that tell no new state, only other figures.
        heartbeat: After which a status is sent though nothing has changed.
        failures_until_off: Failed readings in a row, after which a device is taken to be off; 0 never.
    """

    figures: float = 0.0
    heartbeat: float = 300.0
    failures_until_off: int = 3


@frozen
class Told:
    """What PrintOS was told about a device, or will be: the last status that the outbox took, and when it did."""

    status: Status | None = None
    at: float = float("-inf")
    failures: int = 0


def status_read(device_id: str, reading: Reading) -> Status:
    """Return the status that a reading makes; a device that answers and does not say what it does is on."""
    said = reading.status or DeviceState.ON
    return Status(device_id, str(said), reading.observed_at, reading.pages_total, reading.ink_level)


def status_off(device_id: str, moment: dt.datetime) -> Status:
    """Return the status of a device that is off: nobody knows its figures now."""
    return Status(device_id, str(DeviceState.OFF), moment)


def is_worth_telling(
    status: Status, told: Told, now: float, rules: Rules, *, every: float, is_behind: bool = False
) -> bool:
    """Tell whether a status is news: another state at once, other figures after a while, the same as a heartbeat.

    Args:
        status: What was read.
        told: What PrintOS was told, or will be.
        now: By the monotonic clock.
        rules: What is news.
        every: The seconds until the next reading, with which the heartbeat must not be late.
        is_behind: Whether all that was told is still to be sent, one by one: there must be less of it than is sent.
    """
    before = told.status
    if before is None or status.status != before.status:
        return True
    seconds = now - told.at
    if not is_behind and seconds >= rules.heartbeat - ALMOST * every:
        return True
    figures = rules.figures * (SELDOM if is_behind else 1)
    return evolve(status, observed_at=before.observed_at) != before and seconds >= ALMOST * figures


def after_failure(told: Told) -> Told:
    """Return what is known after one more reading that failed."""
    return evolve(told, failures=told.failures + 1)


def is_taken_for_off(told: Told, rules: Rules) -> bool:
    """Tell whether a device has failed often enough."""
    return 0 < rules.failures_until_off <= told.failures
