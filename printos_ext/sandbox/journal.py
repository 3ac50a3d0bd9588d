"""What was asked and answered, the last of it, without secrets: for people who look, and for tests that ask."""

import json
import re
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from attrs import define

LONGEST_BODY = 4096
REDACTED = "REDACTED"
SECRET_NAMES = re.compile(
    r"authori[sz]ation|cookie|authentication|signature|login|passw|pwd|secret|credential|token|api[-_]?key",
    re.IGNORECASE,
)
# In a text, such as a refusal that repeats what it refuses: a name, and something after it.
SECRET_TEXTS = re.compile(rf"(?:{SECRET_NAMES.pattern})[\w-]*[\\\"']*\s*[:=]", re.IGNORECASE)


@define
class Entry:
    """One request and its answer, as they were; only `told` is for others to see."""

    time: str
    method: str
    path: str
    query: str
    request_headers: Mapping[str, str]
    number: int = 0
    request_body: bytes = b""
    operation: str | None = None
    device: str | None = None
    status: int | None = None
    answer_headers: Mapping[str, str] | None = None
    answer_body: bytes = b""
    milliseconds: float = 0.0
    fault: str | None = None

    def told(self) -> dict[str, Any]:
        """Return it for JSON, without secrets."""
        return {
            **self.in_brief(),
            "request": {"headers": _headers(self.request_headers), "body": _body(self.request_body)},
            "response": {"headers": _headers(self.answer_headers or {}), "body": _body(self.answer_body)},
        }

    def in_brief(self) -> dict[str, Any]:
        """Return the line of it."""
        names = ("number", "time", "method", "path", "operation", "device", "status", "milliseconds", "fault")
        query = "&".join(_parameter(part) for part in self.query.split("&")) if self.query else ""
        return {**{name: getattr(self, name) for name in names}, "query": query}


class Journal:
    """The last entries; none if there is no room for any."""

    def __init__(self, room: int) -> None:
        """Begin without an entry."""
        self._entries: deque[Entry] = deque(maxlen=room)
        self.number = 0
        self.beginnings = 0

    def begin(self, entry: Entry) -> None:
        """Give an entry its number: when its call ends, so that what is new has the highest numbers."""
        self.number += 1
        entry.number = self.number

    def add(self, entry: Entry) -> None:
        """Write an entry down, in place of the oldest if there is no room."""
        entry.request_body = entry.request_body[: LONGEST_BODY + 1]
        entry.answer_body = entry.answer_body[: LONGEST_BODY + 1]
        self._entries.append(entry)

    def since(self, number: int) -> Iterator[Entry]:
        """Yield what came after an entry."""
        return (entry for entry in list(self._entries) if entry.number > number)

    def clear(self) -> None:
        """Forget all entries, but not how many there were."""
        self._entries.clear()
        self.beginnings += 1


def _headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: REDACTED if SECRET_NAMES.search(name) else value for name, value in headers.items()}


def _parameter(text: str) -> str:
    name, equals, _ = text.partition("=")
    return f"{name}={REDACTED}" if equals and SECRET_NAMES.search(unquote(name)) else text


def _body(body: bytes) -> Any:
    """Return a body of JSON; of any other nobody knows where a secret stands."""
    if len(body) > LONGEST_BODY:
        return f"(more than {LONGEST_BODY:,} bytes)"
    try:
        return without_secrets(json.loads(body.decode())) if body else None
    except (ValueError, RecursionError):
        return f"({len(body):,} bytes that are no JSON)"


def without_secrets(value: Any) -> Any:
    """Return a document that can be shown."""
    if isinstance(value, dict):
        return {
            name: REDACTED if SECRET_NAMES.search(name) else without_secrets(field) for name, field in value.items()
        }
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    return REDACTED if isinstance(value, str) and SECRET_TEXTS.search(value) else value
