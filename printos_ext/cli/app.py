"""The words of `printos`, and what happens around each: options, errors, exit statuses."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.main import get_command

from . import devices, exits
from .output import CannotShowError, ReaderGoneError, printable

EPILOG = "Exit status: " + ", ".join(f"{status} {meaning}" for status, meaning in exits.MEANINGS.items()) + "."

app = typer.Typer(
    help="Attach presses, printers and finishers to HP PrintOS.",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(devices.group, name="devices")


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    *,
    version: Annotated[bool, typer.Option("--version", help="say which version this is")] = False,
    profile: Annotated[str | None, typer.Option("--profile", help="table of config.toml to use")] = None,
    base_url: Annotated[str | None, typer.Option("--base-url", help="the server")] = None,
    timeout: Annotated[float | None, typer.Option("--timeout", help="seconds for a whole call")] = None,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="show each attempt on stderr")] = False,
) -> None:
    """Take the options that stand before the command."""
    if version:
        from printos_ext.version import __version__  # noqa: PLC0415 - beside what it is for

        sys.stdout.write(f"printos {__version__}\n")
        raise typer.Exit
    if verbose:
        os.environ["PRINTOS_LOG"] = "debug"
    said: dict[str, Any] = {"profile": profile, "base_url": base_url, "deadline": timeout}
    context.obj = {name: value for name, value in said.items() if value is not None}


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def sandbox(context: typer.Context) -> None:
    """Run PrintOS on this machine (extra [sandbox]); its own --help says how."""
    from printos_ext.sandbox.__main__ import main  # noqa: PLC0415 - another extra

    raise typer.Exit(main(context.args, program="printos sandbox"))


def run(arguments: Sequence[str]) -> int:
    """Run a command line to its exit status."""
    status = exits.OK
    try:
        get_command(app).main(args=_with_all_fields(arguments), prog_name="printos")
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else exits.OK
    except KeyboardInterrupt:
        status = exits.INTERRUPTED
    except ReaderGoneError:
        _hush()
    except CannotShowError as error:
        _hush()
        status = _told(error, error.status)
    except Exception as error:
        known = exits.status_of(error)
        if known is None or os.environ.get("PRINTOS_LOG") == "debug":
            raise
        status = _told(error, known)
    return status


def _with_all_fields(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with `--json` alone as `--json ""`: all fields."""
    said = list(arguments)
    for place, word in reversed(list(enumerate(said))):
        follows = said[place + 1] if place + 1 < len(said) else "--"
        if word == "--json" and follows.startswith("-") and "report" not in said[:place]:
            said.insert(place + 1, "")
    return said


def _told(error: Exception, status: int) -> int:
    sys.stderr.write(f"printos: {printable(str(error))}\n")
    return status


def _hush() -> None:
    """Let what is still to be written go nowhere: Python would try once more when it ends, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
