"""The platform on the wire: takes requests, looks at them in one order, and sends what comes of it.

Contract ▸ fault ▸ credentials ▸ validation ▸ operation ▸ journal ▸ answer.
"""

import email.utils
import logging
import re
import sqlite3
import time

from attrs import evolve, frozen

from . import wire
from .access import LOGIN, SESSION_TOKEN
from .clock import written
from .contract import Call, Request
from .faults import Fault
from .journal import Entry
from .problems import MEDIA_TYPE, Problem
from .schemas import ContractError
from .state import State
from .wire import Receive, Scope, Send

NO_CONTENT = 204

log = logging.getLogger("printos_ext.sandbox")


@frozen
class Answer:
    """What is sent back."""

    status: int
    headers: dict[str, str]
    body: bytes = b""

    @property
    def lines(self) -> wire.Headers:
        """The headers as they are sent."""
        return [(name.encode(), value.encode("latin-1")) for name, value in self.headers.items()]


class Platform:
    """An ASGI application: the contract's paths, and the login of sessions."""

    def __init__(self, state: State) -> None:
        """Serve what the state holds."""
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or let it go wrong."""
        begun = time.perf_counter()
        request = _request(scope, self._state.contract.prefix)
        entry = self._entry(request)
        try:
            answer = await self._outcome(request, entry, receive)
        except Problem as problem:
            answer, entry.fault = _refusal(problem), None
        except wire.ClientGoneError:
            return
        except Exception:
            log.exception("%s %s", request.method, request.path)
            answer = _refusal(Problem(500, "the sandbox stumbled: its log says over what"))
        entry.milliseconds = round(1000 * (time.perf_counter() - begun), 3)
        self._state.journal.begin(entry)
        if answer is not None:
            answer = self._addressed(answer, entry)
            entry.status, entry.answer_headers, entry.answer_body = answer.status, answer.headers, answer.body
        self._state.journal.add(entry)
        self._state.touch()
        connection = scope["state"]["connection"]
        if answer is None:
            await wire.BREAKS[entry.fault or "stall"](connection, receive)
        elif entry.fault == "truncation":
            await wire.truncate(connection, receive, answer.status, answer.lines, answer.body)
        else:
            await send({"type": "http.response.start", "status": answer.status, "headers": answer.lines})
            await send({"type": "http.response.body", "body": answer.body})

    def _entry(self, request: Request) -> Entry:
        moment = written(self._state.clock.now())
        return Entry(moment, request.method, request.path, request.query, request.headers)

    def _find(self, request: Request) -> Call:
        if self._state.access.kind == "session" and request.path == LOGIN.template and request.method == LOGIN.method:
            return Call(LOGIN, {})
        return self._state.contract.find(request.method, request.path)

    async def _outcome(self, request: Request, entry: Entry, receive: Receive) -> Answer | None:
        """Return the answer; none if a fault breaks the connection instead."""
        call = self._find(request)
        entry.operation, entry.device = call.operation.name, self._state.operations.device_of(call)
        fault = self._state.faults.choose(entry.operation, entry.device, self._state.clock.now())
        entry.fault = fault.kind if fault else None
        entry.request_body = await wire.read_body(receive)
        request = evolve(request, body=entry.request_body)
        if fault is None:
            return self._carried_out(call, request)
        if fault.kind == "latency":
            await self._state.wait(fault.delay)
        is_carried_out = fault.after or fault.kind in {"latency", "truncation"}
        answer = self._carried_out(call, request) if is_carried_out else None
        if fault.kind in wire.BREAKS:
            return None
        return _failure(fault) if fault.kind == "status" else answer

    def _carried_out(self, call: Call, request: Request) -> Answer:
        state, operation = self._state, call.operation
        try:
            if operation is LOGIN:
                return Answer(200, {"set-cookie": f"{SESSION_TOKEN}={state.access.log_in(request)}; Path=/; HttpOnly"})
            caller = state.access.caller(request)
            body = state.operations.carry_out(call, state.contract.check(call, request), caller)
        except Problem as problem:
            return _refusal(problem)
        except sqlite3.Error as error:
            log.error("the database does not take %s %s: %s", request.method, request.path, error)  # noqa: TRY400 - it says what
            return _refusal(Problem(507, f"nothing was kept: the database says: {error}"))
        except ContractError as error:
            return _refusal(Problem(500, str(error)))
        return Answer(operation.status, {"content-type": operation.answer_type} if body else {}, body)

    def _addressed(self, answer: Answer, entry: Entry) -> Answer:
        """Add what every answer has."""
        date = email.utils.format_datetime(self._state.clock.now(), usegmt=True)
        length = {} if answer.status == NO_CONTENT else {"content-length": str(len(answer.body))}
        common = {"date": date, "x-request-id": f"sandbox-{entry.number}", **length}
        return evolve(answer, headers={**common, **answer.headers})


def _request(scope: Scope, prefix: str) -> Request:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    target = scope["raw_path"].decode("latin-1")
    path = re.sub("^https?://[^/]*", "", target) or "/"  # the address of the server may stand before it
    below = path.removeprefix(prefix) if path.startswith(f"{prefix}/") else f"(outside {prefix}){path}"
    return Request(scope["method"], below, scope["query_string"].decode("latin-1"), headers, b"")


def _refusal(problem: Problem) -> Answer:
    return Answer(problem.status, {"content-type": MEDIA_TYPE, **problem.headers}, problem.body)


def _failure(fault: Fault) -> Answer:
    """Answer as somebody asked for."""
    headers = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
    if fault.body is None:
        return _refusal(Problem(fault.status, "somebody asked the sandbox for this answer", headers=headers))
    return Answer(
        fault.status, {"content-type": "text/plain; charset=utf-8", **headers}, fault.body.encode(errors="replace")
    )
