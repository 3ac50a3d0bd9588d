"""Which readings of a device become statuses. No I/O, no clock: moments are passed in."""

import datetime as dt

from attrs import evolve, frozen

from printos_ext.sources.reading import Reading
from printos_ext.states import DeviceState

from .outbox import Status

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


def status_of(device_id: str, reading: Reading) -> Status:
    """Return the status that a reading makes; a device that answers and does not say what it does is on."""
    said = reading.status or DeviceState.ON
    return Status(device_id, str(said), reading.observed_at, reading.pages_total, reading.ink_level)


def status_off(device_id: str, moment: dt.datetime) -> Status:
    """Return the status of a device that is off: nobody knows its figures now."""
    return Status(device_id, str(DeviceState.OFF), moment)


def is_worth_telling(status: Status, told: Told, now: float, rules: Rules, *, every: float) -> bool:
    """Tell whether a status is news: another state at once, other figures after a while, the same as a heartbeat.

    With the next reading, which comes `every` so many seconds, the heartbeat must not be late.
    """
    before = told.status
    if before is None or status.status != before.status or now - told.at >= rules.heartbeat - ALMOST * every:
        return True
    return evolve(status, observed_at=before.observed_at) != before and now - told.at >= ALMOST * rules.figures


def after_failure(told: Told) -> Told:
    """Return what is known after one more reading that failed."""
    return evolve(told, failures=told.failures + 1)


def is_taken_for_off(told: Told, rules: Rules) -> bool:
    """Tell whether a device has failed often enough."""
    return 0 < rules.failures_until_off <= told.failures
