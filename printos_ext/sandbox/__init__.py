"""PrintOS on your own machine: a server that is made from the contract, for developing and testing against.

It imports neither the SDK nor the generated client: it is the other side of the wire, so that an error in the client
cannot hide behind the same error in the server. To be read in this order: problems, reading, schemas, contract, clock,
behaviours, store, access, operations, faults, journal, state, wire, app, control, page, serving, server.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .server import Sandbox

__all__ = ["Sandbox"]


def __getattr__(name: str) -> Any:
    """Import the server when it is first asked for, and say what is missing for it."""
    if name != "Sandbox":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from .server import Sandbox  # noqa: PLC0415 - it needs an extra, this package does not
    except ModuleNotFoundError as error:
        told = f"the sandbox needs {error.name}: pip install 'printos-device[sandbox]'"
        raise ModuleNotFoundError(told, name=error.name) from error
    return Sandbox
