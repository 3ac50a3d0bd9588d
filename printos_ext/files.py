"""Files that hold secrets: for their owner alone, and replaced as a whole, so that nothing leaves half of one."""

import os
import stat
import sys
from pathlib import Path

from .errors import ConfigurationError


def keep_private(file: Path) -> None:
    """Refuse a file that others may read."""
    if sys.platform != "win32" and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigurationError(f"{file} holds a secret and others may read it: chmod 600 {file}")


def replace_privately(file: Path, text: str) -> None:
    """Write a file anew; an error leaves it as it was."""
    target = file.resolve()  # what a link points at, not the link
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)  # of a process that was killed
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:  # noqa: PTH123 - never readable for others
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
