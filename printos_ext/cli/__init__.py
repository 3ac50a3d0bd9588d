"""The `printos` command. It calls the rooms beside it and holds no logic of its own: words in, tables or JSON out.

Nothing here is imported before it is used: completion costs little more than Typer, and the version not even that.
"""

import os
import sys

from printos_ext.version import __version__

from .exits import INTERRUPTED

VERSION = f"printos {__version__}"


def main() -> int:
    """Run the command line and return its exit status."""
    if sys.argv[1:] == ["--version"] and sys.stdout is not None:
        sys.stdout.write(f"{VERSION}\n")
        return 0
    try:
        from .app import run  # noqa: PLC0415 - needs an extra

        status = run(sys.argv[1:])
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"rich", "typer"}:
            raise
        sys.stderr.write(f"printos: the shell needs {error.name}: pip install 'printos-device[cli]'\n")
        return 2
    except KeyboardInterrupt:
        status = INTERRUPTED
    if status == INTERRUPTED:  # at once: threads may still wait for an answer, which nobody reads
        os._exit(status)
    return status
