"""A pytest plugin: `printos_sandbox`, a fresh sandbox for each test that asks for one.

`@pytest.mark.printos_sandbox(min_interval=60)` gives it arguments, those of `Sandbox`.
"""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .server import Sandbox


def pytest_configure(config: pytest.Config) -> None:
    """Say what the mark is."""
    config.addinivalue_line("markers", "printos_sandbox(**arguments): what the fixture `printos_sandbox` is made with")


@pytest.fixture
def printos_sandbox(request: pytest.FixtureRequest) -> "Iterator[Sandbox]":
    """PrintOS on this machine: `url`, `key`, `secret`, `devices`, `journal`, `fault(…)`, `move_clock(…)`."""
    from . import Sandbox  # noqa: PLC0415 - pytest loads this module for tests that want no sandbox, too

    mark = request.node.get_closest_marker("printos_sandbox")
    with Sandbox(**(mark.kwargs if mark else {})) as sandbox:
        yield sandbox
