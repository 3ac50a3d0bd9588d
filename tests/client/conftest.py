from collections.abc import Iterator

import pytest
from wire import Wire, listening


@pytest.fixture
def wire() -> Iterator[Wire]:
    with listening() as wire:
        yield wire
