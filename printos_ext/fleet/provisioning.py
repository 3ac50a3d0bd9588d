"""The forwarders' side of provisioning: one of them takes each device that is asked for, and answers in the bucket.

A forwarder that dies in the middle has done no harm: the next one looks whether PrintOS knows the device by now.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Self

from printos_ext.agent.events import event
from printos_ext.agent.letters import OutboxError
from printos_ext.agent.verdicts import Failure, verdict
from printos_ext.errors import PrintOSError

from . import streams
from .asking import answer_in
from .link import Link, Msg
from .names import NOT_UNDERSTOOD, Names

CONSUMER = "forwarders"
ASKED = ("model", "serial_number", "location", "instead_of")
WAIT, LONGEST_CALL = 4.0, 120.0  # seconds
AGAIN_AFTER = 30.0

# Gives the id of a device by model, serial number and location, and provisions it if PrintOS does not know it.
Register = Callable[[str, str, str | None], Awaitable[str]]


class Provisioning:
    """Registers what is asked for, one device at a time, from `async with` on."""

    def __init__(self, link: Link, names: Names, register: Register, *, replicas: int = 1) -> None:
        """Take what registers."""
        self._link, self._names, self._register = link, names, register
        self._streams = [streams.asked(names, replicas=replicas), streams.answers(names, replicas=replicas)]

    async def __aenter__(self) -> Self:
        """Begin."""
        self._link.on_up.append(self._prepare)
        if self._link.is_up:
            await self._prepare()
        self._serving = asyncio.create_task(self._serve())
        return self

    async def __aexit__(self, *_: object) -> None:
        """End: what is not answered is for another forwarder."""
        self._serving.cancel()
        await asyncio.gather(self._serving, return_exceptions=True)
        self._link.on_up.remove(self._prepare)

    async def _prepare(self) -> None:
        for wanted in self._streams:
            await streams.ensure(self._link, wanted)
        stream = self._names.stream("provision")
        config = {"durable_name": CONSUMER, "ack_policy": "explicit", "ack_wait": int(LONGEST_CALL * 1e9)}
        self._inbox, self._questions = self._link.new_inbox(), asyncio.Queue[Msg]()
        await self._link.subscribe(self._inbox, self._questions.put)
        await self._link.api(f"CONSUMER.DURABLE.CREATE.{stream}.{CONSUMER}", stream_name=stream, config=config)

    async def _serve(self) -> None:
        while True:
            try:
                asked = await self._next()
                if asked and "Status" not in (asked.headers or {}):
                    await self._answer(asked)
            except OutboxError:
                await asyncio.sleep(1.0)  # NATS is away: what was asked is told again when it is back
            except Exception as error:  # noqa: BLE001 - whatever it is, the others want an id, too
                event("stumbled", error=repr(error), level="error", trace=error)
                await asyncio.sleep(1.0)

    async def _next(self) -> Msg | None:
        """Return a question, if there is one soon."""
        question = json.dumps({"batch": 1, "expires": int(WAIT * 1e9)}).encode()
        where = f"$JS.API.CONSUMER.MSG.NEXT.{self._names.stream('provision')}.{CONSUMER}"
        await self._link.tell(where, question, self._inbox)
        with suppress(TimeoutError):
            async with asyncio.timeout(WAIT + 1.0):
                return await self._questions.get()
        return None

    async def _answer(self, asked: Msg) -> None:
        key = asked.subject.rpartition(".")[2]
        try:
            what = json.loads(asked.data)
            model, serial_number, location, instead_of = (what.get(name) for name in ASKED)
        except NOT_UNDERSTOOD:
            event("not understood", subject=asked.subject, level="warning")
            await self._link.tell(asked.reply, b"+TERM")
            return
        known = await answer_in(self._link, self._names, key)
        if known is None or known.get("id") in {None, instead_of}:
            try:
                async with asyncio.timeout(LONGEST_CALL / 2):
                    answer = {"id": await self._register(model, serial_number, location)}
                event("provisioned", model=model, serial_number=serial_number, device=answer["id"])
            except (PrintOSError, TimeoutError) as error:
                event("not provisioned", model=model, serial_number=serial_number, error=str(error), level="error")
                if not _is_for_good(error):
                    again = json.dumps({"delay": int(AGAIN_AFTER * 1e9)})
                    await self._link.tell(asked.reply, f"-NAK {again}".encode())
                    return
                answer = {"error": str(error)}
            told = {"model": model, "serial_number": serial_number, "instead_of": instead_of, **answer}
            await self._link.put(self._names.answer(key), json.dumps(told).encode())
        await self._link.tell(asked.reply, b"+ACK")


def _is_for_good(error: Exception) -> bool:
    """Tell whether asking PrintOS again would be answered alike."""
    if not isinstance(error, PrintOSError):
        return False
    judged = verdict(error)
    return not isinstance(judged, Failure) or judged.concerns_one
