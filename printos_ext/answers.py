"""Answers that were read within bounds, as httpx's responses. No I/O."""

from functools import cached_property
from typing import Any

import httpx

from .decoding import UnreadableError
from .http1 import Headers
from .prepared import PreparedRequest

# They describe the body as it came, not as it is handed on.
BODY_HEADERS = {b"content-encoding", b"content-length", b"transfer-encoding"}
SUCCESSES = range(200, 300)


class Answer(httpx.Response):
    """A response that was read within bounds; `json()` gives what the generated models take without fail."""

    document: Any = None
    fault: UnreadableError | None = None
    attempts: int = 1

    def with_fault(self, fault: UnreadableError) -> "Answer":
        """Say that the body cannot be read."""
        self.fault = fault
        return self

    def json(self, **options: Any) -> Any:
        """Return the checked document where the contract promises one."""
        return super().json(**options) if self.document is None else self.document


class Taken(Answer):
    """A success that says nothing more, as most status updates get it: a response only as far as anybody looks."""

    content = b""

    def __init__(self, request: httpx.Request, status: int, headers: Headers, extensions: dict[str, Any]) -> None:
        self.request, self.status_code, self.extensions = request, status, extensions
        self._raw = headers

    @cached_property
    def headers(self) -> httpx.Headers:  # type: ignore[override]
        """The headers, without a session token, which is nobody else's business."""
        return httpx.Headers([(name, value) for name, value in self._raw if name.lower() != b"set-cookie"])


def complete(
    request: httpx.Request, status: int, headers: Headers, extensions: dict[str, Any], content: bytes
) -> Answer:
    """Return an answer whose body is complete and plain."""
    if not content and status in SUCCESSES and isinstance(request, PreparedRequest):
        return Taken(request, status, headers, extensions)
    made = Answer(status, content=content, request=request, extensions=extensions)
    made.headers = httpx.Headers([(name, value) for name, value in headers if name.lower() not in BODY_HEADERS])
    return made
