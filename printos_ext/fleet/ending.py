"""How a connection to NATS ends: nobody is at its other end, leave is taken, or it is given up. None begins here."""

import asyncio
import socket
import struct
from contextlib import suppress

import nats.errors
from nats.aio.client import Client
from nats.aio.transport import TcpTransport

LONGEST_CLOSE = 1.0  # seconds
PING_EVERY, PING_WITHIN = 5.0, 10
RESET = struct.pack("ii", 1, 0)  # linger, for no time: what has not left does not leave


async def ended(client: Client, closed: asyncio.Event) -> None:
    """Return when a connection has ended; an error of the client's if nobody is at its other end."""
    while not closed.is_set():
        await client.flush(PING_WITHIN)
        with suppress(TimeoutError):
            async with asyncio.timeout(PING_EVERY):
                await closed.wait()


async def close(client: Client) -> None:
    """Send what is left, and close a connection."""
    with suppress(OSError, nats.errors.Error, TimeoutError):
        async with asyncio.timeout(LONGEST_CLOSE):
            await client.close()


def abandon(client: Client) -> None:
    """Take back what was written and has not left: it would come late, after what goes over the next connection.

    The client would still send it when it is closed, and has no public name for what it keeps, nor for its socket.
    """
    client._pending, client._pending_data_size = [], 0  # noqa: SLF001 - see above
    transport = client._transport  # noqa: SLF001
    writer = transport._io_writer if isinstance(transport, TcpTransport) else None  # noqa: SLF001
    if writer is not None:
        with suppress(OSError):  # it is closed already
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        writer.transport.abort()
