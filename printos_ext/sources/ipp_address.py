"""Where an IPP printer is, as its URI (RFC 3510, RFC 7472) says. No I/O."""

import re
from typing import Self
from urllib.parse import parse_qs, urlsplit

import httpx
from attrs import frozen

from .certificates import fingerprint_in
from .reading import SourceError

PORT = 631
HOST = re.compile(r"[\w.:%-]+")
EXAMPLE = "ipp://host/ipp/print is one"


@frozen
class IppAddress:
    """The parts of an address; `path` is empty if it names none."""

    scheme: str
    host: str
    port: int
    path: str
    fingerprint: str | None

    @classmethod
    def of(cls, text: str) -> Self:
        """Read an address, or say what is wrong with it: `SourceError`."""
        shown = re.sub(r"//.*@", "//", text).partition("?")[0]  # neither a password nor what may be one
        try:
            parts = urlsplit(text)
            asked = parse_qs(parts.query, keep_blank_values=True)
            pins = asked.pop("fingerprint", [])
            path = "" if parts.path == "/" else parts.path
            host = parts.hostname or ""
            address = cls(parts.scheme, host, parts.port or PORT, path, fingerprint_in(pins[-1]) if pins else None)
            is_one = parts.scheme in {"ipp", "ipps"} and HOST.fullmatch(host) and address.url(path)
        except (ValueError, httpx.InvalidURL):
            is_one = None
        if not is_one:
            raise SourceError(f"{shown}: this is no address of an IPP printer: {EXAMPLE}")
        if "@" in parts.netloc:
            raise SourceError(f"{shown}: a printer is read without a password: take it out of its address")
        if asked:
            names = ", ".join(sorted(asked))
            raise SourceError(f"{shown}: nothing is known of {names}: only a fingerprint can be asked for")
        if pins and (address.fingerprint is None or parts.scheme == "ipp"):
            raise SourceError(f"{shown}: a fingerprint belongs to ipps:// and is a SHA-256: 64 hexadecimal digits")
        return address

    def uri(self, path: str) -> str:
        """Return the URI of a path there."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}{'' if self.port == PORT else f':{self.port}'}{path}"

    def url(self, path: str) -> httpx.URL:
        """Return what the URI of a path means for HTTP, which carries IPP."""
        return httpx.URL(
            scheme="https" if self.scheme == "ipps" else "http", host=self.host, port=self.port, path=path or "/"
        )
