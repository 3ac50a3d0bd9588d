"""The process around an agent: signals, the page, systemd; it ends although a thread may still wait for a device."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import NoReturn

from attrs import frozen

from printos_ext.errors import ConfigurationError

from . import pages, service
from .configuration import Configuration
from .events import event
from .running import Agent

LoadConfiguration = Callable[[], Configuration]
MakeAgent = Callable[[Configuration], AbstractAsyncContextManager[Agent]]


async def serve(load: LoadConfiguration, make: MakeAgent = Agent) -> None:
    """Run an agent until SIGTERM or SIGINT; SIGHUP makes it load its configuration anew."""
    _allow_many_sockets()
    if sys.platform != "win32":
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # what is loaded now is the newest there is
    configuration = load()
    # The watchdog begins with the work: to save a large damaged outbox takes as long as it takes.
    ends, hung_up, loop = asyncio.Event(), asyncio.Event(), asyncio.get_running_loop()
    async with make(configuration) as agent, pages.serving(agent) as page:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(ends.set))
        if sys.platform != "win32":
            signal.signal(signal.SIGHUP, lambda *_: loop.call_soon_threadsafe(hung_up.set))
        _warn(configuration)
        counts = agent.outbox.counts()
        event(
            "started",
            server=agent.server,
            devices=len(configuration.devices),
            outbox=configuration.on_nats or str(configuration.outbox_path),
            waiting=counts.waiting,
            page=page or "off",
        )
        service.notify("READY=1")
        reloading = asyncio.create_task(_reload_whenever(hung_up, agent, load))
        try:
            await agent.run(ends)
        finally:
            reloading.cancel()


@frozen
class Done:
    """What came of one time."""

    devices: int
    unreadable: int
    taken: int
    refused: int
    failed: int
    waiting: int


def once(configuration: Configuration, make: MakeAgent = Agent) -> Done:
    """Read every device one time, deliver what waits, and return what came of it."""

    async def work() -> Done:
        async with make(configuration) as agent:
            await agent.once()
            devices, sent = agent.watching.devices.values(), agent.delivery.tally
            unreadable = sum(watched.error is not None and watched.reading is None for watched in devices)
            return Done(len(devices), unreadable, sent.taken, sent.refused, sent.failed, agent.outbox.counts().waiting)

    _allow_many_sockets()
    _warn(configuration)
    return asyncio.new_event_loop().run_until_complete(work())  # a reading that never ends does not hold it up


def run(load: LoadConfiguration, make: MakeAgent = Agent) -> NoReturn:
    """Run an agent, and end the process: a thread that waits for a device must not hold up the end."""
    loop = asyncio.new_event_loop()
    loop.run_until_complete(serve(load, make))
    logging.shutdown()
    os._exit(0)


async def _reload_whenever(asked: asyncio.Event, agent: Agent, load: LoadConfiguration) -> None:
    """Reload as often as it is asked for, one time after the other."""
    while True:
        await asked.wait()
        asked.clear()
        await _reload(agent, load)


async def _reload(agent: Agent, load: LoadConfiguration) -> None:
    """Change everything or, if the configuration is broken, nothing; devices are read meanwhile."""
    service.notify("RELOADING=1")
    try:
        before, configuration = agent.configuration, await asyncio.to_thread(load)
        fitting = configuration.fitting(before)
        for table in configuration.unlike(before):
            event("restart needed", table=table, level="warning")
        agent.reload(fitting)
        _warn(configuration)
    except ConfigurationError as error:
        event("not reloaded", error=str(error), level="error")
    except Exception as error:  # noqa: BLE001 - the devices are read on, and where in the code it was is told
        event("not reloaded", error=f"{type(error).__name__}: {error}", trace=True, level="error")
    finally:
        service.notify("READY=1")


def _warn(configuration: Configuration) -> None:
    if configuration.exposed_in:
        told = "it holds secrets and everybody may read it: chmod o= it"
        event("exposed", file=str(configuration.exposed_in), error=told, level="warning")


def _allow_many_sockets() -> None:
    """Ask for as many sockets as the machine lets this process have: a fleet has one or two for each device."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - not everywhere

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        with suppress(OSError, ValueError):  # what is allowed may be more than is possible
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
