"""OpenTelemetry: the instrumentations of requests and urllib3 see each attempt once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

import pytest
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from ecr_client import ClientConfiguration, Credentials, ECRClient, RetryPolicy

DOWN: tuple[int, dict[str, str], bytes] = (503, {}, b"{}")
FINE: tuple[int, dict[str, str], bytes] = (200, {}, b'{"registryId": "210987654321"}')

Instrumented = Callable[[], AbstractContextManager[None]]


class Seen(NamedTuple):
    """The relevant content of a span."""

    kind: SpanKind
    method: str
    url: str
    status: int


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    """Return an exporter that keeps the spans."""
    return InMemorySpanExporter()


@pytest.fixture(
    params=[
        [RequestsInstrumentor],
        [URLLib3Instrumentor],
        [RequestsInstrumentor, URLLib3Instrumentor],
    ],
    ids=["requests", "urllib3", "both"],
)
def instrumented(request: pytest.FixtureRequest, exporter: InMemorySpanExporter) -> Instrumented:
    """Return a context manager in which requests, urllib3 or both are instrumented."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    @contextmanager
    def instrument() -> Iterator[None]:
        for instrumentor in request.param:
            instrumentor().instrument(tracer_provider=provider)
        try:
            yield
        finally:
            for instrumentor in reversed(request.param):
                instrumentor().uninstrument()

    return instrument


@pytest.fixture
def make(server: Any, credentials: Credentials) -> Callable[[], ECRClient]:
    """Return a function that makes a client that retries without a delay."""
    config = ClientConfiguration(retry=RetryPolicy(max_attempts=2, base_delay=0))
    return lambda: ECRClient(
        region="eu-west-1", endpoint=server.url, credentials=credentials, config=config
    )


def seen(exporter: InMemorySpanExporter) -> list[Seen]:
    """Return the content of the spans, by the older or the newer names of attributes."""
    found = []
    for span in exporter.get_finished_spans():
        attributes: Any = span.attributes

        def get(new: str, old: str, of: Any = attributes) -> Any:
            return of[new] if new in of else of[old]

        found.append(
            Seen(
                span.kind,
                get("http.request.method", "http.method"),
                get("url.full", "http.url"),
                get("http.response.status_code", "http.status_code"),
            )
        )
    return found


def expected(server: Any, *statuses: int) -> list[Seen]:
    return [Seen(SpanKind.CLIENT, "POST", f"{server.url}/", status) for status in statuses]


def test_attempts(
    instrumented: Instrumented,
    make: Callable[[], ECRClient],
    server: Any,
    exporter: InMemorySpanExporter,
) -> None:
    """A retried call has a span for each attempt, which is propagated to the server."""
    server.responses = [DOWN, FINE]
    with instrumented(), make() as client:
        client.describe_registry()

    assert seen(exporter) == expected(server, 503, 200)
    parents = [each.headers["traceparent"].split("-")[2] for each in server.requests]
    spans: list[Any] = list(exporter.get_finished_spans())
    assert parents == [f"{span.context.span_id:016x}" for span in spans]


def test_used_clients(
    instrumented: Instrumented,
    make: Callable[[], ECRClient],
    server: Any,
    exporter: InMemorySpanExporter,
) -> None:
    """A client with an idle connection is instrumented, and no longer afterwards."""
    server.responses = [FINE]
    with make() as client:
        client.describe_registry()
        with instrumented():
            client.describe_registry()
        client.describe_registry()

    assert len(server.requests) == 3
    assert seen(exporter) == expected(server, 200)
    assert ["traceparent" in each.headers for each in server.requests] == [False, True, False]


def test_broken_connections(
    instrumented: Instrumented,
    make: Callable[[], ECRClient],
    server: Any,
    exporter: InMemorySpanExporter,
) -> None:
    """An attempt without a response has a span that is marked as failed."""
    server.responses = [b"", FINE]
    with instrumented(), make() as client:
        client.describe_registry()
    failed, fine = exporter.get_finished_spans()

    assert not failed.status.is_ok
    assert fine.status.is_ok
