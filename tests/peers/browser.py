"""A person at the other end: Chromium without a window, told over the DevTools protocol what to do, and its errors."""

import base64
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import define, field

NAMES = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--remote-debugging-pipe",
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
)
# Chromium reads commands from descriptor 3 and answers on 4; a shell can only be given 0 and 1 without an inheritance.
START = 'exec "$0" "$@" 3<&0 4>&1 0</dev/null 1>/dev/null'
LONGEST = 20.0
LONGEST_END = 3.0
PAUSE = 0.01


def found() -> str | None:
    """Return where Chromium is, if it is there."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@define
class Page:
    """One tab; `errors` holds what went wrong in it: in the console, thrown, not loaded, against the policy."""

    process: subprocess.Popen[bytes]
    session: dict[str, str] = field(factory=dict)
    errors: list[str] = field(factory=list)
    number: int = 0
    unread: bytearray = field(factory=bytearray)

    def open(self, url: str) -> None:
        answer = self.call("Page.navigate", url=url)
        assert "errorText" not in answer, answer
        self.until("document.readyState === 'complete'")

    def evaluate(self, script: str) -> Any:
        """Return what a script comes to, as JSON; what it promises is waited for."""
        options = {"returnByValue": True, "awaitPromise": True, "userGesture": True}
        answer = self.call("Runtime.evaluate", expression=script, **options)
        assert "exceptionDetails" not in answer, f"{script}: {answer['exceptionDetails']}"
        return answer["result"].get("value")

    def until(self, script: str, seconds: float = 5.0) -> Any:
        """Wait until a script comes to something that is true as JSON (no element is), and return it."""
        ends = time.monotonic() + seconds
        while not (value := self.evaluate(script)):
            assert time.monotonic() < ends, f"not within {seconds} s: {script}"
            time.sleep(PAUSE)
        return value

    def resize(self, width: int, height: int) -> None:
        """Be a screen of this size; a narrow one is a phone's."""
        phone = {"mobile": width < 500, "deviceScaleFactor": 1}
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, **phone)

    def screenshot(self, file: Path, width: int, height: int) -> None:
        """Keep a picture of what a screen of this size shows."""
        self.resize(width, height)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Let Chromium do something, and return its answer; what happens meanwhile is noted."""
        assert self.process.stdin
        self.number += 1
        message = {"id": self.number, "method": method, "params": arguments, **self.session}
        self.process.stdin.write(json.dumps(message).encode() + b"\0")
        self.process.stdin.flush()
        ends = time.monotonic() + LONGEST
        while (answer := self._read(ends)).get("id") != self.number:
            self._note(answer)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return dict(answer["result"])

    def _read(self, ends: float) -> dict[str, Any]:
        assert self.process.stdout
        while b"\0" not in self.unread:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, ends - time.monotonic()))
            assert ready, "Chromium does not answer"
            chunk = os.read(self.process.stdout.fileno(), 1 << 20)
            assert chunk, "Chromium is gone"
            self.unread += chunk
        message, _, self.unread = self.unread.partition(b"\0")
        return dict(json.loads(message))

    def _note(self, event: dict[str, Any]) -> None:
        match event:
            case {
                "method": "Runtime.consoleAPICalled",
                "params": {"type": "error" | "warning" | "assert", "args": args},
            }:
                self.errors.append(f"console: {[one.get('value', one.get('description')) for one in args]}")
            case {"method": "Runtime.exceptionThrown", "params": {"exceptionDetails": details}}:
                self.errors.append(f"exception: {details.get('exception', {}).get('description', details['text'])}")
            case {"method": "Log.entryAdded", "params": {"entry": {"level": "error" | "warning", **entry}}}:
                self.errors.append(f"{entry['source']}: {entry['text']} {entry.get('url', '')}".rstrip())


@contextlib.contextmanager
def browsing() -> Iterator[Page]:
    """Start Chromium with nothing but a new folder, and end all of it with the block."""
    with tempfile.TemporaryDirectory(prefix="printos-browser-") as folder:
        command = ["/bin/sh", "-c", START, found() or NAMES[0], *OPTIONS, f"--user-data-dir={folder}", "about:blank"]
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": folder},
            start_new_session=True,
        ) as process:
            try:
                yield _tab(Page(process))
            finally:
                _end(process)


def _tab(page: Page) -> Page:
    target = page.call("Target.createTarget", url="about:blank")["targetId"]
    page.session = {"sessionId": page.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}
    for domain in ("Page", "Runtime", "Log"):
        page.call(f"{domain}.enable")
    return page


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill all of it, and wait until nothing is left that writes into its folder."""
    ends = time.monotonic() + LONGEST_END
    with contextlib.suppress(ProcessLookupError):
        while time.monotonic() < ends:
            os.killpg(process.pid, signal.SIGKILL)
            process.poll()
            time.sleep(PAUSE)
