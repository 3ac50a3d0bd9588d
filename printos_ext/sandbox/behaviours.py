"""What HP's prose and samples say and the contract does not: all of it is here, and each can be switched off.

The page at `/` shows this list; `printos_ext/sandbox/README.md` says the same for people who read.
"""

from collections.abc import Sequence

from attrs import asdict, frozen


@frozen
class Behaviour:
    """Something that a server does although no document says so."""

    name: str
    does: str
    source: str


BEHAVIOURS = (
    Behaviour(
        "credentials",
        "A call without valid credentials is refused with 401: an HMAC signature, or the token of a session.",
        "HP's samples for signing with an API key; HP's device provisioning guide",
    ),
    Behaviour(
        "clock-tolerance",
        "A signature whose time is more than five minutes from the server's is refused with 401.",
        "the time is signed in HP's samples; how much it may be off is our guess",
    ),
    Behaviour(
        "session-expiry",
        "A session ends after an hour: the next call is refused with 401, until the device logs in again.",
        "HP's device provisioning guide; how long a session lasts is our guess",
    ),
    Behaviour(
        "device-sessions",
        "A device's own session reports for that device only, and provisions nothing: 403.",
        "HP's device provisioning guide says who creates a device; the status is our guess",
    ),
    Behaviour(
        "replacement",
        "Provisioning the same model and serial number again replaces the device: it has a new id, the old id is gone.",
        "HP's device provisioning guide",
    ),
    Behaviour(
        "foreign-serial-numbers",
        "A serial number that a device of another organisation has is refused with 409.",
        "HP's device provisioning guide; the status is our guess",
    ),
    Behaviour(
        "min-interval",
        "A device that reports sooner than `--min-interval` seconds after its last report is refused with 429 and "
        "Retry-After. The interval is 0 unless it is set.",
        "HP's best practices ask for one status in one to two minutes; that more is refused is our guess",
    ),
)
NAMES = tuple(behaviour.name for behaviour in BEHAVIOURS)


class Switches:
    """Which behaviours are on."""

    def __init__(self, without: Sequence[str] = ()) -> None:
        """Switch everything on but those."""
        self._without = without
        self._on = dict.fromkeys(NAMES, True)
        self.reset()

    def __getitem__(self, name: str) -> bool:
        """Tell whether a behaviour is on."""
        return self._on[name]

    def __setitem__(self, name: str, on: bool) -> None:
        """Switch a behaviour."""
        if name not in self._on:
            raise ValueError(f"no behaviour is called {name!r}; there are {', '.join(NAMES)}")
        self._on[name] = on

    def told(self) -> list[dict[str, object]]:
        """Return the list, with what is on, for JSON."""
        return [{**asdict(behaviour), "on": self[behaviour.name]} for behaviour in BEHAVIOURS]

    def reset(self) -> None:
        """Go back to the start."""
        for name in NAMES:
            self._on[name] = True
        for name in self._without:
            self[name] = False
