"""Who a recorded test talks to: nobody when replaying; a sandbox, or a real platform, when recording."""

import datetime as dt
from collections.abc import Callable

import pytest
from attrs import frozen

from printos_ext import HmacAuth
from printos_ext.sandbox import Sandbox


@frozen
class Platform:
    """Where it is, and what it asks for."""

    url: str
    clock: Callable[[], dt.datetime]
    key: str
    secret: str
    sandbox: Sandbox | None = None
    is_real: bool = False

    @property
    def auth(self) -> HmacAuth:
        """Credentials that it takes."""
        return HmacAuth(self.key, self.secret, clock=self.clock)

    def arrange(self, action: Callable[[Sandbox], object]) -> None:
        """Do something to the sandbox that the recording is made from."""
        if self.is_real:
            pytest.skip("only a sandbox can be brought to do this")
        if self.sandbox is not None:
            action(self.sandbox)
