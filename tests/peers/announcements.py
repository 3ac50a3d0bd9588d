"""The system bus as far as a printer asks it to announce a service (D-Bus, Avahi): it says yes and announces nothing.

`ippeveprinter` starts only where an Avahi daemon is, and of those a machine has one: tests run side by side need this.
"""

import contextlib
import socketserver
import struct
import threading
from collections.abc import Iterator
from typing import Any

# What methods return, by their names: the signature of one value, and the value. All others return nothing.
RETURNED: dict[str, tuple[str, Any]] = {
    "Hello": ("s", ":1.1"),
    "GetAPIVersion": ("u", 0x0204),
    "GetState": ("i", 2),
    "GetHostNameFqdn": ("s", "localhost"),
    "EntryGroupNew": ("o", "/Client1/EntryGroup1"),
}
CALL, RETURN = 1, 2
MEMBER, REPLY_SERIAL, SIGNATURE = 3, 5, 8
NO_REPLY_EXPECTED = 0x01


class Bus(socketserver.StreamRequestHandler):
    """One connection to the bus."""

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            self.greet()
            while len(head := self.rfile.read(16)) == 16:
                _, kind, flags, _, length, serial, fields = struct.unpack("<4BIII", head)
                called = member(self.rfile.read(fields + -fields % 8)[:fields])
                self.rfile.read(length)
                if kind == CALL and not flags & NO_REPLY_EXPECTED:
                    self.wfile.write(returned(called, serial))

    def greet(self) -> None:
        """Let anybody in."""
        self.rfile.read(1)
        while (line := self.rfile.readline().strip()) not in {b"", b"BEGIN"}:
            self.wfile.write(b"OK 0123456789abcdef0123456789abcdef\r\n" if line.startswith(b"AUTH") else b"ERROR\r\n")


def member(fields: bytes) -> str:
    """Return the name of the method that is called."""
    place = 0
    while place < len(fields):
        place += -place % 8
        code, kind = fields[place], fields[place + 2 : place + 3]
        place += 4
        if kind == b"u":
            place += 4
            continue
        width = 1 if kind == b"g" else 4
        length = int.from_bytes(fields[place : place + width], "little")
        text = fields[place + width : place + width + length].decode()
        if code == MEMBER:
            return text
        place += width + length + 1
    raise AssertionError("a call of no method")


def returned(called: str, serial: int) -> bytes:
    """Write what a method returns."""
    fields = bytes([REPLY_SERIAL]) + b"\x01u\0" + struct.pack("<I", serial)
    body = b""
    if called in RETURNED:
        signature, value = RETURNED[called]
        fields += bytes([SIGNATURE]) + b"\x01g\0\x01" + signature.encode() + b"\0"
        text = str(value).encode()
        body = struct.pack("<I", len(text)) + text + b"\0" if signature in "so" else struct.pack("<I", value)
    head = struct.pack("<cBBBIII", b"l", RETURN, NO_REPLY_EXPECTED, 1, len(body), serial, len(fields))
    return head + fields + bytes(-len(fields) % 8) + body


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


@contextlib.contextmanager
def announcing() -> Iterator[dict[str, str]]:
    """Serve until the block ends, and give the environment of a process that is to find it."""
    with _Server(("127.0.0.1", 0), Bus) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield {"DBUS_SYSTEM_BUS_ADDRESS": f"tcp:host=127.0.0.1,port={server.server_address[1]}"}
        finally:
            server.shutdown()
            thread.join()
