"""What there is to see of an agent: for the page as JSON, for Prometheus as metrics. Reads, and changes nothing."""

import datetime as dt
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from printos_ext.sources.opening import shown
from printos_ext.version import __version__

from .delivery import LATENESS, Lateness
from .running import Agent
from .watching import Watched

MOST_DEVICES = 500


def facts(agent: Agent) -> dict[str, Any]:
    """Return what the page shows; of a large fleet the devices that need somebody come first."""
    now, gate = agent.clock.monotonic(), agent.delivery.pacing.gate
    waiting = set(agent.outbox.waiting())
    devices = sorted(agent.watching.devices.values(), key=lambda watched: not _errors(agent, watched))
    counts = agent.outbox.counts()
    return {
        "version": __version__,
        "server": agent.server,
        "ailments": agent.ailments(),
        "began": _ago(agent.began_at, now),
        "taken": agent.delivery.tally.taken,
        "last_taken": _ago(agent.delivery.tally.taken_at, now),
        "waiting": counts.waiting,
        "dead": counts.dead,
        "dropped": counts.dropped,
        "pause": {"seconds": round(gate.seconds_left(now)), "why": gate.reason} if gate.reason else None,
        "count": len(devices),
        "devices": [_device(agent, watched, waiting) for watched in devices[:MOST_DEVICES]],
    }


def _device(agent: Agent, watched: Watched, waiting: set[str]) -> dict[str, Any]:
    device, reading, told = watched.device, watched.reading, watched.told
    return {
        "id": watched.id,
        "name": device.name,
        "model": (reading and reading.model) or device.model,
        "serial_number": device.serial_number or (reading and reading.serial_number),
        "location": device.location or (reading and reading.location),
        "sources": [shown(address) for address in device.sources],
        "status": told.status.status if told.status else None,
        "reading": {
            name: {"value": getattr(reading, name), "from": f"{origin.source} {origin.key}"}
            for name, origin in sorted((reading.origins if reading else {}).items())
        },
        "read_at": reading.observed_at.astimezone(dt.UTC).isoformat(timespec="seconds") if reading else None,
        "is_waiting": watched.id in waiting,
        "is_refused": watched.id not in waiting and (watched.id or "") in agent.delivery.errors,
        "errors": _errors(agent, watched),
    }


def _errors(agent: Agent, watched: Watched) -> list[str]:
    return [error for error in (watched.error, watched.not_put, agent.delivery.errors.get(watched.id or "")) if error]


def _ago(moment: float | None, now: float) -> int | None:
    return None if moment is None else round(now - moment)


class Metrics:
    """What Prometheus collects, taken from the agent when it asks."""

    def __init__(self, agent: Agent) -> None:
        """Tell about this agent."""
        self._agent = agent

    def collect(self) -> Iterator[Metric]:
        """Yield each metric as it is now."""
        agent, now = self._agent, self._agent.clock.monotonic()
        sent, read, counts = agent.delivery.tally, agent.watching.tally, agent.outbox.counts()
        gate = agent.delivery.pacing.gate
        last = sent.taken_at if sent.taken_at is not None else agent.began_at
        for name, told, value in (
            ("statuses_taken", "Statuses that PrintOS has taken.", sent.taken),
            ("statuses_refused", "Statuses that PrintOS refused for good.", sent.refused),
            ("statuses_dropped", "Statuses that were dropped because the outbox was full.", counts.dropped),
            ("statuses_lost", "Statuses that a damaged outbox has lost.", counts.lost),
            ("calls_failed", "Calls after which a status has to be sent again.", sent.failed),
            ("readings", "Devices that were read.", read.done),
            ("readings_failed", "Devices that could not be read.", read.failed),
            ("readings_skipped", "Readings left out because the one before had not ended.", read.skipped),
            ("statuses_not_accepted", "Statuses that the outbox could not take.", read.not_put),
        ):
            yield CounterMetricFamily(f"printos_{name}", told, value)
        yield _histogram(sent.lateness)
        for name, told, number in (
            ("devices", "Devices that are read.", len(agent.watching.devices)),
            ("devices_unreadable", "Devices whose last reading failed.", _unreadable(agent)),
            ("readings_lateness_seconds", "How late a reading has begun, at most.", read.lateness),
            ("outbox_waiting", "Statuses that wait to be sent.", counts.waiting),
            ("outbox_dead", "Statuses that PrintOS refused, kept for somebody to look at.", counts.dead),
            ("outbox_bytes", "What the outbox takes.", counts.size_bytes),
            ("in_flight", "Calls that are under way.", agent.delivery.pacing.in_flight),
            ("paused_seconds", "How long nobody may send.", gate.seconds_left(now)),
            ("since_taken_seconds", "How long ago PrintOS has taken a status, or the agent began.", now - last),
            ("healthy", "Whether statuses get through as they should.", not agent.ailments()),
        ):
            yield GaugeMetricFamily(f"printos_{name}", told, number)
        yield from agent.more_metrics()


def _histogram(lateness: Lateness) -> Metric:
    bounds = [f"{bound:.1f}" if bound < LATENESS[-1] else "+Inf" for bound in LATENESS]
    told = "How much later than they could have been statuses were sent."
    buckets = list(zip(bounds, accumulate(lateness.counts), strict=True))
    return HistogramMetricFamily("printos_lateness_seconds", told, buckets, lateness.total)


def _unreadable(agent: Agent) -> int:
    return sum(bool(watched.told.failures) for watched in agent.watching.devices.values())
