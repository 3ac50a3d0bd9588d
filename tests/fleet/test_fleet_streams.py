"""Streams that an administrator has made: what would lose or forget something is refused by name."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from fleets import SMALL, jetstream, linked
from nats_servers import NatsServer
from outboxes import status

from printos_ext.agent.letters import Letter, OutboxError
from printos_ext.fleet import streams
from printos_ext.fleet.link import RefusedError
from printos_ext.fleet.names import Names
from printos_ext.fleet.outbox import JetStreamOutbox

pytestmark = pytest.mark.anyio


def leases(names: Names) -> dict[str, Any]:
    return streams.leases(names, replicas=1)


def statuses(names: Names) -> dict[str, Any]:
    return streams.statuses(names, history=False, max_bytes=SMALL, replicas=1)


@pytest.mark.parametrize(
    ("stream", "setting", "why"),
    [
        (leases, {"max_msgs": 70}, "its max_msgs is 70"),
        (leases, {"discard": "old"}, "its discard is 'old'"),
        (leases, {"no_ack": True}, "its no_ack is True"),
        (leases, {"max_bytes": -1}, "it has no max_bytes"),
        (leases, {"sources": [{"name": "another"}]}, "its sources is "),
        (leases, {"mirror": {"name": "another"}, "subjects": None}, "its subjects is None|its mirror is "),
        (statuses, {"max_bytes": -1}, "it has no max_bytes"),
        (statuses, {"no_ack": True}, "its no_ack is True"),
    ],
)
async def test_stream_that_would_forget_or_take_all_room_is_refused_by_name(
    nats: NatsServer, tmp_path: Path, stream: Callable[[Names], dict[str, Any]], setting: dict[str, Any], why: str
) -> None:
    made = stream(Names(tmp_path.name))
    async with linked(nats) as link:
        await link.api(f"STREAM.CREATE.{made['name']}", **{**made, **setting})

        with pytest.raises(RefusedError, match=f"stream {made['name']} of .* is of no use: ({why})"):
            await streams.ensure(link, made)


async def test_full_storage_leaves_room_to_lease_and_send_what_waits(tmp_path: Path) -> None:
    own = NatsServer(
        tmp_path, f'jetstream {{ store_dir: "{tmp_path}/store", max_file_store: {40 << 20} }}', has_jetstream=False
    )
    own.start()
    try:
        async with jetstream(own, "f") as outbox:
            big = [status(f"d{number}", more_metrics={"x": "x" * 30_000}) for number in range(1000)]
            with pytest.raises(OutboxError, match="maximum bytes exceeded"):
                await outbox.put(*big)
            letters = [outbox.next(device_id) for device_id in outbox.waiting()]
            assert len(letters) > 500
            for letter in filter(None, letters):
                for _ in range(2):
                    await outbox.lease(letter)
                await outbox.ack(letter)

            assert (await outbox.look())["messages"] == 0
    finally:
        own.kill()


async def test_stream_of_leases_that_is_full_refuses_and_that_is_told(nats: NatsServer, tmp_path: Path) -> None:
    names = Names(tmp_path.name)
    async with linked(nats) as link:
        await streams.ensure(link, {**leases(names), "max_bytes": 30_000})
        async with jetstream(nats, names.fleet) as outbox:
            await outbox.put(*(status(f"d{number}") for number in range(200)))
            letters = filter(None, map(outbox.next, outbox.waiting()))

            with pytest.raises(OutboxError, match="maximum bytes exceeded"):
                await lease_all(outbox, letters)
            assert "maximum bytes exceeded" in (outbox.trouble or "")


async def lease_all(outbox: JetStreamOutbox, letters: Iterable[Letter]) -> None:
    for letter in letters:
        await outbox.lease(letter)
