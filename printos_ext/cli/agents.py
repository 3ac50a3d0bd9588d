"""`printos agent` and `printos outbox`: the service that keeps PrintOS up to date, and what waits in it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import exits, output
from .connecting import never_dry

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from printos_ext.agent.any_outbox import AnyOutbox
    from printos_ext.agent.configuration import Configuration
    from printos_ext.agent.letters import DeadLetter
    from printos_ext.agent.running import Agent

agent = typer.Typer(help="Keep PrintOS up to date about the devices here.", no_args_is_help=True)
outbox = typer.Typer(help="Look at what was refused, send it again, forget it.", no_args_is_help=True)

File = Annotated[Path | None, typer.Option("-c", "--config", metavar="FILE", help="else agent.toml beside config.toml")]
LogJson = Annotated[bool, typer.Option("--log-json", help="log JSON, one line for each event")]
Numbers = Annotated[
    list[int] | None, typer.Argument(metavar="NUMBER...", help="of the statuses, from printos outbox show")
]
All = Annotated[bool, typer.Option("--all", help="every refused status")]
UnitFile = Annotated[Path, typer.Option("-c", "--config", metavar="FILE")]
UnitSecret = Annotated[Path, typer.Option("--secret", metavar="FILE", help="the API secret")]
UNIT_FILE, UNIT_SECRET = Path("/etc/printos/agent.toml"), Path("/etc/printos/secret")
AsJson = Annotated[bool, typer.Option("--json", help="as JSON")]
MOST_TOLD = 10
COLUMNS = ("number", "device_id", "status", "observed_at", "refused_at", "reason")


@agent.command()
def run(context: typer.Context, file: File = None, *, log_json: LogJson = False) -> None:
    """Read and deliver until SIGTERM; SIGHUP reads the configuration again."""
    process = begun(context, as_json=log_json)
    refusing(lambda: process.run(lambda: configuration_of(context, file), _agent))


@agent.command()
def once(context: typer.Context, file: File = None, *, log_json: LogJson = False) -> None:
    """Read every device one time, deliver what waits, and end."""
    process = begun(context, as_json=log_json)
    done = refusing(lambda: process.once(configuration_of(context, file), _agent))
    output.tell(f"{done.taken} sent, {done.waiting} waiting, {done.unreadable} of {done.devices} devices unreadable")
    if done.waiting and done.failed:  # what only waits for its interval is sent the next time
        raise typer.Exit(exits.NO_ANSWER)
    if done.unreadable or done.refused:
        raise typer.Exit(exits.ERROR)


@agent.command()
def check(context: typer.Context, file: File = None) -> None:
    """Check the configuration and the credentials; ask nobody anything."""
    from collections import Counter  # noqa: PLC0415 - help and completion can do without it

    from printos_ext.agent.attached import read_attached, state_file  # noqa: PLC0415 - as above
    from printos_ext.agent.running import checked  # noqa: PLC0415 - as above

    configuration = configuration_of(context, file)
    checked(configuration, *([needing_nats("site").connect] if configuration.on_nats else []))
    server, waiting = configuration.on_nats or configuration.printos.url, configuration.outbox_path
    if exposed := configuration.exposed_in:
        output.tell(f"{exposed} holds secrets and everybody may read it: chmod o= {exposed}")
    output.lines([f"ok: {len(configuration.devices)} devices, delivered to {server} by way of {waiting}"])
    others = Counter(one.server for one in read_attached(state_file()) if one.server != configuration.printos.url)
    for url, count in others.items():
        output.tell(f"{count} attached here are devices of {url}, and not read")


@agent.command()
def unit(file: UnitFile = UNIT_FILE, secret: UnitSecret = UNIT_SECRET) -> None:
    """Print a systemd unit: printos agent unit > /etc/systemd/system/printos.service."""
    unit_of("agent run", file, secret)


@outbox.command()
def show(context: typer.Context, file: File = None, *, as_json: AsJson = False) -> None:
    """List what PrintOS refused for good, and why; say what waits. An agent may be running."""
    import asyncio  # noqa: PLC0415 - as above

    from printos_ext.agent.looking import look  # noqa: PLC0415 - as above

    configuration = configuration_of(context, file)
    if configuration.on_nats:
        seen = refusing(lambda: asyncio.run(needing_nats("opening").look(configuration)))
    else:
        seen = refusing(lambda: look(configuration.outbox_path))
    output.show([_row(letter) for letter in seen.dead], columns=COLUMNS, as_json="" if as_json else None)
    counts = seen.counts
    lost = f", {counts.lost} lost to damage" if counts.lost else ""
    output.tell(f"{counts.waiting} waiting, {counts.dead} refused, {counts.dropped} dropped{lost}")


@outbox.command()
def retry(context: typer.Context, numbers: Numbers = None, file: File = None, *, every: All = False) -> None:
    """Send refused statuses again, but none whose device has a newer one. No agent may be running."""
    _each(context, file, _chosen(numbers, every=every), lambda box, number: box.retry(number))


@outbox.command()
def drop(context: typer.Context, numbers: Numbers = None, file: File = None, *, every: All = False) -> None:
    """Forget refused statuses. No agent may be running."""
    _each(context, file, _chosen(numbers, every=every), lambda box, number: box.drop(number))


def unit_of(words: str, file: Path, secret: Path) -> None:
    """Print a systemd unit that runs these words of `printos`."""
    from printos_ext.agent import service  # noqa: PLC0415 - as above

    file, secret = file.absolute(), secret.absolute()
    output.lines(service.unit(words, file, secret).splitlines())
    for path in service.hidden(Path(sys.executable), file):
        output.tell(f"the service does not see {path}: have it outside {', '.join(service.HIDDEN)}")


def needing_nats(module: str) -> Any:
    """Return a module about a fleet, which needs an extra."""
    import logging  # noqa: PLC0415 - as above
    from importlib import import_module  # noqa: PLC0415 - as above

    # Who asks one thing is told in one line; who runs for long has a log.
    log = logging.getLogger("printos_ext")
    log.handlers = log.handlers or [logging.NullHandler()]
    try:
        return import_module(f"printos_ext.fleet.{module}")
    except ModuleNotFoundError as error:
        told = f"NATS needs {error.name}: pip install 'printos-device[agent,nats]'"
        raise output.CommandError(told, exits.USAGE) from None


def _agent(configuration: "Configuration") -> "Agent":
    """Return what reads devices and tells PrintOS or, if statuses wait on NATS, the forwarders."""
    from printos_ext.agent.running import Agent  # noqa: PLC0415 - as above

    if not configuration.on_nats:
        return Agent(configuration)
    agent: Agent = needing_nats("site").site(configuration)
    return agent


def configuration_of(context: typer.Context, file: Path | None) -> "Configuration":
    """Read the configuration; without a file, that of a machine that has only attached devices."""
    from printos_ext.agent.attached import read_attached, state_file  # noqa: PLC0415 - as above
    from printos_ext.agent.configuration import parsed, read_configuration  # noqa: PLC0415 - as above
    from printos_ext.profiles import config_file  # noqa: PLC0415 - as above

    said = {name: value for name, value in context.obj.client.items() if name in {"base_url", "profile"}}
    attached, usual = read_attached(state_file()), config_file().with_name("agent.toml")
    if file is None and not usual.exists():
        return parsed("", attached, name=str(usual), instead=said)
    return read_configuration(file or usual, attached, instead=said)


def begun(context: typer.Context, *, as_json: bool) -> Any:
    """Log to stderr from here on, and return what runs an agent."""
    never_dry(context, "an agent delivers")
    try:
        from printos_ext.agent import process  # noqa: PLC0415 - it needs an extra
    except ModuleNotFoundError as error:
        told = f"the agent needs {error.name}: pip install 'printos-device[agent]'"
        raise output.CommandError(told, exits.USAGE) from None
    from printos_ext.agent.events import log_to_stderr  # noqa: PLC0415 - help and completion can do without it

    log_to_stderr(as_json=as_json)
    return process


def refusing(work: "Callable[[], Any]") -> Any:
    """Do something with the outbox; what it cannot take or give is told in one line."""
    from printos_ext.agent.outbox import OutboxError  # noqa: PLC0415 - as above

    try:
        return work()
    except OutboxError as error:
        status = exits.NO_ANSWER if isinstance(error, ConnectionError) else exits.ERROR
        raise output.CommandError(str(error), status) from None


def _chosen(numbers: list[int] | None, *, every: bool) -> list[int] | None:
    """Return the numbers, each once; None for all."""
    if bool(numbers) == every:
        raise typer.BadParameter("say which: NUMBER..., or --all")
    return list(dict.fromkeys(numbers)) if numbers else None


def _each(
    context: typer.Context,
    file: Path | None,
    numbers: list[int] | None,
    do: "Callable[[AnyOutbox, int], Awaitable[None]]",
) -> None:
    """Do something with refused statuses; those with which it cannot be done are told, and the others are done."""
    import asyncio  # noqa: PLC0415 - as above

    from printos_ext.agent.running import outbox_of  # noqa: PLC0415 - as above

    never_dry(context, "this sends nothing and changes the outbox")

    def outbox_in(configuration: "Configuration") -> "AbstractAsyncContextManager[AnyOutbox]":
        if not configuration.on_nats:
            return outbox_of(configuration)
        on_nats: AbstractAsyncContextManager[AnyOutbox] = needing_nats("opening").jetstream(configuration)
        return on_nats

    async def use() -> list[BaseException | None]:
        async with outbox_in(configuration_of(context, file)) as box:
            there = [letter.number for letter in box.dead()]
            asked = sorted(there if numbers is None else numbers, reverse=True)  # the newest of a device is put back
            known = (do(box, number) if number in there else _unknown(number) for number in asked)
            return await asyncio.gather(*known, return_exceptions=True)

    results = refusing(lambda: asyncio.run(use()))
    errors = [error for error in results if error]
    for error in errors[:MOST_TOLD]:
        output.tell(str(error))
    if len(errors) > MOST_TOLD:
        output.tell(f"and {len(errors) - MOST_TOLD} more")
    if len(results) > 1:
        output.tell(f"{len(results) - len(errors)} of {len(results)} done")
    if errors:
        raise typer.Exit(exits.ERROR)


async def _unknown(number: int) -> None:
    from printos_ext.agent.outbox import OutboxError  # noqa: PLC0415 - as above

    raise OutboxError(f"no refused status has the number {number}: see printos outbox show")


def _row(letter: "DeadLetter") -> dict[str, Any]:
    status = letter.status
    return {
        "number": letter.number,
        "device_id": status.device_id,
        "status": status.status,
        "pages_total": status.pages_total,
        "ink_level": status.ink_level,
        "observed_at": status.observed_at.isoformat(),
        "refused_at": letter.refused_at.isoformat(),
        "reason": letter.reason,
    }
