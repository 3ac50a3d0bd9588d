"""What may stand in the agent's configuration: checks that return None, or say what is wrong. No I/O."""

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from printos_ext import arguments
from printos_ext.errors import ConfigurationError, InvalidArgumentError
from printos_ext.settings import checked_url
from printos_ext.sources.opening import open_source
from printos_ext.sources.reading import SourceError

Check = Callable[[Any], str | None]

LONGEST = 7 * 24 * 3600.0
HIGHEST_PORT = 65_535
NATS, SQLITE = ("nats://", "tls://"), "sqlite:"
SERVER = re.compile(r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?", re.ASCII)
VARIABLE = re.compile(r"\$(\w+|\{[^}]*\})", re.ASCII)


def kind(value: Any) -> str:
    """Return what kind of value this is, where the value itself may be a secret."""
    kinds = {str: "a text", list: "a list of something else", dict: "a table", bool: "true or false"}
    return kinds.get(type(value), "a number or a date")


def number(lowest: float, highest: float = LONGEST, *, whole: bool = False) -> Check:
    """Return a check for a number."""
    kinds = (int,) if whole else (int, float)

    def check(value: Any) -> str | None:
        fits = isinstance(value, kinds) and not isinstance(value, bool) and lowest <= value <= highest
        return None if fits else f"a {'whole ' * whole}number from {lowest:,} to {highest:,} is due, not {value!r}"

    return check


def text(value: Any) -> str | None:
    """Check for a text that says something; what else it is may be a secret."""
    if isinstance(value, str):
        return None if value.strip() else "a text is due, not an empty one"
    return f"a text is due, not {kind(value)}"


def file(value: Any) -> str | None:
    """Check for the name of a file."""
    if isinstance(value, str) and "\0" in value:
        return f"no file can be called {value!r}: there is a NUL in it"
    return text(value)


def file_to_write(value: Any, environment: Mapping[str, str] = os.environ) -> str | None:
    """Check for the name of a file that will be made, where nobody would notice a `$VARIABLE` that nobody set."""
    if (why := file(value)) is not None:
        return why
    if value.startswith("~"):
        return f"~ means nothing here: $HOME does, or the whole name, not {value!r}"
    unset = [name for name in VARIABLE.findall(value) if name.strip("{}") not in environment]
    return f"${unset[0]} is not set, in {value!r}" if unset else None


def outbox(value: Any) -> str | None:
    """Check for where statuses wait: a file, or servers of NATS."""
    if isinstance(value, str) and value.startswith(NATS):
        found = [SERVER.fullmatch(one) for one in value.partition("://")[2].split(",")]
        fits = all(one and int(one[1] or 0) <= HIGHEST_PORT for one in found)
        return None if fits else f"nats://HOST:PORT, or several of them with commas, is due, not {_hidden(value)!r}"
    if isinstance(value, str) and "://" in value:
        return f"statuses can wait in a file, or on nats:// or tls://, and not in {_hidden(value)!r}"
    return file_to_write(value.removeprefix(SQLITE) if isinstance(value, str) else value)


def name_of_fleet(value: Any) -> str | None:
    """Check for what can be the beginning of subjects, and of the names of streams."""
    fits = isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,32}", value)
    return None if fits else f"1 to 32 letters, digits, - or _ are due, not {value!r}"


def _hidden(value: str) -> str:
    """Return an address without what may be a password: that is named by [nats] password_file."""
    return re.sub(r"[^/,]*@", "…@", value)


def device_id(value: Any) -> str | None:
    """Check for an id that names one device."""
    try:
        arguments.device_id(value)
    except InvalidArgumentError as error:
        return str(error)
    return None


def flag(value: Any) -> str | None:
    """Check for true or false."""
    return None if isinstance(value, bool) else f"true or false is due, not {value!r}"


def one_of(*words: str) -> Check:
    """Return a check for one of some words."""
    return lambda value: None if value in words else f"one of {', '.join(words)} is due, not {value!r}"


def address(value: Any) -> str | None:
    """Check for where to listen: HOST:PORT, or off."""
    if value == "off":
        return None
    host, _, port = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    fits = (
        host.isprintable()
        and host.split() == [host]
        and re.fullmatch(r"[0-9]{1,5}", port)
        and int(port) <= HIGHEST_PORT
    )
    return None if fits else f"HOST:PORT or off is due, not {value!r}"


def url(value: Any) -> str | None:
    """Check for a server."""
    try:
        checked_url(value)
    except ConfigurationError as error:
        return str(error)
    return None


def readable_from(value: Any) -> str | None:
    """Check for the addresses of a device; nothing is sent."""
    if not (isinstance(value, list) and value and all(isinstance(one, str) for one in value)):
        return f"a list of addresses is due, not {kind(value)}"
    try:
        for one in value:
            open_source(one)
    except SourceError as error:
        return str(error)
    return None
