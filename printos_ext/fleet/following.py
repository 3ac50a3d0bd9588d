"""What is in a stream, and what comes: read from its beginning, in order, without anything left out.

The consumer is NATS' and forgets itself. Any doubt is an `OutboxError`, and whoever follows begins anew.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from typing import Any

from attrs import frozen

from .link import Link, LinkError, Msg

BATCH = 500
ASK_EVERY = 10.0  # seconds; NATS answers then although nothing came
GRACE = 3.0
FORGET_AFTER = 30 * 10**9


@frozen
class Arrived:
    """A message of a stream: its number there, and when it was kept, in seconds of the server's clock."""

    number: int
    kept_at: float
    message: Msg


async def all_in(link: Link, stream: str, subject: str) -> AsyncIterator[Arrived]:
    """Yield what is in a stream on a subject."""
    async with aclosing(follow(link, stream, subject)) as coming:
        async for arrived in coming:
            if arrived is None:
                return
            yield arrived


async def follow(link: Link, stream: str, subject: str) -> AsyncGenerator[Arrived | None]:
    """Yield what is in a stream on a subject, then None, one time, and then what comes, for ever."""
    config = {
        "ack_policy": "none",
        "deliver_policy": "all",
        "filter_subject": subject,
        "inactive_threshold": FORGET_AFTER,
        "mem_storage": True,
        "num_replicas": 1,
    }
    made = await link.api(f"CONSUMER.CREATE.{stream}", stream_name=stream, config=config)
    consumer, inbox, queue = made["name"], link.new_inbox(), asyncio.Queue[Msg]()
    subscription = await link.subscribe(inbox, queue.put)
    left = made["num_pending"]
    try:
        if not left:
            yield None
        async for arrived in _pulled(link, f"{stream}.{consumer}", inbox, queue):
            yield arrived
            left -= 1
            if left == 0:
                yield None
    finally:
        await link.unsubscribe(subscription)
        with suppress(LinkError):
            await link.tell(f"$JS.API.CONSUMER.DELETE.{stream}.{consumer}", b"")


async def _pulled(link: Link, where: str, inbox: str, queue: "asyncio.Queue[Msg]") -> AsyncIterator[Arrived]:
    last = 0
    question = json.dumps({"batch": BATCH, "expires": int(ASK_EVERY * 1e9)}).encode()
    while True:
        await link.tell(f"$JS.API.CONSUMER.MSG.NEXT.{where}", question, inbox)
        for got in range(BATCH):
            message = await _next(link, where, queue)
            if _is_over(message, got, where):
                break
            metadata = message.metadata
            if metadata.sequence.consumer != last + 1:
                raise LinkError(f"{where}: something was left out after {last}")
            last += 1
            yield Arrived(metadata.sequence.stream, metadata.timestamp.timestamp(), message)


async def _next(link: Link, where: str, queue: "asyncio.Queue[Msg]") -> Msg:
    try:
        async with asyncio.timeout(ASK_EVERY + GRACE):
            return await queue.get()
    except TimeoutError:
        raise LinkError(f"{link.servers} does not tell any more what comes to {where}") from None


def _is_over(message: Msg, got: int, where: str) -> bool:
    """Tell whether a message says that the time of a question is over; raise if it says anything else."""
    headers: dict[str, Any] = message.headers or {}
    status = headers.get("Status")
    if status is None:
        return False
    left = int(headers.get("Nats-Pending-Messages", BATCH - got))
    if status != "408" or left != BATCH - got:
        raise LinkError(f"{where} ended with {status}, {got} of {BATCH - left} messages were here")
    return True
