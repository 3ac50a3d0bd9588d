"""One owner of a file: a lock beside it that goes with the process, however that ends; and nobody else may read it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .letters import OutboxError


@contextmanager
def owned(path: Path) -> Iterator[None]:
    """Be the only one who uses a file: `OutboxError` at once if somebody else does. Its folder is made."""
    if path.exists() and not path.is_file():
        raise OutboxError(f"{path} is no file: name another one")
    try:
        if not path.parent.is_dir():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            sync_folder(path.parent.parent)
        descriptor = os.open(path.with_name(f"{path.name}-lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise OutboxError(f"{path} cannot be used: {error.strerror}: {error.filename}") from None
    try:
        if not _locked(descriptor):
            raise OutboxError(f"{path} is in use by another process ({_owner(descriptor)}): end that one first")
        _name_owner(descriptor)
        yield
    finally:
        os.close(descriptor)


def make_private(path: Path) -> None:
    """Make a file that only its owner may read, if there is none: others would make it as the umask says."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def keep_private(*paths: Path) -> None:
    """Let only their owner read files that are there."""
    for path in paths:
        if sys.platform != "win32":
            with suppress(FileNotFoundError, PermissionError):
                path.chmod(0o600)


def sync_folder(folder: Path) -> None:
    """Return when the names in a folder are safe from a power cut."""
    if sys.platform != "win32":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _locked(descriptor: int) -> bool:
    """Lock an open file until it is closed; False if another one has it."""
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - not everywhere

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415 - the same

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _owner(descriptor: int) -> str:
    try:
        return os.read(descriptor, 20).decode(errors="replace").strip() or "unknown"
    except OSError:  # Windows locks what is read, too
        return "unknown"


def _name_owner(descriptor: int) -> None:
    """Write down who owns the file; a full disk does not matter."""
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
    except OSError:
        return
