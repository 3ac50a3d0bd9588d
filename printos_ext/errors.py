"""Everything that a call can raise. Nothing else escapes from a method of the clients.

PrintOSError
├── ConfigurationError                a setting is missing or wrong
├── InvalidArgumentError              an argument is certainly a mistake; nothing was sent (also a ValueError)
└── APIError                          a call failed
    ├── APIConnectionError            there was no answer
    │   └── APITimeoutError           there was none in time
    ├── APIStatusError                the answer says no: any status that is not 2xx
    │   ├── BadRequestError           400
    │   ├── AuthenticationError       401
    │   ├── PermissionDeniedError     403
    │   ├── NotFoundError             404, or no device of a list is the one looked for
    │   ├── ConflictError             409, or more than one device of a list is
    │   ├── UnprocessableEntityError  422
    │   ├── RateLimitError            429
    │   └── InternalServerError       5xx, whatever the number
    └── APIResponseValidationError    the answer says yes and cannot be read
"""

import copyreg
import json
from collections.abc import Mapping
from typing import Any

import httpx


class PrintOSError(Exception):
    """The root of all errors of this package."""


class ConfigurationError(PrintOSError):
    """A setting is missing or wrong; the message names it, where it was looked for, and an example."""


class InvalidArgumentError(PrintOSError, ValueError):
    """An argument is certainly a mistake; the message names it. Nothing was sent."""


class APIError(PrintOSError):
    """A call failed.

    Attributes:
        message: What happened, to what, and what to do.
        request: The request of the last attempt, without its secrets.
        attempts: How many requests were sent or tried.
    """

    def __init__(self, message: str, *, request: httpx.Request, attempts: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.request = request
        self.attempts = attempts

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by state: the constructors take keywords."""
        return copyreg.__newobj__, (type(self), self.message), self.__dict__  # type: ignore[attr-defined]  # not in typeshed


class APIConnectionError(APIError):
    """There was no answer: refused, reset, not resolved, not trusted. The cause is in `__cause__`."""


class APITimeoutError(APIConnectionError):
    """There was no answer within the time limits of an attempt or within the deadline of the call."""


class APIStatusError(APIError):
    """The answer says no.

    Attributes:
        status_code: The status of the answer.
        response: The answer, without its secrets.
        body: Its body, parsed if it is JSON, as text otherwise.
        request_id: What the server calls this exchange, if it says.
        retry_after: The seconds that the server asks to wait, if it says.
    """

    def __init__(
        self,
        message: str,
        *,
        response: httpx.Response,
        attempts: int = 1,
        status_code: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, request=response.request, attempts=attempts)
        self.response = response
        self.status_code = response.status_code if status_code is None else status_code
        self.body = parsed_or_text(response)
        self.request_id = request_id(response.headers)
        self.retry_after = retry_after


class BadRequestError(APIStatusError):
    """400: the server does not understand the request."""


class AuthenticationError(APIStatusError):
    """401: the credentials are missing, wrong or expired, or this machine's clock is."""


class PermissionDeniedError(APIStatusError):
    """403: the credentials are good, and not for this."""


class NotFoundError(APIStatusError):
    """404, or no device of the list is the one looked for (then `response` is the list)."""


class ConflictError(APIStatusError):
    """409, or more than one device of the list is the one looked for (then `response` is the list)."""


class UnprocessableEntityError(APIStatusError):
    """422: the server understands the request and refuses what it says."""


class RateLimitError(APIStatusError):
    """429: too many requests; `retry_after` says how long to wait, if the server did."""


class InternalServerError(APIStatusError):
    """5xx, whatever the number."""


class APIResponseValidationError(APIError):
    """The answer says yes and cannot be read.

    Attributes:
        response: The answer, without its secrets.
        body: Its body, parsed if it is JSON, as text otherwise.
        path: The place of the fault, such as `devices[17].registeredAt`; empty for the whole body.
        request_id: What the server calls this exchange, if it says.
    """

    def __init__(self, message: str, *, response: httpx.Response, attempts: int = 1, path: str = "") -> None:
        super().__init__(message, request=response.request, attempts=attempts)
        self.response = response
        self.status_code = response.status_code
        self.body = parsed_or_text(response)
        self.request_id = request_id(response.headers)
        self.path = path


SERVER_ERRORS = 500
BY_STATUS: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}


def error_for(status_code: int) -> type[APIStatusError]:
    """Return the error that stands for a status."""
    return BY_STATUS.get(status_code, InternalServerError if status_code >= SERVER_ERRORS else APIStatusError)


def parsed_or_text(response: httpx.Response) -> Any:
    """Return the body as JSON if it is, as text otherwise; a read of somebody else's bytes never fails."""
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        return response.content.decode("utf-8", "backslashreplace")


def request_id(headers: Mapping[str, str]) -> str | None:
    """Return what the server calls an exchange."""
    return next((headers[name] for name in ("x-request-id", "x-correlation-id", "request-id") if name in headers), None)
