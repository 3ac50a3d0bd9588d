"""Why it does not work: each link between this machine and PrintOS, tried in order, and what to do about a broken one.

One call is made, `listDevices`, without retries. Nothing that is found holds a secret.
"""

import datetime as dt
import os
import queue
import socket
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import httpx
from attrs import Factory, define, frozen

from .auth import now
from .client import PrintOS
from .errors import APIResponseValidationError, APIStatusError, AuthenticationError, ConfigurationError, PrintOSError
from .pools import certificates
from .profiles import DEFAULT_PROFILE
from .reports import SKEW_WORTH_TELLING, clock_offset, duration
from .settings import Setting, checked_url, chosen_profile, credentials, look_up, set_up_log

T = TypeVar("T")

SECONDS = 10.0
PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
# What each link hangs on: with that broken it cannot be tried.
LINKS: Mapping[str, tuple[str, ...]] = {
    "settings": (),
    "server": ("settings",),
    "credentials": ("settings",),
    "proxy": ("server",),
    "name": ("proxy",),
    "connection": ("name",),
    "certificate": ("connection",),
}
CALL = ("clock", "login", "devices")


@frozen
class Finding:
    """A link, how it is (None: not tried), what was found, what to do about it, and the error of a call."""

    check: str
    ok: bool | None
    found: str
    advice: str = ""
    error: PrintOSError | None = None


class BrokenError(Exception):
    """A link is broken: what was found, and what to do."""


def examine(*, profile: str | None = None, base_url: str | None = None, deadline: float = SECONDS) -> Iterator[Finding]:
    """Try each of `LINKS` and then a call; yield a finding for each of ten things as it is known."""
    examination = Examination(profile, base_url, deadline)
    sound: set[str] = set()
    for link, needed in LINKS.items():
        if not sound.issuperset(needed):
            yield Finding(link, ok=None, found=f"not tried without {needed[0]}")
            continue
        try:
            yield Finding(link, ok=True, found=getattr(examination, link)())
        except BrokenError as broken:
            yield Finding(link, ok=False, found=broken.args[0], advice=broken.args[1])
        else:
            sound.add(link)
    missing = next((link for link in LINKS if link not in sound), None)
    if missing is None:
        yield from examination.call()
    else:
        yield from (Finding(check, ok=None, found=f"not tried without {missing}") for check in CALL)


@define
class Examination:
    """What is known so far. Each method tries one link, and returns what it found or raises `BrokenError`."""

    profile: str | None
    base_url: str | None
    deadline: float
    found: dict[str, Setting] = Factory(dict)
    url: httpx.URL = Factory(httpx.URL)
    through: httpx.URL | None = None
    connected: socket.socket | None = None

    def settings(self) -> str:
        """Read the file and the environment."""
        file, chosen = chosen_profile(self.profile)
        try:
            self.found = look_up({"base_url": self.base_url}, profile=self.profile)
            set_up_log(os.environ.get("PRINTOS_LOG"))
        except ConfigurationError as error:
            raise BrokenError(str(error), "correct it there") from None
        return f"{file} [{chosen or DEFAULT_PROFILE}]" if file.exists() else f"the environment; there is no {file}"

    def server(self) -> str:
        """Look at the base URL."""
        try:
            self.url = checked_url(str(self.found["base_url"].value))
        except ConfigurationError as error:
            raise BrokenError(str(error), f"it is from {self.found['base_url'].origin}: correct it there") from None
        return f"{self.url} ({self.found['base_url'].origin})"

    def credentials(self) -> str:
        """Look for key and secret."""
        try:
            credentials(self.found, profile=self.profile)
        except ConfigurationError as error:
            raise BrokenError(str(error), "make a key in PrintOS, and store it: printos config login") from None
        return f"key from {self.found['key'].origin}, secret from {self.found['secret'].origin}"

    def proxy(self) -> str:
        """Ask the environment whether to go through one."""
        address = urllib.request.getproxies()
        named = address.get(self.url.scheme) or address.get("all")
        if not named or urllib.request.proxy_bypass(self.url.host):
            return "none"
        try:
            self.through = httpx.URL(named if "://" in named else f"http://{named}")
        except httpx.InvalidURL:
            self.through = httpx.URL()
        if (
            self.through.scheme not in PORTS or not self.through.host
        ):  # told without the address: it may hold a password
            raise BrokenError("no http:// address", f"correct {self.url.scheme}_proxy in the environment")
        return f"{self.through.scheme}://{self.through.netloc.decode()}"

    def name(self) -> str:
        """Resolve the name of the server, or of the proxy, which resolves the server's."""
        host, port = self._peer()
        try:
            found = _within(self.deadline, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise BrokenError(f"{host} has no address: {why}", "check its spelling, and this machine's DNS") from None
        return f"{host} is {', '.join(dict.fromkeys(str(address[4][0]) for address in found))}"

    def connection(self) -> str:
        """Connect."""
        host, port = self._peer()
        begun = time.monotonic()
        try:
            self.connected = socket.create_connection((host, port), self.deadline)
        except OSError as error:
            why = error.strerror or str(error)
            raise BrokenError(
                f"{host}:{port}: {why}", "is it the right port, and does a firewall let it out?"
            ) from None
        return f"{host}:{port} in {(time.monotonic() - begun) * 1000:.0f} ms"

    def certificate(self) -> str:
        """See whether the server is who it says, and trusted here."""
        assert self.connected  # noqa: S101 - the link before
        with self.connected:
            if self.url.scheme == "http":
                return "none: plain http, which others on the way can read"
            if self.through:
                return "not looked at here: the call below goes through the proxy"
            try:
                trusted = certificates()
            except (OSError, ValueError) as error:
                raise BrokenError(f"no certificates to trust: {error}", "correct SSL_CERT_FILE, SSL_CERT_DIR") from None
            try:
                with trusted.wrap_socket(self.connected, server_hostname=self.url.host) as secured:
                    ends = ssl.cert_time_to_seconds(str((secured.getpeercert() or {})["notAfter"]))
                    return f"trusted, {secured.version()}, ends in {(ends - time.time()) / 86_400:.0f} days"
            except ssl.SSLCertVerificationError as error:
                raise BrokenError(
                    f"not to be trusted: {error.verify_message}",
                    "if an authority of your own signed it, name its certificate in SSL_CERT_FILE",
                ) from None
            except (OSError, ValueError) as error:
                raise BrokenError(f"no TLS: {error}", "is it the right port, and https?") from None

    def call(self) -> Iterator[Finding]:
        """List the devices once; the answer says three things."""
        error: PrintOSError | None = None
        headers: Mapping[str, str] = {}
        listed = 0
        try:
            options: dict[str, Any] = {"profile": self.profile, "base_url": self.base_url}
            with PrintOS(**options, deadline=self.deadline, max_retries=0) as printos:
                answer = printos.devices.with_raw_response.list()
            headers, listed = answer.headers, len(answer.parsed)
        except (APIStatusError, APIResponseValidationError) as refusal:
            error, headers = refusal, refusal.response.headers
        except PrintOSError as failure:
            error = failure
        yield _clock(headers)
        if isinstance(error, AuthenticationError):
            yield _failed("login", error, "if the clock is right, make a new key in PrintOS: printos config login")
            yield Finding("devices", ok=None, found="not listed without login")
            return
        answered = bool(headers) and not isinstance(error, APIStatusError)
        yield Finding("login", ok=answered or None, found="taken" if answered else "not known")
        if error is None:
            yield Finding("devices", ok=True, found=f"{listed} listed")
        else:
            yield _failed("devices", error, "the lines above say more, or the server is in trouble")

    def _peer(self) -> tuple[str, int]:
        url = self.through or self.url
        return url.host, url.port or PORTS[url.scheme]


def _clock(headers: Mapping[str, str]) -> Finding:
    offset = clock_offset(headers, now())
    if offset is None:
        return Finding("clock", ok=None, found="not compared: there is no answer with a date")
    side = "ahead of" if offset > dt.timedelta() else "behind"
    told = f"{duration(abs(offset))} {side} the server's"
    if abs(offset) < SKEW_WORTH_TELLING:
        return Finding("clock", ok=True, found=told if abs(offset) >= dt.timedelta(seconds=2) else "as the server's")
    advice = "set it: signatures hold for minutes (timedatectl set-ntp true)"
    return Finding("clock", ok=False, found=told, advice=advice)


def _failed(check: str, error: PrintOSError, advice: str) -> Finding:
    return Finding(check, ok=False, found=str(error), advice=advice, error=error)


def _within(seconds: float, look: Callable[[], T]) -> T:
    """Leave a look-up that takes too long; no system has a time limit for it."""
    done: queue.Queue[Callable[[], T]] = queue.Queue()

    def work() -> None:
        try:
            result = look()
        except Exception as error:  # noqa: BLE001 - it is raised where it was asked for
            failure = error

            def fail() -> T:
                raise failure

            done.put(fail)
        else:
            done.put(lambda: result)

    threading.Thread(target=work, daemon=True).start()
    try:
        return done.get(timeout=seconds)()
    except queue.Empty:
        raise OSError(f"no answer within {seconds:.3g} s") from None
