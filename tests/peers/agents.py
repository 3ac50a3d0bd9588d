"""SNMP agents to read: a real snmpd that serves the rows of a test, and a fake one for what snmpd never does."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import ber
import pytest
from attrs import frozen

ROWS = Path(__file__).parent / "snmpd_rows.py"
MODULES = "pass_persist,pass,vacm_conf,vacm_vars,usm_conf,usmConf,snmpEngine,snmpv3mibs"


@frozen
class Counter:
    """A value that is a Counter32."""

    value: int


Values = Mapping[str, int | str | bytes | Counter]


@contextmanager
def snmpd(folder: Path, rows: Values, *, users: str = "", host: str = "127.0.0.1") -> Iterator[int]:
    """Serve rows until the block ends, to the community `public` and to users; gives the port."""
    program = shutil.which("snmpd") or shutil.which("/usr/sbin/snmpd")
    if program is None:
        pytest.skip("snmpd is missing: apt-get install snmpd")
    port = free_udp_port(host)
    (folder / "rows.json").write_text(json.dumps({oid: told(value) for oid, value in rows.items()}))
    (folder / "snmpd.conf").write_text(
        f"agentaddress {'udp6:[::1]' if ':' in host else f'udp:{host}'}:{port}\n"
        f"rocommunity public\nrocommunity6 public\n{users}\n"
        f"pass_persist .1.3.6.1 {sys.executable} {ROWS} {folder / 'rows.json'}\n"
    )
    own = {"SNMPCONFPATH": str(folder), "SNMP_PERSISTENT_DIR": str(folder / "persistent"), "MIBS": ""}
    process = subprocess.Popen(
        [program, "-f", "-Lo", "-C", "-c", str(folder / "snmpd.conf"), "-I", MODULES],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, **own},
    )
    assert process.stdout
    said = []
    try:
        for line in process.stdout:
            said.append(line)
            if line.startswith("NET-SNMP version"):
                break
        else:
            raise AssertionError("".join(said))
        yield port
    finally:
        process.terminate()
        process.communicate()


def told(value: int | str | bytes | Counter) -> tuple[str, str]:
    """Return a value in the words of pass_persist."""
    match value:
        case Counter():
            return "counter", str(value.value)
        case int():
            return "integer", str(value)
        case str():
            return "objectid", f".{value}"
        case _:
            return "octet", value.hex(" ")


def free_udp_port(host: str = "127.0.0.1") -> int:
    """Return a port that nobody listens on."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind((host, 0))
        return int(free.getsockname()[1])


def open_files() -> int:
    """Return how many files and sockets this process has open; only Linux lists them."""
    return len(list(Path("/proc/self/fd").iterdir()))


Behaviour = Callable[["FakeAgent", ber.Request], Iterable[bytes]]


class FakeAgent(asyncio.DatagramProtocol):
    """Answers each request with the datagrams that its behaviour makes of it, and keeps the requests."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.asked: list[ber.Request] = []
        self._behaviour = behaviour
        self._transport: asyncio.DatagramTransport
        self._sender: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._sender = addr
        self.asked.append(ber.request(data))
        for datagram in self._behaviour(self, self.asked[-1]):
            self.send(datagram)

    def send(self, datagram: bytes) -> None:
        """Send to who asked last."""
        self._transport.sendto(datagram, self._sender)


@asynccontextmanager
async def faked(behaviour: Behaviour) -> AsyncIterator[tuple[FakeAgent, int]]:
    """Answer on a port of loopback until the block ends; gives the agent and the port."""
    loop = asyncio.get_running_loop()
    transport, agent = await loop.create_datagram_endpoint(lambda: FakeAgent(behaviour), local_addr=("127.0.0.1", 0))
    try:
        yield agent, transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


def honest(rows: Mapping[str, bytes]) -> Behaviour:
    """Answer from encoded rows as an agent does."""
    places = sorted(tuple(map(int, oid.split("."))) for oid in rows)
    names = [".".join(map(str, place)) for place in places]

    def behave(_: FakeAgent, asked: ber.Request) -> Iterable[bytes]:
        if asked.kind == ber.GET:
            return [ber.response(asked, [(oid, rows.get(oid, ber.NO_SUCH_INSTANCE)) for oid in asked.oids])]
        begin = bisect_right(places, tuple(map(int, asked.oids[0].split("."))))
        following = names[begin : begin + (asked.repetitions if asked.kind == ber.GET_BULK else 1)]
        return [ber.response(asked, [(oid, rows[oid]) for oid in following] or [(asked.oids[0], ber.END)])]

    return behave


@contextmanager
def simulated_printers(count: int) -> Iterator[list[int]]:
    """Run many invented printers in one process until the block ends; gives their ports."""
    command = [sys.executable, str(Path(__file__).with_name("simulated_printers.py")), str(count)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")
    assert process.stdout
    try:
        yield [int(port) for port in process.stdout.readline().split()]
    finally:
        process.communicate()
