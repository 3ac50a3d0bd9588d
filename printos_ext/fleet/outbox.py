"""Statuses that are on their way to PrintOS, on NATS JetStream: the promises of the agent's outbox, for a whole fleet.

A stream holds what waits: whoever puts a status replaces the device's older one, and to acknowledge it deletes it
there. What is to be sent next is in memory, for the shares that are attended.
"""

import asyncio
import base64
import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

from printos_ext.agent.events import event
from printos_ext.agent.letters import (
    LONGEST_REASON,
    Counts,
    DeadLetter,
    Letter,
    NotLeasedError,
    OutboxError,
    Status,
    body_of,
    status_of,
)

from . import streams
from .attending import NUMBER, Attending
from .link import ANSWER_WITHIN, NOT_FOUND, WRONG_LAST, Link, RefusedError, document_in
from .names import Names
from .posting import post
from .refused import Refused
from .shelves import Leased, is_late

LONGEST_LEASE = 2.0  # seconds: an answer that took longer may be as old as that


class JetStreamOutbox:
    """Used from one event loop. Any number of processes put; each gives out what is in the shares that it attends.

    `put` returns when JetStream has the status. A letter that was not acknowledged when a forwarder died is given out
    by the next one. Who leases a letter is the only one who sends for its device. What cannot be done is an
    `OutboxError`: of several statuses some may have been taken then.
    """

    def __init__(
        self,
        link: Link,
        names: Names,
        *,
        history: bool = False,
        max_bytes: int = 1 << 30,
        replicas: int = 1,
        min_interval: float = 0.0,
        longest_call: float = 0.0,
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        """Name the link; with `history` every status is kept, and given out in order.

        Args:
            link: To NATS; it is opened by whoever made it.
            names: Of the fleet.
            history: Whether every status counts, or only the newest of a device.
            max_bytes: What the stream may hold, if it has to be made, and as much for leases; a full one refuses.
            replicas: Of the streams, if they have to be made.
            min_interval: For so many seconds after another has sent for a device nobody is given a lease.
            longest_call: For so many seconds after it was given a lease another may still be sending.
            clock: What time it is when PrintOS refuses a letter.
        """
        self.link, self.names, self.min_interval = link, names, min_interval
        self.attending = Attending(link, names, history=history, longest_call=longest_call)
        self.redelivered = self.late = 0
        self.trouble: str | None = None  # why NATS takes no leases, if it does not
        self._refused = Refused(link, names)
        self._history, self._clock, self._size = history, clock, 0
        self._streams = [
            streams.statuses(names, history=history, max_bytes=max_bytes, replicas=replicas),
            streams.leases(names, max_bytes=max_bytes, replicas=replicas),
            streams.dead(names, replicas=replicas),
        ]

    async def __aenter__(self) -> Self:
        """See to it that the streams are there, now and whenever NATS comes back."""
        self.link.on_up.append(self._prepare)
        self.link.on_down.append(self._leave)
        if self.link.is_up:
            await self._prepare()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Give up all shares."""
        self.link.on_up.remove(self._prepare)
        self.link.on_down.remove(self._leave)
        await self.attending.aclose()

    async def put(self, *statuses: Status) -> None:
        """Return when JetStream has the statuses."""
        numbers = await post(self.link, self.names, statuses)
        for status, number in zip(statuses, numbers, strict=True):
            await self._seen(status.device_id, number)

    def waiting(self) -> Iterator[str]:
        """Yield the devices that have a letter waiting, the one that waits longest first: between shares, about so."""
        since = {device_id: moment for shelf in self.attending.shelves() for device_id, moment in shelf.since()}
        return iter(sorted(since, key=since.__getitem__))

    def next(self, device_id: str) -> Letter | None:
        """Return the letter of a device that is to be sent next: the newest, or with history the oldest."""
        shelf = self.attending.shelf_of(device_id)
        kept = shelf.first(device_id) if shelf else None
        return Letter(kept.number, status_of(device_id, kept.body)) if kept else None

    async def lease(self, letter: Letter) -> None:
        """Be the one who sends for the device from here on; `NotLeasedError` if another is, was, or may be."""
        device_id, begun = letter.status.device_id, self.attending.monotonic()
        shelf = self.attending.shelf_of(device_id)
        if shelf is None:
            raise NotLeasedError("another forwarder has the share of this device by now")
        before = shelf.leases.get(device_id)
        if before and not before.is_mine and begun < before.sent_at + self.min_interval:
            raise NotLeasedError("another forwarder has sent for this device less than min_interval ago")
        await self._refuse_late(letter, before)
        try:
            place = await self._lease(letter, str(before.place if before else 0))
        except OutboxError as error:
            if isinstance(error, RefusedError):
                self._not_leased(device_id, error)
            raise NotLeasedError(f"no lease for this device: {error}") from error
        if self.attending.shelf_of(device_id) is not shelf or self.attending.monotonic() - begun > LONGEST_LEASE:
            raise NotLeasedError("NATS took too long: another forwarder may have sent for this device by now")
        self.trouble = None
        self.redelivered += before is not None and before.number == letter.number
        shelf.leases[device_id] = Leased(
            place, letter.number, begun, is_mine=True, observed_at=letter.status.observed_at
        )

    def leased(self) -> Mapping[str, float]:
        """Return for each device of these shares that was sent for within a day how many seconds ago that was."""
        now, shelves = self.attending.monotonic(), self.attending.shelves()
        return {name: max(0.0, now - one.sent_at) for shelf in shelves for name, one in shelf.leases.items()}

    async def ack(self, *letters: Letter) -> None:
        """Say that PrintOS has taken letters."""
        await asyncio.gather(*map(self._remove, letters))

    async def bury(self, letter: Letter, reason: str) -> None:
        """Say that PrintOS refuses a letter for good."""
        text = reason[:LONGEST_REASON].encode(errors="backslashreplace").decode()
        await self._refused.add(DeadLetter(letter.number, letter.status, text, self._clock()))
        await self._remove(letter)

    def counts(self) -> Counts:
        """Return how full it is: what waits in these shares, and the bytes of all."""
        waiting = sum(shelf.waiting for shelf in self.attending.shelves())
        return Counts(waiting=waiting, dead=len(self._refused), dropped=0, size_bytes=self._size)

    def dead(self) -> list[DeadLetter]:
        """Return what PrintOS refused, the oldest first."""
        return self._refused.all()

    async def retry(self, number: int) -> None:
        """Put a dead letter back, unless the device has a newer status waiting: `OutboxError`."""
        dead, _ = self._refused.known(number)
        device_id = dead.status.device_id
        headers = {NUMBER.replace("-", "_"): str(number)}
        newer = OutboxError(f"letter {number} stays dead: a newer one of device {device_id} waits; drop this one")
        if not self._history:
            place, waiting = await self._last(device_id)
            if waiting > number:
                raise newer
            headers["Nats_Expected_Last_Subject_Sequence"] = str(place)
        try:
            put = await self.link.put(self.names.status(device_id), body_of(dead.status).encode(), **headers)
        except RefusedError as error:
            raise newer if error.code == WRONG_LAST else error from None
        await self._seen(device_id, put)
        await self.drop(number)

    async def drop(self, number: int) -> None:
        """Forget a dead letter."""
        await self._refused.drop(number)

    async def look(self) -> Mapping[str, Any]:
        """Return the state of the stream: how many letters wait in all shares, and their bytes.

        A stream that somebody has deleted is made again.
        """
        return await self._looked(again=True)

    async def _looked(self, *, again: bool) -> Mapping[str, Any]:
        states: list[dict[str, Any]] = [
            (await streams.ensure(self.link, one, again=again))["state"] for one in self._streams
        ]
        state, _, dead = states
        self._size = state["bytes"]
        if dead["messages"] != len(self._refused):  # somebody else has buried some, or dropped them
            await self._refused.read()
        return state

    async def _prepare(self) -> None:
        await self._looked(again=False)

    def _leave(self) -> None:
        """Know nothing any more: others may attend the shares, and NATS may come back with something else."""
        self.attending.only(())

    def _not_leased(self, device_id: str, error: RefusedError) -> None:
        """Learn who has the device if another was faster; anything else keeps all statuses back, and is told once."""
        if error.code == WRONG_LAST:
            self.attending.doubt(device_id)
        elif self.trouble != str(error):
            self.trouble = str(error)
            event("not leased", device=device_id, error=self.trouble, level="error")

    async def _refuse_late(self, letter: Letter, before: Leased | None) -> None:
        """Delete a letter that was overtaken on its way: a newer one was sent. With history, each counts."""
        device_id, newer = letter.status.device_id, before.observed_at if before else None
        if self._history or newer is None or not is_late(letter.status.observed_at, newer):
            return
        shelf = self.attending.shelf_of(device_id)
        kept = shelf.kept(device_id, letter.number) if shelf else None
        if kept and kept.place != kept.number:  # somebody has put it back, to have it sent
            return
        await self._remove(letter)
        self.late += 1
        event("late", device=device_id, observed_at=str(letter.status.observed_at), sent=str(newer), level="warning")
        raise NotLeasedError("it came late: a newer status of this device was sent")

    async def _lease(self, letter: Letter, known: str) -> int:
        """Write a lease in place of the one that is known, and return its place; only one of several can."""
        subject, entry = (
            self.names.lease(letter.status.device_id),
            f"{letter.number} {self.attending.me} {letter.status.observed_at.isoformat()}".encode(),
        )
        # A cluster takes what two expect alike at the same moment from both; of the same message it takes one.
        headers = {"Nats_Expected_Last_Subject_Sequence": known, "Nats_Msg_Id": f"{subject} {known}"}
        answer = document_in(await self.link.ask(subject, entry, **headers))
        if answer.get("duplicate"):
            raise RefusedError("another was faster", WRONG_LAST)
        return int(answer["seq"])

    async def _seen(self, device_id: str, number: int) -> None:
        """Return when what was put is also given out here, if it will be."""
        if (shelf := self.attending.shelf_of(device_id)) is not None:
            async with asyncio.timeout(ANSWER_WITHIN):
                await shelf.has_seen(number)

    async def _remove(self, letter: Letter) -> None:
        """Delete a letter; numbers begin anew with a stream that was made anew, so what it says has to be the same."""
        device_id = letter.status.device_id
        shelf = self.attending.shelf_of(device_id)
        kept = shelf.kept(device_id, letter.number) if shelf else None
        place = kept.place if kept else letter.number
        body = kept.body if kept else await self._body_at(place, device_id)
        if body is None or status_of(device_id, body) != letter.status:
            return
        await self.link.delete(self.names.stream("status"), place)
        if shelf and kept:
            shelf.forget(device_id, letter.number, self.attending.monotonic())

    async def _body_at(self, place: int, device_id: str) -> str | None:
        """Return what is said of a device in a place of the stream; None if nothing is."""
        try:
            found = await self.link.api(f"STREAM.MSG.GET.{self.names.stream('status')}", seq=place)
        except RefusedError as error:
            if error.code in NOT_FOUND:
                return None
            raise
        message = found["message"]
        is_of_device = message["subject"] == self.names.status(device_id)
        return base64.b64decode(message.get("data", "")).decode(errors="replace") if is_of_device else None

    async def _last(self, device_id: str) -> tuple[int, int]:
        """Return the place and the number of what waits of a device; zeros if nothing does."""
        stream, subject = self.names.stream("status"), self.names.status(device_id)
        try:
            found = await self.link.api(f"STREAM.MSG.GET.{stream}", last_by_subj=subject)
        except RefusedError as error:
            if error.code in NOT_FOUND:
                return 0, 0
            raise
        place = found["message"]["seq"]
        shelf = self.attending.shelf_of(device_id)
        kept = shelf.first(device_id) if shelf else None
        return place, kept.number if kept and kept.place == place else place
