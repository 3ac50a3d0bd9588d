"""What PrintOS refused for good, in a stream of its own: each letter by its number, with the reason."""

import datetime as dt
import json

from printos_ext.agent.events import event
from printos_ext.agent.letters import DeadLetter, OutboxError, body_of, status_of

from .following import Arrived, all_in
from .link import Link
from .names import NOT_UNDERSTOOD, Names


class Refused:
    """The dead letters, as they were when the link came up and as they were changed here."""

    def __init__(self, link: Link, names: Names) -> None:
        """Name the link; nothing is read yet."""
        self._link, self._names = link, names
        self._letters: dict[int, tuple[DeadLetter, int]] = {}  # each with its place in the stream

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._letters)

    def all(self) -> list[DeadLetter]:
        """Return the letters, the oldest first."""
        return [self._letters[number][0] for number in sorted(self._letters)]

    def known(self, number: int) -> tuple[DeadLetter, int]:
        """Return a letter and its place, or say that there is none."""
        if number not in self._letters:
            raise OutboxError(f"{self._names.stream('dead')} of {self._link.servers} has no dead letter {number}")
        return self._letters[number]

    async def read(self) -> None:
        """Learn all that are there."""
        self._letters = {}
        async for one in all_in(self._link, self._names.stream("dead"), f"{self._names.fleet}.dead.>"):
            try:
                self._learn(one)
            except NOT_UNDERSTOOD:
                event("not understood", subject=one.message.subject, level="warning")

    async def add(self, dead: DeadLetter) -> None:
        """Keep a letter, safely when this returns."""
        written = {
            "device_id": dead.status.device_id,
            "body": body_of(dead.status),
            "reason": dead.reason,
            "refused_at": dead.refused_at.isoformat(),
        }
        place = await self._link.put(self._names.dead(dead.number), json.dumps(written).encode())
        self._letters[dead.number] = dead, place

    async def drop(self, number: int) -> None:
        """Forget a letter."""
        _, place = self.known(number)
        await self._link.delete(self._names.stream("dead"), place)
        self._letters.pop(number, None)

    def _learn(self, one: Arrived) -> None:
        number = int(one.message.subject.rpartition(".")[2])
        said = json.loads(one.message.data)
        status, refused_at = status_of(said["device_id"], said["body"]), dt.datetime.fromisoformat(said["refused_at"])
        self._letters[number] = DeadLetter(number, status, said["reason"], refused_at), one.number
