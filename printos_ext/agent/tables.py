"""The tables of the agent's configuration: what may stand in each, and what counts if it does not."""

from typing import Any

from attrs import field, frozen

from printos_ext.settings import checked_url, look_up
from printos_ext.sources.opening import shown

from .checks import (
    Check,
    address,
    device_id,
    file,
    file_to_write,
    flag,
    name_of_fleet,
    number,
    one_of,
    outbox,
    readable_from,
    text,
    url,
)


def setting(check: Check, default: Any = None) -> Any:
    """Return a field that is checked so."""
    return field(default=default, metadata={"check": check})


@frozen
class Server:
    """`[printos]`: where to deliver to, and as whom."""

    base_url: str | None = setting(url)
    profile: str | None = setting(text)
    key: str | None = setting(text)
    key_file: str | None = setting(file)
    secret_file: str | None = setting(file)
    login: str | None = setting(text)
    password_file: str | None = setting(file)

    @property
    def url(self) -> str:
        """The server, wherever that is said."""
        found = look_up({"base_url": self.base_url}, profile=self.profile)["base_url"]
        return str(checked_url(str(found.value))).rstrip("/")


@frozen
class Storage:
    """`[outbox]`: where statuses wait, and how many may: in a file, or on NATS."""

    path: str | None = setting(outbox)
    history: bool = setting(flag, default=False)
    max_bytes: int = setting(number(1 << 20, 1 << 50, whole=True), default=1 << 30)
    when_full: str = setting(one_of("refuse", "drop-oldest"), default="refuse")


@frozen
class Nats:
    """`[nats]`: how NATS is used if statuses wait there, and who is let in; files are named, secrets are not."""

    fleet: str = setting(name_of_fleet, default="printos")
    replicas: int = setting(number(1, 5, whole=True), default=1)
    spool: str | None = setting(file_to_write)
    spool_bytes: int = setting(number(1 << 20, 1 << 50, whole=True), default=1 << 30)
    user: str | None = setting(text)
    password_file: str | None = setting(file)
    nkey_file: str | None = setting(file)
    creds_file: str | None = setting(file)
    ca_file: str | None = setting(file)
    cert_file: str | None = setting(file)
    key_file: str | None = setting(file)


@frozen
class Sending:
    """`[delivery]`: how PrintOS is told; seconds."""

    min_interval: float = setting(number(0), default=60.0)
    heartbeat: float = setting(number(0.1), default=300.0)
    concurrency: int = setting(number(1, 1000, whole=True), default=32)
    timeout: float = setting(number(0.1, 30), default=15.0)


@frozen
class Asking:
    """`[reading]`: how devices are asked; seconds."""

    every: float = setting(number(0.1), default=30.0)
    timeout: float = setting(number(0.1, 600), default=20.0)
    failures_until_off: int = setting(number(0, 1000, whole=True), default=3)
    off_when_stopping: bool = setting(flag, default=True)


@frozen
class Process:
    """`[agent]`: the process itself."""

    attached: bool = setting(flag, default=True)
    page: str = setting(address, default="127.0.0.1:9180")
    watchdog: float = setting(number(0.5, 60), default=45.0)


@frozen
class Device:
    """`[[device]]`: a device and the addresses it is read from; its id is looked up if it is not given."""

    sources: tuple[str, ...] = setting(readable_from)
    id: str | None = setting(device_id)
    name: str | None = setting(text)
    model: str | None = setting(text)
    serial_number: str | None = setting(text)
    location: str | None = setting(text)
    every: float = setting(number(0.1), default=30.0)

    @property
    def called(self) -> str:
        """What tells it from the other devices; nothing to be shown."""
        return self.id or self.serial_number or " ".join(self.sources)

    @property
    def shown(self) -> str:
        """What it is called where everybody may read it."""
        return self.id or self.serial_number or ", ".join(map(shown, self.sources))
