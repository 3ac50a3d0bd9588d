"""What lies under `/__sandbox__/`: devices, journal, clock, faults and behaviours, for tests and for the page."""

import datetime as dt
import ipaddress
import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .behaviours import NAMES
from .clock import written
from .contract import read_json
from .problems import MEDIA_TYPE, Problem
from .state import State
from .store import Device

ROOT = "/__sandbox__"
MOST_SEEDED = 100_000

Action = Callable[[State, Request, Any], Any]


def routes(state: State) -> list[Route]:
    """Return where each thing is controlled."""
    table: dict[str, dict[str, Action]] = {
        "/reset": {"POST": _reset},
        "/seed": {"POST": _seed},
        "/devices": {"GET": lambda state, *_: [told(device) for device in state.store.all()]},
        "/journal": {"GET": _journal, "DELETE": lambda state, *_: state.journal.clear()},
        "/clock": {"GET": _clock, "PUT": _set_clock, "DELETE": _reset_clock},
        "/faults": {"GET": _faults, "POST": _add_fault, "DELETE": lambda state, *_: state.faults.now.clear()},
        "/faults/{id:int}": {"DELETE": _remove_fault},
        "/behaviours": {"GET": lambda state, *_: state.switches.told(), "PUT": _switch},
    }
    return [Route(ROOT + path, _endpoint(state, actions), methods=list(actions)) for path, actions in table.items()]


def guarded(request: Request) -> None:
    """Refuse what another site's page asks for in the browser of somebody who has a sandbox on loopback."""
    host, origin = request.headers.get("host", ""), request.headers.get("origin")
    if origin is not None and origin != f"{request.url.scheme}://{host}":
        raise Problem(403, f"a page of {origin} has no business here")
    server = request.scope.get("server")
    if server and _is_loopback(server[0]) and not _is_loopback(request.url.hostname or ""):
        raise Problem(403, f"this is loopback, not {host}")


def told(device: Device) -> dict[str, Any]:
    """Return a device for people: how it is listed, whose it is, and what it reported."""
    reported_at = device.reported_at
    return {
        **json.loads(device.answer),
        "organisation": device.organisation,
        "request": device.request,
        "report": device.report,
        "reportedAt": None if reported_at is None else written(dt.datetime.fromtimestamp(reported_at, dt.UTC)),
    }


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _endpoint(state: State, actions: dict[str, Action]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            guarded(request)
            body = await request.body()
            action = actions["GET" if request.method == "HEAD" else request.method]
            result = action(state, request, read_json(body) if body else {})
        except Problem as problem:
            return Response(problem.body, problem.status, problem.headers, MEDIA_TYPE)
        if request.method not in {"GET", "HEAD"}:
            state.touch()
        return Response(json.dumps(result), media_type="application/json")

    return answer


def _reset(state: State, _: Request, __: Any) -> Any:
    state.reset()


def _seed(state: State, _: Request, body: Any) -> Any:
    """Put devices in, told one by one or by their number, and let ids and chance follow from another number."""
    match body:
        case {"random": int(number)}:
            state.chance.seed(number)
            return {"random": number}
        case {"devices": list(devices)}:
            return {"devices": state.operations.seed(devices)}
        case {"count": int(count)} if 0 <= count <= MOST_SEEDED:
            made_up = ({"model": f"Press {1 + n % 5}", "serialNumber": f"{n:06}"} for n in range(count))
            return {"devices": state.operations.seed(made_up)}
    raise Problem(422, f'say {{"devices": […]}}, {{"count": 0 to {MOST_SEEDED}}} or {{"random": a whole number}}')


def _journal(state: State, request: Request, _: Any) -> Any:
    since = request.query_params.get("since", "0")
    if not since.isdecimal():
        raise Problem(400, "since is the number of an entry", place="query.since")
    return [entry.told() for entry in state.journal.since(int(since))]


def _clock(state: State, _: Request, __: Any) -> Any:
    return {"now": written(state.clock.now()), "stands": state.clock.stands}


def _set_clock(state: State, request: Request, body: Any) -> Any:
    match body:
        case {"now": str(text), **rest} if rest.keys() <= {"stands"}:
            try:
                moment = dt.datetime.fromisoformat(text)
                state.clock.set(moment.replace(tzinfo=moment.tzinfo or dt.UTC), stands=bool(rest.get("stands", True)))
            except (ValueError, OverflowError) as error:
                raise Problem(422, f"now: {error}", place="body.now") from error
        case {"move": int(seconds) | float(seconds)}:
            try:
                state.clock.move(seconds)
            except OverflowError as error:
                raise Problem(422, f"move: {error}", place="body.move") from error
        case _:
            raise Problem(422, 'say {"now": "2026-01-02T03:04:05Z", "stands": true} or {"move": seconds}')
    return _clock(state, request, body)


def _reset_clock(state: State, request: Request, body: Any) -> Any:
    state.clock.reset()
    return _clock(state, request, body)


def _faults(state: State, _: Request, __: Any) -> Any:
    return [fault.told() for fault in state.faults.now.values()]


def _add_fault(state: State, _: Request, body: Any) -> Any:
    try:
        return state.faults.add(body, state.clock.now()).told()
    except ValueError as error:
        raise Problem(422, str(error), place="body") from error


def _remove_fault(state: State, request: Request, _: Any) -> Any:
    if state.faults.now.pop(request.path_params["id"], None) is None:
        raise Problem(404, "there is no such fault, or it is over")


def _switch(state: State, _: Request, body: Any) -> Any:
    if not isinstance(body, dict) or not all(isinstance(on, bool) for on in body.values()):
        raise Problem(422, 'say {"name of a behaviour": true or false}', place="body")
    for name in body.keys() - set(NAMES):
        raise Problem(422, f"no behaviour is called {name!r}", place=f"body.{name}")
    for name, on in body.items():
        state.switches[name] = on
    return state.switches.told()
