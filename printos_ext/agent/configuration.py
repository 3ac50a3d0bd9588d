"""The agent's configuration, a TOML file: all of it is checked before any of it is used, with the line and the key.

No secret need be in the file itself: it names files that hold them, or the environment does.
"""

import os
import stat
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import attrs
from attrs import Factory, fields, frozen

from printos_ext import files
from printos_ext.errors import ConfigurationError
from printos_ext.sources.opening import shown

from .attached import Attached, state_file
from .checks import NATS, SQLITE, outbox
from .places import line_of
from .tables import Asking, Device, Nats, Process, Sending, Server, Storage

__all__ = ["Configuration", "Device", "Nats", "Server", "parsed", "read_configuration", "secret"]

Place = tuple[str | int, ...]
Fault = tuple[Place, str] | tuple[Place, str, Place]  # where, why, and what else it is at odds with
Said = Mapping[str, str]
NOTHING: Said = {}
NEED_RESTART = ("outbox", "nats", "agent")
MOST_FAULTS = 10  # that are told; each takes a while to be found in the file


@frozen
class Configuration:
    """The whole file."""

    printos: Server = Factory(Server)
    outbox: Storage = Factory(Storage)
    delivery: Sending = Factory(Sending)
    reading: Asking = Factory(Asking)
    agent: Process = Factory(Process)
    nats: Nats = Factory(Nats)
    devices: Mapping[str, Device] = Factory(dict)
    attached: Mapping[str, Device] = Factory(dict)  # those that the file does not name, whether or not they are read
    exposed_in: Path | None = None  # the file, if it holds secrets and everybody may read it

    @property
    def outbox_path(self) -> Path:
        """Where statuses wait on this machine: beside the list of what is attached, unless the file says where."""
        path = self.nats.spool if self.on_nats else self.outbox.path and self.outbox.path.removeprefix(SQLITE)
        return Path(os.path.expandvars(path)) if path else state_file().with_name("outbox.db")

    @property
    def on_nats(self) -> str | None:
        """The servers of NATS where statuses wait for forwarders, if they do."""
        return self.outbox.path if self.outbox.path and self.outbox.path.startswith(NATS) else None

    @property
    def holds_secrets(self) -> bool:
        """Whether anything in the file opens a device: a community, a password in an address. A key opens nothing."""
        own = (device for name, device in self.devices.items() if name not in self.attached)
        return any(one != shown(one) for device in own for one in device.sources)

    def unlike(self, before: Self) -> list[str]:
        """Return the tables that say something else than before, which counts from the next start on."""
        return [name for name in NEED_RESTART if getattr(self, name) != getattr(before, name)]

    def fitting(self, before: Self) -> Self:
        """Return what will be in force when an agent that began with another configuration goes on with this one.

        It is checked as that of a start is.
        """
        devices = {name: device for name, device in self.devices.items() if name not in self.attached}
        if before.agent.attached:
            devices |= self.attached
        kept = {name: getattr(before, name) for name in NEED_RESTART}
        fitting = attrs.evolve(self, devices=devices, **kept)
        if fitting.delivery.timeout >= fitting.agent.watchdog:
            told = f"agent.watchdog stays {fitting.agent.watchdog:g} until the agent is started anew"
            raise ConfigurationError(f"delivery.timeout: {fitting.delivery.timeout:g} is not less, and {told}")
        return fitting


def read_configuration(file: Path, attached: list[Attached], *, instead: Said = NOTHING) -> Configuration:
    """Return what a file says, and the devices that are attached besides; or say all that is wrong with it."""
    try:
        written = file.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        raise ConfigurationError(f"{file} cannot be read: {why}") from None
    configuration = parsed(written, attached, name=str(file), instead=instead)
    # No error: the user that a service makes up for itself may have no other way to read it.
    outbox, nats = configuration.outbox, configuration.nats
    if outbox.path and not configuration.on_nats:
        outbox = attrs.evolve(outbox, path=_beside(file, outbox.path.removeprefix(SQLITE)))
    if nats.spool:
        nats = attrs.evolve(nats, spool=_beside(file, nats.spool))
    configuration = attrs.evolve(configuration, outbox=outbox, nats=nats)
    is_exposed = configuration.holds_secrets and _everybody_may_read(file)
    return attrs.evolve(configuration, exposed_in=file if is_exposed else None)


def _beside(file: Path, named: str) -> str:
    """Return a file that a configuration names, whatever folder the agent is started in."""
    return str(file.absolute().parent / os.path.expandvars(named))


def parsed(written: str, attached: list[Attached], *, name: str, instead: Said = NOTHING) -> Configuration:
    """Return what a text says.

    Args:
        written: The text.
        attached: Devices that are read as well, if they are of the same server and the text does not name them.
        name: How the text is called in errors.
        instead: What somebody said on the command line about `[printos]`.
    """
    try:
        document = tomllib.loads(written)
    except ValueError as error:
        raise ConfigurationError(f"{name}: it is no TOML: {error}") from None
    except RecursionError:
        raise ConfigurationError(f"{name}: it is no TOML that can be read: too much is nested in it") from None
    faults = list(_faults(document)) or list(_contradictions(document))
    if faults:
        told = [_told(name, written, *fault) for fault in faults[:MOST_FAULTS]]
        more = len(faults) - len(told)
        raise ConfigurationError("\n".join([*told, *[f"{name}: and {more} more"] * (more > 0)]))
    if isinstance(document.get("outbox"), str):
        document["outbox"] = {"path": document["outbox"]}
    tables = {one.name: _made(one.type, document.get(one.name, {})) for one in _tables()}
    tables["printos"] = attrs.evolve(tables["printos"], **instead)
    configuration = Configuration(**tables)
    every = configuration.reading.every
    devices: list[Device] = [_made(Device, {"every": every, **table}) for table in document.get("device", [])]
    known = {device.called for device in devices} | {device.serial_number for device in devices}
    here = [one for one in attached if one.server == configuration.printos.url]
    new = (one for one in here if not {one.id, one.serial_number} & known)
    others = [Device(one.sources, one.id, one.name, one.model, one.serial_number, one.location, every) for one in new]
    return attrs.evolve(
        configuration,
        devices=_by_name([*devices, *(others if configuration.agent.attached else [])]),
        attached=_by_name(others),
    )


def _by_name(devices: list[Device]) -> dict[str, Device]:
    return {device.called: device for device in devices}


def secret(name: str, file: str) -> str:
    """Return what a file with a secret says; environment variables may be part of its name."""
    path = Path(os.path.expandvars(file))
    try:
        files.refuse_other_than_file(path)
        if _everybody_may_read(path):
            raise ConfigurationError(f"{name}: {path} holds a secret and everybody may read it: chmod o= {path}")
        held = path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        raise ConfigurationError(f"{name}: {path} cannot be read: {why}") from None
    if not held:
        raise ConfigurationError(f"{name}: {path} is empty: write the secret into it")
    return held


def _everybody_may_read(file: Path) -> bool:
    return sys.platform != "win32" and bool(file.stat().st_mode & stat.S_IRWXO)


def _tables() -> "list[attrs.Attribute[Any]]":
    return [one for one in fields(Configuration) if one.type is not None and attrs.has(one.type)]


def _faults(document: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield all that is wrong, each with its place."""
    tables: dict[str, Any] = {one.name: one.type for one in _tables()}
    for name, table in document.items():
        if name == "outbox" and isinstance(table, str):
            if (why := outbox(table)) is not None:
                yield (name,), why
        elif name in tables:
            yield from _faults_of(tables[name], table, (name,))
        elif name == "device" and isinstance(table, list):
            yield from _faults_of_devices(table)
        elif name == "device":
            yield (name,), "a device is a table in a list: write [[device]]"
        else:
            yield (name,), f"nothing is called {name!r}: there are [{'], ['.join(tables)}] and [[device]]"


def _contradictions(document: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what is wrong with tables that are right, each by itself."""
    timeout = document.get("delivery", {}).get("timeout", Sending().timeout)
    if timeout >= document.get("agent", {}).get("watchdog", Process().watchdog):
        told = "a call is no standstill: delivery.timeout must be less than agent.watchdog"
        yield ("delivery", "timeout") if "timeout" in document.get("delivery", {}) else ("agent", "watchdog"), told
    if {"key", "key_file"} <= document.get("printos", {}).keys():
        yield ("printos", "key_file"), "the key is said twice: here, and by printos.key", ("printos", "key")
    seen: dict[str, int] = {}
    for place, table in enumerate(document.get("device", [])):
        called = _made(Device, table).called
        if (first := seen.setdefault(called, place)) != place:
            why = f"the device number {first + 1} cannot be told from it: give each an id of its own"
            yield ("device", place), why, ("device", first)


def _faults_of_devices(devices: list[Any]) -> Iterator[Fault]:
    seen: dict[Any, int] = {}
    for place, table in enumerate(devices):
        yield from _faults_of(Device, table, ("device", place))
        if isinstance(table, dict):
            if "sources" not in table:
                yield ("device", place), 'sources are missing. Example: sources = ["ipp://10.0.0.7"]'
            for name in ("id", "serial_number"):
                if name in table and (first := seen.setdefault((name, str(table[name])), place)) != place:
                    yield ("device", place, name), f"the device number {first + 1} has it, too", ("device", first, name)


def _faults_of(kind: Any, table: Any, place: Place) -> Iterator[Fault]:
    if not isinstance(table, dict):
        yield place, "a table is due"
        return
    known = {one.name: one.metadata["check"] for one in fields(kind)}
    for name, value in table.items():
        if name not in known:
            yield (*place, name), f"nothing is called {name!r} here: there are {', '.join(known)}"
        elif (why := known[name](value)) is not None:
            yield (*place, name), why


def _made(kind: Any, table: Mapping[str, Any]) -> Any:
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in table.items()})


def _told(name: str, written: str, path: Place, why: str, other: Place | None = None) -> str:
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
    besides = f" (line {line_of(written, other)})" if other else ""
    return f"{name}, line {line_of(written, path)}: {key}: {why}{besides}"
