"""What every test may use: the contract as data, and a hypothesis profile that gives the same examples everywhere."""

from pathlib import Path
from typing import Any

import hypothesis
import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent

hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture
def contract() -> Any:
    """The document, anew for each test, which may change it."""
    return yaml.safe_load((ROOT / "spec" / "hp-printos-device-api-openapi.yml").read_bytes())
