"""A printer that is read over SNMP: which rows are asked for, in which order, and within which limits."""

import asyncio
import datetime as dt
import ipaddress
import socket
from collections.abc import Callable

from . import snmp_rows as snmp
from .reading import Reading, SourceError
from .snmp_address import SnmpCredentials, parsed
from .snmp_mapping import reading_from
from .snmp_rows import Value
from .snmp_session import MANY_AT_A_TIME, Conversation, NoAnswerError

__all__ = ["SnmpCredentials", "SnmpSource"]

LIMIT = 10.0
TIMEOUT = 1.5
RETRIES = 2
MOST_PRINTERS = 16

FIRST_SERIAL = snmp.oid_of(snmp.GENERAL, snmp.SERIAL_NUMBER, (1,))
FIRST_UNIT = snmp.oid_of(snmp.MARKERS, snmp.COUNTER_UNIT, (1, 1))
FIRST_COUNT = snmp.oid_of(snmp.MARKERS, snmp.LIFE_COUNT, (1, 1))
SINGLES = (
    snmp.SYS_DESCR,
    snmp.SYS_OBJECT_ID,
    snmp.SYS_LOCATION,
    FIRST_SERIAL,
    FIRST_UNIT,
    FIRST_COUNT,
    snmp.HP_PAGES,
    *snmp.SERIAL_NUMBERS,
    *snmp.DEVICE_IDS,
    *snmp.MODELS,
    *snmp.FIRMWARES,
)
OF_A_PRINTER = (snmp.DEVICE_DESCR, snmp.DEVICE_STATUS)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class SnmpSource:
    """A printer that is read over SNMP. What a read opens it closes: a source that waits holds no socket."""

    def __init__(
        self,
        address: str,
        *,
        credentials: SnmpCredentials | None = None,
        limit: float = LIMIT,
        timeout: float = TIMEOUT,
        retries: int = RETRIES,
        clock: Callable[[], dt.datetime] = _now,
    ) -> None:
        """Take an address and, for version 3, credentials.

        Args:
            address: `snmp://[community@]host[:port][?version=1|2c|3&user=name]`. The community is `public` if there is
                none. Without a version the agent is asked in 2c and, if it is late, in 1. A name is resolved at
                each read, to an IPv4 address if it has one.
            credentials: Who asks, in version 3. Keys are no part of an address.
            limit: The seconds that a read may take.
            timeout: The seconds after which a request is repeated.
            retries: How often it is repeated.
            clock: When it is now.
        """
        self._where = parsed(address, credentials)
        self._limit, self._timeout, self._retries, self._clock = limit, timeout, retries, clock
        self._turn = asyncio.Lock()
        self._spoken: str | None = None
        self._last_status: str | None = None

    @property
    def address(self) -> str:
        """The URI, without the community."""
        return str(self._where)

    async def read(self) -> Reading:
        """Ask the device, and make a reading of what it says."""
        rows = await self.fetch()
        reading = reading_from(rows, source=self.address, observed_at=self._clock(), last_status=self._last_status)
        self._last_status = reading.status
        return reading

    async def fetch(self) -> dict[str, Value]:
        """Ask the device for the rows that a reading is made of, and for no others."""
        async with self._turn:
            try:
                async with asyncio.timeout(self._limit):
                    return await self._in_a_version_it_speaks()
            except TimeoutError:
                why = f"not read within {self._limit:g} s; ask again, or give it a longer limit"
                raise SourceError(f"{self.address}: {why}") from None

    async def aclose(self) -> None:
        """Forget what was learnt of the device; no connection is held that could be closed."""
        self._spoken = self._last_status = None

    async def _in_a_version_it_speaks(self) -> dict[str, Value]:
        """Read in the version that was spoken last or, of an agent not known yet, in the newest that it speaks.

        An agent that is late with its first answer is asked in the other version as well, while the first is still
        tried: so one that is off costs no more than in one version, and each version still has its second chance.
        """
        ip = await self._resolved()
        newest, *others = (self._spoken,) if self._spoken else self._where.versions
        self._spoken = None
        conversation = self._conversation(ip, newest, self._retries)
        reading = asyncio.ensure_future(self._rows(conversation))
        greetings = {
            version: asyncio.ensure_future(
                self._greeted_if_late(ip, version, reading, conversation.opened, conversation.answered)
            )
            for version in others
        }
        try:
            rows, spoken = await reading, newest
        except NoAnswerError:
            if conversation.has_answered or not greetings:
                raise
            for version, greeting in greetings.items():
                await greeting
                rows, spoken = await self._rows(self._conversation(ip, version, self._retries)), version
        finally:
            for task in (reading, *greetings.values()):
                task.cancel()
            await asyncio.gather(reading, *greetings.values(), return_exceptions=True)
        self._spoken = spoken
        return rows

    async def _greeted_if_late(
        self,
        ip: str,
        version: str,
        reading: "asyncio.Future[dict[str, Value]]",
        opened: asyncio.Event,
        answered: asyncio.Event,
    ) -> None:
        """Greet the agent in a version if it does not answer in time in the other one, in which it is being read."""
        await opened.wait()
        await asyncio.wait({reading}, timeout=self._timeout)
        if not answered.is_set():
            await self._conversation(ip, version, max(self._retries - 1, 0)).greet()

    def _conversation(self, ip: str, version: str, retries: int) -> Conversation:
        return Conversation(self._where, ip, version, timeout=self._timeout, retries=retries)

    async def _rows(self, conversation: Conversation) -> dict[str, Value]:
        """Ask for what is where it mostly is first, and look only for what is not there."""
        await conversation.begin()
        rows = await conversation.get(SINGLES)
        types = await conversation.walk(f"{snmp.DEVICES}.{snmp.DEVICE_TYPE}")
        # Of some devices the printer's own state has another index than its device: so it is not asked by index.
        states = await conversation.walk(snmp.PRINTERS)
        rows |= types | states
        typed = (index for index, row in snmp.table(types, snmp.DEVICES).items() if snmp.IS_PRINTER in row.values())
        printers = sorted({*typed, *snmp.table(states, snmp.PRINTERS)})
        if 0 < len(printers) <= MOST_PRINTERS:
            wanted = [snmp.oid_of(snmp.DEVICES, column, index) for index in printers for column in OF_A_PRINTER]
            rows |= await conversation.get(wanted)
            looked_for = []
        else:
            looked_for = [f"{snmp.DEVICES}.{column}" for column in OF_A_PRINTER]
        if FIRST_SERIAL not in rows:
            looked_for.append(f"{snmp.GENERAL}.{snmp.SERIAL_NUMBER}")
        if FIRST_COUNT not in rows:
            looked_for += [f"{snmp.MARKERS}.{column}" for column in (snmp.COUNTER_UNIT, snmp.LIFE_COUNT)]
        for column in (*looked_for, f"{snmp.ALERTS}.{snmp.ALERT_DESCRIPTION}"):
            rows |= await conversation.walk(column)
        rows |= await conversation.walk(snmp.SUPPLIES, MANY_AT_A_TIME)
        return rows

    async def _resolved(self) -> str:
        """Return an IP address: the library takes no names."""
        host = self._where.host
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            pass
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, self._where.port, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError) as error:
            raise SourceError(
                f"{self.address}: {host} has no address ({error}); check the name, or give the IP"
            ) from None
        family, _, _, _, where = min(found, key=lambda one: one[0] != socket.AF_INET)
        ip, *_, scope = map(str, where)
        is_scoped = family == socket.AF_INET6 and scope != "0"
        return f"[{ip.partition('%')[0]}%{scope}]" if is_scoped else ip
