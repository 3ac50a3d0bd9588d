import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from printos_ext.sandbox import Sandbox

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environment(printos_sandbox: Sandbox, tmp_path: Path) -> dict[str, str]:
    """The sandbox's settings, and nobody else's."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("PRINTOS_")}
    return {
        **others,
        "PRINTOS_BASE_URL": printos_sandbox.url,
        "PRINTOS_API_KEY": printos_sandbox.key,
        "PRINTOS_API_SECRET": printos_sandbox.secret,
        "XDG_CONFIG_HOME": str(tmp_path),
        "COLUMNS": "200",
    }


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    """`printos` as a process."""

    def run(*words: object, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "printos_ext.cli", *map(str, words)],
            env={**environment, **more},
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=60,
        )

    return run
