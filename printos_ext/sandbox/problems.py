"""What the sandbox refuses, as RFC 9457 writes it: `application/problem+json` that says what was wrong, and where."""

import json
from collections.abc import Mapping
from http.client import responses
from typing import Any

MEDIA_TYPE = "application/problem+json"
PHRASES = {**responses, 413: "Content Too Large", 422: "Unprocessable Content"}  # as RFC 9110 has it, on any Python


class Problem(Exception):  # noqa: N818 - named as the RFC names it
    """A request that is not carried out."""

    def __init__(self, status: int, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> None:
        """Take the status, one sentence for people, and members for programs."""
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.more = more

    @property
    def body(self) -> bytes:
        """The document that is sent."""
        title = PHRASES.get(self.status, "Some other status")
        document = {"title": title, "status": self.status, "detail": self.detail, **self.more}
        return json.dumps(document).encode()
