"""Devices of one's own that serve one JSON object: `http://…` and `https://…` are asked for it."""

import asyncio
import datetime as dt
from collections.abc import Callable

import httpx

from .objects import LONGEST, reading_from
from .reading import Reading, SourceError


class PolledSource:
    """A GET, within limits; redirects are not followed, and a certificate is verified."""

    def __init__(
        self,
        address: str,
        *,
        seconds: float = 10.0,
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        """Take the address; what stands before an @ in it is sent as user and password, and never shown."""
        try:
            self._url = httpx.URL(address)
        except httpx.InvalidURL:
            self._url = httpx.URL()
        if not self._url.host:  # told without the address, which may hold a password
            raise SourceError(f"{address.partition(':')[0]}: this is no address: one is http://host/path")
        self._seconds, self._clock = seconds, clock

    @property
    def address(self) -> str:
        """The URI, without user, password and query."""
        return str(self._url.copy_with(username=None, password=None, query=None))

    async def read(self) -> Reading:
        """Ask once."""
        try:
            async with asyncio.timeout(self._seconds):
                content = await self._content()
        except (TimeoutError, httpx.TimeoutException):
            raise SourceError(f"{self.address}: no whole answer within {self._seconds:g} s") from None
        except (httpx.HTTPError, OSError, ValueError) as error:
            raise SourceError(f"{self.address}: the connection failed: {error or type(error).__name__}") from None
        return reading_from(content, source=self.address, observed_at=self._clock())

    async def aclose(self) -> None:
        """Do nothing: no connection outlives a reading."""

    async def _content(self) -> bytes:
        body = bytearray()
        headers = {"accept": "application/json", "accept-encoding": "identity"}
        async with (
            httpx.AsyncClient(trust_env=False, timeout=self._seconds) as client,
            client.stream("GET", self._url, headers=headers) as response,
        ):
            if response.status_code != httpx.codes.OK:
                raise SourceError(f"{self.address}: HTTP answers {response.status_code}, not 200")
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > LONGEST:
                    raise SourceError(f"{self.address}: the answer is larger than {LONGEST:,} bytes")
        return bytes(body)
