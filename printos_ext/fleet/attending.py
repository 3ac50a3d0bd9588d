"""The shares that a forwarder attends: who was sent for in them, what waits, and what comes."""

import asyncio
import datetime as dt
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import aclosing
from itertools import islice
from uuid import uuid4

from printos_ext.agent.events import event
from printos_ext.agent.letters import OutboxError, status_of

from .following import Arrived, all_in, follow
from .link import Link
from .names import NOT_UNDERSTOOD, Names, device_of, share_of
from .shelves import Kept, Leased, Shelf

AGAIN_AFTER = 1.0  # seconds
NUMBER = "Printos-Number"  # of a letter that was put back

Tell = Callable[[Collection[str], Mapping[str, float]], None]


class Attending:
    """What is known of the shares that are attended; whenever it is in doubt, it is learnt anew."""

    def __init__(
        self,
        link: Link,
        names: Names,
        *,
        history: bool,
        longest_call: float = 0.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Attend none yet; others may send for so long after they have leased a letter."""
        self.longest_call = longest_call
        self.me = uuid4().hex[:8]
        self.tell: Tell = lambda *_: None  # which devices have a letter now, and how long ago others were sent for
        self._link, self._names, self._history, self.monotonic = link, names, history, monotonic
        self._shelves: dict[int, Shelf] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def only(self, shares: Collection[int]) -> None:
        """Attend these shares, and no others."""
        for share in set(self._tasks) - set(shares):
            self._leave(share)
        for share in set(shares) - set(self._tasks):
            self._tasks[share] = asyncio.create_task(self._attend(share))

    async def aclose(self) -> None:
        """Attend none, and leave nothing behind."""
        tasks = list(self._tasks.values())
        self.only(())
        await asyncio.gather(*tasks, return_exceptions=True)

    def shelf_of(self, device_id: str) -> Shelf | None:
        """Return what is known of the share of a device, if it is attended."""
        return self._shelves.get(share_of(device_id))

    def shelves(self) -> list[Shelf]:
        """Return what is known of all shares that are attended."""
        return list(self._shelves.values())

    @property
    def is_incomplete(self) -> bool:
        """Whether there are shares to attend, and of none is known yet all that waits."""
        return bool(self._tasks) and not any(shelf.is_complete for shelf in self.shelves())

    def oldest(self) -> float:
        """Return for how many seconds the device that waits longest does so."""
        since = [moment for shelf in self.shelves() for _, moment in islice(shelf.since(), 1)]
        return max(0.0, self.monotonic() - min(since)) if since else 0.0

    def doubt(self, device_id: str) -> None:
        """Begin the share of a device anew: what is known of it is not what is true."""
        share = share_of(device_id)
        if share in self._tasks:
            self._leave(share)
            self._tasks[share] = asyncio.create_task(self._attend(share))

    def _leave(self, share: int) -> None:
        self._tasks.pop(share).cancel()
        self._shelves.pop(share, None)

    async def _attend(self, share: int) -> None:
        while True:
            shelf = Shelf(self._history)
            try:
                await self._fill(share, shelf)
            except Exception as error:  # noqa: BLE001 - whatever it is, a share is not left alone
                is_ours = isinstance(error, OutboxError)
                event("share in doubt", share=share, error=str(error), level="warning", trace=not is_ours)
            finally:
                if self._shelves.get(share) is shelf:
                    del self._shelves[share]
            await asyncio.sleep(AGAIN_AFTER)

    async def _fill(self, share: int, shelf: Shelf) -> None:
        """Learn who was sent for, and then what waits and what comes."""
        ahead = await self._learn_leases(share, shelf)
        self._shelves[share] = shelf
        now = self.monotonic()
        self.tell((), {name: now - one.sent_at for name, one in shelf.leases.items() if not one.is_mine})
        stream, subject = self._names.stream("status"), self._names.all_of("status", share)
        async with aclosing(follow(self._link, stream, subject)) as coming:
            async for one in coming:
                if one is None:
                    shelf.is_complete = True
                    continue
                if (letter := _letter_in(one, self._names, share)) is not None:
                    device_id = device_of(one.message.subject)
                    shelf.learn(device_id, letter, one.kept_at - ahead)
                    self.tell((device_id,), {})

    async def _learn_leases(self, share: int, shelf: Shelf) -> float:
        """Return by how much the server's clock is ahead of ours: a mark among the leases tells what it says now."""
        mark, ahead, found = self._names.mark(share), 0.0, []
        await self._link.put(mark, self.me.encode())
        async for one in all_in(self._link, self._names.stream("lease"), self._names.all_of("lease", share)):
            if one.message.subject == mark:
                ahead = one.kept_at - self.monotonic()
            else:
                found.append(one)
        for one in found:
            number, who, observed_at = lease_in(one.message.data)
            moment, is_mine = min(one.kept_at - ahead, self.monotonic()), who == self.me  # a clock may be set back
            sent_at = moment if is_mine else moment + self.longest_call
            shelf.leases[device_of(one.message.subject)] = Leased(one.number, number, sent_at, is_mine, observed_at)
        return ahead


def lease_in(lease: bytes) -> tuple[int, str, dt.datetime | None]:
    """Return which letter a lease is for, who has it, and from when its status is, as far as it tells."""
    number, who, moment, *_ = [*lease.decode(errors="replace").split(" "), "", "", ""]
    try:
        observed_at = dt.datetime.fromisoformat(moment)
    except ValueError:
        observed_at = None
    is_zoned = observed_at is not None and observed_at.tzinfo is not None
    return int(number) if number.isdecimal() else 0, who, observed_at if is_zoned else None


def _letter_in(one: Arrived, names: Names, share: int) -> Kept | None:
    """Return a letter, unless somebody else has put something on its subject that is none; that stays where it is."""
    try:
        device_id, body = device_of(one.message.subject), one.message.data.decode()
        status_of(device_id, body)
        if share_of(device_id) == share and one.message.subject == names.status(device_id):
            return Kept(int((one.message.headers or {}).get(NUMBER, one.number)), one.number, body)
    except NOT_UNDERSTOOD:
        pass
    event("not understood", subject=one.message.subject, level="warning")
    return None
