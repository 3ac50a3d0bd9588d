"""`python -m printos_ext.sandbox`: the sandbox in a terminal."""

import argparse
import shlex
import sqlite3
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .behaviours import NAMES

if TYPE_CHECKING:
    from .server import Sandbox


def parser(program: str) -> argparse.ArgumentParser:
    """Return what can be said on the command line."""
    words = argparse.ArgumentParser(prog=program, description="PrintOS on your own machine.")
    words.add_argument("--port", type=int, default=0, help="where to listen; a free port if it is not given")
    words.add_argument(
        "--host", default="127.0.0.1", help="the address to listen on; others than loopback let others in"
    )
    words.add_argument("--db", metavar="FILE", help="keep the devices in this file")
    words.add_argument("--auth", choices=["hmac", "session", "none"], default="hmac", help="credentials to ask for")
    words.add_argument("--key", default="sandbox", help="API key, or the administrator's login")
    words.add_argument("--secret", default="sandbox-secret", help="API secret, or the administrator's password")
    words.add_argument("--min-interval", type=float, default=0, metavar="SECONDS", help="between reports of a device")
    words.add_argument("--seed", type=int, metavar="NUMBER", help="ids and chance follow from it")
    words.add_argument("--tls", action="store_true", help="serve over TLS, with a certificate of its own")
    words.add_argument("--spec", metavar="FILE", help="serve this OpenAPI document instead of the bundled one")
    words.add_argument("--no-control", action="store_true", help="nothing under /__sandbox__/")
    words.add_argument("--journal", type=int, default=1000, metavar="NUMBER", help="requests to remember")
    words.add_argument(
        "--without", action="append", default=[], choices=NAMES, metavar="BEHAVIOUR", help=f"any of {', '.join(NAMES)}"
    )
    return words


def main(arguments: Sequence[str] | None = None, program: str = "python -m printos_ext.sandbox") -> int:
    """Serve until a signal comes."""
    said = vars(parser(program).parse_args(arguments))
    said["auth"] = None if said["auth"] == "none" else said["auth"]
    said["control"] = not said.pop("no_control")
    said["without"] = tuple(said["without"])
    try:
        from . import Sandbox  # noqa: PLC0415 - needs an extra
        from .schemas import ContractError  # noqa: PLC0415 - the same
        from .store import StoreError  # noqa: PLC0415 - the same
    except ModuleNotFoundError as error:
        sys.stderr.write(f"sandbox: {error}\n")
        return 2
    try:
        Sandbox(**said).run(_announce)
    except (OSError, ContractError, StoreError, sqlite3.Error, ValueError, OverflowError) as error:
        sys.stderr.write(f"sandbox: {error}\n")
        return 2
    return 0


def _announce(sandbox: "Sandbox") -> None:
    settings = {
        "PRINTOS_BASE_URL": sandbox.url,
        "PRINTOS_API_KEY": sandbox.key,
        "PRINTOS_API_SECRET": sandbox.secret,
    }
    if sandbox.url.startswith("https"):
        settings["SSL_CERT_FILE"] = str(sandbox.ca_file)
    exports = [f"export {name}={shlex.quote(value)}\n" for name, value in settings.items()]
    sys.stdout.write("".join([f"# PrintOS sandbox: {sandbox.url}\n", *exports]))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
