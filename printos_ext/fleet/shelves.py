"""What waits in one share, and who was sent for in it, as a forwarder knows it. No I/O, no clock."""

import asyncio
import datetime as dt
from bisect import insort
from collections.abc import ItemsView

from attrs import define, evolve, field, frozen

from printos_ext.agent.letters import status_of

LATEST = 3600.0  # seconds


@frozen(order=True)
class Kept:
    """A letter: its number, where it is in the stream, and what it says. One that was put back keeps its number."""

    number: int
    place: int
    body: str = field(order=False)


@frozen
class Leased:
    """That a device was sent for: which entry of the stream says so, for which letter, and when that was.

    Attributes:
        place: Where the entry is in the stream.
        number: The number of the letter.
        sent_at: When it was sent at the latest, by the monotonic clock.
        is_mine: Whether it was me.
        observed_at: Of the status that was sent, if it is known.
    """

    place: int
    number: int
    sent_at: float
    is_mine: bool = False
    observed_at: dt.datetime | None = None


@define
class Shelf:
    """One share. Newest wins, unless history counts: then the letters of a device are in the order of their numbers."""

    history: bool
    leases: dict[str, Leased] = field(factory=dict)
    seen: int = 0
    is_complete: bool = False
    _letters: dict[str, list[Kept]] = field(init=False, factory=dict)
    _since: dict[str, float] = field(init=False, factory=dict)
    _waiters: "list[tuple[int, asyncio.Future[None]]]" = field(init=False, factory=list)

    @property
    def waiting(self) -> int:
        """How many letters wait."""
        return sum(map(len, self._letters.values())) if self.history else len(self._letters)

    def since(self) -> ItemsView[str, float]:
        """Return the devices that have a letter, and since when, the one that waits longest first."""
        return self._since.items()

    def first(self, device_id: str) -> Kept | None:
        """Return the letter of a device that is to be sent next."""
        return next(iter(self._letters.get(device_id, ())), None)

    def kept(self, device_id: str, number: int) -> Kept | None:
        """Return the letter of a device that has a number."""
        return next((one for one in self._letters.get(device_id, ()) if one.number == number), None)

    def learn(self, device_id: str, letter: Kept, moment: float) -> None:
        """Take down that a letter has come."""
        self._since.setdefault(device_id, moment)
        letters = self._letters.setdefault(device_id, [])
        if not self.history and letters:
            newest = letters.pop()
            if is_late(observed_at(letter), observed_at(newest)):  # what it has replaced is sent all the same
                letter = evolve(newest, place=letter.place)
        insort(letters, letter)
        self.saw(letter.place)

    def forget(self, device_id: str, number: int, moment: float) -> None:
        """Take down that a letter has gone."""
        letters = [one for one in self._letters.get(device_id, ()) if one.number != number]
        self._letters.pop(device_id, None)
        self._since.pop(device_id, None)
        if letters:  # behind the others, as long as they wait
            self._letters[device_id], self._since[device_id] = letters, moment

    def saw(self, place: int) -> None:
        """Let those know who wait for what is in this place, or before it."""
        self.seen = max(self.seen, place)
        for due, future in self._waiters:
            if due <= self.seen and not future.done():
                future.set_result(None)
        self._waiters = [one for one in self._waiters if not one[1].done()]

    async def has_seen(self, place: int) -> None:
        """Return when what is in this place is known here."""
        if place > self.seen:
            future = asyncio.get_running_loop().create_future()
            self._waiters.append((place, future))
            await future


def observed_at(letter: Kept) -> dt.datetime:
    """Return when a device did what a letter says, by the clock of its site."""
    return status_of("", letter.body).observed_at


def is_late(one: dt.datetime, other: dt.datetime) -> bool:
    """Tell whether one was overtaken on its way; if it is older by more than an hour, its site's clock was set back."""
    seconds = (other.replace(tzinfo=other.tzinfo or dt.UTC) - one.replace(tzinfo=one.tzinfo or dt.UTC)).total_seconds()
    return 0 < seconds <= LATEST
