"""The agent's log: one line for each event, for people or as JSON. What may be secret is not in an event."""

import datetime as dt
import json
import logging
import os
import sys
from collections.abc import Mapping
from typing import Any, Literal

from attrs import define, field

from printos_ext.settings import set_up_log

log = logging.getLogger("printos_ext.agent")

LONGEST = 2000  # characters of a field
PAUSE = 60.0  # seconds between two lines of what is told sparingly

Level = Literal["debug", "info", "warning", "error"]


def event(name: str, /, *, level: Level = "info", trace: bool | BaseException = False, **fields: Any) -> None:
    """Log what happened, and to what; with `trace`, also where in the code."""
    fields = {key: _cut(value) for key, value in fields.items() if value is not None}
    number = logging.getLevelNamesMapping()[level.upper()]
    if log.isEnabledFor(number):
        log.log(number, name, extra={"fields": fields}, exc_info=trace)


@define
class Sparing:
    """An event that may come for thousands of devices at once: a line a minute, with how many `more` there were."""

    name: str
    level: Level
    _until: float = field(init=False, default=float("-inf"))
    _more: int = field(init=False, default=0)

    def event(self, now: float, /, **fields: Any) -> None:
        """Log what happened, by a monotonic clock, or count it for the next line."""
        if now < self._until:
            self._more += 1
            return
        event(self.name, level=self.level, **fields, more=self._more or None)
        self._until, self._more = now + PAUSE, 0


class Lines(logging.Formatter):
    """A line for people: time, level, event, and the fields as name=value."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        told = {"time": _time(record), "level": record.levelname.lower(), "event": record.getMessage(), **_more(record)}
        time, level, name = (told.pop(key) for key in ("time", "level", "event"))
        fields = "".join(f" {key}={_shown(value)}" for key, value in told.items())
        return f"{time} {level} {_plain(str(name))}{fields}"


class JsonLines(logging.Formatter):
    """A line of JSON: `time`, `level`, `event`, and the fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        told = {"time": _time(record), "level": record.levelname.lower(), "event": record.getMessage()}
        return json.dumps({**told, **_more(record)}, ensure_ascii=False, default=str)


def log_to_stderr(*, as_json: bool) -> None:
    """Write the log to stderr, of other packages their warnings; `PRINTOS_LOG` may ask for more of this one."""
    package, others = logging.getLogger("printos_ext"), logging.getLogger()
    written = logging.StreamHandler(sys.stderr)
    written.setFormatter(JsonLines() if as_json else Lines())
    package.handlers[:] = others.handlers[:] = [written]
    package.propagate = False
    package.setLevel(logging.INFO)
    logging.captureWarnings(capture=True)
    set_up_log(os.environ.get("PRINTOS_LOG"))


def _time(record: logging.LogRecord) -> str:
    return dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _more(record: logging.LogRecord) -> Mapping[str, Any]:
    """Return the fields of an event; of another's record who wrote it, and maybe an exception."""
    fields: dict[str, Any] = getattr(record, "fields", {"logger": record.name})
    if record.exc_info:
        return {**fields, "exception": logging.Formatter().formatException(record.exc_info)}
    return fields


def _cut(value: Any) -> Any:
    """Return what a line has room for."""
    return f"{value[:LONGEST]}…" if isinstance(value, str) and len(value) > LONGEST else value


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    is_plain = text and text.isprintable() and not set(text) & set(' "=')
    return text if is_plain else json.dumps(text, ensure_ascii=False)


def _plain(text: str) -> str:
    return " ".join(text.splitlines())
