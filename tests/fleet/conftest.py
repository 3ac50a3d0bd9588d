from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from agent_processes import Running, started
from environments import clean_environment, nats
from nats_servers import NatsServer

from printos_ext.sandbox import Sandbox

__all__ = ["clean_environment", "nats"]


@pytest.fixture
def start(tmp_path: Path, nats: NatsServer) -> Iterator[Callable[..., Running]]:
    """Sites and forwarders of one fleet as processes of their own; those that still run are killed in the end."""
    running: list[Running] = []

    def start(sandbox: Sandbox, *words: str, server: NatsServer = nats, **options: Any) -> Running:
        folder = tmp_path / f"p{len(running)}"
        folder.mkdir()
        at = {"fleet": tmp_path.name, "spool": str(folder / "spool.db"), **options.pop("nats", {})}
        outbox = {"path": server.url, "max_bytes": 1 << 24, **options.pop("outbox", {})}
        running.append(started(sandbox, folder, words=words, nats=at, outbox=outbox, **options))
        return running[-1]

    yield start
    for process in running:
        process.kill()
