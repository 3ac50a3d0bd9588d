from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from agent_processes import Running, started
from environments import clean_environment, nats

from printos_ext.sandbox import Sandbox

__all__ = ["clean_environment", "nats"]


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
