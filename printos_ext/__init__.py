"""Attach presses, printers and finishers to HP PrintOS: the SDK around the generated client, `printos_client`.

In the order to read them: errors, states, arguments, decoding, auth, settings, retries, reports, http1, connection,
wire, network, over_aiohttp, tracing, prepared, pools, answers, exchange, transport, flows, fleets, devices, client,
api. A name is imported from its module when it is first used: the package itself costs little.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from .auth import HmacAuth, SessionAuth
    from .client import AsyncPrintOS, PrintOS
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
    from .flows import RawResponse, StatusResult, StatusUpdate
    from .pools import aiohttp_client
    from .states import DeviceState

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
    "RawResponse": "flows",
    "SessionAuth": "auth",
    "StatusResult": "flows",
    "StatusUpdate": "flows",
    "aiohttp_client": "pools",
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
