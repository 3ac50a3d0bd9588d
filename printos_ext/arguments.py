"""What a caller hands in, checked where a mistake is certain and turned into the generated models. No I/O."""

import json
import logging
import math
import numbers
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from printos_client.models import DeviceProvisionRequest, DeviceStatusUpdate, DeviceStatusUpdateMetrics
from printos_client.types import UNSET, Unset

from .errors import InvalidArgumentError
from .states import DeviceState

LONGEST_ID = 512
PLAIN = 2**53  # an integer below it is sent as it is
NAMED_STATES = frozenset(DeviceState)

log = logging.getLogger("printos_ext")


def device_id(value: Any) -> str:
    """Return the id if it can stand in a path and name one device there."""
    text = _text("device_id", value)
    if text.strip() in {"", ".", ".."}:
        raise InvalidArgumentError(f"device_id {text!r} names no device")
    if len(text) > LONGEST_ID:
        raise InvalidArgumentError(f"device_id has {len(text):,} characters; no id has more than {LONGEST_ID}")
    return text


def provision_request(model: Any, serial_number: Any, location: Any) -> DeviceProvisionRequest:
    """Return the body of a provisioning; nobody but the caller knows a model and a serial number."""
    return DeviceProvisionRequest(
        model=filled("model", model),
        serial_number=filled("serial_number", serial_number),
        location=UNSET if location is None else _text("location", location),
    )


def status_update(status: Any, pages_total: Any, ink_level: Any, more: Mapping[str, Any]) -> DeviceStatusUpdate:
    """Return the body of a status update; a metric that is None is left out."""
    state = filled("status", status)
    if state not in NAMED_STATES:
        log.debug("the state %r is none of those that HP names; it is sent as it is", state)
    metrics = DeviceStatusUpdateMetrics(
        pages_total=_whole("pages_total", pages_total), ink_level=_number("ink_level", ink_level)
    )
    if not isinstance(more, Mapping):
        raise InvalidArgumentError(f"more_metrics must be a mapping, not {more!r}")
    for name, value in more.items():
        if value is not None:
            metrics[_text("a metric's name", name)] = _extra(name, value)
    return DeviceStatusUpdate(status=state, metrics=metrics if metrics.to_dict() else UNSET)


def concurrency(value: Any) -> int:
    """Return how many calls may be under way at once."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidArgumentError(f"concurrency must be a whole number from one, not {value!r}")
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidArgumentError(f"{name} must be text, not {value!r}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidArgumentError(f"{name} {value!r} holds half a character ({error.reason})") from None
    return str.__str__(value)  # an enum of texts is its text, whatever Python calls it


def filled(name: str, value: Any) -> str:
    """Return a text that says something."""
    text = _text(name, value)
    if not text.strip():
        raise InvalidArgumentError(f"{name} is empty")
    return text


def _number(name: str, value: Any) -> float | Unset:
    if type(value) is int and abs(value) < PLAIN:  # as most are; what follows takes a while
        return value
    if value is None:
        return UNSET
    if isinstance(value, bool) or not isinstance(value, numbers.Real | Decimal):
        raise InvalidArgumentError(f"{name} must be a number, not {value!r}")
    try:
        number = float(value)
    except (OverflowError, ValueError):
        number = math.inf
    if not math.isfinite(number):
        raise InvalidArgumentError(f"{name} must be a finite number, not a {type(value).__name__} that is none")
    return int(value) if isinstance(value, numbers.Integral) else number


def _whole(name: str, value: Any) -> int | Unset:
    number = _number(name, value)
    if isinstance(number, Unset):
        return number
    if number != int(number):
        raise InvalidArgumentError(f"{name} must be a whole number, not {value!r}")
    return int(value)


def _extra(name: str, value: Any) -> Any:
    """Return a metric that the contract does not name: any JSON."""
    if isinstance(value, float | Decimal):
        return _number(name, value)
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"{name} cannot be sent as JSON: {error}") from None
    return value
