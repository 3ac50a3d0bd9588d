"""Which forwarder has which shares: as many as the others, told from who is there alone. No I/O, no clock.

Two who disagree for a moment do no harm: nobody sends without a lease, and NATS gives that to one.
"""

import zlib
from collections.abc import Collection, Iterable

from attrs import define, field

from .names import SHARES

HELLO_EVERY = 1.0  # seconds between two signs of life
GONE_AFTER = 6.0  # without one
SETTLED_AFTER = 2.5  # so long a share must have been mine: by then, whoever had it has heard of me


def shared_out(members: Collection[str]) -> dict[str, set[int]]:
    """Give each share to the member that ranks highest for it and has room; whoever comes or goes moves few."""
    shares: dict[str, set[int]] = {member: set() for member in members}
    most = -(-SHARES // max(1, len(shares)))
    for share in range(SHARES):
        with_room = [member for member in shares if len(shares[member]) < most]
        if with_room:
            shares[max(with_room, key=lambda member: (zlib.crc32(f"{share} {member}".encode()), member))].add(share)
    return shares


@define
class Circle:
    """The forwarders that one of them knows of, itself included; moments are those of its monotonic clock."""

    me: str
    settled_after: float = SETTLED_AFTER
    _heard: dict[str, float] = field(init=False, factory=dict)
    _mine_since: dict[int, float] = field(init=False, factory=dict)

    def hear(self, member: str, now: float) -> bool:
        """Take down that somebody is there; tell whether that is news."""
        is_new = member not in self._heard
        self._heard[member] = now
        return is_new

    def leave(self, members: Iterable[str]) -> None:
        """Take down that somebody has gone."""
        for member in list(members):
            self._heard.pop(member, None)

    def begin(self) -> None:
        """Begin anew: nobody was heard for a while, and whoever is there may have my shares."""
        self._heard.clear()
        self._mine_since.clear()

    def others(self, now: float) -> list[str]:
        """Return who else is there."""
        self.leave([member for member, moment in self._heard.items() if now - moment > GONE_AFTER])
        return [member for member in self._heard if member != self.me]

    def mine(self, now: float) -> set[int]:
        """Return the shares that are mine, and have been for long enough."""
        wanted = shared_out([self.me, *self.others(now)])[self.me]
        self._mine_since = {share: self._mine_since.get(share, now) for share in wanted}
        return {share for share, since in self._mine_since.items() if now - since >= self.settled_after}
