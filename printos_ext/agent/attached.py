"""The devices that are attached here: which device of PrintOS is read from which sources. One file, its owner's alone.

Sources may hold a community, which opens a printer: nobody else may read the file.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

from printos_ext import files
from printos_ext.client import PrintOS
from printos_ext.errors import ConfigurationError, InvalidArgumentError
from printos_ext.folders import state_folder
from printos_ext.sources.makers import maker_in
from printos_ext.sources.opening import shown
from printos_ext.sources.reading import Reading

VERSION = 1


@frozen
class Attached:
    """A device of PrintOS and the addresses that it is read from."""

    id: str
    server: str
    model: str
    serial_number: str
    sources: tuple[str, ...]
    location: str | None = None
    name: str | None = None

    def is_called(self, word: str) -> bool:
        """Tell whether a person may mean this device: its id, serial number, name, or one of its addresses."""
        addresses = {address.partition("?")[0] for address in (*self.sources, *map(shown, self.sources))}
        return word in {self.id, self.serial_number, self.name, *self.sources, *map(shown, self.sources), *addresses}


def state_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where the attached devices are kept, whether or not the file is there."""
    return state_folder(environment) / "attached.json"


def read_attached(file: Path) -> list[Attached]:
    """Return the attached devices; none if there is no file."""
    try:
        files.refuse_other_than_file(file)
        document = json.loads(file.read_text(encoding="utf-8"))
        files.keep_private(file)
        if document["version"] != VERSION:
            raise ConfigurationError(f"{file} is of another version of printos: {document['version']!r}")
        return [_attached(device) for device in document["devices"]]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ConfigurationError(
            f"{file} is damaged ({type(error).__name__}): move it away, and attach again"
        ) from None


def _attached(device: dict[str, Any]) -> Attached:
    sources = device["sources"]
    texts = [value for name, value in device.items() if name != "sources" and value is not None]
    if not isinstance(sources, list) or not all(isinstance(text, str) for text in (*sources, *texts)):
        raise TypeError("not the texts of a device")
    return Attached(**{**device, "sources": tuple(sources)})


def attach(
    printos: PrintOS, reading: Reading, sources: tuple[str, ...], devices: list[Attached], *, name: str | None = None
) -> Attached:
    """Provision the device that a reading is of, unless it is there, and put it among the attached devices.

    A device is told by its serial number, and by its maker if both are known: what it calls its model may differ from
    one source to the next.
    """
    model, serial_number = reading.model, reading.serial_number
    if not serial_number:
        raise InvalidArgumentError("no source tells the serial number: give what is on the device with --serial-number")
    if not model:
        raise InvalidArgumentError("no source tells the model: give it with --model")
    alike = [one for one in printos.devices.list() if one.serial_number == serial_number]
    alike.sort(key=lambda one: one.model != model)  # one of exactly this model first
    device = next((one for one in alike if not _differ_in_maker(one.model, model)), None)
    if device is None:
        device = printos.devices.ensure(model=model, serial_number=serial_number, location=reading.location)
    known = device.model if isinstance(device.model, str) and device.model else model
    server = printos.devices_url.removesuffix("/devices")
    before = next((one for one in devices if (one.server, one.id) == (server, device.id)), None)
    attached = Attached(
        id=str(device.id),
        server=server,
        model=known,
        serial_number=serial_number,
        sources=sources,
        location=reading.location or (before.location if before else None),
        name=name or (before.name if before else None),
    )
    devices[:] = [one for one in devices if one is not before] + [attached]
    return attached


def _differ_in_maker(one: Any, other: str) -> bool:
    makers = {maker_in(text) for text in (one, other) if isinstance(text, str)}
    return None not in makers and len(makers) > 1


@contextmanager
def changing(file: Path) -> Iterator[list[Attached]]:
    """Give the attached devices to be changed; nobody else changes them meanwhile, and all change or none."""
    with _told(file):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = open(os.open(file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600), "rb")  # noqa: PTH123, SIM115 - for its owner alone
    with lock:
        _wait_for(lock)
        devices = read_attached(file)
        before = list(devices)
        yield devices
        if devices != before:
            with _told(file):
                _replace(file, devices)


@contextmanager
def _told(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written, and is as it was: {error.strerror}") from None


def _replace(file: Path, devices: list[Attached]) -> None:
    document = {"version": VERSION, "devices": [asdict(device) for device in devices]}
    files.replace(file, json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def _wait_for(lock: Any) -> None:
    if sys.platform != "win32":
        import fcntl  # noqa: PLC0415 - not everywhere

        fcntl.flock(lock, fcntl.LOCK_EX)
