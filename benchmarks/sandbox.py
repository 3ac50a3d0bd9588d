"""How quick the sandbox is on one core: status updates, signed and journalled, beside a server that only answers.

The baseline is the same uvicorn with an application that reads the body and says 200. Server and client have a core
each, if there are two. Prints medians, and their ratio.
"""

import asyncio
import datetime as dt
import hmac
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

REQUESTS = 3000
DEVICES = 10_000
STATUS = b'{"status": "DS_PRINTING", "metrics": {"pagesTotal": 120345, "inkLevel": 42.5}}'
ROW = "{:<40}{:>10}{:>10}{:>12}"


def main() -> None:
    """Measure, and print side by side."""
    print(ROW.format("PUT status, one after the other", "p50 ms", "p99 ms", "requests/s"))
    with serving("baseline") as port:
        baseline = show("uvicorn that only answers", measure(port, "IL42"))
    with serving("sandbox") as port:
        in_memory = show("sandbox in memory", measure(port, provisioned(port)))
    with tempfile.TemporaryDirectory() as folder, serving("sandbox", "--db", str(Path(folder) / "db")) as port:
        in_file = show("sandbox with --db", measure(port, provisioned(port)))
        request(connected(port), port, "POST", "/__sandbox__/seed", json.dumps({"count": DEVICES}).encode())
        listing = [once(port, "GET", "/devices") for _ in range(10)]
    print(f"ratio of medians: in memory {in_memory / baseline:.2f}, with --db {in_file / baseline:.2f}")
    print(f"GET /devices, {DEVICES:,} devices: median {1000 * statistics.median(listing):.1f} ms")


def measure(port: int, device: str) -> list[float]:
    """Return the seconds of each request over one connection."""
    connection = connected(port)
    path = f"/devices/{device}/status"
    return [timed(connection, port, "PUT", path, STATUS) for _ in range(REQUESTS)]


def once(port: int, method: str, path: str) -> float:
    """Return the seconds of one request."""
    return timed(connected(port), port, method, path, b"")


def timed(connection: socket.socket, port: int, method: str, path: str, body: bytes) -> float:
    """Return the seconds from the first byte sent to the last received."""
    message = signed(port, method, path, body)
    begun = time.perf_counter()
    status, _ = exchange(connection, message)
    seconds = time.perf_counter() - begun
    assert status == 200, status  # noqa: S101, PLR2004 - a benchmark of refusals measures nothing
    return seconds


def show(name: str, seconds: list[float]) -> float:
    """Print a row and return the median."""
    median = statistics.median(seconds)
    p99 = statistics.quantiles(seconds, n=100)[98]
    print(
        ROW.format(name, f"{1000 * median:.2f}", f"{1000 * p99:.2f}", f"{len(seconds) / sum(seconds):,.0f}"), flush=True
    )
    return median


def provisioned(port: int) -> str:
    """Return the id of a new device."""
    _, body = request(connected(port), port, "POST", "/devices", b'{"model": "HP Indigo 7K", "serialNumber": "IL42"}')
    return str(json.loads(body)["id"])


def connected(port: int) -> socket.socket:
    """Return a connection that does not wait for more to send."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def request(connection: socket.socket, port: int, method: str, path: str, body: bytes) -> tuple[int, bytes]:
    """Send a signed request and return the answer."""
    return exchange(connection, signed(port, method, path, body))


def signed(port: int, method: str, path: str, body: bytes) -> bytes:
    """Return a request as it is on the wire."""
    date = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    signature = hmac.digest(b"sandbox-secret", f"{method} {path}{date}".encode(), "sha256").hex()
    head = (
        f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
        f"x-hp-hmac-date: {date}\r\nx-hp-hmac-algorithm: SHA256\r\n"
        f"x-hp-hmac-authentication: sandbox:{signature}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def exchange(connection: socket.socket, message: bytes) -> tuple[int, bytes]:
    """Send a message and return status and body of the answer."""
    connection.sendall(message)
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(1 << 20)
    head, _, body = data.partition(b"\r\n\r\n")
    found = re.search(rb"content-length: (\d+)", head)
    length = int(found[1]) if found else 0
    while len(body) < length:
        body += connection.recv(1 << 20)
    return int(head.split()[1]), body


@contextmanager
def serving(which: str, *arguments: str) -> Iterator[int]:
    """Run a server in a process, on a core of its own, until the block ends."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[-1:])
    command = ["-m", "printos_ext.sandbox", *arguments] if which == "sandbox" else [__file__, "baseline"]
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, encoding="utf-8")
    os.sched_setaffinity(process.pid, cores[:1])
    try:
        assert process.stdout  # noqa: S101 - it was asked for
        yield int(process.stdout.readline().rpartition(":")[2])
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """Read the body and say 200."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


def serve_baseline() -> None:
    """Serve what does as little as a server can."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"port:{listener.getsockname()[1]}", flush=True)
    config = uvicorn.Config(
        answer, http="h11", loop="asyncio", ws="none", lifespan="off", log_config=None, access_log=False
    )
    asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))


if __name__ == "__main__":
    serve_baseline() if sys.argv[1:] == ["baseline"] else main()
