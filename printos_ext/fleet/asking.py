"""Ids of devices that PrintOS may not know yet: sites ask, a forwarder answers in a bucket, each device one time."""

import asyncio
import base64
import json
import time
from collections.abc import Callable
from typing import Any

from printos_ext.agent.letters import OutboxError
from printos_ext.sources.reading import SourceError

from .link import NOT_FOUND, Link, RefusedError
from .names import NOT_UNDERSTOOD, Names, key_of

ASKED_AGAIN_AFTER = 3600.0  # seconds, if PrintOS has refused a device
ANSWERED_WITHIN, LOOK_EVERY = 3.0, 0.25


async def answer_in(link: Link, names: Names, key: str) -> dict[str, Any] | None:
    """Return what the bucket says of a device: `id`, or `error`; None if nobody has asked yet, or answered."""
    try:
        found = await link.api(f"STREAM.MSG.GET.{names.stream('devices')}", last_by_subj=names.answer(key))
    except RefusedError as error:
        if error.code in NOT_FOUND:
            return None
        raise
    try:
        answer = json.loads(base64.b64decode(found["message"].get("data", "")))
    except NOT_UNDERSTOOD:
        return None
    return answer if isinstance(answer, dict) and answer.keys() & {"id", "error"} else None


class Asking:
    """What a site knows of the ids of its devices."""

    def __init__(self, link: Link, names: Names, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Name the link; nobody is asked yet."""
        self._link, self._names, self._monotonic = link, names, monotonic
        self._asked_at: dict[str, float] = {}
        self._gone: set[str] = set()

    def disown(self, device_id: str) -> None:
        """Ask again for what has this id: PrintOS does not know it any more."""
        self._gone.add(device_id)

    async def id_of(self, model: str, serial_number: str, location: str | None) -> str:
        """Return the id of a device; `SourceError` if it has none yet, or will have none."""
        key = key_of(model, serial_number)
        called = f"{model} {serial_number}"
        try:
            answer = await answer_in(self._link, self._names, key)
            before = answer
            if not self._is_good(answer):
                what = {"model": model, "serial_number": serial_number, "location": location}
                await self._ask_once(key, what, (answer or {}).get("id"))
                answer = await self._answered(key, before)
        except OutboxError as error:
            raise SourceError(f"{called}: its id cannot be asked for: {error}") from None
        if answer and "id" in answer and (answer != before or self._is_good(answer)):
            self._gone.discard(answer["id"])
            return str(answer["id"])
        why = (
            f"PrintOS refused it: {answer['error']}"
            if answer and "error" in answer
            else "a forwarder was asked for one"
        )
        raise SourceError(f"{called} has no id: {why}")

    def _is_good(self, answer: dict[str, Any] | None) -> bool:
        return answer is not None and "id" in answer and answer["id"] not in self._gone

    async def _ask_once(self, key: str, what: dict[str, str | None], instead_of: str | None) -> None:
        """Ask for an id, and after a while again; one that is gone is named, so that another is looked for."""
        number = f"{key} {instead_of}" if instead_of else key
        if self._monotonic() - self._asked_at.get(number, float("-inf")) < ASKED_AGAIN_AFTER:
            return
        question = json.dumps({**what, "instead_of": instead_of}).encode()
        await self._link.put(self._names.asked(key), question, Nats_Msg_Id=number)
        self._asked_at[number] = self._monotonic()

    async def _answered(self, key: str, before: dict[str, Any] | None) -> dict[str, Any] | None:
        """Return a new answer, if it comes soon."""
        ends = self._monotonic() + ANSWERED_WITHIN
        answer = before
        while answer == before and self._monotonic() < ends:
            await asyncio.sleep(LOOK_EVERY)
            answer = await answer_in(self._link, self._names, key)
        return answer
