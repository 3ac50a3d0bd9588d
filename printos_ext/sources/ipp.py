"""Reading a printer over IPP (RFC 8010, RFC 7472): which path it is at, the connection, and what limits it.

What the answers mean is in `ipp_mapping`. A source holds no connection between two readings: there are thousands.
"""

import contextlib
import datetime as dt
import ssl
import time
from collections.abc import Callable, Iterator

import httpx

from printos_ext.network import bind
from printos_ext.retries import DEADLINE, causes, is_untrusted

from .certificates import OtherCertificateError, pinned, trusted
from .ipp_address import IppAddress
from .ipp_mapping import JOB_ATTRIBUTES, PRINTER_ATTRIBUTES, PROCESSING, reading_from
from .ipp_messages import (
    GET_JOBS,
    GET_PRINTER_ATTRIBUTES,
    Answer,
    Attributes,
    UnreadableMessageError,
    question,
    read_answer,
)
from .reading import Reading, SourceError
from .texts import cleaned

PATHS = ("/ipp/print", "/ipp", "/ipp/printer", "/")
VERSIONS = ((2, 0), (1, 1))
JOBS = 10  # those that wait may be listed before the one that is printed

JOB_PROCESSING = 5
OK, FIRST_FAILURE, VERSION_NOT_SUPPORTED = 200, 0x0200, 0x0503
# A connection for each question: small printers close one after an error, and do not say so.
HEADERS = {"content-type": "application/ipp", "accept-encoding": "identity", "connection": "close"}
LOCKED = "it asks for a password: let it answer questions about its state without one"
REFUSED = "it refuses: allow this machine in its settings"
TLS_ONLY = "it wants TLS: attach it as ipps://"
# By the status of HTTP, and that of IPP in hexadecimal.
WHAT_TO_DO = {401: LOCKED, 403: REFUSED, 426: TLS_ONLY, 0x0401: REFUSED, 0x0402: LOCKED, 0x0403: REFUSED}


class _NoPrinterError(Exception):
    """What answers at a path does not tell of a printer: here is why."""


class IppSource:
    """A printer that is read over IPP.

    Args:
        address: `ipp://host[:631][/path]` or `ipps://…`. With `ipps`, its certificate must be one that this machine
            trusts, or exactly the one of `?fingerprint=<its SHA-256 in hex>`.
        seconds: after which a reading is given up, all in all.
        max_bytes: of an answer.
        clock: what time it is.
    """

    def __init__(
        self,
        address: str,
        *,
        seconds: float = 10.0,
        max_bytes: int = 2_000_000,
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self._place = IppAddress.of(address)
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._clock = clock
        self._path = ""  # the one that worked
        self._versions: tuple[tuple[int, int], ...] = VERSIONS

    @property
    def address(self) -> str:
        """The URI, without the fingerprint."""
        return self._place.uri(self._place.path)

    async def read(self) -> Reading:
        """Ask the printer, and what it does with its job while it has one."""
        observed_at = self._clock()
        return reading_from(await self.fetch(), source=self.address, observed_at=observed_at)

    async def fetch(self) -> Attributes:
        """Return the attributes as they are, those of the current job among them."""
        try:
            with _within(self._seconds):
                return await self._fetch()
        except httpx.TimeoutException:
            why = f"no whole answer within {self._seconds:g} s: is it on, and does a firewall let IPP through?"
        except _NoPrinterError as error:
            why = str(error)
        except (httpx.HTTPError, OSError, ValueError) as error:
            said = cleaned(str(error)) or type(error).__name__
            why = f"the connection failed ({said}): is it on, and is IPP switched on in its settings?"
        raise SourceError(f"{self.address}: {why}")

    async def aclose(self) -> None:
        """Do nothing: no connection outlives a reading."""

    async def _fetch(self) -> Attributes:
        is_verified = self._place.scheme == "ipps" and not self._place.fingerprint
        try:
            # Plain IPP meets no certificate: it must not need those of this machine, and would trust none.
            async with _client(trusted() if is_verified else pinned(self._place.fingerprint or "")) as client:
                attributes = await self._printer(client)
                if attributes.get("printer-state") == PROCESSING:
                    # Without its job, less is known of what the printer does, and the rest is worth no less.
                    with contextlib.suppress(_NoPrinterError, httpx.HTTPError, OSError), _within(_left() / 2):
                        attributes |= await self._current_job(client)
                return attributes
        except httpx.ConnectError as error:
            if not is_untrusted(error):
                raise
            raise _NoPrinterError(await self._why_untrusted(error)) from error

    async def _printer(self, client: httpx.AsyncClient) -> Attributes:
        """Ask at the path that is given or that worked, else at those that printers have."""
        paths = [self._place.path] if self._place.path else sorted(PATHS, key=lambda path: path != self._path)
        refused: dict[str, list[str]] = {}
        for path in paths:
            try:
                answer = await self._ask(client, path, GET_PRINTER_ATTRIBUTES, PRINTER_ATTRIBUTES)
                if answer.printers:
                    self._path = path
                    return dict(answer.printers[0])
                why = "the answer tells of no printer"
            except _NoPrinterError as error:
                why = str(error)
            refused.setdefault(why, []).append(path)
        reasons = "; ".join(f"{why} (at {', '.join(at)})" for why, at in refused.items())
        advice = "is this its path?" if self._place.path else "if it is a printer, give its path: ipp://host/path"
        raise _NoPrinterError(f"{reasons}; {advice}")

    async def _current_job(self, client: httpx.AsyncClient) -> Attributes:
        """Return what is asked of the job that is printed, if one is."""
        answer = await self._ask(client, self._path, GET_JOBS, JOB_ATTRIBUTES, limit=JOBS)
        job = next((job for job in answer.jobs if job.get("job-state") == JOB_PROCESSING), {})
        return {name: job[name] for name in JOB_ATTRIBUTES if name in job}

    async def _ask(
        self, client: httpx.AsyncClient, path: str, operation: int, requested: tuple[str, ...], limit: int = 0
    ) -> Answer:
        """Ask in the newest version that the printer speaks."""
        for version in self._versions:
            content = question(operation, self._place.uri(path), requested, version=version, limit=limit)
            body = await self._post(client, path, content)
            try:
                answer = read_answer(body)
            except UnreadableMessageError as error:
                raise _NoPrinterError(f"the answer is no IPP: {error}") from error
            if answer.status != VERSION_NOT_SUPPORTED:
                self._versions = VERSIONS[VERSIONS.index(version) :]
                break
        if answer.status >= FIRST_FAILURE:
            said = cleaned(answer.operation.get("status-message")) or "no reason given"
            raise _NoPrinterError(f"IPP fails with {answer.status:#06x} ({WHAT_TO_DO.get(answer.status, said)})")
        return answer

    async def _post(self, client: httpx.AsyncClient, path: str, content: bytes) -> bytes:
        """Return the body of an answer, no larger than its limit."""
        body = bytearray()
        async with client.stream("POST", self._place.url(path), content=content, headers=HEADERS) as response:
            if response.is_redirect:
                to = cleaned(response.headers.get("location", "")) or "nowhere"
                raise _NoPrinterError(f"HTTP redirects to {to}, which is not followed")
            if response.status_code != OK:
                advice = WHAT_TO_DO.get(response.status_code, "")
                raise _NoPrinterError(f"HTTP fails with {response.status_code}{advice and f' ({advice})'}")
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > self._max_bytes:
                    raise _NoPrinterError(f"the answer is larger than {self._max_bytes:,} bytes")
        return bytes(body)

    async def _why_untrusted(self, error: httpx.ConnectError) -> str:
        """Say which certificate the printer shows, so that a person can compare it."""
        if shown := _fingerprint_shown(error):
            return (
                f"it shows another certificate than the pinned one, with the fingerprint {shown}: nothing was sent; "
                "if the printer has a new certificate, compare this and pin it"
            )
        why = f"its certificate is not trusted ({_reason(error)}): nothing was sent"
        try:
            async with _client(pinned("")) as client:  # which is refused as well, and tells what it was
                await self._post(client, "/", b"")
        except httpx.ConnectError as refused:
            shown = _fingerprint_shown(refused)
        advice = f"if the printer itself shows the fingerprint {shown}, attach {self.address}?fingerprint={shown}"
        return f"{why}; {advice}" if shown else why


def _client(verify: ssl.SSLContext) -> httpx.AsyncClient:
    """Return a client for one reading, whose every wait ends with it; no proxy leads to a printer."""
    client = httpx.AsyncClient(verify=verify, trust_env=False, timeout=max(_left(), 0.0))
    bind(client)
    return client


@contextlib.contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Let no wait for the network in the block last longer than it."""
    before = DEADLINE.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        DEADLINE.reset(before)


def _left() -> float:
    return (DEADLINE.get() or 0.0) - time.monotonic()


def _reason(error: BaseException) -> str:
    said = (cause.verify_message for cause in causes(error) if isinstance(cause, ssl.SSLCertVerificationError))
    return next(said, "unknown")


def _fingerprint_shown(error: BaseException) -> str | None:
    return next((cause.fingerprint for cause in causes(error) if isinstance(cause, OtherCertificateError)), None)
