"""The page at `/` and its feed: the same address, asked for as events. Sends what changed, a few times a second."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from .control import guarded, told
from .faults import KINDS
from .problems import MEDIA_TYPE, Problem
from .state import State

MOST_TILES = 300
MOST_LINES = 50
PAUSE = 0.1
HEARTBEAT = 15.0

PAGE = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
# Only what the page itself brings is run, shown or loaded, whatever a device may be called.
POLICY = "default-src 'none'; script-src 'nonce-{0}'; style-src 'nonce-{0}'; connect-src 'self'; base-uri 'none'"


def route(state: State) -> Route:
    """Return where the page is."""

    async def answer(request: Request) -> Response:
        try:
            guarded(request)
        except Problem as problem:
            return Response(problem.body, problem.status, problem.headers, MEDIA_TYPE)
        if "text/event-stream" in request.headers.get("accept", ""):
            return StreamingResponse(
                _feed(state), media_type="text/event-stream", headers={"cache-control": "no-store"}
            )
        nonce = secrets.token_urlsafe(16)
        headers = {"content-security-policy": POLICY.format(nonce), "cache-control": "no-store"}
        return Response(PAGE.replace("NONCE", nonce), headers=headers, media_type="text/html")

    return Route("/", answer)


async def _feed(state: State) -> AsyncIterator[str]:
    change, removals, number, beginnings = 0, -1, 0, 0
    with state.watched() as something_changed:
        while not state.ends.is_set():
            something_changed.clear()
            anew = removals != state.store.removals
            devices = state.store.latest(0 if anew else change, MOST_TILES)
            lines = list(state.journal.since(number))[-MOST_LINES:]
            forgotten = beginnings != state.journal.beginnings
            change, removals, number = state.store.change, state.store.removals, state.journal.number
            beginnings = state.journal.beginnings
            yield _event(
                {
                    **_surroundings(state),
                    "anew": anew,
                    "devices": [told(device) for device in reversed(devices)],
                    "forgotten": forgotten,
                    "journal": [line.in_brief() for line in lines],
                }
            )
            while not something_changed.is_set():
                try:
                    await asyncio.wait_for(something_changed.wait(), HEARTBEAT)
                except TimeoutError:
                    yield ": nothing new\n\n"
            await asyncio.sleep(PAUSE)


def _surroundings(state: State) -> dict[str, Any]:
    return {
        "count": state.store.count(),
        "most": MOST_TILES,
        "control": state.options.control,
        "faults": [fault.told() for fault in state.faults.pending(state.clock.now())],
        "kinds": KINDS,
        "operations": [operation.name for operation in state.contract.operations],
        "behaviours": state.switches.told(),
    }


def _event(document: Any) -> str:
    return f"data: {json.dumps(document)}\n\n"
