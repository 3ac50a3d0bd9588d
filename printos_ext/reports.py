"""From what went wrong to the error that tells it: what happened, to what, and what to do; never a secret. No I/O."""

import datetime as dt
import errno
import html
import re
import socket
import ssl
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx

from .decoding import UnreadableError
from .errors import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    RateLimitError,
    error_for,
    parsed_or_text,
)
from .retries import causes, retry_after

SECRET_HEADERS = {
    "authorization",
    "cookie",
    "indigo-sms-auth-token",
    "proxy-authorization",
    "set-cookie",
    "x-hp-hmac-authentication",
}
REDACTED = "REDACTED"
SKEW_WORTH_TELLING = dt.timedelta(minutes=2)
LONGEST_QUOTE = 300
SHORTEST_SECRET = 6  # a shorter one is no secret, and would riddle what the server said


def no_answer(
    request: httpx.Request, error: httpx.TransportError, *, attempts: int, seconds: float, secrets: Iterable[bytes]
) -> APIConnectionError:
    """Tell why there was no answer."""
    kind = APITimeoutError if isinstance(error, httpx.TimeoutException) else APIConnectionError
    shown = without_secrets(request, secrets)
    error.request = shown  # the cause is shown in tracebacks as well
    told = kind(
        f"{_name(request)}: {_why(error, request)}{_effort(attempts, seconds)}", request=shown, attempts=attempts
    )
    told.__cause__ = error
    return told


def refusal(
    response: httpx.Response, *, attempts: int, seconds: float, now: dt.datetime, secrets: Iterable[bytes]
) -> APIStatusError:
    """Tell what the server answered instead of yes."""
    shown = scrubbed(response, secrets)
    effort = _effort(attempts, seconds)
    message = f"{_name(response.request)}: {response.status_code} {_reason(response)}{effort}{_said(shown)}"
    if response.has_redirect_location:
        message += f"; it points to {shown.headers['location']}, and redirects are not followed: is the base URL right?"
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        message += _skew(response.headers, now)
    return error_for(response.status_code)(
        message, response=shown, attempts=attempts, retry_after=retry_after(response, now)
    )


def unreadable(
    response: httpx.Response, fault: UnreadableError, *, attempts: int, secrets: Iterable[bytes]
) -> APIResponseValidationError:
    """Tell where a good answer cannot be read."""
    told = _scrub(str(fault).encode("utf-8", "backslashreplace"), secrets).decode()
    message = f"{_name(response.request)}: {response.status_code} {_reason(response)}, but {told}"
    return APIResponseValidationError(message, response=scrubbed(response, secrets), attempts=attempts, path=fault.path)


def still_paused(
    request: httpx.Request, response: httpx.Response, *, seconds: float, secrets: Iterable[bytes]
) -> RateLimitError:
    """Tell that a call was not sent, because the server asked an earlier one for a pause that outlasts it."""
    message = f"{_name(request)}: not sent: the server asked for a pause (429), of which {seconds:.1f} s are left"
    return RateLimitError(message, response=scrubbed(response, secrets), attempts=0, retry_after=seconds)


def without_secrets(request: httpx.Request, secrets: Iterable[bytes]) -> httpx.Request:
    """Return a copy of a request that may be shown, kept and pickled."""
    content = b"" if "secret_body" in request.extensions else _scrub(request.content, secrets)
    return httpx.Request(request.method, request.url, headers=_shown_headers(request.headers, secrets), content=content)


def scrubbed(response: httpx.Response, secrets: Iterable[bytes]) -> httpx.Response:
    """Return a copy of a response that may be shown, kept and pickled, though the server may echo what it was sent."""
    return httpx.Response(
        response.status_code,
        headers=_shown_headers(response.headers, secrets),
        content=_scrub(response.content, secrets),
        request=without_secrets(response.request, secrets),
        extensions=response.extensions,
    )


def _shown_headers(headers: httpx.Headers, secrets: Iterable[bytes]) -> httpx.Headers:
    return httpx.Headers(
        [
            (name, REDACTED.encode() if name.lower().decode("latin-1") in SECRET_HEADERS else _scrub(value, secrets))
            for name, value in headers.raw
        ]
    )


def _scrub(content: bytes, secrets: Iterable[bytes]) -> bytes:
    for secret in secrets:
        if len(secret) >= SHORTEST_SECRET:
            content = content.replace(secret, REDACTED.encode())
    return content


def _name(request: httpx.Request) -> str:
    return f"{request.method} {request.url}"


def _reason(response: httpx.Response) -> str:
    return response.reason_phrase or "(a status without a name)"


def _effort(attempts: int, seconds: float) -> str:
    return f" after {attempts} attempt{'s' * (attempts != 1)} in {seconds:.1f} s"


def _said(response: httpx.Response) -> str:
    """Quote what the server gives as its reason, in one line that cannot pass for another one."""
    body = parsed_or_text(response)
    if isinstance(body, dict):
        words = [
            str(body[name]) for name in ("title", "detail", "message", "error", "error_description") if body.get(name)
        ]
        body = "; ".join(words) or body
    elif isinstance(body, str) and "html" in response.headers.get("content-type", ""):
        body = html.unescape(re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", body, flags=re.DOTALL | re.IGNORECASE))
    text = " ".join("".join(c if c.isprintable() else " " for c in str(body)).split())
    return f": {text[:LONGEST_QUOTE]}{'…' * (len(text) > LONGEST_QUOTE)}" if text else ""


def clock_offset(headers: Mapping[str, str], now: dt.datetime) -> dt.timedelta | None:
    """Return how far this machine's clock is ahead of the server's, if the server says what time it is."""
    try:
        theirs = parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, OverflowError):
        return None
    return now - (theirs if theirs.tzinfo else theirs.replace(tzinfo=dt.UTC))


def _skew(headers: httpx.Headers, now: dt.datetime) -> str:
    """Tell that a clock is so far off that signatures do not hold."""
    off = clock_offset(headers, now)
    if off is None or abs(off) < SKEW_WORTH_TELLING:
        return ""
    side = "ahead of" if off > dt.timedelta() else "behind"
    return f"; this machine's clock is {duration(abs(off))} {side} the server's"


def duration(span: dt.timedelta) -> str:
    """Return a span as people say it."""
    minutes, seconds = divmod(round(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")]
    return " ".join([f"{number} {unit}" for number, unit in parts if number][:2])


def _why(error: httpx.TransportError, request: httpx.Request) -> str:
    """Say in plain words why there was no answer."""
    peer = f"{request.url.host}:{request.url.port or {'http': 80, 'https': 443}.get(request.url.scheme, '?')}"
    for cause in causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            why = getattr(cause, "verify_message", cause)  # aiohttp's own error has none
            return f"the certificate of {peer} is not to be trusted: {why}"
        if isinstance(cause, socket.gaierror):
            return f"the name {request.url.host!r} cannot be resolved: {cause.strerror}"
        if isinstance(cause, OSError) and cause.errno == errno.ECONNREFUSED:
            return f"connection refused by {peer}"
        if isinstance(cause, OSError) and cause.errno == errno.ECONNRESET:
            return f"connection reset by {peer}"
    timeout = request.extensions.get("timeout", {})
    for kind, name, words in (
        (httpx.ConnectTimeout, "connect", f"no connection to {peer}"),
        (httpx.ReadTimeout, "read", f"no answer from {peer}"),
        (httpx.WriteTimeout, "write", f"{peer} did not take the request"),
        (httpx.PoolTimeout, "pool", "no connection became free"),
    ):
        if isinstance(error, kind):
            return f"{words} within {timeout.get(name) or 0:.3g} s"
    return f"no answer from {peer}: {error or type(error).__name__}"
