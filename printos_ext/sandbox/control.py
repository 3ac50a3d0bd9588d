"""What lies under `/__sandbox__/`: devices, journal, clock, faults and behaviours, for tests and for the page."""

import datetime as dt
import ipaddress
import json
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .behaviours import NAMES
from .clock import written
from .journal import without_secrets
from .problems import MEDIA_TYPE, Problem
from .reading import read_json
from .state import State
from .store import Device
from .wire import ClientGoneError, read_body

ROOT = "/__sandbox__"
LONGEST_NUMBER = 18
MOST_SEEDED = 20_000

log = logging.getLogger("printos_ext.sandbox")

Action = Callable[[State, Request, Any], Any]


def routes(state: State) -> list[Route]:
    """Return where each thing is controlled."""
    table: dict[str, dict[str, Action]] = {
        "/reset": {"POST": _reset},
        "/seed": {"POST": _seed},
        "/devices": {"GET": lambda state, *_: [told(device) for device in state.store.all()]},
        "/journal": {"GET": _journal, "DELETE": lambda state, *_: state.journal.clear()},
        "/clock": {"GET": _clock, "PUT": _set_clock, "DELETE": _reset_clock},
        "/faults": {"GET": _faults, "POST": _add_fault, "DELETE": lambda state, *_: state.faults.clear()},
        "/faults/{id}": {"DELETE": _remove_fault},
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
        **without_secrets(json.loads(device.answer)),
        "organisation": device.organisation,
        "request": without_secrets(device.request),
        "report": without_secrets(device.report),
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
            body = await read_body(request.receive)
            action = actions["GET" if request.method == "HEAD" else request.method]
            result = action(state, request, read_json(body) if body else {})
        except ClientGoneError:
            return Response()
        except Exception as error:  # noqa: BLE001 - whatever it is, who asked is told
            problem = _problem(error)
            return Response(problem.body, problem.status, problem.headers, MEDIA_TYPE)
        if request.method not in {"GET", "HEAD"}:
            state.touch()
        return Response(json.dumps(result), media_type="application/json")

    return answer


def _problem(error: Exception) -> Problem:
    match error:
        case Problem():
            return error
        case sqlite3.Error():
            return Problem(507, f"nothing was kept: the database says: {error}")
        case ValueError() | OverflowError():
            return Problem(422, str(error))
    log.error("the sandbox stumbled", exc_info=error)
    return Problem(500, f"the sandbox stumbled: {error}")


def _reset(state: State, _: Request, __: Any) -> Any:
    state.reset()


def _seed(state: State, _: Request, body: Any) -> Any:
    """Put devices in, told one by one or by their number, and let ids and chance follow from another number."""
    match body:
        case {"random": int(number)} if not isinstance(number, bool):
            state.chance.seed(number)
            return {"random": number}
        case {"devices": list(devices)}:
            return {"devices": state.operations.seed(devices)}
        case {"count": int(count)} if not isinstance(count, bool) and 0 <= count <= MOST_SEEDED:
            made_up = ({"model": f"Press {1 + n % 5}", "serialNumber": f"{n:06}"} for n in range(count))
            return {"devices": state.operations.seed(made_up)}
    raise Problem(422, f'say {{"devices": […]}}, {{"count": 0 to {MOST_SEEDED}}} or {{"random": a whole number}}')


def _journal(state: State, request: Request, _: Any) -> Any:
    since = request.query_params.get("since", "0")
    if not since.isdecimal() or len(since) > LONGEST_NUMBER:
        raise Problem(400, "since is the number of an entry", place="query.since")
    return [entry.told() for entry in state.journal.since(int(since))]


def _clock(state: State, _: Request, __: Any) -> Any:
    return {"now": written(state.clock.now()), "stands": state.clock.stands}


def _set_clock(state: State, request: Request, body: Any) -> Any:
    match body:
        case {"now": str(text), "stands": bool(stands)} if len(body) == len(("now", "stands")):
            state.clock.set(dt.datetime.fromisoformat(text), stands=stands)
        case {"now": str(text)} if len(body) == 1:
            state.clock.set(dt.datetime.fromisoformat(text))
        case {"move": int(seconds) | float(seconds)} if not isinstance(seconds, bool):
            state.clock.move(seconds)
        case _:
            raise Problem(422, 'say {"now": "2026-01-02T03:04:05Z", "stands": true} or {"move": seconds}')
    return _clock(state, request, body)


def _reset_clock(state: State, request: Request, body: Any) -> Any:
    state.clock.reset()
    return _clock(state, request, body)


def _faults(state: State, _: Request, __: Any) -> Any:
    return [fault.told() for fault in state.faults.pending(state.clock.now())]


def _add_fault(state: State, _: Request, body: Any) -> Any:
    return state.faults.add(body, state.clock.now()).told()


def _remove_fault(state: State, request: Request, _: Any) -> Any:
    if not state.faults.remove(request.path_params["id"]):
        raise Problem(404, "there is no such fault, or it is over")


def _switch(state: State, _: Request, body: Any) -> Any:
    if not isinstance(body, dict) or not all(isinstance(on, bool) for on in body.values()):
        raise Problem(422, 'say {"name of a behaviour": true or false}', place="body")
    for name in body.keys() - set(NAMES):
        raise Problem(422, f"no behaviour is called {name!r}", place=f"body.{name}")
    for name, on in body.items():
        state.switches[name] = on
    return state.switches.told()
