"""A delivery from a real outbox over real connections to a sandbox, with any clock."""

import asyncio
import datetime as dt
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

from printos_ext.agent.clock import Clock
from printos_ext.agent.configuration import Configuration, parsed
from printos_ext.agent.connection import Connection, access
from printos_ext.agent.delivery import Delivery
from printos_ext.agent.outbox import Outbox, Status
from printos_ext.agent.pacing import Pacing
from printos_ext.sandbox import Sandbox


def fleet(count: int) -> list[dict[str, Any]]:
    """Return devices to seed a sandbox with."""
    return [{"id": f"d{n}", "serialNumber": f"S{n}", "model": "T250"} for n in range(count)]


def status(device: int | str, pages: int, *, at: dt.datetime | None = None) -> Status:
    name = device if isinstance(device, str) else f"d{device}"
    return Status(name, "DS_PRINTING", at or dt.datetime.now(dt.UTC), pages, 42.5)


def configured(sandbox: Sandbox, folder: Path, *, has_session: bool = False, **delivery: Any) -> Configuration:
    """Return a configuration for a sandbox; with a session, the administrator's."""
    keys = {"base_url": sandbox.url, "key": sandbox.key}
    if has_session:
        password = folder / "password"
        password.write_text(sandbox.secret, encoding="utf-8")
        password.chmod(0o600)
        keys = {"base_url": sandbox.url, "login": sandbox.key, "password_file": str(password)}
    tables = {"printos": keys, "delivery": delivery}
    lines = [
        line
        for name, table in tables.items()
        for line in (f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items()))
    ]
    return parsed("\n".join(lines), [], name="agent.toml")


@asynccontextmanager
async def delivering(
    sandbox: Sandbox,
    folder: Path,
    *,
    clock: Clock | None = None,
    history: bool = False,
    min_interval: float = 0,
    concurrency: int = 32,
    timeout: float = 10,  # noqa: ASYNC109 - of each call
    has_session: bool = False,
) -> AsyncIterator[Delivery]:
    """Deliver until the block ends; then finish what is on its way."""
    clock = clock or Clock()
    limits = {"min_interval": min_interval, "concurrency": concurrency, "timeout": timeout}
    configuration = configured(sandbox, folder, has_session=has_session, **limits)
    connection = Connection(access(configuration), clock)
    async with Outbox(folder / "outbox.db", history=history) as outbox:
        pacing = Pacing(min_interval, concurrency, Random(0).random)
        delivery = Delivery(outbox, connection.send, pacing, clock, timeout)
        running = asyncio.create_task(delivery.run())
        try:
            yield delivery
        finally:
            delivery.end()
            await running
            await connection.aclose()


async def emptied(delivery: Delivery, seconds: float = 20) -> None:
    """Wait until nothing is left to be sent."""
    async with asyncio.timeout(seconds):
        while delivery.outbox.counts().waiting or not delivery.is_idle:  # noqa: ASYNC110 - others change it
            await asyncio.sleep(0.005)


def taken(journal: Iterable[dict[str, Any]]) -> dict[str, list[int]]:
    """Return the pages that were reported for each device and taken, in their order."""
    pages: dict[str, list[int]] = defaultdict(list)
    for entry in journal:
        if entry["operation"] == "updateDeviceStatus" and entry["status"] == 200:
            pages[entry["device"]].append(entry["request"]["body"].get("metrics", {}).get("pagesTotal"))
    return dict(pages)


def spacing(journal: Iterable[dict[str, Any]]) -> float:
    """Return the shortest time between two requests for the same device, by the sandbox's clock."""
    moments: dict[str, list[dt.datetime]] = defaultdict(list)
    for entry in journal:
        moments[entry["device"]].append(dt.datetime.fromisoformat(entry["time"]))
    pairs = [(b - a).total_seconds() for times in moments.values() for a, b in pairwise(times)]
    return min(pairs, default=float("inf"))
