"""What a fleet keeps on NATS: its streams, made if they are missing, and looked at if somebody else has made them."""

import asyncio
from collections.abc import Mapping
from typing import Any

from .link import Link, RefusedError
from .names import Names

DAY = 86_400 * 10**9  # JetStream counts in nanoseconds
DUPLICATES, AT_ONCE = 120 * 10**9, 10 * 10**9
MOST_DEAD = 1000
ROOM = 1 << 24  # bytes: leases of some 50,000 devices
MISSING, NO_STORAGE = 10059, 10047
# nats-server still removes the folder of a stream when it says already that there is none: with it would go the folder
# of one that is made in these seconds, and what was put into it.
UNTIL_REMOVED = 2.0
# What decides whether nothing is lost; all other settings are the administrator's.
VITAL = (
    "subjects",
    "retention",
    "storage",
    "max_age",
    "max_msgs_per_subject",
    "discard",
    "deny_delete",
    "sealed",
    "no_ack",
    "mirror",
    "sources",
)


def statuses(names: Names, *, history: bool, max_bytes: int, replicas: int) -> dict[str, Any]:
    """Return the stream in which statuses wait: one a device, the newest, unless history counts."""
    return {
        "name": names.stream("status"),
        "subjects": [f"{names.fleet}.status.>"],
        "max_msgs_per_subject": -1 if history else 1,
        "max_bytes": max_bytes,
        "discard": "new",  # a full stream refuses: what it does not take stays with the sites
        "duplicate_window": DUPLICATES,
        **_kept(replicas),
    }


def leases(names: Names, *, replicas: int, max_bytes: int = ROOM) -> dict[str, Any]:
    """Return the stream that tells when each device was sent for, for a day.

    NATS sets its bytes aside: however many statuses wait, there is room to lease them.
    """
    return {
        "name": names.stream("lease"),
        "subjects": [f"{names.fleet}.lease.>"],
        "max_msgs_per_subject": 1,
        "max_age": DAY,
        "max_msgs": -1,
        "max_bytes": max(ROOM, max_bytes),
        "duplicate_window": AT_ONCE,
        "discard": "new",  # what is forgotten too early would be sent for too often
        **_kept(replicas),
    }


def dead(names: Names, *, replicas: int) -> dict[str, Any]:
    """Return the stream of what PrintOS refused, the last of it."""
    return {
        "name": names.stream("dead"),
        "subjects": [f"{names.fleet}.dead.>"],
        "max_msgs_per_subject": 1,
        "max_msgs": MOST_DEAD,
        "discard": "old",
        **_kept(replicas),
    }


def asked(names: Names, *, replicas: int) -> dict[str, Any]:
    """Return the stream in which sites ask for devices to be provisioned, each one time."""
    return {
        **_kept(replicas),
        "name": names.stream("provision"),
        "subjects": [f"{names.fleet}.provision.>"],
        "retention": "workqueue",
        "max_msgs_per_subject": 1,
        "discard": "new",
        "duplicate_window": DUPLICATES,
    }


def answers(names: Names, *, replicas: int) -> dict[str, Any]:
    """Return the bucket in which sites find the ids."""
    return {
        "name": names.stream("devices"),
        "subjects": [f"$KV.{names.fleet}-devices.>"],
        "max_msgs_per_subject": 1,
        "discard": "new",
        "allow_rollup_hdrs": True,
        "deny_delete": True,
        **_kept(replicas),
    }


async def ensure(link: Link, wanted: Mapping[str, Any], *, again: bool = False) -> dict[str, Any]:
    """See to it that a stream is there and keeps what it has to, and return what NATS tells of it.

    `RefusedError` says what is wrong with it. If it was there before, and is made `again`, that takes some seconds.
    """
    name = wanted["name"]
    try:
        told = await link.api(f"STREAM.INFO.{name}")
    except RefusedError as error:
        if error.code != MISSING:
            raise
        await asyncio.sleep(UNTIL_REMOVED if again else 0)
        told = await _made(link, wanted)
    there = told["config"]
    for setting in VITAL:
        found, due = there.get(setting), wanted.get(setting)
        is_more = setting == "subjects" and set(due or ()) <= set(found or ())
        if found != due and (found or due) and not is_more:
            raise _of_no_use(link, name, f"its {setting} is {found!r}, not {due!r}")
    if wanted.get("max_msgs") == -1 and there.get("max_msgs", -1) > 0:
        raise _of_no_use(link, name, f"its max_msgs is {there['max_msgs']}, and any number of devices may come")
    if "max_bytes" in wanted and there.get("max_bytes", -1) < 0:
        raise _of_no_use(link, name, "it has no max_bytes, and may take all the room that the others need")
    return told


def _of_no_use(link: Link, name: str, why: str) -> RefusedError:
    told = f"{why}: change it, or name another [nats] fleet"
    return RefusedError(f"stream {name} of {link.servers} is of no use: {told}", 0)


async def _made(link: Link, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Make a stream, and return what NATS tells of it; somebody else may be faster."""
    name = wanted["name"]
    try:
        return await link.api(f"STREAM.CREATE.{name}", **wanted)
    except RefusedError as error:
        try:
            return await link.api(f"STREAM.INFO.{name}")
        except RefusedError:
            hint = ": give [outbox] a smaller max_bytes" if "max_bytes" in wanted and error.code == NO_STORAGE else ""
            raise RefusedError(f"stream {name} of {link.servers} cannot be made: {error}{hint}", error.code) from None


def _kept(replicas: int) -> dict[str, Any]:
    return {"storage": "file", "num_replicas": replicas, "retention": "limits"}
