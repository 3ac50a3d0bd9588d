"""`printos devices …`: the methods of `PrintOS.devices` as words."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import exits, imports, output, statuses
from .connecting import connected, is_dry_run

if TYPE_CHECKING:
    from printos_client.models import PrintDevice

group = typer.Typer(help="List, register and report devices.", no_args_is_help=True)

AsJson = Annotated[str | None, typer.Option("--json", metavar="[FIELDS]", help="JSON; only these fields, if any")]
AsCsv = Annotated[bool, typer.Option("--csv", help="CSV with a header")]
Model = Annotated[str, typer.Option("--model", help="as it is sold")]
SerialNumber = Annotated[str, typer.Option("--serial", help="serial number")]
Location = Annotated[str | None, typer.Option("--location", help="where it stands")]
Concurrency = Annotated[int, typer.Option("--concurrency", min=1, help="calls under way at once")]


@group.command("list")
def list_devices(context: typer.Context, as_json: AsJson = None, *, as_csv: AsCsv = False) -> None:
    """List all devices."""
    if as_csv and as_json is not None:
        raise typer.BadParameter("--json and --csv exclude each other")
    with connected(context) as printos:
        rows = [_row(device) for device in printos.devices.list()]
    output.show(rows, as_json=as_json, as_csv=as_csv)


@group.command()
def get(
    context: typer.Context,
    device_id: Annotated[str | None, typer.Argument(metavar="ID", help="the device's id")] = None,
    as_json: AsJson = None,
) -> None:
    """Show one device."""
    if device_id is None:  # `--json` has taken it for a list of fields
        device_id, as_json = as_json, ""
    if not device_id:
        raise typer.BadParameter("the ID is missing")
    with connected(context) as printos:
        row = _row(printos.devices.get(device_id))
    output.show([row], as_json=as_json, one=True)


@group.command()
def provision(
    context: typer.Context, model: Model, serial: SerialNumber, location: Location = None, as_json: AsJson = None
) -> None:
    """Register a device; one of the same model and serial number is REPLACED."""
    output.check_fields(as_json)
    with connected(context) as printos:
        device = printos.devices.provision(model=model, serial_number=serial, location=location)
    output.show([_row(device)], as_json=as_json, one=True)


@group.command()
def ensure(
    context: typer.Context, model: Model, serial: SerialNumber, location: Location = None, as_json: AsJson = None
) -> None:
    """Register a device unless it is registered already."""
    output.check_fields(as_json)
    with connected(context) as printos:
        device = printos.devices.ensure(model=model, serial_number=serial, location=location)
    output.show([_row(device)], as_json=as_json, one=True)


@group.command("import")
def import_devices(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="CSV or JSON; - is standard input")],
    results: Annotated[str | None, typer.Option("--results", help="where to; else FILE.results.ndjson")] = None,
    concurrency: Concurrency = 8,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="count the results as one JSON object")] = False,
) -> None:
    """Register many devices, once each; run again, it goes on where it stopped."""
    rows = imports.read_rows(file)
    place = imports.results_file(file, results)
    with connected(context) as printos:
        if is_dry_run(context):
            raise typer.Exit(imports.rehearse(printos, rows))
        counts = imports.import_rows(printos, rows, place, concurrency)
    if as_json:
        output.line({"rows": len(rows), **counts, "results": str(place)})
    raise typer.Exit(exits.ERROR if counts["failed"] or counts["unknown"] else exits.OK)


@group.command()
def status(
    context: typer.Context,
    device_id: Annotated[str, typer.Argument(metavar="ID", help="the device's id")],
    state: Annotated[str, typer.Argument(metavar="STATE", help="DS_ON, DS_OFF, DS_PRINTING, DS_STANDBY, DS_ERROR, …")],
    pages: Annotated[int | None, typer.Option("--pages", help="pages printed in all")] = None,
    ink: Annotated[float | None, typer.Option("--ink", help="ink level")] = None,
    metric: Annotated[list[str] | None, typer.Option("--metric", metavar="NAME=VALUE", help="any other")] = None,
) -> None:
    """Report what a device does now."""
    from printos_ext.flows import StatusUpdate, report_call  # noqa: PLC0415 - help and completion can do without httpx

    more = dict(_metric(text) for text in metric or [])
    for option, given, name in (("--pages", pages, "pagesTotal"), ("--ink", ink, "inkLevel")):
        if given is not None and name in more:
            raise typer.BadParameter(f"{option} is {name}: say it once")
    with connected(context) as printos:
        # Not as keywords: a metric may have any name, also that of a parameter.
        printos.send(report_call(StatusUpdate(device_id, state, pages, ink, more)))


@group.command()
def report(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="NDJSON; - is standard input")],
    concurrency: Concurrency = 8,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="tell what became of each line, as NDJSON")] = False,
) -> None:
    """Report for many devices: {"id": …, "status": …, "metrics": {…}} a line."""
    with connected(context) as printos:
        send = statuses.Report(as_json=as_json).send
        ended = statuses.read(file, lambda stream: send(printos, stream, concurrency))
    raise typer.Exit(ended)


def _row(device: "PrintDevice") -> dict[str, Any]:
    return device.to_dict()


def _metric(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise typer.BadParameter(f"{text!r} is not NAME=VALUE")
    try:
        return name, json.loads(value)
    except (ValueError, RecursionError):
        return name, value
