"""Real printers in software: `ippeveprinter` of CUPS and `lprint` of PAPPL, each on a port of loopback and in a folder.

They are ended by their process; several run side by side. A test that needs one which is not installed is skipped.
Debian's lprint listens on every address, whatever it is told, for as long as its test lasts.
"""

import contextlib
import hashlib
import os
import shutil
import socket
import ssl
import struct
import subprocess
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from announcements import announcing
from attrs import frozen
from ipp_bytes import OPERATION, attribute
from server import free_port, until

# What the printer is, in the words of ipptool: our own, so that a test knows every value.
ATTRIBUTES = """
ATTR text printer-device-id "MFG:Example;MDL:Jet 5;SN:E5A0042;"
ATTR text printer-make-and-model "Example Jet 5"
ATTR text printer-firmware-string-version "2.1"
ATTR keyword ipp-versions-supported 1.1,2.0
ATTR mimeMediaType document-format-supported application/octet-stream,text/plain
ATTR mimeMediaType document-format-default text/plain
ATTR name marker-names Black,Cyan,Yellow,Waste
ATTR keyword marker-types toner-cartridge,tonerCartridge,toner,waste-toner
ATTR name marker-colors "\\#000000,\\#00FFFF,\\#FFFF00,none"
ATTR integer marker-levels 80,60,70,5
ATTR integer marker-high-levels 100,100,100,100
ATTR integer marker-low-levels 10,10,10,95
"""
# It says on its standard error what it is told in a file, and prints until another file is there.
COMMAND = """#!/bin/sh
cat "{folder}/says" >&2
touch "{folder}/began"
until test -e "{folder}/done"; do sleep 0.05; done
"""
# A queue as lprint writes it down: what it prints goes into a folder.
QUEUE = """DNSSDName LPrint
DefaultPrinterID 1
NextPrinterID 2
<Printer id="1" name="labels" did="MFG:Zebra;MDL:ZPL;SN:Z42X;" driver="zpl_4inch-203dpi-dt" uri="file://{folder}/printed/">
DNSSDName labels
Location Dispatch
NextJobId 1
ImpressionsCompleted 41
</Printer>
"""

PRINT_JOB, PAUSE_PRINTER, RESUME_PRINTER = 0x0002, 0x0010, 0x0011


@frozen
class Printer:
    """A running printer."""

    port: int
    folder: Path

    def address(self, path: str = "", scheme: str = "ipp") -> str:
        return f"{scheme}://localhost:{self.port}{path}"

    def ask(self, operation: int, path: str, *attributes: bytes, document: bytes = b"") -> None:
        """Let the printer do something."""
        asked = struct.pack(">bbHi", 2, 0, operation, 1) + OPERATION
        asked += attribute(0x45, "printer-uri", self.address(path).encode())
        asked += attribute(0x42, "requesting-user-name", b"tests") + b"".join(attributes)
        answer = httpx.post(
            f"http://localhost:{self.port}{path}",
            content=asked + b"\x03" + document,
            headers={"content-type": "application/ipp"},
        ).raise_for_status()
        assert int.from_bytes(answer.content[2:4]) < 0x0100, answer.content

    def print(self, document: bytes, path: str, kind: str) -> None:
        """Send a job, and return once it is taken."""
        self.ask(PRINT_JOB, path, attribute(0x49, "document-format", kind.encode()), document=document)

    def begin_job(self, *says: str) -> None:
        """Print a job that says this about the printer's state, and goes on until `end_job`."""
        (self.folder / "done").unlink(missing_ok=True)
        (self.folder / "began").unlink(missing_ok=True)
        (self.folder / "says").write_text("".join(f"{line}\n" for line in says))
        self.print(b"a page", "/ipp/print", "text/plain")
        assert until((self.folder / "began").exists, 15)

    def end_job(self) -> None:
        (self.folder / "done").touch()

    @property
    def fingerprint(self) -> str:
        """Of the certificate that it made for itself."""
        pem = ssl.get_server_certificate(("localhost", self.port))
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


@contextlib.contextmanager
def everywhere_printer(folder: Path, attributes: str = ATTRIBUTES) -> Iterator[Printer]:
    """Run an `ippeveprinter` with these attributes; its jobs do what `Printer.begin_job` says."""
    program = _installed("ippeveprinter", "cups-ipp-utils")
    port = free_port()
    (folder / "attributes").write_text(attributes)
    (folder / "says").touch()
    command = folder / "command"
    command.write_text(COMMAND.format(folder=folder))
    command.chmod(0o700)
    for name in ("spool", "keys"):
        (folder / name).mkdir()
    arguments: list[object] = [program, "-r", "off", "-n", "localhost", "-p", port, "-a", folder / "attributes"]
    arguments += ["-c", command, "-d", folder / "spool", "-l", "Hall 2", "-K", folder / "keys", "Test printer"]
    with announcing() as bus, _running(folder, arguments, bus, port):
        yield Printer(port, folder)
        (folder / "done").touch()


@contextlib.contextmanager
def label_printer(folder: Path) -> Iterator[Printer]:
    """Run an `lprint` server with a queue for labels, at `/ipp/print/labels`, that has printed 41 pages."""
    program = _installed("lprint", "lprint")
    port = free_port()
    for name in ("spool", "printed"):
        (folder / name).mkdir()
    (folder / ".lprint.conf").write_text(QUEUE.format(folder=folder))
    arguments: list[object] = [program, "server", "-o", f"server-port={port}", "-o", f"log-file={folder / 'log'}"]
    arguments += ["-o", "listen-hostname=localhost", "-o", "server-hostname=localhost"]
    arguments += ["-o", f"spool-directory={folder / 'spool'}"]
    with _running(folder, arguments, {"HOME": str(folder), "TMPDIR": str(folder)}, port):
        yield Printer(port, folder)


def picture(width: int = 200, height: int = 100) -> bytes:
    """Draw a black PNG."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes((width + 1) * height))) + chunk(b"IEND", b"")
    )


def _installed(program: str, package: str) -> str:
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        pytest.skip(f"there is no {program} here: apt-get install {package}")
    return found


@contextlib.contextmanager
def _running(folder: Path, arguments: list[object], environment: Mapping[str, str], port: int) -> Iterator[None]:
    """Run a program that listens on a port, until the block ends."""
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            [str(argument) for argument in arguments],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )

    def listens() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("localhost", port), 1):
            return True
        return process.poll() is not None

    try:
        until(listens, 15)
        assert process.poll() is None, (folder / "output").read_text(errors="replace")
        yield
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
