"""Files that hold secrets, and files that are replaced as a whole, so that nothing leaves half of one."""

import errno
import os
import stat
import sys
from pathlib import Path

from .errors import ConfigurationError


def keep_private(file: Path) -> None:
    """Refuse a file that others may read."""
    if sys.platform != "win32" and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigurationError(f"{file} holds a secret and others may read it: chmod 600 {file}")


def refuse_other_than_file(file: Path) -> None:
    """Refuse what is there and no file: reading it may never end."""
    if file.exists() and not file.is_file():
        raise OSError(errno.EINVAL, "it is no file")


def replace(file: Path, text: str, *, mode: int = 0o600) -> None:
    """Write a file anew; an error leaves it as it was. What is no character becomes an escape."""
    target = file.resolve()  # what a link points at, not the link
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)  # of a process that was killed
    try:
        create(beside, text, mode=mode)
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def create(file: Path, text: str, *, mode: int = 0o600) -> None:
    """Write a file that is not there yet; an error leaves none, and one that is there as it was."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with open(handle, "w", encoding="utf-8", errors="backslashreplace") as stream:  # noqa: PTH123 - it has its mode
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:
        file.unlink(missing_ok=True)
        raise
