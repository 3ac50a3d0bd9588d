"""Everything a running sandbox holds, made and reset together. Used by one thread: the server's."""

import asyncio
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from attrs import Attribute, converters, field, frozen, validators

from .access import LOGIN, Access, Kind, is_text
from .behaviours import Switches
from .clock import Clock
from .contract import Contract, bundled
from .faults import Faults
from .journal import Journal
from .operations import Operations
from .schemas import ContractError
from .store import Store

LONGEST = 10**9
Seed = int | Sequence[Mapping[str, Any]] | None


def _seconds(_: object, attribute: "Attribute[Any]", value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LONGEST:
        raise ValueError(f"{attribute.name} must be a number of seconds, not {value!r}")


def _number(_: object, attribute: "Attribute[Any]", value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{attribute.name} must be a whole number from 0, not {value!r}")


def _filled(_: object, attribute: "Attribute[Any]", value: Any) -> None:
    if not (isinstance(value, str) and value.isprintable() and value and is_text(value)):
        raise ValueError(f"{attribute.name} must be a text that can be printed")


def _start(_: object, attribute: "Attribute[Any]", value: Any) -> None:
    if not isinstance(value, int | Sequence | None) or isinstance(value, bool | str | bytes):
        raise TypeError(f"{attribute.name} must be a whole number or a list of devices, not {value!r}")


def _names(_: object, attribute: "Attribute[Any]", value: Any) -> None:
    if isinstance(value, str):
        raise TypeError(f"{attribute.name} must be a list of names, not {value!r}")


@frozen(kw_only=True)
class Options:
    """How a sandbox is started; `Sandbox` says what each is."""

    db: Path | None = field(default=None, converter=converters.optional(Path))
    auth: Kind = field(default="hmac", validator=validators.in_(["hmac", "session", None]))
    min_interval: float = field(default=0, validator=_seconds)
    seed: Seed = field(default=None, validator=_start)
    spec: Path | None = field(default=None, converter=converters.optional(Path))
    key: str = field(default="sandbox", validator=_filled)
    secret: str = field(default="sandbox-secret", validator=_filled)
    without: Sequence[str] = field(default=(), validator=_names)
    control: bool = True
    journal: int = field(default=1000, validator=_number)
    clock_tolerance: float = field(default=300, validator=_seconds)
    session_seconds: float = field(default=3600, validator=_seconds)


class State:
    """The devices, and what can be controlled."""

    def __init__(self, options: Options) -> None:
        """Read the contract and open the database."""
        self.options = options
        self.clock = Clock()
        self.chance = Random()  # noqa: S311 - a sandbox guards nothing
        self.switches = Switches(options.without)
        self.journal = Journal(options.journal)
        self.ends = asyncio.Event()
        self._watchers: set[asyncio.Event] = set()
        spec = options.spec or bundled()
        try:
            self.contract = Contract(spec.read_bytes())
            self.faults = Faults(self.chance, [LOGIN.name, *(operation.name for operation in self.contract.operations)])
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
        self.faults.clear()
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
        self.ends.set()
        self.touch()

    def close(self) -> None:
        """Let go of the database."""
        self.store.close()

    async def wait(self, seconds: float) -> None:
        """Wait so long, or until the sandbox ends."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.ends.wait(), seconds)

    def touch(self) -> None:
        """Tell those who watch that something changed."""
        for watcher in self._watchers:
            watcher.set()

    @contextlib.contextmanager
    def watched(self) -> Iterator[asyncio.Event]:
        """Give an event that is set whenever something changes."""
        event = asyncio.Event()
        self._watchers.add(event)
        try:
            yield event
        finally:
            self._watchers.discard(event)
