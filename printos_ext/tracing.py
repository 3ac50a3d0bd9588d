"""OpenTelemetry spans, where OpenTelemetry is installed (`printos-device[otel]`); nothing at all where it is not."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.util import find_spec
from typing import Any

import httpx

Ended = Callable[[int, int], None]
Spans = Callable[[httpx.Request], AbstractContextManager[Ended]]


def spans() -> Spans:
    """Return what wraps each call; it hands out a function that takes the status and the number of attempts."""
    if find_spec("opentelemetry") is None:
        nothing = nullcontext[Ended](lambda _status, _attempts: None)
        return lambda _request: nothing

    import opentelemetry.trace as trace  # noqa: PLC0415, PLR0402 - optional; mypy does not see it the other way

    tracer = trace.get_tracer("printos_ext")
    nobody = nullcontext[Ended](lambda _status, _attempts: None)

    def span(request: httpx.Request) -> AbstractContextManager[Ended]:
        """Span nothing while nobody has said where spans go: that would cost more than the rest of a call."""
        is_heard = not (
            isinstance(tracer, trace.ProxyTracer) and isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
        )
        return heard(request) if is_heard else nobody

    @contextmanager
    def heard(request: httpx.Request) -> Iterator[Ended]:
        attributes: dict[str, Any] = {
            "http.request.method": request.method,
            "server.address": request.url.host,
            "url.full": str(request.url),
        }
        with tracer.start_as_current_span(
            f"{request.method} PrintOS", kind=trace.SpanKind.CLIENT, attributes=attributes
        ) as it:

            def ended(status: int, attempts: int) -> None:
                it.set_attribute("http.response.status_code", status)
                it.set_attribute("http.request.resend_count", attempts - 1)

            try:
                yield ended
            except Exception as error:
                it.set_attribute("error.type", type(error).__name__)
                ended(getattr(error, "status_code", 0), getattr(error, "attempts", 1))
                raise

    return span
