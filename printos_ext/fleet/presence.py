"""Forwarders that tell each other that they are there, each second, and share the devices out by that alone."""

import asyncio
import json
import os
import socket
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Self

from printos_ext.agent.events import event
from printos_ext.version import __version__

from .link import Link, LinkError, Msg
from .names import NOT_UNDERSTOOD, Names
from .sharing import HELLO_EVERY, SETTLED_AFTER, Circle


class Presence:
    """One of the forwarders, from `async with` on; `attend` is told which shares are its own whenever that changes."""

    def __init__(
        self,
        link: Link,
        names: Names,
        me: str,
        *,
        attend: Callable[[Collection[int]], None],
        facts: Callable[[], Mapping[str, Any]],
        settled_after: float = SETTLED_AFTER,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take what the others are to know; nothing is sent yet."""
        self._link, self._names, self._attend, self._facts = link, names, attend, facts
        self._circle, self._monotonic = Circle(me, settled_after), monotonic
        self._who = {"id": me, "host": socket.gethostname(), "pid": os.getpid(), "version": __version__}

    async def __aenter__(self) -> Self:
        """Begin to tell and to listen."""
        self._link.on_up.append(self._listen)
        self._link.on_down.append(self._circle.begin)
        if self._link.is_up:
            await self._listen()
        self._telling = asyncio.create_task(self._tell())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Take leave: the others need not wait until this one is missed."""
        self._telling.cancel()
        await asyncio.gather(self._telling, return_exceptions=True)
        self._link.on_up.remove(self._listen)
        self._link.on_down.remove(self._circle.begin)
        await self._say({"bye": True})

    @property
    def forwarders(self) -> int:
        """How many there are, this one included."""
        return 1 + len(self._circle.others(self._monotonic()))

    async def _listen(self) -> None:
        self._circle.begin()
        await self._link.subscribe(self._names.hello, self._heard)

    async def _tell(self) -> None:
        while True:
            if self._link.is_up:
                await self._say(self._facts())
                self._attend(self._circle.mine(self._monotonic()))
            await asyncio.sleep(HELLO_EVERY)

    async def _say(self, what: Mapping[str, Any]) -> None:
        try:
            await self._link.tell(self._names.hello, json.dumps({**self._who, **what}).encode())
        except LinkError:
            return  # it is away, and whoever relies on it knows

    async def _heard(self, message: Msg) -> None:
        """Make room at once for who is new; take over from who is missing in time."""
        said = said_in(message)
        if "bye" in said:
            self._circle.leave([said["id"]])
        elif said and self._circle.hear(said["id"], self._monotonic()) and self._link.is_up:
            self._attend(self._circle.mine(self._monotonic()))


def said_in(message: Msg) -> dict[str, Any]:
    """Return what a forwarder says of itself; nothing, if it is none that says so."""
    try:
        said = json.loads(message.data)
        if isinstance(said["id"], str):
            return dict(said)
    except NOT_UNDERSTOOD:
        pass
    event("not understood", subject=message.subject, level="warning")
    return {}
