"""The statements that change the file of an outbox, for one thread. What it says is checked whenever it is read.

What is committed with `durable` survives a power cut; the rest survives the end of the process, however it ends.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from attrs import frozen

from . import leases, queries
from .layout import TOTALS, Connect, DamagedError, has_history, keep_newest, prepare
from .leases import Lease
from .letters import Counts, OutboxError, Row, dead_letter_of
from .ownership import keep_private, make_private
from .reserve import Reserve

MOST_DEAD = 1000
OVERHEAD = 64  # bytes of a row beside its texts
PAGES_EMPTY, PAGES_SPLIT = 8, 4  # of a file without letters; by a change, at most
MOST_PAGES = 0xFFFFFFFE
INSERT = "INSERT INTO letters (number, device_id, body, reason, refused_at, checksum) VALUES (?, ?, ?, ?, ?, ?)"

WhenFull = Literal["refuse", "drop-oldest"]
Head = tuple[int, str]  # number and body of the letter that a device has to send next


@frozen
class Settings:
    """How the letters of a file are kept, and how it is opened; `now` is the wall clock, in seconds since 1970."""

    history: bool
    max_bytes: int
    when_full: WhenFull
    connect: Connect
    now: Callable[[], float]


@frozen
class News:
    """What is in the file now: the heads that changed, or all of them; None for a device that has nothing to send.

    `leased` is how many seconds ago devices had been leased when the file was opened.
    """

    heads: dict[str, Head | None]
    is_all: bool
    dead: list[Row]
    counts: Counts
    leased: Mapping[str, float]


class LetterFile:
    """An open file. Every change is made inside `transaction`."""

    def __init__(self, path: Path, settings: Settings) -> None:
        """Open the file, make it of this version, and read how much is in it."""
        self._path, self._settings = path, settings
        self._touched: dict[str, None] = {}
        self._buried: list[Row] | None = None
        self._unread: dict[str, Head | None] | None = None
        self._totals = dict.fromkeys(TOTALS, 0)
        self._dead = 0
        self._reserve = Reserve(path.with_name(f"{path.name}-reserve"))
        try:
            self._open()
        except sqlite3.OperationalError:
            self._reserve.give_up()  # to a full disk SQLite cannot even write that it reads
            self._open()

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    @contextmanager
    def transaction(self, *, durable: bool) -> Iterator[None]:
        """Make changes, all of them or none."""
        before = dict(self._totals), self._dead
        if not self._reserve.is_there:
            self._reserve.take()
        self._limit_growth()
        self._db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            changed = [(name, value) for name, value in self._totals.items() if before[0][name] != value]
            self._db.executemany("INSERT OR REPLACE INTO totals VALUES (?, ?)", changed)
            self._db.execute("COMMIT")
        except BaseException:
            self._totals, self._dead = before
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def give_way(self) -> None:
        """Make what a full disk allows possible again: taking letters out, and putting in what fits in their place."""
        self._reserve.give_up()
        with suppress(sqlite3.Error):
            self._db.execute("PRAGMA wal_checkpoint").fetchall()  # from now on the journal is written from its start

    def put(self, letters: Sequence[tuple[str, str]]) -> None:
        """Add letters: each a device and a body, the newest last."""
        self._make_room(sum(len(device_id) * 2 + len(body) + OVERHEAD for device_id, body in letters))
        first = self._totals["last_number"] + 1
        self._totals["last_number"] += len(letters)
        rows = [Row(number, *letter) for number, letter in enumerate(letters, first)]
        if not self._settings.history:
            rows = list({row.device_id: row for row in rows}.values())
        for row in rows:
            self._insert(row)

    def ack(self, numbers: Iterable[int]) -> None:
        """Remove letters that are still there."""
        for number in numbers:
            self._remove("number = ? AND reason IS NULL", number)

    def lease(self, lease: Lease) -> None:
        """Take down that a device is about to be sent for. In a file that cannot grow, others are forgotten for it."""
        while not self._can_split() and leases.forget_some(self._db):
            pass
        leases.take_down(self._db, lease)

    def bury(self, row: Row) -> None:
        """Keep a letter as a dead one, whether or not it still waits."""
        self._remove("number = ?", row.number)
        self._insert(row)
        if self._dead > MOST_DEAD:
            self._drop_oldest(1, "reason IS NOT NULL")

    def retry(self, number: int) -> None:
        """Let a dead letter wait again, unless it is older than what PrintOS knows, or soon will."""
        row = self._dead_row(number)
        if not self._settings.history:
            waiting = self._head(row.device_id)
            is_overtaken = leases.moment(self._db, row.device_id) > dead_letter_of(row).refused_at.timestamp()
            if is_overtaken or (waiting and waiting[0] > number):
                why = f"a newer one of device {row.device_id} {'was sent' if is_overtaken else 'waits'}"
                raise OutboxError(f"letter {number} stays dead: {why}; drop this one")
        self._remove("number = ?", number)
        self._insert(Row(number, row.device_id, row.body))

    def drop(self, number: int) -> None:
        """Remove a dead letter."""
        self._dead_row(number)
        self._remove("number = ?", number)

    def news(self) -> News:
        """Return what came and went since this was last asked; all there is, if it never was."""
        unread, self._unread = self._unread, None
        touched, self._touched = self._touched, {}
        heads = (unread or {}) | {device_id: self._head(device_id) for device_id in touched}
        return News(heads, unread is not None, self._dead_rows(), self._counts(), self._leased)

    def _open(self) -> None:
        make_private(self._path)  # what SQLite makes beside it has the same rights
        self._db = self._settings.connect(self._path)
        try:
            prepare(self._db, self._path)
            keep_private(*(self._path.with_name(self._path.name + ending) for ending in ("", "-wal", "-shm")))
            self._begin(self._settings.now())
        except BaseException:
            self._db.close()
            raise

    def _begin(self, now: float) -> None:
        self._totals |= queries.totals(self._db)
        self._dead = queries.number(self._db, "SELECT COUNT(*) FROM letters WHERE reason IS NOT NULL")
        if queries.number(self._db, "SELECT COUNT(*) FROM letters") != self._totals["letters"]:
            raise DamagedError("there are not as many letters as were counted")
        self._page_size = queries.number(self._db, "PRAGMA page_size")
        self._db.execute(f"PRAGMA wal_autocheckpoint = {self._reserve.size // self._page_size // 2}")
        if not self._settings.history and has_history(self._db):  # until now somebody wanted it
            with self.transaction(durable=True):
                keep_newest(self._db)
                self._totals["letters"] = queries.number(self._db, "SELECT COUNT(*) FROM letters")
        self._leased = leases.ages(self._db, now)
        if len(self._leased) < queries.number(self._db, "SELECT COUNT(*) FROM leases"):
            with suppress(sqlite3.OperationalError), self.transaction(durable=False):  # else the next time
                leases.forget_old(self._db, now)
        self._unread = self._heads()

    def _limit_growth(self) -> None:
        """Let the file grow only while there is a reserve: what is in the journal must find its place in the file."""
        pages = MOST_PAGES if self._reserve.is_there else queries.number(self._db, "PRAGMA page_count")
        self._db.execute(f"PRAGMA max_page_count = {pages}").fetchall()

    def _can_split(self) -> bool:
        """Tell whether a change that may take new pages will find some."""
        return self._reserve.is_there or queries.number(self._db, "PRAGMA freelist_count") >= PAGES_SPLIT

    def _make_room(self, needed: int) -> None:
        """Do as the policy says if letters do not fit: dead ones go first, then leases."""
        share = 1
        needed += PAGES_SPLIT * self._page_size
        if needed + PAGES_EMPTY * self._page_size > self._settings.max_bytes:
            raise OutboxError(
                f"{self._path} takes no {needed:,} bytes at once: max_bytes is {self._settings.max_bytes:,}"
            )
        while queries.size_bytes(self._db) + needed > self._settings.max_bytes:
            if self._dead:
                self._drop_oldest(share, "reason IS NOT NULL")
            elif leases.forget_some(self._db):
                continue
            elif self._settings.when_full == "drop-oldest" and self._totals["letters"]:
                self._drop_oldest(share, "reason IS NULL")
            else:
                raise OutboxError(
                    f"{self._path} is full: {self._totals['letters']:,} letters wait, and max_bytes is"
                    f" {self._settings.max_bytes:,}; see why they are not sent, or raise max_bytes"
                )
            share *= 2

    def _drop_oldest(self, count: int, which: str) -> None:
        before = self._totals["letters"]
        self._remove(f"number IN (SELECT number FROM letters WHERE {which} ORDER BY number LIMIT {count})")  # noqa: S608 - our own words
        self._totals["dropped"] += before - self._totals["letters"]

    def _insert(self, row: Row) -> None:
        """Add a row; without history, in place of an older one that waits."""
        if row.reason is None and not self._settings.history:
            self._remove("device_id = ? AND reason IS NULL", row.device_id)
        self._db.execute(INSERT, _columns(row))
        self._count(row.device_id, row.reason, 1)

    def _remove(self, which: str, *values: object) -> None:
        for row in list(queries.rows(self._db, which, *values)):
            self._db.execute("DELETE FROM letters WHERE number = ?", (row.number,))
            self._count(row.device_id, row.reason, -1)

    def _count(self, device_id: str, reason: str | None, change: int) -> None:
        self._totals["letters"] += change
        if reason is None:
            self._touched[device_id] = None
        else:
            self._dead += change
            self._buried = None

    def _counts(self) -> Counts:
        return Counts(
            waiting=self._totals["letters"] - self._dead,
            dead=self._dead,
            dropped=self._totals["dropped"],
            size_bytes=queries.size_bytes(self._db),
            saved=self._totals["saved"],
            lost=self._totals["lost"],
        )

    def _heads(self) -> dict[str, Head | None]:
        """Return what each device has to send next, the lowest number first."""
        which = "MIN" if self._settings.history else "MAX"
        heads = f"SELECT {which}(number) FROM letters WHERE reason IS NULL GROUP BY device_id"  # noqa: S608 - one of two words
        return {
            row.device_id: (row.number, row.body)
            for row in queries.rows(self._db, f"number IN ({heads}) ORDER BY number")
        }

    def _head(self, device_id: str) -> Head | None:
        order = "ASC" if self._settings.history else "DESC"
        rows = queries.rows(self._db, f"device_id = ? AND reason IS NULL ORDER BY number {order} LIMIT 1", device_id)
        return next(((row.number, row.body) for row in rows), None)

    def _dead_rows(self) -> list[Row]:
        if self._buried is None:
            self._buried = queries.dead_rows(self._db)
        return self._buried

    def _dead_row(self, number: int) -> Row:
        row = next(queries.rows(self._db, "number = ? AND reason IS NOT NULL", number), None)
        if row is None:
            raise OutboxError(f"{self._path} has no dead letter {number}")
        return row


def _columns(row: Row) -> tuple[object, ...]:
    return row.number, row.device_id, row.body, row.reason, row.refused_at, row.checksum
