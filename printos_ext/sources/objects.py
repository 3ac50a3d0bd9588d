"""One JSON object of a device of one's own, and the reading that it is. No I/O.

    {"model": "Folder 3000", "serial_number": "F-17", "status": "DS_PRINTING", "pages_total": 4711, "ink_level": 42.5}

All keys are optional, null is absent, and pagesTotal is pages_total: the names of `Reading` and those of HP's document
are taken. `observed_at` is an ISO 8601 time; any other key becomes a detail.
"""

import datetime as dt
import json
import math
import re
from collections.abc import Callable
from typing import Any

from .reading import FIELDS, Ignored, Origin, Reading, SourceError
from .texts import only_holds_a_place

LONGEST = 1_000_000
LONGEST_TEXT = 1024
LARGEST_COUNT = 2**63


def reading_from(content: bytes, *, source: str, observed_at: dt.datetime) -> Reading:
    """Read one object, or say what is wrong with it: `SourceError`."""
    try:
        document = json.loads(content, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        why = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise SourceError(f"{source}: this is no JSON: {why}") from None
    if not isinstance(document, dict):
        raise SourceError(f"{source}: one JSON object describes a device, not {_shown(document)}")
    values: dict[str, Any] = {}
    origins: dict[str, Origin] = {}
    details: dict[str, Any] = {}
    ignored: list[Ignored] = []
    for key, value in document.items():
        name = re.sub(r"(?<=[a-z])([A-Z])", r"_\1", key).lower()
        if value is None:
            continue
        if name == "details" and isinstance(value, dict):
            details.update(value)
        elif name not in CHECKS:
            details[key] = value
        else:
            try:
                values[name] = CHECKS[name](value)
            except (ValueError, OverflowError) as error:
                raise SourceError(f"{source}: {key} must be {error}, not {_shown(value)}") from None
            if values[name] == "" or (name == "serial_number" and only_holds_a_place(values[name])):
                ignored.append(Ignored(source, key, f"{values.pop(name)!r} only holds its place"))
            elif name in FIELDS:
                origins[name] = Origin(source, key)
    return Reading(**{"observed_at": observed_at, **values}, details=details, origins=origins, ignored=tuple(ignored))


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number")


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.isprintable() or len(value) > LONGEST_TEXT:
        raise ValueError("a line of text")
    return value.strip()


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < LARGEST_COUNT:
        raise ValueError("a whole number from zero")
    return value


def _percent(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100 or math.isnan(value):  # noqa: PLR2004 - a percent
        raise ValueError("a percent, from 0 to 100")
    return float(value)


def _time(value: Any) -> dt.datetime:
    try:
        time = dt.datetime.fromisoformat(_text(value))
        return (time if time.tzinfo else time.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    except ValueError:
        raise ValueError("a time, as 2026-01-02T03:04:05Z") from None


CHECKS: dict[str, Callable[[Any], Any]] = {
    "model": _text,
    "serial_number": _text,
    "location": _text,
    "status": _text,
    "pages_total": _count,
    "ink_level": _percent,
    "observed_at": _time,
}


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"  # noqa: PLR2004 - as much as a line takes
