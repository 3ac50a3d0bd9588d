"""The client that a command calls with; in a dry run, one whose requests are shown instead of sent."""

import json
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import typer

from . import output

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from printos_ext.client import PrintOS


class Said(NamedTuple):
    """What the options of `printos` itself say."""

    client: dict[str, Any]
    dry_run: bool = False


@contextmanager
def connected(context: typer.Context, said: Said | None = None) -> "Iterator[PrintOS]":
    """Give the client that the options ask for; a dry run ends the command when it has shown its requests."""
    from printos_ext.client import PrintOS  # noqa: PLC0415 - help and completion can do without httpx
    from printos_ext.errors import NotFoundError  # noqa: PLC0415 - the same

    said = said or context.obj
    if not said.dry_run:
        with PrintOS(**said.client) as printos:
            yield printos
        return
    with _unsent() as http, PrintOS(**said.client, http_client=http) as printos, suppress(NotFoundError):
        yield printos
    raise typer.Exit


def is_dry_run(context: typer.Context) -> bool:
    """Tell whether requests are only shown."""
    said: Said = context.obj
    return said.dry_run


def never_dry(context: typer.Context, does: str) -> None:
    """Refuse a dry run of a word that does something which is no request."""
    if is_dry_run(context):
        raise typer.BadParameter(f"{does}: there is no --dry-run of it")


def _unsent() -> "httpx.Client":
    """Return a client that shows each request, without its secrets, and answers as a platform without devices."""
    import httpx  # noqa: PLC0415 - help and completion can do without it

    from printos_ext.reports import without_secrets  # noqa: PLC0415 - the same

    def show(request: httpx.Request) -> httpx.Response:
        request.read()
        shown = without_secrets(request, ())
        lines = [f"{shown.method} {shown.url}", *(f"{name}: {value}" for name, value in shown.headers.items()), ""]
        if shown.content:
            lines += [json.dumps(json.loads(shown.content), ensure_ascii=False), ""]
        output.lines(["\n".join(lines)])  # at once: another thread may show one, too
        answers: dict[str, tuple[int, Any]] = {"GET": (200, {"devices": []}), "POST": (201, {})}
        status, document = answers.get(request.method, (200, None))
        return httpx.Response(status, json=document)

    return httpx.Client(transport=httpx.MockTransport(show))
