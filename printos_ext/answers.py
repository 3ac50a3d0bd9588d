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

    parsed: Any = None  # the model that the contract promises
    fault: UnreadableError | None = None
    attempts: int = 1

    def with_fault(self, fault: UnreadableError) -> "Answer":
        """Say that the body cannot be read."""
        self.fault = fault
        return self

    def forget_session(self) -> None:
        """Keep no session token, which is nobody else's business."""
        self.headers.pop("set-cookie", None)

    def json(self, **options: Any) -> Any:
        """Return the document of what was read, where the contract promises a model."""
        return super().json(**options) if self.parsed is None else self.parsed.to_dict()


class Taken(Answer):
    """A success without a body, as most status updates get it: a response only as far as anybody looks."""

    content = b""

    def __init__(self, request: httpx.Request, status: int, headers: Headers, extensions: dict[str, Any]) -> None:
        self.request, self.status_code, self.extensions = request, status, extensions
        self._raw = headers

    @cached_property
    def headers(self) -> httpx.Headers:  # type: ignore[override]
        """The headers, put together when somebody asks."""
        return httpx.Headers([(name, value) for name, value in self._raw if name.lower() != b"set-cookie"])

    def forget_session(self) -> None:
        """Keep no session token: it is left out above."""


def complete(
    request: httpx.Request, status: int, headers: Headers, extensions: dict[str, Any], content: bytes
) -> Answer:
    """Return an answer whose body is complete and plain."""
    if not content and status in SUCCESSES and isinstance(request, PreparedRequest):
        return Taken(request, status, headers, extensions)
    made = Answer(status, content=content, request=request, extensions=extensions)
    made.headers = httpx.Headers([(name, value) for name, value in headers if name.lower() not in BODY_HEADERS])
    return made


def own(response: httpx.Response) -> Answer:
    """Return the answer that an httpx client over our transport hands on."""
    assert isinstance(response, Answer)  # noqa: S101 - it is the transport's own
    return response
