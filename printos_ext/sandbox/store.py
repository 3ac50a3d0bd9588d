"""Where the devices are: one SQLite database, in memory or in a file, used by one thread of one process.

A write is committed before its method returns; with a file it is there although the process is killed. A power cut may
take the last moments with it: a sandbox does not wait for the disk.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import asdict, define, fields

MARK = 0x50724F53  # in the file's header: this database is a sandbox's
LAYOUT = 1
SCHEMA = """
CREATE TABLE IF NOT EXISTS devices (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    organisation TEXT NOT NULL,
    identity TEXT,
    serial_number TEXT,
    known TEXT NOT NULL,
    request TEXT NOT NULL,
    report TEXT,
    reported_at REAL,
    login TEXT UNIQUE,
    password TEXT,
    answer BLOB NOT NULL,
    change INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS by_identity ON devices (organisation, identity);
CREATE INDEX IF NOT EXISTS by_serial_number ON devices (serial_number);
CREATE INDEX IF NOT EXISTS by_change ON devices (change);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class StoreError(Exception):
    """The database cannot be used; the message says which, and why."""


@define
class Device:
    """A device as the sandbox knows it; `known` are the fields of the contract, `answer` is how they are listed."""

    id: str
    organisation: str
    known: dict[str, Any]
    request: dict[str, Any]
    report: dict[str, Any] | None = None
    reported_at: float | None = None
    login: str | None = None
    password: str | None = None
    answer: bytes = b""

    @property
    def serial_number(self) -> str | None:
        """What is looked for, as JSON: a text may hold half a character, which SQLite does not take."""
        serial_number = self.known.get("serialNumber")
        return json.dumps(serial_number) if serial_number else None

    @property
    def identity(self) -> str | None:
        """Model and serial number, if it has both."""
        model, serial_number = self.known.get("model"), self.known.get("serialNumber")
        return json.dumps([model, serial_number]) if model and serial_number else None


COLUMNS = [field.name for field in fields(Device)]
JSON_COLUMNS = {"known", "request", "report"}


class Store:
    """The devices of all organisations, in the order in which they came."""

    def __init__(self, file: Path | None = None) -> None:
        """Open the file, or begin with nothing in memory."""
        self._file = file
        self.change = 0
        self.removals = 0
        try:
            self._db = sqlite3.connect(file or ":memory:", timeout=0, isolation_level=None, check_same_thread=False)
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise
        except sqlite3.Error as error:
            why = "another process uses it" if "locked" in str(error) else str(error)
            raise StoreError(f"cannot use the database {file}: {why}") from error

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def add(self, devices: Iterable[Device], *, instead_of: Device | None = None) -> None:
        """Add new devices, all of them or none."""
        self.change += 1
        row = ", ".join(f":{column}" for column in [*COLUMNS, "identity", "serial_number", "change"])
        statement = f"INSERT INTO devices ({row.replace(':', '')}) VALUES ({row})"  # noqa: S608 - our own names
        with self._transaction():
            if instead_of:
                self.remove(instead_of)
            self._db.executemany(statement, ({**_row(device), "change": self.change} for device in devices))

    def save(self, devices: Iterable[Device]) -> None:
        """Write anew what is known of devices, of all or of none."""
        self.change += 1
        with self._transaction():
            self._db.executemany(
                "UPDATE devices SET known = ?, report = ?, reported_at = ?, answer = ?, identity = ?,"
                " serial_number = ?, change = ? WHERE id = ?",
                (
                    (
                        json.dumps(device.known),
                        None if device.report is None else json.dumps(device.report),
                        device.reported_at,
                        device.answer,
                        device.identity,
                        device.serial_number,
                        self.change,
                        device.id,
                    )
                    for device in devices
                ),
            )

    def remove(self, device: Device) -> None:
        """Forget a device."""
        self._db.execute("DELETE FROM devices WHERE id = ?", (device.id,))
        self.removals += 1

    def clear(self) -> None:
        """Forget them all."""
        self._db.execute("DELETE FROM devices")
        self.removals += 1

    def has(self, device_id: str) -> bool:
        """Tell whether any organisation has a device with an id."""
        return self._db.execute("SELECT 1 FROM devices WHERE id = ?", (device_id,)).fetchone() is not None

    def get(self, device_id: str, organisation: str) -> Device | None:
        """Return the device with an id."""
        return self._first("id = ? AND organisation = ?", device_id, organisation)

    def twin(self, device: Device) -> Device | None:
        """Return the device of the same organisation, model and serial number."""
        return self._first("organisation = ? AND identity = ?", device.organisation, device.identity)

    def held_elsewhere(self, device: Device) -> bool:
        """Tell whether another organisation has a device with the same serial number."""
        return (
            self._first("serial_number = ? AND organisation != ?", device.serial_number, device.organisation)
            is not None
        )

    def with_login(self, login: str) -> Device | None:
        """Return the device that logs in so."""
        return self._first("login = ?", login)

    def answers(self, organisation: str) -> list[bytes]:
        """Return how each device of an organisation is listed."""
        rows = self._db.execute("SELECT answer FROM devices WHERE organisation = ? ORDER BY number", (organisation,))
        return [answer for (answer,) in rows]

    def all(self) -> Iterator[Device]:
        """Yield every device."""
        return self._devices("1 ORDER BY number")

    def latest(self, since: int, most: int) -> list[Device]:
        """Return what was written since a change, the last of it if it is more than that."""
        return list(self._devices("change > ? ORDER BY change DESC, number DESC LIMIT ?", since, most))

    def count(self) -> int:
        """Return how many devices there are."""
        return int(self._db.execute("SELECT COUNT(*) FROM devices").fetchone()[0])

    def setting(self, name: str) -> str | None:
        """Return a setting of the sandbox's own."""
        found = self._db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return found and str(found[0])

    def set_setting(self, name: str, value: str) -> None:
        """Keep a setting."""
        self._db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))

    def _prepare(self) -> None:
        """Make it ours, for as long as this process lives, or find out that it is not."""
        (mark,) = self._db.execute("PRAGMA application_id").fetchone()
        (layout,) = self._db.execute("PRAGMA user_version").fetchone()
        is_empty = self._db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone() == (0,)
        if not is_empty and (mark, layout) != (MARK, LAYOUT):
            raise StoreError(f"the database {self._file} is not one of this version of the sandbox")
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        with self._transaction():
            self._db.execute(f"PRAGMA application_id = {MARK}")
            self._db.execute(f"PRAGMA user_version = {LAYOUT}")
            for statement in SCHEMA.split(";"):
                self._db.execute(statement)
        self.change = self._db.execute("SELECT COALESCE(MAX(change), 0) FROM devices").fetchone()[0]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _first(self, condition: str, *values: object) -> Device | None:
        return next(self._devices(f"{condition} ORDER BY number LIMIT 1", *values), None)

    def _devices(self, condition: str, *values: object) -> Iterator[Device]:
        columns = ", ".join(COLUMNS)
        for row in self._db.execute(f"SELECT {columns} FROM devices WHERE {condition}", values):  # noqa: S608 - our own names
            yield Device(
                **{
                    name: json.loads(value) if name in JSON_COLUMNS and value is not None else value
                    for name, value in zip(COLUMNS, row, strict=True)
                }
            )


def _row(device: Device) -> dict[str, Any]:
    row = asdict(device, recurse=False)
    for name in JSON_COLUMNS:
        row[name] = None if row[name] is None else json.dumps(row[name])
    return {**row, "identity": device.identity, "serial_number": device.serial_number}
