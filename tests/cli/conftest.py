import os
import pty
import select
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from printos_ext.sandbox import Sandbox

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environment(printos_sandbox: Sandbox, tmp_path: Path) -> dict[str, str]:
    """The sandbox's settings, and nobody else's."""
    others = {name: value for name, value in os.environ.items() if not name.startswith(("PRINTOS_", "NO_COLOR"))}
    return {
        **others,
        "PRINTOS_BASE_URL": printos_sandbox.url,
        "PRINTOS_API_KEY": printos_sandbox.key,
        "PRINTOS_API_SECRET": printos_sandbox.secret,
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "COLUMNS": "200",
        "TERM": "xterm-256color",
    }


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path) -> Run:
    """`printos` as a process, in a folder of its own."""
    (tmp_path / "cwd").mkdir()

    def run(*words: object, stdin: str | bytes = "", **more: str) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(
            [sys.executable, "-m", "printos_ext.cli", *map(str, words)],
            env={**environment, **more},
            cwd=tmp_path / "cwd",
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            check=False,
            timeout=60,
        )
        return subprocess.CompletedProcess(
            result.args, result.returncode, result.stdout.decode(), result.stderr.decode()
        )

    return run


@pytest.fixture
def on_terminal(environment: dict[str, str]) -> Callable[..., tuple[int, str]]:
    """`printos` in a terminal: its exit status, and what is shown of stdout and stderr together."""

    def run(*words: object, answers: Mapping[str, str] = {}, **more: str) -> tuple[int, str]:
        reader, writer = pty.openpty()
        with subprocess.Popen(
            [sys.executable, "-m", "printos_ext.cli", *map(str, words)],
            env={**environment, **more},
            stdin=writer,
            stdout=writer,
            stderr=writer,
            start_new_session=True,
        ) as process:
            os.close(writer)
            shown = b""
            waiting = list(answers.items())
            while chunk := _read(reader, process):
                shown += chunk
                if waiting and shown.endswith(waiting[0][0].encode()):  # what is typed before is thrown away
                    os.write(reader, f"{waiting.pop(0)[1]}\n".encode())
        os.close(reader)
        return process.returncode, shown.decode()

    return run


def _read(reader: int, process: subprocess.Popen[bytes]) -> bytes:
    try:
        if not select.select([reader], [], [], 30)[0]:
            process.kill()
        return os.read(reader, 65536)
    except OSError:  # the other end is closed
        return b""
