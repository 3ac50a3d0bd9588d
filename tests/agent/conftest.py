import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from agent_processes import Running, started

from printos_ext.sandbox import Sandbox


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """No setting of the user's, nothing attached, and the sandbox's secret."""
    for name in [name for name in os.environ if name.startswith("PRINTOS_")]:
        monkeypatch.delenv(name)
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    monkeypatch.setenv("PRINTOS_API_KEY", "sandbox")
    monkeypatch.setenv("PRINTOS_API_SECRET", "sandbox-secret")
    return folder


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Agents as processes of their own; those that still run are killed in the end."""
    running: list[Running] = []

    def start(sandbox: Sandbox, **options: Any) -> Running:
        running.append(started(sandbox, tmp_path, **options))
        return running[-1]

    yield start
    for agent in running:
        agent.kill()
