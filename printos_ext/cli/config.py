"""`printos config …`: the profiles of `config.toml`. Secrets come in through a terminal or a pipe, never as a word."""

import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import exits, output
from .connecting import Said, connected

if TYPE_CHECKING:
    from collections.abc import Callable

group = typer.Typer(help="See and set what a call needs.", no_args_is_help=True)


@group.command()
def path() -> None:
    """Say where the file with the profiles is, or would be."""
    from printos_ext.profiles import config_file  # noqa: PLC0415 - help and completion can do without httpx

    output.lines([str(config_file())])


@group.command()
def show(
    context: typer.Context, *, as_json: Annotated[bool, typer.Option("--json", help="as one JSON object")] = False
) -> None:
    """Show each setting and where it comes from."""
    from printos_ext.settings import look_up, shown_url  # noqa: PLC0415 - help and completion can do without httpx

    said: Said = context.obj
    found = look_up({"base_url": said.client.get("base_url")}, profile=said.client.get("profile"))
    shown = {name: "(set)" if name == "secret" and one.value else one.value for name, one in found.items()}
    shown["base_url"] = shown_url(str(shown["base_url"]))
    if as_json:
        output.line({name: {"value": shown[name], "from": one.origin} for name, one in found.items()})
    else:
        rows = ((name, shown[name] or "(missing)", one.origin or "") for name, one in found.items())
        output.lines("\t".join(map(output.printable, row)) for row in rows)


@group.command("set")
def set_setting(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="key, secret or base_url")],
    value: Annotated[str | None, typer.Argument(metavar="[VALUE]", help="empty takes it out; - is stdin")] = None,
) -> None:
    """Write one setting of the profile; a secret is read from the terminal or stdin."""
    from printos_ext.profiles import SETTINGS  # noqa: PLC0415 - help and completion can do without httpx

    if name not in SETTINGS:
        raise typer.BadParameter(f"there are {', '.join(SETTINGS)}, and no {name!r}")
    if name == "secret" and value not in {None, "", "-"}:
        raise typer.BadParameter("a secret on the command line is seen by others: leave it out, and it is asked for")
    if value in {None, "-"}:
        value = _asked(f"API {name}: ", hidden=name == "secret")
    _store(context, {name: value or ""})


@group.command()
def login(
    context: typer.Context,
    key: Annotated[str | None, typer.Option("--key", help="API key; else it is asked for")] = None,
    *,
    check: Annotated[bool, typer.Option("--check/--no-check", help="list the devices with them first")] = True,
) -> None:
    """Store key and secret in the profile, if PrintOS takes them. A pipe gives them a line each."""
    key = key or _asked("API key: ", hidden=False)
    secret = _asked("API secret: ", hidden=True)
    said: Said = context.obj
    options: dict[str, Any] = {name: value for name, value in said.client.items() if name != "profile"}
    base_url = options.get("base_url") or _stored_base_url(said)
    if check:
        trial = Said({**options, "base_url": base_url, "key": key, "secret": secret}, said.dry_run)
        with connected(context, trial) as printos:
            printos.devices.list()
    _store(
        context, {"key": key, "secret": secret, **{name: options[name] for name in ("base_url",) if name in options}}
    )


def _stored_base_url(said: Said) -> str | None:
    """Return the server of a profile, which may not be there yet."""
    from printos_ext.errors import ConfigurationError  # noqa: PLC0415 - help and completion can do without httpx
    from printos_ext.settings import BASE_URL, look_up  # noqa: PLC0415 - the same

    try:
        return look_up(profile=said.client.get("profile"))["base_url"].value
    except ConfigurationError:
        return os.environ.get("PRINTOS_BASE_URL") or BASE_URL


def _store(context: typer.Context, changes: dict[str, str]) -> None:
    from printos_ext.auth import HmacAuth  # noqa: PLC0415 - help and completion can do without httpx
    from printos_ext.profiles import DEFAULT_PROFILE, write_profile  # noqa: PLC0415 - the same
    from printos_ext.settings import checked_url, chosen_profile  # noqa: PLC0415 - the same

    checks: dict[str, Callable[[str], object]] = {
        "key": lambda key: HmacAuth(key, "secret"),
        "secret": lambda secret: HmacAuth("key", secret),
        "base_url": checked_url,
    }
    for name, value in changes.items():
        if value:
            checks[name](value)
    said: Said = context.obj
    file, profile = chosen_profile(said.client.get("profile"))
    if said.dry_run:
        output.tell(f"would write {', '.join(changes)} to {file} [{profile or DEFAULT_PROFILE}]")
        return
    write_profile(file, profile or DEFAULT_PROFILE, changes)
    output.tell(f"wrote {', '.join(changes)} to {file} [{profile or DEFAULT_PROFILE}]")


def _asked(question: str, *, hidden: bool) -> str:
    """Return what a person types, or the next line of a pipe; nothing is asked where nobody can answer."""
    if sys.stdin.isatty():
        if not hidden:
            sys.stderr.write(question)
            sys.stderr.flush()
        from getpass import getpass  # noqa: PLC0415 - rarely needed

        answer = getpass(question) if hidden else sys.stdin.readline()
    else:
        answer = sys.stdin.readline()
    if not answer.strip():
        raise output.CommandError(f"no {question.rstrip(': ')}: type it, or give it as a line of stdin", exits.USAGE)
    return answer.strip()
