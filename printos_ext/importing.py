"""Registering many devices, once each, whatever happens in between.

What is registered already is asked first, in one call. What may be is written to a journal before it is sent: a run
that was killed is followed by one that looks for just these devices again, before it provisions any of them.
"""

import json
import os
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Self

from attrs import define, field, frozen

from . import arguments
from .errors import APIConnectionError, AuthenticationError, InternalServerError, PrintOSError, RateLimitError
from .rows import Row

if TYPE_CHECKING:
    from .client import PrintOS

# How long after it was sent a request of a killed run may still change something. (A guess; HP says nothing.)
SETTLE = 10.0
# With so many failures in a row that are nobody's fault but the server's or the network's, the rest would fail too.
GIVE_UP_AFTER = 10
UNKNOWN_OUTCOME = (APIConnectionError, InternalServerError)

Device = tuple[str, str]


class JournalError(PrintOSError):
    """The journal cannot be kept, so that nothing more is sent."""


@frozen
class Outcome:
    """What became of a row: `provisioned` by this run or the one it goes on from, `existing`, or `failed`."""

    row: Row
    result: str
    device_id: str | None = None
    error: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as one JSON object."""
        row = self.row
        said = {"row": row.number, "model": row.model, "serialNumber": row.serial_number, "location": row.location}
        return {**said, "result": self.result, "id": self.device_id, "error": self.error}


@define
class Journal:
    """What runs did about devices, in a file that survives them: a line before each request, and one after.

    A line is in the hands of the system before the request leaves, so that a killed process loses none. Without a
    path nothing is kept.
    """

    path: Path | None = None
    provisioned: dict[Device, str | None] = field(factory=dict)
    uncertain: dict[Device, float] = field(factory=dict)
    _stream: Any = None
    _lock: Any = field(factory=Lock)

    def __enter__(self) -> Self:
        """Read what earlier runs wrote, and keep others out."""
        if self.path is not None:
            with self._readable_errors():
                self._stream = self.path.open("a+b", buffering=0)
                _reserve(self._stream, self.path)
                self._stream.seek(0)
                for line in self._stream.readlines():
                    with suppress(ValueError, KeyError, TypeError):  # the line that a kill cut short
                        self._take(json.loads(line))
                self._stream.write(b"\n")
        return self

    def __exit__(self, *_: object) -> None:
        """Let others in."""
        if self._stream is not None:
            self._stream.close()

    def begun(self, device: Device) -> None:
        """Say that a request is about to leave."""
        self._write(device, "begun", at=time.time())

    def ended(self, device: Device, device_id: str | None) -> None:
        """Say that a device is registered."""
        self._write(device, "ended", id=device_id)

    def refused(self, device: Device) -> None:
        """Say that a request changed nothing."""
        self._write(device, "refused")

    def remove(self) -> None:
        """Forget all, because nothing is left to go on with."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def _write(self, device: Device, event: str, **said: Any) -> None:
        line = {"event": event, "model": device[0], "serialNumber": device[1], **said}
        with self._lock, self._readable_errors():
            if self._stream is not None:
                self._stream.write(json.dumps(line).encode() + b"\n")
            self._take(line)

    @contextmanager
    def _readable_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise JournalError(f"{self.path} cannot be written: {error.strerror}") from None

    def _take(self, said: dict[str, Any]) -> None:
        device = (str(said["model"]), str(said["serialNumber"]))
        if said["event"] == "begun":
            self.uncertain[device] = float(said["at"])
        else:
            self.uncertain.pop(device, None)
        if said["event"] == "ended":
            self.provisioned[device] = said["id"]


@define
class Import:
    """One run. It stops at credentials that are not taken, and when the server or the network is gone."""

    _printos: "PrintOS"
    _journal: Journal
    _concurrency: int = field(validator=lambda _, __, value: arguments.concurrency(value))
    _waiting: dict[Device, list[Row]] = field(factory=dict, init=False)
    _unknown: dict[Device, PrintOSError] = field(factory=dict, init=False)
    _in_vain: int = field(default=0, init=False)
    _stopped: PrintOSError | None = field(default=None, init=False)

    def outcomes(self, rows: Sequence[Row]) -> Iterator[Outcome]:
        """Register the device of each row unless it is registered; yield an outcome for each row as it is known.

        A row that is refused does not stop the others. Whatever stops the run is raised once the calls under way have
        ended; what they registered is in the journal.
        """
        for row in rows:
            if row.fault is not None:
                yield Outcome(row, "failed", error=row.fault)
            else:
                self._waiting.setdefault(row.device, []).append(row)
        yield from self._found(set(self._journal.uncertain))
        uncertain = {device: at for device, at in self._journal.uncertain.items() if device in self._waiting}
        yield from self._provisioned([device for device in self._waiting if device not in uncertain])
        if uncertain or self._unknown:
            _settle(uncertain.values())
            yield from self._found({*uncertain, *self._unknown})
        for device in self._unknown.keys() & self._waiting.keys():
            yield from self._failed(device, self._unknown[device])
        yield from self._provisioned(list(self._waiting))
        for device in list(self._waiting):
            yield from self._failed(device, self._unknown[device])

    def _found(self, sent: Collection[Device]) -> Iterator[Outcome]:
        """Tell which devices are registered by now; those that were sent are ours."""
        for listed in self._printos.devices.list():
            device = (str(listed.model), str(listed.serial_number))
            if device in self._waiting:
                device_id = str(listed.id)
                if device in sent:
                    self._journal.ended(device, device_id)
                yield from self._known(device, device_id, ours=self._journal.provisioned.get(device) == device_id)

    def _provisioned(self, devices: Sequence[Device]) -> Iterator[Outcome]:
        remaining = iter(devices)
        pending: dict[Future[str | None], Device] = {}
        with ThreadPoolExecutor(self._concurrency, thread_name_prefix="printos") as threads:
            while True:
                while self._stopped is None and len(pending) < self._concurrency and (device := next(remaining, None)):
                    pending[threads.submit(self._provision, device)] = device
                if not pending:
                    break
                for future in wait(pending, return_when=FIRST_COMPLETED).done:
                    yield from self._ended(pending.pop(future), future)
        if self._stopped is not None:
            raise self._stopped

    def _provision(self, device: Device) -> str | None:
        model, serial_number = device
        location = self._waiting[device][0].location
        self._journal.begun(device)
        made = self._printos.devices.provision(model=model, serial_number=serial_number, location=location)
        device_id = made.id if isinstance(made.id, str) else None
        self._journal.ended(device, device_id)
        return device_id

    def _ended(self, device: Device, future: "Future[str | None]") -> Iterator[Outcome]:
        try:
            device_id = future.result()
        except UNKNOWN_OUTCOME as error:
            self._unknown[device] = error
            self._in_vain += 1
            if self._in_vain >= GIVE_UP_AFTER:
                self._stopped = error
        except JournalError as error:
            self._stopped = error
        except (AuthenticationError, RateLimitError) as error:
            self._journal.refused(device)
            self._stopped = error
        except PrintOSError as error:
            self._journal.refused(device)
            self._in_vain = 0
            yield from self._failed(device, error)
        else:
            self._in_vain = 0
            yield from self._known(device, device_id, ours=True)

    def _known(self, device: Device, device_id: str | None, *, ours: bool) -> Iterator[Outcome]:
        first, *others = self._waiting.pop(device)
        yield Outcome(first, "provisioned" if ours else "existing", device_id)
        for row in others:  # the same device once more
            yield Outcome(row, "existing", device_id)

    def _failed(self, device: Device, error: PrintOSError) -> Iterator[Outcome]:
        for row in self._waiting.pop(device):
            yield Outcome(row, "failed", error=str(error))


def _settle(begun: Iterable[float]) -> None:
    """Wait until what a killed run had sent has arrived, or never will."""
    latest = max(begun, default=0.0)
    time.sleep(min(max(latest + SETTLE - time.time(), 0.0), SETTLE))


def _reserve(stream: Any, path: Path) -> None:
    """Keep a second run away from the same journal."""
    if os.name == "nt":
        return
    import fcntl  # noqa: PLC0415 - not everywhere

    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise JournalError(f"another import is under way with {path}: wait for its end") from None
