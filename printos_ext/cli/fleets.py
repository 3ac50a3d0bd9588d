"""`printos forward` and `printos fleet`: who sends what sites have put on NATS, and how all of it is doing."""

import asyncio
import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from . import output
from .agents import (
    UNIT_FILE,
    UNIT_SECRET,
    AsJson,
    File,
    LogJson,
    UnitFile,
    UnitSecret,
    begun,
    configuration_of,
    needing_nats,
    refusing,
    unit_of,
)

if TYPE_CHECKING:
    from printos_ext.agent.configuration import Configuration

forward = typer.Typer(help="Send what sites have put on NATS.", no_args_is_help=True)
fleet = typer.Typer(help="Look at what waits on NATS, and who sends it.", no_args_is_help=True)

COLUMNS = ("id", "host", "pid", "shares", "devices", "waiting", "oldest", "rate", "taken", "refused", "failed")


@forward.command()
def run(context: typer.Context, file: File = None, *, log_json: LogJson = False) -> None:
    """Send until SIGTERM, beside any number of others; SIGHUP reads the configuration again."""
    process = begun(context, as_json=log_json)
    forwarding = needing_nats("forwarding")
    refusing(lambda: process.run(lambda: _forwarding(context, file), forwarding.forwarder))


@forward.command()
def check(context: typer.Context, file: File = None) -> None:
    """Check the configuration and the credentials; ask nobody anything."""
    from printos_ext.agent.running import checked  # noqa: PLC0415 - it needs an extra

    configuration = _forwarding(context, file)
    checked(configuration)
    needing_nats("access").options([], configuration.nats)
    output.lines([f"ok: delivered to {configuration.printos.url} from {configuration.on_nats}"])


@forward.command()
def unit(file: UnitFile = UNIT_FILE, secret: UnitSecret = UNIT_SECRET) -> None:
    """Print a systemd unit: printos forward unit > /etc/systemd/system/printos-forward.service."""
    unit_of("forward run", file, secret)


@fleet.command()
def status(context: typer.Context, file: File = None, *, as_json: AsJson = False) -> None:
    """Say how many devices there are, what waits and for how long, and who sends how much."""
    words = needing_nats("status")
    configuration = _forwarding(context, file)
    told: dict[str, Any] = refusing(lambda: asyncio.run(words.fleet_status(configuration, dt.datetime.now(dt.UTC))))
    if as_json:
        output.line(told)
        return
    output.show(told["forwarders"], columns=COLUMNS)
    output.tell(
        f"{told['devices']} devices, {told['pending']} pending, the oldest for {told['oldest_seconds']:g} s, "
        f"{told['rate']:g}/s by {len(told['forwarders'])} forwarders, {told['refused']} refused, "
        f"{told['to_provision']} to provision"
    )


def _forwarding(context: typer.Context, file: Path | None) -> "Configuration":
    forwarding = needing_nats("forwarding")
    found: Configuration = forwarding.only_forwarding(configuration_of(context, file))
    return found
