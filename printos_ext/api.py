"""The generated client over a `PrintOS` client's connections. Nothing of what happens to a call."""

from typing import NoReturn, Self

import httpx
import printos_client
from attrs import define, field

from .errors import ConfigurationError

OPTIONS_ELSEWHERE = "PrintOS(http_client=…) takes headers and cookies, with_options takes limits"


@define
class Api(printos_client.Client):
    """The generated client over a `PrintOS` client's connections: pass it to generated functions as `client=`.

    Its calls are signed, repeated, limited and turned into typed errors like any other. It lives as long as the
    `PrintOS` client, and has its settings.
    """

    _http: httpx.Client | httpx.AsyncClient = field(kw_only=True, alias="http")

    def get_httpx_client(self) -> httpx.Client:
        """Return the client of blocking calls."""
        if not isinstance(self._http, httpx.Client):
            raise ConfigurationError("the api of an AsyncPrintOS client is for asyncio; else use PrintOS().api")
        return self._http

    def get_async_httpx_client(self) -> httpx.AsyncClient:
        """Return the client of awaited calls."""
        if not isinstance(self._http, httpx.AsyncClient):
            raise ConfigurationError("the api of a PrintOS client makes blocking calls; else use AsyncPrintOS().api")
        return self._http

    def _elsewhere(self, *_: object, **__: object) -> NoReturn:
        """Refuse: a changed copy would be another client, without signatures and limits."""
        raise ConfigurationError(f"the api of a client cannot be changed; {OPTIONS_ELSEWHERE}")

    with_headers = with_cookies = with_timeout = set_httpx_client = set_async_httpx_client = _elsewhere

    def __enter__(self) -> Self:
        """Do nothing: the connections belong to the `PrintOS` client."""
        return self

    def __exit__(self, *_: object, **__: object) -> None:
        """Do nothing."""

    async def __aenter__(self) -> Self:
        """Do nothing: the connections belong to the `AsyncPrintOS` client."""
        return self

    async def __aexit__(self, *_: object, **__: object) -> None:
        """Do nothing."""
