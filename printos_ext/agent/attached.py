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
from printos_ext.errors import ConfigurationError, ConflictError, InvalidArgumentError
from printos_ext.folders import state_folder
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
        return word in {self.id, self.serial_number, self.name, *self.sources, *map(shown, self.sources)}


def state_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where the attached devices are kept, whether or not the file is there."""
    return state_folder(environment) / "attached.json"


def read_attached(file: Path) -> list[Attached]:
    """Return the attached devices; none if there is no file."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        if document["version"] != VERSION:
            raise ConfigurationError(f"{file} is of another version of printos: {document['version']!r}")
        return [Attached(**{**device, "sources": tuple(device["sources"])}) for device in document["devices"]]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{file} is damaged ({error!r}): move it away, and attach the devices again") from None


def attach(
    printos: PrintOS,
    reading: Reading,
    sources: tuple[str, ...],
    *,
    name: str | None = None,
) -> Attached:
    """Return the device of PrintOS that a reading is of; provision it if there is none.

    A device is told by its serial number: what it calls its model may differ from one source to the next.
    """
    model, serial_number = reading.model, reading.serial_number
    if not serial_number:
        raise InvalidArgumentError(
            "no source tells the serial number: it is on the device; give it with --serial-number"
        )
    if not model:
        raise InvalidArgumentError("no source tells the model: give it with --model")
    try:
        device = printos.devices.find(serial_number=serial_number)
    except ConflictError:  # several models have it
        device = printos.devices.find(serial_number=serial_number, model=model)
    if device is None:
        device = printos.devices.ensure(model=model, serial_number=serial_number, location=reading.location)
    server = printos.devices_url.removesuffix("/devices")
    known = device.model if isinstance(device.model, str) and device.model else model
    return Attached(str(device.id), server, known, serial_number, sources, reading.location, name)


@contextmanager
def changing(file: Path) -> Iterator[list[Attached]]:
    """Give the attached devices to be changed; nobody else changes them meanwhile, and all change or none."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600), "rb") as lock:  # noqa: PTH123 - for its owner alone
            _wait_for(lock)
            devices = read_attached(file)
            before = list(devices)
            yield devices
            if devices != before:
                _replace(file, devices)
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written, and is as it was: {error.strerror}") from None


def _replace(file: Path, devices: list[Attached]) -> None:
    document = {"version": VERSION, "devices": [asdict(device) for device in devices]}
    files.replace(file, json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def _wait_for(lock: Any) -> None:
    if sys.platform != "win32":
        import fcntl  # noqa: PLC0415 - not everywhere

        fcntl.flock(lock, fcntl.LOCK_EX)
