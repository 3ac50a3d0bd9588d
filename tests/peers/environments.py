"""What tests of processes begin with: no setting of the user's, the sandbox's secret, and one NATS for many of them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from nats_servers import NatsServer, nats_server


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


@pytest.fixture(scope="session")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """One NATS for many tests, each with a fleet of its own."""
    with nats_server(tmp_path_factory.mktemp("nats")) as server:
        yield server
