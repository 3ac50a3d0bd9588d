"""A damaged outbox: it is set aside under another name, and what can be read is saved in a new one.

A crash at any moment of this leaves either the damaged file, to be read again, or a complete new one beside it.
"""

from pathlib import Path

from . import remains, write_ahead
from .events import event
from .layout import PAGE_SIZE, is_damage
from .letter_file import LetterFile, Settings
from .ownership import keep_private, sync_folder
from .remains import Saved

MOST_SET_ASIDE = 3
LARGEST_JOURNAL = 1 << 26


def opened(path: Path, settings: Settings, why: str | None = None) -> LetterFile:
    """Open the file of an outbox that is owned, or a new one with what could be saved from a damaged one.

    Args:
        path: The file.
        settings: How its letters are kept.
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
            return LetterFile(path, settings)
        except Exception as error:
            if not is_damage(error):
                raise
            why = str(error)
    saved = _save(path, content, settings)
    aside = _replace_with_saved(path)
    letters, lost = saved.letters, saved.lost
    event("salvaged", outbox=str(path), error=why, saved=letters, lost=lost, damaged=str(aside), level="error")
    return LetterFile(path, settings)


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
        event("journal cut short", outbox=str(path), pages=valid, of=announced, level="error")
        if present > valid:
            return "a page of its journal is not as it was written"
        if valid <= copied:
            _beside(path, "-wal").unlink()  # the file has all of it, and more
    return None


def _save(path: Path, journal: bytes, settings: Settings) -> Saved:
    """Write what can be read to a new file, which is complete when it gets its name."""
    saving = _beside(path, "-saving")
    _remove(saving)
    try:
        saved = remains.save(path, journal, saving, settings.connect, history=settings.history)
    except BaseException:
        _remove(saving)
        raise
    saving.replace(_beside(path, "-saved"))
    sync_folder(path.parent)
    return saved


def _replace_with_saved(path: Path) -> Path | None:
    """Set a damaged file aside if what could be saved is complete, and return its new name."""
    saved = _beside(path, "-saved")
    if not saved.exists():
        return None
    asides = [_beside(path, f"-damaged-{number}") for number in range(1, MOST_SET_ASIDE + 1)]
    aside = next((name for name in asides if not name.exists()), None) or min(asides, key=_age)
    _remove(aside)
    for ending in ("-journal", "-wal", ""):
        if _beside(path, ending).exists():
            keep_private(_beside(path, ending))
            _beside(path, ending).rename(_beside(aside, ending))
    _beside(path, "-shm").unlink(missing_ok=True)
    sync_folder(path.parent)  # a journal that came back would be taken for the new file's
    saved.replace(path)
    sync_folder(path.parent)
    return aside


def _remove(path: Path) -> None:
    """Remove a database and all that stands beside it."""
    for ending in ("", "-journal", "-wal", "-shm"):
        _beside(path, ending).unlink(missing_ok=True)


def _age(path: Path) -> float:
    return path.stat().st_mtime


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)
