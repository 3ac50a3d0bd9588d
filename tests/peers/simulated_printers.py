"""Many SNMP printers in one process on one core, each on a port of its own: `python simulated_printers.py 1000`.

Prints the ports, and serves until its input ends.
"""

import asyncio
import resource
import sys
from functools import partial

import ber
from agents import FakeAgent, honest

MIB = "1.3.6.1.2.1"
COLORS = (b"Black", b"Cyan", b"Magenta", b"Yellow")


def rows_of(number: int) -> dict[str, bytes]:
    """Return what an invented colour printer says."""
    values: dict[str, int | str | bytes] = {
        f"{MIB}.1.1.0": b"ACME Press 9; firmware 1.2",
        f"{MIB}.1.2.0": "1.3.6.1.4.1.99999.1",
        f"{MIB}.1.6.0": b"Hall 2",
        f"{MIB}.25.3.2.1.2.1": f"{MIB}.25.3.1.5",
        f"{MIB}.25.3.2.1.3.1": b"ACME Press 9",
        f"{MIB}.25.3.2.1.5.1": 2,
        f"{MIB}.25.3.5.1.1.1": 3,
        f"{MIB}.25.3.5.1.2.1": b"\0",
        f"{MIB}.43.5.1.1.17.1": b"AC%06d" % (100_000 + number),
        f"{MIB}.43.10.2.1.3.1.1": 7,
        f"{MIB}.43.10.2.1.4.1.1": 120_345 + number,
    }
    for place, color in enumerate(COLORS, 1):
        columns: dict[int, int | bytes] = {
            2: 1,
            3: place,
            4: 3,
            5: 21,
            6: color + b" Toner",
            7: 19,
            8: 100,
            9: 20 * place,
        }
        values |= {f"{MIB}.43.11.1.1.{column}.1.{place}": value for column, value in columns.items()}
    return {oid: ber.encoded(value) for oid, value in values.items()}


async def serve(count: int) -> None:
    """Answer until the standard input ends."""
    loop = asyncio.get_running_loop()
    ports = []
    for number in range(count):
        agent = partial(FakeAgent, honest(rows_of(number)))
        transport, _ = await loop.create_datagram_endpoint(agent, local_addr=("127.0.0.1", 0))
        ports.append(transport.get_extra_info("sockname")[1])
    sys.stdout.write(" ".join(map(str, ports)) + "\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    highest = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest, highest))
    asyncio.run(serve(int(sys.argv[1])))
