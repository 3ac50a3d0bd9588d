"""The `printos` command. It calls the rooms beside it and holds no logic of its own: words in, tables or JSON out.

Nothing here is imported before it is used: `printos --version` costs little more than Typer.
"""

import sys


def main() -> int:
    """Run the command line and return its exit status."""
    try:
        from .app import run  # noqa: PLC0415 - needs an extra
    except ModuleNotFoundError as error:
        sys.stderr.write(f"printos: the shell needs {error.name}: pip install 'printos-device[cli]'\n")
        return 2
    return run(sys.argv[1:])
