"""A conversation with one SNMP agent: requests that are repeated, tables that have an end, errors that say what to do.

The library (gufo-snmp) sends a request once and has one under way at a time; it is imported when it is needed.
"""

import asyncio
import errno
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from contextlib import suppress
from functools import lru_cache, partial
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar

from .reading import SourceError
from .snmp_address import AUTH_PROTOCOLS, PRIV_PROTOCOLS, SnmpAddress, SnmpCredentials
from .snmp_rows import SYS_OBJECT_ID, Value

if TYPE_CHECKING:
    from gufo.snmp import User
    from gufo.snmp.aio import SnmpSession

MOST_ROWS = 512
MOST_OCTETS = 1 << 18
# The library takes in 4,096 octets at a time. Four supplies fit, and what comes after a short table is of no use.
MANY_AT_A_TIME, FEW_AT_A_TIME = 40, 8
SECONDS_FOR_A_SOCKET = 0.05
RUST = "pyo3_runtime"  # where the library panics: what it raises then is no Exception
MISSING = (
    "SNMP needs printos-device[agent]: pip install 'printos-device[agent]' (on Windows there is no wheel of gufo-snmp)"
)

Answer = TypeVar("Answer")


class NoAnswerError(SourceError):
    """An agent does not answer at all: it may speak another version."""


class UnreadableError(SourceError):
    """An agent answers with what is not SNMP, or with values that SNMP does not have."""


class Conversation:
    """What is asked of one agent in one version, within the limits of the one who asks."""

    def __init__(
        self,
        to: SnmpAddress,
        ip: str,
        version: str,
        *,
        timeout: float,
        retries: int,
        turn: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """Take who is asked and how patiently; `turn` is awaited before each request of single values."""
        self._to, self._ip, self._version = to, ip, version
        self._timeout, self._retries, self._turn = timeout, retries, turn
        self.opened, self.answered = asyncio.Event(), asyncio.Event()
        self._has_bulk = version != "1"
        self._gufo: ModuleType
        self._session: SnmpSession

    @property
    def has_answered(self) -> bool:
        """Whether the agent is there, and speaks this version."""
        return self.answered.is_set()

    async def begin(self) -> None:
        """Open a socket; of an agent of version 3, learn who and when it is."""
        gufo = self._gufo = library()
        user = user_of(self._to.credentials) if self._to.credentials else None
        versions = {"1": gufo.SnmpVersion.v1, "2c": gufo.SnmpVersion.v2c, "3": gufo.SnmpVersion.v3}
        opened = partial(
            gufo.aio.SnmpSession,
            self._ip,
            port=self._to.port,
            community=self._to.community,
            user=user,
            version=versions[self._version],
            timeout=self._timeout,
        )
        self._session = await self._opened(opened)
        self.opened.set()
        if user:
            await self._repeated(self._session.refresh)

    async def greet(self) -> None:
        """Begin, and ask for one value that each agent has: an answer is all that is wanted of it."""
        await self.begin()
        await self._repeated(partial(self._one, SYS_OBJECT_ID))

    async def get(self, oids: Collection[str]) -> dict[str, Value]:
        """Return those of these values that there are: asked together if the agent can do that, else one by one."""
        together: dict[str, Value] = {}
        if self._version != "1":
            with suppress(UnreadableError):
                together = await self._repeated(partial(self._session.get_many, oids))
        found = {oid: value for oid, value in together.items() if oid in oids}
        return found or await self._one_by_one(oids)

    async def _one_by_one(self, oids: Iterable[str]) -> dict[str, Value]:
        """Ask for what cannot be had together: version 1 gives all or nothing, and some agents have little room."""
        found: dict[str, Value] = {}
        for oid in oids:
            try:
                value = await self._repeated(partial(self._one, oid))
            except UnreadableError:
                if not self.has_answered:
                    raise
            else:
                found.update({} if value is None else {oid: value})
        return found

    async def _one(self, oid: str) -> Value:
        try:
            return await self._session.get(oid)
        except self._gufo.NoSuchInstance:
            return None

    async def walk(self, below: str, at_a_time: int = FEW_AT_A_TIME) -> dict[str, Value]:
        """Return the values below an OID, in as few packets as the agent allows; none if they cannot be read."""
        if self._has_bulk:
            try:
                return await self._walked(self._session.getbulk(below, at_a_time))
            except UnreadableError:
                pass  # it may be too large, row by row it is not
            except NoAnswerError:
                self._has_bulk = False
        try:
            return await self._walked(self._session.getnext(below))
        except UnreadableError:
            return {}

    async def _walked(self, following: AsyncIterator[tuple[str, Value]]) -> dict[str, Value]:
        """Follow a table to its end, with new patience for each packet that brought something."""
        rows: dict[str, Value] = {}
        while True:
            before = len(rows)
            try:
                await self._repeated(partial(_follow, following, rows))
            except NoAnswerError:
                if len(rows) == before:
                    raise
            else:
                return rows

    async def _opened(self, opened: Callable[[], "SnmpSession"]) -> "SnmpSession":
        """Open a socket, or wait until others have closed theirs; whoever asks has a limit for that."""
        while True:
            try:
                return opened()
            except OSError as error:
                if not any(f"os error {number})" in str(error) for number in (errno.EMFILE, errno.ENFILE)):
                    raise SourceError(f"{self._to}: no socket to {self._ip}: {error}") from None
            except ValueError as error:
                raise SourceError(f"{self._to}: agents cannot be asked with this community: {error}") from None
            await asyncio.sleep(SECONDS_FOR_A_SOCKET)

    async def _repeated(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """Ask until there is an answer, and say why there is none."""
        failure: SourceError = NoAnswerError(str(self._to))
        for _ in range(self._retries + 1):
            if self._turn:
                await self._turn()
            try:
                answer = await ask()
            except self._gufo.SnmpAuthError:
                raise SourceError(f"{self._to}: {self._refusal()}") from None
            except OSError as error:
                failure = NoAnswerError(f"{self._to}: {self._silence(error)}")
            except (self._gufo.SnmpError, ValueError, RuntimeError) as error:
                failure = self._unreadable(error)
            except BaseException as error:
                if type(error).__module__ != RUST:
                    raise
                failure = self._unreadable(error)
            else:
                self.answered.set()
                return answer
        raise failure

    def _refusal(self) -> str:
        if self._to.credentials is None:
            return "the agent refuses this community; check it"
        user, is_signed = self._to.credentials.user, self._to.credentials.auth_key is not None
        check = (
            "check its name, auth_protocol and auth_key" if is_signed else f"there are no keys for it: [snmp.{user}]"
        )
        return f"the agent refuses the user {user!r}; {check}"

    def _silence(self, error: OSError) -> str:
        why = str(error) or str(error.__cause__ or "")
        said = f" ({why})" if why else ""
        attempts = f"no answer from {self._ip}{said} to {self._retries + 1} requests of version {self._version}"
        if len(self._to.versions) > 1 and not self.has_answered:
            attempts = f"no answer from {self._ip}{said} in version {' or '.join(self._to.versions)}"
        if self.has_answered:
            return f"{attempts}, after it answered others; ask again, or give it a longer timeout"
        if self._to.credentials is not None:
            return f"{attempts}; is it on, does it speak version 3, are priv_protocol and priv_key right?"
        return f"{attempts}; is it on, is SNMP enabled, is the community right? Agents do not answer to a wrong one"

    def _unreadable(self, error: BaseException) -> UnreadableError:
        return UnreadableError(f"{self._to}: an answer is not SNMP that can be read ({error}); is it a printer?")


async def _follow(following: AsyncIterator[tuple[str, Value]], rows: dict[str, Value]) -> None:
    """Take rows until the table ends, does not go on, or becomes too large."""
    octets = sum(len(value) for value in rows.values() if isinstance(value, bytes | str))
    last = _place(next(reversed(rows), ""))
    async for oid, value in following:
        place = _place(oid)
        octets += len(value) if isinstance(value, bytes | str) else 0
        if place <= last or len(rows) >= MOST_ROWS or octets > MOST_OCTETS:
            break
        rows[oid], last = value, place


def _place(oid: str) -> tuple[int, ...]:
    return tuple(map(int, oid.split("."))) if oid else ()


def library() -> ModuleType:
    """Return the library with its part for asyncio."""
    try:
        import gufo.snmp  # noqa: PLC0415 - optional
        import gufo.snmp.aio  # noqa: PLC0415
    except ImportError as error:
        raise SourceError(f"{MISSING}: {error}") from error
    except OSError as error:
        raise SourceError(f"gufo-snmp, which is installed, cannot be loaded: {error}") from error
    return gufo.snmp


@lru_cache(maxsize=1024)
def user_of(credentials: SnmpCredentials) -> "User":
    """Return the library's user of these credentials. Making keys of passwords takes milliseconds: once is enough."""
    gufo = library()
    auths = (gufo.Md5Key, gufo.Sha1Key, gufo.Sha224Key, gufo.Sha256Key, gufo.Sha384Key, gufo.Sha512Key)
    privs = (gufo.DesKey, gufo.Aes128Key, gufo.Aes192Key, gufo.Aes256Key)
    signed = hidden = None
    if credentials.auth_protocol is not None and credentials.auth_key is not None:
        auth = auths[AUTH_PROTOCOLS.index(credentials.auth_protocol)]
        signed = auth(auth.get_master_key(credentials.auth_key.encode()), key_type=gufo.user.KeyType.Master)
        if credentials.priv_protocol is not None and credentials.priv_key is not None:
            priv = privs[PRIV_PROTOCOLS.index(credentials.priv_protocol)]
            hidden = priv(auth.get_master_key(credentials.priv_key.encode()), key_type=gufo.user.KeyType.Master)
    user: User = gufo.User(credentials.user, auth_key=signed, priv_key=hidden)
    return user
