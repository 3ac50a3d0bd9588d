"""`printos agent` and `printos outbox`: the service that keeps PrintOS up to date, and what waits in it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import exits, output
from .connecting import is_dry_run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from printos_ext.agent.configuration import Configuration
    from printos_ext.agent.outbox import DeadLetter, Outbox

agent = typer.Typer(help="Keep PrintOS up to date about the devices here.", no_args_is_help=True)
outbox = typer.Typer(help="Look at what was refused, send it again, forget it.", no_args_is_help=True)

File = Annotated[Path | None, typer.Option("-c", "--config", metavar="FILE", help="else agent.toml beside config.toml")]
LogJson = Annotated[bool, typer.Option("--log-json", help="log JSON, one line for each event")]
Number = Annotated[int, typer.Argument(metavar="NUMBER", help="of the status, from printos outbox show")]
AsJson = Annotated[bool, typer.Option("--json", help="as JSON")]
COLUMNS = ("number", "device_id", "status", "observed_at", "refused_at", "reason")


@agent.command()
def run(context: typer.Context, file: File = None, *, log_json: LogJson = False) -> None:
    """Read and deliver until SIGTERM; SIGHUP reads the configuration again."""
    process = _begun(context, as_json=log_json)
    _refusing(lambda: process.run(lambda: _configuration(context, file)))


@agent.command()
def once(context: typer.Context, file: File = None, *, log_json: LogJson = False) -> None:
    """Read every device one time, deliver what waits, and end."""
    process = _begun(context, as_json=log_json)
    done = _refusing(lambda: process.once(_configuration(context, file)))
    output.tell(f"{done.taken} sent, {done.waiting} waiting, {done.unreadable} of {done.devices} devices unreadable")
    if done.waiting and done.failed:  # what only waits for its interval is sent the next time
        raise typer.Exit(exits.NO_ANSWER)
    if done.unreadable or done.refused:
        raise typer.Exit(exits.ERROR)


@agent.command()
def check(context: typer.Context, file: File = None) -> None:
    """Check the configuration and the credentials; ask nobody anything."""
    from printos_ext.agent.running import checked  # noqa: PLC0415 - as above

    configuration = _configuration(context, file)
    checked(configuration)
    server, waiting = configuration.printos.url, configuration.outbox_path
    if exposed := configuration.exposed_in:
        output.tell(f"{exposed} holds secrets and everybody may read it: chmod o= {exposed}")
    output.lines([f"ok: {len(configuration.devices)} devices, delivered to {server} by way of {waiting}"])


@agent.command()
def unit(
    file: Annotated[Path, typer.Option("-c", "--config", metavar="FILE")] = Path("/etc/printos/agent.toml"),
    secret: Annotated[Path, typer.Option("--secret", metavar="FILE", help="the API secret")] = Path(
        "/etc/printos/secret"
    ),
) -> None:
    """Print a systemd unit: printos agent unit > /etc/systemd/system/printos.service."""
    from printos_ext.agent.service import unit as written  # noqa: PLC0415 - as above

    output.lines(written(file, secret).splitlines())


@outbox.command()
def show(context: typer.Context, file: File = None, *, as_json: AsJson = False) -> None:
    """List what PrintOS refused for good, and why; say what waits."""

    async def look(box: "Outbox") -> None:
        counts = box.counts()
        output.show([_row(letter) for letter in box.dead()], columns=COLUMNS, as_json="" if as_json else None)
        output.tell(f"{counts.waiting} waiting, {counts.dead} refused, {counts.dropped} dropped")

    _open(context, file, look)


@outbox.command()
def retry(context: typer.Context, number: Number, file: File = None) -> None:
    """Send a refused status again, unless the device has a newer one."""
    _open(context, file, lambda box: _known(box, number).retry(number))


@outbox.command()
def drop(context: typer.Context, number: Number, file: File = None) -> None:
    """Forget a refused status."""
    _open(context, file, lambda box: _known(box, number).drop(number))


def _configuration(context: typer.Context, file: Path | None) -> "Configuration":
    """Read the configuration; without a file, that of a machine that has only attached devices."""
    from printos_ext.agent.attached import read_attached, state_file  # noqa: PLC0415 - as above
    from printos_ext.agent.configuration import parsed, read_configuration  # noqa: PLC0415 - as above
    from printos_ext.profiles import config_file  # noqa: PLC0415 - as above

    said = {name: value for name, value in context.obj.client.items() if name in {"base_url", "profile"}}
    attached, usual = read_attached(state_file()), config_file().with_name("agent.toml")
    if file is None and not usual.exists():
        return parsed("", attached, name=str(usual), instead=said)
    return read_configuration(file or usual, attached, instead=said)


def _begun(context: typer.Context, *, as_json: bool) -> Any:
    """Log to stderr from here on, and return what runs an agent."""
    if is_dry_run(context):
        raise typer.BadParameter("an agent delivers: there is no --dry-run of it")
    try:
        from printos_ext.agent import process  # noqa: PLC0415 - it needs an extra
    except ModuleNotFoundError as error:
        told = f"the agent needs {error.name}: pip install 'printos-device[agent]'"
        raise output.CommandError(told, exits.USAGE) from None
    from printos_ext.agent.events import log_to_stderr  # noqa: PLC0415 - help and completion can do without it

    log_to_stderr(as_json=as_json)
    return process


def _refusing(work: "Callable[[], Any]") -> Any:
    """Do something with the outbox; what it cannot take or give is told in one line."""
    from printos_ext.agent.outbox import OutboxError  # noqa: PLC0415 - as above

    try:
        return work()
    except OutboxError as error:
        raise output.CommandError(str(error), exits.ERROR) from None


def _open(context: typer.Context, file: Path | None, use: "Callable[[Outbox], Awaitable[None]]") -> None:
    """Use the outbox; an agent that runs keeps it to itself."""
    import asyncio  # noqa: PLC0415 - as above

    from printos_ext.agent.running import outbox_of  # noqa: PLC0415 - as above

    async def opened() -> None:
        async with outbox_of(_configuration(context, file)) as box:
            await use(box)

    _refusing(lambda: asyncio.run(opened()))


def _known(box: "Outbox", number: int) -> "Outbox":
    if number not in {letter.number for letter in box.dead()}:
        raise output.CommandError(f"no refused status has the number {number}: see printos outbox show", exits.ERROR)
    return box


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
