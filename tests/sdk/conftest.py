import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from server import Server, serving

from printos_ext import PrintOS, retries


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """No setting of the user's, an empty configuration folder, and retries that lose no time."""
    for name in [name for name in os.environ if name.startswith("PRINTOS_")]:
        monkeypatch.delenv(name)
    folder = tmp_path_factory.mktemp("config")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    monkeypatch.setattr(retries, "FIRST_WAIT", 0.01)
    return folder


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def printos(server: Server) -> Iterator[PrintOS]:
    with PrintOS("key", "secret", base_url=server.url) as printos:
        yield printos
