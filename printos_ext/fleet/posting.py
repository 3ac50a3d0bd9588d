"""Statuses on their way into the stream: in their order, and each until JetStream says that it has it."""

import asyncio
import hashlib
from collections.abc import Collection

from printos_ext.agent.letters import Status, body_of

from .link import ANSWER_WITHIN, Link, LinkError, number_in
from .names import Names


async def post(link: Link, names: Names, statuses: Collection[Status], *, once: bool = False) -> list[int]:
    """Return the numbers that statuses have in the stream; `OutboxError` if any was not taken, as far as is known.

    Args:
        link: To NATS.
        names: Of the fleet.
        statuses: In the order in which they are put.
        once: Whether a status that was put just before is not put again.
    """
    letters = [(names.status(one.device_id), body_of(one).encode()) for one in statuses]
    answers = [
        await link.begin(subject, body, **({"Nats_Msg_Id": _digest(subject, body)} if once else {}))
        for subject, body in letters
    ]
    if not answers:
        return []
    done, _ = await asyncio.wait(answers, timeout=ANSWER_WITHIN)
    if len(done) < len(answers):
        for answer in answers:
            answer.cancel()
        raise LinkError(f"{link.servers}: no answer within {ANSWER_WITHIN:g} s to {letters[0][0]}")
    return [number_in(await answer) for answer in answers]


def _digest(subject: str, body: bytes) -> str:
    """Return what is the same for a status that is put again, and for no other: the moment is part of it."""
    return hashlib.blake2b(subject.encode() + b"\0" + body, digest_size=12).hexdigest()
