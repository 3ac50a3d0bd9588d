"""The `printos` command. It calls the rooms beside it and holds no logic of its own: words in, tables or JSON out.

Nothing here is imported before it is used: completion costs little more than Typer, and the version not even that.
"""

import sys

from printos_ext.version import __version__

VERSION = f"printos {__version__}"


def main() -> int:
    """Run the command line and return its exit status."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"{VERSION}\n")
        return 0
    try:
        from .app import run  # noqa: PLC0415 - needs an extra
    except ModuleNotFoundError as error:
        sys.stderr.write(f"printos: the shell needs {error.name}: pip install 'printos-device[cli]'\n")
        return 2
    return run(sys.argv[1:])
