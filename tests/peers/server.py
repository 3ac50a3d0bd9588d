"""The other end of the wire: a server on a raw socket that does what a test tells it, and counts what arrives."""

import contextlib
import json
import os
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from random import SystemRandom
from typing import Any

from attrs import define, field

CHANCE = SystemRandom()  # the same for no two processes
DEVICE = {"id": "IL42", "model": "HP Indigo 7K", "serialNumber": "41000042", "registeredAt": "2026-01-02T03:04:05Z"}


@define
class Arrived:
    """A request as it was on the wire."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Behaviour = Callable[["Connection", Arrived], object]


@define
class Connection:
    """One connection of a client; `stopped` ends whatever a behaviour waits for."""

    socket: socket.socket
    stopped: threading.Event

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def reset(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self.socket.detach())  # at once, although a file of it is open

    def stall(self) -> None:
        self.stopped.wait()

    def drip(self, data: bytes, every: float = 0.02) -> None:
        for byte in data:
            self.send(bytes([byte]))
            if self.stopped.wait(every):
                return


def respond(status: int = 200, body: bytes = b"", **headers: str) -> Behaviour:
    head = [f"HTTP/1.1 {status} Some Reason", f"content-length: {len(body)}"]
    head += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    data = "\r\n".join([*head, "", ""]).encode() + body
    return lambda connection, _: connection.send(data)


def respond_json(document: Any, status: int = 200, **headers: str) -> Behaviour:
    return respond(status, json.dumps(document).encode(), **{"content_type": "application/json", **headers})


def platform(connection: Connection, arrived: Arrived) -> None:
    """Answer as the contract says."""
    if arrived.method == "GET":
        respond_json({"devices": [DEVICE]})(connection, arrived)
    elif arrived.method == "POST":
        respond_json(DEVICE, 201)(connection, arrived)
    else:
        respond()(connection, arrived)


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """Behave in another way with each request, and go on with the last."""
    remaining = list(behaviours)

    def behave(connection: Connection, arrived: Arrived) -> None:
        behaviour = remaining.pop(0) if len(remaining) > 1 else remaining[0]
        behaviour(connection, arrived)

    return behave


@define
class Server:
    """Counts connections and requests; does what `behaviour` says with each request."""

    behaviour: Behaviour = platform
    before_reading: Callable[[Connection], object] | None = None
    tls: ssl.SSLContext | None = None
    arrived: list[Arrived] = field(factory=list)
    connections: int = 0
    port: int = 0
    stopped: threading.Event = field(factory=threading.Event)

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def serve(self, raw: socket.socket) -> None:
        with contextlib.suppress(OSError, ssl.SSLError), raw:
            wrapped = self.tls.wrap_socket(raw, server_side=True) if self.tls else raw
            connection = Connection(wrapped, self.stopped)
            self.connections += 1
            if self.before_reading:
                self.before_reading(connection)
            with wrapped, wrapped.makefile("rb") as stream:
                while arrived := read_request(stream):
                    self.arrived.append(arrived)
                    self.behaviour(connection, arrived)


def read_request(stream: Any) -> Arrived | None:
    line = stream.readline().decode()
    if not line:
        return None
    method, path, _ = line.split()
    headers = {}
    while (line := stream.readline().decode().strip()) != "":
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Arrived(method, path, headers, stream.read(int(headers.get("content-length", 0))))


@contextlib.contextmanager
def serving(behaviour: Behaviour = platform, **options: Any) -> Iterator[Server]:
    """Serve on a free port of loopback until the block ends."""
    server = Server(behaviour, **options)
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        server.port = listener.getsockname()[1]

        def accept() -> None:
            while not server.stopped.is_set():
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=server.serve, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.stopped.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def free_port() -> int:
    """Return a port that nobody listens on, and that the system gives to nobody else meanwhile: those are higher."""
    while True:
        try:
            with socket.create_server(("127.0.0.1", CHANCE.randrange(10_000, 32_000))) as listener:
                return int(listener.getsockname()[1])
        except OSError:
            continue


def until(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Tell whether something that another thread does was seen, for a moment at least, before so much time was over."""
    ends = time.monotonic() + seconds
    while not (is_seen := condition()) and time.monotonic() < ends:
        time.sleep(0.005)
    return is_seen
