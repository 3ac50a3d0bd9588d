"""Whether a call is tried again, and when. Decisions only: no I/O, no sleeping, no clock of its own."""

import datetime as dt
import random
import ssl
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from email.utils import parsedate_to_datetime

import httpx

from .errors import SERVER_ERRORS

REPEATABLE = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"}
FIRST_WAIT, LONGEST_WAIT = 0.5, 8.0
LONGEST_RETRY_AFTER = 60.0
# Whatever fails like this never put a byte of the request on a connection.
NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

# When the call that a thread or task works for must end, by the monotonic clock; for the sockets below httpx.
DEADLINE: ContextVar[float | None] = ContextVar("printos_deadline", default=None)
# The same for a method that makes several calls.
METHOD_ENDS: ContextVar[float] = ContextVar("printos_method_ends", default=float("inf"))

Outcome = httpx.Response | httpx.TransportError


def decide(
    method: str, outcome: Outcome, attempt: int, *, max_retries: int, now: dt.datetime, jitter: Callable[[], float]
) -> float | None:
    """Return the seconds after which to try again after this outcome of this attempt; None is the end.

    A request that may have arrived is repeated only if it means the same twice (not POST), unless the server itself
    says when to come back (429 or 503 with Retry-After): then it did nothing.
    """
    if attempt > max_retries:
        return None
    wait = jitter() * min(LONGEST_WAIT, FIRST_WAIT * 2 ** (attempt - 1))
    if isinstance(outcome, httpx.Response):
        asked = retry_after(outcome, now) if outcome.status_code in {429, 503} else None
        if asked is not None:
            return asked if asked <= LONGEST_RETRY_AFTER else None
        return wait if method in REPEATABLE and _is_passing(outcome.status_code) else None
    if is_untrusted(outcome) or isinstance(outcome, httpx.LocalProtocolError | httpx.UnsupportedProtocol):
        return None
    return wait if method in REPEATABLE or isinstance(outcome, NEVER_LEFT) else None


def retry_after(response: httpx.Response, now: dt.datetime) -> float | None:
    """Return the seconds that a server asks to wait: in milliseconds, in seconds, or until a date."""
    headers = response.headers
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) / unit
        except ValueError:
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    try:
        date = parsedate_to_datetime(headers.get("retry-after", ""))
    except (ValueError, OverflowError):
        return None
    return max(0.0, ((date if date.tzinfo else date.replace(tzinfo=dt.UTC)) - now).total_seconds())


def is_untrusted(error: BaseException) -> bool:
    """Tell whether a connection failed because of a certificate: another attempt meets the same one."""
    return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes(error))


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Walk from an error to what caused it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_passing(status_code: int) -> bool:
    return status_code in {408, 425, 429} or status_code >= SERVER_ERRORS


class Restraint:
    """What the calls of one client share, so that a server in trouble is not hammered. Safe to use from threads.

    Each retry takes a tenth of a budget and each success gives a fifth of that back: with a server that is down, calls
    soon fail after their first attempt. A server that asks for a pause gets it from all calls.
    """

    BUDGET = 50
    COST = 5
    REFUND = 1

    def __init__(self) -> None:
        """Begin with a full budget and no pause."""
        self._lock = threading.Lock()
        self._budget = self.BUDGET
        self._paused_until = 0.0
        self.paused_by: httpx.Response | None = None

    def allows_retry(self) -> bool:
        """Take one retry from the budget, if there is one."""
        with self._lock:
            if self._budget < self.COST:
                return False
            self._budget -= self.COST
            return True

    def succeeded(self) -> None:
        """Give a part of a retry back."""
        if self._budget < self.BUDGET:
            with self._lock:
                self._budget = min(self.BUDGET, self._budget + self.REFUND)

    def pause(self, until: float, response: httpx.Response) -> None:
        """Let no call go out before a moment of the monotonic clock."""
        with self._lock:
            if until > self._paused_until:
                self._paused_until, self.paused_by = until, response

    def seconds_paused(self, now: float) -> float:
        """Return how long a call has to wait before it goes out."""
        return max(0.0, self._paused_until - now)


def full_jitter() -> float:
    """Return a share of the longest wait: spread over all of it, so that clients do not come back together."""
    return random.random()  # noqa: S311 - no secret
