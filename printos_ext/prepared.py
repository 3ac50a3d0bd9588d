"""Requests that cost little: what is the same in every request of a client is prepared once. No I/O."""

import json
from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

import httpx

from .auth import origin
from .http1 import beginning


class Lines(dict[str, str]):
    """The headers of a prepared request: lower case, each once."""

    @property
    def raw(self) -> list[tuple[bytes, bytes]]:
        """The headers as they are sent."""
        return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self.items()]


class PreparedRequest(httpx.Request):
    """A request that is complete on the wire, and an `httpx.Request` to whoever looks at it: mostly nobody does."""

    origin: tuple[str, str, int | None]

    def __init__(self, method: str, base: httpx.URL, target: bytes, headers: Lines, content: bytes) -> None:
        """Take what is known; the URL is put together when it is asked for."""
        self.method, self.extensions = method, {}
        self.target, self._base = target, base
        self.headers = headers  # type: ignore[assignment]  # as much of it as is needed here
        self._body = content

    @cached_property
    def url(self) -> httpx.URL:  # type: ignore[override]
        """Where it goes."""
        return self._base.copy_with(raw_path=self.target)

    @property
    def stream(self) -> httpx.ByteStream:  # type: ignore[override]
        """The body, as httpx's wire takes it."""
        return httpx.ByteStream(self._body)

    @property
    def content(self) -> bytes:
        """The body."""
        return self._body

    def message(self) -> bytes:
        """Return it as it is on the wire."""
        lines = "".join([f"{name}: {value}\r\n" for name, value in self.headers.items()])
        return b"%s %s HTTP/1.1\r\n%s\r\n%s" % (self.method.encode(), self.target, lines.encode("latin-1"), self._body)


class Preparation:
    """What the requests of a client have in common."""

    def __init__(self, http: httpx.Client | httpx.AsyncClient) -> None:
        """Take the server and the headers of an httpx client."""
        sample = http.build_request("GET", "")
        beginning(sample.method, sample.url.raw_path, sample.headers.raw)  # nothing in them can pass for another line
        self._base, self._origin = http.base_url, origin(http.base_url)
        self._path = http.base_url.raw_path.rstrip(b"/")
        self._headers = Lines(sample.headers.items())

    def request(
        self, *, method: str, url: str, json: Any = None, headers: Mapping[str, str] = MappingProxyType({})
    ) -> PreparedRequest:
        """Return a request from what a generated operation makes of its arguments."""
        lines, content = Lines(self._headers), b""
        if json is not None:
            content = encoded(json)
            lines["content-length"] = str(len(content))
        for name, value in headers.items():
            lines[name.lower()] = value
        request = PreparedRequest(method.upper(), self._base, self._path + url.encode("ascii"), lines, content)
        request.origin = self._origin
        return request


encoded_by = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def encoded(document: Any) -> bytes:
    """Return JSON as httpx writes it."""
    return encoded_by.encode(document).encode()
