"""Attach presses, printers and finishers to HP PrintOS: the SDK around the generated client, `printos_client`.

In the order to read them: errors, states, arguments, decoding, auth, settings, retries, reports, transport, devices,
client. A name is imported from its module when it is first used: importing the package costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from .auth import HmacAuth, SessionAuth
    from .client import AsyncPrintOS, PrintOS
    from .devices import RawResponse, StatusResult, StatusUpdate
    from .errors import (
        APIConnectionError,
        APIError,
        APIResponseValidationError,
        APIStatusError,
        APITimeoutError,
        AuthenticationError,
        BadRequestError,
        ConfigurationError,
        ConflictError,
        InternalServerError,
        InvalidArgumentError,
        NotFoundError,
        PermissionDeniedError,
        PrintOSError,
        RateLimitError,
        UnprocessableEntityError,
    )
    from .states import DeviceState
    from .transport import aiohttp_client

__all__ = [
    "APIConnectionError",
    "APIError",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "AsyncPrintOS",
    "AuthenticationError",
    "BadRequestError",
    "ConfigurationError",
    "ConflictError",
    "DeviceState",
    "HmacAuth",
    "InternalServerError",
    "InvalidArgumentError",
    "NotFoundError",
    "PermissionDeniedError",
    "PrintOS",
    "PrintOSError",
    "RateLimitError",
    "RawResponse",
    "SessionAuth",
    "StatusResult",
    "StatusUpdate",
    "UnprocessableEntityError",
    "__version__",
    "aiohttp_client",
]

_ELSEWHERE = {
    "AsyncPrintOS": "client",
    "DeviceState": "states",
    "HmacAuth": "auth",
    "PrintOS": "client",
    "RawResponse": "devices",
    "SessionAuth": "auth",
    "StatusResult": "devices",
    "StatusUpdate": "devices",
    "aiohttp_client": "transport",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its module; those not told apart are errors."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_ELSEWHERE.get(name, 'errors')}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, whether or not they have been used."""
    return sorted([*globals(), *__all__])
