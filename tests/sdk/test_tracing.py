"""Spans of OpenTelemetry, where it is installed, and nothing where it is not."""

from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from server import in_turn, platform, respond, serving

from printos_ext import InternalServerError, PrintOS, tracing


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    yield exporter
    provider.shutdown()


def test_each_call_is_one_span_with_its_attempts(exported: InMemorySpanExporter) -> None:
    with serving(in_turn(respond(503), platform)) as server, PrintOS("k", "s", base_url=server.url) as printos:
        printos.devices.list()

    (span,) = exported.get_finished_spans()
    assert span.name == "GET PrintOS"
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        "http.request.resend_count": 1,
        "http.response.status_code": 200,
        "server.address": "127.0.0.1",
        "url.full": f"{server.url}/devices",
    }


def test_failed_call_names_its_error(exported: InMemorySpanExporter) -> None:
    with serving(respond(500)) as server, PrintOS("k", "s", base_url=server.url) as printos:
        with pytest.raises(InternalServerError):
            printos.devices.list()

    attributes = dict(exported.get_finished_spans()[0].attributes or {})
    assert attributes["error.type"] == "InternalServerError"
    assert (attributes["http.response.status_code"], attributes["http.request.resend_count"]) == (500, 2)


def test_nothing_happens_where_it_is_not_installed(
    exported: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "find_spec", lambda _: None)
    with serving() as server, PrintOS("k", "s", base_url=server.url) as printos:
        printos.devices.list()

    assert exported.get_finished_spans() == ()
