"""Everything a running sandbox holds, made and reset together. Used by one thread: the server's."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from attrs import converters, field, frozen

from .access import Access, Kind
from .behaviours import Switches
from .clock import Clock
from .contract import Contract, bundled
from .faults import Faults
from .journal import Journal
from .operations import Operations
from .schemas import ContractError
from .store import Store

Seed = int | Sequence[Mapping[str, Any]] | None


@frozen(kw_only=True)
class Options:
    """How a sandbox is started.

    Args:
        db: the file that keeps the devices; without one they are gone when the sandbox ends.
        auth: the credentials that are asked for: "hmac", "session" or None.
        min_interval: seconds that must lie between two reports of a device.
        seed: what it begins with, and goes back to when it is reset: a number that ids and chance follow from, or
            devices.
        spec: the document to serve, if it is not the bundled one.
        key: the API key, or the administrator's login.
        secret: the API secret, or the administrator's password.
        without: names of behaviours that are switched off.
        control: whether there is anything under `/__sandbox__/`.
        journal: how many requests are remembered.
        clock_tolerance: seconds that the time of a signature may be off.
        session_seconds: how long a session lasts.
    """

    db: Path | None = field(default=None, converter=converters.optional(Path))
    auth: Kind = "hmac"
    min_interval: float = 0
    seed: Seed = None
    spec: Path | None = field(default=None, converter=converters.optional(Path))
    key: str = "sandbox"
    secret: str = "sandbox-secret"  # noqa: S105 - it guards nothing
    without: tuple[str, ...] = ()
    control: bool = True
    journal: int = 1000
    clock_tolerance: float = 300
    session_seconds: float = 3600


class State:
    """The devices, and what can be controlled."""

    def __init__(self, options: Options) -> None:
        """Read the contract and open the database."""
        self.options = options
        self.clock = Clock()
        self.chance = Random()  # noqa: S311 - a sandbox guards nothing
        self.switches = Switches(options.without)
        self.journal = Journal(options.journal)
        self.faults = Faults(self.chance)
        self.closing = False
        self._watchers: set[asyncio.Event] = set()
        spec = options.spec or bundled()
        try:
            self.contract = Contract(spec.read_bytes())
            self.store = Store(options.db)
            try:
                self._begin()
            except BaseException:
                self.store.close()
                raise
        except ContractError as error:
            raise ContractError(f"cannot serve {spec}: {error}") from error

    def _begin(self) -> None:
        options = self.options
        self.access = Access(
            options.auth,
            options.key,
            options.secret,
            self.clock,
            self.switches,
            self.store,
            self.chance,
            options.clock_tolerance,
            options.session_seconds,
        )
        self.operations = Operations(
            self.contract, self.store, self.access, self.clock, self.switches, self.chance, options.min_interval
        )
        self._seed(is_new=self.store.count() == 0)

    def reset(self) -> None:
        """Go back to the start: no device, session, fault or journal but what the seed says."""
        self.store.clear()
        self.access.sessions.clear()
        self.faults.now.clear()
        self.journal.clear()
        self.clock.reset()
        self.switches.reset()
        self._seed(is_new=True)
        self.touch()

    def _seed(self, *, is_new: bool) -> None:
        seed = self.options.seed
        if isinstance(seed, int):
            self.chance.seed(seed)
        elif seed is not None and is_new:
            self.operations.seed(seed)

    def close_watchers(self) -> None:
        """Send those who watch home."""
        self.closing = True
        self.touch()

    def close(self) -> None:
        """Let go of the database."""
        self.store.close()

    def touch(self) -> None:
        """Tell those who watch that something changed."""
        for watcher in self._watchers:
            watcher.set()

    @contextmanager
    def watched(self) -> Iterator[asyncio.Event]:
        """Give an event that is set whenever something changes."""
        event = asyncio.Event()
        self._watchers.add(event)
        try:
            yield event
        finally:
            self._watchers.discard(event)
