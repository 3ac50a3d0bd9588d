"""The whole fleet at a glance: what waits on NATS, and which forwarders are there. Reads, and changes nothing."""

import asyncio
import datetime as dt
from typing import Any

from printos_ext.agent.configuration import Configuration

from .link import NOT_FOUND, Link, Msg, RefusedError
from .names import Names
from .opening import UP_WITHIN
from .presence import said_in
from .sharing import HELLO_EVERY

EVERYBODY = 1.5 * HELLO_EVERY  # seconds
FIGURES = ("shares", "devices", "waiting", "oldest", "rate", "taken", "refused", "failed", "redelivered")


async def fleet_status(configuration: Configuration, now: dt.datetime) -> dict[str, Any]:
    """Return devices, what waits, since when, how many are sent a second, and by whom."""
    names = Names(configuration.nats.fleet)
    async with Link(configuration.on_nats or "", configuration.nats) as link:
        await link.up(UP_WITHIN)
        forwarders = await _forwarders(link, names)
        waits, dead, asked = [await _state(link, names.stream(what)) for what in ("status", "dead", "provision")]
    return {
        "devices": sum(one["devices"] for one in forwarders),
        "pending": waits.get("messages", 0),
        "oldest_seconds": _age(waits, now) if waits.get("messages") else 0.0,
        "rate": round(sum(one["rate"] for one in forwarders), 1),
        "bytes": waits.get("bytes", 0),
        "refused": dead.get("messages", 0),
        "to_provision": asked.get("messages", 0),
        "forwarders": forwarders,
    }


async def _forwarders(link: Link, names: Names) -> list[dict[str, Any]]:
    """Listen for as long as it takes each forwarder to say that it is there."""
    heard: dict[str, dict[str, Any]] = {}

    async def hear(message: Msg) -> None:
        said = said_in(message)
        if said and "bye" not in said:
            heard[said["id"]] = {name: said.get(name) for name in ("id", "host", "pid", "version")} | {
                name: said.get(name) or 0 for name in FIGURES
            }

    await link.subscribe(names.hello, hear)
    await asyncio.sleep(EVERYBODY)
    if link.is_up and link.why_down:  # it was not let hear them
        raise RefusedError(f"{link.servers}: {link.why_down}: look as a user of the forwarders", 0)
    return sorted(heard.values(), key=lambda one: (str(one["host"]), one["pid"]))


async def _state(link: Link, stream: str) -> dict[str, Any]:
    """Return the state of a stream; one that was not made yet holds nothing."""
    try:
        state: dict[str, Any] = (await link.api(f"STREAM.INFO.{stream}"))["state"]
    except RefusedError as error:
        if error.code in NOT_FOUND:
            return {}
        raise
    return state


def _age(state: dict[str, Any], now: dt.datetime) -> float:
    """Return how long ago the first message was kept, by the clock of the server and ours."""
    kept_at = dt.datetime.fromisoformat(state["first_ts"][:19] + "+00:00")  # to the second: it has nine digits more
    return round(max(0.0, (now - kept_at).total_seconds()), 1)
