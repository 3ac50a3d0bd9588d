"""NATS on loopback, with JetStream and a folder of its own, ended by its process id; also several as one cluster."""

import json
import os
import shutil
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field
from server import free_port, until


@define
class NatsServer:
    """A process that can be killed and started again on the same port, with the same folder."""

    folder: Path
    more: str = ""
    name: str = "n0"
    has_jetstream: bool = True
    port: int = field(factory=free_port)
    watched: int = field(factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    named: str | None = None  # instead of its address: a cluster

    @property
    def url(self) -> str:
        return self.named or f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / "nats.conf"
        file.write_text(
            f'server_name: "{self.name}"\nhost: 127.0.0.1\nport: {self.port}\nhttp: 127.0.0.1:{self.watched}\n'
            + f'jetstream {{ store_dir: "{self.folder / "store"}" }}\n' * self.has_jetstream
            + self.more
        )
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([program(), "-c", str(file)], stdout=log, stderr=log)
        assert until(lambda: self.listens() or self.has_ended(), 20)
        assert not self.has_ended(), (self.folder / "log").read_text("utf-8")

    def listens(self) -> bool:
        with socket.socket() as attempt:
            attempt.settimeout(1)
            return attempt.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        """Let it stand still, and answer nothing."""
        assert self.process
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)  # with all of its threads

    def go_on(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGCONT)

    def has_ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def kill(self, number: int = signal.SIGKILL) -> None:
        if self.process:
            self.process.send_signal(number)
            self.process.wait()
            self.process = None

    def told(self, page: str) -> Any:
        """Return what its own pages tell."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.watched}/{page}", timeout=5) as answer:
            return json.load(answer)


def program() -> str:
    found = shutil.which("nats-server") or shutil.which("/usr/sbin/nats-server")
    if not found:
        pytest.skip("nats-server is missing: apt-get install nats-server")
    return found


@contextmanager
def nats_server(folder: Path, more: str = "") -> Iterator[NatsServer]:
    """Serve until the block ends."""
    server = NatsServer(folder, more)
    try:
        server.start()
        yield server
    finally:
        server.kill()


@contextmanager
def cluster(folder: Path, count: int = 3) -> Iterator[list[NatsServer]]:
    """Serve with several that keep replicas of each other's streams."""
    routes = [free_port() for _ in range(count)]
    told = ", ".join(f'"nats://127.0.0.1:{port}"' for port in routes)
    servers = [
        NatsServer(
            folder / f"n{number}",
            f'cluster {{ name: "fleet", listen: "127.0.0.1:{route}", routes: [{told}] }}',
            name=f"n{number}",
        )
        for number, route in enumerate(routes)
    ]
    try:
        for server in servers:
            server.start()
        yield servers
    finally:
        for server in servers:
            server.kill()
