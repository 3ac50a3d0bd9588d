"""The man page, built from the same help that `--help` shows."""

from collections.abc import Iterator
from typing import Any

from printos_ext.version import __version__

from . import exits


def man_page(command: Any, description: str) -> str:
    """Return the page of a command with all its words, for `man -l`."""
    lines = [
        f'.TH PRINTOS 1 "" "printos-device {__version__}" "User Commands"',
        ".SH NAME",
        f"printos \\- {_roff(description)}",
        ".SH SYNOPSIS",
        ".B printos",
        "[OPTIONS] COMMAND [ARGS]...",
        ".SH OPTIONS",
        *_options(command),
        ".SH COMMANDS",
        *_commands(command, ()),
        ".SH EXIT STATUS",
        *(line for status, meaning in exits.MEANINGS.items() for line in (".TP", f".B {status}", _roff(meaning))),
        ".SH ENVIRONMENT",
        "PRINTOS_API_KEY, PRINTOS_API_SECRET, PRINTOS_BASE_URL, PRINTOS_PROFILE, PRINTOS_LOG, PRINTOS_NATS_USER,",
        "PRINTOS_NATS_PASSWORD, NO_COLOR",
    ]
    return "\n".join(lines) + "\n"


def leaves(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each command that does something, with its words."""
    for name, sub in command.commands.items():
        if hasattr(sub, "commands"):
            yield from leaves(sub, (*words, name))
        else:
            yield (*words, name), sub


def _commands(command: Any, words: tuple[str, ...]) -> Iterator[str]:
    for said, leaf in leaves(command, words):
        arguments = [argument.metavar or argument.name.upper() for argument in leaf.params if _is_argument(argument)]
        yield f".SS {_roff(' '.join(['printos', *said, *arguments]))}"
        yield _roff(leaf.help or "")
        yield from _options(leaf)


def _options(command: Any) -> Iterator[str]:
    for option in command.params:
        if not _is_argument(option) and not option.hidden:
            metavar = "" if option.is_flag else f" {option.metavar or option.name.upper()}"
            yield ".TP"
            yield f".B {_roff(', '.join([*option.opts, *option.secondary_opts]) + metavar)}"
            yield _roff(option.help or "")


def _is_argument(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "argument")


def _roff(text: str) -> str:
    """Return a text as one line that the formatter takes as it is."""
    escaped = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped[:1] in {".", "'"} else escaped
