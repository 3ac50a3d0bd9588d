"""A damaged outbox: it is set aside under another name, and what can be read is saved in a new one.

A crash at any moment of this leaves either the damaged file, to be read again, or a complete new one beside it.
"""

import logging
import mmap
import sqlite3
from collections.abc import Callable
from pathlib import Path

from . import sqlite_pages, write_ahead
from .layout import PAGE_SIZE, is_damage
from .leases import Lease
from .letter_file import TOTALS, LetterFile
from .letters import Row
from .ownership import sync_folder

MOST_SET_ASIDE = 3
LARGEST_JOURNAL = 1 << 26

logger = logging.getLogger("printos_ext")

Open = Callable[[Path], LetterFile]


def opened(path: Path, open_file: Open, why: str | None = None) -> LetterFile:
    """Open the file of an outbox that is owned, or a new one with what could be saved from a damaged one.

    Args:
        path: The file.
        open_file: Opens any file as an outbox.
        why: Why it is known to be damaged.
    """
    _replace_with_saved(path)
    journal = _beside(path, "-wal")
    # SQLite removes a journal that it takes for broken, with the letters that are in it.
    content = journal.read_bytes() if journal.exists() and journal.stat().st_size <= LARGEST_JOURNAL else b""
    if why is None and journal.exists():
        why = _damage(path, content)
        content = content if journal.exists() else b""
    if why is None:
        try:
            return open_file(path)
        except Exception as error:
            if not is_damage(error):
                raise
            why = str(error)
    saved, lost = _save(path, open_file, content)
    aside = _replace_with_saved(path)
    told = "%s was damaged (%s): letters saved: %d, lost: %d; the damaged file is %s"
    logger.error(told, path, why, saved, lost, aside)
    return open_file(path)


def _damage(path: Path, journal: bytes) -> str | None:
    """Return why a file must not be left to SQLite: it would follow a damaged journal too far, or not far enough."""
    index = _beside(path, "-shm")
    announced, copied = write_ahead.announced_frames(index.read_bytes() if index.exists() else b"", journal)
    valid = write_ahead.valid_frames(journal, PAGE_SIZE)
    present, _ = write_ahead.pages(journal, PAGE_SIZE)
    if not path.exists() or not path.stat().st_size:
        return "the file is empty, and its journal is not" if present else None
    if valid is None and present:
        return "its journal does not begin as it should"
    valid = valid or 0
    if valid < announced:
        logger.error("%s: its journal ends after %d of %d pages", path, valid, announced)
        if present > valid:
            return "a page of its journal is not as it was written"
        if valid <= copied:
            _beside(path, "-wal").unlink()  # the file has all of it, and more
    return None


def _save(path: Path, open_file: Open, journal: bytes) -> tuple[int, int]:
    """Write what can be read into a new file, and return how many letters that is, and how many are lost."""
    rows, leases, totals = _readable(path, journal)
    lost = max(0, totals.pop("letters", 0) - len(rows))
    for name, count in (("saved", len(rows)), ("lost", lost)):
        totals[name] = totals.get(name, 0) + count
    saving = _beside(path, "-saving")
    _remove(saving)
    file = open_file(saving)
    with file.transaction(durable=True):
        file.save(rows, leases, totals)
    file.close()
    if _beside(saving, "-wal").exists():
        raise sqlite3.OperationalError("what was saved from the damaged file cannot be written: free some space")
    saving.replace(_beside(path, "-saved"))
    sync_folder(path.parent)
    _remove(saving)
    return len(rows), lost


def _readable(path: Path, journal: bytes) -> tuple[list[Row], list[Lease], dict[str, int]]:
    """Return the letters and leases whose checksums are right, the letters in their order, and the totals."""
    letters: dict[int, Row] = {}
    leases: dict[str, Lease] = {}
    totals: dict[str, int] = {}
    _, newer = write_ahead.pages(journal, PAGE_SIZE)
    with path.open("a+b") as stream:  # there may be nothing but a journal
        content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b""
        for number, columns in sqlite_pages.rows(content, newer, PAGE_SIZE):
            match columns:
                case (None, str(device_id), str(body), str() | None as reason, str() | None as at, int(checksum)):
                    row = Row(number, device_id, body, reason, at)
                    if row.checksum == checksum:
                        letters[number] = row
                case (None, str(device_id), int() | float() as at, int(checksum)):
                    lease = Lease(device_id, float(at))
                    if (lease.number, lease.checksum) == (number, checksum):
                        leases[device_id] = lease
                case (str(name), int(value)) if name in TOTALS:
                    totals[name] = max(value, totals.get(name, 0))
    return [letters[number] for number in sorted(letters)], list(leases.values()), totals


def _replace_with_saved(path: Path) -> Path | None:
    """Set a damaged file aside if what could be saved is complete, and return its new name."""
    saved = _beside(path, "-saved")
    if not saved.exists():
        return None
    asides = [_beside(path, f"-damaged-{number}") for number in range(1, MOST_SET_ASIDE + 1)]
    aside = next((name for name in asides if not name.exists()), None) or min(asides, key=_age)
    _remove(aside)
    for ending in ("-wal", ""):
        if _beside(path, ending).exists():
            _beside(path, ending).rename(_beside(aside, ending))
    _beside(path, "-shm").unlink(missing_ok=True)
    sync_folder(path.parent)  # a journal that came back would be taken for the new file's
    saved.replace(path)
    sync_folder(path.parent)
    return aside


def _remove(path: Path) -> None:
    """Remove a database and all that stands beside it."""
    for ending in ("", "-wal", "-shm", "-reserve"):
        _beside(path, ending).unlink(missing_ok=True)


def _age(path: Path) -> float:
    return path.stat().st_mtime


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)
