"""Registering many devices, once each, whatever happens in between.

What is registered already is asked first, in one call. What may be is written to a journal before it is sent: a run
that was killed is followed by one that looks for just these devices again, before it provisions any of them.
"""

import errno
import hashlib
import json
import math
import os
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext, suppress
from http import HTTPStatus
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Self

from attrs import define, field, frozen

from . import arguments, files
from .errors import (
    APIConnectionError,
    APIResponseValidationError,
    AuthenticationError,
    InternalServerError,
    PrintOSError,
    RateLimitError,
)
from .folders import state_folder
from .retries import NEVER_LEFT
from .rows import Row

if TYPE_CHECKING:
    from .client import PrintOS

# How long after it left a request may still change something: as long as a client waits for its answer. What HP's
# servers do with one whose client is gone is not known.
SETTLE = 60.0
LOOK_EVERY = 2.0
# With so many failures in a row that are nobody's fault but the server's or the network's, the rest would fail too.
GIVE_UP_AFTER = 10
UNKNOWN_OUTCOME = (APIConnectionError, InternalServerError, APIResponseValidationError)
RESULTS = ("provisioned", "existing", "failed", "unknown", "untried")

Device = tuple[str, str]


class JournalError(PrintOSError):
    """The journal cannot be kept, so that nothing more is sent."""


@frozen
class Outcome:
    """What became of a row, one of `RESULTS`.

    `provisioned` by this run or the one it goes on from; `existing` before; `failed`; `unknown` if a request left and
    nobody knows whether it arrived; `untried` if none left.
    """

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
                files.refuse_other_than_file(self.path)
                self._stream = self.path.open("a+b", buffering=0)
                _reserve(self._stream, self.path)
                self._stream.seek(0)
                for line in self._stream.readlines():
                    with suppress(
                        ValueError, KeyError, TypeError, RecursionError, OverflowError
                    ):  # cut short by a kill
                        self._take(json.loads(line))
                self._append(b"\n")
        return self

    def __exit__(self, *_: object) -> None:
        """Let others in."""
        if self._stream is not None:
            self._stream.close()

    def begun(self, device: Device) -> None:
        """Say that a request is about to leave."""
        self._write(device, "begun", at=time.time())

    def answered(self, device: Device) -> None:
        """Say that a request is over, and that nobody knows what it changed."""
        self._write(device, "begun", at=0.0)

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
                self._append(json.dumps(line).encode() + b"\n")
            self._take(line)

    def _append(self, line: bytes) -> None:
        if self._stream.write(line) < len(line):  # a disk that is full takes a part
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    @contextmanager
    def _readable_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise JournalError(f"{self.path} cannot be written: {error.strerror}; name another place") from None

    def _take(self, said: dict[str, Any]) -> None:
        device = (str(said["model"]), str(said["serialNumber"]))
        if said["event"] == "begun":
            at = float(said["at"])
            self.uncertain[device] = at if math.isfinite(at) else 0.0
        else:
            self.uncertain.pop(device, None)
        if said["event"] == "ended":
            self.provisioned[device] = said["id"]


@define
class Import:
    """One run over a table. It stops at credentials that are not taken, and when the server or the network is gone.

    `tell` is told what a person waits for.
    """

    _printos: "PrintOS"
    _journal: Journal
    _rows: Sequence[Row]
    _concurrency: int = field(default=8, validator=lambda _, __, value: arguments.concurrency(value))
    _tell: Callable[[str], object] = field(default=lambda _: None)
    _known_rows: dict[int, Outcome] = field(factory=dict, init=False)
    _waiting: dict[Device, list[Row]] = field(factory=dict, init=False)
    _unknown: dict[Device, PrintOSError] = field(factory=dict, init=False)
    _in_vain: int = field(default=0, init=False)
    _stopped: PrintOSError | None = field(default=None, init=False)

    def run(self) -> Iterator[Outcome]:
        """Register the device of each row unless it is registered; yield an outcome for each row as it is known.

        A row that is refused does not stop the others. Whatever stops the run is raised once the calls under way have
        ended; what they registered is in the journal.
        """
        for outcome in self._outcomes():
            self._known_rows[outcome.row.number] = outcome
            yield outcome

    def results(self) -> list[Outcome]:
        """Return what is known about each row, wherever the run ended."""
        return [self._known_rows.get(row.number) or self._unfinished(row) for row in self._rows]

    @property
    def has_begun(self) -> bool:
        """Whether anything is known that was not known from the table."""
        return any(outcome.row.fault is None for outcome in self._known_rows.values())

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left that the next run would have to know."""
        return not any(row.device in self._journal.uncertain for row in self._rows)

    def _unfinished(self, row: Row) -> Outcome:
        if row.device in self._journal.provisioned:
            return Outcome(row, "provisioned", self._journal.provisioned[row.device])
        return Outcome(row, "unknown" if row.device in self._journal.uncertain else "untried")

    def _outcomes(self) -> Iterator[Outcome]:
        for row in self._rows:
            if row.fault is not None:
                yield Outcome(row, "failed", error=row.fault)
            else:
                self._waiting.setdefault(row.device, []).append(row)
        yield from self._found()
        uncertain = {device for device in self._waiting if device in self._journal.uncertain}
        yield from self._provisioned([device for device in self._waiting if device not in uncertain])
        yield from self._settled()
        for device in self._unknown.keys() & self._waiting.keys():
            yield from self._failed(device, self._unknown[device])
        yield from self._provisioned(list(self._waiting))
        for device, error in self._unknown.items():
            if device in self._waiting:
                yield from self._failed(device, error)

    def _found(self) -> Iterator[Outcome]:
        """Tell which devices are registered by now; those that were sent are ours."""
        for listed in self._printos.devices.list():
            device = (str(listed.model), str(listed.serial_number))
            if device in self._waiting:
                device_id = str(listed.id)
                if device in self._journal.uncertain:
                    self._journal.ended(device, device_id)
                yield from self._known(device, device_id, ours=self._journal.provisioned.get(device) == device_id)

    def _settled(self) -> Iterator[Outcome]:
        """Look for what was sent until it is there, or until it can no longer arrive."""
        while missing := self._journal.uncertain.keys() & self._waiting.keys():
            yield from self._found()
            left = max(self._journal.uncertain.get(device, 0.0) for device in missing) + SETTLE - time.time()
            if left <= 0 or not missing & self._waiting.keys():
                break
            self._tell(f"looking for {len(missing)} devices that were sent and not confirmed, for up to {left:.0f} s")
            time.sleep(min(LOOK_EVERY, left, SETTLE))

    def _provisioned(self, devices: Collection[Device]) -> Iterator[Outcome]:
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
            if isinstance(error.__cause__, NEVER_LEFT):
                self._journal.refused(device)
            elif not isinstance(error, APIConnectionError) and error.status_code != HTTPStatus.GATEWAY_TIMEOUT:
                self._journal.answered(device)
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


def write_results(file: Path, outcomes: Sequence[Outcome]) -> None:
    """Write a line of JSON for each row, as a whole or not at all."""
    lines = [json.dumps(outcome.to_dict(), ensure_ascii=False) + "\n" for outcome in outcomes]
    files.replace(file, "".join(lines), mode=0o666)


@contextmanager
def alone(server: str) -> Iterator[None]:
    """Let no second import to a server run on this machine: each would provision what the other has not listed."""
    name = hashlib.sha256(server.encode()).hexdigest()[:16]
    try:
        folder = state_folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock: Any = (folder / f"import-{name}.lock").open("ab")
    except OSError:  # a machine without a place for it: then nobody else has one either
        lock = nullcontext()
    with lock:
        if not isinstance(lock, nullcontext):
            _reserve(lock, server)
        yield


def _reserve(stream: Any, what: object) -> None:
    """Keep a second run away."""
    if sys.platform == "win32":
        return
    import fcntl  # noqa: PLC0415 - not everywhere

    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise JournalError(f"another import is under way with {what}: wait for its end") from None
