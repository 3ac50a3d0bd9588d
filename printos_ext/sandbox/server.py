"""The sandbox as a server of its own: in a thread, beside the code that uses it, or as the whole of a process."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any, Self, TypeVar

import trustme
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import control, page, wire
from .app import Platform
from .problems import MEDIA_TYPE, Problem
from .state import Options, State
from .wire import Receive, Scope, Send

LOOPBACK = "127.0.0.1"
LONGEST_STOP = 10.0
GRACE = 0.2
HIGHEST_PORT = 65_535

Result = TypeVar("Result")


class Sandbox:
    """PrintOS on this machine, until the block ends.

    ```python
    with Sandbox() as sandbox, PrintOS(sandbox.key, sandbox.secret, base_url=sandbox.url) as printos:
        printos.devices.provision(model="HP Indigo 7K", serial_number="IL42")
    ```

    The arguments that are not named here are those of `Options`.

    Args:
        port: where to listen; 0 takes a free one.
        host: the address to listen on. Another than loopback lets others in.
        tls: whether to serve over TLS, with a certificate of its own; `ca_file` is what clients must trust.
        options: how it behaves.
    """

    def __init__(self, *, port: int = 0, host: str = LOOPBACK, tls: bool = False, **options: Any) -> None:
        """Take down what is wanted; nothing is opened yet."""
        self._options = Options(**options)
        self._address = (host, port)
        self._tls = tls
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self.url = ""

    @property
    def key(self) -> str:
        """The API key; with sessions, the administrator's login."""
        return self._options.key

    @property
    def secret(self) -> str:
        """The API secret; with sessions, the administrator's password."""
        return self._options.secret

    @property
    def ca_file(self) -> Path:
        """The certificate that a client must trust, if the sandbox serves over TLS."""
        if not self._tls:
            raise RuntimeError("this sandbox does not serve over TLS")
        return Path(self._folder.name) / "ca.pem"

    def ssl_context(self) -> ssl.SSLContext:
        """Return a context for clients that trusts this sandbox and nobody else."""
        return ssl.create_default_context(cafile=str(self.ca_file))

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.stop()

    def start(self) -> None:
        """Serve in a thread until `stop`."""
        server = self._open()
        self._thread = threading.Thread(target=server.run, kwargs={"sockets": [server.listener]}, daemon=True)
        self._thread.start()
        server.is_ready.result()

    def stop(self) -> None:
        """End the thread and let go of everything; twice is once."""
        if self._server is not None and self._thread is not None:
            self._server.end()
            self._thread.join(LONGEST_STOP)
            self._close()
            self._thread = None

    def run(self, ready: Callable[[Self], object]) -> None:
        """Serve in this thread, until a signal ends it; `ready` is called as soon as it can be reached."""
        server = self._open()
        server.is_ready.add_done_callback(lambda _: ready(self))
        try:
            server.run(sockets=[server.listener])
        finally:
            self._close()

    def reset(self) -> None:
        """Go back to the start."""
        self._ask(lambda state: state.reset())

    def seed(self, devices: Sequence[Mapping[str, Any]]) -> None:
        """Put devices in, with any fields; `organisation` makes one another's."""
        self._ask(lambda state: state.operations.seed(devices))

    def fault(self, kind: str, **description: Any) -> None:
        """Let something go wrong: see `Fault` for what there is."""
        self._ask(lambda state: state.faults.add({"kind": kind, **description}, state.clock.now()))

    def switch(self, behaviour: str, *, on: bool) -> None:
        """Switch a behaviour that no contract asks for."""
        self._ask(lambda state: state.switches.__setitem__(behaviour, on))

    def set_clock(self, moment: Any, *, stands: bool = True) -> None:
        """Make it this time for the sandbox, for good or to go on from there."""
        self._ask(lambda state: state.clock.set(moment, stands=stands))

    def move_clock(self, seconds: float) -> None:
        """Let time pass."""
        self._ask(lambda state: state.clock.move(seconds))

    @property
    def devices(self) -> list[dict[str, Any]]:
        """Every device: how it is listed, whose it is and what it reported."""
        return self._ask(lambda state: [control.told(device) for device in state.store.all()])

    @property
    def journal(self) -> list[dict[str, Any]]:
        """What was asked and answered, without secrets."""
        return self._ask(lambda state: [entry.told() for entry in state.journal.since(0)])

    def _ask(self, question: Callable[[State], Result]) -> Result:
        """Let the thread that serves do something, so that no two threads share a state."""
        if self._server is None:
            raise RuntimeError("the sandbox is not running")
        server, answer = self._server, Future[Result]()

        def ask() -> None:
            try:
                answer.set_result(question(server.state))
                server.state.touch()
            except Exception as error:  # noqa: BLE001 - it is raised again where it was asked
                answer.set_exception(error)

        server.call(ask)
        return answer.result(LONGEST_STOP)

    def _open(self) -> "_Server":
        if self._server is not None:
            raise RuntimeError("the sandbox is running already")
        state = State(self._options)
        try:
            listener = _listener(*self._address)
            certificate = self._certificate() if self._tls else {}
            self._server = _Server(state, listener, certificate)
        except BaseException:
            state.close()
            raise
        host, port = self._address[0], listener.getsockname()[1]
        host = {"": LOOPBACK, "0.0.0.0": LOOPBACK, "::": "::1"}.get(host, host)  # noqa: S104 - all addresses: one that works
        shown = f"[{host}]" if ":" in host else host
        self.url = f"{'https' if self._tls else 'http'}://{shown}:{port}{state.contract.prefix}"
        return self._server

    def _close(self) -> None:
        if self._server is not None:
            self._server.listener.close()
            self._server.state.close()
            self._server = None
        if self._tls:
            self._folder.cleanup()

    def _certificate(self) -> dict[str, str]:
        self._folder = TemporaryDirectory(prefix="printos-sandbox-")
        authority = trustme.CA(organization_name="PrintOS sandbox")
        files = {name: str(Path(self._folder.name) / f"{name}.pem") for name in ("ca", "chain", "key")}
        served = authority.issue_cert(*{self._address[0] or LOOPBACK, LOOPBACK, "localhost", "::1"})
        authority.cert_pem.write_to_path(files["ca"])
        served.private_key_pem.write_to_path(files["key"])
        for certificate in served.cert_chain_pems:
            certificate.write_to_path(files["chain"], append=True)
        return {"ssl_certfile": files["chain"], "ssl_keyfile": files["key"]}


class _Server(uvicorn.Server):
    """uvicorn, started on a socket of ours and ended without a delay."""

    def __init__(self, state: State, listener: socket.socket, certificate: Mapping[str, str]) -> None:
        super().__init__(
            uvicorn.Config(
                _application(state),
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
        try:
            super().run(sockets)
        except BaseException as error:
            if self.is_ready.done():
                raise
            self.is_ready.set_exception(error)

    async def main_loop(self) -> None:
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
        super().handle_exit(sig, frame)
        self._captured_signals.clear()  # it was asked to end, and ends
        self.end()

    def end(self) -> None:
        self.should_exit = True
        self.call(self._ends.set)

    def call(self, function: Callable[[], object]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function)


def _listener(host: str, port: int) -> socket.socket:
    if not 0 <= port <= HIGHEST_PORT:
        raise ValueError(f"there is no port {port}")
    family, *_, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    try:
        return socket.create_server(address[:2], family=family, backlog=1024)
    except OSError as error:
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from error


def _application(state: State) -> Callable[[Scope, Receive, Send], Any]:
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

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        is_ours = scope["path"] in ours or scope["path"].startswith(f"{control.ROOT}/")
        await (around if is_ours else platform)(scope, receive, send)

    return application
