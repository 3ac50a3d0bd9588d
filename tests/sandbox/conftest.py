from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from processes import Served, served

from printos_ext.sandbox import Sandbox


@pytest.fixture
def start() -> Iterator[Callable[..., Served]]:
    """Sandboxes that are processes of their own, as from a shell; those that still run are killed in the end."""
    started: list[Served] = []

    def start(*arguments: object) -> Served:
        started.append(served(*arguments))
        return started[-1]

    yield start
    for one in started:
        one.kill()


@pytest.fixture
def call() -> Iterator[Callable[..., httpx.Response]]:
    """Calls as anybody makes them, without the SDK."""
    with httpx.Client() as client:

        def call(sandbox: Sandbox, method: str, path: str, **arguments: Any) -> httpx.Response:
            return client.request(method, sandbox.url + path, **arguments)

        yield call


@pytest.fixture
def serve(contract: Any, tmp_path: Path) -> Iterator[Callable[..., Sandbox]]:
    """Sandboxes of the contract as a test changed it."""
    running: list[Sandbox] = []

    def serve(document: Any = contract, **options: Any) -> Sandbox:
        spec = tmp_path / "spec.yml"
        spec.write_text(yaml.safe_dump(document), encoding="utf-8")
        sandbox = Sandbox(**{"auth": None, "spec": spec, **options})
        sandbox.start()
        running.append(sandbox)
        return sandbox

    yield serve
    for sandbox in running:
        sandbox.stop()
