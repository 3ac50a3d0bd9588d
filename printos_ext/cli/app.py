"""The words of `printos`, and what happens around each: options, errors, exit statuses."""

import io
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup
from typer.main import get_command

from . import VERSION, agents, attaching, config, devices, exits, fleets, manual, output
from .connecting import Said, never_dry
from .output import CommandError, ReaderGoneError, hush, tell

ABOUT = "Attach presses, printers and finishers to HP PrintOS."
EPILOG = "Exit status: " + ", ".join(f"{status} {meaning}" for status, meaning in exits.MEANINGS.items()) + "."
# The options of `printos` itself, with how many words follow each: they may stand anywhere.
ANYWHERE = {"--profile": 1, "--base-url": 1, "--timeout": 1, "--dry-run": 0, "--no-color": 0, "--verbose": 0, "-v": 0}
# What Typer calls it is public in some of its versions only.
USAGE_ERROR: type[Exception] = typer.BadParameter.__bases__[0]
LONGEST_TIMEOUT = 86_400.0
WITH_FIELDS = ("list", "get", "provision", "ensure")
SECTIONS = {
    "Devices": (
        "devices",
        "attach",
        "attached",
        "detach",
        "read",
        "discover",
        "capture",
        "agent",
        "outbox",
        "forward",
        "fleet",
    ),
    "Setting up": ("config", "doctor", "sandbox", "completion", "man"),
}


class Words(TyperGroup):
    """Shows the commands in sections."""

    def get_help_option(self, context: Any) -> Any:
        """Return `--help`, which whoever reads the help has found."""
        option = super().get_help_option(context)
        if option:
            option.hidden = True
        return option

    def format_commands(self, _: Any, formatter: Any) -> None:
        """Write the sections."""
        for title, names in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, _told(self.commands[name])) for name in names])


def _told(command: Any) -> str:
    """Return what a command does; of a group, its commands."""
    return ", ".join(command.commands) if hasattr(command, "commands") else command.get_short_help_str(60)


app = typer.Typer(
    cls=Words,
    help=ABOUT,
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=True,
)
app.add_typer(devices.group, name="devices")
app.add_typer(config.group, name="config")
app.add_typer(agents.agent, name="agent")
app.add_typer(agents.outbox, name="outbox")
app.add_typer(fleets.forward, name="forward")
app.add_typer(fleets.fleet, name="fleet")
attaching.add_to(app)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    *,
    version: Annotated[bool, typer.Option("--version", help="say which version this is")] = False,
    profile: Annotated[str | None, typer.Option("--profile", metavar="NAME", help="table of config.toml")] = None,
    base_url: Annotated[str | None, typer.Option("--base-url", metavar="URL", help="the server")] = None,
    timeout: Annotated[float | None, typer.Option("--timeout", metavar="SECONDS", help="for a whole call")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show the requests, send nothing")] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="no colours on a terminal, as with NO_COLOR")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="show each attempt on stderr")] = False,
) -> None:
    """Take the options that stand before the command."""
    if version:
        output.lines([VERSION])
        raise typer.Exit
    if verbose:
        os.environ["PRINTOS_LOG"] = "debug"
    if no_color:
        os.environ["NO_COLOR"] = "1"
    if timeout is not None and not 0 < timeout <= LONGEST_TIMEOUT:
        raise typer.BadParameter(f"--timeout takes seconds, up to a day, not {timeout}")
    said: dict[str, Any] = {"profile": profile, "base_url": base_url, "deadline": timeout, "timeout": timeout}
    context.obj = Said({name: value for name, value in said.items() if value is not None}, dry_run)


@app.command()
def doctor(
    context: typer.Context,
    support: Annotated[
        str | None, typer.Option("--support", metavar="FILE", help="write all about it, redacted")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="as JSON")] = False,
) -> None:
    """Say why it does not work: what is broken, and what to do."""
    from . import doctor as words  # noqa: PLC0415 - it brings what only it needs

    never_dry(context, "the doctor makes connections and one call")
    said: Said = context.obj
    options = {name: value for name, value in said.client.items() if name != "timeout"}
    raise typer.Exit(words.run(options, support, as_json=as_json))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def sandbox(context: typer.Context) -> None:
    """Run PrintOS on this machine (extra [sandbox])."""
    from printos_ext.sandbox.__main__ import main  # noqa: PLC0415 - another extra

    raise typer.Exit(main(context.args, program="printos sandbox"))


@app.command()
def completion(shell: Annotated[Literal["bash", "zsh", "fish"], typer.Argument(help="whose")]) -> None:
    """Print what makes a shell complete these words."""
    os.environ["_PRINTOS_COMPLETE"] = f"source_{shell}"
    get_command(app).main(args=[], prog_name="printos")


@app.command()
def man() -> None:
    """Print the man page: printos man | man -l -."""
    output.lines([manual.man_page(_command(), ABOUT)])


def run(arguments: Sequence[str]) -> int:
    """Run a command line to its exit status."""
    status = exits.OK
    tracebacks = os.environ.get("PRINTOS_LOG", "").lower() == "debug"
    _set_up_streams()
    try:
        words = _with_all_fields(_in_order(arguments))
        status = _command().main(args=words, prog_name="printos", standalone_mode=False) or exits.OK
    except SystemExit as end:  # of the sandbox
        status = end.code if isinstance(end.code, int) else exits.ERROR
    except USAGE_ERROR as error:
        status = _misused(error)
    except KeyboardInterrupt:
        status = exits.INTERRUPTED
    except ReaderGoneError:
        pass
    except CommandError as error:
        tell(str(error))
        status = error.status
    except OSError as error:  # of the help, which others write
        hush()
        tell(f"cannot write: {error.strerror}")
        status = exits.ERROR
    except Exception as error:
        known = exits.status_of(error)
        if known is None or tracebacks:
            raise
        tell(str(error))
        status = known
    return status


def _misused(error: Any) -> int:
    """Tell in one line what was not said right, or what there is to say if nothing was said."""
    message, context = error.format_message(), getattr(error, "ctx", None)
    if "\n" in message:
        sys.stderr.write(f"{message}\n")
    else:
        tell(f"{message.rstrip('.')}: see {context.command_path if context else 'printos'} --help")
    return exits.USAGE


def _command() -> Any:
    """Return the whole command; `printos completion` says better what two of its options say."""
    command = get_command(app)
    for option in command.params:
        option.hidden = str(option.name).endswith("_completion")  # type: ignore[attr-defined]  # all are options
    for _, leaf in manual.leaves(command):
        leaf.epilog = f"{', '.join(ANYWHERE)} may stand here too: printos --help."
    return command


def _in_order(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with the options of `printos` itself in front, wherever they were."""
    front: list[str] = []
    others: list[str] = []
    words = iter(arguments)
    for word in words:
        name, equals, _ = word.partition("=")
        if word == "--" or (word == "sandbox" and not others):  # which has options of its own
            others += [word, *words]
        elif name in ANYWHERE:
            front += [word, *([next(words, "")] if ANYWHERE[name] and not equals else [])]
        else:
            others.append(word)
    return [*front, *others]


def _with_all_fields(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with `--json` alone as `--json ""`: all fields."""
    said = list(arguments)
    if not any(said[place : place + 2] == ["devices", word] for word in WITH_FIELDS for place in range(len(said))):
        return said
    for place, word in reversed(list(enumerate(said))):
        follows = said[place + 1] if place + 1 < len(said) else "--"
        if word == "--json" and follows.startswith("-"):
            said.insert(place + 1, "")
    return said


def _set_up_streams() -> None:
    """Read and write UTF-8, whatever the locale says; what has no place in it becomes an escape."""
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115 - until the process ends
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - the same
    escaped = "backslashreplace"
    for stream, errors in ((sys.stdin, "surrogateescape"), (sys.stdout, escaped), (sys.stderr, escaped)):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors=errors)
