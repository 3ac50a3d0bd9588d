"""The sandbox as a server of its own: in a thread, beside the code that uses it, or as the whole of a process."""

import datetime as dt
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self, TypeVar

import trustme

from . import control
from .access import Kind
from .faults import Kind as FaultKind
from .serving import Server, listening
from .state import Options, Seed, State

LOOPBACK = "127.0.0.1"
LONGEST_STOP = 10.0
HIGHEST_PORT = 65_535

Result = TypeVar("Result")


class Sandbox:
    """PrintOS on this machine, until the block ends.

    ```python
    with Sandbox() as sandbox, PrintOS(sandbox.key, sandbox.secret, base_url=sandbox.url) as printos:
        printos.devices.provision(model="HP Indigo 7K", serial_number="IL42")
    ```

    Args:
        port: where to listen; 0 takes a free one.
        host: the address to listen on. Another than loopback lets others in.
        tls: whether to serve over TLS, with a certificate of its own; `ca_file` is what clients must trust.
        db: the file that keeps the devices; without one they are gone when the sandbox ends.
        auth: the credentials that are asked for: "hmac", "session" or None.
        min_interval: seconds that must lie between two reports of a device.
        seed: what it begins with, and goes back to when it is reset: a number that ids and chance follow from, or
            devices.
        spec: the document to serve, if it is not the bundled one.
        key: the API key, or the administrator's login.
        secret: the API secret, or the administrator's password.
        without: names of behaviours that are switched off.
        control: whether there is anything under `/__sandbox__/`.
        journal: how many requests are remembered.
        clock_tolerance: seconds that the time of a signature may be off.
        session_seconds: how long a session lasts.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        db: str | Path | None = None,
        auth: Kind = "hmac",
        min_interval: float = 0,
        tls: bool = False,
        seed: Seed = None,
        host: str = LOOPBACK,
        spec: str | Path | None = None,
        key: str = "sandbox",
        secret: str = "sandbox-secret",  # noqa: S107 - it guards nothing
        without: Sequence[str] = (),
        control: bool = True,
        journal: int = 1000,
        clock_tolerance: float = 300,
        session_seconds: float = 3600,
    ) -> None:
        """Take down what is wanted; nothing is opened yet."""
        if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= HIGHEST_PORT:
            raise ValueError(f"port must be a whole number from 0 to {HIGHEST_PORT}, not {port!r}")
        self._options = Options(
            db=db,
            auth=auth,
            min_interval=min_interval,
            seed=seed,
            spec=spec,
            key=key,
            secret=secret,
            without=without,
            control=control,
            journal=journal,
            clock_tolerance=clock_tolerance,
            session_seconds=session_seconds,
        )
        self._address = (host, port)
        self._tls = tls
        self._server: Server | None = None
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

    def fault(self, kind: FaultKind, **description: Any) -> None:
        """Let something go wrong: see `Fault` for what there is."""
        self._ask(lambda state: state.faults.add({"kind": kind, **description}, state.clock.now()))

    def clear_faults(self) -> None:
        """Let nothing go wrong any more."""
        self._ask(lambda state: state.faults.clear())

    def switch(self, behaviour: str, *, on: bool) -> None:
        """Switch a behaviour that no contract asks for."""
        self._ask(lambda state: state.switches.__setitem__(behaviour, on))

    def set_clock(self, moment: dt.datetime, *, stands: bool = True) -> None:
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

    def _open(self) -> Server:
        if self._server is not None:
            raise RuntimeError("the sandbox is running already")
        state = State(self._options)
        try:
            listener = listening(*self._address)
            certificate = self._certificate() if self._tls else {}
            self._server = Server(state, listener, certificate)
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
