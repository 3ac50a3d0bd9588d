"""A fleet on one machine: every device puts two statuses on NATS, and forwarders send them to a server that is quick.

Beside it, what the same parts do alone: a bare client that puts the same messages, and one agent that sends from a
file. Whatever is lost or stale at the end is a failure.
"""

import argparse
import asyncio
import contextlib
import datetime as dt
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import nats
from attrs import define

from printos_ext.agent.clock import Clock
from printos_ext.agent.configuration import Configuration, Nats, parsed
from printos_ext.agent.connection import connect
from printos_ext.agent.delivery import Delivery
from printos_ext.agent.letters import Status, body_of
from printos_ext.agent.outbox import Outbox
from printos_ext.agent.pacing import Pacing
from printos_ext.fleet.link import Link
from printos_ext.fleet.names import SHARES, Names
from printos_ext.fleet.outbox import JetStreamOutbox
from printos_ext.fleet.status import fleet_status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHUNK, ALONE = 1000, 10_000
MIN_INTERVAL = 0.5
NOW = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
ROW = "{:<64}{:>12}"


def main() -> None:
    """Measure, and print side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=10_000)
    parser.add_argument("--forwarders", type=int, default=2)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        asyncio.run(serve())
        return
    if not shutil.which("nats-server"):
        print("fleet: left out, nats-server is missing: apt-get install nats-server")
        return
    os.environ |= {"PRINTOS_API_KEY": "key", "PRINTOS_API_SECRET": "secret"}
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        sys.exit(asyncio.run(measured(Path(folder), arguments.devices, arguments.forwarders)))


async def measured(folder: Path, devices: int, forwarders: int) -> int:
    """Print the figures; return 1 if anything is lost or stale."""
    with contextlib.ExitStack() as stack:
        port, server = stack.enter_context(nats_server(folder / "nats"))
        url, recorder = stack.enter_context(recording())
        written = configuration(folder, port, url)
        print(ROW.format(f"{devices:,} devices, two statuses each, {forwarders} forwarders", ""))
        print(ROW.format("bare nats-py, messages put /s", f"{await bare_puts(port):,.0f}"))
        print(ROW.format("one agent that sends from a file, statuses sent /s", f"{await alone(folder, written):,.0f}"))
        processes = [stack.enter_context(forwarder(folder, number)) for number in range(forwarders)]
        await all_shared_out(written)
        begun = time.perf_counter()
        async with Link(f"nats://127.0.0.1:{port}", Nats()) as link:
            await link.up(10)
            async with JetStreamOutbox(link, Names()) as outbox:
                for pages in (1, 2):
                    since = time.perf_counter()
                    for first in range(0, devices, CHUNK):
                        await outbox.put(*(status(n, pages) for n in range(first, min(first + CHUNK, devices))))
                    seconds = time.perf_counter() - since
                    print(
                        ROW.format(f"put while they send, statuses put /s, round {pages}", f"{devices / seconds:,.0f}")
                    )
                waits = await outbox.look()
                each = waits["bytes"] / max(1, waits["messages"])
                print(ROW.format("NATS: bytes on disk for a status that waits", f"{each:.0f}"))
                print(ROW.format("NATS: memory, MiB", f"{memory(server):,.0f}"))
                while (await outbox.look())["messages"]:  # noqa: ASYNC110 - others change it
                    await asyncio.sleep(0.1)
        seconds = time.perf_counter() - begun
        told = await fleet_status(written, dt.datetime.now(dt.UTC))
        for process in processes:
            cores = seconds_of_core(process) / seconds
            print(ROW.format(f"forwarder {process.pid}: cores, memory MiB", f"{cores:.2f}, {memory(process):.0f}"))
        print(ROW.format("NATS: cores", f"{seconds_of_core(server) / seconds:.2f}"))
        result = recorder()
    taken = [one["taken"] for one in told["forwarders"]]
    print(ROW.format(f"sent by the forwarders: {taken}, statuses sent /s", f"{result.calls / seconds:,.0f}"))
    print(ROW.format("repeated", f"{result.calls - sum(taken)}"))
    lost = devices - result.newest
    print(ROW.format("devices whose newest status is missing; stale statuses", f"{lost}; {result.stale}"))
    return 1 if lost or result.stale else 0


async def all_shared_out(written: Configuration) -> None:
    """Wait until the forwarders know what they have."""
    while sum(one["shares"] for one in (await fleet_status(written, NOW))["forwarders"]) < SHARES:
        pass  # it listens for a while by itself


async def bare_puts(port: int) -> float:
    """Put messages of the same size with the bare client, as many at once."""
    client = await nats.connect(f"nats://127.0.0.1:{port}")
    stream = client.jetstream()
    await stream.add_stream(name="bare", subjects=["bare.>"], max_msgs_per_subject=1)
    body = body_of(status(0, 1)).encode()
    begun = time.perf_counter()
    for first in range(0, ALONE, CHUNK):
        await asyncio.gather(*(stream.publish(f"bare.{number}", body) for number in range(first, first + CHUNK)))
    seconds = time.perf_counter() - begun
    await stream.delete_stream("bare")
    await client.close()
    return ALONE / seconds


async def alone(folder: Path, written: Configuration) -> float:
    """Send from a file what as many devices have put into it."""
    connection = connect(written, Clock())
    async with Outbox(folder / "alone.db") as outbox:
        await outbox.put(*(status(f"alone{number}", 1) for number in range(ALONE)))
        delivery = Delivery(outbox, connection.send, Pacing(0.0, written.delivery.concurrency, lambda: 0.5))
        begun = time.perf_counter()
        running = asyncio.create_task(delivery.run())
        while outbox.counts().waiting:  # noqa: ASYNC110 - others change it
            await asyncio.sleep(0.05)
        seconds = time.perf_counter() - begun
        delivery.end()
        await running
    await connection.aclose()
    return ALONE / seconds


def status(device: int | str, pages: int) -> Status:
    """Return a status of a device."""
    name = device if isinstance(device, str) else f"d{device}"
    return Status(name, "DS_PRINTING", NOW, pages_total=pages, ink_level=42.5)


def configuration(folder: Path, port: int, url: str) -> Configuration:
    """Write what the forwarders read."""
    text = (
        f'outbox = "nats://127.0.0.1:{port}"\n[printos]\nbase_url = "{url}"\n[agent]\npage = "off"\n'
        f"[delivery]\nmin_interval = {MIN_INTERVAL}\nconcurrency = 64\ntimeout = 5\n"
    )
    (folder / "agent.toml").write_text(text, encoding="utf-8")
    return parsed(text, [], name="agent.toml")


@contextlib.contextmanager
def forwarder(folder: Path, number: int) -> "Iterator[subprocess.Popen[bytes]]":
    """Start one, wait until it runs, and end it in the end."""
    command = [sys.executable, "-m", "printos_ext.cli", "forward", "run", "-c", str(folder / "agent.toml")]
    with (folder / f"log{number}").open("wb") as log:
        process = subprocess.Popen(command, stderr=log)
    while b"started" not in (folder / f"log{number}").read_bytes() and process.poll() is None:
        time.sleep(0.05)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def nats_server(folder: Path) -> "Iterator[tuple[int, subprocess.Popen[bytes]]]":
    """Serve until the block ends; give the port and the process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    command = ["nats-server", "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(folder)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        try:
            yield port, process
        finally:
            process.kill()


@define
class Recorded:
    """What has arrived at PrintOS' side."""

    calls: int = 0
    newest: int = 0
    stale: int = 0


@contextlib.contextmanager
def recording() -> "Iterator[tuple[str, Callable[[], Recorded]]]":
    """Be PrintOS, in a process of its own; give the address, and what tells in the end what has arrived."""
    with subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout  # noqa: S101 - it was asked for

        def recorder() -> Recorded:
            process.send_signal(signal.SIGTERM)
            told = process.communicate()[0]
            return Recorded(**json.loads(told))

        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}", recorder
        finally:
            process.kill()


class Recorder(asyncio.Protocol):
    """One connection: whatever comes is answered with 200, and taken down."""

    seen: ClassVar[dict[bytes, int]] = {}
    recorded: ClassVar[Recorded] = Recorded()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of a server
        self.transport, self.received = transport, b""

    def data_received(self, data: bytes) -> None:
        """Answer whatever is complete."""
        self.received += data
        while b"\r\n\r\n" in self.received:
            head, _, rest = self.received.partition(b"\r\n\r\n")
            _, _, length = head.lower().partition(b"content-length: ")
            size = int(length.split(b"\r\n")[0] or 0)
            if len(rest) < size:
                return
            self.take(head.split(b" ", 2)[1].split(b"/")[2], rest[:size])
            self.received = rest[size:]
            self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    def take(self, device: bytes, body: bytes) -> None:
        """Take down which status of a device it is."""
        if device.startswith(b"d"):
            pages = json.loads(body)["metrics"]["pagesTotal"]
            self.recorded.calls += 1
            self.recorded.stale += pages < self.seen.get(device, 0)
            self.seen[device] = pages


async def serve() -> None:
    """Serve until SIGTERM; then say what has arrived."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    server = await asyncio.get_running_loop().create_server(Recorder, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await ended.wait()
    recorded = Recorder.recorded
    newest = sum(pages == 2 for pages in Recorder.seen.values())  # noqa: PLR2004 - of two rounds
    print(json.dumps({"calls": recorded.calls, "newest": newest, "stale": recorded.stale}), flush=True)


def memory(process: "subprocess.Popen[bytes]") -> float:
    """Return what a process holds, in MiB."""
    pages = int(Path(f"/proc/{process.pid}/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def seconds_of_core(process: "subprocess.Popen[bytes]") -> float:
    """Return how long a process has kept a core busy."""
    fields = Path(f"/proc/{process.pid}/stat").read_text("ascii").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
