"""The other end of the wire: a server on loopback that remembers what it was sent."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

EXCHANGES = Path(__file__).resolve().parent.parent / "fixtures" / "exchanges"


@frozen
class Received:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@define
class Wire:
    """Answers every request with the same response."""

    url: str = ""
    status: int = 200
    headers: dict[str, str] = field(factory=dict)
    body: bytes = b""
    received: list[Received] = field(factory=list)

    def serve(self, response: dict[str, Any]) -> None:
        """Answer with a response as the exchanges write it."""
        self.status, self.headers = response["status"], response["headers"]
        self.body = b"" if response["body"] is None else json.dumps(response["body"]).encode()


def exchange(operation: str) -> dict[str, Any]:
    return dict(json.loads((EXCHANGES / f"{operation}.json").read_bytes()))


@contextmanager
def listening() -> Iterator[Wire]:
    """Serve on a free port of loopback until the block ends."""
    wire = Wire()

    class Answers(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("content-length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            wire.received.append(Received(self.command, self.path, headers, self.rfile.read(length)))
            self.send_response(wire.status)
            for name, value in {**wire.headers, "content-length": str(len(wire.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(wire.body)

        do_GET = do_POST = do_PUT = answer  # noqa: N815 - the names http.server looks for

        def log_message(self, *_: object) -> None:
            """Say nothing: what arrived is in `wire.received`."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        wire.url = f"http://127.0.0.1:{server.server_port}"
        yield wire
        server.shutdown()
        thread.join()
