"""What serves: uvicorn on a socket of ours, ended without a delay, and the application that it serves."""

import asyncio
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import control, page, wire
from .app import Platform
from .problems import MEDIA_TYPE, Problem
from .state import State
from .wire import Receive, Scope, Send

GRACE = 0.2


class Server(uvicorn.Server):
    """uvicorn, started on a socket of ours and ended without a delay."""

    def __init__(self, state: State, listener: socket.socket, certificate: Mapping[str, str]) -> None:
        super().__init__(
            uvicorn.Config(
                application(state),
                http=wire.Protocol,
                loop="asyncio",
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                date_header=False,
                server_header=False,
                proxy_headers=False,
                **certificate,  # type: ignore[arg-type]  # the names of two files
            )
        )
        self.state = state
        self.listener = listener
        self.is_ready: Future[None] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ends = asyncio.Event()

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until the end; what fails before anybody can be served is told to whoever waits for `is_ready`."""
        try:
            super().run(sockets)
        except BaseException as error:
            if self.is_ready.done():
                raise
            self.is_ready.set_exception(error)

    async def main_loop(self) -> None:
        """Wait for the end, instead of looking for it ten times a second."""
        self._loop = asyncio.get_running_loop()
        self.is_ready.set_result(None)
        if not self.should_exit:
            await self._ends.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 - they are closed elsewhere
        """Answer what has come, for a moment; then hang up."""
        for server in self.servers:
            server.close()
        self.state.close_watchers()
        connections = self.server_state.connections
        for connection in list(connections):
            connection.shutdown()
        waiting = list(self.server_state.tasks)
        if waiting:
            await asyncio.wait(waiting, timeout=GRACE)
        for connection in list(connections):
            connection.transport.abort()
        if waiting:
            await asyncio.wait(waiting, timeout=GRACE)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End on a signal."""
        super().handle_exit(sig, frame)
        self._captured_signals.clear()  # it was asked to end, and ends
        self.end()

    def end(self) -> None:
        """Stop serving; any thread may say so."""
        self.should_exit = True
        self.call(self._ends.set)

    def call(self, function: Callable[[], object]) -> None:
        """Have the thread that serves do something."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function)


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens, or say why there is none."""
    family, *_, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    try:
        return socket.create_server(address[:2], family=family, backlog=1024)
    except OSError as error:
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from error


def application(state: State) -> Callable[[Scope, Receive, Send], Any]:
    """Return the whole: the page and what is controlled, the contract described, and the platform itself."""
    platform = Platform(state)

    async def description(request: Request) -> Response:
        return JSONResponse(
            {**state.contract.described(state.access.described()), "servers": [{"url": _base(request)}]}
        )

    def _base(request: Request) -> str:
        return f"{request.url.scheme}://{request.url.netloc}{state.contract.prefix}"

    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
        problem = Problem(error.status_code, str(error.detail))
        return Response(problem.body, problem.status, {**problem.headers, **(error.headers or {})}, MEDIA_TYPE)

    around = Starlette(
        routes=[
            page.route(state),
            Route("/openapi.json", description),
            *(control.routes(state) if state.options.control else []),
        ],
        exception_handlers={HTTPException: refused},
    )
    ours = {"/", "/openapi.json"} - {operation.template for operation in state.contract.operations}

    async def whole(scope: Scope, receive: Receive, send: Send) -> None:
        is_ours = scope["path"] in ours or scope["path"].startswith(f"{control.ROOT}/")
        await (around if is_ours else platform)(scope, receive, send)

    return whole
